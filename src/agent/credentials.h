/* Certificate, key and roots from files, as people leave them: decided by
 * content, mended, checked. File modes: at least as strict as the AWS client
 * demands; what belongs to this user is tightened, else the command is named. */
#ifndef VCH_AGENT_CREDENTIALS_H
#define VCH_AGENT_CREDENTIALS_H

#include "agent/report.h"
#include "agent/x509.h"
#include "base/buf.h"

/* An owner; init by vch_credentials_init, wiped by deinit. */
struct vch_credentials {
    struct vch_buf certificate, key, root; /* PEM; root empty: the system's */
    struct vch_validity validity;
};
void vch_credentials_init(struct vch_credentials *credentials);
void vch_credentials_deinit(struct vch_credentials *credentials);

/* CREDENTIALS when a file is missing, holds the wrong thing, is open to others
 * and not ours to close, or when key and certificate do not match. */
enum vch_exit vch_credentials_load(struct vch_credentials *credentials, const char *cert_path, const char *key_path,
                                   struct vch_report *report, struct vch_outcome *outcome) VCH_MUST;
/* From text, such as a bundle's members: mended and checked the same way. */
enum vch_exit vch_credentials_take(struct vch_credentials *credentials, struct vch_str certificate, struct vch_str key,
                                   struct vch_outcome *outcome) VCH_MUST;
/* Forgets certificate and key, wiping the key; the root stays. */
void vch_credentials_forget(struct vch_credentials *credentials);
/* A missing file is a warning and leaves the system's roots, as with the AWS client. */
enum vch_exit vch_credentials_load_root(struct vch_credentials *credentials, const char *path,
                                        struct vch_report *report, struct vch_outcome *outcome) VCH_MUST;
enum vch_exit vch_credentials_take_root(struct vch_credentials *credentials, struct vch_str pem,
                                        struct vch_outcome *outcome) VCH_MUST;

/* A secret file must be closed to group and others (0600), another one must not
 * be writable by them (0644); its folder neither. */
enum vch_exit vch_mode_check(const char *path, bool secret, struct vch_report *report,
                             struct vch_outcome *outcome) VCH_MUST;
/* Reads a whole text file of at most 64 KiB into `buf`. */
enum vch_exit vch_text_load(const char *path, const char *what, struct vch_buf *buf,
                            struct vch_outcome *outcome) VCH_MUST;

#endif
