/* What an installation is made of: the registry, the key that seals secrets,
 * the account, the first user. Main thread. */
#ifndef VCH_DAEMON_SITE_H
#define VCH_DAEMON_SITE_H

#include "daemon/config.h"
#include "service/call.h"

struct vch_site_files {
    struct vch_service service; /* store and keys are not opened here */
    char store_url[4400], store_dir[4200], run_dir[4200], tls_dir[4200], server_pem[4200], server_key[4200],
        root_pem[4200], admin_json[4200], endpoints_json[4200], pid_file[4200];
    char account[13], server_id[33];
    struct vch_buf root, oidc_secret, oidc_roots;
};

/* Only the names of files and the store's URL. */
enum vch_err vch_site_name(const struct vch_config *config, struct vch_site_files *ret, struct vch_diag *diag) VCH_MUST;
/* Makes the folders and, at the first start, the sealing key, the account and
 * the user `admin` with DIR/admin.json. Opens the registry and closes it again:
 * afterwards there are no threads. Needs the signer in ret->service for nothing. */
enum vch_err vch_site_prepare(const struct vch_config *config, struct vch_site_files *ret, struct vch_diag *diag) VCH_MUST;
void vch_site_deinit(struct vch_site_files *site); /* wipes the key */

#endif
