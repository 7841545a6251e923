/* Things and what they are attached to. Source: AWS ListThings and its siblings. */
#include "core/reason.h"
#include "service/change.h"
#include "service/page.h"
#include "service/thing_rules.h"
#include "store/groups.h"

enum { SCAN_PAGE = 100, SCAN_PAGES_MAX = 50 };
/* Of one stored page that is being looked at, and of attributes in one answer. */
enum { SCRATCH_MAX = 64 << 20, ANSWER_BYTES = 4 << 20 };

static struct vch_str name_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "thingName");
}

static enum vch_err put_thing(struct vch_call *call, struct vch_val *map, const struct vch_rec_thing *thing,
                              const struct vch_val *attributes) {
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "thingName", thing->name));
    if (thing->type_name.len) VCH_TRY(vch_val_put_str(call->arena, map, "thingTypeName", thing->type_name));
    VCH_TRY(vch_put_arn(call, map, "thingArn", "thing", thing->name));
    struct vch_val *slot = vch_val_put(call->arena, map, "attributes");
    if (!slot) return VCH_ERR_NOMEM;
    *slot = *attributes;
    return vch_val_put_int(call->arena, map, "version", thing->version);
}

/* ---- listing with filters ---- */

static bool value_fits(const struct vch_call *call, struct vch_str have) {
    struct vch_str want = vch_val_str_at(call->in, "attributeValue");
    if (vch_val_bool_at(call->in, "usePrefixAttributeValue", false)) return vch_str_starts(have, want);
    return vch_str_eq(have, want);
}

static bool thing_fits(const struct vch_call *call, const struct vch_rec_thing *thing, const struct vch_val *attributes) {
    struct vch_str type = vch_val_str_at(call->in, "thingTypeName"), name = vch_val_str_at(call->in, "attributeName");
    if (type.len && !vch_str_eq(type, thing->type_name)) return false;
    if (name.len == 0) return true;
    const struct vch_val *value = vch_val_get_str(attributes, name);
    return vch_val_is(value, VCH_VAL_STR) && value_fits(call, value->str);
}

static bool filtered(const struct vch_call *call) {
    return vch_val_get(call->in, "thingTypeName") || vch_val_get(call->in, "attributeName");
}

static enum vch_err filters_check(struct vch_call *call) {
    bool name = vch_val_str_at(call->in, "attributeName").len > 0, value = vch_val_get(call->in, "attributeValue") != NULL;
    if (name == value) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_MISSING, name ? "attributeValue" : "attributeName",
                      "attributeName and attributeValue go together.");
}

/* One string of all filters, for the page token. */
static struct vch_str filters_of(struct vch_call *call) {
    struct vch_str name = vch_val_str_at(call->in, "attributeName"), value = vch_val_str_at(call->in, "attributeValue");
    return vch_arena_printf(call->arena, "%zu:%.*s%zu:%.*s%d:%.*s", name.len, VCH_STR_ARG(name), value.len, VCH_STR_ARG(value),
                            vch_val_bool_at(call->in, "usePrefixAttributeValue", false) ? 1 : 0,
                            VCH_STR_ARG(vch_val_str_at(call->in, "thingTypeName")));
}

struct listing {
    struct vch_call *call;
    struct vch_paging paging;
    struct vch_arena *scratch; /* of the stored page that is being looked at */
    struct vch_val *things;
    size_t bytes;        /* of attributes in `things` */
    struct vch_str last; /* the thing looked at last */
    bool all;            /* nothing of the stored page is left */
};

static bool enough(const struct listing *l) {
    return l->things->count >= l->paging.page.limit || l->bytes >= ANSWER_BYTES;
}

static enum vch_err fits(const struct listing *l, const struct vch_rec_thing *thing, bool *ret) {
    struct vch_val *attributes = NULL;
    *ret = true;
    if (!filtered(l->call)) return VCH_OK;
    if (thing->attributes.len) VCH_TRY(vch_json_decode(thing->attributes, NULL, l->scratch, &attributes, l->call->diag));
    *ret = thing_fits(l->call, thing, attributes);
    return VCH_OK;
}

