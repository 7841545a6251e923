/* One operator against the values of one key (IAM: condition operators,
 * multivalued context keys). */
#include <string.h>

#include "core/policy_priv.h"

static bool arn_matches(struct vch_pol_run *run, const struct vch_pol_operand *operand, struct vch_str value) {
    if (operand->count == 1) return vch_pol_match(run, operand->at, value, false);
    struct vch_str rest = value;
    for (uint16_t i = 0; i < operand->count; i++) {
        bool last = i + 1 == operand->count;
        size_t colon = last ? rest.len : vch_str_find(rest, ':', 0);
        if (colon == SIZE_MAX) return false;
        if (!vch_pol_match(run, (uint16_t)(operand->at + i), vch_str_of(rest.ptr, colon), false)) return false;
        if (!last) rest = vch_str_of(rest.ptr + colon + 1, rest.len - colon - 1);
    }
    return true;
}

static bool relation_holds(enum vch_pol_relation relation, int order) {
    switch (relation) {
    case VCH_REL_EQ: return order == 0;
    case VCH_REL_LT: return order < 0;
    case VCH_REL_LE: return order <= 0;
    case VCH_REL_GT: return order > 0;
    case VCH_REL_GE: return order >= 0;
    }
    return false;
}

static bool number_matches(enum vch_pol_relation relation, const char *literal, struct vch_str value) {
    double want;
    double have;
    memcpy(&want, literal, sizeof want);
    return vch_pol_number(value, &have) == VCH_OK && relation_holds(relation, (have > want) - (have < want));
}

static bool date_matches(enum vch_pol_relation relation, const char *literal, struct vch_str value) {
    int64_t want;
    int64_t have;
    memcpy(&want, literal, sizeof want);
    return vch_pol_date(value, &have) == VCH_OK && relation_holds(relation, (have > want) - (have < want));
}

static bool bool_matches(const char *literal, struct vch_str value) {
    bool want;
    bool have;
    memcpy(&want, literal, sizeof want);
    return vch_pol_bool(value, &have) == VCH_OK && have == want;
}

static bool net_matches(const char *literal, struct vch_str value) {
    struct vch_pol_net want;
    struct vch_pol_net have;
    memcpy(&want, literal, sizeof want);
    return vch_pol_net(value, &have) == VCH_OK && vch_pol_net_holds(&want, &have);
}

static bool operand_matches(struct vch_pol_run *run, const struct vch_pol_operator *op,
                            const struct vch_pol_operand *operand, struct vch_str value) {
    const char *literal = run->policy->text + operand->at;
    switch (op->family) {
    case VCH_FAMILY_STRING: return vch_pol_match(run, operand->at, value, op->fold);
    case VCH_FAMILY_ARN: return arn_matches(run, operand, value);
    case VCH_FAMILY_NUMBER: return number_matches(op->relation, literal, value);
    case VCH_FAMILY_DATE: return date_matches(op->relation, literal, value);
    case VCH_FAMILY_IP: return net_matches(literal, value);
    case VCH_FAMILY_BOOL: return bool_matches(literal, value);
    case VCH_FAMILY_NULL: break;
    }
    return false;
}

/* Values of the policy: any of them; of a negated operator: none of them. */
static bool value_holds(struct vch_pol_run *run, const struct vch_pol_test *test, struct vch_str value) {
    const struct vch_pol_operator *op = &vch_pol_operators[test->operator];
    const struct vch_pol_operand *operands = run->policy->operands + test->operands.first;
    for (uint16_t i = 0; i < test->operands.count; i++)
        if (operand_matches(run, op, &operands[i], value)) return !op->negated;
    return op->negated;
}

static bool null_holds(struct vch_pol_run *run, const struct vch_pol_test *test, bool present) {
    const struct vch_pol_operand *operands = run->policy->operands + test->operands.first;
    for (uint16_t i = 0; i < test->operands.count; i++)
        if (bool_matches(run->policy->text + operands[i].at, present ? VCH_STR("false") : VCH_STR("true"))) return true;
    return false;
}

/* Without a set operator a negated test must hold for every value, so that a
 * second value is no way around it. */
static bool values_hold(struct vch_pol_run *run, const struct vch_pol_test *test,
                        const struct vch_policy_values *values) {
    bool every = test->set == VCH_SET_ALL || (test->set == VCH_SET_NONE && vch_pol_operators[test->operator].negated);
    for (size_t i = 0; i < values->count; i++)
        if (value_holds(run, test, values->value[i]) != every) return !every;
    return every;
}

static bool absent_holds(const struct vch_pol_test *test) {
    if (test->if_exists || test->set == VCH_SET_ALL) return true;
    return test->set == VCH_SET_NONE && vch_pol_operators[test->operator].negated;
}

bool vch_pol_test(struct vch_pol_run *run, const struct vch_pol_test *test) {
    struct vch_policy_values values;
    vch_pol_lookup(run, test->key, &values);
    bool present = values.count > 0 || values.defined_empty;
    if (vch_pol_operators[test->operator].family == VCH_FAMILY_NULL) return null_holds(run, test, present);
    return present ? values_hold(run, test, &values) : absent_holds(test);
}
