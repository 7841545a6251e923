/* Condition blocks: operators by name, and their values compiled. */
#include <stdio.h>
#include <string.h>

#include "core/policy_priv.h"

const struct vch_pol_operator vch_pol_operators[] = {
    {"StringEquals", VCH_FAMILY_STRING, VCH_REL_EQ, false, false, false},
    {"StringNotEquals", VCH_FAMILY_STRING, VCH_REL_EQ, true, false, false},
    {"StringEqualsIgnoreCase", VCH_FAMILY_STRING, VCH_REL_EQ, false, true, false},
    {"StringNotEqualsIgnoreCase", VCH_FAMILY_STRING, VCH_REL_EQ, true, true, false},
    {"StringLike", VCH_FAMILY_STRING, VCH_REL_EQ, false, false, true},
    {"StringNotLike", VCH_FAMILY_STRING, VCH_REL_EQ, true, false, true},
    {"NumericEquals", VCH_FAMILY_NUMBER, VCH_REL_EQ, false, false, false},
    {"NumericNotEquals", VCH_FAMILY_NUMBER, VCH_REL_EQ, true, false, false},
    {"NumericLessThan", VCH_FAMILY_NUMBER, VCH_REL_LT, false, false, false},
    {"NumericLessThanEquals", VCH_FAMILY_NUMBER, VCH_REL_LE, false, false, false},
    {"NumericGreaterThan", VCH_FAMILY_NUMBER, VCH_REL_GT, false, false, false},
    {"NumericGreaterThanEquals", VCH_FAMILY_NUMBER, VCH_REL_GE, false, false, false},
    {"DateEquals", VCH_FAMILY_DATE, VCH_REL_EQ, false, false, false},
    {"DateNotEquals", VCH_FAMILY_DATE, VCH_REL_EQ, true, false, false},
    {"DateLessThan", VCH_FAMILY_DATE, VCH_REL_LT, false, false, false},
    {"DateLessThanEquals", VCH_FAMILY_DATE, VCH_REL_LE, false, false, false},
    {"DateGreaterThan", VCH_FAMILY_DATE, VCH_REL_GT, false, false, false},
    {"DateGreaterThanEquals", VCH_FAMILY_DATE, VCH_REL_GE, false, false, false},
    {"Bool", VCH_FAMILY_BOOL, VCH_REL_EQ, false, false, false},
    {"IpAddress", VCH_FAMILY_IP, VCH_REL_EQ, false, false, false},
    {"NotIpAddress", VCH_FAMILY_IP, VCH_REL_EQ, true, false, false},
    {"ArnEquals", VCH_FAMILY_ARN, VCH_REL_EQ, false, false, true},
    {"ArnLike", VCH_FAMILY_ARN, VCH_REL_EQ, false, false, true},
    {"ArnNotEquals", VCH_FAMILY_ARN, VCH_REL_EQ, true, false, true},
    {"ArnNotLike", VCH_FAMILY_ARN, VCH_REL_EQ, true, false, true},
    {"Null", VCH_FAMILY_NULL, VCH_REL_EQ, false, false, false},
};
enum { OPERATORS = sizeof vch_pol_operators / sizeof *vch_pol_operators };

static bool take_prefix(struct vch_str *s, struct vch_str prefix) {
    if (!vch_str_starts(*s, prefix)) return false;
    *s = vch_str_of(s->ptr + prefix.len, s->len - prefix.len);
    return true;
}

static bool take_suffix(struct vch_str *s, struct vch_str suffix) {
    if (!vch_str_ends(*s, suffix)) return false;
    s->len -= suffix.len;
    return true;
}

int vch_pol_operator_find(struct vch_str name, enum vch_pol_set *ret_set, bool *ret_if_exists) {
    struct vch_str rest = name;
    *ret_set = VCH_SET_NONE;
    if (take_prefix(&rest, VCH_STR("ForAllValues:")))
        *ret_set = VCH_SET_ALL;
    else if (take_prefix(&rest, VCH_STR("ForAnyValue:")))
        *ret_set = VCH_SET_ANY;
    *ret_if_exists = take_suffix(&rest, VCH_STR("IfExists"));
    for (int i = 0; i < OPERATORS; i++) {
        if (!vch_str_eq_c(rest, vch_pol_operators[i].name)) continue;
        bool plain = *ret_set == VCH_SET_NONE && !*ret_if_exists;
        return vch_pol_operators[i].family == VCH_FAMILY_NULL && !plain ? -1 : i;
    }
    return -1;
}

