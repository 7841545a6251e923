/* The engine knows no principals: the statements that speak of the caller are
 * picked here, turned to policies on "*", and given to it. */
#include "service/trust.h"

#include <stdio.h>
#include <string.h>

#include "core/names.h"
#include "core/reason.h"

enum { ARENA_MAX = 1 << 20, TEXT_MAX = 65536, DEPTH_MAX = 16, VALUES_MAX = 2000 };

enum match { MATCH_NONE, MATCH_ACCOUNT, MATCH_DIRECT };

struct trust {
    const struct vch_site *site;
    const struct vch_caller *caller; /* NULL: every statement is taken */
    struct vch_arena *arena;
    struct vch_diag *diag;
};

static enum vch_err refuse(const struct trust *t, size_t statement, const char *element, const char *what) {
    char path[64];
    (void)snprintf(path, sizeof path, "/Statement/%zu/%s", statement, element);
    return vch_diag_set(t->diag, VCH_ERR_MALFORMED, vch_reason_code(VCH_REASON_POLICY_MALFORMED), path, "%s", what);
}

/* ---- principals ---- */

static bool of_account(const struct trust *t, const struct vch_arn_parts *parts) {
    return vch_str_eq(parts->partition, t->site->partition) && parts->region.len == 0 &&
           vch_str_eq(parts->account, t->site->account);
}

/* The name behind "KIND/"; empty when it is none. */
static struct vch_str name_of(struct vch_str resource, const char *kind) {
    struct vch_str prefix = vch_str_from(kind);
    return vch_str_starts(resource, prefix) ? vch_str_sub(resource, prefix.len, SIZE_MAX) : (struct vch_str){NULL, 0};
}

static bool session_valid(struct vch_str name) {
    size_t slash = vch_str_find(name, '/', 0);
    return slash != SIZE_MAX && vch_user_name_valid(vch_str_sub(name, 0, slash)) &&
           vch_user_name_valid(vch_str_sub(name, slash + 1, SIZE_MAX));
}

static bool principal_valid(const struct trust *t, struct vch_str text) {
    struct vch_arn_parts parts;
    if (vch_str_eq_c(text, "*") || vch_str_eq(text, t->site->account)) return true;
    if (vch_arn_parse(text, &parts) != VCH_OK || !of_account(t, &parts)) return false;
    if (vch_str_eq_c(parts.service, "sts")) return session_valid(name_of(parts.resource, "assumed-role/"));
    if (!vch_str_eq_c(parts.service, "iam")) return false;
    return vch_str_eq_c(parts.resource, "root") || vch_user_name_valid(name_of(parts.resource, "user/")) ||
           vch_user_name_valid(name_of(parts.resource, "role/"));
}

static enum match match_one(const struct trust *t, struct vch_str text) {
    struct vch_arn_parts parts;
    const struct vch_caller *c = t->caller;
    if (vch_str_eq(text, c->arn) || (c->kind == VCH_CALLER_ROLE && vch_str_eq(text, c->role_arn))) return MATCH_DIRECT;
    if (vch_str_eq_c(text, "*") || vch_str_eq(text, t->site->account)) return MATCH_ACCOUNT;
    bool root = vch_arn_parse(text, &parts) == VCH_OK && vch_str_eq_c(parts.service, "iam") && of_account(t, &parts) &&
                vch_str_eq_c(parts.resource, "root");
    return root ? MATCH_ACCOUNT : MATCH_NONE;
}

/* One string or a list of them: the strings of `val` one after the other. */
static const struct vch_val *item_at(const struct vch_val *val, size_t i) {
    if (val->type == VCH_VAL_LIST) return i < val->count ? &val->items[i] : NULL;
    return i == 0 ? val : NULL;
}

static enum match match_aws(const struct trust *t, const struct vch_val *val) {
    enum match best = MATCH_NONE;
    const struct vch_val *item;
    for (size_t i = 0; (item = item_at(val, i)) != NULL; i++) {
        enum match found = match_one(t, item->str);
        if (found > best) best = found;
    }
    return best;
}

static enum match match_principal(const struct trust *t, const struct vch_val *principal) {
    const struct vch_val *aws = principal->type == VCH_VAL_STR ? principal : vch_val_get(principal, "AWS");
    return aws ? match_aws(t, aws) : MATCH_NONE;
}

/* ---- form ---- */

