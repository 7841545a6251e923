#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/val.h"
#include "fleet/options.h"

enum { FILE_MAX = 1 << 20 };

static enum vch_err read_text(const char *path, struct vch_arena *arena, struct vch_str *ret, struct vch_diag *diag) {
    struct vch_buf buf;
    vch_buf_init_secret(&buf, FILE_MAX);
    enum vch_err err = vch_file_read(path, &buf, diag);
    if (err == VCH_OK) *ret = vch_arena_str(arena, vch_str_of(buf.ptr, buf.len));
    vch_buf_deinit(&buf);
    return err == VCH_OK && !ret->ptr ? VCH_ERR_NOMEM : err;
}

static const char *in_folder(const char *folder, const char *file, struct vch_arena *arena) {
    struct vch_str path = vch_arena_printf(arena, "%s/%s", folder, file);
    return path.ptr ? path.ptr : "";
}

static enum vch_err read_json(const char *path, struct vch_arena *arena, struct vch_val **ret, struct vch_diag *diag) {
    struct vch_str text;
    VCH_TRY(read_text(path, arena, &text, diag));
    return vch_json_decode(text, NULL, arena, ret, diag);
}

/* "host:port"; the last colon counts. */
static enum vch_err split(struct vch_str address, struct vch_fleet_site *ret, struct vch_diag *diag) {
    size_t colon = address.len;
    int64_t port = 0;
    while (colon > 0 && address.ptr[colon - 1] != ':') colon--;
    if (colon < 2 || vch_str_int(vch_str_sub(address, colon, SIZE_MAX), &port) != VCH_OK || port < 1 || port > 65535)
        return vch_diag_set(diag, VCH_ERR_MALFORMED, "endpoints", "mqtt",
                            "The MQTT address of the server cannot be read.");
    ret->host = vch_str_sub(address, 0, colon - 1);
    if (vch_str_starts(ret->host, VCH_STR("[")) && vch_str_ends(ret->host, VCH_STR("]")))
        ret->host = vch_str_sub(ret->host, 1, ret->host.len - 2);
    ret->mqtt_port = (uint16_t)port;
    return VCH_OK;
}

static int64_t read_pid(const char *path, struct vch_arena *arena) {
    struct vch_str text;
    int64_t pid = 0;
    if (read_text(path, arena, &text, NULL) != VCH_OK) return 0;
    return vch_str_int(vch_str_trim(text), &pid) == VCH_OK ? pid : 0;
}

static enum vch_err from_data(const char *dir, struct vch_arena *arena, struct vch_fleet_site *ret,
                              struct vch_diag *diag) {
    struct vch_val *admin, *endpoints;
    VCH_TRY(read_json(in_folder(dir, "admin.json", arena), arena, &admin, diag));
    VCH_TRY(read_json(in_folder(dir, "run/endpoints.json", arena), arena, &endpoints, diag));
    ret->access_key_id = vch_val_str_at(admin, "accessKeyId");
    ret->secret_access_key = vch_val_str_at(admin, "secretAccessKey");
    ret->region = vch_val_str_at(admin, "region");
    ret->account = vch_val_str_at(admin, "account");
    ret->api = vch_val_str_at(endpoints, "api");
    ret->ca_file = vch_str_from(in_folder(dir, "ca.pem", arena));
    ret->pid = read_pid(in_folder(dir, "run/vouchd.pid", arena), arena);
    return split(vch_val_str_at(endpoints, "mqtt"), ret, diag);
}

static struct vch_str first_of(const char *flag, const char *first, const char *second, const char *otherwise) {
    const char *text = flag ? flag : getenv(first);
    if ((!text || !*text) && second) text = getenv(second);
    return vch_str_from(text && *text ? text : otherwise);
}

static void from_flags(const struct vch_fleet_options *o, struct vch_fleet_site *ret) {
    ret->host = vch_str_from(o->endpoint);
    ret->mqtt_port = (uint16_t)o->mqtt_port;
    ret->api = vch_str_from(o->api);
    ret->ca_file = first_of(o->ca, "AWS_CA_BUNDLE", NULL, "");
    ret->access_key_id = first_of(NULL, "AWS_ACCESS_KEY_ID", NULL, "");
    ret->secret_access_key = first_of(NULL, "AWS_SECRET_ACCESS_KEY", NULL, "");
    ret->region = first_of(o->region, "AWS_REGION", "AWS_DEFAULT_REGION", "us-east-1");
    ret->account = VCH_STR("000000000000"); /* only inside the role's ARN, which nothing assumes */
}

/* Any broker: no control plane, the identity is given. */
static enum vch_err from_host(const struct vch_fleet_options *o, struct vch_arena *arena, struct vch_fleet_site *ret,
                              struct vch_diag *diag) {
    ret->host = vch_str_from(o->host);
    ret->mqtt_port = (uint16_t)o->port;
    ret->pid = o->pid;
    if (o->plain) return VCH_OK;
    if (o->ca) VCH_TRY(read_text(o->ca, arena, &ret->ca_pem, diag));
    if (!o->cert) return VCH_OK;
    VCH_TRY(read_text(o->cert, arena, &ret->certificate_pem, diag));
    return read_text(o->key, arena, &ret->key_pem, diag);
}

enum vch_err vch_fleet_find(const struct vch_fleet_options *options, struct vch_arena *arena,
                            struct vch_fleet_site *ret, struct vch_diag *diag) {
    *ret = (struct vch_fleet_site){0};
    if (options->host) return from_host(options, arena, ret, diag);
    if (options->data)
        VCH_TRY(from_data(options->data, arena, ret, diag));
    else
        from_flags(options, ret);
    if (options->pid) ret->pid = options->pid;
    while (ret->api.len && ret->api.ptr[ret->api.len - 1] == '/') ret->api.len--;
    if (!vch_str_starts(ret->api, VCH_STR("https://")))
        return vch_diag_set(diag, VCH_ERR_INVALID, "api", "api",
                            "The control plane's address must begin with https://.");
    if (!ret->access_key_id.len || !ret->secret_access_key.len)
        return vch_diag_set(diag, VCH_ERR_INVALID, "keys", "",
                            "There is no access key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
    return ret->ca_file.len ? read_text(ret->ca_file.ptr, arena, &ret->ca_pem, diag) : VCH_OK;
}
