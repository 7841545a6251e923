/* Reading pairings. */
#include "store/pairings.h"

#include "store/store_priv.h"

static enum vch_err missing(struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, PAIRING_MISSING, "", "There is no such pairing, or it is over.");
}

static void fill_steps(struct vch_cursor *row, struct vch_rec_pairing *p) {
    p->step_ms[VCH_PAIRING_SHOWN] = p->created_ms;
    p->step_ms[VCH_PAIRING_LOOKED_AT] = vch_cursor_int(row, 15);
    p->step_ms[VCH_PAIRING_APPROVED] = p->step >= VCH_PAIRING_APPROVED ? p->decided_ms : 0;
    for (int step = VCH_PAIRING_CLAIM_TAKEN; step < VCH_PAIRING_STEPS; step++)
        p->step_ms[step] = vch_cursor_int(row, 18 + step - VCH_PAIRING_CLAIM_TAKEN);
}

static void fill_pairing(struct vch_cursor *row, void *record) {
    struct vch_rec_pairing *p = record;
    *p = (struct vch_rec_pairing){
        .id = vch_cursor_str(row, 0),
        .user_code = vch_cursor_str(row, 1),
        .key = vch_cursor_str(row, 2),
        .spki = vch_cursor_str(row, 3),
        .serial = vch_cursor_str(row, 4),
        .model = vch_cursor_str(row, 5),
        .suggested = vch_cursor_str(row, 6),
        .source_ip = vch_cursor_str(row, 7),
        .created_ms = vch_cursor_int(row, 8),
        .expires_ms = vch_cursor_int(row, 9),
        .step = (enum vch_pairing_step)vch_cursor_int(row, 10),
        .ended = vch_cursor_str(row, 11),
        .reason = vch_cursor_str(row, 12),
        .message = vch_cursor_str(row, 13),
        .looked_by = vch_cursor_str(row, 14),
        .decided_by = vch_cursor_str(row, 16),
        .decided_ms = vch_cursor_int(row, 17),
        .template_name = vch_cursor_str(row, 23),
        .parameters = vch_cursor_str(row, 24),
        .thing_name = vch_cursor_str(row, 25),
        .claim_id = vch_cursor_str(row, 26),
        .claim_pem = vch_cursor_str(row, 27),
        .claim_expires_ms = vch_cursor_int(row, 28),
        .certificate_id = vch_cursor_str(row, 29),
    };
    fill_steps(row, p);
}

static enum vch_err read_by(struct vch_store *s, enum vch_query query, struct vch_sql_arg arg, struct vch_rec_pairing *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, query, &arg, 1, fill_pairing, ret, &found, arena, diag));
    return found ? VCH_OK : missing(diag);
}

enum vch_err vch_store_pairing(struct vch_store *s, struct vch_str id, struct vch_rec_pairing *ret, VCH_R) {
    return read_by(s, VCH_Q_PAIRING_GET, VCH_T(id), ret, arena, diag);
}

enum vch_err vch_store_pairing_of_device(struct vch_store *s, struct vch_str device_hash, struct vch_rec_pairing *ret, VCH_R) {
    return read_by(s, VCH_Q_PAIRING_OF_DEVICE, VCH_B(device_hash), ret, arena, diag);
}

enum vch_err vch_store_pairing_of_code(struct vch_store *s, struct vch_str user_code, struct vch_rec_pairing *ret, VCH_R) {
    return read_by(s, VCH_Q_PAIRING_OF_CODE, VCH_T(user_code), ret, arena, diag);
}

enum vch_err vch_store_pairings(struct vch_store *s, struct vch_page page, struct vch_list_pairing *ret, VCH_R) {
    const struct vch_created_page what = {VCH_Q_PAIRING_LIST, VCH_Q_PAIRING_LIST_DESC, VCH_Q_PAIRING_CREATED, page, NULL};
    struct vch_listing l = {.fill = fill_pairing, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_created(s, &what, &l, arena, diag));
    *ret = (struct vch_list_pairing){l.items, l.count, l.more};
    return VCH_OK;
}

static enum vch_err read_due(struct vch_store *s, enum vch_query query, int64_t now_ms, size_t limit, struct vch_list_pairing *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_pairing, .size = sizeof *ret->items, .limit = limit};
    VCH_TRY(vch_read_list(s, query, VCH_ARGS(VCH_I(now_ms), VCH_I(vch_listing_ask(limit))), &l, arena, diag));
    *ret = (struct vch_list_pairing){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_pairings_lapsing(struct vch_store *s, int64_t now_ms, size_t limit, struct vch_list_pairing *ret, VCH_R) {
    return read_due(s, VCH_Q_PAIRINGS_LAPSING, now_ms, limit, ret, arena, diag);
}

enum vch_err vch_store_pairings_stranded(struct vch_store *s, int64_t now_ms, size_t limit, struct vch_list_pairing *ret, VCH_R) {
    return read_due(s, VCH_Q_PAIRINGS_STRANDED, now_ms, limit, ret, arena, diag);
}

enum vch_err vch_store_pairing_awaited(struct vch_store *s, struct vch_str certificate_id, struct vch_str *ret_id, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_PAIRING_AWAITED, VCH_ARGS(VCH_T(certificate_id)), vch_fill_str, ret_id, &found, arena, diag));
    return found ? VCH_OK : missing(diag);
}
