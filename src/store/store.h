/* The registry: what exists, and the ledger of how it came to be.
 *
 * One interface over SQL drivers, SQLite and PostgreSQL, chosen by the URL.
 * Reads are typed functions; any thread may call them, each blocks for one
 * indexed query. Writes are plans: an ordered list of guards and writes that is
 * applied all or nothing together with its ledger rows; vch_store_apply returns
 * when the commit is durable. Results are views into the caller's arena.
 * Times are milliseconds since the epoch. Certificate ids are 64 lower-case
 * hexadecimal digits. Errors: NOT_FOUND with a *_MISSING reason, UNAVAILABLE or
 * IO with STORE_FAILED, and what each guard says. A list of what belongs to an
 * owner (versions, attachments, keys) is NOT_FOUND without the owner. A record
 * asked for by an explicit version has that version's created_ms.
 *
 * After a failed commit (disk full, input or output) nothing of the plans that
 * shared it is there, each of them is told so, and the store goes on. Only a
 * connection to a remote database that breaks in the very answer to a commit
 * leaves open whether it is there; what was acknowledged always is.
 */
#ifndef VCH_STORE_STORE_H
#define VCH_STORE_STORE_H

#include "base/arena.h"
#include "core/arn.h"
#include "core/ledger.h"

struct vch_store;

/* What a commit changed, told once per change after it is durable and before
 * apply returns, on the store's writer thread: be quick, post elsewhere, never
 * apply a plan from it. What other servers on the same database change is told
 * by a thread of its own, beside it, a moment after their commit. */
enum vch_change_kind {
    VCH_CHANGE_CERTIFICATE, /* status, policies or things of certificate `key` */
    VCH_CHANGE_CLAIM,       /* state of claim `key` (its certificate id) */
    VCH_CHANGE_POLICY,      /* a document in force of policy `key` */
    VCH_CHANGE_TEMPLATE,    /* template `key`: enabled, default version, deleted */
    VCH_CHANGE_USER,        /* keys or policies of user `key` */
    VCH_CHANGE_ROLE,        /* trust or policies of role `key` */
    VCH_CHANGE_LEDGER,      /* rows at the end of the ledger; no key */
    VCH_CHANGE_PAIRING,     /* how far pairing `key` is */
    VCH_CHANGE_SESSION,     /* sessions of user `key` in browsers ended */
    VCH_CHANGE_ALL          /* anything: a time went by in which other servers' changes were not heard */
};
typedef void vch_store_on_change(void *arg, enum vch_change_kind kind, struct vch_str key);

struct vch_store_options {
    const char *url;          /* "sqlite:/path/registry.db", "postgresql://..." */
    int64_t commit_delay_us;  /* tests only: a slow disk, slept before each durable commit */
    vch_store_on_change *on_change;
    void *on_change_arg;
};

/* Opens, migrates forward, starts the writer. A store newer than this program is refused. */
enum vch_err vch_store_open(const struct vch_store_options *options, struct vch_store **ret, struct vch_diag *diag) VCH_MUST;
void vch_store_close(struct vch_store *store); /* waits for plans under way; NULL is fine */
/* Is the database a file of this process? Then a point read takes microseconds and may be done on a loop. */
bool vch_store_is_local(const struct vch_store *store);
/* Files that the database's client may read when it connects again: for a jail. */
void vch_store_each_path(const char *url, void (*on_path)(void *arg, const char *path), void *arg);

/* ---- records ---------------------------------------------------------- */

