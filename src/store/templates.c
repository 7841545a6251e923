#include "core/names.h"
#include "store/groups_priv.h"
#include "store/provisioning.h"

/* ---- reads ---- */

static void fill_template(struct vch_cursor *row, void *record) {
    *(struct vch_rec_template *)record = (struct vch_rec_template){
        .name = vch_cursor_str(row, 0),
        .description = vch_cursor_str(row, 1),
        .body = vch_cursor_str(row, 2),
        .role_arn = vch_cursor_str(row, 3),
        .hook_target = vch_cursor_str(row, 4),
        .hook_payload_version = vch_cursor_str(row, 5),
        .type = vch_cursor_str(row, 6),
        .version = vch_cursor_int(row, 7),
        .default_version = vch_cursor_int(row, 8),
        .created_ms = vch_cursor_int(row, 9),
        .modified_ms = vch_cursor_int(row, 10),
        .enabled = vch_cursor_int(row, 11) != 0,
    };
}

static enum vch_err missing(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, TEMPLATE_MISSING, "templateName", "There is no template %.*s.",
                      VCH_STR_ARG(name));
}

static enum vch_err version_missing(struct vch_str name, int64_t version, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, TEMPLATE_VERSION_MISSING, "versionId",
                      "The template %.*s has no version %lld.", VCH_STR_ARG(name), (long long)version);
}

enum vch_err vch_store_template(struct vch_store *s, struct vch_str name, int64_t version, struct vch_rec_template *ret,
                                VCH_R) {
    bool found = false;
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    if (version == 0) {
        VCH_TRY(vch_sql_record(db, VCH_Q_TEMPLATE_GET, VCH_ARGS(VCH_T(name)), fill_template, ret, arena, &found, diag));
        return found ? VCH_OK : missing(name, diag);
    }
    VCH_TRY(vch_sql_record(db, VCH_Q_TEMPLATE_GET_VERSION, VCH_ARGS(VCH_T(name), VCH_I(version)), fill_template, ret,
                           arena, &found, diag));
    if (found) return VCH_OK;
    VCH_TRY(vch_sql_exists(db, VCH_Q_TEMPLATE_EXISTS, VCH_ARGS(VCH_T(name)), &found, diag));
    return found ? version_missing(name, version, diag) : missing(name, diag);
}

struct with_settings {
    struct vch_rec_template template;
    struct vch_rec_settings settings;
};

static void fill_with_settings(struct vch_cursor *row, void *record) {
    struct with_settings *both = record;
    fill_template(row, &both->template);
    both->settings = (struct vch_rec_settings){.on_active = vch_on_active_parse(vch_cursor_view(row, 12)),
                                               .rotation = vch_cursor_int(row, 13) != 0,
                                               .grace_s = vch_cursor_int(row, 14),
                                               .modified_ms = vch_cursor_int(row, 15)};
}

enum vch_err vch_store_template_with_settings(struct vch_store *s, struct vch_str name, struct vch_rec_template *ret,
                                              struct vch_rec_settings *ret_settings, VCH_R) {
    struct with_settings both;
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_TEMPLATE_GET_WITH_SETTINGS, VCH_ARGS(VCH_T(name)), fill_with_settings, &both, &found, arena, diag));
    if (!found) return missing(name, diag);
    *ret = both.template;
    *ret_settings = both.settings;
    return VCH_OK;
}

enum vch_err vch_store_templates(struct vch_store *s, struct vch_page page, struct vch_list_template *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_template, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_list(s, page.descending ? VCH_Q_TEMPLATE_LIST_DESC : VCH_Q_TEMPLATE_LIST,
                          VCH_ARGS(VCH_T(vch_page_from(page)), VCH_I(vch_listing_ask(page.limit))), &l, arena, diag));
    *ret = (struct vch_list_template){l.items, l.count, l.more};
    return VCH_OK;
}

static void fill_version(struct vch_cursor *row, void *record) {
    *(struct vch_rec_version *)record = (struct vch_rec_version){
        .version = vch_cursor_int(row, 0),
        .created_ms = vch_cursor_int(row, 1),
        .is_default = vch_cursor_int(row, 2) != 0,
    };
}

