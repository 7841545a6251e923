/* The wire between front and hooks process, and the front's half of it with a
 * process that the test plays. */
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/cmocka_all.h"

#include "base/clock.h"
#include "daemon/hooks_client.h"
#include "daemon/hooks_wire.h"

static const struct vch_hook_order sample = {
    .kind = VCH_HOOK_PROGRAM,
    .name = {"n", 1},
    .target = {"/opt/x", 6},
    .signature = {"t=1,v1=2", 8},
    .body = {"{}", 2},
    .timeout_ms = 200,
};

/* ---- the wire ---- */

static struct vch_str encoded(const struct vch_hook_order *order, struct vch_buf *buf) {
    struct vch_str bytes = {NULL, 0};
    vch_buf_init(buf, VCH_HOOKS_DATAGRAM_MAX);
    vch_hooks_order_encode(order, 77, buf);
    assert_int_equal(vch_buf_finish(buf, &bytes), VCH_OK);
    return bytes;
}

static void orders_come_out_as_they_went_in(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_hook_order got;
    uint64_t tag;
    struct vch_str bytes = encoded(&sample, &buf);
    assert_int_equal(vch_hooks_order_decode(bytes, &got, &tag), VCH_OK);
    assert_int_equal(tag, 77);
    assert_int_equal(got.kind, VCH_HOOK_PROGRAM);
    assert_int_equal(got.timeout_ms, 200);
    assert_true(vch_str_eq(got.name, sample.name) && vch_str_eq(got.target, sample.target) && vch_str_eq(got.body, sample.body));
    assert_true(vch_str_eq(got.signature, sample.signature) && got.ca_pem.len == 0 && got.key_pem.len == 0);
    vch_buf_deinit(&buf);
}

static void every_cut_and_every_surplus_is_malformed(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_hook_order got;
    uint64_t tag;
    struct vch_str bytes = encoded(&sample, &buf);
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(vch_hooks_order_decode(vch_str_sub(bytes, 0, len), &got, &tag), VCH_ERR_MALFORMED);
    vch_buf_u8(&buf, 0);
    assert_int_equal(vch_buf_finish(&buf, &bytes), VCH_OK);
    assert_int_equal(vch_hooks_order_decode(bytes, &got, &tag), VCH_ERR_MALFORMED);
    vch_buf_deinit(&buf);
}

static void a_head_of_another_kind_is_malformed(void **state) {
    (void)state;
    static const struct {
        size_t at;
        char byte;
    } cases[] = {{0, 1}, {1, 9}, {2, 1}, {3, 1}, {12, 127} /* time */, {16, 127} /* length */};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_buf buf;
        struct vch_hook_order got;
        uint64_t tag;
        struct vch_str bytes = encoded(&sample, &buf);
        buf.ptr[cases[i].at] = cases[i].byte;
        assert_int_equal(vch_hooks_order_decode(bytes, &got, &tag), VCH_ERR_MALFORMED);
        vch_buf_deinit(&buf);
    }
}

static void answers_are_bounded(void **state) {
    (void)state;
    static char text[VCH_HOOK_ANSWER_MAX + 1];
    struct vch_hook_result result = {.end = VCH_HOOK_STATUS, .code = -5, .duration_us = 9, .answer = {"abc", 3}, .said = {"no\n", 3}}, got;
    struct vch_buf buf;
    struct vch_str bytes;
    uint64_t tag;
    vch_buf_init(&buf, VCH_HOOKS_DATAGRAM_MAX);
    vch_hooks_answer_encode(&result, 5, &buf);
    assert_int_equal(vch_buf_finish(&buf, &bytes), VCH_OK);
    assert_int_equal(vch_hooks_answer_decode(bytes, &got, &tag), VCH_OK);
    assert_true(tag == 5 && got.end == VCH_HOOK_STATUS && got.code == -5 && got.duration_us == 9 && vch_str_eq_c(got.answer, "abc"));
    assert_true(vch_str_eq_c(got.said, "no\n"));
    for (size_t len = 0; len < 35; len++) assert_int_equal(vch_hooks_answer_decode(vch_str_sub(bytes, 0, len), &got, &tag), VCH_ERR_MALFORMED);
    vch_buf_clear(&buf);
    result.said = vch_str_of(text, VCH_HOOK_SAID_MAX + 1);
    vch_hooks_answer_encode(&result, 5, &buf);
    assert_int_equal(vch_buf_finish(&buf, &bytes), VCH_OK);
    assert_int_equal(vch_hooks_answer_decode(bytes, &got, &tag), VCH_ERR_MALFORMED);
    vch_buf_clear(&buf);
    result.said = VCH_STR("");
    result.answer = vch_str_of(text, sizeof text);
    vch_hooks_answer_encode(&result, 5, &buf);
    assert_int_equal(vch_buf_finish(&buf, &bytes), VCH_OK);
    assert_int_equal(vch_hooks_answer_decode(bytes, &got, &tag), VCH_ERR_MALFORMED);
    vch_buf_deinit(&buf);
}

/* ---- the front's half ---- */

struct told {
    pthread_mutex_t lock;
    pthread_cond_t more;
    size_t count;
    enum vch_hook_end end;
    char answer[16];
};

