/* What --pair names: "https://host[:port][/][#sha256=HEX]", the digest that of
 * the server's root certificate (DER). Pure. */
#ifndef VCH_AGENT_PAIR_URL_H
#define VCH_AGENT_PAIR_URL_H

#include "base/arena.h"

struct vch_pair_url {
    char host[256]; /* without brackets */
    uint16_t port;
    bool pinned;
    uint8_t root_sha256[32];
};
/* INVALID, with a sentence. */
enum vch_err vch_pair_url_parse(struct vch_str text, struct vch_pair_url *ret, struct vch_diag *diag) VCH_MUST;
/* That server's page for a person, in the arena; .ptr NULL: memory. */
struct vch_str vch_pair_url_page(const struct vch_pair_url *url, struct vch_arena *arena);

#endif
