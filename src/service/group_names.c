#include "service/group_names.h"

#include "base/digest.h"
#include "core/names.h"
#include "core/reason.h"
#include "service/change.h"

enum vch_err vch_named_input(struct vch_call *call, const struct vch_named_input *input, struct vch_str *ret) {
    struct vch_str name = vch_val_str_at(call->in, input->name), arn = vch_val_str_at(call->in, input->arn), of_arn;
    if (name.len == 0 && arn.len == 0)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_MISSING, input->name, "Both %s and %s cannot be null", input->name,
                          input->arn);
    *ret = name;
    if (arn.len == 0) return VCH_OK;
    if (!vch_arn_name(&call->service->site, input->type, arn, &of_arn) || !vch_thing_name_valid(of_arn))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, TARGET_INVALID, input->arn,
                          "The value of %s is not the ARN of a %s of this account and region.", input->arn, input->type);
    if (name.len && !vch_str_eq(name, of_arn))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, input->arn, "%s and %s do not agree.", input->name,
                          input->arn);
    *ret = of_arn;
    return VCH_OK;
}

enum vch_err vch_push_named(struct vch_call *call, struct vch_val *list, const char *type, struct vch_str name) {
    struct vch_val *item = vch_val_push_map(call->arena, list);
    if (!item) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, item, "groupName", name));
    return vch_put_arn(call, item, "groupArn", type, name);
}

enum vch_err vch_put_named_page(struct vch_call *call, const struct vch_paging *paging, const char *name, const char *type,
                                const struct vch_list_str *list) {
    struct vch_val *items = vch_val_put_list(call->arena, call->out, name);
    if (!items) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list->count; i++) VCH_TRY(vch_push_named(call, items, type, list->items[i]));
    return vch_paging_close(call, paging, list->more, list->count ? list->items[list->count - 1] : VCH_STR(""));
}

enum vch_err vch_put_name_page(struct vch_call *call, const struct vch_paging *paging, const char *name,
                               const struct vch_list_str *list) {
    struct vch_val *items = vch_val_put_list(call->arena, call->out, name);
    if (!items) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list->count; i++) VCH_TRY(vch_val_push_str(call->arena, items, list->items[i]));
    return vch_paging_close(call, paging, list->more, list->count ? list->items[list->count - 1] : VCH_STR(""));
}

enum vch_err vch_new_uuid(struct vch_call *call, struct vch_str *ret) {
    char uuid[37];
    vch_uuid(uuid);
    *ret = vch_arena_str(call->arena, vch_str_from(uuid));
    return ret->ptr ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_put_created(struct vch_call *call, const char *prefix, const char *type, struct vch_str name,
                             struct vch_str id) {
    struct vch_str names[3];
    const char *const ends[] = {"Name", "Arn", "Id"};
    for (size_t i = 0; i < 3; i++) {
        names[i] = vch_arena_printf(call->arena, "%s%s", prefix, ends[i]);
        if (!names[i].ptr) return VCH_ERR_NOMEM;
    }
    VCH_TRY(vch_val_put_str(call->arena, call->out, names[0].ptr, name));
    VCH_TRY(vch_put_arn(call, call->out, names[1].ptr, type, name));
    return vch_val_put_str(call->arena, call->out, names[2].ptr, id);
}
