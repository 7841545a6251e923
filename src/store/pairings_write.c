/* Changing pairings. Condition and change are one statement each, so that of
 * two that decide one finds it decided. */
#include "store/pairings.h"
#include "store/store_priv.h"

enum { FORGET_MAX = 5000, LAPSED_KEPT_MS = 600 * 1000 };
static const int64_t kept_ms = INT64_C(7) * 24 * 3600 * 1000;

static enum vch_err changed(struct vch_apply *a, struct vch_str id) {
    return vch_apply_changed(a, VCH_CHANGE_PAIRING, id);
}

static enum vch_err need_room(struct vch_apply *a, int64_t now_ms, int64_t max) {
    bool row = false;
    int64_t waiting = 0;
    VCH_TRY(vch_sql_number(a->db, VCH_Q_PAIRINGS_WAITING, VCH_ARGS(VCH_I(now_ms), VCH_I(max)), &row, &waiting, a->diag));
    if (waiting < max) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_THROTTLED, PAIRING_FULL, "", "%lld devices wait to be paired, the most that may; try again later.",
                      (long long)waiting);
}

static enum vch_err insert(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_pairing *p = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_PAIRING_INSERT,
                        VCH_ARGS(VCH_T(p->id), VCH_B(p->device_hash), VCH_T(p->user_code), VCH_T(p->key), VCH_B(p->spki), VCH_T(p->serial),
                                 VCH_T(p->model), VCH_T(p->suggested), VCH_T(p->source_ip), VCH_I(p->created_ms), VCH_I(p->expires_ms)),
                        &changes, a->diag));
    return changes ? changed(a, p->id) : VCH_ERR_EXISTS;
}

static enum vch_err room(struct vch_apply *a, const struct vch_step *step) {
    return need_room(a, step->now_ms, step->number);
}

void vch_plan_pairing_insert(struct vch_plan *p, const struct vch_rec_pairing *pairing, int64_t waiting_max) {
    VCH_STEP(p, room, .now_ms = pairing->created_ms, .number = waiting_max);
    vch_plan_add_record(p, insert, pairing, sizeof *pairing);
}

static enum vch_err look(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_PAIRING_LOOK, VCH_ARGS(VCH_T(step->name), VCH_T(step->other), VCH_I(step->now_ms)), &changes, a->diag));
    return changes ? changed(a, step->name) : VCH_ERR_EXISTS;
}

void vch_plan_pairing_look(struct vch_plan *p, struct vch_str id, struct vch_str by, int64_t now_ms) {
    VCH_STEP(p, look, .name = id, .other = by, .now_ms = now_ms);
}

/* ---- deciding ---- */

static enum vch_err not_decided(struct vch_apply *a, struct vch_str id) {
    bool found = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_PAIRING_CREATED, VCH_ARGS(VCH_T(id)), &found, a->diag));
    if (!found) return VCH_REFUSE(a->diag, VCH_ERR_NOT_FOUND, PAIRING_MISSING, "pairingId", "There is no such pairing, or it is over.");
    return VCH_REFUSE(a->diag, VCH_ERR_STATE, PAIRING_STATE, "pairingId", "The pairing was decided already, or came too late.");
}

static enum vch_err approve(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_pairing_approval *p = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_PAIRING_APPROVE,
                        VCH_ARGS(VCH_T(p->id), VCH_T(p->by), VCH_I(p->now_ms), VCH_T(p->template_name), VCH_T(p->parameters),
                                 VCH_T(p->thing_name), VCH_T(p->claim_id), VCH_T(p->claim_pem), VCH_I(p->claim_expires_ms)),
                        &changes, a->diag));
    return changes ? changed(a, p->id) : not_decided(a, p->id);
}

void vch_plan_pairing_approve(struct vch_plan *p, const struct vch_pairing_approval *approval) {
    vch_plan_add_record(p, approve, approval, sizeof *approval);
}

