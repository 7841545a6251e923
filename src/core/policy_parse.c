/* The grammar of policy documents (IAM JSON policy grammar; AWS IoT policies
 * are the same without Principal). Element names and Effect are exact. */
#include "core/policy_priv.h"

typedef enum vch_err element_fn(struct vch_pol_build *build, const struct vch_val *val,
                                struct vch_pol_statement *statement);

/* What a statement has exactly one of. */
enum seen { SEEN_EFFECT, SEEN_ACTION, SEEN_RESOURCE, SEEN_COUNT, SEEN_FREE };

static enum vch_err expect_string(struct vch_pol_build *build, const struct vch_val *val) {
    return vch_val_is(val, VCH_VAL_STR) ? VCH_OK : vch_pol_refuse(build, "This has to be a string.");
}

/* ---- Action, Resource: a string or a list of strings ---- */

typedef enum vch_err pattern_fn(struct vch_pol_build *build, struct vch_str text);

static bool is_vendor_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

static bool is_action(struct vch_str s) {
    size_t colon = vch_str_find(s, ':', 0);
    if (vch_str_eq_c(s, "*")) return true;
    if (colon == SIZE_MAX || colon == 0 || colon + 1 == s.len) return false;
    for (size_t i = 0; i < s.len; i++) {
        bool wildcard = i > colon && (s.ptr[i] == '*' || s.ptr[i] == '?');
        if (i != colon && !is_vendor_char(s.ptr[i]) && !wildcard) return false;
    }
    return true;
}

static enum vch_err add_action(struct vch_pol_build *build, struct vch_str text) {
    if (!is_action(text))
        return vch_pol_refuse(build, "An action is \"*\" or of the form \"iot:Publish\", wildcards behind the colon.");
    return vch_pol_pattern(build, text, (struct vch_pol_syntax){.wildcards = true, .lower = true});
}

/* Fields that colons outside of "${...}" part. */
static size_t field_count(struct vch_str s) {
    size_t fields = 1;
    for (size_t i = 0; i < s.len; i++) {
        size_t len = vch_pol_variable_len(s, i);
        if (len > 0 && len != SIZE_MAX)
            i += len - 1;
        else if (s.ptr[i] == ':')
            fields++;
    }
    return fields;
}

/* An IAM resource has its six fields, unless a last '*' stands for the rest.
 * AWS IoT stores an ARN that is short of one; it matches nothing, and the lint
 * says so. */
static bool is_resource(enum vch_policy_kind kind, struct vch_str s) {
    if (vch_str_eq_c(s, "*")) return true;
    if (!vch_str_starts(s, VCH_STR("arn:"))) return false;
    return kind == VCH_POLICY_IOT || field_count(s) >= 6 || vch_str_ends(s, VCH_STR("*"));
}

static enum vch_err add_resource(struct vch_pol_build *build, struct vch_str text) {
    if (!is_resource(build->kind, text))
        return vch_pol_refuse(build, "A resource is \"*\" or an ARN, arn:PARTITION:SERVICE:REGION:ACCOUNT:TYPE/NAME.");
    return vch_pol_pattern(build, text, (struct vch_pol_syntax){.variables = build->variables, .wildcards = true});
}

static enum vch_err add_each(struct vch_pol_build *build, const struct vch_val *list, pattern_fn *add) {
    if (list->count == 0) return vch_pol_refuse(build, "This list may not be empty.");
    for (size_t i = 0; i < list->count; i++) {
        size_t mark = vch_pol_enter_index(build, i);
        VCH_TRY(expect_string(build, &list->items[i]));
        VCH_TRY(add(build, list->items[i].str));
        vch_pol_leave(build, mark);
    }
    return VCH_OK;
}

