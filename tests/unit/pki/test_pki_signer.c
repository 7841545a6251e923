#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/sanitized.h"
#include "pki/csr.h"
#include "pki/init.h"
#include "pki/jail_priv.h"
#include "pki/keys.h"
#include "pki/protocol_priv.h"
#include "support/folder.h"
#include "support/signer_child.h"

static char folder[64];
static struct vch_keypair pair;

static struct vch_str spki(void) {
    return vch_str_of(pair.spki.ptr, pair.spki.len);
}

static int group_setup(void **state) {
    (void)state;
    struct vch_key_pool *pool = NULL;
    folder_make(folder);
    if (vch_pki_prepare(folder, NULL, 0, NULL) != VCH_OK || vch_key_pool_new(VCH_KEY_EC_P256, 0, &pool) != VCH_OK) return -1;
    enum vch_err err = vch_key_pool_take(pool, &pair, NULL);
    vch_key_pool_free(pool);
    return err == VCH_OK ? 0 : -1;
}

static int group_teardown(void **state) {
    (void)state;
    vch_keypair_deinit(&pair);
    folder_remove(folder);
    return 0;
}

static struct vch_issue good_issue(void) {
    return (struct vch_issue){VCH_PROFILE_CLAIM, spki(), {NULL, 0}, vch_now_ms() - 120000, vch_now_ms() + 300000};
}

/* ---- the wire ------------------------------------------------------------ */

static struct vch_str encode(const struct vch_signer_request *request, struct vch_buf *buf) {
    struct vch_str bytes;
    vch_buf_clear(buf);
    vch_signer_request_encode(request, buf);
    assert_int_equal(vch_buf_finish(buf, &bytes), VCH_OK);
    return bytes;
}

static void requests_come_back_as_they_went(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_signer_request request = {.op = VCH_SIGNER_ISSUE, .tag = 0x0102030405060708, .issue = good_issue()}, back;
    vch_buf_init(&buf, 8192);
    request.issue.profile = VCH_PROFILE_DEVICE;
    request.issue.subject = VCH_STR("\x30\x00");
    struct vch_str bytes = encode(&request, &buf);
    assert_int_equal(vch_signer_request_decode(bytes, &back), VCH_OK);
    assert_true(back.tag == request.tag && back.op == request.op && back.issue.profile == VCH_PROFILE_DEVICE);
    assert_true(back.issue.not_before_ms == request.issue.not_before_ms);
    assert_true(back.issue.not_after_ms == request.issue.not_after_ms);
    assert_true(vch_str_eq(back.issue.spki, request.issue.spki) && vch_str_eq(back.issue.subject, request.issue.subject));
    for (size_t cut = 0; cut < bytes.len; cut++) {
        assert_int_equal(vch_signer_request_decode(vch_str_sub(bytes, 0, cut), &back), VCH_ERR_MALFORMED);
        assert_true(back.tag == (cut >= VCH_SIGNER_HEAD ? request.tag : 0));
    }
    vch_buf_u8(&buf, 0);
    assert_int_equal(vch_signer_request_decode(vch_str_of(buf.ptr, buf.len), &back), VCH_ERR_MALFORMED);
    static const size_t fixed[] = {0, 1, 3}; /* version, operation, reserved */
    for (size_t i = 0; i < 3; i++) {
        bytes = encode(&request, &buf);
        buf.ptr[fixed[i]] = 9;
        assert_int_equal(vch_signer_request_decode(bytes, &back), VCH_ERR_MALFORMED);
    }
    vch_buf_deinit(&buf);
}

static void answers_come_back_as_they_went(void **state) {
    (void)state;
    struct vch_buf buf;
    const struct vch_signer_answer answers[] = {
        {.op = VCH_SIGNER_ISSUE, .tag = 7, .der = VCH_STR("some DER")},
        {.op = VCH_SIGNER_ISSUE, .tag = 8, .refusal = VCH_REFUSAL_KEY},
        {.op = VCH_SIGNER_STATS, .tag = 9, .stats = {1, 2, 3}},
    };
    vch_buf_init(&buf, 8192);
    for (size_t i = 0; i < 3; i++) {
        struct vch_signer_answer back;
        struct vch_str bytes;
        vch_buf_clear(&buf);
        vch_signer_answer_encode(&answers[i], &buf);
        assert_int_equal(vch_buf_finish(&buf, &bytes), VCH_OK);
        assert_int_equal(vch_signer_answer_decode(bytes, &back), VCH_OK);
        assert_true(back.op == answers[i].op && back.tag == answers[i].tag && back.refusal == answers[i].refusal);
        assert_true(vch_str_eq(back.der, answers[i].der));
        assert_memory_equal(&back.stats, &answers[i].stats, sizeof back.stats);
        assert_int_equal(vch_signer_answer_decode(vch_str_sub(bytes, 0, 11), &back), VCH_ERR_MALFORMED);
        buf.ptr[2] = (char)VCH_REFUSAL_COUNT;
        assert_int_equal(vch_signer_answer_decode(bytes, &back), VCH_ERR_MALFORMED);
    }
    vch_buf_deinit(&buf);
}

