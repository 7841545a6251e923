#include "daemon/move.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "core/reason.h"
#include "daemon/jail.h"
#include "daemon/lock.h"
#include "daemon/site.h"
#include "store/transfer.h"

enum { PATH_MAX_LEN = 4300 };

static enum vch_err file_failed(const char *path, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_IO, INTERNAL, "file", "%s: %s.", path, strerror(errno));
}

static enum vch_err say(const char *verb, const struct vch_transfer_stats *stats, struct vch_diag *diag) {
    int rc = printf("%s %lld rows of %lld tables, schema %lld\n", verb, (long long)stats->rows, (long long)stats->tables,
                    (long long)stats->schema);
    return rc > 0 && fflush(stdout) == 0 ? VCH_OK : file_failed("standard output", diag);
}

/* ---- out ---- */

static enum vch_err finish_file(FILE *out, const char *part, const char *path, struct vch_diag *diag) {
    bool ok = fflush(out) == 0 && fsync(fileno(out)) == 0;
    return ok && rename(part, path) == 0 ? VCH_OK : file_failed(path, diag);
}

static enum vch_err export_to(const char *url, const char *path, struct vch_transfer_stats *stats, struct vch_diag *diag) {
    char part[PATH_MAX_LEN];
    int len = snprintf(part, sizeof part, "%s.part", path);
    if (len < 0 || (size_t)len >= sizeof part) return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_TOO_LONG, "file", "The path is too long.");
    (void)unlink(part);
    int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out) return file_failed(part, diag);
    enum vch_err err = vch_store_export(url, out, stats, diag);
    if (!err) err = finish_file(out, part, path, diag);
    (void)fclose(out);
    if (err) (void)unlink(part);
    return err;
}

/* Making a registry is not what exporting should do. */
static enum vch_err need_registry(const struct vch_config *config, const char *url, struct vch_diag *diag) {
    struct stat st;
    if (strcmp(config->store, "sqlite") != 0 || stat(url + strlen("sqlite:"), &st) == 0) return VCH_OK;
    return file_failed(url + strlen("sqlite:"), diag);
}

static enum vch_err export_store(const struct vch_config *config, const char *url, struct vch_diag *diag) {
    struct vch_transfer_stats stats;
    VCH_TRY(need_registry(config, url, diag));
    VCH_TRY(export_to(url, config->move_file, &stats, diag));
    return say("exported", &stats, diag);
}

/* ---- in ---- */

static enum vch_err import_from(const char *url, const char *path, struct vch_diag *diag) {
    struct vch_transfer_stats stats;
    FILE *in = fopen(path, "re");
    if (!in) return file_failed(path, diag);
    enum vch_err err = vch_store_import(url, in, &stats, diag);
    (void)fclose(in);
    return err ? err : say("imported", &stats, diag);
}

static enum vch_err import_store(const struct vch_config *config, const struct vch_site_files *site, struct vch_diag *diag) {
    int lock = -1;
    VCH_TRY(vch_data_lock(config->data, &lock, diag));
    enum vch_err err = vch_become_user(config->user, config->data, diag);
    if (!err) err = vch_dir_make(site->store_dir, 0700, diag);
    if (!err) err = import_from(site->store_url, config->move_file, diag);
    (void)close(lock);
    return err;
}

enum vch_err vch_move_run(const struct vch_config *config, struct vch_diag *diag) {
    static struct vch_site_files site; /* large */
    (void)umask(077);
    VCH_TRY(vch_site_name(config, &site, diag));
    return config->action == VCH_CONFIG_EXPORT ? export_store(config, site.store_url, diag) : import_store(config, &site, diag);
}
