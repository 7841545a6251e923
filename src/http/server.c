#include "http/server.h"

#include "base/clock.h"
#include "http/answer_priv.h"
#include "http/parse.h"
#include "http/server_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum { REQUEST_MS = 30000, IDLE_MS = 75000, ANSWER_HEAD_MAX = VCH_HTTP_ANSWER_HEAD_MAX, UNREAD_MAX = 64 * 1024 };

const struct vch_http_request *vch_http_exchange_request(const struct vch_http_exchange *x) {
    return vch_http_reader_request(x->reader);
}

struct vch_loop *vch_http_exchange_loop(const struct vch_http_exchange *x) {
    return x->loop;
}

static void await_request(struct vch_http_conn *http) {
    int64_t idle_ms = http->options->idle_timeout_ms;
    http->timed = false;
    vch_conn_deadline(http->conn, idle_ms > 0 ? idle_ms : IDLE_MS);
}

/* From the first byte to the last: more bytes do not buy more time. */
static void time_request(struct vch_http_conn *http) {
    int64_t request_ms = http->options->request_timeout_ms;
    if (http->timed) return;
    http->timed = true;
    vch_conn_deadline(http->conn, request_ms > 0 ? request_ms : REQUEST_MS);
}

/* ---- answering ------------------------------------------------------------------ */

static void write_answer(struct vch_http_conn *http, const struct vch_http_answer *answer, bool keep_alive,
                         bool head_only) {
    static const struct vch_http_answer broken = {.status = 500};
    struct vch_buf buf;
    struct vch_str head;
    vch_buf_init_secret(&buf, ANSWER_HEAD_MAX);
    bool sound =
        vch_http_answer_head(answer, keep_alive, http->options->server_name, vch_now_ms(), &buf) && !buf.failed;
    if (!sound) {
        answer = &broken;
        vch_buf_clear(&buf);
        (void)vch_http_answer_head(answer, keep_alive, NULL, vch_now_ms(), &buf);
    }
    if (vch_buf_finish(&buf, &head) == VCH_OK) {
        vch_conn_write(http->conn, head);
        if (!head_only && vch_http_answer_has_body(answer)) vch_conn_write(http->conn, answer->body);
    } else {
        vch_conn_close(http->conn, NULL);
    }
    vch_buf_deinit(&buf);
}

void vch_http_exchange_free(struct vch_http_exchange *x) {
    vch_http_reader_free(x->reader);
    free(x);
}

/* Whoever sends requests and does not read the answers must not fill our memory. */
static void next_request(struct vch_http_conn *http) {
    http->held = vch_conn_pending(http->conn) > UNREAD_MAX;
    if (!http->held) vch_conn_resume(http->conn);
}

void vch_http_reply(struct vch_http_exchange *x, const struct vch_http_answer *answer) {
    struct vch_http_conn *http = x->http;
    vch_assert(answer->status >= 200 && answer->status <= 599);
    if (http) {
        bool keep_alive = !answer->close && vch_http_reader_keep_alive(x->reader);
        bool head_only = vch_str_eq_c(vch_http_exchange_request(x)->method, "HEAD");
        http->exchange = NULL;
        write_answer(http, answer, keep_alive, head_only);
        await_request(http);
        if (keep_alive)
            next_request(http);
        else
            vch_conn_close(http->conn, NULL);
    }
    vch_http_exchange_free(x);
}

static void reply_early(struct vch_http_exchange *x) {
    static const struct vch_http_answer refusal = {.status = 400,
                                                   .content_type = "application/json",
                                                   .body = {"{\"message\":\"The answer must be waited for.\"}", 44},
                                                   .close = true};
    vch_http_reply(x, &refusal);
}

static bool write_upgrade(struct vch_conn *conn, const struct vch_http_header *headers, size_t count) {
    struct vch_buf buf;
    struct vch_str head;
    vch_buf_init(&buf, ANSWER_HEAD_MAX);
    bool sound = vch_http_upgrade_head(headers, count, vch_now_ms(), &buf) && vch_buf_finish(&buf, &head) == VCH_OK;
    if (sound) vch_conn_write(conn, head);
    vch_buf_deinit(&buf);
    return sound;
}

struct vch_conn *vch_http_upgrade(struct vch_http_exchange *x, const struct vch_http_header *headers, size_t count,
                                  const struct vch_conn_filter *filter, void *filter_arg) {
    struct vch_http_conn *http = x->http;
    struct vch_conn *conn = http ? http->conn : NULL;
    if (!conn || !vch_conn_is_open(conn) || vch_conn_unread(conn)) {
        reply_early(x);
        return NULL;
    }
    http->exchange = NULL;
    bool given = write_upgrade(conn, headers, count) && vch_conn_set_filter(conn, filter, filter_arg) == VCH_OK;
    vch_http_exchange_free(x);
    if (!given) {
        vch_conn_close(conn, NULL);
        return NULL;
    }
    vch_conn_set_handler(conn, NULL, NULL);
    free(http);
    vch_conn_resume(conn);
    return conn;
}

/* What cannot be read is answered here, and ends the connection: where the next
 * request would start is unknown. */
