/* Authorities of others, and the registration code that proves their owner. */
#include "store/certificate_priv.h"
#include "store/groups_priv.h"

static enum vch_err missing(struct vch_str id, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, CA_MISSING, "caCertificateId", "There is no CA certificate %.*s.",
                      VCH_STR_ARG(id));
}

/* ---- reads ---- */

static void fill_authority(struct vch_cursor *row, void *record) {
    *(struct vch_rec_authority *)record = (struct vch_rec_authority){
        .id = vch_cursor_str(row, 0),
        .subject = vch_cursor_str(row, 1),
        .pem = vch_cursor_str(row, 2),
        .status = vch_cursor_str(row, 3),
        .mode = vch_cursor_str(row, 4),
        .template_name = vch_cursor_str(row, 5),
        .template_body = vch_cursor_str(row, 6),
        .role_arn = vch_cursor_str(row, 7),
        .auto_registration = vch_cursor_int(row, 8) != 0,
        .not_before_ms = vch_cursor_int(row, 9),
        .not_after_ms = vch_cursor_int(row, 10),
        .created_ms = vch_cursor_int(row, 11),
        .modified_ms = vch_cursor_int(row, 12),
        .customer_version = vch_cursor_int(row, 13),
    };
}

enum vch_err vch_store_authority(struct vch_store *s, struct vch_str id, struct vch_rec_authority *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_AUTHORITY_GET, VCH_ARGS(VCH_T(id)), fill_authority, ret, &found, arena, diag));
    return found ? VCH_OK : missing(id, diag);
}

enum vch_err vch_store_authorities(struct vch_store *s, struct vch_str template_name, struct vch_page page,
                                   struct vch_list_authority *ret, VCH_R) {
    const struct vch_created_page what = {VCH_Q_AUTHORITY_LIST, VCH_Q_AUTHORITY_LIST_DESC, VCH_Q_AUTHORITY_CREATED, page,
                                          &template_name};
    struct vch_listing l = {.fill = fill_authority, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_created(s, &what, &l, arena, diag));
    *ret = (struct vch_list_authority){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_authorities_of_subject(struct vch_store *s, struct vch_str subject, struct vch_list_authority *ret,
                                              VCH_R) {
    struct vch_listing l = {.fill = fill_authority, .size = sizeof *ret->items, .limit = VCH_AUTHORITIES_OF_SUBJECT_MAX};
    VCH_TRY(vch_read_list(s, VCH_Q_AUTHORITIES_OF_SUBJECT, VCH_ARGS(VCH_T(subject), VCH_I(vch_listing_ask(l.limit))), &l,
                          arena, diag));
    *ret = (struct vch_list_authority){l.items, l.count, l.more};
    return VCH_OK;
}

/* ---- writes ---- */

static enum vch_err status_of(struct vch_apply *a, struct vch_str id, bool *ret_active) {
    VCH_CURSOR cursor = {0};
    bool found = false;
    VCH_TRY(vch_cursor_start(&cursor, a->db, VCH_Q_AUTHORITY_STATUS, VCH_ARGS(VCH_T(id)), a->diag));
    VCH_TRY(vch_cursor_next(&cursor, &found, a->diag));
    if (!found) return missing(id, a->diag);
    *ret_active = vch_str_eq_c(vch_cursor_view(&cursor, 0), "ACTIVE");
    return VCH_OK;
}

static enum vch_err need_active(struct vch_apply *a, const struct vch_step *step) {
    bool active = false;
    VCH_TRY(status_of(a, step->name, &active));
    if (active) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_STATE, CERTIFICATE_STATE, "caCertificateId", "The CA certificate %.*s is not ACTIVE.",
                      VCH_STR_ARG(step->name));
}

void vch_plan_need_authority(struct vch_plan *p, struct vch_str id) {
    VCH_STEP(p, need_active, .name = id);
}

static enum vch_err room_for(struct vch_apply *a, const struct vch_rec_authority *ca) {
    bool found = false;
    int64_t count = 0;
    VCH_TRY(vch_sql_number(a->db, VCH_Q_AUTHORITY_COUNT_SUBJECT, VCH_ARGS(VCH_T(ca->subject)), &found, &count, a->diag));
    if (count <= VCH_AUTHORITIES_OF_SUBJECT_MAX) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_LIMIT, CAS_FULL, "caCertificate",
                      "There are %d CA certificates with this subject, the most there may be.", VCH_AUTHORITIES_OF_SUBJECT_MAX);
}

