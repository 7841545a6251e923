/* Faults that a test asked for: what a device must live through, made to happen
 * on provisioning topics. Only there with --test-clock. Any thread.
 */
#ifndef VCH_API_FAULTS_H
#define VCH_API_FAULTS_H

#include "base/val.h"

enum vch_fault_kind {
    VCH_FAULT_NONE,
    VCH_FAULT_DELAY,        /* the answer comes late */
    VCH_FAULT_DROP,         /* it is done, and nobody is told */
    VCH_FAULT_THROTTLE,     /* refused as too fast; nothing is done */
    VCH_FAULT_HOOK_TIMEOUT, /* refused as if the hook had not answered; nothing is done */
    VCH_FAULT_INTERNAL,     /* refused as if the server had a fault of its own; nothing is done */
    VCH_FAULT_UNAVAILABLE,  /* refused as if signer or registry were away; nothing is done */
    VCH_FAULT_KIND_COUNT
};
struct vch_fault {
    enum vch_fault_kind kind;
    int64_t delay_ms;
};

enum { VCH_FAULTS_MAX = 64 };
struct vch_faults;
struct vch_faults *vch_faults_new(void); /* NULL: memory */
void vch_faults_free(struct vch_faults *faults);

/* What is to happen to this request, which counts; NONE mostly. NULL faults are none. */
struct vch_fault vch_faults_take(struct vch_faults *faults, const char *operation, struct vch_str client_id);

/* The operations of the API; inputs as ops.def has them. LIMIT: there are VCH_FAULTS_MAX. */
enum vch_err vch_faults_add(struct vch_faults *faults, const struct vch_val *in, struct vch_arena *arena, struct vch_val *out) VCH_MUST;
enum vch_err vch_faults_list(struct vch_faults *faults, struct vch_arena *arena, struct vch_val *out) VCH_MUST;
void vch_faults_clear(struct vch_faults *faults);

#endif
