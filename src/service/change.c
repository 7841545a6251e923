#include "service/change.h"

#include <inttypes.h>

#include "core/names.h"
#include "core/reason.h"

enum { DETAIL_MAX = 8192 };

enum vch_err vch_change_begin(struct vch_call *call, const char *event, struct vch_change *ret) {
    ret->row = vch_call_ledger(call, event);
    ret->plan = vch_plan_new(call->arena);
    return ret->plan ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_change_detail(struct vch_call *call, struct vch_change *change, const char *const *names,
                               const struct vch_str *values) {
    struct vch_val *map = vch_val_new_map(call->arena);
    struct vch_buf buf;
    struct vch_str text;
    if (!map) return VCH_ERR_NOMEM;
    for (size_t i = 0; names[i]; i++) VCH_TRY(vch_val_put_str(call->arena, map, names[i], values[i]));
    vch_buf_init(&buf, DETAIL_MAX);
    vch_json_encode(map, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) change->row.detail = vch_arena_str(call->arena, text);
    vch_buf_deinit(&buf);
    if (err != VCH_OK) return err;
    return change->row.detail.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_change_about(struct vch_call *call, struct vch_change *change, const char *name, struct vch_str value) {
    const char *names[] = {name, NULL};
    return vch_change_detail(call, change, names, &value);
}

enum vch_err vch_change_apply(struct vch_call *call, struct vch_change *change) {
    vch_plan_ledger(change->plan, &change->row);
    return vch_store_apply(call->service->store, change->plan, call->diag);
}

enum vch_err vch_put_arn(struct vch_call *call, struct vch_val *map, const char *name, const char *type, struct vch_str id) {
    struct vch_str arn = vch_arn(&call->service->site, type, id, call->arena);
    return arn.ptr ? vch_val_put_str(call->arena, map, name, arn) : VCH_ERR_NOMEM;
}

enum vch_err vch_put_number_str(struct vch_call *call, struct vch_val *map, const char *name, int64_t number) {
    struct vch_str text = vch_arena_printf(call->arena, "%" PRId64, number);
    return text.ptr ? vch_val_put_str(call->arena, map, name, text) : VCH_ERR_NOMEM;
}

enum vch_err vch_call_taken(struct vch_call *call, enum vch_err err, const char *type, struct vch_str id,
                            const char *reason, const char *message) {
    if (err != VCH_ERR_EXISTS) return err;
    if (call->diag) vch_diag_clear(call->diag);
    VCH_TRY(vch_val_put_str(call->arena, call->out, "resourceId", id));
    VCH_TRY(vch_put_arn(call, call->out, "resourceArn", type, id));
    return vch_diag_set(call->diag, err, reason, "", "%s", message);
}

static bool is_lower(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z') return false;
    return true;
}

enum vch_err vch_target_certificate(struct vch_call *call, const char *field, struct vch_str *ret_id) {
    struct vch_str arn = vch_val_str_at(call->in, field);
    if (vch_arn_name(&call->service->site, "cert", arn, ret_id) && vch_certificate_id_valid(*ret_id) && is_lower(*ret_id))
        return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, TARGET_INVALID, field,
                      "The value of %s is not the ARN of a certificate of this account and region.", field);
}

enum vch_err vch_target_existing(struct vch_call *call, const char *field, struct vch_str *ret_id) {
    struct vch_rec_certificate certificate;
    VCH_TRY(vch_target_certificate(call, field, ret_id));
    return vch_store_certificate(call->service->store, *ret_id, &certificate, call->arena, call->diag);
}
