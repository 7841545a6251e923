#include "service/claim_requests.h"

#include <string.h>

#include "base/digest.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/claim_watch.h"
#include "service/page.h"

static enum vch_err insert(struct vch_call *call, const struct vch_claim_ask *ask, struct vch_str principal, struct vch_str asked,
                           struct vch_str id) {
    const struct vch_rec_request request = {.id = id,
                                            .principal = principal,
                                            .person = vch_caller_person(&call->caller, call->arena),
                                            .template_name = ask->template_name,
                                            .digest = ask->digest,
                                            .asked = asked,
                                            .created_ms = call->now_ms,
                                            .expires_ms = call->now_ms + VCH_REQUEST_LIFE_S * INT64_C(1000)};
    struct vch_plan *plan = vch_plan_new(call->arena);
    struct vch_rec_ledger row = vch_call_ledger(call, "claim-requested");
    struct vch_val *map = vch_val_new_map(call->arena);
    if (!plan || !map || !request.person.ptr) return VCH_ERR_NOMEM;
    row.template_name = ask->template_name;
    VCH_TRY(vch_val_put_str(call->arena, map, "requestId", id));
    VCH_TRY(vch_ledger_detail(call, map, &row));
    vch_plan_request_insert(plan, &request);
    vch_plan_ledger(plan, &row);
    return vch_store_apply(call->service->store, plan, NULL);
}

/* The one that waits: this one, or the same that came before. */
static enum vch_err keep(struct vch_call *call, const struct vch_claim_ask *ask, struct vch_str principal, struct vch_str asked,
                         struct vch_str *ret_id) {
    char uuid[37];
    struct vch_rec_request waiting;
    vch_uuid(uuid);
    *ret_id = vch_arena_str(call->arena, vch_str_from(uuid));
    if (!ret_id->ptr) return VCH_ERR_NOMEM;
    enum vch_err err = insert(call, ask, principal, asked, *ret_id);
    if (err != VCH_ERR_EXISTS) return err;
    VCH_TRY(vch_store_request_pending(call->service->store, ask->digest, call->now_ms, &waiting, call->arena, NULL));
    *ret_id = waiting.id;
    return VCH_OK;
}

enum vch_err vch_claim_request_made(struct vch_call *call, const struct vch_claim_ask *ask, struct vch_str principal, struct vch_str asked) {
    struct vch_str id;
    if (!call->diag->reason || strcmp(call->diag->reason, vch_reason_code(VCH_REASON_APPROVAL_NEEDED)) != 0) return VCH_ERR_DENIED;
    VCH_TRY(keep(call, ask, principal, asked, &id));
    vch_diag_clear(call->diag);
    return VCH_REFUSE(call->diag, VCH_ERR_DENIED, APPROVAL_NEEDED, "",
                      "This claim needs the approval of a second person. Request %.*s waits for it; ask again once it is approved.",
                      VCH_STR_ARG(id));
}

/* ---- looking at them, and deciding ---- */

static enum vch_err put_request(struct vch_call *call, const struct vch_rec_request *r, struct vch_val *map) {
    struct vch_arena *arena = call->arena;
    bool open = vch_str_eq_c(r->state, "PENDING") || vch_str_eq_c(r->state, "APPROVED");
    struct vch_val *asked = NULL, *slot;
    VCH_TRY(vch_val_put_str(arena, map, "requestId", r->id));
    VCH_TRY(vch_val_put_str(arena, map, "principal", r->principal));
    VCH_TRY(vch_val_put_str(arena, map, "templateName", r->template_name));
    VCH_TRY(vch_val_put_str(arena, map, "state", open && call->now_ms >= r->expires_ms ? VCH_STR("EXPIRED") : r->state));
    VCH_TRY(vch_val_put_time(arena, map, "creationDate", r->created_ms));
    VCH_TRY(vch_val_put_time(arena, map, "expiration", r->expires_ms));
    if (r->decided_by.len) VCH_TRY(vch_val_put_str(arena, map, "decidedBy", r->decided_by));
    VCH_TRY(vch_json_decode(r->asked, NULL, arena, &asked, NULL));
    slot = vch_val_put(arena, map, "bindings");
    if (!slot) return VCH_ERR_NOMEM;
    *slot = *asked;
    return VCH_OK;
}

enum vch_err vch_uc_list_claim_requests(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListClaimRequests", .page = {.descending = true}};
    struct vch_list_request list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_requests(call->service->store, paging.page, &list, call->arena, call->diag));
    struct vch_val *requests = vch_val_put_list(call->arena, call->out, "requests");
    for (size_t i = 0; i < list.count; i++) {
        struct vch_val *item = vch_val_push_map(call->arena, requests);
        if (!item) return VCH_ERR_NOMEM;
        VCH_TRY(put_request(call, &list.items[i], item));
        last = vch_arena_printf(call->arena, "%lld/%.*s", (long long)list.items[i].created_ms, VCH_STR_ARG(list.items[i].id));
        if (!last.ptr) return VCH_ERR_NOMEM;
    }
    return vch_paging_close(call, &paging, list.more, last);
}

/* Four eyes: whoever asks does not decide, in no role either. */
static enum vch_err check_second_person(struct vch_call *call, const struct vch_rec_request *r) {
    struct vch_str own = vch_caller_person(&call->caller, call->arena);
    if (!own.ptr) return VCH_ERR_NOMEM;
    if (!vch_str_eq(own, r->person)) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_DENIED, APPROVAL_OWN, "requestId", "Nobody decides about a request of their own.");
}

static enum vch_err decide(struct vch_call *call, bool approve) {
    struct vch_rec_request request;
    struct vch_change change;
    VCH_TRY(vch_store_request(call->service->store, vch_val_str_at(call->in, "requestId"), &request, call->arena, call->diag));
    if (approve) VCH_TRY(check_second_person(call, &request));
    VCH_TRY(vch_change_begin(call, approve ? "claim-approved" : "claim-denied", &change));
    VCH_TRY(vch_change_about(call, &change, "requestId", request.id));
    change.row.template_name = request.template_name;
    vch_plan_request_decide(change.plan, request.id, approve, change.row.actor, call->now_ms,
                            call->now_ms + VCH_APPROVAL_LIFE_S * INT64_C(1000));
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_approve_claim_request(struct vch_call *call) {
    return decide(call, true);
}

enum vch_err vch_uc_deny_claim_request(struct vch_call *call) {
    return decide(call, false);
}
