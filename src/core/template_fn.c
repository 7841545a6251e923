/* The functions of the template language, statically: which one it is, and
 * whether its arguments have the right form. AWS IoT "Provisioning templates",
 * intrinsic functions. */
#include "core/names.h"
#include "core/template_priv.h"

static const struct {
    const char *name;
    enum vch_tfn fn;
} functions[] = {
    {"Ref", VCH_TFN_REF},           {"Fn::Join", VCH_TFN_JOIN},
    {"Fn::Select", VCH_TFN_SELECT}, {"Fn::FindInMap", VCH_TFN_FIND_IN_MAP},
    {"Fn::Split", VCH_TFN_SPLIT},   {"Fn::Sub", VCH_TFN_SUB},
};

static enum vch_tfn by_name(struct vch_str name) {
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (vch_str_eq_c(name, functions[i].name)) return functions[i].fn;
    return vch_str_starts(name, VCH_STR("Fn::")) ? VCH_TFN_UNKNOWN : VCH_TFN_NONE;
}

enum vch_tfn vch_tfn_of(const struct vch_val *val, struct vch_str *ret_name, const struct vch_val **ret_arg) {
    if (val->type != VCH_VAL_MAP) return VCH_TFN_NONE;
    for (size_t i = 0; i < val->count; i++) {
        enum vch_tfn fn = by_name(val->members[i].name);
        if (fn == VCH_TFN_NONE) continue;
        *ret_name = val->members[i].name;
        *ret_arg = &val->members[i].value;
        return val->count == 1 ? fn : VCH_TFN_NOT_ALONE;
    }
    return VCH_TFN_NONE;
}

enum vch_tsub vch_tsub_next(struct vch_str *rest, struct vch_str *ret_text) {
    if (rest->len == 0) return VCH_TSUB_END;
    size_t at = 0;
    while (at < rest->len && !(rest->ptr[at] == '$' && at + 1 < rest->len && rest->ptr[at + 1] == '{')) at++;
    if (at > 0) {
        *ret_text = vch_str_sub(*rest, 0, at);
        *rest = vch_str_sub(*rest, at, SIZE_MAX);
        return VCH_TSUB_LITERAL;
    }
    size_t end = vch_str_find(*rest, '}', 2);
    if (end == SIZE_MAX || end == 2) return VCH_TSUB_BROKEN;
    *ret_text = vch_str_sub(*rest, 2, end - 2);
    *rest = vch_str_sub(*rest, end + 1, SIZE_MAX);
    return VCH_TSUB_VARIABLE;
}

static bool starts_with_any_case(struct vch_str s, struct vch_str prefix) {
    return vch_str_ieq(vch_str_sub(s, 0, prefix.len), prefix);
}

bool vch_tsub_opaque(struct vch_str name) {
    if (vch_str_eq_c(name, "*") || vch_str_eq_c(name, "?") || vch_str_eq_c(name, "$")) return true;
    if (starts_with_any_case(name, VCH_STR("aws:"))) return !starts_with_any_case(name, VCH_STR("aws::"));
    return starts_with_any_case(name, VCH_STR("iot:")) || starts_with_any_case(name, VCH_STR("cognito-identity."));
}

static enum vch_err check_value(const struct vch_template *t, const struct vch_val *val, enum vch_tkind kind,
                                const struct vch_tpath *at, unsigned depth);

/* A parameter, or one of the names that the certificate gives. */
static enum vch_err check_name(const struct vch_template *t, struct vch_str name, const struct vch_tpath *at) {
    if (vch_val_get_str(t->parameters, name)) return VCH_OK;
    if (vch_str_starts(name, VCH_STR(VCH_TEMPLATE_CERTIFICATE))) return VCH_OK;
    if (vch_val_get_str(t->resources, name))
        return vch_template_bad(t, at, "Cannot resolve reference value: %.*s. Resources cannot be referred to.",
                                VCH_STR_ARG(name));
    return vch_template_bad(t, at, "Cannot resolve reference value: %.*s", VCH_STR_ARG(name));
}

static enum vch_err check_count(const struct vch_template *t, const struct vch_val *arg, size_t count, const char *name,
                                const struct vch_tpath *at) {
    if (arg->type == VCH_VAL_LIST && arg->count == count) return VCH_OK;
    return vch_template_bad(t, at, "%s takes a list of %zu values.", name, count);
}

static enum vch_err check_item(const struct vch_template *t, const struct vch_val *arg, size_t index,
                               enum vch_tkind kind, const struct vch_tpath *at, unsigned depth) {
    struct vch_tpath place = vch_tpath_item(at, index);
    return check_value(t, &arg->items[index], kind, &place, depth);
}

