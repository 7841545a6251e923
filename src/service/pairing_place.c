/* Where the server is. A device and a phone may know it by another name than
 * its first: what the request called it counts, when it is a name of ours. */
#include "base/digest.h"
#include "pki/csr.h"
#include "service/pairing_priv.h"

static bool is_ours(const struct vch_service *service, struct vch_str name) {
    static const char *const always[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (vch_str_ieq(name, vch_str_from(always[i]))) return true;
    bool bare = name.len > 2 && name.ptr[0] == '[';
    struct vch_str address = bare ? vch_str_sub(name, 1, name.len - 2) : name;
    for (size_t i = 0; i < service->hostname_count; i++)
        if (vch_str_ieq(address, vch_str_from(service->hostnames[i]))) return true;
    return false;
}

/* "name", "name:8443", "[::1]:8443": the name with its brackets, and the port's digits. */
static bool split_host(struct vch_str host, struct vch_str *ret_name, struct vch_str *ret_port) {
    size_t bracket = vch_str_find(host, ']', 0), colon = vch_str_find(host, ':', bracket == SIZE_MAX ? 0 : bracket);
    int64_t port = 0;
    *ret_name = vch_str_sub(host, 0, colon == SIZE_MAX ? host.len : colon);
    *ret_port = colon == SIZE_MAX ? VCH_STR("") : vch_str_sub(host, colon + 1, SIZE_MAX);
    if (colon == SIZE_MAX) return true;
    return vch_str_int(*ret_port, &port) == VCH_OK && port > 0 && port < 65536;
}

struct vch_str vch_pairing_origin(const struct vch_call *call) {
    const struct vch_service *service = call->service;
    struct vch_str name, port;
    if (split_host(call->caller.host, &name, &port) && is_ours(service, name))
        return vch_arena_printf(call->arena, "https://%.*s", VCH_STR_ARG(call->caller.host));
    int at = service->api_port ? service->api_port : service->edge_port;
    return vch_arena_printf(call->arena, "https://%.*s:%d", VCH_STR_ARG(service->endpoint_host), at);
}

struct vch_str vch_pairing_endpoint(const struct vch_call *call) {
    struct vch_str name, port;
    if (!split_host(call->caller.host, &name, &port) || !is_ours(call->service, name)) return call->service->endpoint_host;
    bool bracketed = name.len > 2 && name.ptr[0] == '[';
    return bracketed ? vch_str_sub(name, 1, name.len - 2) : name;
}

enum vch_err vch_pairing_root_fingerprint(struct vch_call *call, struct vch_str *ret) {
    struct vch_str der;
    char hex[VCH_SHA256_HEX];
    VCH_TRY(vch_certificate_from_pem(call->service->root_pem, call->arena, &der, call->diag));
    vch_sha256_hex(der, hex);
    *ret = vch_arena_str(call->arena, vch_str_from(hex));
    return ret->ptr ? VCH_OK : VCH_ERR_NOMEM;
}
