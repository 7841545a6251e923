/* Settings of provisioning templates that AWS does not know. */
#include "store/provisioning.h"
#include "store/store_priv.h"

static const char *const words[VCH_ON_ACTIVE_COUNT] = {
    [VCH_ON_ACTIVE_DEFAULT] = "default",
    [VCH_ON_ACTIVE_DENY] = "deny",
    [VCH_ON_ACTIVE_KEEP] = "keep",
    [VCH_ON_ACTIVE_REPLACE_AFTER_CONNECT] = "replace-after-connect",
    [VCH_ON_ACTIVE_REPLACE_NOW] = "replace-now",
};

const char *vch_on_active_word(enum vch_on_active value) {
    return words[value];
}

enum vch_on_active vch_on_active_parse(struct vch_str word) {
    for (enum vch_on_active i = 0; i < VCH_ON_ACTIVE_COUNT; i++)
        if (vch_str_eq_c(word, words[i])) return i;
    return VCH_ON_ACTIVE_DEFAULT;
}

static enum vch_err missing(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, TEMPLATE_MISSING, "templateName", "There is no template %.*s.", VCH_STR_ARG(name));
}

static void fill_settings(struct vch_cursor *row, void *record) {
    *(struct vch_rec_settings *)record = (struct vch_rec_settings){
        .on_active = vch_on_active_parse(vch_cursor_view(row, 0)),
        .rotation = vch_cursor_int(row, 1) != 0,
        .grace_s = vch_cursor_int(row, 2),
        .modified_ms = vch_cursor_int(row, 3),
    };
}

enum vch_err vch_store_settings(struct vch_store *s, struct vch_str template_name, struct vch_rec_settings *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_SETTINGS_GET, VCH_ARGS(VCH_T(template_name)), fill_settings, ret, &found, arena, diag));
    return found ? VCH_OK : missing(template_name, diag);
}

static enum vch_err put(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_settings *settings = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_SETTINGS_PUT,
                        VCH_ARGS(VCH_T(step->name), VCH_T(vch_str_from(words[settings->on_active])), VCH_I(settings->rotation),
                                 VCH_I(settings->grace_s), VCH_I(settings->modified_ms)),
                        &changes, a->diag));
    return changes ? vch_apply_changed(a, VCH_CHANGE_TEMPLATE, step->name) : missing(step->name, a->diag);
}

void vch_plan_settings_put(struct vch_plan *p, struct vch_str template_name, const struct vch_rec_settings *settings) {
    vch_plan_add_record(p, put, settings, sizeof *settings);
    if (p && p->last) p->last->name = template_name;
}
