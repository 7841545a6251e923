#include "store/certificate_priv.h"
#include "store/store_priv.h"

enum vch_err vch_certificate_missing(struct vch_str id, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, CERTIFICATE_MISSING, "certificateId", "There is no certificate %.*s.",
                      VCH_STR_ARG(id));
}

/* ---- reads ---- */

static void fill_certificate(struct vch_cursor *row, void *record) {
    *(struct vch_rec_certificate *)record = (struct vch_rec_certificate){
        .id = vch_cursor_str(row, 0),
        .pem = vch_cursor_str(row, 1),
        .status = vch_cursor_str(row, 2),
        .mode = vch_cursor_str(row, 3),
        .ca_id = vch_cursor_str(row, 4),
        .claim_id = vch_cursor_str(row, 5),
        .not_before_ms = vch_cursor_int(row, 6),
        .not_after_ms = vch_cursor_int(row, 7),
        .created_ms = vch_cursor_int(row, 8),
        .modified_ms = vch_cursor_int(row, 9),
        .customer_version = vch_cursor_int(row, 10),
    };
}

enum vch_err vch_store_certificate(struct vch_store *s, struct vch_str id, struct vch_rec_certificate *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_CERTIFICATE_GET, VCH_ARGS(VCH_T(id)), fill_certificate, ret, &found, arena, diag));
    return found ? VCH_OK : vch_certificate_missing(id, diag);
}

static void fill_count(struct vch_cursor *row, void *record) {
    *(int64_t *)record = vch_cursor_int(row, 0);
}

enum vch_err vch_store_certificates_expiring(struct vch_store *s, int64_t from_ms, int64_t until_ms, int64_t *ret_count,
                                             struct vch_diag *diag) {
    bool found = false;
    *ret_count = 0;
    struct vch_arena *arena = vch_arena_new(4096, false);
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = vch_read_one(s, VCH_Q_CERTIFICATE_EXPIRING, VCH_ARGS(VCH_I(from_ms), VCH_I(until_ms)), fill_count, ret_count,
                                    &found, arena, diag);
    vch_arena_free(arena);
    return err;
}

enum vch_err vch_store_certificates(struct vch_store *s, struct vch_page page, struct vch_list_certificate *ret, VCH_R) {
    const struct vch_created_page what = {VCH_Q_CERTIFICATE_LIST, VCH_Q_CERTIFICATE_LIST_DESC,
                                          VCH_Q_CERTIFICATE_CREATED, page, NULL};
    struct vch_listing l = {.fill = fill_certificate, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_created(s, &what, &l, arena, diag));
    *ret = (struct vch_list_certificate){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_certificates_of_ca(struct vch_store *s, struct vch_str ca_id, struct vch_page page,
                                          struct vch_list_certificate *ret, VCH_R) {
    const struct vch_created_page what = {VCH_Q_CERTIFICATE_LIST_OF_CA, VCH_Q_CERTIFICATE_LIST_OF_CA_DESC,
                                          VCH_Q_CERTIFICATE_CREATED, page, &ca_id};
    struct vch_listing l = {.fill = fill_certificate, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_created(s, &what, &l, arena, diag));
    *ret = (struct vch_list_certificate){l.items, l.count, l.more};
    return VCH_OK;
}

/* ---- writes ---- */

static enum vch_err insert(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_certificate *c = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_CERTIFICATE_INSERT,
                        VCH_ARGS(VCH_T(c->id), VCH_T(c->status), VCH_I(c->not_before_ms), VCH_I(c->not_after_ms),
                                 VCH_I(c->created_ms), VCH_I(c->modified_ms), VCH_I(c->customer_version),
                                 VCH_T(c->mode), VCH_T(c->ca_id), VCH_T(c->claim_id), VCH_T(c->pem)),
                        &changes, a->diag));
    if (changes) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, CERTIFICATE_EXISTS, "certificateId",
                      "The certificate %.*s is registered already.", VCH_STR_ARG(c->id));
}

void vch_plan_certificate_insert(struct vch_plan *p, const struct vch_rec_certificate *c) {
    vch_plan_add_record(p, insert, c, sizeof *c);
}

struct found_status {
    char text[32];
};

static void fill_status(struct vch_cursor *row, void *record) {
    struct found_status *status = record;
    (void)vch_str_copy(status->text, sizeof status->text, vch_cursor_view(row, 0));
}

/* The update did nothing: no certificate, another status than expected, or the same already. */
static enum vch_err explain_status(struct vch_apply *a, const struct vch_step *step) {
    struct found_status was;
    bool found = false;
    VCH_TRY(vch_sql_record(a->db, VCH_Q_CERTIFICATE_EXISTS, VCH_ARGS(VCH_T(step->name)), fill_status, &was, NULL, &found,
                           a->diag));
    if (!found) return vch_certificate_missing(step->name, a->diag);
    if (step->other.len == 0 || vch_str_eq_c(step->other, was.text)) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_STATE, CERTIFICATE_STATE, "certificateId", "The certificate %.*s is %s.",
                      VCH_STR_ARG(step->name), was.text);
}

static enum vch_err set_status(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    if (step->other.len)
        VCH_TRY(vch_sql_run(a->db, VCH_Q_CERTIFICATE_STATUS_SET,
                            VCH_ARGS(VCH_T(step->name), VCH_T(step->other), VCH_T(step->text), VCH_I(step->now_ms)),
                            &changes, a->diag));
    else
        VCH_TRY(vch_sql_run(a->db, VCH_Q_CERTIFICATE_STATUS_FORCE,
                            VCH_ARGS(VCH_T(step->name), VCH_T(step->text), VCH_I(step->now_ms)), &changes, a->diag));
    if (changes == 0) return explain_status(a, step);
    return vch_apply_changed(a, VCH_CHANGE_CERTIFICATE, step->name);
}

void vch_plan_certificate_status(struct vch_plan *p, struct vch_str id, struct vch_str expect, struct vch_str status,
                                 int64_t now_ms) {
    VCH_STEP(p, set_status, .name = id, .other = expect, .text = status, .now_ms = now_ms);
}

static enum vch_err delete_certificate(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_CERTIFICATE_DELETE, VCH_ARGS(VCH_T(step->name)), &changes, a->diag));
    if (changes == 0) return vch_certificate_missing(step->name, a->diag);
    return vch_apply_changed(a, VCH_CHANGE_CERTIFICATE, step->name);
}

void vch_plan_certificate_delete(struct vch_plan *p, struct vch_str id) {
    VCH_STEP(p, delete_certificate, .name = id);
}
