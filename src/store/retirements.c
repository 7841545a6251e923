/* Certificates that make room for others: taken over by a registration, or
 * succeeded by one that the device asked for. */
#include "store/provisioning.h"
#include "store/store_priv.h"

enum { HOLDERS_MAX = 64, DUE_MAX = 500, ARENA_BYTES = 4 << 20 };

static void fill_retirement(struct vch_cursor *row, void *record) {
    *(struct vch_rec_retirement *)record = (struct vch_rec_retirement){
        .certificate_id = vch_cursor_str(row, 0),
        .successor_id = vch_cursor_str(row, 1),
        .grace_s = vch_cursor_int(row, 2),
        .due_ms = vch_cursor_int(row, 3),
        .rotated = vch_cursor_int(row, 4) != 0,
    };
}

enum vch_err vch_store_retirements(struct vch_store *s, struct vch_str successor_id, struct vch_list_retirement *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_retirement, .size = sizeof *ret->items, .limit = HOLDERS_MAX};
    VCH_TRY(vch_read_list(s, VCH_Q_RETIREMENTS_OF_SUCCESSOR, VCH_ARGS(VCH_T(successor_id), VCH_I(vch_listing_ask(l.limit))), &l,
                          arena, diag));
    *ret = (struct vch_list_retirement){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_retirements_due(struct vch_store *s, int64_t now_ms, struct vch_list_retirement *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_retirement, .size = sizeof *ret->items, .limit = DUE_MAX};
    VCH_TRY(vch_read_list(s, VCH_Q_RETIREMENTS_DUE, VCH_ARGS(VCH_I(now_ms), VCH_I(vch_listing_ask(l.limit))), &l, arena, diag));
    *ret = (struct vch_list_retirement){l.items, l.count, l.more};
    return VCH_OK;
}

/* ---- the end of a certificate ---- */

static enum vch_err deactivate(struct vch_apply *a, struct vch_str id, int64_t now_ms) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_CERTIFICATE_STATUS_SET,
                        VCH_ARGS(VCH_T(id), VCH_T(VCH_STR("ACTIVE")), VCH_T(VCH_STR("INACTIVE")), VCH_I(now_ms)), &changes, a->diag));
    return changes ? vch_apply_changed(a, VCH_CHANGE_CERTIFICATE, id) : VCH_OK;
}

static enum vch_err replaced_by(struct vch_apply *a, struct vch_str old, struct vch_str successor, int64_t grace_s, bool rotated) {
    VCH_TRY(vch_sql_run(a->db, VCH_Q_RETIREMENT_INSERT, VCH_ARGS(VCH_T(old), VCH_T(successor), VCH_I(grace_s), VCH_I(rotated)), NULL,
                        a->diag));
    return vch_apply_changed(a, VCH_CHANGE_CERTIFICATE, successor); /* its connection has something to do */
}

/* ---- taking over ---- */

static enum vch_err take_from(struct vch_apply *a, const struct vch_takeover *t, struct vch_str holder) {
    switch (t->on_active) {
    case VCH_ON_ACTIVE_KEEP: return VCH_OK;
    case VCH_ON_ACTIVE_REPLACE_NOW: return deactivate(a, holder, t->now_ms);
    case VCH_ON_ACTIVE_REPLACE_AFTER_CONNECT: return replaced_by(a, holder, t->certificate_id, t->grace_s, false);
    case VCH_ON_ACTIVE_DENY:
    case VCH_ON_ACTIVE_DEFAULT:
    case VCH_ON_ACTIVE_COUNT: break;
    }
    return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, THING_TAKEN, "thingName",
                      "The thing %.*s has an ACTIVE certificate already.", VCH_STR_ARG(t->thing));
}

/* Those behind `*after`; it becomes the last of them, or empty when that were all. */
static enum vch_err take_from_some(struct vch_apply *a, const struct vch_takeover *t, struct vch_str *after, struct vch_arena *arena,
                                   int64_t *count) {
    struct vch_listing l = {.fill = vch_fill_str, .size = sizeof(struct vch_str), .limit = HOLDERS_MAX};
    VCH_TRY(vch_sql_list(a->db, VCH_Q_THING_HOLDERS,
                         VCH_ARGS(VCH_T(t->thing), VCH_T(t->certificate_id), VCH_T(*after), VCH_I(HOLDERS_MAX)), &l, arena, a->diag));
    const struct vch_str *holders = l.items;
    for (size_t i = 0; i < l.count; i++) VCH_TRY(take_from(a, t, holders[i]));
    *count += (int64_t)l.count;
    *after = l.count == HOLDERS_MAX ? holders[l.count - 1] : VCH_STR("");
    return VCH_OK;
}

static enum vch_err take_over_in(struct vch_apply *a, const struct vch_step *step, struct vch_arena *arena) {
    struct vch_str after = VCH_STR("");
    int64_t count = 0;
    do VCH_TRY(take_from_some(a, step->record, &after, arena, &count));
    while (after.len);
    if (step->ret) *(int64_t *)step->ret = count;
    return VCH_OK;
}

