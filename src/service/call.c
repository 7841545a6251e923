#include "service/call.h"

static struct vch_str principal(const struct vch_call *call, const char *kind) {
    return vch_arena_printf(call->arena, "%s/%.*s", kind, VCH_STR_ARG(call->caller.certificate_id));
}

struct vch_str vch_call_actor(const struct vch_call *call) {
    switch (call->caller.kind) {
    case VCH_CALLER_USER:
    case VCH_CALLER_ROLE: return call->caller.arn;
    case VCH_CALLER_CLAIM: return principal(call, "claim");
    case VCH_CALLER_DEVICE: return principal(call, "cert");
    case VCH_CALLER_SERVER: return VCH_STR("server");
    case VCH_CALLER_NOBODY: break;
    }
    return VCH_STR("nobody");
}

struct vch_rec_ledger vch_call_ledger(const struct vch_call *call, const char *event) {
    const struct vch_caller *caller = &call->caller;
    struct vch_rec_ledger row = {
        .time_ms = call->now_ms,
        .event = vch_str_from(event),
        .actor = vch_call_actor(call),
        .source_ip = caller->source_ip,
        .client_id = caller->client_id,
        .template_name = caller->template_name,
        .outcome = VCH_STR("ok"),
        .detail = VCH_STR("{}"),
    };
    if (caller->kind == VCH_CALLER_CLAIM) row.claim_id = caller->certificate_id;
    return row;
}

bool vch_service_reads_locally(const struct vch_service *service) {
    return vch_store_is_local(service->store);
}

struct vch_str vch_caller_person(const struct vch_caller *caller, struct vch_arena *arena) {
    if (caller->kind == VCH_CALLER_ROLE) return caller->role_person;
    return vch_arena_printf(arena, "user/%.*s", VCH_STR_ARG(caller->user_name));
}