/* ---- values ---- */

static enum vch_err add_literal(struct vch_pol_build *build, const void *bytes, size_t len,
                                struct vch_pol_operand *ret) {
    ret->at = vch_pol_add_text(build, vch_str_of(bytes, len)).at;
    ret->count = 1;
    return VCH_OK;
}

static enum vch_err number_operand(struct vch_pol_build *build, struct vch_str s, struct vch_pol_operand *ret) {
    double number;
    if (vch_pol_number(s, &number) != VCH_OK) return vch_pol_refuse(build, "This has to be a decimal number.");
    return add_literal(build, &number, sizeof number, ret);
}

static enum vch_err date_operand(struct vch_pol_build *build, struct vch_str s, struct vch_pol_operand *ret) {
    int64_t ms;
    if (vch_pol_date(s, &ms) != VCH_OK)
        return vch_pol_refuse(build, "This has to be a date such as 2026-11-23T15:44:28Z.");
    return add_literal(build, &ms, sizeof ms, ret);
}

static enum vch_err bool_operand(struct vch_pol_build *build, struct vch_str s, struct vch_pol_operand *ret) {
    bool truth;
    if (vch_pol_bool(s, &truth) != VCH_OK) return vch_pol_refuse(build, "This has to be true or false.");
    return add_literal(build, &truth, sizeof truth, ret);
}

static enum vch_err net_operand(struct vch_pol_build *build, struct vch_str s, struct vch_pol_operand *ret) {
    struct vch_pol_net net;
    memset(&net, 0, sizeof net);
    if (vch_pol_net(s, &net) != VCH_OK)
        return vch_pol_refuse(build, "This has to be an address or a network such as 203.0.113.0/24.");
    return add_literal(build, &net, sizeof net, ret);
}

static enum vch_err string_operand(struct vch_pol_build *build, struct vch_str s, bool glob,
                                   struct vch_pol_operand *ret) {
    ret->at = vch_pol_count(&build->patterns, sizeof(struct vch_pol_range));
    ret->count = 1;
    return vch_pol_pattern(build, s, (struct vch_pol_syntax){.variables = build->variables, .wildcards = glob});
}

/* Where the field that starts at `from` ends; colons inside "${...}" do not count. */
static size_t field_end(struct vch_str s, size_t from) {
    for (size_t i = from; i < s.len; i++) {
        size_t len = vch_pol_variable_len(s, i);
        if (len > 0 && len != SIZE_MAX)
            i += len - 1;
        else if (s.ptr[i] == ':')
            return i;
    }
    return s.len;
}

/* Each of the six fields is matched by itself (IAM: ARN condition operators). */
static enum vch_err arn_operand(struct vch_pol_build *build, struct vch_str s, struct vch_pol_operand *ret) {
    struct vch_pol_operand field;
    size_t from = 0;
    VCH_TRY(string_operand(build, vch_str_sub(s, 0, vch_str_eq_c(s, "*") ? 1 : field_end(s, 0)), true, ret));
    if (vch_str_eq_c(s, "*")) return VCH_OK;
    for (; ret->count < 6; ret->count++) {
        from = field_end(s, from) + 1;
        if (from > s.len) return vch_pol_refuse(build, "This has to be \"*\" or an ARN of six fields.");
        size_t end = ret->count == 5 ? s.len : field_end(s, from);
        VCH_TRY(string_operand(build, vch_str_of(s.ptr + from, end - from), true, &field));
    }
    return VCH_OK;
}

static enum vch_err operand(struct vch_pol_build *build, const struct vch_pol_operator *op, struct vch_str s,
                            struct vch_pol_operand *ret) {
    switch (op->family) {
    case VCH_FAMILY_STRING: return string_operand(build, s, op->glob, ret);
    case VCH_FAMILY_ARN: return arn_operand(build, s, ret);
    case VCH_FAMILY_NUMBER: return number_operand(build, s, ret);
    case VCH_FAMILY_DATE: return date_operand(build, s, ret);
    case VCH_FAMILY_IP: return net_operand(build, s, ret);
    case VCH_FAMILY_BOOL:
    case VCH_FAMILY_NULL: return bool_operand(build, s, ret);
    }
    return VCH_ERR_INTERNAL;
}