struct vch_rec_policy {
    struct vch_str name, document, generation_id;
    int64_t version, default_version, created_ms, modified_ms;
};
struct vch_rec_template {
    struct vch_str name, description, body, role_arn, hook_target, hook_payload_version, type; /* type "FLEET_PROVISIONING" | "JITP" */
    int64_t version; /* of `body` */
    int64_t default_version, created_ms, modified_ms;
    bool enabled;
};
struct vch_rec_version {
    int64_t version, created_ms;
    bool is_default;
    struct vch_str body; /* document or template body; empty in lists */
};
struct vch_rec_certificate {
    struct vch_str id, pem, status; /* "ACTIVE" "INACTIVE" "REVOKED" "PENDING_ACTIVATION" … */
    struct vch_str mode;            /* "DEFAULT" | "SNI_ONLY" */
    struct vch_str ca_id;           /* empty unless a registered CA signed it */
    struct vch_str claim_id;        /* the claim it came through, or empty */
    int64_t not_before_ms, not_after_ms, created_ms, modified_ms, customer_version;
};
/* A CA certificate of someone else's, registered here. */
struct vch_rec_authority {
    struct vch_str id, pem, status, mode; /* "ACTIVE" "INACTIVE"; "DEFAULT" "SNI_ONLY" */
    struct vch_str subject;               /* hexadecimal SHA-256 of the DER name */
    struct vch_str template_name, template_body, role_arn; /* of the devices it brings; a template by name or by its text, or neither */
    bool auto_registration;
    int64_t not_before_ms, not_after_ms, created_ms, modified_ms, customer_version;
};
enum { VCH_AUTHORITIES_OF_SUBJECT_MAX = 10 };
struct vch_rec_claim {
    struct vch_str id; /* certificate id */
    struct vch_str template_name, created_by /* ARN */, state; /* "LIVE" "SPENT" "CANCELLED" */
    struct vch_str bindings; /* JSON object, "{}" when there are none */
    int64_t not_before_ms, not_after_ms, created_ms, uses_max, uses_done, certificates_made;
    struct vch_str principal;                  /* "user/NAME" or "role/NAME": whose limits it counts for */
    struct vch_str first_source, first_client; /* where it was used first; empty: not yet */
    int64_t alarms;                            /* bits of enum vch_alarm */
};
struct vch_rec_token {
    struct vch_str hash; /* 32 bytes, SHA-256 of the token */
    struct vch_str certificate_id, principal_id; /* claim or certificate that asked */
    int64_t expires_ms;
    bool spent;
    struct vch_str request_hash; /* 32 bytes, of the request that spent it */
    struct vch_str answer;       /* JSON of the answer to it */
};
struct vch_rec_thing {
    struct vch_str name, id /* UUID */, type_name, billing_group, attributes; /* JSON object */
    int64_t version, created_ms, modified_ms;
};
struct vch_rec_user {
    struct vch_str name, password_hash; /* argon2id encoded, or empty */
    int64_t created_ms;
};
struct vch_rec_access_key {
    struct vch_str id, user_name;
    struct vch_str sealed_secret; /* opaque to the store */
    struct vch_str status;        /* "Active" | "Inactive" */
    int64_t created_ms, last_used_ms;
};

/* A page: items after `after` (a key that the previous page ended with; empty
 * for the first), at most `limit`; *ret_more when there are further ones. Lists
 * by creation also take "CREATED_MS/ID", which holds when that item is gone; a
 * bare id that is gone is INVALID with PAGE_TOKEN_INVALID. */
struct vch_page {
    struct vch_str after;
    size_t limit;
    bool descending;
};
#define VCH_LIST_OF(type)                                                                                              \
    struct {                                                                                                           \
        struct type *items;                                                                                            \
        size_t count;                                                                                                  \
        bool more;                                                                                                     \
    }
struct vch_list_str { struct vch_str *items; size_t count; bool more; };
struct vch_list_policy { struct vch_rec_policy *items; size_t count; bool more; };
struct vch_list_template { struct vch_rec_template *items; size_t count; bool more; };
struct vch_list_version { struct vch_rec_version *items; size_t count; bool more; };
struct vch_list_certificate { struct vch_rec_certificate *items; size_t count; bool more; };
struct vch_list_authority { struct vch_rec_authority *items; size_t count; bool more; };
struct vch_list_claim { struct vch_rec_claim *items; size_t count; bool more; };
struct vch_list_thing { struct vch_rec_thing *items; size_t count; bool more; };
/* One attachment of a thing and a certificate, seen from either. */
struct vch_rec_attachment {
    struct vch_str key; /* certificate id or thing name */
    bool exclusive;
};
enum vch_attachment_kind { VCH_ATTACHMENT_NON_EXCLUSIVE, VCH_ATTACHMENT_EXCLUSIVE, VCH_ATTACHMENT_ANY };
struct vch_list_attachment { struct vch_rec_attachment *items; size_t count; bool more; };
struct vch_list_user { struct vch_rec_user *items; size_t count; bool more; };
struct vch_list_access_key { struct vch_rec_access_key *items; size_t count; bool more; };
struct vch_list_ledger { struct vch_rec_ledger *items; size_t count; bool more; };

