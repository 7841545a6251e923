/* A claim in one file: what `vouch claim create --out` writes, the plain answer
 * of AWS CreateProvisioningClaim, or the text of a QR code (core/claim_text.h). */
#ifndef VCH_AGENT_BUNDLE_H
#define VCH_AGENT_BUNDLE_H

#include "agent/credentials.h"
#include "agent/options.h"

struct vch_bundle {
    int mqtt_port, edge_port; /* 0: not said */
    bool has_root;
    bool is_pinned;          /* the text of a QR code: the root is known by its digest alone */
    uint8_t root_sha256[32]; /* of its DER */
};

/* Settings of the bundle go under those of the command line; certificate, key
 * and root into `credentials`. The file holds a secret: its mode is checked.
 * "-" is standard input. */
enum vch_exit vch_bundle_load(const char *path, struct vch_options *options, struct vch_credentials *credentials,
                              struct vch_bundle *ret, struct vch_report *report, struct vch_outcome *outcome) VCH_MUST;

/* The same of its text; `path` is for the words. */
enum vch_exit vch_bundle_read(struct vch_str text, const char *path, struct vch_options *options,
                              struct vch_credentials *credentials, struct vch_bundle *ret,
                              struct vch_outcome *outcome) VCH_MUST;

/* The same of the text of a QR code alone. In bundle_text.c. */
enum vch_exit vch_bundle_read_text(struct vch_str text, const char *path, struct vch_options *options,
                                   struct vch_credentials *credentials, struct vch_bundle *ret,
                                   struct vch_outcome *outcome) VCH_MUST;

#endif