static enum vch_err check_join(const struct vch_template *t, const struct vch_val *arg, const struct vch_tpath *at,
                               unsigned depth) {
    VCH_TRY(check_count(t, arg, 2, "Fn::Join", at));
    VCH_TRY(check_item(t, arg, 0, VCH_TKIND_TEXT, at, depth));
    VCH_TRY(check_item(t, arg, 1, VCH_TKIND_LIST, at, depth));
    struct vch_tpath list = vch_tpath_item(at, 1);
    const struct vch_val *items = &arg->items[1];
    for (size_t i = 0; items->type == VCH_VAL_LIST && i < items->count; i++) {
        struct vch_tpath place = vch_tpath_item(&list, i);
        if (items->items[i].type != VCH_VAL_STR && items->items[i].type != VCH_VAL_MAP)
            return vch_template_bad(t, &place, "Fn::Join joins strings.");
    }
    return VCH_OK;
}

static enum vch_err check_select(const struct vch_template *t, const struct vch_val *arg, const struct vch_tpath *at,
                                 unsigned depth) {
    VCH_TRY(check_count(t, arg, 2, "Fn::Select", at));
    int64_t index = 0;
    const struct vch_val *first = &arg->items[0];
    bool literal = first->type != VCH_VAL_MAP;
    bool number =
        first->type == VCH_VAL_INT || (first->type == VCH_VAL_STR && vch_str_int(first->str, &index) == VCH_OK);
    struct vch_tpath place = vch_tpath_item(at, 0);
    if (literal && !number) return vch_template_bad(t, &place, "The index of Fn::Select is not a number.");
    VCH_TRY(check_item(t, arg, 0, VCH_TKIND_TEXT, at, depth));
    return check_item(t, arg, 1, VCH_TKIND_LIST, at, depth);
}

/* As far as the keys are literal, they must be there. */
static enum vch_err check_find(const struct vch_template *t, const struct vch_val *arg, const struct vch_tpath *at,
                               unsigned depth) {
    VCH_TRY(check_count(t, arg, 3, "Fn::FindInMap", at));
    const struct vch_val *inside = t->mappings;
    bool known = true;
    for (size_t i = 0; i < 3; i++) {
        struct vch_tpath place = vch_tpath_item(at, i);
        VCH_TRY(check_item(t, arg, i, VCH_TKIND_TEXT, at, depth));
        known = known && arg->items[i].type == VCH_VAL_STR;
        if (!known) continue;
        inside = vch_val_get_str(inside, arg->items[i].str);
        if (!inside) return vch_template_bad(t, &place, "Mappings has no %.*s here.", VCH_STR_ARG(arg->items[i].str));
    }
    return VCH_OK;
}

static enum vch_err check_split(const struct vch_template *t, const struct vch_val *arg, const struct vch_tpath *at,
                                unsigned depth) {
    VCH_TRY(check_count(t, arg, 2, "Fn::Split", at));
    struct vch_tpath place = vch_tpath_item(at, 0);
    if (arg->items[0].type == VCH_VAL_STR && arg->items[0].str.len == 0)
        return vch_template_bad(t, &place, "The delimiter of Fn::Split is empty.");
    VCH_TRY(check_item(t, arg, 0, VCH_TKIND_TEXT, at, depth));
    return check_item(t, arg, 1, VCH_TKIND_TEXT, at, depth);
}

static enum vch_err check_sub_text(const struct vch_template *t, struct vch_str text, const struct vch_val *map,
                                   const struct vch_tpath *at) {
    struct vch_str piece;
    enum vch_tsub kind;
    while ((kind = vch_tsub_next(&text, &piece)) != VCH_TSUB_END) {
        if (kind == VCH_TSUB_BROKEN) return vch_template_bad(t, at, "Fn::Sub has \"${\" without a name and \"}\".");
        if (kind == VCH_TSUB_LITERAL || piece.ptr[0] == '!') continue;
        if (vch_val_get_str(map, piece) || vch_tsub_opaque(piece)) continue;
        VCH_TRY(check_name(t, piece, at));
    }
    return VCH_OK;
}

static enum vch_err check_sub(const struct vch_template *t, const struct vch_val *arg, const struct vch_tpath *at,
                              unsigned depth) {
    if (arg->type == VCH_VAL_STR) return check_sub_text(t, arg->str, NULL, at);
    VCH_TRY(check_count(t, arg, 2, "Fn::Sub", at));
    const struct vch_val *map = &arg->items[1];
    struct vch_tpath place = vch_tpath_item(at, 1);
    if (arg->items[0].type != VCH_VAL_STR || map->type != VCH_VAL_MAP)
        return vch_template_bad(t, at, "Fn::Sub takes a string, or a string and an object.");
    for (size_t i = 0; i < map->count; i++) {
        struct vch_tpath member = vch_tpath_key(&place, map->members[i].name);
        VCH_TRY(check_value(t, &map->members[i].value, VCH_TKIND_TEXT, &member, depth));
    }
    return check_sub_text(t, arg->items[0].str, map, at);
}

