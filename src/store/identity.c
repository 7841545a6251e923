/* What a handshake and a connection ask of the registry. */
#include "store/identity_cache_priv.h"
#include "store/store_priv.h"

enum { IDENTITY_PATIENCE_MS = 500, AUTHZ_THINGS_MAX = 64 };

static void fill_identity(struct vch_cursor *row, void *record) {
    struct vch_identity *who = record;
    struct vch_str status = vch_cursor_view(row, 1);
    bool claim = vch_cursor_int(row, 0) == 2;
    *who = (struct vch_identity){
        .kind = claim ? VCH_IDENTITY_CLAIM : VCH_IDENTITY_DEVICE,
        .usable = claim ? !vch_str_eq_c(status, "CANCELLED") : vch_str_eq_c(status, "ACTIVE"),
        .revoked = !claim && vch_str_eq_c(status, "REVOKED"),
        .succeeds = vch_cursor_int(row, 5) != 0,
        .sni_only = !claim && vch_str_eq_c(vch_cursor_view(row, 6), "SNI_ONLY"),
        .not_before_ms = vch_cursor_int(row, 2),
        .not_after_ms = vch_cursor_int(row, 3),
    };
    (void)vch_str_copy(who->template_name, sizeof who->template_name, vch_cursor_view(row, 4));
}

/* A loop may be waiting: an answer that is late is none. */
static enum vch_err read_soon(struct vch_store *s, struct vch_str certificate_id, struct vch_identity *ret, bool *ret_found) {
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, NULL));
    int64_t patience_ms = db->patience_ms;
    db->patience_ms = IDENTITY_PATIENCE_MS;
    enum vch_err err = vch_sql_record(db, VCH_Q_IDENTITY, VCH_ARGS(VCH_T(certificate_id)), fill_identity, ret, NULL, ret_found, NULL);
    db->patience_ms = patience_ms;
    return err;
}

enum vch_err vch_store_identity(struct vch_store *s, struct vch_str certificate_id, struct vch_identity *ret) {
    bool found = false;
    *ret = (struct vch_identity){.kind = VCH_IDENTITY_UNKNOWN};
    if (!s->identities)
        return vch_read_one(s, VCH_Q_IDENTITY, VCH_ARGS(VCH_T(certificate_id)), fill_identity, ret, &found, NULL, NULL);
    if (vch_identity_cache_get(s->identities, certificate_id, ret)) return VCH_OK;
    uint64_t mark = vch_identity_cache_mark(s->identities, certificate_id);
    VCH_TRY(read_soon(s, certificate_id, ret, &found));
    if (found) vch_identity_cache_put(s->identities, certificate_id, mark, ret);
    return VCH_OK;
}

struct authz_row {
    bool is_thing, exclusive;
    struct vch_rec_policy policy;
    struct vch_rec_thing thing;
};

static void fill_authz(struct vch_cursor *row, void *record) {
    struct authz_row *r = record;
    struct vch_str name = vch_cursor_str(row, 1), text = vch_cursor_str(row, 2), id = vch_cursor_str(row, 3);
    int64_t version = vch_cursor_int(row, 6), created_ms = vch_cursor_int(row, 8), modified_ms = vch_cursor_int(row, 9);
    r->is_thing = vch_cursor_int(row, 0) == 1;
    r->exclusive = r->is_thing && vch_cursor_int(row, 7) != 0;
    if (r->is_thing)
        r->thing = (struct vch_rec_thing){.name = name, .attributes = text, .id = id,
                                          .type_name = vch_cursor_str(row, 4), .billing_group = vch_cursor_str(row, 5),
                                          .version = version, .created_ms = created_ms, .modified_ms = modified_ms};
    else
        r->policy = (struct vch_rec_policy){.name = name, .document = text, .generation_id = id, .version = version,
                                            .default_version = vch_cursor_int(row, 7),
                                            .created_ms = created_ms, .modified_ms = modified_ms};
}

/* One statement sees one state of the database. */
enum vch_err vch_store_authz_as(struct vch_store *s, struct vch_str certificate_id, struct vch_str client_id,
                                struct vch_rec_authz *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_authz, .size = sizeof(struct authz_row), .limit = SIZE_MAX};
    *ret = (struct vch_rec_authz){0};
    VCH_TRY(vch_read_list(s, VCH_Q_AUTHZ, VCH_ARGS(VCH_T(certificate_id), VCH_I(AUTHZ_THINGS_MAX), VCH_T(client_id)), &l, arena,
                          diag));
    ret->policies = vch_arena_array(arena, l.count, sizeof *ret->policies);
    ret->things = vch_arena_array(arena, l.count, sizeof *ret->things);
    if (!ret->policies || !ret->things)
        return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "The answer does not fit into the request's memory.");
    for (size_t i = 0; i < l.count; i++) {
        const struct authz_row *row = (const struct authz_row *)l.items + i;
        if (row->exclusive) ret->exclusive = &ret->things[ret->thing_count];
        if (row->is_thing) ret->things[ret->thing_count++] = row->thing;
        else ret->policies[ret->policy_count++] = row->policy;
    }
    return VCH_OK;
}

enum vch_err vch_store_authz(struct vch_store *s, struct vch_str certificate_id, struct vch_rec_authz *ret, VCH_R) {
    return vch_store_authz_as(s, certificate_id, VCH_STR(""), ret, arena, diag);
}