/* Out of the scratch memory, into the answer's. */
static enum vch_err keep(struct listing *l, const struct vch_rec_thing *thing) {
    struct vch_arena *arena = l->call->arena;
    struct vch_rec_thing copy = *thing;
    struct vch_val *attributes;
    copy.name = vch_arena_str(arena, thing->name);
    copy.type_name = vch_arena_str(arena, thing->type_name);
    copy.attributes = vch_arena_str(arena, thing->attributes);
    if (!copy.name.ptr || !copy.type_name.ptr || !copy.attributes.ptr) return VCH_ERR_NOMEM;
    l->bytes += copy.attributes.len;
    VCH_TRY(vch_thing_attributes_decode(l->call, &copy, &attributes));
    return put_thing(l->call, vch_val_push_map(arena, l->things), &copy, attributes);
}

static enum vch_err take_fitting(struct listing *l, const struct vch_list_thing *list) {
    for (size_t i = 0; i < list->count; i++) {
        bool found = false;
        l->all = !enough(l);
        if (!l->all) return VCH_OK;
        VCH_TRY(fits(l, &list->items[i], &found));
        if (found) VCH_TRY(keep(l, &list->items[i]));
        l->last = vch_arena_str(l->call->arena, list->items[i].name);
        if (!l->last.ptr) return VCH_ERR_NOMEM;
    }
    return VCH_OK;
}

static enum vch_err scan_page(struct listing *l, struct vch_page page, struct vch_list_thing *ret) {
    const struct vch_call *call = l->call;
    struct vch_things_way way = {VCH_THINGS_BY_TYPE, vch_val_str_at(call->in, "thingTypeName"), {NULL, 0}};
    struct vch_str attribute = vch_val_str_at(call->in, "attributeName"), value = vch_val_str_at(call->in, "attributeValue");
    if (attribute.len && value.len && !vch_val_bool_at(call->in, "usePrefixAttributeValue", false))
        way = (struct vch_things_way){VCH_THINGS_BY_ATTRIBUTE, value, attribute};
    if (way.key.len == 0) return vch_store_things(call->service->store, page, ret, l->scratch, call->diag);
    return vch_store_things_by(call->service->store, &way, page, ret, l->scratch, call->diag);
}

static enum vch_err list_things(struct listing *l) {
    struct vch_list_thing list = {.more = true};
    struct vch_page scan = {.after = l->paging.page.after, .limit = SCAN_PAGE};
    for (int pages = 0; pages < SCAN_PAGES_MAX && l->all && list.more && !enough(l); pages++) {
        vch_arena_reset(l->scratch);
        size_t wanted = l->paging.page.limit - l->things->count;
        if (!filtered(l->call) && wanted < SCAN_PAGE) scan.limit = wanted;
        VCH_TRY(scan_page(l, scan, &list));
        VCH_TRY(take_fitting(l, &list));
        scan.after = l->last;
    }
    return vch_paging_close(l->call, &l->paging, list.more || !l->all, l->last);
}

/* A page may be short, or empty, with a token: filters look at a bounded number
 * of things, and large attributes end a page early. */
enum vch_err vch_uc_list_things(struct vch_call *call) {
    struct listing l = {.call = call, .paging = {.list = "ListThings", .scope = filters_of(call)}, .all = true};
    VCH_TRY(filters_check(call));
    VCH_TRY(vch_paging_open(call, &l.paging));
    l.things = vch_val_put_list(call->arena, call->out, "things");
    l.scratch = vch_arena_new(SCRATCH_MAX, false);
    enum vch_err err = l.things && l.scratch ? list_things(&l) : VCH_ERR_NOMEM;
    vch_arena_free(l.scratch);
    return err;
}

