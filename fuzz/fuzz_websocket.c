/* The frames of a WebSocket: any bytes, in parts whose sizes the first byte
 * chooses, with output between. No more comes out than went in, and what goes to
 * the peer is whole frames. */
#include "http/websocket.h"

#include <stdlib.h>

enum { FRAME_MAX = 4096, ROOM = 1 << 20 };

/* Unmasked frames, one behind the other. */
static void check_out(const struct vch_buf *out) {
    const uint8_t *at = (const uint8_t *)out->ptr, *end = at + out->len;
    bool closed = false;
    while (at < end) {
        vch_assert(!closed && end - at >= 2 && !(at[1] & 0x80) && (at[0] & 0xf0) == 0x80);
        size_t len = at[1], head = 2;
        if (len == 126) len = (size_t)at[2] << 8 | at[3], head = 4;
        closed = (at[0] & 0x0f) == 8;
        vch_assert(len < 65536 && (size_t)(end - at) >= head + len);
        at += head + len;
    }
}

static void run(struct vch_ws *ws, const uint8_t *data, size_t size, size_t step) {
    struct vch_buf plain, out;
    struct vch_diag diag = {0};
    vch_buf_init(&plain, ROOM);
    vch_buf_init(&out, ROOM);
    bool more = true;
    for (size_t at = 0; more && at < size; at += step) {
        more = vch_ws_filter.decode(ws, vch_str_of(data + at, size - at < step ? size - at : step), &plain, &out, &diag);
        vch_assert(plain.len <= size && out.len <= 4 * size + 16 && !plain.failed && !out.failed);
        if (at % 3 == 0) vch_ws_filter.encode(ws, VCH_STR("x"), &out);
    }
    vch_assert(!more || !diag.reason);
    vch_ws_filter.finish(ws, VCH_CLOSE_LOCAL, &diag, &out);
    check_out(&out);
    vch_buf_deinit(&plain);
    vch_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_ws *ws = NULL;
    if (size == 0 || size > ROOM / 8 || vch_ws_new(FRAME_MAX, &ws) != VCH_OK) return 0;
    run(ws, data + 1, size - 1, data[0] % 2 ? size : 1 + data[0] / 2u);
    vch_ws_filter.free(ws);
    return 0;
}
