/* Why a client was refused: what this server remembers, newest first, each with
 * what to do about it. Our own operation. Advice about policies is what Explain
 * says now, so it follows what was changed since. */
#include <string.h>

#include "core/names.h"
#include "service/change.h"
#include "service/refusals.h"

enum { ADVISED_MAX = 8 }; /* of these the engine is asked; older ones get the general advice */

static enum vch_err put_if(struct vch_call *call, struct vch_val *row, const char *name, struct vch_str value) {
    return value.len ? vch_val_put_str(call->arena, row, name, value) : VCH_OK;
}

/* The statement as its policy has it today; what is gone is left out. */
static enum vch_err put_statement(struct vch_call *call, struct vch_val *row, const struct vch_val *statements) {
    for (size_t i = 0; vch_val_is(statements, VCH_VAL_LIST) && i < statements->count; i++) {
        const struct vch_val *s = &statements->items[i];
        if (!vch_str_eq(vch_val_str_at(s, "policyName"), vch_val_str_at(row, "policyName"))) continue;
        if (vch_val_int_at(s, "statement", -1) != vch_val_int_at(row, "statement", -2)) continue;
        return vch_val_put_str(call->arena, row, "statementText", vch_val_str_at(s, "text"));
    }
    return VCH_OK;
}

static struct vch_val *question(struct vch_call *call, const struct vch_refusal *refusal) {
    struct vch_val *in = vch_val_new_map(call->arena);
    struct vch_str principal = vch_arn(&call->service->site, "cert", refusal->certificate_id, call->arena);
    bool ok = in && principal.ptr && vch_val_put_str(call->arena, in, "principal", principal) == VCH_OK &&
              vch_val_put_str(call->arena, in, "action", refusal->action) == VCH_OK &&
              vch_val_put_str(call->arena, in, "resource", refusal->resource) == VCH_OK &&
              vch_val_put_str(call->arena, in, "clientId", refusal->client_id) == VCH_OK &&
              vch_val_put_str(call->arena, in, "sourceIp", refusal->source_ip) == VCH_OK;
    return ok ? in : NULL;
}

static enum vch_err put_advice(struct vch_call *call, struct vch_val *row, const struct vch_refusal *refusal, bool ask) {
    struct vch_diag diag = {0};
    struct vch_call inner = *call;
    struct vch_str sentence = vch_str_from(vch_refusal_advice(refusal->reason));
    ask = ask && refusal->action.len && vch_certificate_id_valid(refusal->certificate_id);
    if (ask) {
        inner.in = question(call, refusal);
        inner.out = vch_val_new_map(call->arena);
        inner.diag = &diag;
        if (!inner.in || !inner.out) return VCH_ERR_NOMEM;
        if (vch_uc_explain(&inner) == VCH_OK) {
            struct vch_str exact = vch_val_str_at(vch_val_get(inner.out, "suggestion"), "sentence");
            if (exact.len) sentence = exact;
            VCH_TRY(put_statement(call, row, vch_val_get(inner.out, "statements")));
        }
    }
    return vch_val_put_str(call->arena, row, "suggestion", sentence);
}

static enum vch_err put_refusal(struct vch_call *call, struct vch_val *row, const struct vch_refusal *r, bool ask) {
    if (!row) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_time(call->arena, row, "time", r->time_ms));
    VCH_TRY(vch_val_put_time(call->arena, row, "firstTime", r->first_ms));
    VCH_TRY(vch_val_put_int(call->arena, row, "count", (int64_t)r->count));
    VCH_TRY(vch_val_put_str(call->arena, row, "what", vch_str_from(vch_refused_word(r->what))));
    VCH_TRY(vch_val_put_str(call->arena, row, "reason", vch_str_from(r->reason)));
    VCH_TRY(vch_val_put_str(call->arena, row, "message", r->message));
    VCH_TRY(put_if(call, row, "clientId", r->client_id));
    VCH_TRY(put_if(call, row, "certificateId", r->certificate_id));
    VCH_TRY(put_if(call, row, "serial", r->serial));
    VCH_TRY(put_if(call, row, "sourceIp", r->source_ip));
    VCH_TRY(put_if(call, row, "action", r->action));
    VCH_TRY(put_if(call, row, "resource", r->resource));
    VCH_TRY(put_if(call, row, "policyName", r->policy));
    VCH_TRY(put_if(call, row, "hookSaid", r->hook_said));
    if (r->statement >= 0) VCH_TRY(vch_val_put_int(call->arena, row, "statement", r->statement));
    return put_advice(call, row, r, ask);
}

/* An id, or its ARN. */
static enum vch_err certificate_of(struct vch_call *call, struct vch_str *ret) {
    struct vch_str given = vch_val_str_at(call->in, "certificate");
    *ret = given;
    if (!vch_str_starts(given, VCH_STR("arn:"))) return VCH_OK;
    return vch_target_certificate(call, "certificate", ret);
}

enum vch_err vch_uc_why(struct vch_call *call) {
    struct vch_refusal_query query = {.client_id = vch_val_str_at(call->in, "client"),
                                      .serial = vch_val_str_at(call->in, "serial"),
                                      .any = vch_val_str_at(call->in, "any")};
    struct vch_refusal *found;
    size_t count;
    struct vch_val *list = vch_val_put_list(call->arena, call->out, "refusals");
    if (!list) return VCH_ERR_NOMEM;
    VCH_TRY(certificate_of(call, &query.certificate_id));
    size_t max = (size_t)vch_val_int_at(call->in, "maxResults", VCH_REFUSALS_PER_CERTIFICATE);
    VCH_TRY(vch_refusals_find(call->service->refusals, &query, max, call->arena, &found, &count));
    for (size_t i = 0; i < count; i++)
        VCH_TRY(put_refusal(call, vch_val_push_map(call->arena, list), &found[i], i < ADVISED_MAX));
    return VCH_OK;
}
