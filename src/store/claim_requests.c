/* Claims that wait for a second person. */
#include "store/provisioning.h"
#include "store/store_priv.h"

static enum vch_err missing(struct vch_str id, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, REQUEST_MISSING, "requestId", "There is no request %.*s.", VCH_STR_ARG(id));
}

static void fill_request(struct vch_cursor *row, void *record) {
    *(struct vch_rec_request *)record = (struct vch_rec_request){
        .id = vch_cursor_str(row, 0),
        .principal = vch_cursor_str(row, 1),
        .template_name = vch_cursor_str(row, 2),
        .digest = vch_cursor_str(row, 3),
        .asked = vch_cursor_str(row, 4),
        .state = vch_cursor_str(row, 5),
        .decided_by = vch_cursor_str(row, 6),
        .created_ms = vch_cursor_int(row, 7),
        .expires_ms = vch_cursor_int(row, 8),
        .decided_ms = vch_cursor_int(row, 9),
        .person = vch_cursor_str(row, 10),
    };
}

enum vch_err vch_store_request(struct vch_store *s, struct vch_str id, struct vch_rec_request *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_REQUEST_GET, VCH_ARGS(VCH_T(id)), fill_request, ret, &found, arena, diag));
    return found ? VCH_OK : missing(id, diag);
}

enum vch_err vch_store_request_pending(struct vch_store *s, struct vch_str digest, int64_t now_ms, struct vch_rec_request *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_REQUEST_PENDING, VCH_ARGS(VCH_T(digest), VCH_I(now_ms)), fill_request, ret, &found, arena, diag));
    return found ? VCH_OK : missing(VCH_STR("that waits"), diag);
}

enum vch_err vch_store_requests(struct vch_store *s, struct vch_page page, struct vch_list_request *ret, VCH_R) {
    const struct vch_created_page what = {VCH_Q_REQUEST_LIST, VCH_Q_REQUEST_LIST_DESC, VCH_Q_REQUEST_CREATED, page, NULL};
    struct vch_listing l = {.fill = fill_request, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_created(s, &what, &l, arena, diag));
    *ret = (struct vch_list_request){l.items, l.count, l.more};
    return VCH_OK;
}

static enum vch_err insert(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_request *r = step->record;
    bool waits = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_REQUEST_PENDING, VCH_ARGS(VCH_T(r->digest), VCH_I(r->created_ms)), &waits, a->diag));
    if (waits) return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, APPROVAL_STATE, "", "The same request waits already.");
    return vch_sql_run(a->db, VCH_Q_REQUEST_INSERT,
                       VCH_ARGS(VCH_T(r->id), VCH_T(r->principal), VCH_T(r->template_name), VCH_T(r->digest), VCH_T(r->asked),
                                VCH_I(r->created_ms), VCH_I(r->expires_ms), VCH_T(r->person)),
                       NULL, a->diag);
}

void vch_plan_request_insert(struct vch_plan *p, const struct vch_rec_request *r) {
    vch_plan_add_record(p, insert, r, sizeof *r);
}

static enum vch_err decide(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    bool found = false;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_REQUEST_DECIDE,
                        VCH_ARGS(VCH_T(step->name), VCH_T(step->flag ? VCH_STR("APPROVED") : VCH_STR("DENIED")), VCH_T(step->other),
                                 VCH_I(step->now_ms), VCH_I(step->number)),
                        &changes, a->diag));
    if (changes) return VCH_OK;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_REQUEST_CREATED, VCH_ARGS(VCH_T(step->name)), &found, a->diag));
    if (!found) return missing(step->name, a->diag);
    return VCH_REFUSE(a->diag, VCH_ERR_STATE, APPROVAL_STATE, "requestId", "The request was decided already, or is too old.");
}

void vch_plan_request_decide(struct vch_plan *p, struct vch_str id, bool approve, struct vch_str decided_by, int64_t now_ms,
                             int64_t expires_ms) {
    VCH_STEP(p, decide, .name = id, .flag = approve, .other = decided_by, .now_ms = now_ms, .number = expires_ms);
}
