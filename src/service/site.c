/* What the caller and the server are called. Source: AWS GetCallerIdentity,
 * DescribeEndpoint. */
#include "base/digest.h"
#include "core/reason.h"
#include "pki/csr.h"
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

/* ---- ours ---- */

static enum vch_err put_root(struct vch_call *call) {
    struct vch_str der;
    struct vch_certificate_info info;
    VCH_TRY(vch_certificate_from_pem(call->service->root_pem, call->arena, &der, call->diag));
    VCH_TRY(vch_certificate_describe(der, call->arena, &info, call->diag));
    struct vch_str fingerprint = vch_arena_str(call->arena, vch_str_from(info.id));
    struct vch_val *root = vch_val_put_map(call->arena, call->out, "root");
    if (!root || !fingerprint.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, root, "fingerprint", fingerprint));
    VCH_TRY(vch_val_put_str(call->arena, root, "commonName", info.subject_cn));
    VCH_TRY(vch_val_put_time(call->arena, root, "notBefore", info.not_before_ms));
    return vch_val_put_time(call->arena, root, "notAfter", info.not_after_ms);
}

static enum vch_err put_hostnames(struct vch_call *call) {
    struct vch_val *list = vch_val_put_list(call->arena, call->out, "hostnames");
    if (!list) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < call->service->hostname_count; i++)
        VCH_TRY(vch_val_push_str(call->arena, list, vch_str_from(call->service->hostnames[i])));
    return VCH_OK;
}

enum vch_err vch_uc_get_site(struct vch_call *call) {
    const struct vch_service *service = call->service;
    struct vch_arena *arena = call->arena;
    VCH_TRY(vch_val_put_str(arena, call->out, "account", service->site.account));
    VCH_TRY(vch_val_put_str(arena, call->out, "region", service->site.region));
    VCH_TRY(vch_val_put_str(arena, call->out, "endpointAddress", service->endpoint_host));
    VCH_TRY(put_hostnames(call));
    VCH_TRY(vch_val_put_int(arena, call->out, "mqttPort", service->mqtt_port));
    VCH_TRY(vch_val_put_int(arena, call->out, "edgePort", service->edge_port));
    VCH_TRY(vch_val_put_str(arena, call->out, "limits", service->limits_aws ? VCH_STR("aws") : VCH_STR("open")));
    VCH_TRY(vch_val_put_int(arena, call->out, "claimLifetimeMax", service->claim_life_max_s ? service->claim_life_max_s : 300));
    return put_root(call);
}
