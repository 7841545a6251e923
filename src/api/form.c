#include "api/form_priv.h"

#include "base/codec.h"

size_t vch_form_find(struct vch_str form, const char *name, struct vch_str *ret) {
    struct vch_str part;
    size_t count = 0;
    *ret = VCH_STR("");
    while (vch_str_split(&form, '&', &part)) {
        size_t eq = vch_str_find(part, '=', 0);
        if (!vch_str_eq_c(vch_str_sub(part, 0, eq), name)) continue;
        if (count++ == 0 && eq != SIZE_MAX) *ret = vch_str_sub(part, eq + 1, SIZE_MAX);
    }
    return count;
}

/* A space is written '+', a plus "%2B". */
static void spaces(struct vch_str raw, struct vch_buf *buf) {
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] == '+') vch_buf_c(buf, "%20");
        else vch_buf_u8(buf, (uint8_t)raw.ptr[i]);
    }
}

static enum vch_err decode(struct vch_str raw, struct vch_buf *escaped, struct vch_buf *plain, struct vch_arena *arena,
                           struct vch_str *ret) {
    struct vch_str text;
    spaces(raw, escaped);
    VCH_TRY(vch_buf_finish(escaped, &text));
    VCH_TRY(vch_unpercent(text, plain));
    VCH_TRY(vch_buf_finish(plain, &text));
    if (!vch_utf8_valid(text)) return VCH_ERR_MALFORMED;
    *ret = vch_arena_str(arena, text);
    return ret->ptr ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_form_get(struct vch_str form, const char *name, struct vch_arena *arena, struct vch_str *ret) {
    struct vch_str raw;
    struct vch_buf escaped, plain;
    if (vch_form_find(form, name, &raw) == 0) {
        *ret = VCH_STR("");
        return VCH_OK;
    }
    vch_buf_init(&escaped, 3 * VCH_FORM_VALUE_MAX);
    vch_buf_init(&plain, VCH_FORM_VALUE_MAX);
    enum vch_err err = decode(raw, &escaped, &plain, arena, ret);
    vch_buf_deinit(&escaped);
    vch_buf_deinit(&plain);
    return err;
}
