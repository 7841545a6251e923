/* Evaluation of values in a template that has passed vch_template_check_tree.
 *
 * Every node is evaluated once and every string that a function gives is
 * bounded, so the work is bounded by the size of the template. Values of
 * parameters are never evaluated themselves. */
#include <string.h>

#include "core/names.h"
#include "core/policy.h"
#include "core/reason.h"
#include "core/template_priv.h"

static enum vch_err unresolved(const struct vch_template *t, struct vch_str name) {
    char field[sizeof t->diag->field];
    (void)vch_str_copy(field, sizeof field, name);
    return VCH_REFUSE(t->diag, VCH_ERR_INVALID, PARAMETER_UNRESOLVED, field, "Cannot resolve reference value: %.*s",
                      VCH_STR_ARG(name));
}

static bool has_control(struct vch_str s, bool lines) {
    for (size_t i = 0; i < s.len; i++) {
        if (lines && (s.ptr[i] == '\n' || s.ptr[i] == '\r')) continue;
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7F) return true;
    }
    return false;
}

/* Wildcards of policies and of topics, and what starts a variable or ends a
 * JSON string: a parameter must not widen the policy that it stands in. */
static bool widens_policy(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (strchr("*?${}\"\\+#", s.ptr[i])) return true;
    return false;
}

static enum vch_err accept_given(const struct vch_template *t, struct vch_str name, struct vch_str value,
                                 const struct vch_tpath *at, struct vch_str *ret) {
    if (has_control(value, t->in_pem))
        return vch_template_bad_value(t, at, "The value of %.*s has control characters.", VCH_STR_ARG(name));
    if (t->in_policy && widens_policy(value))
        return vch_template_bad_value(
            t, at, "The value of %.*s has characters that a policy must not take from a parameter.", VCH_STR_ARG(name));
    *ret = value;
    return VCH_OK;
}

/* Names of the service itself are not for the caller to set; the subject of a
 * JITP certificate comes from the service. */
static bool caller_may_give(const struct vch_template *t, struct vch_str name) {
    if (!vch_str_starts(name, VCH_STR("AWS::"))) return true;
    return t->type == VCH_TEMPLATE_JITP && vch_str_starts(name, VCH_STR(VCH_TEMPLATE_CERTIFICATE));
}

static enum vch_err resolve(const struct vch_template *t, struct vch_str name, const struct vch_tpath *at,
                            struct vch_str *ret) {
    const struct vch_val *declared = vch_val_get_str(t->parameters, name);
    bool subject = t->type == VCH_TEMPLATE_JITP && vch_str_starts(name, VCH_STR(VCH_TEMPLATE_CERTIFICATE));
    bool known = t->type != VCH_TEMPLATE_REST;
    if (known && vch_str_eq_c(name, VCH_TEMPLATE_CERTIFICATE_ID)) {
        *ret = t->rehearsal ? VCH_STR("x") : t->certificate_id;
        return VCH_OK;
    }
    if (declared || subject) {
        const struct vch_val *given = caller_may_give(t, name) ? vch_val_get_str(t->given, name) : NULL;
        const struct vch_val *otherwise = vch_val_get(declared, "Default");
        if (given) return accept_given(t, name, given->str, at, ret);
        if (otherwise) {
            *ret = otherwise->str;
            return VCH_OK;
        }
    }
    if (!t->rehearsal) return unresolved(t, name);
    *ret = VCH_STR("x");
    return VCH_OK;
}

/* Yields the buffer's text as an arena string within the bound. */
static enum vch_err keep(const struct vch_template *t, struct vch_buf *buf, const struct vch_tpath *at,
                         struct vch_str *ret) {
    struct vch_str text;
    enum vch_err err = vch_buf_finish(buf, &text);
    if (err == VCH_ERR_TOO_LARGE || (err == VCH_OK && vch_template_characters(text) > VCH_PARAMETER_VALUE_MAX))
        err = vch_template_bad_value(t, at, "The result is longer than %d characters.", VCH_PARAMETER_VALUE_MAX);
    if (err == VCH_OK) {
        *ret = vch_arena_str(t->arena, text);
        if (!ret->ptr) err = VCH_ERR_NOMEM;
    }
    vch_buf_deinit(buf);
    return err;
}

