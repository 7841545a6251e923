/* Access keys of users. Our own operations; forms as AWS IAM's. */
#include "base/codec.h"
#include "base/digest.h"
#include "base/log.h"
#include "core/reason.h"
#include "service/access_key.h"
#include "service/change.h"
#include "service/seal.h"
#include "store/iam.h"

enum { KEY_RANDOM = 16, SECRET_BYTES = 30, SECRET_MAX = 64, USED_ARENA_MAX = 65536 };
_Static_assert((int)VCH_KEY_USE_REMEMBERED_MS == (int)VCH_KEY_USE_MS, "what is due is what the store remembers");

enum vch_err vch_access_key_secret_new(struct vch_arena *arena, struct vch_str *ret) {
    uint8_t bytes[SECRET_BYTES];
    struct vch_buf buf;
    struct vch_str text;
    vch_random(bytes, sizeof bytes);
    vch_buf_init_secret(&buf, SECRET_MAX);
    vch_base64(vch_str_of(bytes, sizeof bytes), &buf);
    vch_wipe(bytes, sizeof bytes);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    if (err != VCH_OK) return err;
    return ret->ptr ? VCH_OK : VCH_ERR_NOMEM;
}

struct vch_str vch_access_key_id_new(const char *kind, struct vch_arena *arena) {
    uint8_t bytes[KEY_RANDOM];
    char text[KEY_RANDOM + 1];
    vch_random(bytes, sizeof bytes);
    for (size_t i = 0; i < KEY_RANDOM; i++) text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[bytes[i] & 31];
    text[KEY_RANDOM] = '\0';
    return vch_arena_printf(arena, "%s%s", kind, text);
}

enum vch_err vch_access_key_new(const struct vch_service *service, struct vch_arena *arena, struct vch_access_key *ret) {
    ret->id = vch_access_key_id_new("AKIA", arena);
    if (!ret->id.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_access_key_secret_new(arena, &ret->secret));
    return vch_seal(service->seal_key, ret->id, ret->secret, arena, &ret->sealed);
}

enum vch_err vch_access_key_refuse(struct vch_diag *diag) {
    if (diag) vch_diag_clear(diag);
    return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, ACCESS_KEY_UNKNOWN, "",
                      "The security token included in the request is invalid.");
}

enum vch_err vch_access_key_load(struct vch_service *service, struct vch_str id, struct vch_arena *arena,
                                 struct vch_rec_access_key *ret, struct vch_str *ret_secret, struct vch_diag *diag) {
    enum vch_err err = vch_store_access_key(service->store, id, ret, arena, diag);
    if (err == VCH_ERR_NOT_FOUND || (err == VCH_OK && !vch_str_eq_c(ret->status, "Active"))) return vch_access_key_refuse(diag);
    if (err != VCH_OK) return err;
    if (vch_unseal(service->seal_key, id, ret->sealed_secret, arena, ret_secret) == VCH_OK) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_INTERNAL, INTERNAL, "", "The secret of access key %.*s cannot be unsealed.", VCH_STR_ARG(id));
}

enum vch_err vch_access_key_find(struct vch_service *service, struct vch_str id, struct vch_arena *arena,
                                 struct vch_str *ret_user, struct vch_str *ret_secret, struct vch_diag *diag) {
    struct vch_rec_access_key key;
    VCH_TRY(vch_access_key_load(service, id, arena, &key, ret_secret, diag));
    *ret_user = key.user_name;
    return VCH_OK;
}

void vch_access_key_used(struct vch_service *service, struct vch_str id, int64_t now_ms) {
    struct vch_arena *arena = vch_arena_new(USED_ARENA_MAX, false);
    struct vch_plan *plan = arena ? vch_plan_new(arena) : NULL;
    if (plan) {
        vch_plan_access_key_used(plan, id, now_ms);
        if (vch_store_apply(service->store, plan, NULL) != VCH_OK)
            VCH_LOG(DEBUG, "key-use-not-remembered", VCH_LOG_S("key", id));
    }
    vch_arena_free(arena);
}

/* ---- use cases ---- */

static struct vch_str user_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "userName");
}

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_str key_id, struct vch_change *change) {
    const char *names[] = {"userName", "accessKeyId", NULL};
    struct vch_str values[] = {user_of(call), key_id};
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_detail(call, change, names, values);
}