enum vch_err vch_uc_describe_thing(struct vch_call *call) {
    struct vch_rec_thing thing;
    struct vch_val *attributes;
    VCH_TRY(vch_store_thing(call->service->store, name_of(call), &thing, call->arena, call->diag));
    VCH_TRY(vch_thing_attributes_decode(call, &thing, &attributes));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "defaultClientId", thing.name));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "thingId", thing.id));
    VCH_TRY(put_thing(call, call->out, &thing, attributes));
    return thing.billing_group.len ? vch_val_put_str(call->arena, call->out, "billingGroupName", thing.billing_group) : VCH_OK;
}

/* ---- deletion ---- */

static enum vch_err delete_check(struct vch_call *call, const struct vch_rec_thing *thing) {
    struct vch_page one = {.limit = 1};
    struct vch_list_str list;
    VCH_TRY(vch_thing_version_check(call, thing));
    VCH_TRY(vch_store_thing_principals(call->service->store, thing->name, one, &list, call->arena, call->diag));
    if (list.count == 0) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_CONFLICT, THING_ATTACHED, "thingName",
                      "Cannot delete. Thing %.*s is still attached to one or more principals", VCH_STR_ARG(thing->name));
}

/* Source: AWS DeleteThing: an absent thing is no error. */
enum vch_err vch_uc_delete_thing(struct vch_call *call) {
    struct vch_rec_thing thing;
    struct vch_change change;
    enum vch_err err = vch_store_thing(call->service->store, name_of(call), &thing, call->arena, call->diag);
    if (err == VCH_ERR_NOT_FOUND) {
        if (call->diag) vch_diag_clear(call->diag);
        return VCH_OK;
    }
    if (err != VCH_OK) return err;
    VCH_TRY(delete_check(call, &thing));
    VCH_TRY(vch_change_begin(call, "thing-deleted", &change));
    change.row.thing_name = thing.name;
    if (vch_val_get(call->in, "expectedVersion")) vch_plan_need_thing_version(change.plan, thing.name, thing.version);
    vch_plan_thing_delete(change.plan, thing.name);
    return vch_change_apply(call, &change);
}

/* ---- principals ---- */

enum vch_err vch_uc_list_thing_principals(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListThingPrincipals", .scope = name_of(call)};
    struct vch_list_str list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_thing_principals(call->service->store, name_of(call), paging.page, &list, call->arena, call->diag));
    struct vch_val *principals = vch_val_put_list(call->arena, call->out, "principals");
    for (size_t i = 0; i < list.count; i++) {
        struct vch_str arn = vch_arn(&call->service->site, "cert", list.items[i], call->arena);
        last = list.items[i];
        VCH_TRY(arn.ptr ? vch_val_push_str(call->arena, principals, arn) : VCH_ERR_NOMEM);
    }
    return vch_paging_close(call, &paging, list.more, last);
}

enum vch_err vch_uc_list_principal_things(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListPrincipalThings"};
    struct vch_list_str list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_target_existing(call, "principal", &paging.scope));
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_principal_things(call->service->store, paging.scope, paging.page, &list, call->arena, call->diag));
    struct vch_val *things = vch_val_put_list(call->arena, call->out, "things");
    for (size_t i = 0; i < list.count; i++) {
        last = list.items[i];
        VCH_TRY(vch_val_push_str(call->arena, things, last));
    }
    return vch_paging_close(call, &paging, list.more, last);
}

enum vch_err vch_uc_detach_thing_principal(struct vch_call *call) {
    struct vch_rec_thing thing;
    struct vch_change change;
    struct vch_str id;
    VCH_TRY(vch_target_existing(call, "principal", &id));
    VCH_TRY(vch_store_thing(call->service->store, name_of(call), &thing, call->arena, call->diag));
    VCH_TRY(vch_change_begin(call, "thing-detached", &change));
    change.row.thing_name = thing.name;
    change.row.certificate_id = id;
    vch_plan_thing_detach(change.plan, thing.name, id);
    return vch_change_apply(call, &change);
}
