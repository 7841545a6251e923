#include "ctl/claim_qr.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/blocks.h"
#include "base/clock.h"

enum { QUIET = 4, SIZE_MIN = 21, SIZE_LIMIT = 177, PICTURE_MAX = 1 << 17 };

static bool is_dark(const void *arg, size_t row, size_t column) {
    const struct vch_val *rows = arg;
    return rows->items[row].str.ptr[column] == '1';
}

static bool is_square(const struct vch_val *rows, int64_t size) {
    if (!vch_val_is(rows, VCH_VAL_LIST) || size < SIZE_MIN || size > SIZE_LIMIT || rows->count != (size_t)size) return false;
    for (size_t i = 0; i < rows->count; i++)
        if (rows->items[i].type != VCH_VAL_STR || rows->items[i].str.len != rows->count) return false;
    return true;
}

bool vch_ctl_qr_draw(const struct vch_val *code, bool colours, struct vch_buf *buf) {
    const struct vch_val *rows = vch_val_get(code, "rows");
    int64_t size = vch_val_int_at(code, "size", 0);
    if (!is_square(rows, size)) return false;
    vch_blocks_draw(&(struct vch_blocks){.size = (size_t)size, .quiet = QUIET, .colours = colours, .dark = is_dark, .arg = rows}, buf);
    return !buf->failed;
}

/* Elsewhere the colours of the ground are whoever's who looks at it. */
static bool knows_colours(FILE *out) {
    const char *term = getenv("TERM");
    return isatty(fileno(out)) == 1 && term && *term && strcmp(term, "dumb") != 0;
}

/* A line that is broken in two is no code. */
static bool is_too_narrow(FILE *out, int64_t columns) {
    struct winsize size;
    return isatty(fileno(out)) == 1 && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_col < columns;
}

static int64_t time_ms(const struct vch_val *seconds) {
    if (vch_val_is(seconds, VCH_VAL_REAL)) return (int64_t)(seconds->real * 1000);
    return vch_val_is(seconds, VCH_VAL_INT) ? seconds->integer * 1000 : 0;
}

/* The picture is the key: it stays in memory that is wiped, and goes nowhere else. */
static enum vch_ctl_exit print(struct vch_ctl *ctl, const struct vch_val *code, const struct vch_val *answer, struct vch_str template_name) {
    struct vch_buf buf;
    char until[25];
    int64_t columns = vch_val_int_at(code, "size", 0) + 2 * QUIET;
    if (is_too_narrow(ctl->out, columns))
        return vch_ctl_fail(ctl, "the code needs a terminal of %lld columns: make this one wider, then a new claim", (long long)columns);
    vch_time_iso(time_ms(vch_val_get(answer, "expiration")), until);
    vch_buf_init_secret(&buf, PICTURE_MAX);
    bool drawn = vch_ctl_qr_draw(code, knows_colours(ctl->out), &buf);
    vch_buf_printf(&buf, "Claim %.12s for template %.*s, good until %s. Whoever reads this code can use it.\n",
                   vch_val_str_at(answer, "certificateId").ptr, VCH_STR_ARG(template_name), until);
    bool written = drawn && !buf.failed && fwrite(buf.ptr, 1, buf.len, ctl->out) == buf.len;
    vch_buf_deinit(&buf);
    if (!drawn) return vch_ctl_fail(ctl, "the server's answer holds no QR code");
    return written ? VCH_CTL_DONE : vch_ctl_fail(ctl, "cannot write");
}

enum vch_ctl_exit vch_ctl_claim_qr(struct vch_ctl *ctl, const struct vch_val *answer, struct vch_str template_name) {
    struct vch_str text = vch_val_str_at(answer, "claimText");
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    const struct vch_val *code = NULL;
    if (text.len == 0)
        return vch_ctl_fail(ctl, "this claim has no text for a QR code: only claims with a P-256 key of the server's have one");
    if (!inputs || !vch_ctl_put(ctl, VCH_OP_ENCODE_QR, inputs, "text", text)) return vch_ctl_fail(ctl, "out of memory");
    enum vch_ctl_exit exit = vch_ctl_call(ctl, VCH_OP_ENCODE_QR, inputs, &code);
    return exit == VCH_CTL_DONE ? print(ctl, code, answer, template_name) : exit;
}
