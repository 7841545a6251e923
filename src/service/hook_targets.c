/* What stands behind the ARNs that templates name as hooks. Our own operations:
 * at AWS it is a Lambda function. */
#include <stdio.h>

#include "core/names.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/hook_describe.h"
#include "service/page.h"
#include "service/seal.h"

static struct vch_str name_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "hookName");
}

static bool is_https(const struct vch_rec_hook *h) {
    return vch_str_eq_c(h->kind, "https");
}

static enum vch_err invalid(struct vch_call *call, const char *field, const char *sentence) {
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, field, "%s", sentence);
}

/* ---- reading the request ---- */

static enum vch_err check_target(struct vch_call *call, const struct vch_rec_hook *h) {
    struct vch_str t = h->target;
    if (is_https(h)) {
        bool good = vch_str_starts(t, VCH_STR("https://")) && t.len > 8 && vch_str_find(t, ' ', 0) == SIZE_MAX &&
                    vch_str_find(vch_str_sub(t, 0, vch_str_find(t, '/', 8)), '@', 0) == SIZE_MAX;
        return good ? VCH_OK : invalid(call, "target", "The target of a hook of kind https is a URL that begins with https:// and names no user.");
    }
    if (vch_str_eq_c(h->kind, "program") && (t.len < 2 || t.ptr[0] != '/'))
        return invalid(call, "target", "The target of a hook of kind program is an absolute path.");
    return VCH_OK;
}

static enum vch_err check_pem(struct vch_call *call, const char *field) {
    struct vch_str pem = vch_val_str_at(call->in, field);
    char sentence[120];
    (void)snprintf(sentence, sizeof sentence, "The value of %s is not in PEM form.", field);
    if (pem.len == 0 || vch_str_starts(vch_str_trim(pem), VCH_STR("-----BEGIN "))) return VCH_OK;
    return invalid(call, field, sentence);
}

static enum vch_err check_tls(struct vch_call *call, const struct vch_rec_hook *h) {
    static const char *const fields[] = {"caPem", "certificatePem", "privateKeyPem", "secret"};
    for (size_t i = 0; !is_https(h) && i < sizeof fields / sizeof *fields; i++)
        if (vch_val_str_at(call->in, fields[i]).len) return invalid(call, fields[i], "Only a hook of kind https has keys and certificates.");
    if ((vch_val_str_at(call->in, "certificatePem").len == 0) != (vch_val_str_at(call->in, "privateKeyPem").len == 0))
        return invalid(call, "privateKeyPem", "A client certificate and its private key go together.");
    VCH_TRY(check_pem(call, "caPem"));
    VCH_TRY(check_pem(call, "certificatePem"));
    return check_pem(call, "privateKeyPem");
}

static enum vch_err seal(struct vch_call *call, const char *field, struct vch_str *ret) {
    struct vch_str plain = vch_val_str_at(call->in, field);
    *ret = VCH_STR("");
    return plain.len ? vch_seal(call->service->seal_key, name_of(call), plain, call->arena, ret) : VCH_OK;
}

static enum vch_err read_hook(struct vch_call *call, struct vch_rec_hook *h) {
    *h = (struct vch_rec_hook){.name = name_of(call),
                               .target_arn = vch_val_str_at(call->in, "targetArn"),
                               .kind = vch_val_str_at(call->in, "kind"),
                               .target = vch_val_str_at(call->in, "target"),
                               .ca_pem = vch_val_str_at(call->in, "caPem"),
                               .certificate_pem = vch_val_str_at(call->in, "certificatePem"),
                               .timeout_ms = vch_val_int_at(call->in, "timeoutMs", 0),
                               .created_ms = call->now_ms,
                               .modified_ms = call->now_ms};
    if (vch_str_eq_c(h->kind, "allowlist") && h->target.len == 0) h->target = VCH_STR("SerialNumber");
    if (h->target_arn.len == 0)
        h->target_arn = vch_arena_printf(call->arena, "arn:aws:lambda:%.*s:%.*s:function:%.*s", VCH_STR_ARG(call->service->site.region),
                                         VCH_STR_ARG(call->service->site.account), VCH_STR_ARG(h->name));
    if (!h->target_arn.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(check_target(call, h));
    VCH_TRY(check_tls(call, h));
    VCH_TRY(seal(call, "privateKeyPem", &h->sealed_key));
    return seal(call, "secret", &h->sealed_secret);
}

/* ---- answers ---- */

static enum vch_err put_hook(struct vch_call *call, struct vch_val *map, const struct vch_rec_hook *h) {
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "hookName", h->name));
    VCH_TRY(vch_val_put_str(call->arena, map, "targetArn", h->target_arn));
    VCH_TRY(vch_val_put_str(call->arena, map, "kind", h->kind));
    VCH_TRY(vch_val_put_str(call->arena, map, "target", h->target));
    if (h->timeout_ms) VCH_TRY(vch_val_put_int(call->arena, map, "timeoutMs", h->timeout_ms));
    if (h->ca_pem.len) VCH_TRY(vch_val_put_str(call->arena, map, "caPem", h->ca_pem));
    if (h->certificate_pem.len) VCH_TRY(vch_val_put_str(call->arena, map, "certificatePem", h->certificate_pem));
    VCH_TRY(vch_val_put_bool(call->arena, map, "hasPrivateKey", h->sealed_key.len > 0));
    VCH_TRY(vch_val_put_bool(call->arena, map, "hasSecret", h->sealed_secret.len > 0));
    VCH_TRY(vch_val_put_time(call->arena, map, "creationDate", h->created_ms));
    return vch_val_put_time(call->arena, map, "lastModifiedDate", h->modified_ms);
}