/* Version numbers; `after` is one in decimal. */
enum vch_err vch_store_template_versions(struct vch_store *s, struct vch_str name, struct vch_page page,
                                         struct vch_list_version *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_version, .size = sizeof *ret->items, .limit = page.limit};
    int64_t after = page.descending ? INT64_MAX : 0;
    if (page.after.len && vch_str_int(page.after, &after) != VCH_OK)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, PAGE_TOKEN_INVALID, "", "The page does not start after a version.");
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    VCH_TRY(vch_sql_list(db, page.descending ? VCH_Q_TEMPLATE_VERSIONS_DESC : VCH_Q_TEMPLATE_VERSIONS,
                         VCH_ARGS(VCH_T(name), VCH_I(after), VCH_I(vch_listing_ask(page.limit))), &l, arena, diag));
    *ret = (struct vch_list_version){l.items, l.count, l.more};
    if (l.count) return VCH_OK;
    bool found = false;
    VCH_TRY(vch_sql_exists(db, VCH_Q_TEMPLATE_EXISTS, VCH_ARGS(VCH_T(name)), &found, diag));
    return found ? VCH_OK : missing(name, diag);
}

/* ---- writes ---- */

static enum vch_err need_template(struct vch_apply *a, const struct vch_step *step) {
    bool found = false;
    int64_t enabled = 0;
    VCH_TRY(vch_sql_number(a->db, VCH_Q_TEMPLATE_EXISTS, VCH_ARGS(VCH_T(step->name)), &found, &enabled, a->diag));
    if (!found) return missing(step->name, a->diag);
    if (enabled || !step->flag) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_STATE, TEMPLATE_DISABLED, "templateName", "The template %.*s is not enabled.",
                      VCH_STR_ARG(step->name));
}

void vch_plan_need_template(struct vch_plan *p, struct vch_str name, bool enabled) {
    VCH_STEP(p, need_template, .name = name, .flag = enabled);
}

struct template_state {
    int64_t seq, default_version, last_version, versions;
};

static void fill_state(struct vch_cursor *row, void *record) {
    *(struct template_state *)record = (struct template_state){vch_cursor_int(row, 0), vch_cursor_int(row, 1),
                                                               vch_cursor_int(row, 2), vch_cursor_int(row, 3)};
}

static enum vch_err state_of(struct vch_apply *a, struct vch_str name, struct template_state *ret) {
    bool found = false;
    VCH_TRY(vch_sql_record(a->db, VCH_Q_TEMPLATE_STATE, VCH_ARGS(VCH_T(name)), fill_state, ret, NULL, &found, a->diag));
    return found ? VCH_OK : missing(name, a->diag);
}

static enum vch_err create_template(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_template *t = step->record;
    bool created = false;
    int64_t seq = 0;
    VCH_TRY(vch_sql_number(a->db, VCH_Q_TEMPLATE_INSERT,
                           VCH_ARGS(VCH_T(t->name), VCH_T(t->description), VCH_T(t->role_arn), VCH_T(t->hook_target),
                                    VCH_T(t->hook_payload_version), VCH_T(t->type), VCH_I(t->enabled),
                                    VCH_I(t->created_ms), VCH_I(t->modified_ms)),
                           &created, &seq, a->diag));
    if (!created)
        return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, TEMPLATE_EXISTS, "templateName", "The template %.*s exists already.",
                          VCH_STR_ARG(t->name));
    return vch_sql_run(a->db, VCH_Q_TEMPLATE_VERSION_INSERT,
                       VCH_ARGS(VCH_I(seq), VCH_I(1), VCH_I(t->created_ms), VCH_T(t->body)), NULL, a->diag);
}

void vch_plan_template_create(struct vch_plan *p, const struct vch_rec_template *t) {
    vch_plan_add_record(p, create_template, t, sizeof *t);
}

static enum vch_err need_version(struct vch_apply *a, struct vch_str name, int64_t seq, int64_t version) {
    bool found = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_TEMPLATE_VERSION_EXISTS, VCH_ARGS(VCH_I(seq), VCH_I(version)), &found, a->diag));
    return found ? VCH_OK : version_missing(name, version, a->diag);
}

