/* Sign-in through an OpenID provider, as a browser sees it: two pages that are
 * redirections, and a cookie of their own that goes along when the provider
 * sends the browser back (SameSite=Lax), bound to this very host by its name. */
#ifndef VCH_API_OIDC_PRIV_H
#define VCH_API_OIDC_PRIV_H

#include "api/http_job_priv.h"

bool vch_oidc_is(enum vch_op op);
/* On a worker. True: the answer is filled; false: it waits for the provider, and
 * job->wait has it. */
bool vch_oidc_run(struct vch_http_job *job);
/* With the job's end. */
void vch_oidc_job_end(struct vch_http_job *job);

#endif
