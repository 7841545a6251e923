/* A claim as files that vouch-agent and the AWS IoT Device Client take. */
#ifndef VCH_CTL_CLAIM_FILES_H
#define VCH_CTL_CLAIM_FILES_H

#include "base/val.h"

struct vch_ctl_claim {
    struct vch_str endpoint;  /* host that devices connect to */
    int mqtt_port, edge_port; /* 0: unknown */
    struct vch_str template_name;
    struct vch_str root_pem;
    bool own_key; /* the device's: the answer holds none */
    const struct vch_val *answer; /* of CreateProvisioningClaim */
};

/* claim.pem.crt 644, claim.private.pem.key 600, root-ca.pem 644, bundle.json
 * 600; without the key when it is the device's own. Each whole or not there, with its mode from the first byte. Makes the
 * folder (700). */
enum vch_err vch_ctl_claim_write(const char *folder, const struct vch_ctl_claim *claim, struct vch_arena *arena,
                                 struct vch_diag *diag) VCH_MUST;

#endif
