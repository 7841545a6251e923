/* One pairing under way, in STATE/keys/pairing.json (0600): the device's key and
 * request, the codes, the root certificate of the server, and in the end the
 * claim. One file, so one rename: a device that was switched off goes on with the
 * same key and the same code. Removed when the device has its identity, and when
 * the pairing ended without one. Strings live in the state's arena. */
#ifndef VCH_AGENT_PAIR_STATE_H
#define VCH_AGENT_PAIR_STATE_H

#include "agent/pair_answer.h"
#include "agent/state.h"

struct vch_pairing {
    /* What it was begun with: another server, name or key is another pairing. */
    struct vch_str server, serial, model, suggested, key_source;
    struct vch_str key, request; /* key: PEM, or the URI of a token's */
    struct vch_str root_pem;
    bool root_given;             /* by --root-ca or a digest, and not met first */
    struct vch_pair_start codes; /* device_code empty: not begun yet */
    int64_t expires_ms;          /* wall clock */
    bool has_claim;
    struct vch_pair_claim claim;
};

/* False when there is none, or it is not whole. CREDENTIALS in `outcome` and exit when its mode cannot be mended. */
enum vch_exit vch_pairing_load(const struct vch_state *state, struct vch_pairing *ret, bool *ret_found,
                               struct vch_report *report, struct vch_outcome *outcome) VCH_MUST;
enum vch_exit vch_pairing_save(const struct vch_state *state, const struct vch_pairing *pairing,
                               struct vch_outcome *outcome) VCH_MUST;
void vch_pairing_remove(const struct vch_state *state);
/* Of its document. */
bool vch_pairing_read(const struct vch_val *document, struct vch_arena *arena, struct vch_pairing *ret);
bool vch_pairing_same(const struct vch_pairing *kept, const struct vch_pairing *wanted);

#endif
