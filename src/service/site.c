/* What the caller and the server are called. Source: AWS GetCallerIdentity,
 * DescribeEndpoint. */
#include "base/digest.h"
#include "core/reason.h"
#include "service/call.h"

static const char *const endpoint_types[] = {
    "iot:Data", "iot:Data-ATS", "iot:CredentialProvider", "iot:Jobs", "iot:DeviceAdvisor", "iot:Data-Beta",
};

enum vch_err vch_uc_describe_endpoint(struct vch_call *call) {
    struct vch_str type = vch_val_str_at(call->in, "endpointType");
    bool known = type.len == 0;
    for (size_t i = 0; i < sizeof endpoint_types / sizeof *endpoint_types; i++)
        known = known || vch_str_eq_c(type, endpoint_types[i]);
    if (!known)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "endpointType",
                          "The endpoint type %.*s is not known.", VCH_STR_ARG(type));
    return vch_val_put_str(call->arena, call->out, "endpointAddress", call->service->endpoint_host);
}

struct vch_str vch_caller_id(const struct vch_caller *caller, struct vch_arena *arena) {
    uint8_t digest[VCH_SHA256_LEN];
    char text[17];
    if (caller->kind == VCH_CALLER_ROLE) return caller->role_user_id;
    vch_sha256(caller->arn, digest);
    for (size_t i = 0; i < 16; i++) text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[digest[i] & 31];
    text[16] = '\0';
    return vch_arena_printf(arena, "AIDA%s", text);
}

enum vch_err vch_uc_get_caller_identity(struct vch_call *call) {
    struct vch_str id = vch_caller_id(&call->caller, call->arena);
    if (!id.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, call->out, "UserId", id));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "Account", call->service->site.account));
    return vch_val_put_str(call->arena, call->out, "Arn", call->caller.arn);
}
