#include "store/certificate_priv.h"
#include "store/store_priv.h"

static enum vch_err missing(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, THING_MISSING, "thingName", "There is no thing %.*s.", VCH_STR_ARG(name));
}

/* ---- reads ---- */

static void fill_thing(struct vch_cursor *row, void *record) {
    *(struct vch_rec_thing *)record = (struct vch_rec_thing){
        .name = vch_cursor_str(row, 0),
        .id = vch_cursor_str(row, 1),
        .type_name = vch_cursor_str(row, 2),
        .billing_group = vch_cursor_str(row, 3),
        .attributes = vch_cursor_str(row, 4),
        .version = vch_cursor_int(row, 5),
        .created_ms = vch_cursor_int(row, 6),
        .modified_ms = vch_cursor_int(row, 7),
    };
}

enum vch_err vch_store_thing(struct vch_store *s, struct vch_str name, struct vch_rec_thing *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_THING_GET, VCH_ARGS(VCH_T(name)), fill_thing, ret, &found, arena, diag));
    return found ? VCH_OK : missing(name, diag);
}

enum vch_err vch_store_things(struct vch_store *s, struct vch_page page, struct vch_list_thing *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_thing, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_list(s, page.descending ? VCH_Q_THING_LIST_DESC : VCH_Q_THING_LIST,
                          VCH_ARGS(VCH_T(vch_page_from(page)), VCH_I(vch_listing_ask(page.limit))), &l, arena, diag));
    *ret = (struct vch_list_thing){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_thing_principals(struct vch_store *s, struct vch_str thing, struct vch_page page,
                                        struct vch_list_str *ret, VCH_R) {
    const struct vch_owned_page what = {VCH_Q_PRINCIPALS_OF_THING, VCH_Q_PRINCIPALS_OF_THING_DESC, VCH_Q_THING_EXISTS,
                                        thing, page};
    bool there = false;
    VCH_TRY(vch_read_owned(s, &what, ret, &there, arena, diag));
    return there ? VCH_OK : missing(thing, diag);
}

enum vch_err vch_store_principal_things(struct vch_store *s, struct vch_str certificate_id, struct vch_page page,
                                        struct vch_list_str *ret, VCH_R) {
    const struct vch_owned_page what = {VCH_Q_THINGS_OF_PRINCIPAL, VCH_Q_THINGS_OF_PRINCIPAL_DESC,
                                        VCH_Q_CERTIFICATE_EXISTS, certificate_id, page};
    bool there = false;
    VCH_TRY(vch_read_owned(s, &what, ret, &there, arena, diag));
    return there ? VCH_OK : vch_certificate_missing(certificate_id, diag);
}

static void fill_attachment_of(struct vch_cursor *row, void *record) {
    *(struct vch_rec_attachment *)record = (struct vch_rec_attachment){vch_cursor_str(row, 0), vch_cursor_int(row, 1) != 0};
}

/* What one side of the attachments is asked. */
struct attachments_of {
    enum vch_query list, exists;
    struct vch_str owner;
    enum vch_attachment_kind kind;
};

static enum vch_err read_attachments(struct vch_store *s, const struct attachments_of *what, struct vch_page page,
                                     struct vch_list_attachment *ret, bool *ret_owner, VCH_R) {
    struct vch_listing l = {.fill = fill_attachment_of, .size = sizeof *ret->items, .limit = page.limit};
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    VCH_TRY(vch_sql_list(db, what->list,
                         VCH_ARGS(VCH_T(what->owner), VCH_T(page.after), VCH_I(what->kind), VCH_I(vch_listing_ask(page.limit))),
                         &l, arena, diag));
    *ret = (struct vch_list_attachment){l.items, l.count, l.more};
    *ret_owner = true;
    return l.count ? VCH_OK : vch_sql_exists(db, what->exists, VCH_ARGS(VCH_T(what->owner)), ret_owner, diag);
}

enum vch_err vch_store_thing_attachments(struct vch_store *s, struct vch_str thing, enum vch_attachment_kind kind,
                                         struct vch_page page, struct vch_list_attachment *ret, VCH_R) {
    const struct attachments_of what = {VCH_Q_THING_ATTACHMENTS, VCH_Q_THING_EXISTS, thing, kind};
    bool there = false;
    VCH_TRY(read_attachments(s, &what, page, ret, &there, arena, diag));
    return there ? VCH_OK : missing(thing, diag);
}

enum vch_err vch_store_principal_attachments(struct vch_store *s, struct vch_str certificate_id,
                                             enum vch_attachment_kind kind, struct vch_page page,
                                             struct vch_list_attachment *ret, VCH_R) {
    const struct attachments_of what = {VCH_Q_PRINCIPAL_ATTACHMENTS, VCH_Q_CERTIFICATE_EXISTS, certificate_id, kind};
    bool there = false;
    VCH_TRY(read_attachments(s, &what, page, ret, &there, arena, diag));
    return there ? VCH_OK : vch_certificate_missing(certificate_id, diag);
}

/* ---- writes ---- */

static enum vch_err need_thing(struct vch_apply *a, struct vch_str name, int64_t *ret_seq) {
    bool found = false;
    VCH_TRY(vch_sql_number(a->db, VCH_Q_THING_EXISTS, VCH_ARGS(VCH_T(name)), &found, ret_seq, a->diag));
    return found ? VCH_OK : missing(name, a->diag);
}

static enum vch_err need_free(struct vch_apply *a, const struct vch_step *step) {
    bool taken = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_THING_HOLDER, VCH_ARGS(VCH_T(step->name), VCH_T(step->other)), &taken, a->diag));
    if (!taken) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, THING_TAKEN, "thingName",
                      "The thing %.*s belongs to another active certificate.", VCH_STR_ARG(step->name));
}

