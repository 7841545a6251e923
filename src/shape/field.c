#include <inttypes.h>

#include "core/names.h"
#include "core/reason.h"
#include "shape/field_priv.h"

enum { PARAMETER_TEXT_MAX = 2048 };

const char *vch_field_wire(const struct vch_op_field *field) {
    return field->wire ? field->wire : field->name;
}

const struct vch_op_field *vch_field_find(const struct vch_op_field *fields, struct vch_str name) {
    for (const struct vch_op_field *f = fields; f->name; f++)
        if (vch_str_eq_c(name, f->name)) return f;
    return NULL;
}

enum vch_err vch_field_missing(const struct vch_op_field *field, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_MISSING, field->name, "The required member %s is missing.", field->name);
}

/* ---- predicates ---- */

static bool digits_valid(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
    return s.len > 0 && s.len <= 18;
}

static bool hook_version_valid(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((s.ptr[i] < '0' || s.ptr[i] > '9') && s.ptr[i] != '-') return false;
    return s.len > 0;
}

static bool text_valid(struct vch_str s) {
    return vch_text_valid(s, PARAMETER_TEXT_MAX);
}

static bool action_valid(struct vch_str s) {
    size_t colon = vch_str_find(s, ':', 0);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        if (!letter && i != colon) return false;
    }
    return colon != SIZE_MAX && colon > 0 && colon + 1 < s.len && s.len <= 128;
}

static bool arn_valid(struct vch_str s) {
    struct vch_arn_parts parts;
    return s.len <= PARAMETER_TEXT_MAX && text_valid(s) && vch_arn_parse(s, &parts) == VCH_OK;
}

static const struct {
    bool (*valid)(struct vch_str s);
    const char *form;
    bool is_name;
} checks[VCH_CHECK_COUNT] = {
    [VCH_CHECK_POLICY_NAME] = {vch_policy_name_valid, "[\\w+=,.@-]{1,128}", true},
    [VCH_CHECK_TEMPLATE_NAME] = {vch_template_name_valid, "[0-9A-Za-z_-]{1,36}", true},
    [VCH_CHECK_THING_NAME] = {vch_thing_name_valid, "[a-zA-Z0-9:_-]{1,128}", true},
    [VCH_CHECK_CERTIFICATE_ID] = {vch_certificate_id_valid, "64 hexadecimal digits", true},
    [VCH_CHECK_DIGITS] = {digits_valid, "[0-9]+", false},
    [VCH_CHECK_ROLE_ARN] = {vch_role_arn_valid, "arn:aws:iam::ACCOUNT:role/NAME", false},
    [VCH_CHECK_USER_NAME] = {vch_user_name_valid, "[\\w+=,.@-]{1,64}", true},
    [VCH_CHECK_TEXT] = {text_valid, "text without control characters", false},
    [VCH_CHECK_ARN] = {arn_valid, "an ARN", false},
    [VCH_CHECK_HOOK_VERSION] = {hook_version_valid, "[0-9-]+", false},
    [VCH_CHECK_ATTRIBUTE_NAME] = {vch_attribute_name_valid, "[a-zA-Z0-9_.,@/:#-]{1,128}", true},
    [VCH_CHECK_TAG_KEY] = {vch_tag_key_valid, "1 to 128 letters, digits, spaces or _.:/=+-@, and not start with aws:", false},
    [VCH_CHECK_TAG_VALUE] = {vch_tag_value_valid, "at most 256 letters, digits, spaces or _.:/=+-@", false},
    [VCH_CHECK_ACTION] = {action_valid, "an action such as iot:Publish", false},
};

