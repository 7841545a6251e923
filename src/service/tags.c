/* Tags. Source: AWS TagResource and its siblings. */
#include "service/tags.h"

#include "core/reason.h"
#include "service/change.h"
#include "store/groups.h"

/* ---- reading the request ---- */

/* Conditions of IAM fold the case of keys, so two keys that differ in nothing
 * else could hide one another. */
static enum vch_err check_twice(struct vch_call *call, const struct vch_rec_tag *tags, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count; k++)
            if (vch_str_ieq(tags[i].key, tags[k].key))
                return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "tags", "The tag key %.*s is given twice.",
                                  VCH_STR_ARG(tags[i].key));
    return VCH_OK;
}

static enum vch_err read_tags(struct vch_call *call, struct vch_rec_tag **ret, size_t *ret_count) {
    const struct vch_val *list = vch_val_get(call->in, "tags");
    *ret_count = list ? list->count : 0;
    *ret = vch_arena_array(call->arena, *ret_count + 1, sizeof **ret);
    if (!*ret) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < *ret_count; i++)
        (*ret)[i] = (struct vch_rec_tag){vch_val_str_at(&list->items[i], "Key"), vch_val_str_at(&list->items[i], "Value")};
    return check_twice(call, *ret, *ret_count);
}

enum vch_err vch_tags_at_creation(struct vch_call *call, struct vch_plan *plan, const char *type, struct vch_str name) {
    struct vch_rec_tag *tags;
    size_t count;
    VCH_TRY(read_tags(call, &tags, &count));
    if (count == 0) return VCH_OK;
    struct vch_str resource = vch_arena_printf(call->arena, "%s/%.*s", type, VCH_STR_ARG(name));
    if (!resource.ptr) return VCH_ERR_NOMEM;
    vch_plan_tags_put(plan, resource, tags, count);
    return VCH_OK;
}

/* What an ARN names: "policy" and "NAME". */
struct resource {
    struct vch_str whole, type, name;
};

static enum vch_err read_resource(struct vch_call *call, struct resource *ret) {
    static const char *const types[] = {"policy", "provisioningtemplate", "thinggroup", "thingtype", "billinggroup", "cacert"};
    struct vch_str arn = vch_val_str_at(call->in, "resourceArn");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!vch_arn_name(&call->service->site, types[i], arn, &ret->name)) continue;
        ret->type = vch_str_from(types[i]);
        ret->whole = vch_str_of(ret->name.ptr - ret->type.len - 1, ret->type.len + 1 + ret->name.len);
        return VCH_OK;
    }
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, TARGET_INVALID, "resourceArn",
                      "The value of resourceArn is not the ARN of a resource of this account and region that can have tags.");
}

static enum vch_err begin(struct vch_call *call, const char *event, struct resource *resource, struct vch_change *change) {
    VCH_TRY(read_resource(call, resource));
    VCH_TRY(vch_change_begin(call, event, change));
    VCH_TRY(vch_change_about(call, change, "resource", resource->whole));
    vch_plan_need_resource(change->plan, resource->type, resource->name);
    return VCH_OK;
}

/* ---- the operations ---- */

enum vch_err vch_uc_tag_resource(struct vch_call *call) {
    struct resource resource;
    struct vch_change change;
    struct vch_rec_tag *tags;
    size_t count;
    VCH_TRY(read_tags(call, &tags, &count));
    VCH_TRY(begin(call, "resource-tagged", &resource, &change));
    vch_plan_tags_put(change.plan, resource.whole, tags, count);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_untag_resource(struct vch_call *call) {
    struct resource resource;
    struct vch_change change;
    const struct vch_val *list = vch_val_get(call->in, "tagKeys");
    VCH_TRY(begin(call, "resource-untagged", &resource, &change));
    struct vch_str *keys = vch_arena_array(call->arena, list->count, sizeof *keys);
    if (!keys) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list->count; i++) keys[i] = list->items[i].str;
    vch_plan_tags_remove(change.plan, resource.whole, keys, list->count);
    return vch_change_apply(call, &change);
}

/* All tags fit into one answer, so no token is ever given, and none is good. */
enum vch_err vch_uc_list_tags_for_resource(struct vch_call *call) {
    struct resource resource;
    struct vch_list_tag tags;
    VCH_TRY(read_resource(call, &resource));
    if (vch_val_str_at(call->in, "nextToken").len)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PAGE_TOKEN_INVALID, "nextToken",
                          "The value of nextToken is not one that this list gave.");
    VCH_TRY(vch_store_tags(call->service->store, resource.whole, &tags, call->arena, call->diag));
    if (tags.count == 0) VCH_TRY(vch_store_resource(call->service->store, resource.type, resource.name, call->diag));
    struct vch_val *list = vch_val_put_list(call->arena, call->out, "tags");
    for (size_t i = 0; i < tags.count; i++) {
        struct vch_val *item = vch_val_push_map(call->arena, list);
        if (!item) return VCH_ERR_NOMEM;
        VCH_TRY(vch_val_put_str(call->arena, item, "Key", tags.items[i].key));
        VCH_TRY(vch_val_put_str(call->arena, item, "Value", tags.items[i].value));
    }
    return list ? VCH_OK : VCH_ERR_NOMEM;
}
