/* One change of the registry by one call: a plan, and the ledger row that
 * tells of it, applied together.
 */
#ifndef VCH_SERVICE_CHANGE_H
#define VCH_SERVICE_CHANGE_H

#include "service/call.h"

struct vch_change {
    struct vch_plan *plan;
    struct vch_rec_ledger row; /* prefilled; the use case adds what it knows */
};

enum vch_err vch_change_begin(struct vch_call *call, const char *event, struct vch_change *ret) VCH_MUST;
/* The row's detail: one object of strings. `names` ends with NULL. */
enum vch_err vch_change_detail(struct vch_call *call, struct vch_change *change, const char *const *names,
                               const struct vch_str *values) VCH_MUST;
/* The same for the commonest case, one member. */
enum vch_err vch_change_about(struct vch_call *call, struct vch_change *change, const char *name, struct vch_str value) VCH_MUST;
enum vch_err vch_change_apply(struct vch_call *call, struct vch_change *change) VCH_MUST;

/* ---- what answers have in common ---- */
enum vch_err vch_put_arn(struct vch_call *call, struct vch_val *map, const char *name, const char *type, struct vch_str id) VCH_MUST;
enum vch_err vch_put_number_str(struct vch_call *call, struct vch_val *map, const char *name, int64_t number) VCH_MUST;
/* For a name that is taken: out gets resourceId and resourceArn, the diagnosis
 * says `message`. Returns `err` unchanged; other errors pass untouched. */
enum vch_err vch_call_taken(struct vch_call *call, enum vch_err err, const char *type, struct vch_str id,
                            const char *reason, const char *message) VCH_MUST;
/* The certificate that a principal or target ARN names. TARGET_INVALID for
 * what is no certificate of this site. */
enum vch_err vch_target_certificate(struct vch_call *call, const char *field, struct vch_str *ret_id) VCH_MUST;
/* The same, and it must exist. */
enum vch_err vch_target_existing(struct vch_call *call, const char *field, struct vch_str *ret_id) VCH_MUST;

#endif
