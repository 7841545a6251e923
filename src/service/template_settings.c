/* What a template does beyond AWS: taking over, rotation. And what stands alone
 * in the registry. Our own operations. */
#include "service/change.h"
#include "service/page.h"
#include "store/provisioning.h"

static struct vch_str name_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "templateName");
}

static enum vch_err put_settings(struct vch_call *call, const struct vch_rec_settings *s) {
    struct vch_arena *arena = call->arena;
    VCH_TRY(vch_val_put_str(arena, call->out, "templateName", name_of(call)));
    VCH_TRY(vch_val_put_str(arena, call->out, "onActive", vch_str_from(vch_on_active_word(s->on_active))));
    VCH_TRY(vch_val_put_bool(arena, call->out, "rotation", s->rotation));
    return vch_val_put_int(arena, call->out, "rotationGraceSeconds", s->grace_s);
}

enum vch_err vch_uc_get_template_settings(struct vch_call *call) {
    struct vch_rec_settings settings;
    VCH_TRY(vch_store_settings(call->service->store, name_of(call), &settings, call->arena, call->diag));
    return put_settings(call, &settings);
}

/* What is not given stays. */
enum vch_err vch_uc_put_template_settings(struct vch_call *call) {
    const char *names[] = {"onActive", "rotation", NULL};
    struct vch_str on_active = vch_val_str_at(call->in, "onActive");
    struct vch_rec_settings settings;
    struct vch_change change;
    VCH_TRY(vch_store_settings(call->service->store, name_of(call), &settings, call->arena, call->diag));
    if (on_active.len) settings.on_active = vch_on_active_parse(on_active);
    settings.rotation = vch_val_bool_at(call->in, "rotation", settings.rotation);
    settings.grace_s = vch_val_int_at(call->in, "rotationGraceSeconds", settings.grace_s);
    settings.modified_ms = call->now_ms;
    VCH_TRY(vch_change_begin(call, "template-settings-put", &change));
    change.row.template_name = name_of(call);
    struct vch_str values[] = {vch_str_from(vch_on_active_word(settings.on_active)), settings.rotation ? VCH_STR("true") : VCH_STR("false")};
    VCH_TRY(vch_change_detail(call, &change, names, values));
    vch_plan_settings_put(change.plan, name_of(call), &settings);
    VCH_TRY(vch_change_apply(call, &change));
    return put_settings(call, &settings);
}

enum vch_err vch_uc_list_orphans(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListOrphans"};
    struct vch_list_orphan list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_orphans(call->service->store, paging.page, &list, call->arena, call->diag));
    struct vch_val *orphans = vch_val_put_list(call->arena, call->out, "orphans");
    for (size_t i = 0; i < list.count; i++) {
        const struct vch_rec_orphan *o = &list.items[i];
        struct vch_val *item = vch_val_push_map(call->arena, orphans);
        if (!item) return VCH_ERR_NOMEM;
        VCH_TRY(vch_val_put_str(call->arena, item, "kind", o->kind));
        VCH_TRY(vch_val_put_str(call->arena, item, "id", o->id));
        if (o->status.len) VCH_TRY(vch_val_put_str(call->arena, item, "status", o->status));
        if (o->claim_id.len) VCH_TRY(vch_val_put_str(call->arena, item, "claimId", o->claim_id));
        VCH_TRY(vch_val_put_time(call->arena, item, "creationDate", o->created_ms));
        last = vch_arena_printf(call->arena, "%.*s/%.*s", VCH_STR_ARG(o->kind), VCH_STR_ARG(o->id));
        if (!last.ptr) return VCH_ERR_NOMEM;
    }
    return vch_paging_close(call, &paging, list.more, last);
}
