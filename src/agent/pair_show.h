/* What a device that pairs shows to people: code, address, QR code, fingerprints.
 * For a terminal, for other outputs without escapes, and as one line of JSON. */
#ifndef VCH_AGENT_PAIR_SHOW_H
#define VCH_AGENT_PAIR_SHOW_H

#include "agent/pair_state.h"

enum vch_pair_qr { VCH_PAIR_QR_AUTO, VCH_PAIR_QR_ALWAYS, VCH_PAIR_QR_NEVER };
bool vch_pair_qr_parse(struct vch_str word, enum vch_pair_qr *ret);

struct vch_pair_screen {
    const struct vch_pairing *pairing;
    const char *key_fingerprint, *root_fingerprint; /* lower-hex SHA-256 */
    enum vch_pair_qr qr;
    int64_t left_s;
};
/* The address with what this device saw: &k= the key, &r= the root. In the arena; .ptr NULL: memory. */
struct vch_str vch_pair_uri(const struct vch_pair_screen *screen, struct vch_arena *arena);
void vch_pair_show(const struct vch_pair_screen *screen, struct vch_arena *arena, struct vch_report *report);
/* The lines for people; `columns` 0: no terminal. */
void vch_pair_draw(const struct vch_pair_screen *screen, struct vch_str uri, unsigned columns, bool escapes,
                   struct vch_buf *out);

#endif
