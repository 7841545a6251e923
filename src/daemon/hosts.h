/* Server certificates of the operator's own, by host name: for each configured
 * name the files tls/NAME.pem (a chain) and tls/NAME.key of the data folder,
 * where they are. Read once, before the listeners open. */
#ifndef VCH_DAEMON_HOSTS_H
#define VCH_DAEMON_HOSTS_H

#include "daemon/config.h"
#include "net/conn.h"

struct vch_hosts {
    struct vch_tls_host list[VCH_CONFIG_LIST_MAX];
    size_t count;
    struct vch_arena *arena;
};
/* INVALID when one of the two files is missing. */
enum vch_err vch_hosts_find(const struct vch_config *config, const char *tls_dir, struct vch_hosts *ret,
                            struct vch_diag *diag) VCH_MUST;
void vch_hosts_deinit(struct vch_hosts *hosts); /* zeroed memory is fine */

#endif
