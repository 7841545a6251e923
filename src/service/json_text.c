#include "service/json_text.h"

enum { JSON_MAX = 65536 };

enum vch_err vch_json_text(struct vch_call *call, const struct vch_val *val, struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, JSON_MAX);
    vch_json_encode(val, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(call->arena, text);
    vch_buf_deinit(&buf);
    return err == VCH_OK && !ret->ptr ? VCH_ERR_NOMEM : err;
}

enum vch_err vch_put_json_text(struct vch_call *call, struct vch_val *map, const char *name, struct vch_str text) {
    struct vch_val *document;
    if (text.len == 0) return VCH_OK;
    VCH_TRY(vch_json_decode(text, NULL, call->arena, &document, call->diag));
    struct vch_val *slot = vch_val_put(call->arena, map, name);
    if (!slot) return VCH_ERR_NOMEM;
    *slot = *document;
    return VCH_OK;
}