/* ---- the process --------------------------------------------------------- */

static ssize_t receive(int fd, char *buf, size_t size) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, 5000) <= 0) fail_msg("the signer says nothing");
    return recv(fd, buf, size, 0);
}

static void expect_silence(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 100), 0);
}

static void send_bytes(int fd, struct vch_str bytes) {
    assert_int_equal(send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL), bytes.len);
}

static void expect_refusal(int fd, uint64_t tag, enum vch_refusal refusal) {
    char buf[VCH_SIGNER_DATAGRAM_MAX];
    struct vch_signer_answer answer;
    ssize_t got = receive(fd, buf, sizeof buf);
    assert_true(got > 0);
    assert_int_equal(vch_signer_answer_decode(vch_str_of(buf, (size_t)got), &answer), VCH_OK);
    assert_true(answer.tag == tag);
    assert_int_equal(answer.refusal, refusal);
}

static void attacks_are_refused_and_survived(void **state) {
    (void)state;
    int fd = -1;
    pid_t pid = signer_child_start(folder, false, &fd);
    char ready = 0, big[VCH_SIGNER_DATAGRAM_MAX + 100];
    struct vch_buf buf;
    struct vch_signer_request request = {.op = VCH_SIGNER_ISSUE, .tag = 42, .issue = good_issue()};
    assert_int_equal(receive(fd, &ready, 1), 1);
    assert_int_equal(ready, VCH_SIGNER_READY);
    vch_buf_init(&buf, 8192);

    send_bytes(fd, VCH_STR("garbage")); /* too short for a tag: no answer */
    assert_int_equal(send(fd, "", 0, MSG_NOSIGNAL), 0); /* empty, and not the end */
    expect_silence(fd);
    send_bytes(fd, VCH_STR("garbage that is long enough to have a tag"));
    expect_refusal(fd, UINT64_C(0x6167652074686174) /* "age that" */, VCH_REFUSAL_MALFORMED);
    struct vch_str bytes = encode(&request, &buf);
    send_bytes(fd, vch_str_sub(bytes, 0, bytes.len - 1));
    expect_refusal(fd, 42, VCH_REFUSAL_MALFORMED);
    vch_buf_u8(&buf, 0);
    send_bytes(fd, vch_str_of(buf.ptr, buf.len));
    expect_refusal(fd, 42, VCH_REFUSAL_MALFORMED);
    memset(big, 0, sizeof big);
    bytes = encode(&request, &buf);
    memcpy(big, bytes.ptr, bytes.len);
    send_bytes(fd, vch_str_of(big, sizeof big));
    expect_refusal(fd, 42, VCH_REFUSAL_MALFORMED);
    request.issue.profile = (enum vch_profile)77;
    send_bytes(fd, encode(&request, &buf));
    expect_refusal(fd, 42, VCH_REFUSAL_PROFILE);
    request.issue.profile = VCH_PROFILE_CLAIM;
    request.issue.not_after_ms += INT64_C(90000000);
    send_bytes(fd, encode(&request, &buf));
    expect_refusal(fd, 42, VCH_REFUSAL_LIFETIME);
    request.issue = good_issue();
    send_bytes(fd, encode(&request, &buf));
    expect_refusal(fd, 42, VCH_REFUSAL_NONE); /* and still serves */

    request.op = VCH_SIGNER_STATS;
    send_bytes(fd, encode(&request, &buf));
    ssize_t got = receive(fd, big, sizeof big);
    struct vch_signer_answer answer;
    assert_int_equal(vch_signer_answer_decode(vch_str_of(big, (size_t)got), &answer), VCH_OK);
    assert_int_equal(answer.stats.issued, 1);
    assert_int_equal(answer.stats.refused, 8);
    vch_buf_deinit(&buf);
    (void)close(fd);
    int status = signer_child_wait(pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static struct vch_signer *connect_signer(bool test_clock, pid_t *ret_pid) {
    int fd = -1;
    struct vch_signer *signer = NULL;
    *ret_pid = signer_child_start(folder, test_clock, &fd);
    assert_int_equal(vch_signer_connect(fd, &signer), VCH_OK);
    return signer;
}

static void issues_what_is_described(void **state) {
    (void)state;
    pid_t pid;
    struct vch_signer *signer = connect_signer(false, &pid);
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    struct vch_issue issue = good_issue();
    struct vch_issued issued;
    struct vch_diag diag = {.reason = NULL};
    struct vch_certificate_info info;
    assert_int_equal(vch_signer_issue(signer, &issue, arena, &issued, &diag), VCH_OK);
    assert_int_equal(vch_certificate_describe(issued.der, arena, &info, &diag), VCH_OK);
    assert_string_equal(info.id, issued.id);
    assert_int_equal(info.not_before_ms, issue.not_before_ms / 1000 * 1000);
    assert_int_equal(info.not_after_ms, issue.not_after_ms / 1000 * 1000);
    assert_int_equal(info.subject_cn.len, 64);
    struct vch_str back;
    assert_int_equal(vch_certificate_from_pem(issued.pem, arena, &back, &diag), VCH_OK);
    assert_true(vch_str_eq(back, issued.der));

    issue.not_before_ms -= 3600000;
    assert_int_equal(vch_signer_issue(signer, &issue, arena, &issued, &diag), VCH_ERR_DENIED);
    assert_string_equal(diag.reason, "signer-failed");
    vch_diag_clear(&diag);
    issue = good_issue();
    issue.spki.len--;
    assert_int_equal(vch_signer_issue(signer, &issue, arena, &issued, &diag), VCH_ERR_INVALID);
    assert_string_equal(diag.reason, "csr-weak-key");
    vch_diag_clear(&diag);
    char huge[5000] = {0};
    issue.spki = vch_str_of(huge, sizeof huge);
    assert_int_equal(vch_signer_issue(signer, &issue, arena, &issued, &diag), VCH_ERR_DENIED);
    struct vch_signer_stats stats;
    assert_int_equal(vch_signer_stats(signer, &stats), VCH_OK);
    assert_int_equal(stats.issued, 1);
    assert_int_equal(stats.refused, 2);
    assert_true(stats.cpu_us > 0);
    vch_arena_free(arena);
    vch_signer_close(signer);
    assert_int_equal(signer_child_wait(pid), 0);
}

/* By the program that everybody checks chains with. */
static void openssl_verifies_the_chain(void **state) {
    (void)state;
    pid_t pid;
    struct vch_signer *signer = connect_signer(false, &pid);
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    for (int profile = VCH_PROFILE_CLAIM; profile <= VCH_PROFILE_DEVICE; profile++) {
        struct vch_issue issue = good_issue();
        struct vch_issued issued;
        issue.profile = (enum vch_profile)profile;
        assert_int_equal(vch_signer_issue(signer, &issue, arena, &issued, NULL), VCH_OK);
        char path[128], command[512];
        (void)snprintf(path, sizeof path, "%s/leaf.pem", folder);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(issued.pem.ptr, 1, issued.pem.len, file), issued.pem.len);
        assert_int_equal(fclose(file), 0);
        const char *own = profile == VCH_PROFILE_CLAIM ? "claim" : "device", *other = profile == VCH_PROFILE_CLAIM ? "device" : "claim";
        (void)snprintf(command, sizeof command, "openssl verify -purpose sslclient -CAfile %s/ca.pem -untrusted %s/ca/%s.pem %s >/dev/null 2>&1", folder, folder, own, path);
        assert_int_equal(system(command), 0);
        (void)snprintf(command, sizeof command, "openssl verify -purpose sslclient -CAfile %s/ca.pem -untrusted %s/ca/%s.pem %s >/dev/null 2>&1", folder, folder, other, path);
        assert_int_not_equal(system(command), 0);
    }
    vch_arena_free(arena);
    vch_signer_close(signer);
    assert_int_equal(signer_child_wait(pid), 0);
}

static void a_test_clock_may_differ(void **state) {
    (void)state;
    pid_t pid;
    struct vch_signer *signer = connect_signer(true, &pid);
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    struct vch_issue issue = good_issue();
    struct vch_issued issued;
    issue.not_before_ms += INT64_C(86400000) * 30;
    issue.not_after_ms += INT64_C(86400000) * 30;
    assert_int_equal(vch_signer_issue(signer, &issue, arena, &issued, NULL), VCH_OK);
    vch_arena_free(arena);
    vch_signer_close(signer);
    assert_int_equal(signer_child_wait(pid), 0);
}

enum { THREADS = 8, CALLS = 200 };
struct worker {
    struct vch_signer *signer;
    int good;
    char first_id[65];
};

static void *issue_many(void *arg) {
    struct worker *worker = arg;
    for (int i = 0; i < CALLS; i++) {
        struct vch_arena *arena = vch_arena_new(1 << 16, false);
        struct vch_issue issue = good_issue();
        struct vch_issued issued;
        struct vch_certificate_info info;
        /* A time of its own tells whose answer it is. */
        issue.not_after_ms = issue.not_before_ms + 1000 * (200 + (int64_t)(worker->first_id[0] * CALLS) + i);
        bool bad = i % 10 == 9;
        if (bad) issue.profile = (enum vch_profile)3;
        enum vch_err err = vch_signer_issue(worker->signer, &issue, arena, &issued, NULL);
        if (bad) worker->good += err == VCH_ERR_DENIED;
        else
            worker->good += err == VCH_OK && vch_certificate_describe(issued.der, arena, &info, NULL) == VCH_OK &&
                            info.not_after_ms == issue.not_after_ms / 1000 * 1000;
        vch_arena_free(arena);
    }
    return NULL;
}

static void many_threads_get_their_own_answers(void **state) {
    (void)state;
    pid_t pid;
    struct vch_signer *signer = connect_signer(false, &pid);
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.signer = signer, .first_id = {(char)i}};
        assert_int_equal(pthread_create(&threads[i], NULL, issue_many, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].good, CALLS);
    }
    struct vch_signer_stats stats;
    assert_int_equal(vch_signer_stats(signer, &stats), VCH_OK);
    assert_int_equal(stats.issued, THREADS * CALLS * 9 / 10);
    assert_int_equal(stats.refused, THREADS * CALLS / 10);
    vch_signer_close(signer);
    assert_int_equal(signer_child_wait(pid), 0);
}