void vch_plan_need_thing_free(struct vch_plan *p, struct vch_str thing, struct vch_str except_certificate) {
    VCH_STEP(p, need_free, .name = thing, .other = except_certificate);
}

/* Attributes are kept a second time, by name and value, for searches. */
static bool has_attributes(struct vch_str json) {
    return json.len > 0 && !vch_str_eq_c(json, "{}");
}

static enum vch_err attributes_add(struct vch_apply *a, const struct vch_rec_thing *t) {
    if (!has_attributes(t->attributes)) return VCH_OK;
    return vch_sql_run(a->db, VCH_Q_THING_ATTRIBUTES_ADD, VCH_ARGS(VCH_T(t->name)), NULL, a->diag);
}

static enum vch_err attributes_drop(struct vch_apply *a, struct vch_str thing) {
    return vch_sql_run(a->db, VCH_Q_THING_ATTRIBUTES_DROP, VCH_ARGS(VCH_T(thing)), NULL, a->diag);
}

static enum vch_err insert(struct vch_apply *a, const struct vch_rec_thing *t, int64_t *ret_changes) {
    VCH_TRY(vch_sql_run(a->db, VCH_Q_THING_INSERT,
                        VCH_ARGS(VCH_T(t->name), VCH_T(t->id), VCH_T(t->type_name), VCH_T(t->billing_group),
                                 VCH_T(t->attributes), VCH_I(t->created_ms), VCH_I(t->modified_ms)),
                        ret_changes, a->diag));
    return *ret_changes ? attributes_add(a, t) : VCH_OK;
}

static enum vch_err create(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_thing *t = step->record;
    int64_t changes = 0;
    VCH_TRY(insert(a, t, &changes));
    if (changes) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, THING_EXISTS, "thingName", "The thing %.*s exists already.",
                      VCH_STR_ARG(t->name));
}

void vch_plan_thing_create(struct vch_plan *p, const struct vch_rec_thing *t) {
    vch_plan_add_record(p, create, t, sizeof *t);
}

static enum vch_err ensure(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(insert(a, step->record, &changes));
    if (step->ret) *(bool *)step->ret = changes > 0;
    return VCH_OK;
}

void vch_plan_thing_ensure(struct vch_plan *p, const struct vch_rec_thing *t, bool *ret_created) {
    vch_plan_add_record(p, ensure, t, sizeof *t);
    if (p && p->last) p->last->ret = ret_created;
}

static enum vch_err update(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_thing *t = step->record;
    int64_t changes = 0;
    VCH_TRY(attributes_drop(a, t->name));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_THING_UPDATE,
                        VCH_ARGS(VCH_T(t->name), VCH_T(t->type_name), VCH_T(t->billing_group), VCH_T(t->attributes),
                                 VCH_I(t->modified_ms)),
                        &changes, a->diag));
    if (changes == 0) return missing(t->name, a->diag);
    VCH_TRY(attributes_add(a, t));
    return vch_apply_changed_all(a, VCH_CHANGE_CERTIFICATE, VCH_Q_CERTIFICATES_OF_THING, t->name);
}

void vch_plan_thing_update(struct vch_plan *p, const struct vch_rec_thing *t) {
    vch_plan_add_record(p, update, t, sizeof *t);
}

static enum vch_err other_version(struct vch_apply *a, struct vch_str name) {
    return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, THING_VERSION, "expectedVersion",
                      "The version for thing %.*s does not match the expected version.", VCH_STR_ARG(name));
}

static enum vch_err need_version(struct vch_apply *a, const struct vch_step *step) {
    bool found = false;
    int64_t version = 0;
    VCH_TRY(vch_sql_number(a->db, VCH_Q_THING_VERSION, VCH_ARGS(VCH_T(step->name)), &found, &version, a->diag));
    if (!found) return missing(step->name, a->diag);
    return version == step->number ? VCH_OK : other_version(a, step->name);
}