enum vch_err vch_hook_put_decision(struct vch_call *call, struct vch_val *map, const struct vch_hook_decision *decision) {
    VCH_TRY(vch_val_put_bool(call->arena, map, "allowed", decision->allowed));
    if (decision->reason) {
        struct vch_str message = vch_arena_str(call->arena, vch_str_from(decision->message));
        if (!message.ptr) return VCH_ERR_NOMEM;
        VCH_TRY(vch_val_put_str(call->arena, map, "reason", vch_str_from(decision->reason)));
        VCH_TRY(vch_val_put_str(call->arena, map, "message", message));
    }
    VCH_TRY(vch_val_put_int(call->arena, map, "durationMs", decision->duration_us / 1000));
    if (decision->said.len) VCH_TRY(vch_val_put_str(call->arena, map, "hookSaid", decision->said));
    struct vch_val *overrides = decision->overrides ? vch_val_put(call->arena, map, "parameterOverrides") : NULL;
    if (overrides) *overrides = *decision->overrides;
    return overrides || !decision->overrides ? VCH_OK : VCH_ERR_NOMEM;
}

/* ---- use cases ---- */

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_about(call, change, "hookName", name_of(call));
}

enum vch_err vch_uc_put_hook(struct vch_call *call) {
    struct vch_rec_hook hook;
    struct vch_change change;
    const char *names[] = {"hookName", "targetArn", "kind", "target", NULL};
    VCH_TRY(read_hook(call, &hook));
    const struct vch_str values[] = {hook.name, hook.target_arn, hook.kind, hook.target};
    VCH_TRY(vch_change_begin(call, "hook-put", &change));
    VCH_TRY(vch_change_detail(call, &change, names, values));
    vch_plan_hook_put(change.plan, &hook);
    VCH_TRY(vch_change_apply(call, &change));
    VCH_TRY(vch_store_hook(call->service->store, hook.name, &hook, call->arena, call->diag));
    return put_hook(call, call->out, &hook);
}

enum vch_err vch_uc_get_hook(struct vch_call *call) {
    struct vch_rec_hook hook;
    VCH_TRY(vch_store_hook(call->service->store, name_of(call), &hook, call->arena, call->diag));
    return put_hook(call, call->out, &hook);
}

enum vch_err vch_uc_list_hooks(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListHooks"};
    struct vch_list_hook list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_hooks(call->service->store, paging.page, &list, call->arena, call->diag));
    struct vch_val *hooks = vch_val_put_list(call->arena, call->out, "hooks");
    if (!hooks) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list.count; i++) {
        last = list.items[i].name;
        VCH_TRY(put_hook(call, vch_val_push_map(call->arena, hooks), &list.items[i]));
    }
    return vch_paging_close(call, &paging, list.more, last);
}

enum vch_err vch_uc_delete_hook(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(begin(call, "hook-deleted", &change));
    vch_plan_hook_delete(change.plan, name_of(call));
    return vch_change_apply(call, &change);
}

/* A certificate that is only imagined has no text. */
enum vch_err vch_uc_test_hook(struct vch_call *call) {
    struct vch_rec_hook hook;
    struct vch_hook_decision decision;
    struct vch_str template_name = vch_val_str_at(call->in, "templateName");
    VCH_TRY(vch_store_hook(call->service->store, name_of(call), &hook, call->arena, call->diag));
    const struct vch_hook_ask ask = {.target_arn = hook.target_arn,
                                     .template_name = template_name.len ? template_name : VCH_STR("test"),
                                     .claim_id = VCH_STR(""),
                                     .certificate_id = vch_val_str_at(call->in, "certificateId"),
                                     .client_id = vch_val_str_at(call->in, "clientId"),
                                     .parameters = vch_val_get(call->in, "parameters")};
    VCH_TRY(vch_hook_decide(call, &hook, &ask, &decision));
    return vch_hook_put_decision(call, call->out, &decision);
}
