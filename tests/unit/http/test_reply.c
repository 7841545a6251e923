/* Answers, whole and byte by byte: what is taken, what is refused, and where an answer ends. */
#include <stdio.h>
#include <string.h>

#include "http/reply.h"
#include "support/cmocka_all.h"

enum { BODY_MAX = 64 };

struct row {
    const char *text;
    enum vch_reply_read want; /* after the text, and the end of the connection when it is MORE before */
    int status;
    const char *body, *why;
    bool keep_alive;
};

static const struct row good[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", VCH_REPLY_DONE, 200, "{}", NULL, true},
    {"HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", VCH_REPLY_DONE, 200, "", NULL, true},
    {"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", VCH_REPLY_DONE, 404, "x", NULL,
     false},
    {"HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", VCH_REPLY_DONE, 200, "x", NULL, true},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", VCH_REPLY_DONE, 200, "x", NULL, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n3\r\na\"}\r\n0\r\n\r\n", VCH_REPLY_DONE, 200,
     "{\"a\"}", NULL, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0000000A\r\n0123456789\r\n0\r\n\r\n", VCH_REPLY_DONE, 200,
     "0123456789", NULL, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", VCH_REPLY_DONE, 200, "", NULL, true},
    {"HTTP/1.1 204 No Content\r\n\r\n", VCH_REPLY_DONE, 204, "", NULL, true},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", VCH_REPLY_DONE, 304, "", NULL, true},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
     VCH_REPLY_DONE, 200, "x", NULL, true},
    {"HTTP/1.1 200 OK\r\n\r\nto the end", VCH_REPLY_MORE, 200, "to the end", NULL, false},
    {"HTTP/1.0 500 Oops\r\n\r\n", VCH_REPLY_MORE, 500, "", NULL, false},
};

static const struct row refused[] = {
    {"", VCH_REPLY_MORE, 0, NULL, "ended before it was whole", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", VCH_REPLY_MORE, 0, NULL, "ended before it was whole", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", VCH_REPLY_MORE, 0, NULL,
     "ended before it was whole", false},
    {"HTTP/1.1 200 OK\r\nContent-Le", VCH_REPLY_MORE, 0, NULL, "ended before it was whole", false},
    {"\x16\x03\x01", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"SSH-2.0-OpenSSH\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/2.0 200 OK\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.2 200 OK\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 20x OK\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 2000 OK\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 099 OK\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 600 OK\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 200 O\001K\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 200 OK\r\nname : value\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 200 OK\r\n folded: value\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 200 OK\r\n: value\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\nx", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 200 OK\r\nX: a\001b\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer",
     false},
    {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", VCH_REPLY_BAD, 0, NULL, "ambiguous", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", VCH_REPLY_BAD, 0, NULL, "ambiguous",
     false},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "ambiguous", false},
    {"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "ambiguous", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "not an HTTP answer",
     false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "too large", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n", VCH_REPLY_BAD, 0, NULL, "too large", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", VCH_REPLY_BAD, 0, NULL, "too large", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n000000001\r\nx", VCH_REPLY_BAD, 0, NULL,
     "chunk is malformed", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;ext=1\r\nx\r\n0\r\n\r\n", VCH_REPLY_BAD, 0, NULL,
     "chunk is malformed", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "chunk is malformed", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\nx", VCH_REPLY_BAD, 0, NULL, "chunk is malformed", false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n", VCH_REPLY_BAD, 0, NULL, "chunk is malformed",
     false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n", VCH_REPLY_BAD, 0, NULL,
     "chunk is malformed", false},
    {"HTTP/1.1 101 Switching\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "interim", false},
    {"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", VCH_REPLY_BAD, 0, NULL, "interim", false},
    {"HTTP/1.1 200 OK\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123X", VCH_REPLY_BAD, 0, NULL,
     "too large", false},
};

static enum vch_reply_read feed(struct vch_reply *reply, const char *text, size_t piece) {
    enum vch_reply_read read = VCH_REPLY_MORE;
    size_t len = strlen(text), at = 0;
    while (at < len && read == VCH_REPLY_MORE) {
        size_t used = 0, part = len - at < piece ? len - at : piece;
        read = vch_reply_feed(reply, vch_str_of(text + at, part), &used);
        assert_true(used <= part);
        if (read == VCH_REPLY_MORE) assert_int_equal(used, part);
        at += used;
    }
    if (read == VCH_REPLY_DONE) assert_int_equal(at, len);
    return read;
}

