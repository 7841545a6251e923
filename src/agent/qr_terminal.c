#include "agent/qr_terminal.h"

#include "agent/qr_code.h"

enum { QUIET = 4 }; /* ISO/IEC 18004 6.3.8 */

/* Bit 0: the upper half is light; bit 1: the lower one. */
static const char *const halves[] = {" ", "\xE2\x96\x80", "\xE2\x96\x84", "\xE2\x96\x88"};

static unsigned is_light(const struct vch_qr *qr, int x, int y) {
    return y < qr->size + QUIET && !vch_qr_dark(qr, x, y);
}

static void draw_line(const struct vch_qr *qr, int y, bool escapes, struct vch_buf *out) {
    if (escapes) vch_buf_c(out, "\x1b[40;37;1m");
    for (int x = -QUIET; x < qr->size + QUIET; x++)
        vch_buf_c(out, halves[is_light(qr, x, y) | is_light(qr, x, y + 1) << 1]);
    vch_buf_c(out, escapes ? "\x1b[0m\n" : "\n");
}

enum vch_err vch_qr_draw(struct vch_str text, bool escapes, unsigned columns, struct vch_buf *out) {
    static struct vch_qr qr; /* one thread */
    if (!vch_qr_encode(text, -1, &qr)) return VCH_ERR_TOO_LARGE;
    if (columns && columns < (unsigned)(qr.size + 2 * QUIET)) return VCH_ERR_NOT_FOUND;
    for (int y = -QUIET; y < qr.size + QUIET; y += 2) draw_line(&qr, y, escapes, out);
    return out->failed ? VCH_ERR_TOO_LARGE : VCH_OK;
}
