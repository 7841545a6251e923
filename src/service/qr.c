/* A text as a QR code, for pages and terminals that draw it. The text may be a
 * secret: it is not kept, and the matrix is wiped. */
#include <errno.h>
#include <qrencode.h>

#include "core/reason.h"
#include "service/call.h"

static QRecLevel level_of(struct vch_str word) {
    static const struct {
        const char *word;
        QRecLevel level;
    } rows[] = {{"M", QR_ECLEVEL_M}, {"Q", QR_ECLEVEL_Q}, {"H", QR_ECLEVEL_H}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (vch_str_eq_c(word, rows[i].word)) return rows[i].level;
    return QR_ECLEVEL_L;
}

static enum vch_err put_row(struct vch_call *call, const unsigned char *squares, size_t size, struct vch_val *rows) {
    char *text = vch_arena_alloc(call->arena, size);
    if (!text) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < size; i++) text[i] = squares[i] & 1 ? '1' : '0';
    return vch_val_push_str(call->arena, rows, vch_str_of(text, size));
}

static enum vch_err put_code(struct vch_call *call, const QRcode *code) {
    size_t size = (size_t)code->width;
    VCH_TRY(vch_val_put_int(call->arena, call->out, "size", (int64_t)size));
    struct vch_val *rows = vch_val_put_list(call->arena, call->out, "rows");
    if (!rows) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < size; i++) VCH_TRY(put_row(call, code->data + i * size, size, rows));
    return VCH_OK;
}

enum vch_err vch_uc_encode_qr(struct vch_call *call) {
    struct vch_str text = vch_arena_str(call->arena, vch_val_str_at(call->in, "text"));
    if (!text.ptr) return VCH_ERR_NOMEM;
    /* The library finds the shortest mix of modes; letters keep their case. */
    QRcode *code = QRcode_encodeString(text.ptr, 0, level_of(vch_val_str_at(call->in, "level")), QR_MODE_8, 1);
    if (!code && errno == ERANGE)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_TOO_LONG, "text", "The text does not fit into a QR code of that level.");
    if (!code) return VCH_ERR_NOMEM;
    enum vch_err err = put_code(call, code);
    vch_wipe(code->data, (size_t)code->width * (size_t)code->width);
    QRcode_free(code);
    return err;
}
