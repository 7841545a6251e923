/* Which policies count for a device, and what they would say. The verdicts are
 * those of the engine that the broker asks.
 * Source: AWS GetEffectivePolicies, TestAuthorization. */
#include "core/names.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/explain_priv.h"
#include "service/page.h"
#include "store/groups.h"

enum { LIST_MAX = 250, POLICIES_MAX = 512 };

/* ---- gathering policies ---- */

static bool has_policy(const struct vch_rec_authz *record, struct vch_str name) {
    for (size_t i = 0; i < record->policy_count; i++)
        if (vch_str_eq(record->policies[i].name, name)) return true;
    return false;
}

/* A policy by its name, once; `record->policies` has room for POLICIES_MAX. */
static enum vch_err add_policy(struct vch_call *call, struct vch_str name, struct vch_rec_authz *record) {
    if (has_policy(record, name)) return VCH_OK;
    if (record->policy_count == POLICIES_MAX)
        return VCH_REFUSE(call->diag, VCH_ERR_LIMIT, POLICIES_PER_CERTIFICATE, "", "More than %d policies.", POLICIES_MAX);
    VCH_TRY(vch_store_policy(call->service->store, name, 0, &record->policies[record->policy_count], call->arena, call->diag));
    record->policy_count++;
    return VCH_OK;
}

static enum vch_err add_group(struct vch_call *call, struct vch_str group, struct vch_rec_authz *record) {
    struct vch_page page = {.limit = LIST_MAX};
    struct vch_list_str names;
    VCH_TRY(vch_store_group_policies(call->service->store, group, true, page, &names, call->arena, call->diag));
    for (size_t i = 0; i < names.count; i++) VCH_TRY(add_policy(call, names.items[i], record));
    return VCH_OK;
}

static enum vch_err add_groups_of(struct vch_call *call, struct vch_str thing, struct vch_rec_authz *record) {
    struct vch_page page = {.limit = LIST_MAX};
    struct vch_list_str groups;
    VCH_TRY(vch_store_groups_of_thing(call->service->store, thing, page, &groups, call->arena, call->diag));
    for (size_t i = 0; i < groups.count; i++) VCH_TRY(add_group(call, groups.items[i], record));
    return VCH_OK;
}

/* What a connection of that certificate under that client id is judged by. */
static enum vch_err add_connection(struct vch_call *call, struct vch_str id, struct vch_str client_id,
                                   struct vch_rec_authz *record) {
    struct vch_rec_authz found;
    VCH_TRY(vch_store_authz_as(call->service->store, id, client_id, &found, call->arena, call->diag));
    for (size_t i = 0; i < found.policy_count && record->policy_count < POLICIES_MAX; i++)
        if (!has_policy(record, found.policies[i].name)) record->policies[record->policy_count++] = found.policies[i];
    record->things = found.things;
    record->thing_count = found.thing_count;
    record->exclusive = found.exclusive;
    return VCH_OK;
}

/* The input `principal`: a certificate, whose id is given back, or a group of
 * things. Absent: nobody, who has no policies. */
static enum vch_err add_principal(struct vch_call *call, struct vch_str client_id, struct vch_rec_authz *record,
                                  struct vch_str *ret_id) {
    struct vch_str arn = vch_val_str_at(call->in, "principal"), group;
    *record = (struct vch_rec_authz){.policies = vch_arena_array(call->arena, POLICIES_MAX, sizeof *record->policies)};
    *ret_id = (struct vch_str){NULL, 0};
    if (!record->policies) return VCH_ERR_NOMEM;
    if (!arn.len) return VCH_OK;
    if (vch_arn_name(&call->service->site, "thinggroup", arn, &group)) return add_group(call, group, record);
    VCH_TRY(vch_target_existing(call, "principal", ret_id));
    return add_connection(call, *ret_id, client_id, record);
}

/* ---- GetEffectivePolicies ---- */

static enum vch_err put_policy(struct vch_call *call, struct vch_val *list, struct vch_str name, struct vch_str document) {
    struct vch_val *item = vch_val_push_map(call->arena, list);
    if (!item) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, item, "policyName", name));
    VCH_TRY(vch_put_arn(call, item, "policyArn", "policy", name));
    return document.ptr ? vch_val_put_str(call->arena, item, "policyDocument", document) : VCH_OK;
}