static enum vch_err check_ref(const struct vch_template *t, const struct vch_val *arg, const struct vch_tpath *at) {
    if (arg->type != VCH_VAL_STR) return vch_template_bad(t, at, "Ref takes the name of a parameter.");
    return check_name(t, arg->str, at);
}

static enum vch_err check_call(const struct vch_template *t, enum vch_tfn fn, struct vch_str name,
                               const struct vch_val *arg, const struct vch_tpath *at, unsigned depth) {
    struct vch_tpath place = vch_tpath_key(at, name);
    if (depth > VCH_TEMPLATE_DEPTH_MAX)
        return vch_template_bad(t, &place, "Functions nest deeper than %d levels.", VCH_TEMPLATE_DEPTH_MAX);
    switch (fn) {
    case VCH_TFN_REF: return check_ref(t, arg, &place);
    case VCH_TFN_JOIN: return check_join(t, arg, &place, depth);
    case VCH_TFN_SELECT: return check_select(t, arg, &place, depth);
    case VCH_TFN_FIND_IN_MAP: return check_find(t, arg, &place, depth);
    case VCH_TFN_SPLIT: return check_split(t, arg, &place, depth);
    case VCH_TFN_SUB: return check_sub(t, arg, &place, depth);
    case VCH_TFN_NOT_ALONE:
        return vch_template_bad(t, &place, "%.*s stands beside other members of its object.", VCH_STR_ARG(name));
    case VCH_TFN_UNKNOWN:
    case VCH_TFN_NONE: break;
    }
    return vch_template_bad(t, &place, "There is no function %.*s in provisioning templates.", VCH_STR_ARG(name));
}

static enum vch_err check_items(const struct vch_template *t, const struct vch_val *list, enum vch_tkind kind,
                                const struct vch_tpath *at, unsigned depth) {
    for (size_t i = 0; i < list->count; i++) VCH_TRY(check_item(t, list, i, kind, at, depth));
    return VCH_OK;
}

static enum vch_err check_members(const struct vch_template *t, const struct vch_val *map, enum vch_tkind kind,
                                  const struct vch_tpath *at, unsigned depth) {
    for (size_t i = 0; i < map->count; i++) {
        struct vch_tpath place = vch_tpath_key(at, map->members[i].name);
        VCH_TRY(check_value(t, &map->members[i].value, kind, &place, depth));
    }
    return VCH_OK;
}

static enum vch_err check_plain(const struct vch_template *t, const struct vch_val *val, enum vch_tkind kind,
                                const struct vch_tpath *at, unsigned depth) {
    bool list = val->type == VCH_VAL_LIST;
    bool map = val->type == VCH_VAL_MAP;
    switch (kind) {
    case VCH_TKIND_TEXT:
        if (list || map || val->type == VCH_VAL_NULL)
            return vch_template_bad(t, at, "A string or a function that gives one belongs here.");
        return VCH_OK;
    case VCH_TKIND_LIST:
        if (!list) return vch_template_bad(t, at, "A list belongs here.");
        return check_items(t, val, VCH_TKIND_TEXT, at, depth);
    case VCH_TKIND_MAP:
        if (!map) return vch_template_bad(t, at, "An object of names and strings belongs here.");
        return check_members(t, val, VCH_TKIND_TEXT, at, depth);
    case VCH_TKIND_TREE: break;
    }
    if (list) return check_items(t, val, VCH_TKIND_TREE, at, depth);
    return map ? check_members(t, val, VCH_TKIND_TREE, at, depth) : VCH_OK;
}

static enum vch_err check_value(const struct vch_template *t, const struct vch_val *val, enum vch_tkind kind,
                                const struct vch_tpath *at, unsigned depth) {
    struct vch_str name;
    const struct vch_val *arg;
    enum vch_tfn fn = vch_tfn_of(val, &name, &arg);
    if (fn == VCH_TFN_NONE) return check_plain(t, val, kind, at, depth);
    VCH_TRY(check_call(t, fn, name, arg, at, depth + 1));
    if (kind == VCH_TKIND_MAP) return vch_template_bad(t, at, "An object of names and strings belongs here.");
    if ((fn == VCH_TFN_SPLIT) == (kind == VCH_TKIND_LIST)) return VCH_OK;
    return vch_template_bad(t, at, "%.*s gives a %s; a %s belongs here.", VCH_STR_ARG(name),
                            fn == VCH_TFN_SPLIT ? "list" : "string", fn == VCH_TFN_SPLIT ? "string" : "list");
}

enum vch_err vch_template_check_value(const struct vch_template *t, const struct vch_val *val, enum vch_tkind kind,
                                      const struct vch_tpath *at) {
    return check_value(t, val, kind, at, 0);
}
