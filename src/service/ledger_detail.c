/* What the ledger keeps of a request. */
#include <string.h>

#include "service/claim_watch.h"

enum { DETAIL_MAX = 8192, NAME_KEPT = 64, VALUE_KEPT = 256, PARAMETERS_KEPT = 50 };

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool holds_word(struct vch_str text, struct vch_str word) {
    for (size_t i = 0; word.len && i + word.len <= text.len; i++) {
        size_t k = 0;
        while (k < word.len && lower(text.ptr[i + k]) == lower(word.ptr[k])) k++;
        if (k == word.len) return true;
    }
    return false;
}

/* By the operator's words for names; by its looks for a value. */
static bool is_secret(const struct vch_call *call, struct vch_str name, struct vch_str value) {
    struct vch_str words = call->service->ledger_secrets, word;
    if (holds_word(value, VCH_STR("-----BEGIN"))) return true;
    while (vch_str_split(&words, ',', &word))
        if (holds_word(name, vch_str_trim(word))) return true;
    return false;
}

enum vch_err vch_ledger_put_parameters(const struct vch_call *call, struct vch_val *map, const struct vch_val *parameters) {
    if (!vch_val_is(parameters, VCH_VAL_MAP) || parameters->count == 0) return VCH_OK;
    struct vch_val *kept = vch_val_put_map(call->arena, map, "parameters");
    if (!kept) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < parameters->count && i < PARAMETERS_KEPT; i++) {
        const struct vch_member *m = &parameters->members[i];
        struct vch_str value = m->value.type == VCH_VAL_STR ? m->value.str : VCH_STR("(not a string)");
        bool whole = m->name.len <= NAME_KEPT && value.len <= VALUE_KEPT;
        struct vch_val *slot = m->name.len <= NAME_KEPT ? vch_val_put_str_name(call->arena, kept, m->name) : NULL;
        if (m->name.len <= NAME_KEPT && !slot) return VCH_ERR_NOMEM;
        if (!slot) continue;
        if (is_secret(call, m->name, value)) value = VCH_STR("(left out)");
        else if (!whole) value = VCH_STR("(long)");
        *slot = (struct vch_val){.type = VCH_VAL_STR, .str = value};
    }
    return VCH_OK;
}

enum vch_err vch_ledger_detail(const struct vch_call *call, const struct vch_val *map, struct vch_rec_ledger *row) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, DETAIL_MAX);
    vch_json_encode(map, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    row->detail = err == VCH_OK ? vch_arena_str(call->arena, text) : VCH_STR("{\"detail\":\"too large\"}");
    vch_buf_deinit(&buf);
    return row->detail.ptr ? VCH_OK : VCH_ERR_NOMEM;
}