static void on_done(void *arg, const struct vch_hook_result *result) {
    struct told *told = arg;
    (void)pthread_mutex_lock(&told->lock);
    told->count++;
    told->end = result->end;
    (void)vch_str_copy(told->answer, sizeof told->answer, result->answer);
    (void)pthread_cond_signal(&told->more);
    (void)pthread_mutex_unlock(&told->lock);
}

static void wait_told(struct told *told, size_t count) {
    (void)pthread_mutex_lock(&told->lock);
    while (told->count < count) (void)pthread_cond_wait(&told->more, &told->lock);
    (void)pthread_mutex_unlock(&told->lock);
}

#define TOLD {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER}

/* *ret_fd is the process's end. */
static struct vch_hooks_client *client_start(int *ret_fd) {
    int ends[2];
    struct vch_hooks_client *client = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(send(ends[1], "R", 1, 0), 1);
    assert_int_equal(vch_hooks_connect(ends[0], &client), VCH_OK);
    *ret_fd = ends[1];
    return client;
}

static uint64_t receive_tag(int fd) {
    static char datagram[VCH_HOOKS_DATAGRAM_MAX];
    struct vch_hook_order order;
    uint64_t tag = 0;
    ssize_t got = recv(fd, datagram, sizeof datagram, 0);
    assert_true(got > 0);
    assert_int_equal(vch_hooks_order_decode(vch_str_of(datagram, (size_t)got), &order, &tag), VCH_OK);
    return tag;
}

static void send_answer(int fd, uint64_t tag, const char *text) {
    const struct vch_hook_result result = {.end = VCH_HOOK_ANSWERED, .answer = vch_str_from(text)};
    struct vch_buf buf;
    struct vch_str bytes;
    vch_buf_init(&buf, VCH_HOOKS_DATAGRAM_MAX);
    vch_hooks_answer_encode(&result, tag, &buf);
    assert_int_equal(vch_buf_finish(&buf, &bytes), VCH_OK);
    assert_true(send(fd, bytes.ptr, bytes.len, 0) > 0);
    vch_buf_deinit(&buf);
}

static void answers_find_their_orders(void **state) {
    (void)state;
    int fd;
    struct told first = TOLD, second = TOLD;
    struct vch_hooks_client *client = client_start(&fd);
    struct vch_hook_runner runner = vch_hooks_runner(client);
    assert_int_equal(runner.submit(runner.arg, &sample, on_done, &first), VCH_OK);
    assert_int_equal(runner.submit(runner.arg, &sample, on_done, &second), VCH_OK);
    uint64_t one = receive_tag(fd), two = receive_tag(fd);
    assert_true(one && two && one != two);
    send_answer(fd, 0, "nobody's");
    send_answer(fd, one + 1000000, "nobody's");
    assert_int_equal(send(fd, "junk", 4, 0), 4);
    send_answer(fd, two, "second");
    send_answer(fd, two, "again");
    send_answer(fd, one, "first");
    wait_told(&first, 1);
    wait_told(&second, 1);
    assert_string_equal(first.answer, "first");
    assert_string_equal(second.answer, "second");
    vch_hooks_close(client);
    assert_true(first.count == 1 && second.count == 1);
    (void)close(fd);
}

static void what_is_not_answered_ends_in_time(void **state) {
    (void)state;
    int fd;
    struct told told = TOLD;
    struct vch_hooks_client *client = client_start(&fd);
    struct vch_hook_runner runner = vch_hooks_runner(client);
    int64_t begun_ms = vch_mono_ms();
    assert_int_equal(runner.submit(runner.arg, &sample, on_done, &told), VCH_OK);
    wait_told(&told, 1);
    assert_int_equal(told.end, VCH_HOOK_TIMEOUT);
    assert_true(vch_mono_ms() - begun_ms >= sample.timeout_ms);
    send_answer(fd, receive_tag(fd), "late"); /* and is heard by nobody */
    vch_hooks_close(client);
    assert_int_equal(told.count, 1);
    (void)close(fd);
}

static void when_the_process_goes_all_are_told(void **state) {
    (void)state;
    int fd;
    struct told told = TOLD;
    struct vch_hooks_client *client = client_start(&fd);
    struct vch_hook_runner runner = vch_hooks_runner(client);
    for (size_t i = 0; i < 50; i++) assert_int_equal(runner.submit(runner.arg, &sample, on_done, &told), VCH_OK);
    (void)close(fd);
    wait_told(&told, 50);
    assert_int_equal(told.end, VCH_HOOK_FAILED);
    assert_int_equal(runner.submit(runner.arg, &sample, on_done, &told), VCH_ERR_UNAVAILABLE);
    vch_hooks_close(client);
    assert_int_equal(told.count, 50);
}

static void a_process_that_is_not_there_is_told_at_once(void **state) {
    (void)state;
    int ends[2];
    struct vch_hooks_client *client = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    (void)close(ends[1]);
    assert_int_equal(vch_hooks_connect(ends[0], &client), VCH_ERR_UNAVAILABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_come_out_as_they_went_in),
        cmocka_unit_test(every_cut_and_every_surplus_is_malformed),
        cmocka_unit_test(a_head_of_another_kind_is_malformed),
        cmocka_unit_test(answers_are_bounded),
        cmocka_unit_test(answers_find_their_orders),
        cmocka_unit_test(what_is_not_answered_ends_in_time),
        cmocka_unit_test(when_the_process_goes_all_are_told),
        cmocka_unit_test(a_process_that_is_not_there_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