static enum vch_err check_names(const struct trust *t, size_t statement, const struct vch_val *val, bool aws) {
    const struct vch_val *item;
    if (!item_at(val, 0)) return refuse(t, statement, "Principal", "A list of principals may not be empty.");
    for (size_t i = 0; (item = item_at(val, i)) != NULL; i++) {
        if (item->type != VCH_VAL_STR || item->str.len == 0)
            return refuse(t, statement, "Principal", "A principal is a string.");
        if (aws && !principal_valid(t, item->str))
            return refuse(t, statement, "Principal", "Invalid principal in policy: it has to be this account, or a user, "
                                                     "role or session of it.");
    }
    return VCH_OK;
}

static enum vch_err check_principal(const struct trust *t, size_t statement, const struct vch_val *principal) {
    static const char *const kinds[] = {"AWS", "Service", "Federated", "CanonicalUser"};
    if (!principal) return refuse(t, statement, "Principal", "A statement of a trust document has a Principal.");
    if (principal->type == VCH_VAL_STR && vch_str_eq_c(principal->str, "*")) return VCH_OK;
    if (principal->type != VCH_VAL_MAP || principal->count == 0)
        return refuse(t, statement, "Principal", "Principal is \"*\" or an object with AWS or Service.");
    for (size_t i = 0; i < principal->count; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            known = known || vch_str_eq_c(principal->members[i].name, kinds[k]);
        if (!known) return refuse(t, statement, "Principal", "Principal is \"*\" or an object with AWS or Service.");
        VCH_TRY(check_names(t, statement, &principal->members[i].value, vch_str_eq_c(principal->members[i].name, "AWS")));
    }
    return VCH_OK;
}

static enum vch_err check_statement(const struct trust *t, size_t index, const struct vch_val *statement) {
    static const char *const prohibited[] = {"Resource", "NotResource", "NotPrincipal"};
    if (statement->type != VCH_VAL_MAP) return refuse(t, index, "", "A statement is a JSON object.");
    for (size_t i = 0; i < sizeof prohibited / sizeof *prohibited; i++)
        if (vch_val_get(statement, prohibited[i]))
            return refuse(t, index, prohibited[i], "A trust document has no such element.");
    return check_principal(t, index, vch_val_get(statement, "Principal"));
}

static enum vch_err check_statements(const struct trust *t, const struct vch_val *statements) {
    const struct vch_val *item;
    for (size_t i = 0; statements && (item = item_at(statements, i)) != NULL; i++) VCH_TRY(check_statement(t, i, item));
    return VCH_OK;
}

/* ---- turning to a policy ---- */

static enum vch_err put_copy(struct vch_arena *arena, struct vch_val *map, const struct vch_member *member) {
    struct vch_val *slot = map ? vch_val_put_str_name(arena, map, member->name) : NULL;
    if (!slot) return VCH_ERR_NOMEM;
    *slot = member->value;
    return VCH_OK;
}

static enum vch_err put_statement(const struct trust *t, struct vch_val *list, const struct vch_val *statement) {
    struct vch_val *map = vch_val_push_map(t->arena, list);
    for (size_t i = 0; i < statement->count; i++)
        if (!vch_str_eq_c(statement->members[i].name, "Principal")) VCH_TRY(put_copy(t->arena, map, &statement->members[i]));
    return map ? vch_val_put_str(t->arena, map, "Resource", VCH_STR("*")) : VCH_ERR_NOMEM;
}

/* Denials that speak of the caller, and permissions that do so at least as closely as `least`. */
static bool wanted(const struct trust *t, const struct vch_val *statement, enum match least) {
    if (!t->caller) return true;
    enum match found = match_principal(t, vch_val_get(statement, "Principal"));
    bool deny = vch_str_eq_c(vch_val_str_at(statement, "Effect"), "Deny");
    return found != MATCH_NONE && (deny || found >= least);
}

static enum vch_err put_statements(const struct trust *t, const struct vch_val *statements, enum match least,
                                   struct vch_val *list, size_t *ret_count) {
    const struct vch_val *item;
    for (size_t i = 0; (item = item_at(statements, i)) != NULL; i++) {
        if (!wanted(t, item, least)) continue;
        VCH_TRY(put_statement(t, list, item));
        ++*ret_count;
    }
    return VCH_OK;
}

/* The document with the wanted statements; *ret_count of them. */
static enum vch_err as_policy(const struct trust *t, const struct vch_val *document, enum match least, struct vch_val **ret,
                              size_t *ret_count) {
    struct vch_val *list = NULL;
    *ret = vch_val_new_map(t->arena);
    *ret_count = 0;
    if (!*ret) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < document->count; i++) {
        const struct vch_member *member = &document->members[i];
        bool statements = vch_str_eq_c(member->name, "Statement") &&
                          (member->value.type == VCH_VAL_MAP || (member->value.type == VCH_VAL_LIST && member->value.count));
        if (!statements) {
            VCH_TRY(put_copy(t->arena, *ret, member));
            continue;
        }
        list = vch_val_put_list(t->arena, *ret, "Statement");
        VCH_TRY(list ? put_statements(t, &member->value, least, list, ret_count) : VCH_ERR_NOMEM);
    }
    return VCH_OK;
}