static void a_dead_signer_is_told_at_once(void **state) {
    (void)state;
    pid_t pid;
    struct vch_signer *signer = connect_signer(false, &pid);
    struct vch_arena *arena = vch_arena_new(1 << 16, false);
    struct vch_issue issue = good_issue();
    struct vch_issued issued;
    struct vch_diag diag = {.reason = NULL};
    int64_t start = vch_mono_ms();
    assert_int_equal(kill(pid, SIGKILL), 0);
    (void)signer_child_wait(pid);
    for (int i = 0; i < 3; i++) {
        vch_diag_clear(&diag);
        assert_int_equal(vch_signer_issue(signer, &issue, arena, &issued, &diag), VCH_ERR_UNAVAILABLE);
        assert_string_equal(diag.reason, "signer-failed");
    }
    assert_true(vch_mono_ms() - start < 2000);
    vch_arena_free(arena);
    vch_signer_close(signer);
}

/* Asleep it is told after five seconds; awake it serves again, and its late
 * answer reaches nobody. */
static void a_slow_signer_is_told_and_recovers(void **state) {
    (void)state;
    pid_t pid;
    struct vch_signer *signer = connect_signer(false, &pid);
    struct vch_arena *arena = vch_arena_new(1 << 16, false);
    struct vch_issue issue = good_issue();
    struct vch_issued issued;
    struct vch_certificate_info info;
    struct vch_diag diag = {.reason = NULL};
    int64_t start = vch_mono_ms();
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(vch_signer_issue(signer, &issue, arena, &issued, &diag), VCH_ERR_UNAVAILABLE);
    assert_true(vch_mono_ms() - start >= 4900 && vch_mono_ms() - start < 8000);
    assert_int_equal(kill(pid, SIGCONT), 0);
    issue.not_after_ms += 60000;
    assert_int_equal(vch_signer_issue(signer, &issue, arena, &issued, NULL), VCH_OK);
    assert_int_equal(vch_certificate_describe(issued.der, arena, &info, NULL), VCH_OK);
    assert_int_equal(info.not_after_ms, issue.not_after_ms / 1000 * 1000);
    struct vch_signer_stats stats;
    assert_int_equal(vch_signer_stats(signer, &stats), VCH_OK);
    assert_int_equal(stats.issued, 2);
    vch_arena_free(arena);
    vch_signer_close(signer);
    assert_int_equal(signer_child_wait(pid), 0);
}