static void init_text(struct vch_buf *buf) {
    vch_buf_init(buf, (size_t)VCH_PARAMETER_VALUE_MAX * 4);
}

static enum vch_err eval_join(const struct vch_template *t, const struct vch_val *arg, const struct vch_tpath *at,
                              struct vch_str *ret) {
    struct vch_tpath first = vch_tpath_item(at, 0);
    struct vch_tpath second = vch_tpath_item(at, 1);
    struct vch_str delimiter;
    const struct vch_val *list;
    struct vch_buf buf;
    VCH_TRY(vch_template_text(t, &arg->items[0], &first, &delimiter));
    VCH_TRY(vch_template_list(t, &arg->items[1], &second, &list));
    init_text(&buf);
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) vch_buf_str(&buf, delimiter);
        vch_buf_str(&buf, list->items[i].str);
    }
    return keep(t, &buf, at, ret);
}

static enum vch_err eval_select(const struct vch_template *t, const struct vch_val *arg, const struct vch_tpath *at,
                                struct vch_str *ret) {
    struct vch_tpath first = vch_tpath_item(at, 0);
    struct vch_tpath second = vch_tpath_item(at, 1);
    struct vch_str text;
    const struct vch_val *list;
    int64_t index = -1;
    VCH_TRY(vch_template_text(t, &arg->items[0], &first, &text));
    VCH_TRY(vch_template_list(t, &arg->items[1], &second, &list));
    bool number = vch_str_int(text, &index) == VCH_OK;
    if (number && index >= 0 && (uint64_t)index < list->count) {
        *ret = list->items[index].str;
        return VCH_OK;
    }
    if (!t->rehearsal) return vch_template_bad_value(t, at, "Fn::Select has no item of this index.");
    *ret = VCH_STR("x");
    return VCH_OK;
}

static enum vch_err eval_find(const struct vch_template *t, const struct vch_val *arg, const struct vch_tpath *at,
                              struct vch_str *ret) {
    const struct vch_val *inside = t->mappings;
    struct vch_str key = {NULL, 0};
    for (size_t i = 0; i < 3; i++) {
        struct vch_tpath place = vch_tpath_item(at, i);
        VCH_TRY(vch_template_text(t, &arg->items[i], &place, &key));
        const struct vch_val *found = vch_val_get_str(inside, key);
        /* A rehearsal knows no keys: the first stands for all. */
        if (!found && t->rehearsal && vch_val_is(inside, VCH_VAL_MAP) && inside->count > 0)
            found = &inside->members[0].value;
        if (!found) return vch_template_bad_value(t, &place, "Mappings has no %.*s here.", VCH_STR_ARG(key));
        inside = found;
    }
    *ret = inside->str;
    return VCH_OK;
}

static size_t find_text(struct vch_str s, struct vch_str part) {
    for (size_t i = 0; i + part.len <= s.len; i++)
        if (memcmp(s.ptr + i, part.ptr, part.len) == 0) return i;
    return SIZE_MAX;
}

static enum vch_err eval_split(const struct vch_template *t, const struct vch_val *arg, const struct vch_tpath *at,
                               const struct vch_val **ret) {
    struct vch_tpath first = vch_tpath_item(at, 0);
    struct vch_tpath second = vch_tpath_item(at, 1);
    struct vch_str delimiter;
    struct vch_str rest;
    VCH_TRY(vch_template_text(t, &arg->items[0], &first, &delimiter));
    VCH_TRY(vch_template_text(t, &arg->items[1], &second, &rest));
    if (delimiter.len == 0) return vch_template_bad_value(t, &first, "The delimiter of Fn::Split is empty.");
    struct vch_val *list = vch_val_new_list(t->arena);
    if (!list) return VCH_ERR_NOMEM;
    size_t hit;
    while ((hit = find_text(rest, delimiter)) != SIZE_MAX) {
        VCH_TRY(vch_val_push_str(t->arena, list, vch_str_of(rest.ptr, hit)));
        rest = vch_str_of(rest.ptr + hit + delimiter.len, rest.len - hit - delimiter.len);
    }
    *ret = list;
    return vch_val_push_str(t->arena, list, rest);
}