static enum vch_err fold_lower(struct vch_val *val, struct vch_arena *arena) {
    char *at = vch_arena_alloc(arena, val->str.len + 1);
    if (!at) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < val->str.len; i++) {
        char c = val->str.ptr[i];
        at[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    val->str = vch_str_of(at, val->str.len);
    return VCH_OK;
}

static enum vch_err form_check(const struct vch_op_field *field, struct vch_val *val, struct vch_arena *arena,
                               struct vch_diag *diag) {
    if (field->check == VCH_CHECK_NONE) return VCH_OK;
    if (!checks[field->check].valid(val->str)) {
        enum vch_reason reason = checks[field->check].is_name ? VCH_REASON_NAME_INVALID : VCH_REASON_FIELD_INVALID;
        return vch_diag_set(diag, VCH_ERR_INVALID, vch_reason_code(reason), field->name, "The value of %s must be %s.",
                            field->name, checks[field->check].form);
    }
    return field->check == VCH_CHECK_CERTIFICATE_ID ? fold_lower(val, arena) : VCH_OK;
}

/* ---- types and bounds ---- */

static bool all_of(const struct vch_val *val, enum vch_val_type type) {
    for (size_t i = 0; i < val->count; i++)
        if ((val->type == VCH_VAL_MAP ? val->members[i].value.type : val->items[i].type) != type) return false;
    return true;
}

bool vch_field_typed(const struct vch_op_field *field, const struct vch_val *val) {
    switch (field->type) {
    case VCH_FIELD_STR: return val->type == VCH_VAL_STR;
    case VCH_FIELD_INT: return val->type == VCH_VAL_INT;
    case VCH_FIELD_BOOL: return val->type == VCH_VAL_BOOL;
    case VCH_FIELD_TIME: return val->type == VCH_VAL_REAL || val->type == VCH_VAL_INT;
    case VCH_FIELD_MAP: return val->type == VCH_VAL_MAP && all_of(val, VCH_VAL_STR);
    case VCH_FIELD_STRS: return val->type == VCH_VAL_LIST && all_of(val, VCH_VAL_STR);
    case VCH_FIELD_OBJECT: return val->type == VCH_VAL_MAP;
    case VCH_FIELD_OBJECTS: return val->type == VCH_VAL_LIST && all_of(val, VCH_VAL_MAP);
    case VCH_FIELD_ANY: return true;
    }
    return false;
}

static const char *type_word(enum vch_field_type type) {
    static const char *const words[] = {
        [VCH_FIELD_STR] = "a string",          [VCH_FIELD_INT] = "a whole number",       [VCH_FIELD_BOOL] = "true or false",
        [VCH_FIELD_TIME] = "a time",           [VCH_FIELD_MAP] = "a map of strings",     [VCH_FIELD_STRS] = "a list of strings",
        [VCH_FIELD_OBJECT] = "an object",      [VCH_FIELD_OBJECTS] = "a list of objects", [VCH_FIELD_ANY] = "a value",
    };
    return words[type];
}

static bool word_listed(const char *words, struct vch_str s) {
    struct vch_str rest = vch_str_from(words), word;
    while (vch_str_split(&rest, ' ', &word))
        if (vch_str_eq(word, s)) return true;
    return false;
}

static enum vch_err str_check(const struct vch_op_field *field, struct vch_val *val, struct vch_arena *arena,
                              struct vch_diag *diag) {
    if (field->max && val->str.len > (size_t)field->max)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_TOO_LONG, field->name, "The value of %s is longer than %" PRId64 ".",
                          field->name, field->max);
    if (val->str.len < (size_t)field->min)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, field->name, "The value of %s is shorter than %" PRId64 ".",
                          field->name, field->min);
    if (field->words && !word_listed(field->words, val->str))
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, field->name, "The value of %s must be one of: %s.",
                          field->name, field->words);
    return form_check(field, val, arena, diag);
}

static enum vch_err int_check(const struct vch_op_field *field, const struct vch_val *val, struct vch_diag *diag) {
    if ((field->min || field->max) && (val->integer < field->min || val->integer > field->max))
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, field->name,
                          "The value of %s must be from %" PRId64 " to %" PRId64 ".", field->name, field->min, field->max);
    return VCH_OK;
}

static enum vch_err object_check(const struct vch_op_field *field, struct vch_val *val, struct vch_arena *arena,
                                 struct vch_diag *diag) {
    for (const struct vch_op_field *f = field->members; f && f->name; f++)
        if (f->required && !vch_val_get(val, f->name)) return vch_field_missing(f, diag);
    for (size_t i = 0; i < val->count; i++) {
        const struct vch_op_field *f = vch_field_find(field->members, val->members[i].name);
        if (f) VCH_TRY(vch_field_check(f, &val->members[i].value, arena, diag));
    }
    return VCH_OK;
}

static enum vch_err list_check(const struct vch_op_field *field, struct vch_val *val, struct vch_arena *arena,
                               struct vch_diag *diag) {
    if (val->count < (size_t)field->min || (field->max && val->count > (size_t)field->max))
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, field->name,
                          "The list %s must have from %" PRId64 " to %" PRId64 " items.", field->name, field->min,
                          field->max);
    for (size_t i = 0; i < val->count; i++)
        VCH_TRY(field->type == VCH_FIELD_STRS ? form_check(field, &val->items[i], arena, diag)
                                              : object_check(field, &val->items[i], arena, diag));
    return VCH_OK;
}

enum vch_err vch_field_check(const struct vch_op_field *field, struct vch_val *val, struct vch_arena *arena,
                             struct vch_diag *diag) {
    if (!vch_field_typed(field, val))
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, field->name, "The value of %s must be %s.", field->name,
                          type_word(field->type));
    if (field->type == VCH_FIELD_STR) return str_check(field, val, arena, diag);
    if (field->type == VCH_FIELD_INT) return int_check(field, val, diag);
    if (field->type == VCH_FIELD_OBJECT) return object_check(field, val, arena, diag);
    if (field->type == VCH_FIELD_STRS || field->type == VCH_FIELD_OBJECTS) return list_check(field, val, arena, diag);
    return VCH_OK;
}