enum vch_err vch_uc_get_effective_policies(struct vch_call *call) {
    struct vch_str thing = vch_val_str_at(call->in, "thingName"), id;
    struct vch_rec_authz record;
    struct vch_rec_thing known;
    if (!vch_val_get(call->in, "principal") && !thing.len)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_MISSING, "principal", "Either principal or thingName is needed.");
    if (thing.len) VCH_TRY(vch_store_thing(call->service->store, thing, &known, call->arena, call->diag));
    VCH_TRY(add_principal(call, thing, &record, &id));
    if (!id.len && thing.len) VCH_TRY(add_groups_of(call, thing, &record));
    struct vch_val *list = vch_val_put_list(call->arena, call->out, "effectivePolicies");
    if (!list) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < record.policy_count; i++)
        VCH_TRY(put_policy(call, list, record.policies[i].name, record.policies[i].document));
    return VCH_OK;
}

/* ---- TestAuthorization ---- */

static const struct {
    const char *type, *action;
} actions[] = {
    {"PUBLISH", "iot:Publish"}, {"SUBSCRIBE", "iot:Subscribe"}, {"RECEIVE", "iot:Receive"}, {"CONNECT", "iot:Connect"}};
enum { ACTIONS = sizeof actions / sizeof *actions, CONNECT = 3 };

static bool is_listed(const struct vch_val *names, struct vch_str name) {
    for (size_t i = 0; names && i < names->count; i++)
        if (vch_str_eq(names->items[i].str, name)) return true;
    return false;
}

static enum vch_err add_and_skip(struct vch_call *call, struct vch_rec_authz *record) {
    const struct vch_val *add = vch_val_get(call->in, "policyNamesToAdd"), *skip = vch_val_get(call->in, "policyNamesToSkip");
    size_t kept = 0;
    for (size_t i = 0; i < record->policy_count; i++)
        if (!is_listed(skip, record->policies[i].name)) record->policies[kept++] = record->policies[i];
    record->policy_count = kept;
    if (add && add->count > VCH_POLICIES_PER_CERTIFICATE_MAX)
        return VCH_REFUSE(call->diag, VCH_ERR_LIMIT, POLICIES_PER_CERTIFICATE, "policyNamesToAdd",
                          "At most %d policies can be added.", VCH_POLICIES_PER_CERTIFICATE_MAX);
    for (size_t i = 0; add && i < add->count; i++) VCH_TRY(add_policy(call, add->items[i].str, record));
    return VCH_OK;
}

/* What became of one authInfo, over all its resources. */
struct outcome {
    enum vch_verdict worst;
    bool *allowed, *denied, *silent; /* by policy */
    struct vch_val *missing;
};

static enum vch_verdict worse(enum vch_verdict a, enum vch_verdict b) {
    if (a == VCH_VERDICT_EXPLICIT_DENY || b == VCH_VERDICT_EXPLICIT_DENY) return VCH_VERDICT_EXPLICIT_DENY;
    return a == VCH_VERDICT_ALLOW ? b : a;
}

static enum vch_err note_missing(struct vch_call *call, const struct vch_told *told, struct outcome *outcome) {
    for (size_t i = 0; i < told->value_count; i++)
        if (!told->values[i].defined && !is_listed(outcome->missing, told->values[i].name))
            VCH_TRY(vch_val_push_str(call->arena, outcome->missing, told->values[i].name));
    return VCH_OK;
}

static enum vch_err ask_one(struct vch_call *call, const struct vch_authz_ask *ask, size_t policies, struct outcome *outcome) {
    struct vch_told told;
    VCH_TRY(vch_told_ask(ask, call->arena, &told));
    bool *spoke = vch_arena_array(call->arena, policies + 1, sizeof *spoke);
    if (!spoke) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < told.step_count; i++) {
        const struct vch_told_step *step = &told.steps[i];
        if (!vch_told_applies(step)) continue;
        spoke[step->policy] = true;
        *(step->deny ? &outcome->denied[step->policy] : &outcome->allowed[step->policy]) = true;
    }
    for (size_t i = 0; i < policies; i++) outcome->silent[i] |= !spoke[i];
    outcome->worst = worse(outcome->worst, told.decision.verdict);
    return note_missing(call, &told, outcome);
}

