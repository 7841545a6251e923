/* A successor for the device's certificate, by verify-then-swap: it is asked for
 * under the identity in use and saved beside it with its key; a connection is
 * made with it; only then the runtime file, in one rename, names it. The journal
 * (journal.h) stands from before the registration until after the swap, so that
 * a crash anywhere leaves an identity that works. One thread. */
#ifndef VCH_AGENT_RENEW_H
#define VCH_AGENT_RENEW_H

#include "agent/journal.h"
#include "agent/keystore.h"
#include "agent/link.h"

struct vch_renew {
    struct vch_link *link;
    struct vch_credentials *credentials; /* in use; replaced by the swap */
    const struct vch_state *state;
    struct vch_runtime *runtime; /* the same */
    struct vch_report *report;
    const char *endpoint, *client_id;
    const char *template_name; /* empty: there can be no renewal */
    const char *parameters;    /* JSON object, or NULL: {"ThingName": client_id} */
    enum vch_key_type key_type;
    /* Inside. */
    struct vch_journal journal;
    bool pending;
};

/* When the certificate should be renewed: two thirds of its life, wall clock. */
int64_t vch_renew_due_ms(const struct vch_validity *validity);

/* What an earlier run left; a swap that it had begun is finished. */
void vch_renew_look_back(struct vch_renew *renew);
/* On the open link under the identity in use: a key, a certificate, both saved,
 * registered. With `pending` set before, registers what was saved. Leaves
 * `pending` set when there is something to prove. */
enum vch_exit vch_renew_ask(struct vch_renew *renew, struct vch_outcome *outcome) VCH_MUST;
/* The link is closed. Connects with what is pending; then swaps and leaves the
 * link open. On failure the identity in use is untouched. */
enum vch_exit vch_renew_prove(struct vch_renew *renew, struct vch_outcome *outcome) VCH_MUST;
/* The token of what is pending still lives: it may be registered once more. */
bool vch_renew_may_resume(const struct vch_renew *renew);
void vch_renew_abandon(struct vch_renew *renew);

#endif
