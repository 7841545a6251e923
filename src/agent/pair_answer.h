/* What a server says to a device that pairs, read strictly: everything is bounded,
 * and what is shown to a person holds nothing that a terminal would obey. Pure;
 * strings live in the arena. Sources: RFC 8628 3.2 and 3.5; the operations
 * StartPairing and PollPairing. */
#ifndef VCH_AGENT_PAIR_ANSWER_H
#define VCH_AGENT_PAIR_ANSWER_H

#include "base/val.h"

enum { VCH_PAIR_INTERVAL_MAX_S = 60, VCH_PAIR_LIFE_MAX_S = 86400, VCH_PAIR_URI_MAX = 256 };

struct vch_pair_start {
    struct vch_str pairing_id, device_code, user_code, uri, uri_complete;
    struct vch_str server_fingerprint; /* lower-hex; empty: not said */
    int64_t expires_in_s, interval_s;
};
/* MALFORMED for what is no such answer. */
enum vch_err vch_pair_start_read(struct vch_str json, struct vch_arena *arena, struct vch_pair_start *ret,
                                 struct vch_diag *diag) VCH_MUST;

struct vch_pair_claim {
    struct vch_str certificate_pem, template_name, parameters; /* a JSON object's text */
    struct vch_str thing_name, endpoint;                       /* thing_name may be empty */
    struct vch_str root_pem;
    int mqtt_port, edge_port; /* 0: not said */
};

enum vch_pair_state {
    VCH_PAIR_WAITING,
    VCH_PAIR_LOOKED_AT,
    VCH_PAIR_CLAIM, /* approved, and `claim` is whole */
    VCH_PAIR_OVER,  /* approved once, and there is no claim any more */
    VCH_PAIR_DENIED,
    VCH_PAIR_EXPIRED,
    VCH_PAIR_FAILED
};
struct vch_pair_poll {
    enum vch_pair_state state;
    int64_t interval_s;
    struct vch_str message; /* of a pairing that ended, may be empty */
    struct vch_pair_claim claim;
};
enum vch_err vch_pair_poll_read(struct vch_str json, struct vch_arena *arena, struct vch_pair_poll *ret,
                                struct vch_diag *diag) VCH_MUST;

/* The sentence of a refusal's body, cut to what fits; empty when there is none. */
void vch_pair_refusal_read(struct vch_str json, char *out, size_t size);

/* A claim's members under their names, and from there; for the state folder. */
enum vch_err vch_pair_claim_read(const struct vch_val *map, struct vch_arena *arena, struct vch_pair_claim *ret,
                                 struct vch_diag *diag) VCH_MUST;
void vch_pair_claim_write(const struct vch_pair_claim *claim, struct vch_buf *buf);

/* An address of the web: https, printable, nothing that a shell or a terminal gives a meaning. */
bool vch_pair_uri_is_plain(struct vch_str uri);

#endif
