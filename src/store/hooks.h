/* The registry's part for pre-provisioning hooks: which target stands behind
 * the ARN that a template names, and the rows of allow-lists. Promises of
 * store.h hold.
 */
#ifndef VCH_STORE_HOOKS_H
#define VCH_STORE_HOOKS_H

#include "store/store.h"

struct vch_rec_hook {
    struct vch_str name, target_arn;
    struct vch_str kind;   /* "https" | "program" | "allowlist" */
    struct vch_str target; /* a URL, a path, or the parameter that holds the serial */
    struct vch_str ca_pem, certificate_pem;   /* https, or empty */
    struct vch_str sealed_key, sealed_secret; /* https, or empty; opaque to the store */
    int64_t timeout_ms;                       /* 0: the server's */
    int64_t created_ms, modified_ms;
};
struct vch_rec_serial {
    struct vch_str serial;
    struct vch_str overrides; /* a JSON object of strings */
};
struct vch_list_hook { struct vch_rec_hook *items; size_t count; bool more; };
struct vch_list_serial { struct vch_rec_serial *items; size_t count; bool more; };

/* NOT_FOUND with HOOK_MISSING. */
enum vch_err vch_store_hook(struct vch_store *s, struct vch_str name, struct vch_rec_hook *ret, VCH_R) VCH_MUST;
/* NOT_FOUND with HOOK_UNKNOWN. */
enum vch_err vch_store_hook_of_target(struct vch_store *s, struct vch_str target_arn, struct vch_rec_hook *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_hooks(struct vch_store *s, struct vch_page page, struct vch_list_hook *ret, VCH_R) VCH_MUST; /* by name, upwards */
/* *ret_found tells; an allow-list that is gone has no rows. */
enum vch_err vch_store_hook_serial(struct vch_store *s, struct vch_str hook, struct vch_str serial, struct vch_rec_serial *ret, bool *ret_found, VCH_R) VCH_MUST;
enum vch_err vch_store_hook_serials(struct vch_store *s, struct vch_str hook, struct vch_page page, struct vch_list_serial *ret, VCH_R) VCH_MUST; /* by serial, upwards; HOOK_MISSING */

/* Makes it or changes it; created_ms is the first one's. EXISTS with HOOK_TAKEN when another hook has the target's ARN. */
void vch_plan_hook_put(struct vch_plan *p, const struct vch_rec_hook *hook);
void vch_plan_hook_delete(struct vch_plan *p, struct vch_str name); /* HOOK_MISSING; its rows go too */
/* Adds rows or changes them. `rows` must live until apply returns. HOOK_MISSING. */
void vch_plan_hook_serials_put(struct vch_plan *p, struct vch_str hook, const struct vch_rec_serial *rows, size_t count);
void vch_plan_hook_serial_delete(struct vch_plan *p, struct vch_str hook, struct vch_str serial); /* RESOURCE_MISSING */
void vch_plan_hook_serials_clear(struct vch_plan *p, struct vch_str hook); /* HOOK_MISSING */

#endif