static enum vch_err put_policies(struct vch_call *call, struct vch_val *map, const char *name, const bool *chosen,
                                 const struct vch_rec_authz *record) {
    struct vch_val *object = vch_val_put_map(call->arena, map, name);
    struct vch_val *list = object ? vch_val_put_list(call->arena, object, "policies") : NULL;
    if (!list) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < record->policy_count; i++)
        if (chosen[i]) VCH_TRY(put_policy(call, list, record->policies[i].name, (struct vch_str){NULL, 0}));
    return VCH_OK;
}

static enum vch_err put_outcome(struct vch_call *call, const struct vch_val *info, const struct vch_rec_authz *record,
                                const struct outcome *outcome, struct vch_val *result) {
    struct vch_val *echo = vch_val_put(call->arena, result, "authInfo");
    if (!echo) return VCH_ERR_NOMEM;
    *echo = *info;
    VCH_TRY(put_policies(call, result, "allowed", outcome->allowed, record));
    struct vch_val *denied = vch_val_put_map(call->arena, result, "denied");
    if (!denied) return VCH_ERR_NOMEM;
    VCH_TRY(put_policies(call, denied, "implicitDeny", outcome->silent, record));
    VCH_TRY(put_policies(call, denied, "explicitDeny", outcome->denied, record));
    VCH_TRY(vch_val_put_str(call->arena, result, "authDecision", vch_str_from(vch_told_verdict(outcome->worst))));
    struct vch_val *missing = vch_val_put(call->arena, result, "missingContextValues");
    if (!missing) return VCH_ERR_NOMEM;
    *missing = *outcome->missing;
    return VCH_OK;
}

static enum vch_err test_one(struct vch_call *call, const struct vch_val *info, const struct vch_rec_authz *record,
                             struct vch_authz_ask ask, struct vch_val *result) {
    const struct vch_val *resources = vch_val_get(info, "resources");
    struct outcome outcome = {.worst = VCH_VERDICT_ALLOW,
                              .allowed = vch_arena_array(call->arena, 3 * record->policy_count + 1, sizeof(bool)),
                              .missing = vch_val_new_list(call->arena)};
    size_t kind = 0;
    if (!result || !outcome.allowed || !outcome.missing) return VCH_ERR_NOMEM;
    outcome.denied = outcome.allowed + record->policy_count;
    outcome.silent = outcome.denied + record->policy_count;
    while (kind < ACTIONS && !vch_str_eq_c(vch_val_str_at(info, "actionType"), actions[kind].type)) kind++;
    if (kind == ACTIONS || !resources || resources->count == 0)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "authInfos",
                          "Each of authInfos has an actionType of PUBLISH, SUBSCRIBE, RECEIVE or CONNECT, and resources.");
    ask.action = actions[kind].action;
    ask.connecting = kind == CONNECT;
    for (size_t i = 0; i < resources->count; i++) {
        ask.resource = resources->items[i].str;
        VCH_TRY(ask_one(call, &ask, record->policy_count, &outcome));
    }
    return put_outcome(call, info, record, &outcome, result);
}

static enum vch_err test_all(struct vch_call *call, const struct vch_rec_authz *record, const struct vch_authz_ask *ask) {
    const struct vch_val *infos = vch_val_get(call->in, "authInfos");
    struct vch_val *results = vch_val_put_list(call->arena, call->out, "authResults");
    if (!results) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < infos->count; i++)
        VCH_TRY(test_one(call, &infos->items[i], record, *ask, vch_val_push_map(call->arena, results)));
    return VCH_OK;
}

enum vch_err vch_uc_test_authorization(struct vch_call *call) {
    struct vch_str client_id = vch_val_str_at(call->in, "clientId"), id;
    struct vch_rec_authz record;
    struct vch_authz *authz = NULL;
    if (!vch_val_get(call->in, "principal") && !vch_val_get(call->in, "policyNamesToAdd"))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_MISSING, "principal", "Either principal or policyNamesToAdd is needed.");
    VCH_TRY(add_principal(call, client_id, &record, &id));
    VCH_TRY(add_and_skip(call, &record));
    VCH_TRY(vch_authz_build(call->service, &record, id, client_id, &authz, call->diag));
    const struct vch_authz_ask ask = {
        .authz = authz, .site = &call->service->site, .client_id = client_id, .certificate_id = id};
    enum vch_err err = test_all(call, &record, &ask);
    vch_authz_unref(authz);
    return err;
}