static enum vch_err compile(const struct vch_val *document, struct vch_policy **ret, struct vch_diag *diag) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, TEXT_MAX);
    vch_json_encode(document, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) err = vch_policy_parse(VCH_POLICY_IAM, VCH_STR("trust"), text, ret, diag);
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_err read_document(const struct trust *t, struct vch_str document, struct vch_val **ret) {
    const struct vch_val_limits limits = {.depth = DEPTH_MAX, .values = VALUES_MAX};
    struct vch_diag where = {0};
    if (document.len > VCH_TRUST_MAX)
        return VCH_REFUSE(t->diag, VCH_ERR_TOO_LARGE, POLICY_TOO_LARGE, "", "A trust document has at most %d bytes.", VCH_TRUST_MAX);
    enum vch_err err = vch_json_decode(document, &limits, t->arena, ret, &where);
    if (err == VCH_ERR_NOMEM) return err;
    if (err != VCH_OK)
        return VCH_REFUSE(t->diag, VCH_ERR_MALFORMED, POLICY_MALFORMED, "", "The document is not valid JSON: %.200s", where.message);
    if ((*ret)->type != VCH_VAL_MAP)
        return VCH_REFUSE(t->diag, VCH_ERR_MALFORMED, POLICY_MALFORMED, "", "A policy document is a JSON object.");
    return VCH_OK;
}

static enum vch_err check_in(const struct trust *t, struct vch_str text) {
    struct vch_val *document, *plain;
    struct vch_policy *policy = NULL;
    size_t count;
    VCH_TRY(read_document(t, text, &document));
    VCH_TRY(check_statements(t, vch_val_get(document, "Statement")));
    VCH_TRY(as_policy(t, document, MATCH_NONE, &plain, &count));
    VCH_TRY(compile(plain, &policy, t->diag));
    vch_policy_unref(policy);
    return VCH_OK;
}

enum vch_err vch_trust_check(const struct vch_site *site, struct vch_str document, struct vch_diag *diag) {
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, false);
    const struct trust t = {.site = site, .arena = arena, .diag = diag};
    enum vch_err err = arena ? check_in(&t, document) : VCH_ERR_NOMEM;
    vch_arena_free(arena);
    return err;
}

/* ---- evaluating ---- */

static enum vch_err verdict_of(const struct trust *t, const struct vch_val *document, enum match least,
                               const struct vch_policy_request *request, enum vch_verdict *ret) {
    struct vch_val *plain;
    struct vch_policy *policy = NULL;
    size_t count;
    *ret = VCH_VERDICT_IMPLICIT_DENY;
    VCH_TRY(as_policy(t, document, least, &plain, &count));
    if (count == 0) return VCH_OK;
    VCH_TRY(compile(plain, &policy, t->diag));
    struct vch_policy_request any = *request;
    any.resource = VCH_STR("*");
    *ret = vch_policy_eval((const struct vch_policy *const *)&policy, 1, &any).verdict;
    vch_policy_unref(policy);
    return VCH_OK;
}

static enum vch_err eval_in(const struct trust *t, struct vch_str text, const struct vch_policy_request *request,
                            enum vch_trust *ret) {
    struct vch_val *document;
    enum vch_verdict verdict;
    VCH_TRY(read_document(t, text, &document));
    VCH_TRY(verdict_of(t, document, MATCH_DIRECT, request, &verdict));
    if (verdict == VCH_VERDICT_EXPLICIT_DENY) *ret = VCH_TRUST_DENIED;
    if (verdict == VCH_VERDICT_ALLOW) *ret = VCH_TRUST_DIRECT;
    if (verdict != VCH_VERDICT_IMPLICIT_DENY) return VCH_OK;
    VCH_TRY(verdict_of(t, document, MATCH_ACCOUNT, request, &verdict));
    if (verdict == VCH_VERDICT_ALLOW) *ret = VCH_TRUST_ACCOUNT;
    return VCH_OK;
}

enum vch_err vch_trust_eval(const struct vch_site *site, struct vch_str document, const struct vch_caller *caller,
                            const struct vch_policy_request *request, enum vch_trust *ret, struct vch_diag *diag) {
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, false);
    const struct trust t = {.site = site, .caller = caller, .arena = arena, .diag = diag};
    *ret = VCH_TRUST_NONE;
    enum vch_err err = arena ? eval_in(&t, document, request, ret) : VCH_ERR_NOMEM;
    vch_arena_free(arena);
    return err;
}
