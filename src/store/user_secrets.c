/* Passwords and second factors, where a transaction must be sure of them. */
#include "store/sessions.h"
#include "store/store_priv.h"

static enum vch_err stale(struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, SIGN_IN_REFUSED, "", "The user name, the password or the code is not right.");
}

static enum vch_err totp_state(const char *message, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_STATE, TOTP_STATE, "", "%s", message);
}

/* ---- guards ---- */

static enum vch_err need_password(struct vch_apply *a, const struct vch_step *step) {
    bool same = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_USER_PASSWORD_IS, VCH_ARGS(VCH_T(step->name), VCH_T(step->text)), &same, a->diag));
    return same ? VCH_OK : stale(a->diag);
}

void vch_plan_need_password(struct vch_plan *p, struct vch_str user, struct vch_str password_hash) {
    VCH_STEP(p, need_password, .name = user, .text = password_hash);
}

static enum vch_err need_no_totp(struct vch_apply *a, const struct vch_step *step) {
    bool active = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_TOTP_IS_ACTIVE, VCH_ARGS(VCH_T(step->name)), &active, a->diag));
    return active ? stale(a->diag) : VCH_OK;
}

void vch_plan_need_no_totp(struct vch_plan *p, struct vch_str user) {
    VCH_STEP(p, need_no_totp, .name = user);
}

/* ---- second factors ---- */

static void fill_totp(struct vch_cursor *row, void *record) {
    *(struct vch_rec_totp *)record = (struct vch_rec_totp){
        .active = vch_str_eq_c(vch_cursor_view(row, 0), "ACTIVE"),
        .last_step = vch_cursor_int(row, 1),
        .sealed_secret = vch_cursor_str(row, 2),
    };
}

enum vch_err vch_store_totp(struct vch_store *s, struct vch_str user, struct vch_rec_totp *ret, bool *ret_found, VCH_R) {
    *ret_found = false;
    return vch_read_one(s, VCH_Q_TOTP_GET, VCH_ARGS(VCH_T(user)), fill_totp, ret, ret_found, arena, diag);
}

static enum vch_err offer(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    enum vch_err err = vch_sql_run(a->db, VCH_Q_TOTP_OFFER, VCH_ARGS(VCH_T(step->name), VCH_B(step->text)), &changes, a->diag);
    if (err == VCH_ERR_CONFLICT)
        return VCH_REFUSE(a->diag, VCH_ERR_NOT_FOUND, USER_MISSING, "userName", "There is no user %.*s.", VCH_STR_ARG(step->name));
    VCH_TRY(err);
    return changes ? VCH_OK : totp_state("A second factor is in force; remove it first.", a->diag);
}

void vch_plan_totp_offer(struct vch_plan *p, struct vch_str user, struct vch_str sealed_secret) {
    VCH_STEP(p, offer, .name = user, .text = sealed_secret);
}

static enum vch_err confirm(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_TOTP_CONFIRM, VCH_ARGS(VCH_T(step->name), VCH_B(step->text), VCH_I(step->number)), &changes, a->diag));
    return changes ? VCH_OK : totp_state("No second factor waits for its first code.", a->diag);
}

void vch_plan_totp_confirm(struct vch_plan *p, struct vch_str user, struct vch_str sealed_secret, int64_t step) {
    VCH_STEP(p, confirm, .name = user, .text = sealed_secret, .number = step);
}

/* Condition and write are one statement: of two that show the same code one finds it taken. */
static enum vch_err take(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_TOTP_TAKE, VCH_ARGS(VCH_T(step->name), VCH_I(step->number)), &changes, a->diag));
    return changes ? VCH_OK : stale(a->diag);
}

void vch_plan_totp_take(struct vch_plan *p, struct vch_str user, int64_t step) {
    VCH_STEP(p, take, .name = user, .number = step);
}

static enum vch_err delete_totp(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_TOTP_DELETE, VCH_ARGS(VCH_T(step->name)), &changes, a->diag));
    return changes ? VCH_OK : totp_state("The user has no second factor.", a->diag);
}

void vch_plan_totp_delete(struct vch_plan *p, struct vch_str user) {
    VCH_STEP(p, delete_totp, .name = user);
}

static enum vch_err touch(struct vch_apply *a, const struct vch_step *step) {
    bool found = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_USER_EXISTS, VCH_ARGS(VCH_T(step->name)), &found, a->diag));
    if (found) return vch_apply_changed(a, VCH_CHANGE_USER, step->name);
    return VCH_REFUSE(a->diag, VCH_ERR_NOT_FOUND, USER_MISSING, "userName", "There is no user %.*s.", VCH_STR_ARG(step->name));
}

void vch_plan_user_touch(struct vch_plan *p, struct vch_str user) {
    VCH_STEP(p, touch, .name = user);
}