/* Numbers and truth values may stand without quotes. */
static enum vch_err scalar_text(struct vch_pol_build *build, const struct vch_val *val, char text[32],
                                struct vch_str *ret) {
    int len;
    switch (val->type) {
    case VCH_VAL_STR: *ret = val->str; return VCH_OK;
    case VCH_VAL_BOOL: *ret = vch_str_from(val->boolean ? "true" : "false"); return VCH_OK;
    case VCH_VAL_INT: len = snprintf(text, 32, "%lld", (long long)val->integer); break;
    case VCH_VAL_REAL: len = snprintf(text, 32, "%.15g", val->real); break;
    case VCH_VAL_NULL:
    case VCH_VAL_LIST:
    case VCH_VAL_MAP:
    default: return vch_pol_refuse(build, "This has to be a string, a number, true or false.");
    }
    *ret = vch_str_of(text, (size_t)len);
    return VCH_OK;
}

static enum vch_err add_value(struct vch_pol_build *build, const struct vch_pol_operator *op,
                              const struct vch_val *val) {
    char text[32];
    struct vch_str s = {NULL, 0};
    struct vch_pol_operand row = {0, 0};
    VCH_TRY(scalar_text(build, val, text, &s));
    VCH_TRY(operand(build, op, s, &row));
    vch_pol_add(&build->operands, &row, sizeof row);
    return VCH_OK;
}

static enum vch_err add_values(struct vch_pol_build *build, const struct vch_pol_operator *op,
                               const struct vch_val *val) {
    if (val->type != VCH_VAL_LIST) return add_value(build, op, val);
    for (size_t i = 0; i < val->count; i++) {
        size_t mark = vch_pol_enter_index(build, i);
        VCH_TRY(add_value(build, op, &val->items[i]));
        vch_pol_leave(build, mark);
    }
    return VCH_OK;
}

static enum vch_err add_test(struct vch_pol_build *build, struct vch_pol_test test, const struct vch_member *member) {
    size_t mark = vch_pol_enter(build, member->name);
    if (member->name.len == 0 || member->name.len > 256)
        return vch_pol_refuse(build, "A condition key has 1 to 256 characters.");
    test.key = vch_pol_variable(build, member->name);
    test.operands.first = vch_pol_count(&build->operands, sizeof(struct vch_pol_operand));
    VCH_TRY(add_values(build, &vch_pol_operators[test.operator], &member->value));
    test.operands.count =
        (uint16_t)(vch_pol_count(&build->operands, sizeof(struct vch_pol_operand)) - test.operands.first);
    vch_pol_add(&build->tests, &test, sizeof test);
    vch_pol_leave(build, mark);
    return VCH_OK;
}

static enum vch_err add_block(struct vch_pol_build *build, const struct vch_member *member) {
    enum vch_pol_set set;
    struct vch_pol_test test = {.operator= 0 };
    size_t mark = vch_pol_enter(build, member->name);
    int operator= vch_pol_operator_find(member->name, &set, &test.if_exists);
    if (operator<0) return vch_pol_refuse(build, "This is not a condition operator.");
    if (member->value.type != VCH_VAL_MAP)
        return vch_pol_refuse(build, "An operator holds an object of condition keys.");
    test.operator=(uint8_t) operator;
    test.set = (uint8_t)set;
    for (size_t i = 0; i < member->value.count; i++) VCH_TRY(add_test(build, test, &member->value.members[i]));
    vch_pol_leave(build, mark);
    return VCH_OK;
}

enum vch_err vch_pol_condition(struct vch_pol_build *build, const struct vch_val *val) {
    if (val->type != VCH_VAL_MAP) return vch_pol_refuse(build, "Condition is an object of operators.");
    for (size_t i = 0; i < val->count; i++) VCH_TRY(add_block(build, &val->members[i]));
    return VCH_OK;
}
