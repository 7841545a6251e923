/* Limits of people who make claims. Our own operations. */
#include "core/names.h"
#include "core/reason.h"
#include "core/window.h"
#include "service/change.h"
#include "service/page.h"
#include "store/provisioning.h"

enum { LIST_TEXT_MAX = 8192 };

static enum vch_iam_kind kind_of(const struct vch_call *call) {
    struct vch_str word = vch_val_str_at(call->in, "ownerKind");
    if (vch_str_eq_c(word, "group")) return VCH_IAM_GROUP;
    return vch_str_eq_c(word, "role") ? VCH_IAM_ROLE : VCH_IAM_USER;
}

static struct vch_str owner_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "ownerName");
}

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_change *change) {
    const char *names[] = {"ownerKind", "ownerName", NULL};
    struct vch_str values[] = {vch_val_str_at(call->in, "ownerKind"), owner_of(call)};
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_detail(call, change, names, values);
}

/* A list of strings as one text, as the registry keeps it. */
static enum vch_err joined(struct vch_call *call, const char *name, char separator, struct vch_str *ret) {
    const struct vch_val *list = vch_val_get(call->in, name);
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, LIST_TEXT_MAX);
    for (size_t i = 0; list && i < list->count; i++) {
        if (i) vch_buf_u8(&buf, (uint8_t)separator);
        vch_buf_str(&buf, list->items[i].str);
    }
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(call->arena, text);
    vch_buf_deinit(&buf);
    if (err != VCH_OK) return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_TOO_LONG, name, "The list %s is too long.", name);
    return ret->ptr ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err check_windows(struct vch_call *call) {
    const struct vch_val *list = vch_val_get(call->in, "windows");
    struct vch_window window;
    for (size_t i = 0; list && i < list->count; i++)
        if (vch_window_parse(list->items[i].str, &window, call->diag) != VCH_OK) return VCH_ERR_INVALID;
    return VCH_OK;
}

enum vch_err vch_uc_put_claim_limits(struct vch_call *call) {
    struct vch_rec_limits limits = {.kind = kind_of(call),
                                    .owner = owner_of(call),
                                    .per_hour = vch_val_int_at(call->in, "claimsPerHour", 0),
                                    .per_day = vch_val_int_at(call->in, "claimsPerDay", 0),
                                    .approval_above = vch_val_int_at(call->in, "approvalAbove", -1),
                                    .modified_ms = call->now_ms};
    struct vch_change change;
    VCH_TRY(check_windows(call));
    VCH_TRY(joined(call, "templates", ' ', &limits.templates));
    VCH_TRY(joined(call, "windows", ';', &limits.windows));
    VCH_TRY(begin(call, "claim-limits-put", &change));
    vch_plan_limits_put(change.plan, &limits);
    return vch_change_apply(call, &change);
}

static enum vch_err put_list(struct vch_call *call, struct vch_val *map, const char *name, struct vch_str text, char separator) {
    struct vch_val *list = vch_val_put_list(call->arena, map, name);
    struct vch_str part;
    if (!list) return VCH_ERR_NOMEM;
    while (text.len && vch_str_split(&text, separator, &part)) VCH_TRY(vch_val_push_str(call->arena, list, part));
    return VCH_OK;
}

static enum vch_err put_limits(struct vch_call *call, struct vch_val *map, const struct vch_rec_limits *l) {
    struct vch_arena *arena = call->arena;
    VCH_TRY(vch_val_put_str(arena, map, "ownerKind", vch_str_from(vch_iam_kind_word(l->kind))));
    VCH_TRY(vch_val_put_str(arena, map, "ownerName", l->owner));
    if (l->per_hour) VCH_TRY(vch_val_put_int(arena, map, "claimsPerHour", l->per_hour));
    if (l->per_day) VCH_TRY(vch_val_put_int(arena, map, "claimsPerDay", l->per_day));
    if (l->approval_above >= 0) VCH_TRY(vch_val_put_int(arena, map, "approvalAbove", l->approval_above));
    VCH_TRY(put_list(call, map, "templates", l->templates, ' '));
    VCH_TRY(put_list(call, map, "windows", l->windows, ';'));
    return vch_val_put_time(arena, map, "lastModifiedDate", l->modified_ms);
}

enum vch_err vch_uc_get_claim_limits(struct vch_call *call) {
    struct vch_rec_limits limits;
    VCH_TRY(vch_store_limits(call->service->store, kind_of(call), owner_of(call), &limits, call->arena, call->diag));
    return put_limits(call, call->out, &limits);
}

enum vch_err vch_uc_delete_claim_limits(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(begin(call, "claim-limits-deleted", &change));
    vch_plan_limits_delete(change.plan, kind_of(call), owner_of(call));
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_list_claim_limits(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListClaimLimits"};
    struct vch_list_limits list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_limits_list(call->service->store, paging.page, &list, call->arena, call->diag));
    struct vch_val *all = vch_val_put_list(call->arena, call->out, "limits");
    for (size_t i = 0; i < list.count; i++) {
        struct vch_val *item = vch_val_push_map(call->arena, all);
        if (!item) return VCH_ERR_NOMEM;
        VCH_TRY(put_limits(call, item, &list.items[i]));
        last = vch_arena_printf(call->arena, "%s/%.*s", vch_iam_kind_word(list.items[i].kind), VCH_STR_ARG(list.items[i].owner));
        if (!last.ptr) return VCH_ERR_NOMEM;
    }
    return vch_paging_close(call, &paging, list.more, last);
}
