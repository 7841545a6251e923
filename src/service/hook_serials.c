/* The rows of allow-lists. Our own operations. */
#include "core/names.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/hook.h"
#include "service/page.h"

static struct vch_str name_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "hookName");
}

static enum vch_err load_list(struct vch_call *call) {
    struct vch_rec_hook hook;
    VCH_TRY(vch_store_hook(call->service->store, name_of(call), &hook, call->arena, call->diag));
    if (vch_str_eq_c(hook.kind, "allowlist")) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "hookName", "The hook %.*s is no allow-list.", VCH_STR_ARG(hook.name));
}

static enum vch_err encode(struct vch_call *call, const struct vch_val *overrides, struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str text;
    *ret = VCH_STR("{}");
    if (!overrides || overrides->type != VCH_VAL_MAP) return VCH_OK;
    vch_buf_init(&buf, VCH_HOOK_BODY_MAX);
    vch_json_encode(overrides, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(call->arena, text);
    vch_buf_deinit(&buf);
    if (err != VCH_OK) return VCH_REFUSE(call->diag, err, FIELD_TOO_LONG, "parameterOverrides", "The overrides of a serial are too long.");
    return ret->ptr ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err read_rows(struct vch_call *call, const struct vch_val *list, struct vch_rec_serial *rows) {
    for (size_t i = 0; i < list->count; i++) {
        const struct vch_val *overrides = vch_val_get(&list->items[i], "parameterOverrides");
        if (!vch_hook_overrides_valid(overrides))
            return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PARAMETER_INVALID, "parameterOverrides",
                              "The overrides of a serial are at most %d parameters, none of them AWS's own.", VCH_HOOK_OVERRIDES_MAX);
        rows[i].serial = vch_val_str_at(&list->items[i], "serial");
        VCH_TRY(encode(call, overrides, &rows[i].overrides));
    }
    return VCH_OK;
}

enum vch_err vch_uc_put_hook_serials(struct vch_call *call) {
    const struct vch_val *list = vch_val_get(call->in, "serials");
    struct vch_rec_serial *rows = vch_arena_array(call->arena, list->count, sizeof *rows);
    const char *names[] = {"hookName", "count", "replaceAll", NULL};
    bool replace = vch_val_bool_at(call->in, "replaceAll", false);
    const struct vch_str values[] = {name_of(call), vch_arena_printf(call->arena, "%zu", list->count),
                                     replace ? VCH_STR("true") : VCH_STR("false")};
    struct vch_change change;
    if (!rows || !values[1].ptr) return VCH_ERR_NOMEM;
    VCH_TRY(load_list(call));
    VCH_TRY(read_rows(call, list, rows));
    VCH_TRY(vch_change_begin(call, "hook-serials-put", &change));
    VCH_TRY(vch_change_detail(call, &change, names, values));
    if (replace) vch_plan_hook_serials_clear(change.plan, name_of(call));
    vch_plan_hook_serials_put(change.plan, name_of(call), rows, list->count);
    VCH_TRY(vch_change_apply(call, &change));
    return vch_val_put_int(call->arena, call->out, "count", (int64_t)list->count);
}

static enum vch_err put_row(struct vch_call *call, struct vch_val *map, const struct vch_rec_serial *row) {
    struct vch_val *overrides;
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "serial", row->serial));
    VCH_TRY(vch_json_decode(row->overrides, NULL, call->arena, &overrides, call->diag));
    struct vch_val *slot = overrides->count ? vch_val_put(call->arena, map, "parameterOverrides") : NULL;
    if (slot) *slot = *overrides;
    return slot || !overrides->count ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_uc_list_hook_serials(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListHookSerials", .scope = name_of(call)};
    struct vch_list_serial list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(load_list(call));
    VCH_TRY(vch_store_hook_serials(call->service->store, name_of(call), paging.page, &list, call->arena, call->diag));
    struct vch_val *serials = vch_val_put_list(call->arena, call->out, "serials");
    if (!serials) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list.count; i++) {
        last = list.items[i].serial;
        VCH_TRY(put_row(call, vch_val_push_map(call->arena, serials), &list.items[i]));
    }
    return vch_paging_close(call, &paging, list.more, last);
}

enum vch_err vch_uc_delete_hook_serial(struct vch_call *call) {
    const char *names[] = {"hookName", "serial", NULL};
    const struct vch_str values[] = {name_of(call), vch_val_str_at(call->in, "serial")};
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, "hook-serial-deleted", &change));
    VCH_TRY(vch_change_detail(call, &change, names, values));
    vch_plan_hook_serial_delete(change.plan, values[0], values[1]);
    return vch_change_apply(call, &change);
}
