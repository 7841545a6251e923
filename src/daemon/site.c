#include "daemon/site.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/codec.h"
#include "base/digest.h"
#include "base/file.h"
#include "core/reason.h"
#include "daemon/site_oidc.h"

static bool put_path(char *at, size_t size, const char *dir, const char *name) {
    int len = snprintf(at, size, "%s/%s", dir, name);
    return len > 0 && (size_t)len < size;
}
#define PUT(field, name) put_path(site->field, sizeof site->field, config->data, (name))

enum vch_err vch_site_name(const struct vch_config *config, struct vch_site_files *site, struct vch_diag *diag) {
    bool ok = PUT(store_dir, "store") && PUT(run_dir, "run") && PUT(tls_dir, "tls") && PUT(server_pem, "tls/server.pem") &&
              PUT(server_key, "tls/server.key") && PUT(root_pem, "ca.pem") && PUT(admin_json, "admin.json") &&
              PUT(endpoints_json, "run/endpoints.json") && PUT(pid_file, "run/vouchd.pid");
    bool embedded = strcmp(config->store, "sqlite") == 0;
    int len = embedded ? snprintf(site->store_url, sizeof site->store_url, "sqlite:%s/registry.db", site->store_dir)
                       : snprintf(site->store_url, sizeof site->store_url, "%s", config->store);
    if (ok && len > 0 && (size_t)len < sizeof site->store_url) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_TOO_LONG, "data", "The data folder's path is too long.");
}

static bool is_there(const char *dir, const char *name) {
    char path[4300];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) == 0 && st.st_size > 0;
}

/* A registry without its key, or a key without its registry, is for a person to
 * decide about: what would be made anew locks everybody out. */
static enum vch_err check_whole(const struct vch_config *config, const struct vch_site_files *site, struct vch_diag *diag) {
    if (strcmp(config->store, "sqlite") != 0) return VCH_OK;
    bool registry = is_there(site->store_dir, "registry.db"), key = is_there(site->store_dir, "seal.key");
    if (registry && !key)
        return VCH_REFUSE(diag, VCH_ERR_MALFORMED, INTERNAL, "store/seal.key",
                          "The registry's key %s/seal.key is missing or empty; restore it from a copy.", site->store_dir);
    if (!registry && is_there(config->data, "admin.json"))
        return VCH_REFUSE(diag, VCH_ERR_MALFORMED, INTERNAL, "store/registry.db",
                          "The registry %s/registry.db is missing or empty; restore it from a copy, or remove %s to begin anew.",
                          site->store_dir, site->admin_json);
    return VCH_OK;
}

/* 32 random bytes, made once. */
static enum vch_err load_seal_key(const struct vch_site_files *site, uint8_t key[32], struct vch_diag *diag) {
    char path[4300];
    struct vch_buf buf;
    struct vch_str bytes = {NULL, 0};
    (void)snprintf(path, sizeof path, "%s/seal.key", site->store_dir);
    vch_buf_init_secret(&buf, 32);
    struct vch_diag missing = {.reason = NULL};
    enum vch_err err = vch_file_read(path, &buf, &missing);
    if (err == VCH_ERR_NOT_FOUND) {
        vch_random(key, 32);
        vch_buf_deinit(&buf);
        return vch_file_write(path, vch_str_of(key, 32), 0600, diag);
    }
    if (!err) err = vch_buf_finish(&buf, &bytes);
    if (!err && bytes.len == 32) memcpy(key, bytes.ptr, 32);
    vch_buf_deinit(&buf);
    if (!err && bytes.len == 32) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_MALFORMED, INTERNAL, path, "The sealing key %s cannot be read.", path);
}

/* Made once for a folder, and not taken along when the folder is copied for
 * another server: copies leave run/ out. */
static enum vch_err load_server_id(struct vch_site_files *site, struct vch_diag *diag) {
    char path[4300];
    uint8_t random[16];
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    struct vch_diag missing = {.reason = NULL};
    (void)snprintf(path, sizeof path, "%s/server.id", site->run_dir);
    vch_buf_init(&buf, 64);
    enum vch_err err = vch_file_read(path, &buf, &missing);
    if (!err) err = vch_buf_finish(&buf, &text);
    bool whole = !err && text.len == 32 && vch_unhex(text, random, sizeof random) == VCH_OK;
    vch_buf_deinit(&buf);
    if (!whole) vch_random(random, sizeof random);
    vch_hex(random, sizeof random, site->server_id);
    site->service.server_id = vch_str_from(site->server_id);
    return whole ? VCH_OK : vch_file_write(path, site->service.server_id, 0600, diag);
}

static enum vch_err load_root(struct vch_site_files *site, struct vch_diag *diag) {
    vch_buf_init(&site->root, 65536);
    VCH_TRY(vch_file_read(site->root_pem, &site->root, diag));
    return vch_buf_finish(&site->root, &site->service.root_pem);
}

static void make_account(char account[13]) {
    uint8_t random[12];
    vch_random(random, sizeof random);
    account[0] = (char)('1' + random[0] % 9);
    for (size_t i = 1; i < 12; i++) account[i] = (char)('0' + random[i] % 10);
    account[12] = '\0';
}

