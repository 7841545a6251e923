#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/credentials.h"

static enum vch_exit too_open(const char *path, const char *why, unsigned mode, struct vch_outcome *outcome) {
    char next[320];
    (void)snprintf(next, sizeof next, "Run: chmod %o '%s'", mode, path);
    return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, next, "%s is %s.", path, why);
}

/* Others could put a file of theirs in its place. Folders are never changed: they may be the system's. */
static enum vch_exit check_folder(const char *path, bool secret, struct vch_report *report,
                                  struct vch_outcome *outcome) {
    char copy[4096];
    struct stat st;
    if (!vch_str_copy(copy, sizeof copy, vch_str_from(path))) return VCH_EXIT_OK;
    const char *folder = dirname(copy);
    if (stat(folder, &st) != 0) return VCH_EXIT_OK;
    if ((st.st_mode & 0022) && !(st.st_mode & S_ISVTX))
        return too_open(folder, "a folder that others may write to", 0700, outcome);
    if (secret && (st.st_mode & 0077) && !(st.st_mode & S_ISVTX))
        vch_report_line(report, VCH_REPORT_DEBUG, "modes", "The folder %s may be listed by others; 700 is better.",
                        folder);
    return VCH_EXIT_OK;
}

static bool owner_is_trusted(const struct stat *st) {
    return st->st_uid == geteuid() || st->st_uid == 0 || geteuid() == 0;
}

enum vch_exit vch_mode_check(const char *path, bool secret, struct vch_report *report, struct vch_outcome *outcome) {
    struct stat st;
    unsigned extra = secret ? 0077 : 0022, wanted = secret ? 0600 : 0644;
    if (stat(path, &st) != 0)
        return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Check the path.", "%s cannot be examined: %s.", path,
                               strerror(errno));
    if (!owner_is_trusted(&st))
        return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Give the file to the user that runs the agent (chown).",
                               "%s belongs to another user.", path);
    if (st.st_mode & extra) {
        unsigned mode = (st.st_mode & 0777 & ~extra) | 0400;
        bool mine = st.st_uid == geteuid() || geteuid() == 0;
        if (!mine || chmod(path, (mode_t)mode) != 0)
            return too_open(path, secret ? "open to other users although it holds a secret" : "writable by other users",
                            wanted, outcome);
        vch_report_line(report, VCH_REPORT_WARN, "modes", "%s had mode %03o; changed to %03o.", path,
                        (unsigned)(st.st_mode & 0777), mode);
    }
    return check_folder(path, secret, report, outcome);
}
