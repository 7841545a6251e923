/* The registry's part for provisioning beyond AWS's: settings of templates,
 * certificates that wait for their successor, limits of people and requests
 * for approval, orphans, checkpoints of the ledger. Promises of store.h hold.
 */
#ifndef VCH_STORE_PROVISIONING_H
#define VCH_STORE_PROVISIONING_H

#include "store/iam.h"

/* ---- settings of a template -------------------------------------------- */

enum vch_on_active {
    VCH_ON_ACTIVE_DEFAULT, /* deny; for a claim bound to the thing's name replace-after-connect */
    VCH_ON_ACTIVE_DENY,
    VCH_ON_ACTIVE_KEEP,
    VCH_ON_ACTIVE_REPLACE_AFTER_CONNECT,
    VCH_ON_ACTIVE_REPLACE_NOW,
    VCH_ON_ACTIVE_COUNT
};
const char *vch_on_active_word(enum vch_on_active value); /* "default", "deny", … */
enum vch_on_active vch_on_active_parse(struct vch_str word); /* DEFAULT for what is none */

struct vch_rec_settings {
    enum vch_on_active on_active;
    bool rotation;   /* a device may ask for its successor */
    int64_t grace_s; /* how long the old certificate stays after the new one has connected */
    int64_t modified_ms; /* 0: never set */
};
enum vch_err vch_store_settings(struct vch_store *s, struct vch_str template_name, struct vch_rec_settings *ret, VCH_R) VCH_MUST; /* TEMPLATE_MISSING */
/* The default version and the settings, in one read. TEMPLATE_MISSING */
enum vch_err vch_store_template_with_settings(struct vch_store *s, struct vch_str name, struct vch_rec_template *ret,
                                              struct vch_rec_settings *ret_settings, VCH_R) VCH_MUST;
void vch_plan_settings_put(struct vch_plan *p, struct vch_str template_name, const struct vch_rec_settings *settings); /* TEMPLATE_MISSING */

/* ---- taking over and retiring ------------------------------------------ */

/* What becomes of the other ACTIVE certificates of `thing` when `certificate`
 * joins it: decided inside the transaction. DENY: THING_TAKEN. Told as changes
 * of each. *ret_count: how many there were. */
struct vch_takeover {
    struct vch_str thing, certificate_id;
    enum vch_on_active on_active; /* not DEFAULT */
    int64_t grace_s, now_ms;
};
void vch_plan_take_over(struct vch_plan *p, const struct vch_takeover *t, int64_t *ret_count);
/* `successor` gets what `certificate_id` is attached to (things, policies), and
 * ends it once it has connected. A successor made earlier that has not connected
 * is deactivated. CERTIFICATE_INACTIVE unless the old one is ACTIVE; ROTATION_OFF
 * when a successor of it has connected. */
void vch_plan_rotate(struct vch_plan *p, struct vch_str certificate_id, struct vch_str successor, int64_t grace_s, int64_t now_ms);

struct vch_rec_retirement {
    struct vch_str certificate_id, successor_id;
    int64_t grace_s, due_ms; /* due_ms 0: waits for the successor */
    bool rotated;
};
struct vch_list_retirement { struct vch_rec_retirement *items; size_t count; bool more; };
enum vch_err vch_store_retirements(struct vch_store *s, struct vch_str successor_id, struct vch_list_retirement *ret, VCH_R) VCH_MUST; /* at most 64 that wait for it */
enum vch_err vch_store_retirements_due(struct vch_store *s, int64_t now_ms, struct vch_list_retirement *ret, VCH_R) VCH_MUST; /* at most 500 */
/* The successor has connected: the old one ends now, or is due after its grace.
 * Or it was due. NOT_FOUND with CERTIFICATE_MISSING when another was quicker. */
void vch_plan_retire(struct vch_plan *p, const struct vch_rec_retirement *r, int64_t now_ms);

/* ---- claims ------------------------------------------------------------- */

void vch_plan_claims_room(struct vch_plan *p, struct vch_str template_name, int64_t now_ms, int64_t max); /* CLAIMS_FULL */
/* Counts as vch_plan_claim_count_certificate does, and remembers where the claim is used first; later uses change nothing of that. */
void vch_plan_claim_first_certificate(struct vch_plan *p, struct vch_str id, struct vch_str source_ip, struct vch_str client_id,
                                      int64_t now_ms, int64_t max);
enum vch_alarm { VCH_ALARM_SECOND_USE, VCH_ALARM_OTHER_NETWORK, VCH_ALARM_UNKNOWN_CLIENT, VCH_ALARM_COUNT };
const char *vch_alarm_word(enum vch_alarm alarm); /* "second-use" … */
/* Once a claim and kind: EXISTS without a diagnosis when it was raised before. */
void vch_plan_claim_alarm(struct vch_plan *p, struct vch_str id, enum vch_alarm alarm);

/* ---- limits of people --------------------------------------------------- */

