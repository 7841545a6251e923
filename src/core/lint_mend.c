#include <string.h>

#include "core/lint_priv.h"

struct mending {
    struct vch_str account;
    struct vch_arena *arena;
    struct vch_lint *lint;
};

/* ---- M1 ---- */

static bool closes_next(const char *text, size_t len, size_t at) {
    while (at < len && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) at++;
    return at < len && (text[at] == '}' || text[at] == ']');
}

/* In place, outside of strings; the copy's new length. */
static size_t drop_commas(char *text, size_t len) {
    bool inside = false;
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (inside && c == '\\' && i + 1 < len) {
            text[kept++] = c;
            c = text[++i];
        } else if (c == '"') {
            inside = !inside;
        } else if (c == ',' && !inside && closes_next(text, len, i + 1)) {
            continue;
        }
        text[kept++] = c;
    }
    return kept;
}

static enum vch_err without_commas(struct mending *m, struct vch_str text, struct vch_str *ret) {
    char *bytes = vch_arena_alloc(m->arena, text.len + 1);
    if (!bytes) return VCH_ERR_NOMEM;
    if (text.len) memcpy(bytes, text.ptr, text.len);
    *ret = vch_str_of(bytes, drop_commas(bytes, text.len));
    if (ret->len < text.len) vch_lint_add(m->lint, "M1", VCH_STR(""), "A comma before a closing bracket was dropped.");
    return VCH_OK;
}

/* ---- M2 ---- */

static bool is_bare_statement(const struct vch_val *val) {
    return vch_val_is(val, VCH_VAL_MAP) && vch_val_get(val, "Effect") && !vch_val_get(val, "Statement");
}

static enum vch_err put_version(struct mending *m, struct vch_val *map) {
    return vch_val_put_str(m->arena, map, "Version", VCH_STR("2012-10-17"));
}

/* A document around one statement. */
static enum vch_err wrap(struct mending *m, struct vch_val **val) {
    struct vch_val *document = vch_val_new_map(m->arena);
    if (!document) return VCH_ERR_NOMEM;
    VCH_TRY(put_version(m, document));
    struct vch_val *list = vch_val_put_list(m->arena, document, "Statement");
    struct vch_val *slot = list ? vch_val_push(m->arena, list) : NULL;
    if (!slot) return VCH_ERR_NOMEM;
    *slot = **val;
    *val = document;
    vch_lint_add(m->lint, "M2", VCH_STR("/Statement"), "A bare statement was wrapped into a policy document.");
    return VCH_OK;
}

static enum vch_err mend_shape(struct mending *m, struct vch_val **val) {
    if (is_bare_statement(*val)) return wrap(m, val);
    if (!vch_val_get(*val, "Statement") || vch_val_get(*val, "Version")) return VCH_OK;
    VCH_TRY(put_version(m, *val));
    vch_lint_add(m->lint, "M2", VCH_STR("/Version"), "The document had no Version.");
    return VCH_OK;
}

/* ---- M3, M4 ---- */

static struct vch_str join(struct mending *m, const struct vch_lint_arn *arn, bool service) {
    struct vch_buf buf;
    struct vch_str text;
    struct vch_str copy = {NULL, 0};
    vch_buf_init(&buf, 1u << 20);
    for (size_t i = 0; i < arn->count; i++) {
        if (i) vch_buf_u8(&buf, ':');
        if (service && i == 2) vch_buf_c(&buf, "iot:");
        vch_buf_str(&buf, arn->field[i]);
    }
    if (vch_buf_finish(&buf, &text) == VCH_OK) copy = vch_arena_str(m->arena, text);
    vch_buf_deinit(&buf);
    return copy;
}

static enum vch_err mend_arn(struct mending *m, struct vch_val *val, struct vch_str pointer) {
    if (!vch_val_is(val, VCH_VAL_STR) || !vch_str_starts(val->str, VCH_STR("arn:"))) return VCH_OK;
    struct vch_lint_arn arn = vch_lint_arn(val->str);
    bool service = vch_lint_lacks_service(&arn);
    size_t at = service ? 3 : 4;
    bool account = m->account.len > 0 && arn.count > at + 1 && vch_lint_is_placeholder_account(arn.field[at]);
    if (!service && !account) return VCH_OK;
    if (account) arn.field[at] = m->account;
    val->str = join(m, &arn, service);
    if (!val->str.ptr) return VCH_ERR_NOMEM;
    if (service) vch_lint_add(m->lint, "M3", pointer, "The service \"iot\" was put into the ARN.");
    if (account) vch_lint_add(m->lint, "M4", pointer, "The placeholder became the account.");
    return VCH_OK;
}

static enum vch_err mend_arns(struct mending *m, struct vch_val *val, struct vch_str pointer) {
    if (val->type != VCH_VAL_LIST) return mend_arn(m, val, pointer);
    for (size_t i = 0; i < val->count; i++) {
        struct vch_str at = vch_arena_printf(m->arena, "%.*s/%zu", VCH_STR_ARG(pointer), i);
        VCH_TRY(mend_arn(m, &val->items[i], at));
    }
    return VCH_OK;
}

static enum vch_err mend_statement(struct mending *m, struct vch_val *val, struct vch_str pointer) {
    if (val->type != VCH_VAL_MAP) return VCH_OK;
    for (size_t i = 0; i < val->count; i++) {
        struct vch_str name = val->members[i].name;
        if (!vch_str_eq_c(name, "Resource") && !vch_str_eq_c(name, "NotResource")) continue;
        struct vch_str at = vch_arena_printf(m->arena, "%.*s/%.*s", VCH_STR_ARG(pointer), VCH_STR_ARG(name));
        VCH_TRY(mend_arns(m, &val->members[i].value, at));
    }
    return VCH_OK;
}

static struct vch_val *member_of(struct vch_val *map, const char *name) {
    for (size_t i = 0; map->type == VCH_VAL_MAP && i < map->count; i++)
        if (vch_str_eq_c(map->members[i].name, name)) return &map->members[i].value;
    return NULL;
}

static enum vch_err mend_statements(struct mending *m, struct vch_val *document) {
    struct vch_val *statements = member_of(document, "Statement");
    if (!statements) return VCH_OK;
    if (statements->type != VCH_VAL_LIST) return mend_statement(m, statements, VCH_STR("/Statement"));
    for (size_t i = 0; i < statements->count; i++)
        VCH_TRY(mend_statement(m, &statements->items[i], vch_arena_printf(m->arena, "/Statement/%zu", i)));
    return VCH_OK;
}

static enum vch_err encode(struct vch_arena *arena, const struct vch_val *val, struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    vch_buf_init(&buf, 1u << 20);
    vch_json_encode(val, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return err == VCH_OK && !ret->ptr ? VCH_ERR_NOMEM : err;
}

enum vch_err vch_lint_mend(struct vch_str text, struct vch_str account, struct vch_arena *arena,
                           struct vch_str *ret_document, struct vch_lint *ret, struct vch_diag *diag) {
    struct mending m = {account, arena, ret};
    struct vch_str clean = {NULL, 0};
    struct vch_val *val = NULL;
    ret->count = 0;
    ret->more = false;
    VCH_TRY(without_commas(&m, text, &clean));
    VCH_TRY(vch_lint_decode(clean, arena, &val, diag));
    VCH_TRY(mend_shape(&m, &val));
    VCH_TRY(mend_statements(&m, val));
    return encode(arena, val, ret_document);
}
