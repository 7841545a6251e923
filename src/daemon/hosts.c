#include "daemon/hosts.h"

#include <string.h>
#include <unistd.h>

#include "core/reason.h"

static enum vch_err find_one(const char *name, const char *tls_dir, struct vch_hosts *hosts, struct vch_diag *diag) {
    struct vch_tls_host *host = &hosts->list[hosts->count];
    if (strchr(name, '/') || name[0] == '.') return VCH_OK;
    host->name = name;
    host->certificate_file = vch_arena_printf(hosts->arena, "%s/%s.pem", tls_dir, name).ptr;
    host->key_file = vch_arena_printf(hosts->arena, "%s/%s.key", tls_dir, name).ptr;
    if (!host->certificate_file || !host->key_file) return VCH_ERR_NOMEM;
    bool certificate = access(host->certificate_file, R_OK) == 0, key = access(host->key_file, R_OK) == 0;
    if (certificate != key)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "hostname", "%s is there, but its other half cannot be read: %s.",
                          certificate ? host->certificate_file : host->key_file, certificate ? host->key_file : host->certificate_file);
    if (certificate) hosts->count++;
    return VCH_OK;
}

enum vch_err vch_hosts_find(const struct vch_config *config, const char *tls_dir, struct vch_hosts *ret,
                            struct vch_diag *diag) {
    *ret = (struct vch_hosts){.arena = vch_arena_new(1 << 20, false)};
    if (!ret->arena) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < config->hostnames.count; i++) VCH_TRY(find_one(config->hostnames.items[i], tls_dir, ret, diag));
    return VCH_OK;
}

void vch_hosts_deinit(struct vch_hosts *hosts) {
    vch_arena_free(hosts->arena);
    hosts->arena = NULL;
}