struct vch_rec_limits {
    enum vch_iam_kind kind;
    struct vch_str owner;
    int64_t per_hour, per_day; /* 0: none */
    int64_t approval_above;    /* claims a day without a second person; below 0: any number */
    struct vch_str templates;  /* names with spaces between; empty: any */
    struct vch_str windows;    /* core/window.h, with ';' between; empty: always */
    int64_t modified_ms;
};
struct vch_list_limits { struct vch_rec_limits *items; size_t count; bool more; };
enum vch_err vch_store_limits(struct vch_store *s, enum vch_iam_kind kind, struct vch_str owner, struct vch_rec_limits *ret, VCH_R) VCH_MUST; /* LIMITS_MISSING */
enum vch_err vch_store_limits_list(struct vch_store *s, struct vch_page page, struct vch_list_limits *ret, VCH_R) VCH_MUST; /* by "kind/owner" */
void vch_plan_limits_put(struct vch_plan *p, const struct vch_rec_limits *limits); /* USER_MISSING, USER_GROUP_MISSING, ROLE_MISSING */
void vch_plan_limits_delete(struct vch_plan *p, enum vch_iam_kind kind, struct vch_str owner); /* LIMITS_MISSING */

/* Who asks for a claim of which template; `digest` names the request that an
 * approval is for. The limits of the principal, and of the groups of a user,
 * whose members count together; a claim counts once for each device that it
 * is for: LIMIT_TEMPLATE, LIMIT_WINDOW, LIMIT_HOUR,
 * LIMIT_DAY, APPROVAL_NEEDED. An approval is spent. */
struct vch_claim_ask {
    enum vch_iam_kind kind; /* user or role */
    struct vch_str owner, template_name, digest;
    int64_t uses, now_ms;
};
void vch_plan_need_claim_allowed(struct vch_plan *p, const struct vch_claim_ask *ask);

struct vch_rec_request {
    struct vch_str id, principal, person, template_name, digest, asked, state, decided_by;
    int64_t created_ms, expires_ms, decided_ms;
};
struct vch_list_request { struct vch_rec_request *items; size_t count; bool more; };
enum vch_err vch_store_request(struct vch_store *s, struct vch_str id, struct vch_rec_request *ret, VCH_R) VCH_MUST; /* REQUEST_MISSING */
/* The PENDING one of a digest. */
enum vch_err vch_store_request_pending(struct vch_store *s, struct vch_str digest, int64_t now_ms, struct vch_rec_request *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_requests(struct vch_store *s, struct vch_page page, struct vch_list_request *ret, VCH_R) VCH_MUST; /* by creation */
void vch_plan_request_insert(struct vch_plan *p, const struct vch_rec_request *r); /* EXISTS when one is PENDING for the digest */
/* From PENDING to APPROVED or DENIED: REQUEST_MISSING, APPROVAL_STATE. */
void vch_plan_request_decide(struct vch_plan *p, struct vch_str id, bool approve, struct vch_str decided_by, int64_t now_ms, int64_t expires_ms);

/* ---- what stands alone -------------------------------------------------- */

struct vch_rec_orphan {
    struct vch_str kind; /* "certificate-without-thing", "certificate-pending", "thing-without-certificate" */
    struct vch_str id;   /* certificate id or thing name */
    struct vch_str status, claim_id;
    int64_t created_ms;
};
struct vch_list_orphan { struct vch_rec_orphan *items; size_t count; bool more; };
enum vch_err vch_store_orphans(struct vch_store *s, struct vch_page page, struct vch_list_orphan *ret, VCH_R) VCH_MUST; /* by kind and id; `after` is "KIND/ID" */

/* ---- the ledger --------------------------------------------------------- */

struct vch_rec_checkpoint {
    int64_t seq, time_ms;
    struct vch_str hash, signature, public_key; /* 32 bytes; DER; DER */
};
struct vch_list_checkpoint { struct vch_rec_checkpoint *items; size_t count; bool more; };
/* Rows that match, from `from_seq` on, which is not among them; 0: from the end at
 * which the order begins. Empty views match anything; `any` is a thing, client,
 * claim, certificate, template, address or actor, `any_actor` that actor's ARN.
 * With a condition at most VCH_LEDGER_FIND_ROWS rows are looked at. *ret_next is
 * where to go on, 0 when all were seen; `ret->more` is not set. */
enum { VCH_LEDGER_FIND_ROWS = 20000 };
struct vch_ledger_query {
    bool newest_first;
    int64_t from_seq;
    struct vch_str event, outcome, any, any_actor;
};
enum vch_err vch_store_ledger_find(struct vch_store *s, const struct vch_ledger_query *query, size_t limit, struct vch_list_ledger *ret, int64_t *ret_next, VCH_R) VCH_MUST;
enum vch_err vch_store_ledger_row(struct vch_store *s, int64_t seq, struct vch_rec_ledger *ret, VCH_R) VCH_MUST; /* LEDGER_ROW_MISSING */
enum vch_err vch_store_ledger_last(struct vch_store *s, int64_t *ret_seq, uint8_t ret_hash[VCH_LEDGER_HASH_LEN], struct vch_diag *diag) VCH_MUST; /* 0 when it is empty */
enum vch_err vch_store_checkpoint(struct vch_store *s, int64_t seq, struct vch_rec_checkpoint *ret, VCH_R) VCH_MUST; /* CHECKPOINT_MISSING */
enum vch_err vch_store_checkpoints(struct vch_store *s, int64_t after_seq, size_t limit, struct vch_list_checkpoint *ret, VCH_R) VCH_MUST;
void vch_plan_checkpoint_insert(struct vch_plan *p, const struct vch_rec_checkpoint *c); /* one that is there stays */
/* Takes away the rows up to the checkpoint `seq`: CHECKPOINT_MISSING, and
 * LEDGER_BROKEN when the row is not the one that it vouches for. */
void vch_plan_ledger_prune(struct vch_plan *p, int64_t seq, int64_t *ret_rows);

#endif
