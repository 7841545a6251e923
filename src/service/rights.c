#include "service/rights.h"

#include <string.h>

#include "core/policy_reach.h"
#include "service/iam_priv.h"
#include "shape/op.h"

enum { NAMES_MAX = 500, PAGE = 250 };

static const char claim_action[] = "iot:CreateProvisioningClaim";

/* ---- actions ---- */

static bool seen_before(enum vch_op op) {
    for (enum vch_op earlier = VCH_OP_NONE + 1; earlier < op; earlier++)
        if (strcmp(vch_op_row(earlier)->action, vch_op_row(op)->action) == 0) return true;
    return false;
}

/* Topics have levels, and an ARN of any kind may have; names have none. */
static bool is_deep(const char *resource) {
    return resource[0] == '{' || strncmp(resource, "topic", 5) == 0;
}

static enum vch_err reach_of(struct vch_call *call, const struct vch_iam_held *held, enum vch_op op, enum vch_reach *ret) {
    const struct vch_op_row *row = vch_op_row(op);
    struct vch_reach_ask ask = {.action = vch_str_from(row->action), .deep = is_deep(row->resource)};
    ask.prefix = vch_op_resource_prefix(op, &call->service->site, call->arena, &ask.whole);
    if (!ask.prefix.ptr) return VCH_ERR_NOMEM;
    *ret = vch_iam_reach_held(held, &ask);
    return VCH_OK;
}

static enum vch_err put_actions(struct vch_call *call, const struct vch_iam_held *held, enum vch_reach *ret_claims) {
    struct vch_val *actions = vch_val_put_map(call->arena, call->out, "actions");
    if (!actions) return VCH_ERR_NOMEM;
    for (enum vch_op op = VCH_OP_NONE + 1; op < VCH_OP_COUNT; op++) {
        const char *action = vch_op_row(op)->action;
        enum vch_reach reach;
        if (!action[0] || seen_before(op)) continue;
        VCH_TRY(reach_of(call, held, op, &reach));
        VCH_TRY(vch_val_put_str(call->arena, actions, action, vch_str_from(vch_reach_word(reach))));
        if (strcmp(action, claim_action) == 0) *ret_claims = reach;
    }
    return VCH_OK;
}

/* ---- templates ---- */

static enum vch_err put_if_allowed(struct vch_iam *iam, struct vch_call *call, const struct vch_iam_held *held, struct vch_str name,
                                   struct vch_val *names) {
    struct vch_iam_decision decision;
    struct vch_iam_ask ask = {
        .caller = &call->caller,
        .action = vch_str_from(claim_action),
        .resource = vch_arn(&call->service->site, "provisioningtemplate", name, call->arena),
        .secure = true,
        .now_ms = call->now_ms,
    };
    if (!ask.resource.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_iam_decide_held(iam, held, &ask, &decision, call->diag));
    bool allowed = decision.identity == VCH_VERDICT_ALLOW && (!decision.has_session || decision.session == VCH_VERDICT_ALLOW);
    return allowed ? vch_val_push_str(call->arena, names, name) : VCH_OK;
}

static enum vch_err put_allowed(struct vch_iam *iam, struct vch_call *call, const struct vch_iam_held *held, struct vch_val *names) {
    struct vch_page page = {.limit = PAGE};
    struct vch_list_template list = {.more = true};
    while (list.more && names->count < NAMES_MAX) {
        VCH_TRY(vch_store_templates(call->service->store, page, &list, call->arena, call->diag));
        for (size_t i = 0; i < list.count; i++) VCH_TRY(put_if_allowed(iam, call, held, list.items[i].name, names));
        if (list.count) page.after = list.items[list.count - 1].name;
    }
    return VCH_OK;
}

static enum vch_err put_rights(struct vch_iam *iam, struct vch_call *call, const struct vch_iam_held *held) {
    enum vch_reach claims = VCH_REACH_NONE;
    VCH_TRY(put_actions(call, held, &claims));
    struct vch_val *names = vch_val_put_list(call->arena, call->out, "templates");
    if (!names) return VCH_ERR_NOMEM;
    if (claims == VCH_REACH_ALL) return vch_val_push_str(call->arena, names, VCH_STR("*"));
    return claims == VCH_REACH_SOME ? put_allowed(iam, call, held, names) : VCH_OK;
}

enum vch_err vch_rights(struct vch_iam *iam, struct vch_call *call) {
    struct vch_iam_held *held = NULL;
    enum vch_err err = vch_iam_hold(iam, &call->caller, &held, call->diag);
    if (err == VCH_OK) err = put_rights(iam, call, held);
    vch_iam_let_go(iam, held);
    return err;
}