static void assert_row(const struct row *row, size_t piece) {
    struct vch_reply reply;
    vch_reply_init(&reply, BODY_MAX);
    assert_int_equal(feed(&reply, row->text, piece), row->want);
    if (row->want == VCH_REPLY_MORE)
        assert_int_equal(vch_reply_end(&reply), row->body ? VCH_REPLY_DONE : VCH_REPLY_BAD);
    if (row->body) {
        assert_int_equal(reply.status, row->status);
        assert_true(vch_str_eq_c(vch_str_of(reply.body.ptr, reply.body.len), row->body));
        assert_int_equal(reply.keep_alive, row->keep_alive);
    } else if (!strstr(reply.why, row->why)) {
        fail_msg("\"%s\" lacks \"%s\" for %.40s", reply.why, row->why, row->text);
    }
    size_t used;
    assert_int_equal(vch_reply_feed(&reply, VCH_STR("x"), &used), VCH_REPLY_BAD); /* it is over */
    vch_reply_deinit(&reply);
}

static void answers_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        for (size_t piece = 1; piece <= 256; piece += piece < 4 ? 1 : 84) assert_row(&good[i], piece);
}

static void what_is_no_answer_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        for (size_t piece = 1; piece <= 256; piece += piece < 4 ? 1 : 84) assert_row(&refused[i], piece);
}

static void the_rest_is_somebody_elses(void **state) {
    (void)state;
    struct vch_reply reply;
    size_t used;
    vch_reply_init(&reply, BODY_MAX);
    assert_int_equal(
        vch_reply_feed(&reply, VCH_STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 404"), &used),
        VCH_REPLY_DONE);
    assert_int_equal(used, strlen("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"));
    vch_reply_deinit(&reply);
}

/* A head of a size and a number of fields that no server of ours sends; interim answers without end. */
static void heads_are_bounded(void **state) {
    (void)state;
    static char text[2 * VCH_REPLY_HEAD_MAX];
    struct vch_reply reply;
    size_t used;
    memset(text, 'a', sizeof text);
    memcpy(text, "HTTP/1.1 200 OK\r\nX: ", 20);
    vch_reply_init(&reply, BODY_MAX);
    assert_int_equal(vch_reply_feed(&reply, vch_str_of(text, sizeof text), &used), VCH_REPLY_BAD);
    assert_non_null(strstr(reply.why, "too large"));
    vch_reply_deinit(&reply);

    static const unsigned counts[] = {VCH_REPLY_FIELDS_MAX, VCH_REPLY_FIELDS_MAX + 1};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct vch_buf head;
        vch_buf_init(&head, 4096);
        vch_buf_c(&head, "HTTP/1.1 204 No\r\n");
        for (unsigned k = 0; k < counts[i]; k++) vch_buf_c(&head, "A: b\r\n");
        vch_buf_c(&head, "\r\n");
        vch_reply_init(&reply, BODY_MAX);
        assert_int_equal(vch_reply_feed(&reply, vch_str_of(head.ptr, head.len), &used),
                         i ? VCH_REPLY_BAD : VCH_REPLY_DONE);
        vch_reply_deinit(&reply);
        vch_buf_deinit(&head);
    }

    vch_reply_init(&reply, BODY_MAX);
    for (int i = 0; i < VCH_REPLY_INTERIM_MAX; i++)
        assert_int_equal(vch_reply_feed(&reply, VCH_STR("HTTP/1.1 100 Continue\r\n\r\n"), &used), VCH_REPLY_MORE);
    assert_int_equal(vch_reply_feed(&reply, VCH_STR("HTTP/1.1 100 Continue\r\n\r\n"), &used), VCH_REPLY_BAD);
    vch_reply_deinit(&reply);
}

static void retry_after_is_told(void **state) {
    (void)state;
    static const struct {
        const char *value;
        int64_t want;
    } rows[] = {{"7", 7}, {"0", 0}, {"86400", 86400}, {"86401", 0}, {"Mon, 23 Nov 2026 00:00:00 GMT", 0}, {"-3", 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[160];
        size_t used;
        struct vch_reply reply;
        (void)snprintf(text, sizeof text, "HTTP/1.1 429 Slow\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
                       rows[i].value);
        vch_reply_init(&reply, BODY_MAX);
        assert_int_equal(vch_reply_feed(&reply, vch_str_from(text), &used), VCH_REPLY_DONE);
        assert_int_equal(reply.retry_after_s, rows[i].want);
        vch_reply_deinit(&reply);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read),           cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(the_rest_is_somebody_elses), cmocka_unit_test(heads_are_bounded),
        cmocka_unit_test(retry_after_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