static enum vch_err add_patterns(struct vch_pol_build *build, const struct vch_val *val, pattern_fn *add,
                                 struct vch_pol_range *ret) {
    ret->first = vch_pol_count(&build->patterns, sizeof(struct vch_pol_range));
    if (val->type == VCH_VAL_STR)
        VCH_TRY(add(build, val->str));
    else if (val->type == VCH_VAL_LIST)
        VCH_TRY(add_each(build, val, add));
    else
        return vch_pol_refuse(build, "This has to be a string or a list of strings.");
    ret->count = (uint16_t)(vch_pol_count(&build->patterns, sizeof(struct vch_pol_range)) - ret->first);
    return VCH_OK;
}

/* ---- elements of a statement ---- */

static enum vch_err read_sid(struct vch_pol_build *build, const struct vch_val *val,
                             struct vch_pol_statement *statement) {
    (void)statement;
    return expect_string(build, val);
}

static enum vch_err read_effect(struct vch_pol_build *build, const struct vch_val *val,
                                struct vch_pol_statement *statement) {
    VCH_TRY(expect_string(build, val));
    statement->deny = vch_str_eq_c(val->str, "Deny");
    if (statement->deny || vch_str_eq_c(val->str, "Allow")) return VCH_OK;
    return vch_pol_refuse(build, "Effect is \"Allow\" or \"Deny\".");
}

static enum vch_err read_action(struct vch_pol_build *build, const struct vch_val *val,
                                struct vch_pol_statement *statement) {
    return add_patterns(build, val, add_action, &statement->actions);
}

static enum vch_err read_not_action(struct vch_pol_build *build, const struct vch_val *val,
                                    struct vch_pol_statement *statement) {
    statement->not_action = true;
    return read_action(build, val, statement);
}

static enum vch_err read_resource(struct vch_pol_build *build, const struct vch_val *val,
                                  struct vch_pol_statement *statement) {
    return add_patterns(build, val, add_resource, &statement->resources);
}

static enum vch_err read_not_resource(struct vch_pol_build *build, const struct vch_val *val,
                                      struct vch_pol_statement *statement) {
    statement->not_resource = true;
    return read_resource(build, val, statement);
}

static enum vch_err read_condition(struct vch_pol_build *build, const struct vch_val *val,
                                   struct vch_pol_statement *statement) {
    statement->tests.first = vch_pol_count(&build->tests, sizeof(struct vch_pol_test));
    VCH_TRY(vch_pol_condition(build, val));
    statement->tests.count =
        (uint16_t)(vch_pol_count(&build->tests, sizeof(struct vch_pol_test)) - statement->tests.first);
    return VCH_OK;
}

static enum vch_err refuse_principal(struct vch_pol_build *build, const struct vch_val *val,
                                     struct vch_pol_statement *statement) {
    (void)val;
    (void)statement;
    return vch_pol_refuse(build, "A policy that is attached to an identity names no principal.");
}

struct element {
    const char *name;
    element_fn *read;
    enum seen seen;
};
static const struct element elements[] = {
    {"Sid", read_sid, SEEN_FREE},
    {"Effect", read_effect, SEEN_EFFECT},
    {"Action", read_action, SEEN_ACTION},
    {"NotAction", read_not_action, SEEN_ACTION},
    {"Resource", read_resource, SEEN_RESOURCE},
    {"NotResource", read_not_resource, SEEN_RESOURCE},
    {"Condition", read_condition, SEEN_FREE},
    {"Principal", refuse_principal, SEEN_FREE},
    {"NotPrincipal", refuse_principal, SEEN_FREE},
};

static const struct element *find_element(struct vch_str name) {
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        if (vch_str_eq_c(name, elements[i].name)) return &elements[i];
    return NULL;
}

static enum vch_err refuse_unknown(struct vch_pol_build *build, struct vch_str name) {
    return vch_pol_refuse(build, "\"%.*s\" is not an element of a policy.", (int)(name.len > 64 ? 64 : name.len),
                          name.ptr);
}

