#include "http/websocket.h"

#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

struct vch_ws {
    wslay_event_context_ptr context;
    /* Of the call under way. */
    struct vch_str wire;
    struct vch_buf *plain, *out;
    uint8_t opcode;  /* of the frame being read */
    uint16_t closed; /* the code of a close frame of ours that no goodbye asked for; 0: none */
};

/* ---- libwslay asks ---------------------------------------------------------------- */

static ssize_t on_recv(wslay_event_context_ptr context, uint8_t *buf, size_t len, int flags, void *arg) {
    (void)flags;
    struct vch_ws *ws = arg;
    size_t count = len < ws->wire.len ? len : ws->wire.len;
    if (count == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(buf, ws->wire.ptr, count);
    ws->wire = vch_str_sub(ws->wire, count, ws->wire.len);
    return (ssize_t)count;
}

static ssize_t on_send(wslay_event_context_ptr context, const uint8_t *data, size_t len, int flags, void *arg) {
    (void)context;
    (void)flags;
    struct vch_ws *ws = arg;
    vch_buf_bytes(ws->out, data, len);
    return (ssize_t)len;
}

/* [MQTT-6.0.0-1]: a data frame that is not binary ends the connection. */
static void on_frame(wslay_event_context_ptr context, const struct wslay_event_on_frame_recv_start_arg *frame,
                     void *arg) {
    struct vch_ws *ws = arg;
    ws->opcode = frame->opcode;
    if (frame->opcode != WSLAY_TEXT_FRAME) return;
    ws->closed = WSLAY_CODE_UNSUPPORTED_DATA;
    (void)wslay_event_queue_close(context, WSLAY_CODE_UNSUPPORTED_DATA, NULL, 0);
    wslay_event_shutdown_read(context);
}

static void on_chunk(wslay_event_context_ptr context, const struct wslay_event_on_frame_recv_chunk_arg *chunk,
                     void *arg) {
    (void)context;
    struct vch_ws *ws = arg;
    if (ws->closed || (ws->opcode != WSLAY_BINARY_FRAME && ws->opcode != WSLAY_CONTINUATION_FRAME)) return;
    if (chunk->data_length) vch_buf_bytes(ws->plain, chunk->data, chunk->data_length);
}

/* ---- the filter ---------------------------------------------------------------------- */

static bool send_all(struct vch_ws *ws) {
    return wslay_event_send(ws->context) == 0;
}

/* RFC 6455 5.5.1. libwslay's own answer to a broken frame names no code. */
static void say_close(struct vch_ws *ws, uint16_t code) {
    ws->closed = code;
    vch_buf_u8(ws->out, 0x80 | WSLAY_CONNECTION_CLOSE);
    vch_buf_u8(ws->out, sizeof code);
    vch_buf_u16(ws->out, code);
}

static bool refuse(struct vch_ws *ws, struct vch_diag *diag) {
    const char *why = "The client broke the rules of WebSocket frames.";
    if (ws->closed == WSLAY_CODE_UNSUPPORTED_DATA) why = "The client sent a text frame; MQTT is binary.";
    if (ws->closed == WSLAY_CODE_MESSAGE_TOO_BIG) why = "The client sent a WebSocket frame that is too large.";
    (void)vch_diag_set(diag, VCH_ERR_MALFORMED, "websocket-protocol", "", "%s", why);
    return false;
}

static bool decode(void *arg, struct vch_str wire, struct vch_buf *plain, struct vch_buf *out, struct vch_diag *diag) {
    struct vch_ws *ws = arg;
    ws->wire = wire;
    ws->plain = plain;
    ws->out = out;
    if (wslay_event_recv(ws->context) != 0 && !ws->closed) {
        say_close(ws, WSLAY_CODE_PROTOCOL_ERROR);
        return refuse(ws, diag);
    }
    bool sent = send_all(ws);
    if (sent && wslay_event_want_read(ws->context)) return true;
    if (wslay_event_get_close_received(ws->context) && !ws->closed) return false; /* a goodbye */
    ws->closed = wslay_event_get_status_code_sent(ws->context);
    return refuse(ws, diag);
}

static bool is_closed(const struct vch_ws *ws) {
    return ws->closed || wslay_event_get_close_sent(ws->context);
}

static void encode(void *arg, struct vch_str plain, struct vch_buf *out) {
    struct vch_ws *ws = arg;
    const struct wslay_event_msg message = {WSLAY_BINARY_FRAME, (const uint8_t *)plain.ptr, plain.len};
    ws->out = out;
    if (is_closed(ws)) return; /* RFC 6455 5.5.1: nothing behind it */
    if (wslay_event_queue_msg(ws->context, &message) != 0 || !send_all(ws)) out->failed = true;
}

static uint16_t code_of(enum vch_close_reason reason, const struct vch_diag *diag) {
    if (reason == VCH_CLOSE_STOP || (diag->reason && strcmp(diag->reason, "server-stopping") == 0)) return WSLAY_CODE_GOING_AWAY;
    bool wanted = !diag->reason || strcmp(diag->reason, "client") == 0;
    return wanted ? WSLAY_CODE_NORMAL_CLOSURE : WSLAY_CODE_POLICY_VIOLATION;
}

static void finish(void *arg, enum vch_close_reason reason, const struct vch_diag *diag, struct vch_buf *out) {
    struct vch_ws *ws = arg;
    ws->out = out;
    if (!is_closed(ws)) say_close(ws, code_of(reason, diag));
}

static void release(void *arg) {
    struct vch_ws *ws = arg;
    if (!ws) return;
    wslay_event_context_free(ws->context);
    free(ws);
}

const struct vch_conn_filter vch_ws_filter = {decode, encode, finish, release};

enum vch_err vch_ws_new(size_t frame_max, struct vch_ws **ret) {
    static const struct wslay_event_callbacks callbacks = {.recv_callback = on_recv,
                                                           .send_callback = on_send,
                                                           .on_frame_recv_start_callback = on_frame,
                                                           .on_frame_recv_chunk_callback = on_chunk};
    struct vch_ws *ws = calloc(1, sizeof *ws);
    if (!ws) return VCH_ERR_NOMEM;
    if (wslay_event_context_server_init(&ws->context, &callbacks, ws) != 0) {
        free(ws);
        return VCH_ERR_NOMEM;
    }
    wslay_event_config_set_no_buffering(ws->context, 1);
    wslay_event_config_set_max_recv_msg_length(ws->context, frame_max);
    *ret = ws;
    return VCH_OK;
}