static enum vch_err put_key(struct vch_call *call, struct vch_val *map, const struct vch_rec_access_key *key) {
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "userName", key->user_name));
    VCH_TRY(vch_val_put_str(call->arena, map, "accessKeyId", key->id));
    VCH_TRY(vch_val_put_str(call->arena, map, "status", key->status));
    if (key->last_used_ms) VCH_TRY(vch_val_put_time(call->arena, map, "lastUsedDate", key->last_used_ms));
    return vch_val_put_time(call->arena, map, "creationDate", key->created_ms);
}

enum vch_err vch_uc_create_access_key(struct vch_call *call) {
    struct vch_access_key fresh;
    struct vch_rec_user user;
    struct vch_change change;
    VCH_TRY(vch_store_user(call->service->store, user_of(call), &user, call->arena, call->diag));
    VCH_TRY(vch_access_key_new(call->service, call->arena, &fresh));
    struct vch_rec_access_key key = {.id = fresh.id,
                                     .user_name = user.name,
                                     .sealed_secret = fresh.sealed,
                                     .status = VCH_STR("Active"),
                                     .created_ms = call->now_ms};
    VCH_TRY(begin(call, "access-key-created", key.id, &change));
    vch_plan_access_key_insert(change.plan, &key);
    VCH_TRY(vch_change_apply(call, &change));
    VCH_TRY(put_key(call, call->out, &key));
    return vch_val_put_str(call->arena, call->out, "secretAccessKey", fresh.secret);
}

enum vch_err vch_uc_list_access_keys(struct vch_call *call) {
    struct vch_rec_user user;
    struct vch_list_access_key list;
    VCH_TRY(vch_store_user(call->service->store, user_of(call), &user, call->arena, call->diag));
    VCH_TRY(vch_store_access_keys(call->service->store, user.name, &list, call->arena, call->diag));
    struct vch_val *keys = vch_val_put_list(call->arena, call->out, "accessKeys");
    if (!keys) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list.count; i++)
        VCH_TRY(put_key(call, vch_val_push_map(call->arena, keys), &list.items[i]));
    return VCH_OK;
}

/* Of that user, or nothing is said of it. */
static enum vch_err key_of_user(struct vch_call *call, struct vch_rec_access_key *ret) {
    struct vch_str id = vch_val_str_at(call->in, "accessKeyId");
    enum vch_err err = vch_store_access_key(call->service->store, id, ret, call->arena, call->diag);
    if (err != VCH_OK && err != VCH_ERR_NOT_FOUND) return err;
    if (err == VCH_OK && vch_str_eq(ret->user_name, user_of(call))) return VCH_OK;
    if (call->diag) vch_diag_clear(call->diag);
    return VCH_REFUSE(call->diag, VCH_ERR_NOT_FOUND, RESOURCE_MISSING, "accessKeyId", "The user has no such access key.");
}

/* Without a working key the administrator could not come back. */
static enum vch_err admin_keeps_one(struct vch_call *call, struct vch_str leaving) {
    struct vch_list_access_key list;
    if (!vch_str_eq_c(user_of(call), "admin")) return VCH_OK;
    VCH_TRY(vch_store_access_keys(call->service->store, user_of(call), &list, call->arena, call->diag));
    for (size_t i = 0; i < list.count; i++)
        if (vch_str_eq_c(list.items[i].status, "Active") && !vch_str_eq(list.items[i].id, leaving)) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_CONFLICT, DELETE_CONFLICT, "accessKeyId",
                      "This is the only active access key of the user admin.");
}

enum vch_err vch_uc_update_access_key(struct vch_call *call) {
    struct vch_str status = vch_val_str_at(call->in, "status");
    struct vch_rec_access_key key;
    struct vch_change change;
    VCH_TRY(key_of_user(call, &key));
    if (!vch_str_eq_c(status, "Active")) VCH_TRY(admin_keeps_one(call, key.id));
    VCH_TRY(begin(call, vch_str_eq_c(status, "Active") ? "access-key-enabled" : "access-key-disabled", key.id, &change));
    vch_plan_access_key_status(change.plan, key.id, status);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_delete_access_key(struct vch_call *call) {
    struct vch_rec_access_key key;
    struct vch_change change;
    VCH_TRY(key_of_user(call, &key));
    if (vch_str_eq_c(key.status, "Active")) VCH_TRY(admin_keeps_one(call, key.id));
    VCH_TRY(begin(call, "access-key-deleted", key.id, &change));
    vch_plan_access_key_delete(change.plan, key.id);
    return vch_change_apply(call, &change);
}
