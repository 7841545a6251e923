/* What every step of a provisioning checks of its caller. Worker threads. */
#ifndef VCH_SERVICE_CLAIM_RULES_H
#define VCH_SERVICE_CLAIM_RULES_H

#include "core/binding.h"
#include "service/call.h"

/* Loads the caller's claim and refuses one that is not the caller's to use:
 * CLAIM_CANCELLED, CLAIM_EXPIRED; CLAIM_SPENT unless `spent_too`. Callers that
 * are registered devices ("provisioning by claim") have none: *ret is zero. Its
 * bindings come along; CLAIM_SOURCE when the caller is not where it may be. */
enum vch_err vch_claim_of_caller(struct vch_call *call, bool spent_too, struct vch_rec_claim *ret, struct vch_binding *ret_binding) VCH_MUST;
/* The same refusals on a claim that was loaded; a zero one (of a device) passes. */
enum vch_err vch_claim_check(const struct vch_call *call, const struct vch_rec_claim *claim, bool spent_too) VCH_MUST;

/* The id by which tokens are bound: the caller's certificate. */
struct vch_str vch_claim_principal(const struct vch_call *call);

/* A fresh ownership token for `certificate_id`: the text goes to the caller,
 * its hash into the plan. */
enum vch_err vch_claim_token(struct vch_call *call, struct vch_plan *plan, struct vch_str certificate_id,
                             struct vch_str *ret_token) VCH_MUST;

/* The new certificate, its token, the claim's count, the step of its pairing and
 * the ledger row, in one transaction; then the members that both creating
 * operations answer with. */
enum vch_err vch_claim_save_certificate(struct vch_call *call, const struct vch_rec_claim *claim, const struct vch_binding *binding,
                                        const struct vch_issued *issued) VCH_MUST;

/* SHA-256 of a token, in the arena; .ptr NULL when memory is out. */
struct vch_str vch_claim_token_hash(struct vch_arena *arena, struct vch_str token);

/* Issues a device certificate for `spki`: valid from two minutes ago until the
 * end of 2049, as AWS does. `subject` may be empty. */
enum vch_err vch_claim_issue_device(struct vch_call *call, struct vch_str spki, struct vch_str subject,
                                    struct vch_issued *ret) VCH_MUST;

#endif