/* Wrong tags and nonsense from the other side reach nobody. */
static void *play_signer(void *arg) {
    int fd = *(int *)arg;
    char buf[VCH_SIGNER_DATAGRAM_MAX];
    (void)send(fd, "R", 1, MSG_NOSIGNAL);
    ssize_t got = recv(fd, buf, sizeof buf, 0);
    struct vch_signer_request request;
    if (got <= 0 || vch_signer_request_decode(vch_str_of(buf, (size_t)got), &request) != VCH_OK) return NULL;
    struct vch_buf out;
    struct vch_str bytes;
    vch_buf_init(&out, 8192);
    struct vch_signer_answer answer = {.op = VCH_SIGNER_STATS, .tag = request.tag + 1, .stats = {9, 9, 9}};
    for (int i = 0; i < 2; i++) {
        vch_buf_clear(&out);
        vch_signer_answer_encode(&answer, &out);
        if (vch_buf_finish(&out, &bytes) == VCH_OK) (void)send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        (void)send(fd, "nonsense of some length", 23, MSG_NOSIGNAL);
        answer.tag = request.tag;
        answer.stats.issued = 5;
    }
    vch_buf_deinit(&out);
    return NULL;
}

static void foreign_answers_are_dropped(void **state) {
    (void)state;
    int ends[2];
    pthread_t thread;
    struct vch_signer *signer = NULL;
    struct vch_signer_stats stats;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    assert_int_equal(pthread_create(&thread, NULL, play_signer, &ends[1]), 0);
    assert_int_equal(vch_signer_connect(ends[0], &signer), VCH_OK);
    assert_int_equal(vch_signer_stats(signer, &stats), VCH_OK);
    assert_int_equal(stats.issued, 5);
    assert_int_equal(pthread_join(thread, NULL), 0);
    vch_signer_close(signer);
    (void)close(ends[1]);
}