static enum vch_err read_element(struct vch_pol_build *build, const struct vch_member *member,
                                 struct vch_pol_statement *statement, int seen[SEEN_COUNT]) {
    size_t mark = vch_pol_enter(build, member->name);
    const struct element *element = find_element(member->name);
    if (!element) return refuse_unknown(build, member->name);
    if (element->seen < SEEN_COUNT) seen[element->seen]++;
    VCH_TRY(element->read(build, &member->value, statement));
    vch_pol_leave(build, mark);
    return VCH_OK;
}

static enum vch_err check_seen(struct vch_pol_build *build, const int seen[SEEN_COUNT]) {
    if (seen[SEEN_EFFECT] != 1) return vch_pol_refuse(build, "A statement has an Effect.");
    if (seen[SEEN_ACTION] != 1) return vch_pol_refuse(build, "A statement has either Action or NotAction.");
    if (seen[SEEN_RESOURCE] != 1) return vch_pol_refuse(build, "A statement has either Resource or NotResource.");
    return VCH_OK;
}

static enum vch_err read_statement(struct vch_pol_build *build, const struct vch_val *val) {
    struct vch_pol_statement statement = {.deny = false};
    int seen[SEEN_COUNT] = {0};
    if (val->type != VCH_VAL_MAP) return vch_pol_refuse(build, "A statement is a JSON object.");
    for (size_t i = 0; i < val->count; i++) VCH_TRY(read_element(build, &val->members[i], &statement, seen));
    VCH_TRY(check_seen(build, seen));
    vch_pol_add(&build->statements, &statement, sizeof statement);
    return VCH_OK;
}

/* ---- the document ---- */

static enum vch_err read_statements(struct vch_pol_build *build, const struct vch_val *val) {
    if (val->type != VCH_VAL_LIST) return read_statement(build, val);
    if (val->count == 0) return vch_pol_refuse(build, "A policy has at least one statement.");
    for (size_t i = 0; i < val->count; i++) {
        size_t mark = vch_pol_enter_index(build, i);
        VCH_TRY(read_statement(build, &val->items[i]));
        vch_pol_leave(build, mark);
    }
    return VCH_OK;
}

/* Before 2012-10-17 there were no variables: "${" is text. */
static enum vch_err read_version(struct vch_pol_build *build, const struct vch_val *val) {
    VCH_TRY(expect_string(build, val));
    build->variables = vch_str_eq_c(val->str, "2012-10-17");
    if (build->variables || vch_str_eq_c(val->str, "2008-10-17")) return VCH_OK;
    return vch_pol_refuse(build, "Version is \"2012-10-17\" or \"2008-10-17\".");
}

static enum vch_err read_member(struct vch_pol_build *build, const struct vch_val *document, const char *name,
                                enum vch_err (*read)(struct vch_pol_build *, const struct vch_val *), bool required) {
    const struct vch_val *val = vch_val_get(document, name);
    if (!val) return required ? vch_pol_refuse(build, "A policy document has the element %s.", name) : VCH_OK;
    size_t mark = vch_pol_enter(build, vch_str_from(name));
    VCH_TRY(read(build, val));
    vch_pol_leave(build, mark);
    return VCH_OK;
}

static enum vch_err check_members(struct vch_pol_build *build, const struct vch_val *document) {
    for (size_t i = 0; i < document->count; i++) {
        struct vch_str name = document->members[i].name;
        if (vch_str_eq_c(name, "Version") || vch_str_eq_c(name, "Id") || vch_str_eq_c(name, "Statement")) continue;
        (void)vch_pol_enter(build, name);
        if (find_element(name))
            return vch_pol_refuse(build, "A statement stands inside \"Statement\", next to \"Version\".");
        return refuse_unknown(build, name);
    }
    return VCH_OK;
}

enum vch_err vch_pol_document(struct vch_pol_build *build, const struct vch_val *val) {
    if (val->type != VCH_VAL_MAP) return vch_pol_refuse(build, "A policy document is a JSON object.");
    VCH_TRY(check_members(build, val));
    VCH_TRY(read_member(build, val, "Version", read_version, true));
    VCH_TRY(read_member(build, val, "Id", expect_string, false));
    return read_member(build, val, "Statement", read_statements, true);
}
