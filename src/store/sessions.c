#include "store/sessions.h"

#include "store/store_priv.h"

static enum vch_err no_user(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, USER_MISSING, "userName", "There is no user %.*s.", VCH_STR_ARG(name));
}

static void fill_session(struct vch_cursor *row, void *record) {
    *(struct vch_rec_web_session *)record = (struct vch_rec_web_session){
        .hash = vch_cursor_str(row, 0),
        .user_name = vch_cursor_str(row, 1),
        .how = vch_cursor_str(row, 2),
        .source_ip = vch_cursor_str(row, 3),
        .created_ms = vch_cursor_int(row, 4),
        .used_ms = vch_cursor_int(row, 5),
        .expires_ms = vch_cursor_int(row, 6),
    };
}

enum vch_err vch_store_web_session(struct vch_store *s, struct vch_str hash, struct vch_rec_web_session *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_WEB_SESSION_GET, VCH_ARGS(VCH_B(hash)), fill_session, ret, &found, arena, diag));
    return found ? VCH_OK : VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, SESSION_ENDED, "", "There is no such session.");
}

enum vch_err vch_store_web_sessions(struct vch_store *s, struct vch_str user, struct vch_list_web_session *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_session, .size = sizeof *ret->items, .limit = VCH_WEB_SESSIONS_PER_USER};
    VCH_TRY(vch_read_list(s, VCH_Q_WEB_SESSIONS_OF_USER, VCH_ARGS(VCH_T(user), VCH_I(vch_listing_ask(l.limit))), &l, arena, diag));
    *ret = (struct vch_list_web_session){l.items, l.count, l.more};
    return VCH_OK;
}

static enum vch_err insert(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_web_session *w = step->record;
    int64_t changes = 0;
    enum vch_err err = vch_sql_run(a->db, VCH_Q_WEB_SESSION_INSERT,
                                   VCH_ARGS(VCH_B(w->hash), VCH_T(w->user_name), VCH_T(w->how), VCH_T(w->source_ip),
                                            VCH_I(w->created_ms), VCH_I(w->used_ms), VCH_I(w->expires_ms)),
                                   &changes, a->diag);
    if (err == VCH_ERR_CONFLICT) return no_user(w->user_name, a->diag);
    VCH_TRY(err);
    if (!changes) return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, INTERNAL, "", "The session is there already.");
    VCH_TRY(vch_sql_run(a->db, VCH_Q_WEB_SESSIONS_TRIM, VCH_ARGS(VCH_T(w->user_name), VCH_I(VCH_WEB_SESSIONS_PER_USER)), &changes, a->diag));
    return changes ? vch_apply_changed(a, VCH_CHANGE_SESSION, w->user_name) : VCH_OK;
}

void vch_plan_web_session_insert(struct vch_plan *p, const struct vch_rec_web_session *session) {
    vch_plan_add_record(p, insert, session, sizeof *session);
}

static enum vch_err used(struct vch_apply *a, const struct vch_step *step) {
    return vch_sql_run(a->db, VCH_Q_WEB_SESSION_USED, VCH_ARGS(VCH_B(step->name), VCH_I(step->now_ms)), NULL, a->diag);
}

void vch_plan_web_session_used(struct vch_plan *p, struct vch_str hash, int64_t now_ms) {
    VCH_STEP(p, used, .name = hash, .now_ms = now_ms);
}

static enum vch_err delete_one(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_WEB_SESSION_DELETE, VCH_ARGS(VCH_B(step->name)), &changes, a->diag));
    return changes ? vch_apply_changed(a, VCH_CHANGE_SESSION, step->other) : VCH_OK;
}

void vch_plan_web_session_delete(struct vch_plan *p, struct vch_str hash, struct vch_str user) {
    VCH_STEP(p, delete_one, .name = hash, .other = user);
}

static enum vch_err delete_all(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_WEB_SESSIONS_DELETE, VCH_ARGS(VCH_T(step->name)), &changes, a->diag));
    if (step->ret) *(int64_t *)step->ret = changes;
    return changes ? vch_apply_changed(a, VCH_CHANGE_SESSION, step->name) : VCH_OK;
}

void vch_plan_web_sessions_delete(struct vch_plan *p, struct vch_str user, int64_t *ret_count) {
    VCH_STEP(p, delete_all, .name = user, .ret = ret_count);
}
