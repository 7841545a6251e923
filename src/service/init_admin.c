/* The first user. The file with the secrets is written before the registry
 * knows the user: a kill in between leaves no user, and the next start makes
 * both anew. */
#include "base/clock.h"
#include "base/file.h"
#include "service/access_key.h"
#include "service/change.h"
#include "service/password.h"

enum { FILE_MAX = 4096 };

static const char administrator[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}";

static enum vch_err file_write(const struct vch_call *call, const char *path, const struct vch_access_key *key,
                               struct vch_str password) {
    struct vch_val *map = vch_val_new_map(call->arena);
    struct vch_buf buf;
    struct vch_str text;
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "userName", VCH_STR("admin")));
    VCH_TRY(vch_val_put_str(call->arena, map, "accessKeyId", key->id));
    VCH_TRY(vch_val_put_str(call->arena, map, "secretAccessKey", key->secret));
    VCH_TRY(vch_val_put_str(call->arena, map, "consolePassword", password));
    VCH_TRY(vch_val_put_str(call->arena, map, "account", call->service->site.account));
    VCH_TRY(vch_val_put_str(call->arena, map, "region", call->service->site.region));
    vch_buf_init_secret(&buf, FILE_MAX);
    vch_json_encode(map, &buf);
    vch_buf_c(&buf, "\n");
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) err = vch_file_write(path, text, 0600, call->diag);
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_err register_admin(struct vch_call *call, const struct vch_access_key *fresh, struct vch_str hash) {
    struct vch_rec_user user = {.name = VCH_STR("admin"), .password_hash = hash, .created_ms = call->now_ms};
    struct vch_rec_access_key key = {.id = fresh->id,
                                     .user_name = user.name,
                                     .sealed_secret = fresh->sealed,
                                     .status = VCH_STR("Active"),
                                     .created_ms = call->now_ms};
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, "user-created", &change));
    VCH_TRY(vch_change_about(call, &change, "userName", user.name));
    vch_plan_user_create(change.plan, &user);
    vch_plan_user_policy_put(change.plan, user.name, VCH_STR("AdministratorAccess"), vch_str_from(administrator));
    vch_plan_access_key_insert(change.plan, &key);
    return vch_change_apply(call, &change);
}

static enum vch_err make_admin(struct vch_call *call, const char *path) {
    struct vch_access_key key;
    struct vch_str password, hash;
    VCH_TRY(vch_access_key_new(call->service, call->arena, &key));
    VCH_TRY(vch_password_new(call->arena, &password));
    VCH_TRY(vch_password_hash(password, call->arena, &hash));
    VCH_TRY(file_write(call, path, &key, password));
    return register_admin(call, &key, hash);
}

enum vch_err vch_service_init_admin(struct vch_service *service, const char *admin_json_path, struct vch_diag *diag) {
    struct vch_arena *arena = vch_arena_new(1 << 20, true);
    struct vch_call call = {.service = service,
                            .arena = arena,
                            .caller = {.kind = VCH_CALLER_SERVER},
                            .now_ms = vch_now_ms(),
                            .diag = diag};
    struct vch_rec_user user;
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = vch_store_user(service->store, VCH_STR("admin"), &user, arena, diag);
    if (err == VCH_ERR_NOT_FOUND) {
        if (diag) vch_diag_clear(diag);
        err = make_admin(&call, admin_json_path);
    }
    vch_arena_free(arena);
    return err;
}