static enum vch_err in_arena(struct vch_apply *a, const struct vch_step *step,
                             enum vch_err (*run)(struct vch_apply *, const struct vch_step *, struct vch_arena *)) {
    struct vch_arena *arena = vch_arena_new(ARENA_BYTES, false);
    if (!arena) return VCH_REFUSE(a->diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    enum vch_err err = run(a, step, arena);
    vch_arena_free(arena);
    return err;
}

static enum vch_err take_over(struct vch_apply *a, const struct vch_step *step) {
    return in_arena(a, step, take_over_in);
}

void vch_plan_take_over(struct vch_plan *p, const struct vch_takeover *t, int64_t *ret_count) {
    vch_plan_add_record(p, take_over, t, sizeof *t);
    if (p && p->last) p->last->ret = ret_count;
}

/* ---- rotation ---- */

static enum vch_err need_active(struct vch_apply *a, struct vch_str id) {
    VCH_CURSOR cursor = {0};
    bool found = false;
    VCH_TRY(vch_cursor_start(&cursor, a->db, VCH_Q_CERTIFICATE_EXISTS, VCH_ARGS(VCH_T(id)), a->diag));
    VCH_TRY(vch_cursor_next(&cursor, &found, a->diag));
    if (found && vch_str_eq_c(vch_cursor_view(&cursor, 0), "ACTIVE")) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_DENIED, CERTIFICATE_INACTIVE, "", "The certificate is not ACTIVE.");
}

/* Of several successors the newest counts: one that never came back lost its answer. */
static enum vch_err forget_successor(struct vch_apply *a, const struct vch_rec_retirement *earlier, int64_t now_ms) {
    if (earlier->due_ms)
        return VCH_REFUSE(a->diag, VCH_ERR_DENIED, ROTATION_OFF, "", "The certificate has a successor that has connected already.");
    VCH_TRY(deactivate(a, earlier->successor_id, now_ms));
    return vch_sql_run(a->db, VCH_Q_RETIREMENT_DELETE, VCH_ARGS(VCH_T(earlier->certificate_id), VCH_T(earlier->successor_id)), NULL,
                       a->diag);
}

static enum vch_err rotate_in(struct vch_apply *a, const struct vch_step *step, struct vch_arena *arena) {
    struct vch_listing l = {.fill = fill_retirement, .size = sizeof(struct vch_rec_retirement), .limit = HOLDERS_MAX};
    VCH_TRY(need_active(a, step->name));
    VCH_TRY(vch_sql_list(a->db, VCH_Q_RETIREMENTS_OF_CERTIFICATE, VCH_ARGS(VCH_T(step->name), VCH_I(HOLDERS_MAX)), &l, arena, a->diag));
    const struct vch_rec_retirement *earlier = l.items;
    for (size_t i = 0; i < l.count; i++) VCH_TRY(forget_successor(a, &earlier[i], step->now_ms));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_ROTATE_THINGS, VCH_ARGS(VCH_T(step->name), VCH_T(step->other)), NULL, a->diag));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_ROTATE_POLICIES, VCH_ARGS(VCH_T(step->name), VCH_T(step->other)), NULL, a->diag));
    /* Who is being replaced by a registration is not kept by a rotation. */
    VCH_TRY(vch_sql_run(a->db, VCH_Q_RETIREMENTS_INHERIT, VCH_ARGS(VCH_T(step->name), VCH_T(step->other)), NULL, a->diag));
    return replaced_by(a, step->name, step->other, step->number, true);
}

static enum vch_err rotate(struct vch_apply *a, const struct vch_step *step) {
    return in_arena(a, step, rotate_in);
}

void vch_plan_rotate(struct vch_plan *p, struct vch_str certificate_id, struct vch_str successor, int64_t grace_s, int64_t now_ms) {
    VCH_STEP(p, rotate, .name = certificate_id, .other = successor, .number = grace_s, .now_ms = now_ms);
}

/* ---- the successor came ---- */

static enum vch_err retire(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_retirement *r = step->record;
    bool wait = r->due_ms == 0 && r->grace_s > 0;
    int64_t changes = 0;
    if (wait)
        VCH_TRY(vch_sql_run(a->db, VCH_Q_RETIREMENT_DUE,
                            VCH_ARGS(VCH_T(r->certificate_id), VCH_T(r->successor_id), VCH_I(step->now_ms + r->grace_s * 1000)), &changes,
                            a->diag));
    else
        VCH_TRY(vch_sql_run(a->db, VCH_Q_RETIREMENT_DELETE, VCH_ARGS(VCH_T(r->certificate_id), VCH_T(r->successor_id)), &changes, a->diag));
    if (changes == 0)
        return VCH_REFUSE(a->diag, VCH_ERR_NOT_FOUND, CERTIFICATE_MISSING, "", "The certificate does not wait for this successor.");
    VCH_TRY(vch_apply_changed(a, VCH_CHANGE_CERTIFICATE, r->successor_id)); /* nothing waits for it any more */
    return wait ? VCH_OK : deactivate(a, r->certificate_id, step->now_ms);
}

void vch_plan_retire(struct vch_plan *p, const struct vch_rec_retirement *r, int64_t now_ms) {
    vch_plan_add_record(p, retire, r, sizeof *r);
    if (p && p->last) p->last->now_ms = now_ms;
}