static void no_signer_no_connection(void **state) {
    (void)state;
    int ends[2];
    struct vch_signer *signer = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    (void)close(ends[1]);
    assert_int_equal(vch_signer_connect(ends[0], &signer), VCH_ERR_UNAVAILABLE);
    int fd = -1;
    pid_t pid = signer_child_start("/nonexistent", false, &fd);
    assert_int_equal(vch_signer_connect(fd, &signer), VCH_ERR_UNAVAILABLE);
    assert_int_not_equal(signer_child_wait(pid), 0);
}

/* What the jail forbids ends the process, or fails. */
static void the_jail_holds(void **state) {
    (void)state;
    if (VCH_SANITIZED) skip();
    for (int attack = 0; attack < 3; attack++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (vch_signer_jail(NULL) != VCH_OK) _exit(9);
            if (attack == 0) _exit(open("/etc/passwd", 0) < 0 ? 7 : 8);
            if (attack == 1) (void)socket(AF_INET, SOCK_STREAM, 0);
            if (attack == 2) (void)execl("/bin/true", "true", (char *)NULL);
            _exit(8);
        }
        int status = signer_child_wait(pid);
        if (attack == 0) assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
        else assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_back_as_they_went), cmocka_unit_test(answers_come_back_as_they_went),
        cmocka_unit_test(attacks_are_refused_and_survived), cmocka_unit_test(issues_what_is_described),
        cmocka_unit_test(openssl_verifies_the_chain),      cmocka_unit_test(a_test_clock_may_differ),
        cmocka_unit_test(many_threads_get_their_own_answers), cmocka_unit_test(a_dead_signer_is_told_at_once),
        cmocka_unit_test(a_slow_signer_is_told_and_recovers),
        cmocka_unit_test(foreign_answers_are_dropped),     cmocka_unit_test(no_signer_no_connection),
        cmocka_unit_test(the_jail_holds),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
