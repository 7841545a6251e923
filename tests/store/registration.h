/* Plans of the sizes that provisioning makes: a claim, its certificate with a
 * token, and the registration that spends both. Thing, certificate, claim and
 * token of one registration share the number `n`. */
#ifndef TESTS_STORE_REGISTRATION_H
#define TESTS_STORE_REGISTRATION_H

#include "store/fixture.h"

struct names {
    struct vch_str thing, certificate, claim, token;
};

static inline struct names names_of(struct vch_arena *arena, int n) {
    /* Scattered as digests are. */
    unsigned mixed = (unsigned)n * 2654435761u;
    return (struct names){
        .thing = vch_arena_printf(arena, "thing-%d", n),
        .certificate = vch_arena_printf(arena, "%08x%048x%08x", mixed, 0xdu, (unsigned)n),
        .claim = vch_arena_printf(arena, "%08x%048x%08x", mixed, 0xcu, (unsigned)n),
        .token = vch_arena_printf(arena, "%08x%016x%08x", mixed, 0u, (unsigned)n),
    };
}

static inline void have_site(struct fix *f) {
    have_policy(f, "pubsub");
    have_template(f, "workshop");
}

static inline void plan_claim(struct vch_plan *p, const struct names *n, int64_t now_ms) {
    struct vch_rec_claim claim = a_claim(n->claim, "workshop");
    struct vch_rec_ledger row = a_row("claim-created");
    claim.created_ms = now_ms;
    claim.not_after_ms = now_ms + HOUR_MS;
    row.claim_id = n->claim;
    vch_plan_need_template(p, S("workshop"), true);
    vch_plan_claim_insert(p, &claim);
    vch_plan_ledger(p, &row);
}

static inline void plan_certificate(struct vch_plan *p, const struct names *n, struct vch_str pem, int64_t now_ms) {
    struct vch_rec_certificate certificate = a_certificate(n->certificate, "PENDING_ACTIVATION");
    struct vch_rec_token token = a_token(n->token, n->certificate);
    struct vch_rec_ledger row = a_row("certificate-created");
    certificate.created_ms = now_ms;
    certificate.claim_id = token.principal_id = row.claim_id = n->claim;
    token.expires_ms = now_ms + HOUR_MS;
    if (pem.len) certificate.pem = pem;
    vch_plan_claim_count_certificate(p, n->claim, now_ms, 10);
    vch_plan_certificate_insert(p, &certificate);
    vch_plan_token_insert(p, &token);
    vch_plan_ledger(p, &row);
}

static inline void plan_registration(struct vch_plan *p, const struct names *n, int64_t now_ms) {
    struct vch_rec_thing thing = a_thing("");
    struct vch_rec_ledger row = a_row("thing-registered");
    thing.name = row.thing_name = n->thing;
    row.certificate_id = n->certificate;
    row.claim_id = n->claim;
    vch_plan_need_template(p, S("workshop"), true);
    vch_plan_token_spend(p, n->token, now_ms, n->token, S("{\"deviceConfiguration\":{},\"thingName\":\"t\"}"));
    vch_plan_claim_use(p, n->claim, now_ms);
    vch_plan_need_policy(p, S("pubsub"));
    vch_plan_thing_ensure(p, &thing, NULL);
    vch_plan_need_thing_free(p, n->thing, n->certificate);
    vch_plan_policy_attach(p, S("pubsub"), n->certificate);
    vch_plan_thing_attach(p, n->thing, n->certificate, false);
    vch_plan_certificate_status(p, n->certificate, S("PENDING_ACTIVATION"), S("ACTIVE"), now_ms);
    vch_plan_ledger(p, &row);
}

enum whole { NOTHING, WHOLE, HALF };

/* Whether all that a registration writes is there, or none of it. */
static inline enum whole registration_state(struct fix *f, const struct names *n) {
    const struct vch_page page = {.limit = 5};
    struct vch_rec_certificate certificate;
    struct vch_rec_claim claim;
    struct vch_rec_thing thing;
    struct vch_rec_token token;
    struct vch_list_str policies = {0}, things = {0};
    int there = 0;
    if (vch_store_thing(f->store, n->thing, &thing, f->arena, NULL) == VCH_OK) there++;
    if (vch_store_certificate(f->store, n->certificate, &certificate, f->arena, NULL) == VCH_OK)
        there += vch_str_eq_c(certificate.status, "ACTIVE");
    if (vch_store_claim(f->store, n->claim, &claim, f->arena, NULL) == VCH_OK)
        there += vch_str_eq_c(claim.state, "SPENT") && claim.uses_done == 1;
    if (vch_store_token(f->store, n->token, &token, f->arena, NULL) == VCH_OK) there += token.spent;
    if (vch_store_attached_policies(f->store, n->certificate, page, &policies, f->arena, NULL) == VCH_OK)
        there += policies.count == 1;
    if (vch_store_principal_things(f->store, n->certificate, page, &things, f->arena, NULL) == VCH_OK)
        there += things.count == 1;
    return there == 0 ? NOTHING : there == 6 ? WHOLE : HALF;
}

#endif