static enum vch_err insert(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_authority *ca = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_AUTHORITY_INSERT,
                        VCH_ARGS(VCH_T(ca->id), VCH_T(ca->subject), VCH_T(ca->status), VCH_T(ca->mode),
                                 VCH_I(ca->auto_registration), VCH_I(ca->not_before_ms), VCH_I(ca->not_after_ms),
                                 VCH_I(ca->created_ms), VCH_I(ca->modified_ms), VCH_I(ca->customer_version),
                                 VCH_T(ca->template_name), VCH_T(ca->template_body), VCH_T(ca->role_arn), VCH_T(ca->pem)),
                        &changes, a->diag));
    if (changes) return room_for(a, ca);
    return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, CA_EXISTS, "caCertificate", "The CA certificate %.*s is registered already.",
                      VCH_STR_ARG(ca->id));
}

void vch_plan_authority_insert(struct vch_plan *p, const struct vch_rec_authority *ca) {
    vch_plan_add_record(p, insert, ca, sizeof *ca);
}

static enum vch_err update(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_authority_change *c = step->record;
    int64_t changes = 0, automatic = c->set_auto_registration ? c->auto_registration : -1;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_AUTHORITY_UPDATE,
                        VCH_ARGS(VCH_T(c->id), VCH_T(c->status), VCH_I(automatic), VCH_I(c->set_registration),
                                 VCH_T(c->template_name), VCH_T(c->template_body), VCH_T(c->role_arn), VCH_I(c->now_ms)),
                        &changes, a->diag));
    return changes ? VCH_OK : missing(c->id, a->diag);
}

void vch_plan_authority_update(struct vch_plan *p, const struct vch_authority_change *change) {
    vch_plan_add_record(p, update, change, sizeof *change);
}

static enum vch_err delete_authority(struct vch_apply *a, const struct vch_step *step) {
    bool active = false;
    VCH_TRY(status_of(a, step->name, &active));
    if (active)
        return VCH_REFUSE(a->diag, VCH_ERR_STATE, CERTIFICATE_STATE, "caCertificateId",
                          "CA certificate must be deactivated (not ACTIVE) before deletion. Id: %.*s", VCH_STR_ARG(step->name));
    VCH_TRY(vch_tags_forget(a, "cacert", step->name));
    return vch_sql_run(a->db, VCH_Q_AUTHORITY_DELETE, VCH_ARGS(VCH_T(step->name)), NULL, a->diag);
}

void vch_plan_authority_delete(struct vch_plan *p, struct vch_str id) {
    VCH_STEP(p, delete_authority, .name = id);
}

/* ---- meta ---- */

static enum vch_err ensure_meta(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_META_ENSURE, VCH_ARGS(VCH_T(step->name), VCH_B(step->text)), &changes, a->diag));
    if (step->ret) *(bool *)step->ret = changes > 0;
    return VCH_OK;
}

void vch_plan_meta_ensure(struct vch_plan *p, struct vch_str key, struct vch_str value, bool *ret_created) {
    VCH_STEP(p, ensure_meta, .name = key, .text = value, .ret = ret_created);
}

static enum vch_err delete_meta(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_META_DELETE, VCH_ARGS(VCH_T(step->name)), &changes, a->diag));
    if (changes) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_NOT_FOUND, RESOURCE_MISSING, "", "There is no %.*s.", VCH_STR_ARG(step->name));
}

void vch_plan_meta_delete(struct vch_plan *p, struct vch_str key) {
    VCH_STEP(p, delete_meta, .name = key);
}
