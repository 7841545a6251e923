/* A claim in one file: what `vouch claim create --out` writes, or the plain
 * answer of AWS CreateProvisioningClaim. */
#ifndef VCH_AGENT_BUNDLE_H
#define VCH_AGENT_BUNDLE_H

#include "agent/credentials.h"
#include "agent/options.h"

struct vch_bundle {
    int mqtt_port, edge_port; /* 0: not said */
    bool has_root;
};

/* Settings of the bundle go under those of the command line; certificate, key
 * and root into `credentials`. The file holds a secret: its mode is checked. */
enum vch_exit vch_bundle_load(const char *path, struct vch_options *options, struct vch_credentials *credentials,
                              struct vch_bundle *ret, struct vch_report *report, struct vch_outcome *outcome) VCH_MUST;

/* The same of its text; `path` is for the words. */
enum vch_exit vch_bundle_read(struct vch_str text, const char *path, struct vch_options *options,
                              struct vch_credentials *credentials, struct vch_bundle *ret,
                              struct vch_outcome *outcome) VCH_MUST;

#endif
