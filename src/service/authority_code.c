#include "service/authority_code.h"

#include "base/codec.h"
#include "base/digest.h"
#include "core/reason.h"
#include "service/change.h"

#define KEY VCH_STR("registration_code")

enum vch_err vch_registration_code(struct vch_call *call, struct vch_str *ret) {
    enum vch_err err = vch_store_meta(call->service->store, KEY, ret, call->arena, NULL);
    if (err == VCH_OK) return err;
    *ret = VCH_STR("");
    if (err == VCH_ERR_NOT_FOUND) return VCH_OK;
    return VCH_REFUSE(call->diag, err, STORE_FAILED, "", "The registry could not be read.");
}

static enum vch_err make(struct vch_call *call) {
    uint8_t bytes[32];
    char *hex = vch_arena_alloc(call->arena, 2 * sizeof bytes + 1);
    struct vch_change change;
    if (!hex) return VCH_ERR_NOMEM;
    vch_random(bytes, sizeof bytes);
    vch_hex(bytes, sizeof bytes, hex);
    VCH_TRY(vch_change_begin(call, "registration-code-created", &change));
    vch_plan_meta_ensure(change.plan, KEY, vch_str_of(hex, 2 * sizeof bytes), NULL);
    return vch_change_apply(call, &change);
}

/* Made when it is first asked for, and stable until it is deleted. */
enum vch_err vch_uc_get_registration_code(struct vch_call *call) {
    struct vch_str code;
    VCH_TRY(vch_registration_code(call, &code));
    if (code.len == 0) {
        VCH_TRY(make(call));
        VCH_TRY(vch_registration_code(call, &code));
    }
    return vch_val_put_str(call->arena, call->out, "registrationCode", code);
}

enum vch_err vch_uc_delete_registration_code(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, "registration-code-deleted", &change));
    vch_plan_meta_delete(change.plan, KEY);
    enum vch_err err = vch_change_apply(call, &change);
    if (err != VCH_ERR_NOT_FOUND) return err;
    if (call->diag) vch_diag_clear(call->diag);
    return VCH_REFUSE(call->diag, err, REGISTRATION_CODE_MISSING, "", "There is no registration code.");
}
