#include "store/hooks.h"

#include "store/store_priv.h"

static enum vch_err missing(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, HOOK_MISSING, "hookName", "There is no hook %.*s.", VCH_STR_ARG(name));
}

/* ---- reads ---- */

static void fill_hook(struct vch_cursor *row, void *record) {
    *(struct vch_rec_hook *)record = (struct vch_rec_hook){
        .name = vch_cursor_str(row, 0),
        .target_arn = vch_cursor_str(row, 1),
        .kind = vch_cursor_str(row, 2),
        .target = vch_cursor_str(row, 3),
        .timeout_ms = vch_cursor_int(row, 4),
        .ca_pem = vch_cursor_str(row, 5),
        .certificate_pem = vch_cursor_str(row, 6),
        .sealed_key = vch_cursor_str(row, 7),
        .sealed_secret = vch_cursor_str(row, 8),
        .created_ms = vch_cursor_int(row, 9),
        .modified_ms = vch_cursor_int(row, 10),
    };
}

static void fill_serial(struct vch_cursor *row, void *record) {
    *(struct vch_rec_serial *)record = (struct vch_rec_serial){vch_cursor_str(row, 0), vch_cursor_str(row, 1)};
}

enum vch_err vch_store_hook(struct vch_store *s, struct vch_str name, struct vch_rec_hook *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_HOOK_GET, VCH_ARGS(VCH_T(name)), fill_hook, ret, &found, arena, diag));
    return found ? VCH_OK : missing(name, diag);
}

enum vch_err vch_store_hook_of_target(struct vch_store *s, struct vch_str target_arn, struct vch_rec_hook *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_HOOK_OF_TARGET, VCH_ARGS(VCH_T(target_arn)), fill_hook, ret, &found, arena, diag));
    if (found) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, HOOK_UNKNOWN, "targetArn", "No hook stands behind %.*s.", VCH_STR_ARG(target_arn));
}

enum vch_err vch_store_hooks(struct vch_store *s, struct vch_page page, struct vch_list_hook *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_hook, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_list(s, VCH_Q_HOOK_LIST, VCH_ARGS(VCH_T(page.after), VCH_I(vch_listing_ask(page.limit))), &l, arena,
                          diag));
    *ret = (struct vch_list_hook){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_hook_serial(struct vch_store *s, struct vch_str hook, struct vch_str serial,
                                   struct vch_rec_serial *ret, bool *ret_found, VCH_R) {
    return vch_read_one(s, VCH_Q_HOOK_SERIAL_GET, VCH_ARGS(VCH_T(hook), VCH_T(serial)), fill_serial, ret, ret_found,
                        arena, diag);
}

enum vch_err vch_store_hook_serials(struct vch_store *s, struct vch_str hook, struct vch_page page,
                                    struct vch_list_serial *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_serial, .size = sizeof *ret->items, .limit = page.limit};
    struct vch_rec_hook owner;
    VCH_TRY(vch_store_hook(s, hook, &owner, arena, diag));
    VCH_TRY(vch_read_list(s, VCH_Q_HOOK_SERIAL_LIST,
                          VCH_ARGS(VCH_T(hook), VCH_T(page.after), VCH_I(vch_listing_ask(page.limit))), &l, arena, diag));
    *ret = (struct vch_list_serial){l.items, l.count, l.more};
    return VCH_OK;
}

/* ---- writes ---- */

static enum vch_err put(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_hook *h = step->record;
    bool taken = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_HOOK_TAKEN, VCH_ARGS(VCH_T(h->target_arn), VCH_T(h->name)), &taken, a->diag));
    if (taken)
        return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, HOOK_TAKEN, "targetArn", "Another hook stands behind %.*s.",
                          VCH_STR_ARG(h->target_arn));
    return vch_sql_run(a->db, VCH_Q_HOOK_PUT,
                       VCH_ARGS(VCH_T(h->name), VCH_T(h->target_arn), VCH_T(h->kind), VCH_T(h->target), VCH_I(h->timeout_ms),
                                VCH_T(h->ca_pem), VCH_T(h->certificate_pem), VCH_B(h->sealed_key), VCH_B(h->sealed_secret),
                                VCH_I(h->modified_ms)),
                       NULL, a->diag);
}

void vch_plan_hook_put(struct vch_plan *p, const struct vch_rec_hook *hook) {
    vch_plan_add_record(p, put, hook, sizeof *hook);
}

static enum vch_err delete_hook(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_HOOK_DELETE, VCH_ARGS(VCH_T(step->name)), &changes, a->diag));
    return changes ? VCH_OK : missing(step->name, a->diag);
}

void vch_plan_hook_delete(struct vch_plan *p, struct vch_str name) {
    VCH_STEP(p, delete_hook, .name = name);
}

static enum vch_err need_hook(struct vch_apply *a, struct vch_str name) {
    bool there = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_HOOK_EXISTS, VCH_ARGS(VCH_T(name)), &there, a->diag));
    return there ? VCH_OK : missing(name, a->diag);
}

static enum vch_err put_serials(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_serial *rows = step->record;
    VCH_TRY(need_hook(a, step->name));
    for (int64_t i = 0; i < step->number; i++)
        VCH_TRY(vch_sql_run(a->db, VCH_Q_HOOK_SERIAL_PUT,
                            VCH_ARGS(VCH_T(step->name), VCH_T(rows[i].serial), VCH_T(rows[i].overrides)), NULL, a->diag));
    return VCH_OK;
}

void vch_plan_hook_serials_put(struct vch_plan *p, struct vch_str hook, const struct vch_rec_serial *rows, size_t count) {
    VCH_STEP(p, put_serials, .name = hook, .record = rows, .number = (int64_t)count);
}

static enum vch_err delete_serial(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(need_hook(a, step->name));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_HOOK_SERIAL_DELETE, VCH_ARGS(VCH_T(step->name), VCH_T(step->other)), &changes, a->diag));
    if (changes) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_NOT_FOUND, RESOURCE_MISSING, "serial", "The list has no serial %.*s.",
                      VCH_STR_ARG(step->other));
}

void vch_plan_hook_serial_delete(struct vch_plan *p, struct vch_str hook, struct vch_str serial) {
    VCH_STEP(p, delete_serial, .name = hook, .other = serial);
}

static enum vch_err clear_serials(struct vch_apply *a, const struct vch_step *step) {
    VCH_TRY(need_hook(a, step->name));
    return vch_sql_run(a->db, VCH_Q_HOOK_SERIALS_CLEAR, VCH_ARGS(VCH_T(step->name)), NULL, a->diag);
}

void vch_plan_hook_serials_clear(struct vch_plan *p, struct vch_str hook) {
    VCH_STEP(p, clear_serials, .name = hook);
}
