#include "http/stream.h"

#include "base/clock.h"
#include "http/answer_priv.h"
#include "http/server_priv.h"

#include <stdio.h>
#include <stdlib.h>

struct vch_http_stream {
    struct vch_http_exchange *x;
    const struct vch_http_stream_handler *handler;
    void *arg;
    bool chunked, ended;
};

static bool write_head(struct vch_http_conn *http, const struct vch_http_answer *answer, bool chunked) {
    struct vch_buf buf;
    struct vch_str head;
    vch_buf_init_secret(&buf, VCH_HTTP_ANSWER_HEAD_MAX);
    bool sound = vch_http_stream_head(answer, chunked, http->options->server_name, vch_now_ms(), &buf) &&
                 vch_buf_finish(&buf, &head) == VCH_OK;
    if (sound) vch_conn_write(http->conn, head);
    vch_buf_deinit(&buf);
    return sound;
}

struct vch_http_stream *vch_http_stream_begin(struct vch_http_exchange *x, const struct vch_http_answer *answer, size_t pending_max,
                                              const struct vch_http_stream_handler *handler, void *arg) {
    struct vch_http_conn *http = x->http;
    struct vch_http_stream *stream = http ? calloc(1, sizeof *stream) : NULL;
    bool chunked = vch_http_reader_is_11(x->reader);
    if (!stream || !write_head(http, answer, chunked)) {
        const struct vch_http_answer failed = {.status = 500, .close = true};
        free(stream);
        vch_http_reply(x, &failed);
        return NULL;
    }
    *stream = (struct vch_http_stream){.x = x, .handler = handler, .arg = arg, .chunked = chunked};
    http->stream = stream;
    vch_conn_set_output_max(http->conn, pending_max);
    vch_conn_resume(http->conn); /* so that its end is noticed */
    return stream;
}

void vch_http_stream_write(struct vch_http_stream *stream, struct vch_str bytes) {
    struct vch_conn *conn = stream->x->http->conn;
    char size[24];
    if (stream->ended || bytes.len == 0) return; /* an empty chunk would be the last */
    int len = stream->chunked ? snprintf(size, sizeof size, "%zx\r\n", bytes.len) : 0;
    vch_conn_write(conn, vch_str_of(size, (size_t)len));
    vch_conn_write(conn, bytes);
    if (stream->chunked) vch_conn_write(conn, VCH_STR("\r\n"));
}

size_t vch_http_stream_pending(const struct vch_http_stream *stream) {
    return vch_conn_pending(stream->x->http->conn);
}

void vch_http_stream_end(struct vch_http_stream *stream, const struct vch_diag *diag) {
    struct vch_conn *conn = stream->x->http->conn;
    if (stream->ended) return;
    stream->ended = true;
    if (stream->chunked) vch_conn_write(conn, VCH_STR("0\r\n\r\n"));
    vch_conn_close(conn, diag);
}

/* ---- what the connection tells ---- */

void vch_http_stream_drained(struct vch_http_stream *stream) {
    if (!stream->ended && stream->handler->on_drain) stream->handler->on_drain(stream->arg);
}

void vch_http_stream_over(struct vch_http_stream *stream, const struct vch_diag *diag) {
    stream->handler->on_end(stream->arg, diag);
    vch_http_exchange_free(stream->x);
    free(stream);
}