static void refuse(struct vch_http_conn *http) {
    struct vch_diag diag = {0};
    char body[256];
    int status = vch_http_reader_status(http->reader);
    const char *why = vch_http_reader_why(http->reader);
    (void)vch_diag_set(&diag, VCH_ERR_MALFORMED, "http-refused", "", "%d: %s", status, why);
    int len = snprintf(body, sizeof body, "{\"message\":\"%s\"}", why);
    const struct vch_http_answer answer = {.status = status,
                                           .content_type = "application/json",
                                           .body = vch_str_of(body, len > 0 ? (size_t)len : 0),
                                           .close = true};
    write_answer(http, &answer, false, false);
    vch_conn_close(http->conn, &diag);
}

/* ---- requests --------------------------------------------------------------------- */

/* The exchange may outlive the connection, so it copies what is the connection's. */
static bool fill_peer(struct vch_http_conn *http, struct vch_http_exchange *x) {
    struct vch_http_request *request = vch_http_reader_request(x->reader);
    struct vch_arena *arena = vch_http_reader_arena(x->reader);
    request->peer_ip = vch_arena_str(arena, vch_str_from(vch_conn_peer_ip(http->conn))).ptr;
    request->peer_id = vch_arena_str(arena, vch_str_from(vch_conn_peer_id(http->conn))).ptr;
    request->sni = vch_arena_str(arena, vch_conn_sni(http->conn)).ptr;
    request->secure = vch_conn_tls_version(http->conn)[0] != '\0';
    request->http11 = vch_http_reader_is_11(x->reader);
    return request->peer_ip && request->peer_id && request->sni;
}

static void begin_exchange(struct vch_http_conn *http) {
    struct vch_http_exchange *x = calloc(1, sizeof *x);
    if (!x) {
        vch_conn_close(http->conn, NULL);
        return;
    }
    *x = (struct vch_http_exchange){.http = http, .loop = vch_conn_loop(http->conn), .reader = http->reader};
    http->reader = NULL;
    if (!fill_peer(http, x)) {
        vch_http_exchange_free(x);
        vch_conn_close(http->conn, NULL);
        return;
    }
    http->exchange = x;
    vch_conn_pause(http->conn); /* pipelined requests wait */
    vch_conn_deadline(http->conn, 0);
    http->options->on_request(x, http->options->arg);
}

static bool need_reader(struct vch_http_conn *http) {
    size_t body_max = http->options->body_max ? http->options->body_max : VCH_HTTP_BODY_MAX;
    if (!http->reader) http->reader = vch_http_reader_new(body_max);
    if (!http->reader) vch_conn_close(http->conn, NULL);
    return http->reader != NULL;
}

static size_t on_data(struct vch_conn *conn, void *arg, struct vch_str bytes) {
    struct vch_http_conn *http = arg;
    size_t total = 0;
    if (http->stream) return bytes.len; /* no request comes behind one that has no end */
    if (http->exchange || !need_reader(http)) return 0;
    for (;;) {
        size_t used = 0;
        enum vch_http_read read = vch_http_reader_feed(http->reader, vch_str_sub(bytes, total, bytes.len), &used);
        total += used;
        switch (read) {
        case VCH_HTTP_CONTINUE: vch_conn_write(conn, VCH_STR("HTTP/1.1 100 Continue\r\n\r\n")); break;
        case VCH_HTTP_MORE: time_request(http); return total;
        case VCH_HTTP_DONE: begin_exchange(http); return total;
        case VCH_HTTP_BAD: refuse(http); return bytes.len;
        }
    }
}

/* ---- life -------------------------------------------------------------------------- */

static void on_open(struct vch_conn *conn, void *arg) {
    (void)conn;
    await_request(arg);
}

static void on_drain(struct vch_conn *conn, void *arg) {
    struct vch_http_conn *http = arg;
    if (http->stream) {
        vch_http_stream_drained(http->stream);
        return;
    }
    if (!http->exchange && !http->timed) await_request(http); /* a large answer took its time */
    if (!http->held) return;
    http->held = false;
    vch_conn_resume(conn);
}

static void on_close(struct vch_conn *conn, void *arg, enum vch_close_reason reason, const struct vch_diag *diag) {
    struct vch_http_conn *http = arg;
    (void)conn;
    (void)reason;
    if (http->stream) vch_http_stream_over(http->stream, diag);
    else if (http->exchange) http->exchange->http = NULL;
    vch_http_reader_free(http->reader);
    free(http);
}

enum vch_err vch_http_attach(struct vch_conn *conn, const struct vch_http_options *options) {
    static const struct vch_conn_handler handler = {on_open, on_data, on_drain, on_close, NULL};
    struct vch_http_conn *http = calloc(1, sizeof *http);
    if (!http) return VCH_ERR_NOMEM;
    http->conn = conn;
    http->options = options;
    vch_conn_set_handler(conn, &handler, http);
    vch_conn_set_output_max(conn, SIZE_MAX); /* one answer at a time: its maker bounds it */
    if (vch_conn_is_open(conn)) await_request(http);
    return VCH_OK;
}
