#include "http/ask.h"

#include "base/clock.h"

enum { HEAD_MAX = 2048, READ_SIZE = 4096, SLICE_MS = 60000 };

enum vch_err vch_ask_open(struct vch_ask *ask, int64_t deadline_ms, struct vch_diag *diag) {
    if (ask->dial) return VCH_OK;
    int64_t until = vch_mono_ms() + VCH_ASK_DIAL_MS;
    ask->to.deadline_ms = until < deadline_ms ? until : deadline_ms;
    ask->to.tls = true;
    ask->to.alpn = "http/1.1";
    return vch_dial_open(&ask->to, &ask->dial, diag);
}

void vch_ask_close(struct vch_ask *ask) {
    vch_dial_close(ask->dial);
    ask->dial = NULL;
}

/* ---- one request ------------------------------------------------------------------- */

static bool is_line_safe(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= 0x20 || (unsigned char)s.ptr[i] >= 0x7F) return false;
    return s.len > 0;
}

static enum vch_err write_request(const struct vch_ask *ask, struct vch_str path, struct vch_str json,
                                  struct vch_buf *buf, struct vch_diag *diag) {
    bool bare_v6 = vch_str_find(ask->to.host, ':', 0) != SIZE_MAX;
    vch_buf_printf(buf, "POST %.*s HTTP/1.1\r\n", VCH_STR_ARG(path));
    vch_buf_printf(buf, bare_v6 ? "Host: [%.*s]:%u\r\n" : "Host: %.*s:%u\r\n", VCH_STR_ARG(ask->to.host),
                   (unsigned)ask->to.port);
    vch_buf_printf(buf, "User-Agent: %.*s\r\nAccept: application/json\r\nContent-Type: application/json\r\n",
                   VCH_STR_ARG(ask->agent));
    vch_buf_printf(buf, "Content-Length: %zu\r\n\r\n", json.len);
    vch_buf_str(buf, json);
    if (is_line_safe(path) && is_line_safe(ask->to.host) && is_line_safe(ask->agent) && !buf->failed) return VCH_OK;
    return vch_diag_set(diag, VCH_ERR_INVALID, "request-invalid", "", "The request cannot be sent.");
}

static enum vch_err no_answer(enum vch_reply_read read, const struct vch_reply *reply, struct vch_diag *diag) {
    if (read == VCH_REPLY_DONE) return VCH_OK;
    return vch_diag_set(diag, VCH_ERR_MALFORMED, "answer-malformed", "", "%s", reply->why);
}

static enum vch_err failed(const struct vch_ask *ask, enum vch_err err, struct vch_diag *diag) {
    const struct vch_diag *last = vch_dial_diag(ask->dial);
    return vch_diag_set(diag, err, last->reason ? last->reason : "connection-lost", "", "%s",
                        last->message[0] ? last->message : "The connection was lost.");
}

/* A try that does not wait, then the wait that may be given up. */
static enum vch_err receive(struct vch_ask *ask, char *buf, size_t *ret_len, int64_t deadline_ms,
                            struct vch_diag *diag) {
    for (;;) {
        int64_t now = vch_mono_ms();
        enum vch_err err = vch_dial_recv(ask->dial, buf, READ_SIZE, ret_len, ask->wait ? 0 : deadline_ms);
        if (err != VCH_ERR_TIMEOUT || now >= deadline_ms || !ask->wait)
            return err == VCH_OK || err == VCH_ERR_NOT_FOUND ? err : failed(ask, err, diag);
        int64_t left = deadline_ms - now;
        if (ask->wait(vch_dial_fd(ask->dial), left < SLICE_MS ? left : SLICE_MS))
            return vch_diag_set(diag, VCH_ERR_STATE, "given-up", "", "The wait was given up.");
    }
}

static enum vch_err read_reply(struct vch_ask *ask, int64_t deadline_ms, struct vch_reply *ret, bool *ret_any,
                               struct vch_diag *diag) {
    char buf[READ_SIZE];
    enum vch_err err = VCH_OK;
    enum vch_reply_read read = VCH_REPLY_MORE;
    while (err == VCH_OK && read == VCH_REPLY_MORE) {
        size_t len = 0, used = 0;
        err = receive(ask, buf, &len, deadline_ms, diag);
        if (err == VCH_OK) read = vch_reply_feed(ret, vch_str_of(buf, len), &used);
        if (err == VCH_ERR_NOT_FOUND && *ret_any) err = no_answer(read = vch_reply_end(ret), ret, diag);
        *ret_any = *ret_any || len > 0;
        if (read == VCH_REPLY_DONE && used < len) ret->keep_alive = false; /* nobody asked for more */
    }
    vch_wipe(buf, sizeof buf);
    if (err == VCH_ERR_NOT_FOUND) return failed(ask, VCH_ERR_IO, diag);
    return err == VCH_OK ? no_answer(read, ret, diag) : err;
}

static enum vch_err exchange(struct vch_ask *ask, struct vch_str request, int64_t deadline_ms, struct vch_reply *ret,
                             bool *ret_any, struct vch_diag *diag) {
    VCH_TRY(vch_ask_open(ask, deadline_ms, diag));
    enum vch_err err = vch_dial_send(ask->dial, request, deadline_ms);
    if (err != VCH_OK)
        err = failed(ask, err, diag);
    else
        err = read_reply(ask, deadline_ms, ret, ret_any, diag);
    if (err != VCH_OK || !ret->keep_alive) vch_ask_close(ask);
    return err;
}

enum vch_err vch_ask_post(struct vch_ask *ask, struct vch_str path, struct vch_str json, int64_t deadline_ms,
                          struct vch_reply *ret, struct vch_diag *diag) {
    struct vch_buf request;
    struct vch_diag first = {0};
    bool kept = ask->dial != NULL, any = false;
    vch_reply_init(ret, VCH_ASK_ANSWER_MAX);
    vch_buf_init_secret(&request, HEAD_MAX + json.len);
    enum vch_err err = write_request(ask, path, json, &request, &first);
    struct vch_str bytes = vch_str_of(request.ptr, request.len);
    if (err == VCH_OK) err = exchange(ask, bytes, deadline_ms, ret, &any, &first);
    /* RFC 9112 9.3.1: a kept connection may end at any time, and then nothing was read of it. */
    if (err == VCH_ERR_IO && kept && !any) {
        vch_diag_clear(&first);
        err = exchange(ask, bytes, deadline_ms, ret, &any, &first);
    }
    vch_buf_deinit(&request);
    if (err != VCH_OK) (void)vch_diag_set(diag, err, first.reason, first.field, "%s", first.message);
    return err;
}
