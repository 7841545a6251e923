#include "ctl/site.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/val.h"
#include "ctl/profile.h"

enum { FILE_MAX = 1 << 20 };

static enum vch_ctl_exit say(FILE *err, const char *what, const char *which) {
    (void)fprintf(err, "vouch: %s%s%s\n", what, which[0] ? ": " : "", which);
    return VCH_CTL_USAGE;
}

enum vch_err vch_ctl_read(const char *path, struct vch_arena *arena, struct vch_str *ret, FILE *err) {
    struct vch_diag diag = {0};
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init_secret(&buf, FILE_MAX);
    /* Not by /dev/stdin, which cannot be opened when it is a socket. */
    bool is_input = strcmp(path, "-") == 0;
    enum vch_err code = is_input ? vch_file_read_fd(STDIN_FILENO, "standard input", &buf, &diag) : vch_file_read(path, &buf, &diag);
    if (code == VCH_OK) code = vch_buf_finish(&buf, &text);
    if (code == VCH_OK) *ret = vch_arena_str(arena, text);
    if (code == VCH_OK && !ret->ptr) code = VCH_ERR_NOMEM;
    vch_buf_deinit(&buf);
    if (code != VCH_OK && err) (void)fprintf(err, "vouch: %s\n", diag.message[0] ? diag.message : vch_err_word(code));
    return code;
}

static struct vch_str join(struct vch_arena *arena, const char *folder, const char *file) {
    return vch_arena_printf(arena, "%s/%s", folder, file);
}

static enum vch_err read_json(struct vch_str path, struct vch_arena *arena, struct vch_val **ret, FILE *err) {
    struct vch_str text;
    struct vch_diag diag = {0};
    VCH_TRY(vch_ctl_read(path.ptr, arena, &text, NULL));
    enum vch_err code = vch_json_decode(text, &VCH_VAL_LIMITS_DEFAULT, arena, ret, &diag);
    if (code != VCH_OK) (void)fprintf(err, "vouch: %s: %s\n", path.ptr, diag.message);
    return code;
}

/* The port behind the last colon; 0 when there is none. */
static int port_of(struct vch_str address) {
    int64_t port = 0;
    size_t colon = address.len;
    while (colon > 0 && address.ptr[colon - 1] != ':') colon--;
    if (colon == 0 || vch_str_int(vch_str_sub(address, colon, SIZE_MAX), &port) != VCH_OK) return 0;
    return port > 0 && port < 65536 ? (int)port : 0;
}

static enum vch_ctl_exit load_data(const char *folder, struct vch_arena *arena, struct vch_ctl_site *ret, FILE *err) {
    struct vch_val *admin = NULL;
    struct vch_val *endpoints = NULL;
    struct vch_str admin_path = join(arena, folder, "admin.json");
    enum vch_err code = read_json(admin_path, arena, &admin, err);
    if (code != VCH_OK)
        return say(err, code == VCH_ERR_NOT_FOUND ? "no server has used this folder" : "cannot read the admin's keys",
                   admin_path.ptr);
    ret->access_key_id = vch_val_str_at(admin, "accessKeyId");
    ret->secret_access_key = vch_val_str_at(admin, "secretAccessKey");
    ret->region = vch_val_str_at(admin, "region");
    ret->account = vch_val_str_at(admin, "account");
    if (read_json(join(arena, folder, "run/endpoints.json"), arena, &endpoints, err) != VCH_OK) {
        (void)say(err, "the server of this folder is not running", folder);
        return VCH_CTL_UNREACHABLE;
    }
    ret->endpoint = vch_val_str_at(endpoints, "api");
    ret->mqtt_port = port_of(vch_val_str_at(endpoints, "mqtt"));
    ret->edge_port = port_of(vch_val_str_at(endpoints, "edge"));
    ret->ca_file = join(arena, folder, "ca.pem");
    ret->local = true;
    return VCH_CTL_DONE;
}

static struct vch_str variable(const char *name) {
    return vch_str_from(getenv(name));
}

/* The first that is not empty. */
static struct vch_str first(const struct vch_str *from, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (from[i].len) return from[i];
    return (struct vch_str){NULL, 0};
}
#define FIRST(...)                                                                                                     \
    first((const struct vch_str[]){__VA_ARGS__}, sizeof((const struct vch_str[]){__VA_ARGS__}) / sizeof(struct vch_str))

struct profiles {
    struct vch_str credentials, config; /* texts of the files */
    struct vch_str name;
    const char *section; /* of the config file: "profile NAME" or "default" */
};

static struct vch_str home_file(const char *override, const char *name, struct vch_arena *arena) {
    const char *path = getenv(override);
    const char *home = getenv("HOME");
    struct vch_str text = {NULL, 0};
    struct vch_str full = path ? vch_str_from(path) : vch_arena_printf(arena, "%s/.aws/%s", home ? home : "", name);
    if (!full.ptr || vch_ctl_read(full.ptr, arena, &text, NULL) != VCH_OK) return (struct vch_str){NULL, 0};
    return text;
}

