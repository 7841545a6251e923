#include "agent/pkcs11_make.h"
#include "base/codec.h"

static enum vch_err bad(struct vch_diag *diag, const char *why) {
    return vch_diag_set(diag, VCH_ERR_INVALID, "key-uri-invalid", "key", "The key's URI %s.", why);
}

/* RFC 3986 2.1. */
static bool decode(struct vch_str text, char *out, size_t size) {
    size_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = (uint8_t)text.ptr[i];
        if (byte == '%') {
            if (vch_unhex(vch_str_sub(text, i + 1, 2), &byte, 1) != VCH_OK) return false;
            i += 2;
        }
        if (byte == 0 || at + 1 >= size) return false;
        out[at++] = (char)byte;
    }
    out[at] = '\0';
    return true;
}

static enum vch_err take(struct vch_pkcs11_name *name, struct vch_str attribute, struct vch_diag *diag) {
    size_t equals = vch_str_find(attribute, '=', 0);
    if (equals == SIZE_MAX) return bad(diag, "has an attribute without a value");
    struct vch_str key = vch_str_sub(attribute, 0, equals), value = vch_str_sub(attribute, equals + 1, SIZE_MAX);
    bool fits = true;
    if (vch_str_eq_c(key, "pin-value")) return bad(diag, "holds a PIN, which others could read");
    if (vch_str_eq_c(key, "token")) fits = decode(value, name->token, sizeof name->token);
    if (vch_str_eq_c(key, "object")) fits = decode(value, name->object, sizeof name->object);
    if (vch_str_eq_c(key, "module-path")) fits = decode(value, name->module, sizeof name->module);
    if (vch_str_eq_c(key, "slot-id")) fits = vch_str_int(value, &name->slot) == VCH_OK && name->slot >= 0;
    return fits ? VCH_OK : bad(diag, "has a value that is not valid");
}

enum vch_err vch_pkcs11_parse(struct vch_str uri, struct vch_pkcs11_name *ret, struct vch_diag *diag) {
    struct vch_str part;
    *ret = (struct vch_pkcs11_name){.slot = -1};
    if (!vch_str_starts(uri, VCH_STR("pkcs11:"))) return bad(diag, "does not begin with pkcs11:");
    struct vch_str path = vch_str_sub(uri, 7, SIZE_MAX), query = VCH_STR("");
    size_t mark = vch_str_find(path, '?', 0);
    if (mark != SIZE_MAX) {
        query = vch_str_sub(path, mark + 1, SIZE_MAX);
        path = vch_str_sub(path, 0, mark);
    }
    while (path.len && vch_str_split(&path, ';', &part)) VCH_TRY(take(ret, part, diag));
    while (query.len && vch_str_split(&query, '&', &part)) VCH_TRY(take(ret, part, diag));
    return VCH_OK;
}