static enum vch_err save_meta(struct vch_store *store, struct vch_str key, const char *value, struct vch_diag *diag) {
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_plan *plan = arena ? vch_plan_new(arena) : NULL;
    enum vch_err err = VCH_ERR_NOMEM;
    if (plan) {
        vch_plan_meta_put(plan, key, vch_str_from(value));
        err = vch_store_apply(store, plan, diag);
    }
    vch_arena_free(arena);
    return err;
}

/* An account is for good: every ARN that was handed out names it. */
static enum vch_err settle_account(const char *wanted, const char *kept, struct vch_site_files *site, struct vch_diag *diag) {
    if (*kept && *wanted && strcmp(kept, wanted) != 0)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "account", "The registry is that of account %s.", kept);
    if (*kept || *wanted) (void)vch_str_copy(site->account, sizeof site->account, vch_str_from(*kept ? kept : wanted));
    else make_account(site->account);
    return *kept ? VCH_OK : save_meta(site->service.store, VCH_STR("account"), site->account, diag);
}

static enum vch_err load_account(const struct vch_config *config, struct vch_site_files *site, struct vch_diag *diag) {
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_str kept = {NULL, 0};
    struct vch_diag missing = {.reason = NULL};
    char text[13] = "";
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = vch_store_meta(site->service.store, VCH_STR("account"), &kept, arena, &missing);
    if (!err) (void)vch_str_copy(text, sizeof text, kept);
    vch_arena_free(arena);
    if (err && err != VCH_ERR_NOT_FOUND) return vch_diag_set(diag, err, missing.reason, missing.field, "%s", missing.message);
    return settle_account(config->account, text, site, diag);
}

/* Secrets of the registry open with one key; a server that shares it, or a
 * folder put together from copies, must have that one. */
static enum vch_err check_seal(struct vch_site_files *site, struct vch_diag *diag) {
    static const char label[] = "vouch sealing key\n";
    char text[sizeof label + sizeof site->service.seal_key], hex[VCH_SHA256_HEX];
    memcpy(text, label, sizeof label);
    memcpy(text + sizeof label, site->service.seal_key, sizeof site->service.seal_key);
    vch_sha256_hex(vch_str_of(text, sizeof text), hex);
    vch_wipe(text, sizeof text);
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_str kept = {NULL, 0};
    struct vch_diag missing = {.reason = NULL};
    enum vch_err err = arena ? vch_store_meta(site->service.store, VCH_STR("seal"), &kept, arena, &missing) : VCH_ERR_NOMEM;
    if (err == VCH_ERR_NOT_FOUND) err = save_meta(site->service.store, VCH_STR("seal"), hex, diag);
    else if (!err && !vch_str_eq_c(kept, hex))
        err = VCH_REFUSE(diag, VCH_ERR_INVALID, INTERNAL, "store/seal.key",
                         "The registry is sealed with another key than %s/seal.key; bring that one here.", site->store_dir);
    vch_arena_free(arena);
    return err;
}

static enum vch_err fill_registry(const struct vch_config *config, struct vch_site_files *site, struct vch_diag *diag) {
    const struct vch_store_options options = {.url = site->store_url};
    struct vch_service *service = &site->service;
    VCH_TRY(vch_store_open(&options, &service->store, diag));
    enum vch_err err = load_account(config, site, diag);
    if (!err) err = check_seal(site, diag);
    service->site = (struct vch_site){VCH_STR("aws"), vch_str_from(config->region), vch_str_from(site->account)};
    if (!err) err = vch_service_init_admin(service, site->admin_json, diag);
    vch_store_close(service->store);
    service->store = NULL;
    return err;
}

enum vch_err vch_site_prepare(const struct vch_config *config, struct vch_site_files *ret, struct vch_diag *diag) {
    memset(ret, 0, sizeof *ret);
    VCH_TRY(vch_site_name(config, ret, diag));
    VCH_TRY(vch_dir_make(ret->store_dir, 0700, diag));
    VCH_TRY(vch_dir_make(ret->run_dir, 0700, diag));
    VCH_TRY(check_whole(config, ret, diag));
    VCH_TRY(load_seal_key(ret, ret->service.seal_key, diag));
    VCH_TRY(load_server_id(ret, diag));
    VCH_TRY(load_root(ret, diag));
    ret->service.run_dir = vch_str_from(ret->run_dir);
    ret->service.hostnames = config->hostnames.items;
    ret->service.hostname_count = config->hostnames.count;
    ret->service.endpoint_host = vch_str_from(config->hostnames.count ? config->hostnames.items[0] : "localhost");
    ret->service.claim_life_max_s = config->claim_life_max;
    ret->service.web_idle_s = config->session_idle;
    ret->service.web_life_s = config->session_life;
    ret->service.ledger_secrets = vch_str_from(config->ledger_secrets);
    ret->service.limits_aws = strcmp(config->limits, "aws") == 0;
    VCH_TRY(vch_site_oidc_open(config, ret, diag));
    return fill_registry(config, ret, diag);
}

void vch_site_deinit(struct vch_site_files *site) {
    vch_site_oidc_close(site);
    vch_buf_deinit(&site->root);
    vch_wipe(site->service.seal_key, sizeof site->service.seal_key);
}