/* The object of Fn::Sub, each value evaluated once however often it is used. */
static enum vch_err eval_sub_map(const struct vch_template *t, const struct vch_val *map, const struct vch_tpath *at,
                                 const struct vch_val **ret) {
    struct vch_val *done = vch_val_new_map(t->arena);
    if (!done) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < map->count; i++) {
        struct vch_tpath place = vch_tpath_key(at, map->members[i].name);
        struct vch_val *slot = vch_val_put_str_name(t->arena, done, map->members[i].name);
        if (!slot) return VCH_ERR_NOMEM;
        slot->type = VCH_VAL_STR;
        VCH_TRY(vch_template_text(t, &map->members[i].value, &place, &slot->str));
    }
    *ret = done;
    return VCH_OK;
}

static enum vch_err put_variable(const struct vch_template *t, struct vch_str name, const struct vch_val *map,
                                 const struct vch_tpath *at, struct vch_buf *buf) {
    const struct vch_val *own = vch_val_get_str(map, name);
    struct vch_str value;
    bool literal = name.ptr[0] == '!';
    if (literal || (!own && vch_tsub_opaque(name))) {
        vch_buf_c(buf, "${");
        vch_buf_str(buf, literal ? vch_str_sub(name, 1, SIZE_MAX) : name);
        vch_buf_c(buf, "}");
        return VCH_OK;
    }
    if (own)
        value = own->str;
    else
        VCH_TRY(resolve(t, name, at, &value));
    vch_buf_str(buf, value);
    return VCH_OK;
}

static enum vch_err put_sub(const struct vch_template *t, struct vch_str text, const struct vch_val *map,
                            const struct vch_tpath *at, struct vch_buf *buf) {
    struct vch_str piece;
    enum vch_tsub kind;
    while ((kind = vch_tsub_next(&text, &piece)) != VCH_TSUB_END) {
        if (kind == VCH_TSUB_VARIABLE)
            VCH_TRY(put_variable(t, piece, map, at, buf));
        else
            vch_buf_str(buf, piece);
    }
    return VCH_OK;
}

static enum vch_err eval_sub(const struct vch_template *t, const struct vch_val *arg, const struct vch_tpath *at,
                             struct vch_str *ret) {
    const struct vch_val *map = NULL;
    struct vch_str text = arg->type == VCH_VAL_STR ? arg->str : arg->items[0].str;
    struct vch_tpath second = vch_tpath_item(at, 1);
    struct vch_buf buf;
    if (arg->type == VCH_VAL_LIST) VCH_TRY(eval_sub_map(t, &arg->items[1], &second, &map));
    init_text(&buf);
    enum vch_err err = put_sub(t, text, map, at, &buf);
    if (err == VCH_OK) return keep(t, &buf, at, ret);
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_err render_scalar(const struct vch_template *t, const struct vch_val *val, const struct vch_tpath *at,
                                  struct vch_str *ret) {
    struct vch_buf buf;
    init_text(&buf);
    vch_json_encode(val, &buf);
    return keep(t, &buf, at, ret);
}

enum vch_err vch_template_text(const struct vch_template *t, const struct vch_val *val, const struct vch_tpath *at,
                               struct vch_str *ret) {
    struct vch_str name;
    const struct vch_val *arg;
    if (val->type == VCH_VAL_STR) {
        *ret = val->str;
        return VCH_OK;
    }
    if (val->type != VCH_VAL_MAP) return render_scalar(t, val, at, ret);
    enum vch_tfn fn = vch_tfn_of(val, &name, &arg);
    struct vch_tpath place = vch_tpath_key(at, name);
    switch (fn) {
    case VCH_TFN_REF: return resolve(t, arg->str, &place, ret);
    case VCH_TFN_JOIN: return eval_join(t, arg, &place, ret);
    case VCH_TFN_SELECT: return eval_select(t, arg, &place, ret);
    case VCH_TFN_FIND_IN_MAP: return eval_find(t, arg, &place, ret);
    case VCH_TFN_SUB: return eval_sub(t, arg, &place, ret);
    case VCH_TFN_NONE:
    case VCH_TFN_SPLIT:
    case VCH_TFN_UNKNOWN:
    case VCH_TFN_NOT_ALONE: break;
    }
    vch_assert(false); /* the static check lets nothing else through */
    return VCH_ERR_INTERNAL;
}

enum vch_err vch_template_list(const struct vch_template *t, const struct vch_val *val, const struct vch_tpath *at,
                               const struct vch_val **ret) {
    struct vch_str name;
    const struct vch_val *arg;
    if (vch_tfn_of(val, &name, &arg) == VCH_TFN_SPLIT) {
        struct vch_tpath place = vch_tpath_key(at, name);
        return eval_split(t, arg, &place, ret);
    }
    vch_assert(val->type == VCH_VAL_LIST);
    struct vch_val *list = vch_val_new_list(t->arena);
    if (!list) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < val->count; i++) {
        struct vch_tpath place = vch_tpath_item(at, i);
        struct vch_str text;
        VCH_TRY(vch_template_text(t, &val->items[i], &place, &text));
        VCH_TRY(vch_val_push_str(t->arena, list, text));
    }
    *ret = list;
    return VCH_OK;
}