/* ---- reads (R: the common tail of every read) -------------------------- */
#define VCH_R struct vch_arena *arena, struct vch_diag *diag

enum vch_err vch_store_policy(struct vch_store *s, struct vch_str name, int64_t version /* 0: default */, struct vch_rec_policy *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_policies(struct vch_store *s, struct vch_page page, struct vch_list_policy *ret, VCH_R) VCH_MUST; /* by name */
enum vch_err vch_store_policy_versions(struct vch_store *s, struct vch_str name, struct vch_list_version *ret, VCH_R) VCH_MUST; /* newest first */
enum vch_err vch_store_template(struct vch_store *s, struct vch_str name, int64_t version /* 0: default */, struct vch_rec_template *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_templates(struct vch_store *s, struct vch_page page, struct vch_list_template *ret, VCH_R) VCH_MUST; /* by name, without bodies */
enum vch_err vch_store_template_versions(struct vch_store *s, struct vch_str name, struct vch_page page, struct vch_list_version *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_certificate(struct vch_store *s, struct vch_str id, struct vch_rec_certificate *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_certificates(struct vch_store *s, struct vch_page page, struct vch_list_certificate *ret, VCH_R) VCH_MUST; /* by creation; `after` is an id; without PEM */
enum vch_err vch_store_certificates_of_ca(struct vch_store *s, struct vch_str ca_id, struct vch_page page, struct vch_list_certificate *ret, VCH_R) VCH_MUST; /* the same of one authority; none when it is not there */
enum vch_err vch_store_authority(struct vch_store *s, struct vch_str id, struct vch_rec_authority *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_authorities(struct vch_store *s, struct vch_str template_name /* empty: any */, struct vch_page page, struct vch_list_authority *ret, VCH_R) VCH_MUST; /* by creation; without PEM and template body */
enum vch_err vch_store_authorities_of_subject(struct vch_store *s, struct vch_str subject, struct vch_list_authority *ret, VCH_R) VCH_MUST; /* whole */
enum vch_err vch_store_claim(struct vch_store *s, struct vch_str id, struct vch_rec_claim *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_claims(struct vch_store *s, struct vch_page page, struct vch_list_claim *ret, VCH_R) VCH_MUST; /* by creation */
enum vch_err vch_store_token(struct vch_store *s, struct vch_str hash, struct vch_rec_token *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_thing(struct vch_store *s, struct vch_str name, struct vch_rec_thing *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_things(struct vch_store *s, struct vch_page page, struct vch_list_thing *ret, VCH_R) VCH_MUST; /* by name */
enum vch_err vch_store_thing_principals(struct vch_store *s, struct vch_str thing, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST; /* certificate ids; NOT_FOUND without the thing */
enum vch_err vch_store_principal_things(struct vch_store *s, struct vch_str certificate_id, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST;
/* The same with what kind each is, those of `kind` only; upwards. */
enum vch_err vch_store_thing_attachments(struct vch_store *s, struct vch_str thing, enum vch_attachment_kind kind, struct vch_page page, struct vch_list_attachment *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_principal_attachments(struct vch_store *s, struct vch_str certificate_id, enum vch_attachment_kind kind, struct vch_page page, struct vch_list_attachment *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_attached_policies(struct vch_store *s, struct vch_str certificate_id, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST; /* names */
enum vch_err vch_store_policy_targets(struct vch_store *s, struct vch_str policy, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_user(struct vch_store *s, struct vch_str name, struct vch_rec_user *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_users(struct vch_store *s, struct vch_page page, struct vch_list_user *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_access_key(struct vch_store *s, struct vch_str key_id, struct vch_rec_access_key *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_access_keys(struct vch_store *s, struct vch_str user, struct vch_list_access_key *ret, VCH_R) VCH_MUST;
/* Inline IAM policies of a user: records whose `document` is filled. */
enum vch_err vch_store_user_policies(struct vch_store *s, struct vch_str user, struct vch_list_policy *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_meta(struct vch_store *s, struct vch_str key, struct vch_str *ret, VCH_R) VCH_MUST; /* NOT_FOUND */
enum vch_err vch_store_ledger(struct vch_store *s, int64_t after_seq, size_t limit, struct vch_list_ledger *ret, VCH_R) VCH_MUST;
/* Recomputes the whole chain, and that the last row this process wrote is in it.
 * *ret_rows good ones; CONFLICT with LEDGER_BROKEN, the first bad row's number in `field`. */
enum vch_err vch_store_ledger_verify(struct vch_store *s, int64_t *ret_rows, struct vch_diag *diag) VCH_MUST;
/* How many claims of a template are live at `now_ms`. */
enum vch_err vch_store_claims_live(struct vch_store *s, struct vch_str template_name, int64_t now_ms, int64_t *ret, struct vch_diag *diag) VCH_MUST;

/* ACTIVE certificates that end from `from_ms` on and before `until_ms`. Reads them all. */
enum vch_err vch_store_certificates_expiring(struct vch_store *s, int64_t from_ms, int64_t until_ms, int64_t *ret_count,
                                             struct vch_diag *diag) VCH_MUST;
/* What a TLS handshake needs to know of a certificate: one point read. */
enum vch_identity_kind { VCH_IDENTITY_UNKNOWN, VCH_IDENTITY_DEVICE, VCH_IDENTITY_CLAIM };
struct vch_identity {
    enum vch_identity_kind kind;
    bool usable; /* device: ACTIVE; claim: not cancelled (a spent one may still repeat its answer) */
    bool revoked;
    bool sni_only; /* device: of mode SNI_ONLY */
    bool succeeds; /* device: another certificate, or a pairing, waits for this one to connect (provisioning.h, pairings.h) */
    int64_t not_before_ms, not_after_ms;
    char template_name[40]; /* claims */
};
enum vch_err vch_store_identity(struct vch_store *s, struct vch_str certificate_id, struct vch_identity *ret) VCH_MUST; /* zero with kind UNKNOWN when absent; from memory when the certificate is known */

/* What an MQTT connection needs: one consistent read. */
struct vch_rec_authz {
    struct vch_rec_policy *policies; /* default versions of the attached policies, with documents */
    size_t policy_count;
    struct vch_rec_thing *things;    /* attached things, at most 64 */
    size_t thing_count;
    const struct vch_rec_thing *exclusive; /* the one of them that is attached exclusively, or NULL */
};
enum vch_err vch_store_authz(struct vch_store *s, struct vch_str certificate_id, struct vch_rec_authz *ret, VCH_R) VCH_MUST;
/* The same, and when one of the things has the client id for a name, the policies of its groups and all above them. */
enum vch_err vch_store_authz_as(struct vch_store *s, struct vch_str certificate_id, struct vch_str client_id, struct vch_rec_authz *ret, VCH_R) VCH_MUST;

/* ---- plans ------------------------------------------------------------ */

struct vch_plan;
/* Lives in `arena`; every view passed in must live until apply returns. The
 * adders cannot fail: shortage of memory is remembered and told by apply. */
struct vch_plan *vch_plan_new(struct vch_arena *arena);

/* Guards. */
void vch_plan_need_template(struct vch_plan *p, struct vch_str name, bool enabled); /* TEMPLATE_MISSING, TEMPLATE_DISABLED */
void vch_plan_need_policy(struct vch_plan *p, struct vch_str name);                 /* POLICY_MISSING */
/* THING_TAKEN when the thing has an ACTIVE certificate attached other than `except_certificate`. */
void vch_plan_need_thing_free(struct vch_plan *p, struct vch_str thing, struct vch_str except_certificate);

/* Policies. `ret_*` are written during apply. */
void vch_plan_policy_create(struct vch_plan *p, const struct vch_rec_policy *policy); /* POLICY_EXISTS; version 1 */
void vch_plan_policy_ensure(struct vch_plan *p, const struct vch_rec_policy *policy); /* creates unless there */
void vch_plan_policy_version_add(struct vch_plan *p, struct vch_str name, struct vch_str document, bool set_default, int64_t now_ms, int64_t *ret_version); /* POLICY_VERSIONS_FULL */
void vch_plan_policy_default_set(struct vch_plan *p, struct vch_str name, int64_t version, int64_t now_ms); /* POLICY_VERSION_MISSING */
void vch_plan_policy_version_delete(struct vch_plan *p, struct vch_str name, int64_t version); /* DELETE_CONFLICT for the default */
void vch_plan_policy_delete(struct vch_plan *p, struct vch_str name); /* DELETE_CONFLICT with attachments or other versions */
void vch_plan_policy_attach(struct vch_plan *p, struct vch_str name, struct vch_str certificate_id); /* idempotent; POLICY_MISSING, CERTIFICATE_MISSING, POLICIES_PER_CERTIFICATE */
void vch_plan_policy_detach(struct vch_plan *p, struct vch_str name, struct vch_str certificate_id); /* idempotent; POLICY_MISSING */

/* Templates. */
void vch_plan_template_create(struct vch_plan *p, const struct vch_rec_template *t); /* TEMPLATE_EXISTS; version 1 */
struct vch_template_change {
    struct vch_str name;
    bool set_description, set_enabled, set_default_version, set_role, set_hook;
    struct vch_str description, role_arn, hook_target, hook_payload_version; /* empty hook: removed */
    bool enabled;
    int64_t default_version;
    int64_t now_ms;
};
void vch_plan_template_update(struct vch_plan *p, const struct vch_template_change *change); /* TEMPLATE_MISSING, TEMPLATE_VERSION_MISSING */
void vch_plan_template_version_add(struct vch_plan *p, struct vch_str name, struct vch_str body, bool set_default, int64_t now_ms, int64_t *ret_version); /* TEMPLATE_VERSIONS_FULL */
void vch_plan_template_version_delete(struct vch_plan *p, struct vch_str name, int64_t version); /* DELETE_CONFLICT for the default */
void vch_plan_template_delete(struct vch_plan *p, struct vch_str name); /* cancels its live claims; DELETE_CONFLICT with other versions */

/* Certificates, claims, tokens. */
void vch_plan_certificate_insert(struct vch_plan *p, const struct vch_rec_certificate *c); /* CERTIFICATE_EXISTS */
/* CERTIFICATE_MISSING; CERTIFICATE_STATE when `expect` is not empty and differs. */
void vch_plan_certificate_status(struct vch_plan *p, struct vch_str id, struct vch_str expect, struct vch_str status, int64_t now_ms);
void vch_plan_certificate_delete(struct vch_plan *p, struct vch_str id); /* the caller checked the rules; attachments go too */
/* Authorities. */
void vch_plan_need_authority(struct vch_plan *p, struct vch_str id); /* CA_MISSING; CERTIFICATE_STATE unless ACTIVE */
void vch_plan_authority_insert(struct vch_plan *p, const struct vch_rec_authority *ca); /* CA_EXISTS, CAS_FULL */
struct vch_authority_change {
    struct vch_str id, status; /* empty status: as it was */
    bool set_auto_registration, auto_registration;
    bool set_registration; /* the three below, together */
    struct vch_str template_name, template_body, role_arn;
    int64_t now_ms;
};
void vch_plan_authority_update(struct vch_plan *p, const struct vch_authority_change *change); /* CA_MISSING */
void vch_plan_authority_delete(struct vch_plan *p, struct vch_str id); /* CA_MISSING; CERTIFICATE_STATE when ACTIVE; its certificates stay */
void vch_plan_claim_insert(struct vch_plan *p, const struct vch_rec_claim *c);
/* One more waiting certificate (made and not yet used); CLAIM_MISSING, CLAIM_SPENT, CLAIM_CANCELLED, CLAIM_EXPIRED, CLAIM_CERTIFICATES_FULL. */
void vch_plan_claim_count_certificate(struct vch_plan *p, struct vch_str id, int64_t now_ms, int64_t max);
void vch_plan_claim_use(struct vch_plan *p, struct vch_str id, int64_t now_ms); /* SPENT once uses_done reaches uses_max; the refusals above */
void vch_plan_claim_cancel(struct vch_plan *p, struct vch_str id, int64_t now_ms); /* idempotent; STATE with CLAIM_SPENT */
void vch_plan_token_insert(struct vch_plan *p, const struct vch_rec_token *t);
void vch_plan_token_spend(struct vch_plan *p, struct vch_str hash, int64_t now_ms, struct vch_str request_hash, struct vch_str answer); /* TOKEN_INVALID when spent, stale or unknown */
/* Deletes what the hour has passed: tokens, and their certificates still PENDING_ACTIVATION; claims a day after their end.
 * At most 5000 of each a call: while *ret_certificates is that, there may be more. */
void vch_plan_sweep(struct vch_plan *p, int64_t now_ms, int64_t *ret_certificates);

/* Things. */
void vch_plan_thing_ensure(struct vch_plan *p, const struct vch_rec_thing *t, bool *ret_created); /* leaves an existing one alone */
void vch_plan_thing_update(struct vch_plan *p, const struct vch_rec_thing *t); /* THING_MISSING; version + 1 */
void vch_plan_thing_create(struct vch_plan *p, const struct vch_rec_thing *t); /* THING_EXISTS */
/* Sets type and attributes, where `t->version` is still the thing's: THING_MISSING, CONFLICT with THING_VERSION. */
void vch_plan_thing_change(struct vch_plan *p, const struct vch_rec_thing *t);
void vch_plan_need_thing_version(struct vch_plan *p, struct vch_str name, int64_t version); /* THING_MISSING, THING_VERSION */
void vch_plan_thing_attach(struct vch_plan *p, struct vch_str thing, struct vch_str certificate_id, bool exclusive); /* idempotent; THING_CONFLICT when exclusive elsewhere */
void vch_plan_thing_detach(struct vch_plan *p, struct vch_str thing, struct vch_str certificate_id); /* idempotent; THING_MISSING */
void vch_plan_thing_delete(struct vch_plan *p, struct vch_str name); /* THING_MISSING; DELETE_CONFLICT with certificates attached */

/* Users. */
void vch_plan_user_create(struct vch_plan *p, const struct vch_rec_user *u); /* USER_EXISTS */
void vch_plan_user_delete(struct vch_plan *p, struct vch_str name);          /* with keys and policies */
void vch_plan_user_password(struct vch_plan *p, struct vch_str name, struct vch_str password_hash);
void vch_plan_user_policy_put(struct vch_plan *p, struct vch_str user, struct vch_str name, struct vch_str document); /* USER_MISSING */
void vch_plan_user_policy_delete(struct vch_plan *p, struct vch_str user, struct vch_str name);
void vch_plan_access_key_insert(struct vch_plan *p, const struct vch_rec_access_key *k); /* at most 2 a user: LIMIT */
void vch_plan_access_key_status(struct vch_plan *p, struct vch_str key_id, struct vch_str status);
void vch_plan_access_key_delete(struct vch_plan *p, struct vch_str key_id);
void vch_plan_meta_ensure(struct vch_plan *p, struct vch_str key, struct vch_str value, bool *ret_created); /* leaves an existing one alone */
void vch_plan_meta_delete(struct vch_plan *p, struct vch_str key); /* NOT_FOUND with RESOURCE_MISSING */
void vch_plan_meta_put(struct vch_plan *p, struct vch_str key, struct vch_str value);

/* The last step of a plan that is only tried: refuses with STATE and REHEARSED, so that nothing of it stays. */
void vch_plan_rehearse(struct vch_plan *p);

/* One row, chained and written in the same transaction. seq, time_ms and the hashes are the store's. */
void vch_plan_ledger(struct vch_plan *p, const struct vch_rec_ledger *row);

/* All or nothing; returns after the commit is durable. The error and diagnosis
 * are those of the first guard or write that refused. Blocks. */
enum vch_err vch_store_apply(struct vch_store *s, struct vch_plan *plan, struct vch_diag *diag) VCH_MUST;

/* Since open. */
struct vch_store_stats {
    int64_t plans;   /* applied, refused and failed ones */
    int64_t refused; /* by a guard or a write of their own */
    int64_t failed;  /* with the batch that they were in: disk full and the like */
    int64_t commits; /* durable transactions: the others shared one */
    int64_t largest_batch, writer_cpu_us;
};
void vch_store_stats(struct vch_store *s, struct vch_store_stats *ret);

#endif
