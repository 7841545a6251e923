/* Tags of resources, and what the gateway last saw of things. */
#include <stdio.h>

#include "core/names.h"
#include "store/groups_priv.h"

/* ---- tags ---- */

static void fill_tag(struct vch_cursor *row, void *record) {
    *(struct vch_rec_tag *)record = (struct vch_rec_tag){vch_cursor_str(row, 0), vch_cursor_str(row, 1)};
}

enum vch_err vch_store_tags(struct vch_store *s, struct vch_str resource, struct vch_list_tag *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_tag, .size = sizeof *ret->items, .limit = VCH_TAGS_MAX};
    VCH_TRY(vch_read_list(s, VCH_Q_TAG_LIST, VCH_ARGS(VCH_T(resource), VCH_I(vch_listing_ask(l.limit))), &l, arena, diag));
    *ret = (struct vch_list_tag){l.items, l.count, l.more};
    return VCH_OK;
}

static enum vch_err put(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_tag *tags = step->record;
    bool found = false;
    int64_t count = 0;
    for (int64_t i = 0; i < step->number; i++)
        VCH_TRY(vch_sql_run(a->db, VCH_Q_TAG_PUT, VCH_ARGS(VCH_T(step->name), VCH_T(tags[i].key), VCH_T(tags[i].value)),
                            NULL, a->diag));
    VCH_TRY(vch_sql_number(a->db, VCH_Q_TAG_COUNT, VCH_ARGS(VCH_T(step->name)), &found, &count, a->diag));
    if (count <= VCH_TAGS_MAX) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_LIMIT, TAGS_FULL, "tags", "A resource has at most %d tags.", VCH_TAGS_MAX);
}

void vch_plan_tags_put(struct vch_plan *p, struct vch_str resource, const struct vch_rec_tag *tags, size_t count) {
    VCH_STEP(p, put, .name = resource, .record = tags, .number = (int64_t)count);
}

static enum vch_err take_off(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_str *keys = step->record;
    for (int64_t i = 0; i < step->number; i++)
        VCH_TRY(vch_sql_run(a->db, VCH_Q_TAG_DELETE, VCH_ARGS(VCH_T(step->name), VCH_T(keys[i])), NULL, a->diag));
    return VCH_OK;
}

void vch_plan_tags_remove(struct vch_plan *p, struct vch_str resource, const struct vch_str *keys, size_t count) {
    VCH_STEP(p, take_off, .name = resource, .record = keys, .number = (int64_t)count);
}

enum vch_err vch_tags_forget(struct vch_apply *a, const char *type, struct vch_str name) {
    char resource[320];
    int len = snprintf(resource, sizeof resource, "%s/%.*s", type, VCH_STR_ARG(name));
    if (len < 0 || (size_t)len >= sizeof resource) return VCH_OK; /* longer than any name */
    return vch_sql_run(a->db, VCH_Q_TAGS_FORGET, VCH_ARGS(VCH_T(vch_str_of(resource, (size_t)len))), NULL, a->diag);
}

/* ---- the resources that can have tags ---- */

static const struct {
    const char *type;
    enum vch_query exists;
} taggable[] = {
    {"policy", VCH_Q_POLICY_EXISTS},
    {"provisioningtemplate", VCH_Q_TEMPLATE_EXISTS},
    {"thinggroup", VCH_Q_GROUP_EXISTS},
    {"thingtype", VCH_Q_THING_TYPE_STATE},
    {"billinggroup", VCH_Q_BILLING_GROUP_EXISTS},
    {"cacert", VCH_Q_AUTHORITY_STATUS},
};

static enum vch_err need_there(struct vch_sql *db, struct vch_str type, struct vch_str name, struct vch_diag *diag) {
    bool there = false;
    for (size_t i = 0; i < sizeof taggable / sizeof *taggable; i++) {
        if (!vch_str_eq_c(type, taggable[i].type)) continue;
        VCH_TRY(vch_sql_exists(db, taggable[i].exists, VCH_ARGS(VCH_T(name)), &there, diag));
    }
    if (there) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, RESOURCE_MISSING, "resourceArn", "There is no %.*s %.*s.", VCH_STR_ARG(type),
                      VCH_STR_ARG(name));
}

enum vch_err vch_store_resource(struct vch_store *s, struct vch_str type, struct vch_str name, struct vch_diag *diag) {
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    return need_there(db, type, name, diag);
}

static enum vch_err need_resource(struct vch_apply *a, const struct vch_step *step) {
    return need_there(a->db, step->other, step->name, a->diag);
}

void vch_plan_need_resource(struct vch_plan *p, struct vch_str type, struct vch_str name) {
    VCH_STEP(p, need_resource, .name = name, .other = type);
}

/* ---- connectivity ---- */

static void fill_connectivity(struct vch_cursor *row, void *record) {
    *(struct vch_rec_connectivity *)record =
        (struct vch_rec_connectivity){.known = true, .connected = vch_cursor_int(row, 0) != 0,
                                      .time_ms = vch_cursor_int(row, 1), .reason = vch_cursor_str(row, 2)};
}

enum vch_err vch_store_connectivity(struct vch_store *s, struct vch_str thing, struct vch_rec_connectivity *ret, VCH_R) {
    bool found = false;
    *ret = (struct vch_rec_connectivity){0};
    return vch_read_one(s, VCH_Q_CONNECTIVITY_GET, VCH_ARGS(VCH_T(thing)), fill_connectivity, ret, &found, arena, diag);
}

static enum vch_err put_connectivity(struct vch_apply *a, const struct vch_step *step) {
    return vch_sql_run(a->db, VCH_Q_CONNECTIVITY_PUT,
                       VCH_ARGS(VCH_T(step->name), VCH_I(step->flag), VCH_I(step->now_ms), VCH_T(step->text),
                                VCH_T(step->other)),
                       NULL, a->diag);
}

void vch_plan_connectivity_put(struct vch_plan *p, struct vch_str thing, const struct vch_rec_connectivity *seen) {
    VCH_STEP(p, put_connectivity, .name = thing, .flag = seen->connected, .now_ms = seen->time_ms, .text = seen->reason,
             .other = seen->server);
}

static enum vch_err reset_connectivity(struct vch_apply *a, const struct vch_step *step) {
    return vch_sql_run(a->db, VCH_Q_CONNECTIVITY_RESET, VCH_ARGS(VCH_I(step->now_ms), VCH_T(step->text), VCH_T(step->name)),
                       NULL, a->diag);
}

void vch_plan_connectivity_reset(struct vch_plan *p, struct vch_str server, int64_t now_ms, struct vch_str reason) {
    VCH_STEP(p, reset_connectivity, .name = server, .now_ms = now_ms, .text = reason);
}