void vch_plan_need_thing_version(struct vch_plan *p, struct vch_str name, int64_t version) {
    VCH_STEP(p, need_version, .name = name, .number = version);
}

static enum vch_err change(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_thing *t = step->record;
    int64_t changes = 0, seq = 0;
    VCH_TRY(attributes_drop(a, t->name));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_THING_CHANGE,
                        VCH_ARGS(VCH_T(t->name), VCH_I(t->version), VCH_T(t->type_name), VCH_T(t->attributes),
                                 VCH_I(t->modified_ms)),
                        &changes, a->diag));
    if (changes == 0) {
        VCH_TRY(need_thing(a, t->name, &seq));
        return other_version(a, t->name);
    }
    VCH_TRY(attributes_add(a, t));
    return vch_apply_changed_all(a, VCH_CHANGE_CERTIFICATE, VCH_Q_CERTIFICATES_OF_THING, t->name);
}

void vch_plan_thing_change(struct vch_plan *p, const struct vch_rec_thing *t) {
    vch_plan_add_record(p, change, t, sizeof *t);
}

struct attachment {
    int64_t exclusive, things; /* things of the certificate, this one too */
};

static void fill_attachment(struct vch_cursor *row, void *record) {
    *(struct attachment *)record = (struct attachment){vch_cursor_int(row, 0), vch_cursor_int(row, 1)};
}

static enum vch_err conflict(struct vch_apply *a, const struct vch_step *step) {
    return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, THING_CONFLICT, "thingName",
                      "The certificate is attached to another thing exclusively, or the thing %.*s asks for that.",
                      VCH_STR_ARG(step->name));
}

static enum vch_err make_exclusive(struct vch_apply *a, const struct vch_step *step) {
    VCH_TRY(vch_sql_run(a->db, VCH_Q_THING_ATTACHMENT_EXCLUSIVE, VCH_ARGS(VCH_T(step->name), VCH_T(step->other)), NULL,
                        a->diag));
    return vch_apply_changed(a, VCH_CHANGE_CERTIFICATE, step->other);
}

/* The insert did nothing: attached already, or one of three refusals. */
static enum vch_err explain_attach(struct vch_apply *a, const struct vch_step *step) {
    bool found = false;
    int64_t seq = 0;
    struct attachment was = {0};
    VCH_TRY(vch_sql_record(a->db, VCH_Q_THING_ATTACHMENT, VCH_ARGS(VCH_T(step->name), VCH_T(step->other)),
                           fill_attachment, &was, NULL, &found, a->diag));
    if (found && (!step->flag || was.exclusive)) return VCH_OK;
    if (found && was.things == 1) return make_exclusive(a, step);
    if (found) return conflict(a, step);
    VCH_TRY(need_thing(a, step->name, &seq));
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_CERTIFICATE_EXISTS, VCH_ARGS(VCH_T(step->other)), &found, a->diag));
    return found ? conflict(a, step) : vch_certificate_missing(step->other, a->diag);
}

static enum vch_err attach(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_THING_ATTACH, VCH_ARGS(VCH_T(step->name), VCH_T(step->other), VCH_I(step->flag)),
                        &changes, a->diag));
    if (changes == 0) return explain_attach(a, step);
    return vch_apply_changed(a, VCH_CHANGE_CERTIFICATE, step->other);
}

void vch_plan_thing_attach(struct vch_plan *p, struct vch_str thing, struct vch_str certificate_id, bool exclusive) {
    VCH_STEP(p, attach, .name = thing, .other = certificate_id, .flag = exclusive);
}

static enum vch_err detach(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0, seq = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_THING_DETACH, VCH_ARGS(VCH_T(step->name), VCH_T(step->other)), &changes, a->diag));
    if (changes == 0) return need_thing(a, step->name, &seq);
    return vch_apply_changed(a, VCH_CHANGE_CERTIFICATE, step->other);
}

void vch_plan_thing_detach(struct vch_plan *p, struct vch_str thing, struct vch_str certificate_id) {
    VCH_STEP(p, detach, .name = thing, .other = certificate_id);
}

static enum vch_err delete_thing(struct vch_apply *a, const struct vch_step *step) {
    bool attached = false;
    int64_t seq = 0;
    VCH_TRY(need_thing(a, step->name, &seq));
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_THING_ATTACHED, VCH_ARGS(VCH_I(seq)), &attached, a->diag));
    if (attached)
        return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, DELETE_CONFLICT, "thingName",
                          "Cannot delete. Thing %.*s is still attached to one or more principals",
                          VCH_STR_ARG(step->name));
    VCH_TRY(attributes_drop(a, step->name));
    return vch_sql_run(a->db, VCH_Q_THING_DELETE, VCH_ARGS(VCH_I(seq)), NULL, a->diag);
}

void vch_plan_thing_delete(struct vch_plan *p, struct vch_str name) {
    VCH_STEP(p, delete_thing, .name = name);
}
