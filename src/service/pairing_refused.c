/* Refusals of pairing: rows of the ledger, within bounds, and what `vouch why` remembers. */
#include "base/clock.h"
#include "base/log.h"
#include "core/names.h"
#include "core/reason.h"
#include "service/claim_watch.h"
#include "service/pairing_priv.h"
#include "service/refusals.h"

enum { ID_MAX = 64 };

static bool is_ours(enum vch_err err) {
    return err == VCH_ERR_NOMEM || err == VCH_ERR_IO || err == VCH_ERR_UNAVAILABLE || err == VCH_ERR_INTERNAL || err == VCH_ERR_TIMEOUT;
}

void vch_pairing_tell_why(const struct vch_call *call, const char *operation, struct vch_str serial) {
    const struct vch_refusal refusal = {.what = VCH_REFUSED_PAIRING,
                                        .reason = call->diag->reason,
                                        .serial = serial,
                                        .source_ip = call->caller.source_ip,
                                        .resource = vch_str_from(operation),
                                        .statement = -1,
                                        .message = vch_str_from(call->diag->message),
                                        .time_ms = call->now_ms};
    int64_t left_out;
    bool stranger = call->caller.kind == VCH_CALLER_NOBODY;
    if (!stranger || vch_pairing_row_fits(call->service->pairings, VCH_PAIRING_ROWS_WHY, VCH_STR(""), vch_mono_us(), &left_out))
        vch_refusals_tell(call->service->refusals, &refusal);
    else
        vch_refusals_add(call->service->refusals, VCH_REFUSED_PAIRING, call->diag->reason);
}

/* The device that it was about, by what it says of itself. */
static struct vch_str serial_of(const struct vch_call *call, struct vch_str pairing_id) {
    struct vch_rec_pairing p;
    if (pairing_id.len == 0) return vch_val_str_at(call->in, "serialNumber");
    enum vch_err err = vch_store_pairing(call->service->store, pairing_id, &p, call->arena, NULL);
    return err == VCH_OK ? p.serial : VCH_STR("");
}

/* Who may not is refused before the form of what they sent was judged. */
static struct vch_str id_of(const struct vch_call *call) {
    struct vch_str id = vch_val_str_at(call->in, "pairingId");
    return vch_text_valid(id, ID_MAX) ? id : VCH_STR("");
}

static enum vch_err write_row(const struct vch_call *call, const char *operation, enum vch_err err, int64_t left_out) {
    struct vch_val *map = vch_val_new_map(call->arena);
    struct vch_plan *plan = vch_plan_new(call->arena);
    struct vch_rec_ledger row = vch_call_ledger(call, "pairing-refused");
    struct vch_str template_name = vch_val_str_at(call->in, "templateName");
    if (!map || !plan) return VCH_ERR_NOMEM;
    row.outcome = vch_str_from(call->diag->reason ? call->diag->reason : vch_err_word(err));
    if (vch_template_name_valid(template_name)) row.template_name = template_name;
    VCH_TRY(vch_val_put_str(call->arena, map, "operation", vch_str_from(operation)));
    VCH_TRY(vch_pairing_mention(call, map, id_of(call)));
    VCH_TRY(vch_val_put_str(call->arena, map, "message", vch_str_from(call->diag->message)));
    if (left_out) VCH_TRY(vch_val_put_int(call->arena, map, "leftOut", left_out));
    VCH_TRY(vch_ledger_detail(call, map, &row));
    vch_plan_ledger(plan, &row);
    return vch_store_apply(call->service->store, plan, NULL);
}

void vch_pairing_refused(const struct vch_call *call, const char *operation, enum vch_err err) {
    int64_t left_out;
    bool person = call->caller.kind != VCH_CALLER_NOBODY;
    if (is_ours(err) || !call->service->pairings) return;
    struct vch_str who = person ? vch_caller_person(&call->caller, call->arena) : VCH_STR("");
    if (person) vch_pairing_tell_why(call, operation, serial_of(call, id_of(call)));
    enum vch_pairing_rows kind = person ? VCH_PAIRING_ROWS_PEOPLE : VCH_PAIRING_ROWS_REFUSALS;
    if (!who.ptr || !vch_pairing_row_fits(call->service->pairings, kind, who, vch_mono_us(), &left_out)) return;
    enum vch_err written = write_row(call, operation, err, left_out);
    if (written != VCH_OK) VCH_LOG(WARN, "refusal-not-recorded", VCH_LOG_C("error", vch_err_word(written)));
}