static enum vch_err deny(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_PAIRING_DENY, VCH_ARGS(VCH_T(step->name), VCH_T(step->other), VCH_I(step->now_ms)), &changes, a->diag));
    return changes ? changed(a, step->name) : not_decided(a, step->name);
}

void vch_plan_pairing_deny(struct vch_plan *p, struct vch_str id, struct vch_str by, int64_t now_ms) {
    VCH_STEP(p, deny, .name = id, .other = by, .now_ms = now_ms);
}

/* ---- on the way ---- */

static enum vch_err advance(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_PAIRING_STEP,
                        VCH_ARGS(VCH_T(step->name), VCH_I(step->number), VCH_I(step->now_ms), VCH_T(step->other), VCH_T(step->text)),
                        &changes, a->diag));
    return changes ? changed(a, step->name) : VCH_OK;
}

void vch_plan_pairing_step(struct vch_plan *p, struct vch_str id, enum vch_pairing_step step, struct vch_str certificate_id,
                           struct vch_str thing_name, int64_t now_ms) {
    VCH_STEP(p, advance, .name = id, .number = step, .other = certificate_id, .text = thing_name, .now_ms = now_ms);
}

static enum vch_err arrive(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_PAIRING_ARRIVE, VCH_ARGS(VCH_T(step->name), VCH_I(step->now_ms)), &changes, a->diag));
    if (changes == 0) return VCH_ERR_EXISTS;
    VCH_TRY(vch_apply_changed(a, VCH_CHANGE_CERTIFICATE, step->other));
    return changed(a, step->name);
}

void vch_plan_pairing_arrive(struct vch_plan *p, struct vch_str id, struct vch_str certificate_id, int64_t now_ms) {
    VCH_STEP(p, arrive, .name = id, .other = certificate_id, .now_ms = now_ms);
}

static enum vch_err trouble(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_PAIRING_TROUBLE, VCH_ARGS(VCH_T(step->name), VCH_T(step->other), VCH_T(step->text)), &changes, a->diag));
    return changes ? changed(a, step->name) : VCH_OK;
}

void vch_plan_pairing_trouble(struct vch_plan *p, struct vch_str id, struct vch_str reason, struct vch_str message) {
    VCH_STEP(p, trouble, .name = id, .other = reason, .text = message);
}

static enum vch_err end(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_PAIRING_END,
                        VCH_ARGS(VCH_T(step->name), VCH_T(step->more), VCH_T(step->other), VCH_T(step->text)), &changes, a->diag));
    if (changes) return changed(a, step->name);
    return step->flag ? VCH_OK : VCH_ERR_CONFLICT;
}

void vch_plan_pairing_end(struct vch_plan *p, struct vch_str id, const char *ended, struct vch_str reason, struct vch_str message) {
    VCH_STEP(p, end, .name = id, .more = vch_str_from(ended), .other = reason, .text = message);
}

void vch_plan_pairing_fail(struct vch_plan *p, struct vch_str id, struct vch_str reason, struct vch_str message) {
    VCH_STEP(p, end, .name = id, .more = VCH_STR("FAILED"), .other = reason, .text = message, .flag = true);
}

static enum vch_err forget(struct vch_apply *a, const struct vch_step *step) {
    VCH_TRY(vch_sql_run(a->db, VCH_Q_PAIRINGS_FORGET_LAPSED, VCH_ARGS(VCH_I(step->now_ms - LAPSED_KEPT_MS), VCH_I(FORGET_MAX)), NULL, a->diag));
    return vch_sql_run(a->db, VCH_Q_PAIRINGS_FORGET_OLD, VCH_ARGS(VCH_I(step->now_ms - kept_ms), VCH_I(FORGET_MAX)), NULL, a->diag);
}

void vch_plan_pairings_forget(struct vch_plan *p, int64_t now_ms) {
    VCH_STEP(p, forget, .now_ms = now_ms);
}
