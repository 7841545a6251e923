/* What the processes give up. A build with a sanitizer keeps files and calls
 * (base/sanitized.h). */
#ifndef VCH_DAEMON_JAIL_H
#define VCH_DAEMON_JAIL_H

#include "base/str.h"

/* As root, becomes that user for good, and hands it the data folder itself (not
 * what is in it). An empty name changes nothing. INVALID (no such user, or not root), IO. */
enum vch_err vch_become_user(const char *name, const char *data_dir, struct vch_diag *diag) VCH_MUST;

enum vch_jail_access { VCH_JAIL_READ, VCH_JAIL_WRITE, VCH_JAIL_EXECUTE /* and read */ };
struct vch_jail_path {
    const char *path;
    enum vch_jail_access access;
};
/* Landlock (kernel 5.13 and later): this thread and those it makes later reach
 * these paths and nothing else of the file system. Best effort: what the kernel
 * does not know is logged and left out. A path that is not there is skipped. */
void vch_jail_files(const struct vch_jail_path *paths, size_t count);
enum vch_jail_kind {
    VCH_JAIL_SERVES,         /* keeps the right to the files of whoever owns the data folder */
    VCH_JAIL_STARTS_PROGRAMS /* keeps no capability */
};
/* Refuses with EPERM the system calls that a server never needs: starting
 * programs (unless that is what it is for), tracing, mounting, loading,
 * namespaces, other people's memory. Sets no_new_privs. What it starts is in
 * the same jail. IO. */
enum vch_err vch_jail_calls(enum vch_jail_kind kind, struct vch_diag *diag) VCH_MUST;

#endif
