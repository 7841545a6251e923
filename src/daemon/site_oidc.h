/* The OpenID provider of the configuration: its secret and its roots are read
 * here, before the jail. Main thread. */
#ifndef VCH_DAEMON_SITE_OIDC_H
#define VCH_DAEMON_SITE_OIDC_H

#include "daemon/config.h"
#include "daemon/site.h"

/* INVALID with the key in `field`: what the rows say about each other. */
enum vch_err vch_site_oidc_check(const struct vch_config *config, struct vch_diag *diag) VCH_MUST;
/* Fills site->service.oidc when there is a provider. A secret that others may read is refused. */
enum vch_err vch_site_oidc_open(const struct vch_config *config, struct vch_site_files *site, struct vch_diag *diag) VCH_MUST;
void vch_site_oidc_close(struct vch_site_files *site);

#endif
