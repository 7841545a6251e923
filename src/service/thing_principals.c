/* Things and certificates attached to each other, and what kind each
 * attachment is. Source: AWS AttachThingPrincipal, ListThingPrincipalsV2,
 * ListPrincipalThingsV2. */
#include "core/reason.h"
#include "service/change.h"
#include "service/page.h"

#define EXCLUSIVE "EXCLUSIVE_THING"

static struct vch_str kind_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "thingPrincipalType");
}

static enum vch_attachment_kind asked(const struct vch_call *call) {
    if (kind_of(call).len == 0) return VCH_ATTACHMENT_ANY;
    return vch_str_eq_c(kind_of(call), EXCLUSIVE) ? VCH_ATTACHMENT_EXCLUSIVE : VCH_ATTACHMENT_NON_EXCLUSIVE;
}

/* Source: the API's model: an attachment that cannot be is an invalid request. */
static enum vch_err refuse_conflict(struct vch_call *call, struct vch_str thing) {
    if (call->diag) vch_diag_clear(call->diag);
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, THING_ATTACHED, "thingPrincipalType",
                      "The principal cannot be attached to thing %.*s: it has an exclusive thing, or other things when an "
                      "exclusive one is asked for.",
                      VCH_STR_ARG(thing));
}

enum vch_err vch_uc_attach_thing_principal(struct vch_call *call) {
    struct vch_str thing = vch_val_str_at(call->in, "thingName"), id;
    struct vch_change change;
    VCH_TRY(vch_target_certificate(call, "principal", &id));
    VCH_TRY(vch_change_begin(call, "thing-attached", &change));
    change.row.thing_name = thing;
    change.row.certificate_id = id;
    bool exclusive = asked(call) == VCH_ATTACHMENT_EXCLUSIVE;
    if (exclusive) VCH_TRY(vch_change_about(call, &change, "thingPrincipalType", kind_of(call)));
    vch_plan_thing_attach(change.plan, thing, id, exclusive);
    enum vch_err err = vch_change_apply(call, &change);
    return err == VCH_ERR_CONFLICT ? refuse_conflict(call, thing) : err;
}

/* One string of owner and filter, for the page token. */
static struct vch_str scope_of(struct vch_call *call, struct vch_str owner) {
    return vch_arena_printf(call->arena, "%.*s %.*s", VCH_STR_ARG(owner), VCH_STR_ARG(kind_of(call)));
}

static enum vch_err put_item(struct vch_call *call, struct vch_val *item, const struct vch_rec_attachment *a, bool thing) {
    if (!item) return VCH_ERR_NOMEM;
    if (thing) VCH_TRY(vch_val_put_str(call->arena, item, "thingName", a->key));
    else VCH_TRY(vch_put_arn(call, item, "principal", "cert", a->key));
    return vch_val_put_str(call->arena, item, "thingPrincipalType",
                           a->exclusive ? VCH_STR(EXCLUSIVE) : VCH_STR("NON_" EXCLUSIVE));
}

static enum vch_err put_list(struct vch_call *call, const struct vch_paging *paging, const struct vch_list_attachment *list,
                             const char *name, bool things) {
    struct vch_val *items = vch_val_put_list(call->arena, call->out, name);
    for (size_t i = 0; i < list->count; i++)
        VCH_TRY(put_item(call, vch_val_push_map(call->arena, items), &list->items[i], things));
    return vch_paging_close(call, paging, list->more, list->count ? list->items[list->count - 1].key : VCH_STR(""));
}

enum vch_err vch_uc_list_thing_principals_v2(struct vch_call *call) {
    struct vch_str thing = vch_val_str_at(call->in, "thingName");
    struct vch_paging paging = {.list = "ListThingPrincipalsV2", .scope = scope_of(call, thing)};
    struct vch_list_attachment list;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_thing_attachments(call->service->store, thing, asked(call), paging.page, &list, call->arena, call->diag));
    return put_list(call, &paging, &list, "thingPrincipalObjects", false);
}

enum vch_err vch_uc_list_principal_things_v2(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListPrincipalThingsV2"};
    struct vch_list_attachment list;
    struct vch_str id;
    VCH_TRY(vch_target_certificate(call, "principal", &id));
    paging.scope = scope_of(call, id);
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_principal_attachments(call->service->store, id, asked(call), paging.page, &list, call->arena, call->diag));
    return put_list(call, &paging, &list, "principalThingObjects", true);
}
