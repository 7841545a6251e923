/* The signer: a process that holds the issuing keys and the ledger's, and
 * answers two kinds of request: a described certificate, which it builds itself
 * and refuses when the profile forbids it, and a described checkpoint of the
 * ledger. It signs nothing else. The client half is shared
 * by all worker threads of the front; each call blocks for one exchange.
 *
 * Wire between them: SOCK_SEQPACKET, one request a datagram, fixed layout,
 * every length checked, consumed to the last byte.
 */
#ifndef VCH_PKI_SIGNER_H
#define VCH_PKI_SIGNER_H

#include "base/arena.h"
#include "core/ledger.h"

enum vch_profile {
    VCH_PROFILE_CLAIM,  /* claim issuer; CN random; at most 24 h */
    VCH_PROFILE_DEVICE  /* device issuer; CN "AWS IoT Certificate" or the CSR's subject */
};

struct vch_issue {
    enum vch_profile profile;
    struct vch_str spki;    /* DER */
    struct vch_str subject; /* DER Name, or empty for the profile's own */
    int64_t not_before_ms, not_after_ms; /* whole seconds are used */
};
struct vch_issued {
    struct vch_str der, pem;
    char id[65];
};

struct vch_signer; /* client */
enum vch_err vch_signer_connect(int fd, struct vch_signer **ret) VCH_MUST; /* owns fd */
void vch_signer_close(struct vch_signer *signer);
/* UNAVAILABLE with SIGNER_FAILED when the process is gone or slow (5 s). Any thread. */
enum vch_err vch_signer_issue(struct vch_signer *signer, const struct vch_issue *issue, struct vch_arena *arena,
                              struct vch_issued *ret, struct vch_diag *diag) VCH_MUST;
/* The signature of vch_ledger_checkpoint_text over what is described, by the
 * ledger's own key, and that key (DER). The signer makes the text itself, and
 * refuses one that goes back behind an earlier one, or whose time is not its own. */
struct vch_checkpoint_signed {
    struct vch_str signature, public_key;
};
enum vch_err vch_signer_checkpoint(struct vch_signer *signer, const struct vch_ledger_checkpoint *checkpoint, struct vch_arena *arena,
                                   struct vch_checkpoint_signed *ret, struct vch_diag *diag) VCH_MUST;
/* CPU time of the signer process so far, and certificates issued. */
struct vch_signer_stats {
    int64_t cpu_us, issued, refused;
};
enum vch_err vch_signer_stats(struct vch_signer *signer, struct vch_signer_stats *ret) VCH_MUST;

/* The process's main: reads the issuers of DIR/ca, jails itself (no files, no network,
 * no exec), writes one byte to `fd` when ready, serves until the peer closes.
 * Several datagrams may wait; they are answered in order, tagged. */
enum vch_err vch_signer_run(int fd, const char *data_dir, bool test_clock, struct vch_diag *diag) VCH_MUST;

#endif