static enum vch_err update_template(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_template_change *c = step->record;
    struct template_state was;
    VCH_TRY(state_of(a, c->name, &was));
    if (c->set_default_version) VCH_TRY(need_version(a, c->name, was.seq, c->default_version));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_TEMPLATE_UPDATE,
                        VCH_ARGS(VCH_I(was.seq), VCH_I(c->set_description), VCH_T(c->description), VCH_I(c->set_role),
                                 VCH_T(c->role_arn), VCH_I(c->set_hook), VCH_T(c->hook_target),
                                 VCH_T(c->hook_payload_version), VCH_I(c->set_enabled), VCH_I(c->enabled),
                                 VCH_I(c->set_default_version), VCH_I(c->default_version), VCH_I(c->now_ms)),
                        NULL, a->diag));
    return vch_apply_changed(a, VCH_CHANGE_TEMPLATE, c->name);
}

void vch_plan_template_update(struct vch_plan *p, const struct vch_template_change *change) {
    vch_plan_add_record(p, update_template, change, sizeof *change);
}

static enum vch_err add_version(struct vch_apply *a, const struct vch_step *step) {
    struct template_state was;
    VCH_TRY(state_of(a, step->name, &was));
    if (was.versions >= VCH_TEMPLATE_VERSIONS_MAX)
        return VCH_REFUSE(a->diag, VCH_ERR_LIMIT, TEMPLATE_VERSIONS_FULL, "templateName",
                          "The template %.*s has the greatest number of versions already (%d).",
                          VCH_STR_ARG(step->name), VCH_TEMPLATE_VERSIONS_MAX);
    int64_t version = was.last_version + 1;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_TEMPLATE_VERSION_INSERT,
                        VCH_ARGS(VCH_I(was.seq), VCH_I(version), VCH_I(step->now_ms), VCH_T(step->text)), NULL, a->diag));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_TEMPLATE_VERSIONS_SET,
                        VCH_ARGS(VCH_I(was.seq), VCH_I(step->flag ? version : was.default_version), VCH_I(version),
                                 VCH_I(step->now_ms)),
                        NULL, a->diag));
    if (step->ret) *(int64_t *)step->ret = version;
    return step->flag ? vch_apply_changed(a, VCH_CHANGE_TEMPLATE, step->name) : VCH_OK;
}

void vch_plan_template_version_add(struct vch_plan *p, struct vch_str name, struct vch_str body, bool set_default,
                                   int64_t now_ms, int64_t *ret_version) {
    VCH_STEP(p, add_version, .name = name, .text = body, .flag = set_default, .now_ms = now_ms, .ret = ret_version);
}

static enum vch_err delete_version(struct vch_apply *a, const struct vch_step *step) {
    struct template_state was;
    VCH_TRY(state_of(a, step->name, &was));
    VCH_TRY(need_version(a, step->name, was.seq, step->number));
    if (step->number == was.default_version)
        return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, DELETE_CONFLICT, "versionId",
                          "Version %lld of the template %.*s is its default version.", (long long)step->number,
                          VCH_STR_ARG(step->name));
    return vch_sql_run(a->db, VCH_Q_TEMPLATE_VERSION_DELETE, VCH_ARGS(VCH_I(was.seq), VCH_I(step->number)), NULL,
                       a->diag);
}

void vch_plan_template_version_delete(struct vch_plan *p, struct vch_str name, int64_t version) {
    VCH_STEP(p, delete_version, .name = name, .number = version);
}

static enum vch_err delete_template(struct vch_apply *a, const struct vch_step *step) {
    struct template_state was;
    VCH_TRY(state_of(a, step->name, &was));
    if (was.versions > 1)
        return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, DELETE_CONFLICT, "templateName",
                          "The template %.*s has other versions than its default.", VCH_STR_ARG(step->name));
    VCH_TRY(vch_apply_changed_all(a, VCH_CHANGE_CLAIM, VCH_Q_CLAIMS_CANCEL_TEMPLATE, step->name));
    VCH_TRY(vch_tags_forget(a, "provisioningtemplate", step->name));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_TEMPLATE_DELETE, VCH_ARGS(VCH_I(was.seq)), NULL, a->diag));
    return vch_apply_changed(a, VCH_CHANGE_TEMPLATE, step->name);
}

void vch_plan_template_delete(struct vch_plan *p, struct vch_str name) {
    VCH_STEP(p, delete_template, .name = name);
}