static enum vch_err copy_list(const struct vch_template *t, const struct vch_val *val, const struct vch_tpath *at,
                              struct vch_val *ret) {
    ret->type = VCH_VAL_LIST;
    for (size_t i = 0; i < val->count; i++) {
        struct vch_tpath place = vch_tpath_item(at, i);
        struct vch_val *slot = vch_val_push(t->arena, ret);
        if (!slot) return VCH_ERR_NOMEM;
        VCH_TRY(vch_template_tree(t, &val->items[i], &place, slot));
    }
    return VCH_OK;
}

static enum vch_err copy_map(const struct vch_template *t, const struct vch_val *val, const struct vch_tpath *at,
                             struct vch_val *ret) {
    ret->type = VCH_VAL_MAP;
    for (size_t i = 0; i < val->count; i++) {
        struct vch_tpath place = vch_tpath_key(at, val->members[i].name);
        struct vch_val *slot = vch_val_put_str_name(t->arena, ret, val->members[i].name);
        if (!slot) return VCH_ERR_NOMEM;
        VCH_TRY(vch_template_tree(t, &val->members[i].value, &place, slot));
    }
    return VCH_OK;
}

enum vch_err vch_template_tree(const struct vch_template *t, const struct vch_val *val, const struct vch_tpath *at,
                               struct vch_val *ret) {
    struct vch_str name;
    const struct vch_val *arg;
    *ret = (struct vch_val){.type = VCH_VAL_STR};
    if (vch_tfn_of(val, &name, &arg) != VCH_TFN_NONE) return vch_template_text(t, val, at, &ret->str);
    if (val->type == VCH_VAL_LIST) return copy_list(t, val, at, ret);
    if (val->type == VCH_VAL_MAP) return copy_map(t, val, at, ret);
    *ret = *val;
    return VCH_OK;
}

static enum vch_err encode(const struct vch_template *t, const struct vch_val *tree, struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 1 << 20);
    vch_json_encode(tree, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) {
        *ret = vch_arena_str(t->arena, text);
        if (!ret->ptr) err = VCH_ERR_NOMEM;
    }
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_err parse_document(const struct vch_template *t, struct vch_str text, const struct vch_tpath *at) {
    struct vch_policy *policy = NULL;
    struct vch_diag why = {0};
    enum vch_err err = vch_policy_parse(VCH_POLICY_IOT, VCH_STR("PolicyDocument"), text, &policy, &why);
    vch_policy_unref(policy);
    if (err == VCH_OK || err == VCH_ERR_NOMEM) return err;
    const char *where = why.field[0] ? " At " : "";
    if (t->rehearsal) return vch_template_bad(t, at, "%s%s%s", why.message, where, why.field);
    return vch_template_bad_value(t, at, "%s%s%s", why.message, where, why.field);
}

enum vch_err vch_template_document(const struct vch_template *t, const struct vch_val *val, const struct vch_tpath *at,
                                   struct vch_str *ret) {
    struct vch_template inside = *t;
    struct vch_val tree;
    inside.in_policy = true;
    VCH_TRY(vch_template_tree(&inside, val, at, &tree));
    if (tree.type == VCH_VAL_STR)
        *ret = tree.str;
    else
        VCH_TRY(encode(t, &tree, ret));
    return parse_document(t, *ret, at);
}