static void load_profiles(const struct vch_ctl_globals *globals, struct vch_arena *arena, struct profiles *ret) {
    ret->credentials = home_file("AWS_SHARED_CREDENTIALS_FILE", "credentials", arena);
    ret->config = home_file("AWS_CONFIG_FILE", "config", arena);
    ret->name = FIRST(vch_str_from(globals->profile), variable("AWS_PROFILE"), variable("AWS_DEFAULT_PROFILE"),
                      VCH_STR("default"));
    bool plain = vch_str_eq_c(ret->name, "default");
    ret->section = plain ? "default" : vch_arena_printf(arena, "profile %.*s", VCH_STR_ARG(ret->name)).ptr;
}

static struct vch_str setting(const struct profiles *p, const char *key) {
    return vch_profile_get(p->config, p->section ? p->section : "", NULL, key);
}

static struct vch_str secret_setting(const struct profiles *p, const char *key) {
    struct vch_str value = vch_profile_get(p->credentials, p->name.ptr, NULL, key);
    return value.len ? value : setting(p, key);
}

static struct vch_str service_endpoint(const struct profiles *p, struct vch_arena *arena) {
    struct vch_str services = setting(p, "services");
    if (!services.len) return services;
    struct vch_str section = vch_arena_printf(arena, "services %.*s", VCH_STR_ARG(services));
    return section.ptr ? vch_profile_get(p->config, section.ptr, "iot", "endpoint_url") : section;
}

/* A profile that was asked for by option wins over the variables' keys. */
static void load_keys(const struct vch_ctl_globals *globals, const struct profiles *p, struct vch_ctl_site *ret) {
    ret->access_key_id = variable("AWS_ACCESS_KEY_ID");
    ret->secret_access_key = variable("AWS_SECRET_ACCESS_KEY");
    ret->session_token = variable("AWS_SESSION_TOKEN");
    if (!globals->profile && ret->access_key_id.len && ret->secret_access_key.len) return;
    ret->access_key_id = secret_setting(p, "aws_access_key_id");
    ret->secret_access_key = secret_setting(p, "aws_secret_access_key");
    ret->session_token = secret_setting(p, "aws_session_token");
}

/* Terminated copies, without a slash at the end of the address. */
static enum vch_err own_all(struct vch_arena *arena, struct vch_ctl_site *site) {
    struct vch_str *const all[] = {&site->endpoint,      &site->ca_file, &site->access_key_id, &site->secret_access_key,
                                   &site->session_token, &site->region,  &site->account};
    while (site->endpoint.len && site->endpoint.ptr[site->endpoint.len - 1] == '/') site->endpoint.len--;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i] = vch_arena_str(arena, *all[i]);
        if (!all[i]->ptr) return VCH_ERR_NOMEM;
    }
    return VCH_OK;
}

static void load_environment(const struct vch_ctl_globals *globals, struct vch_arena *arena, struct vch_ctl_site *ret) {
    struct profiles p = {0};
    load_profiles(globals, arena, &p);
    load_keys(globals, &p, ret);
    ret->region = FIRST(vch_str_from(globals->region), variable("AWS_REGION"), variable("AWS_DEFAULT_REGION"),
                        setting(&p, "region"));
    ret->endpoint = FIRST(vch_str_from(globals->endpoint_url), variable("AWS_ENDPOINT_URL_IOT"),
                          variable("AWS_ENDPOINT_URL"), service_endpoint(&p, arena), setting(&p, "endpoint_url"));
    ret->ca_file = FIRST(vch_str_from(globals->ca_bundle), variable("AWS_CA_BUNDLE"), setting(&p, "ca_bundle"));
}

static enum vch_ctl_exit check_whole(const struct vch_ctl_site *site, FILE *err) {
    if (!site->endpoint.len)
        return say(err, "which server? Give --data DIR or --endpoint-url URL, or set AWS_ENDPOINT_URL_IOT", "");
    if (!vch_str_starts(site->endpoint, VCH_STR("https://")))
        return say(err, "the address does not start with https://", site->endpoint.ptr);
    if (!site->access_key_id.len || !site->secret_access_key.len)
        return say(err, "no access key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give --profile or --data",
                   "");
    if (!site->region.len) return say(err, "which region? Give --region or set AWS_REGION", "");
    return VCH_CTL_DONE;
}

enum vch_ctl_exit vch_ctl_site_load(const struct vch_ctl_globals *globals, struct vch_arena *arena,
                                    struct vch_ctl_site *ret, FILE *err) {
    *ret = (struct vch_ctl_site){0};
    enum vch_ctl_exit exit = VCH_CTL_DONE;
    if (globals->data)
        exit = load_data(globals->data, arena, ret, err);
    else
        load_environment(globals, arena, ret);
    if (exit != VCH_CTL_DONE) return exit;
    if (globals->data && globals->region) ret->region = vch_str_from(globals->region);
    if (globals->data && globals->ca_bundle) ret->ca_file = vch_str_from(globals->ca_bundle);
    if (own_all(arena, ret) != VCH_OK) return say(err, "out of memory", "");
    return check_whole(ret, err);
}
