/* What a device connection may do: its certificate's policies, compiled and
 * shared, and the thing behind its client id, frozen at one moment. The engine
 * is core/policy; this file gives it the variables.
 * Source: AWS IoT "Thing policy variables", "Certificate policy variables".
 */
#ifndef VCH_SERVICE_AUTHZ_H
#define VCH_SERVICE_AUTHZ_H

#include "core/policy.h"
#include "service/call.h"

/* Compiled documents by policy name; any thread. */
enum vch_err vch_policy_cache_new(struct vch_policy_cache **ret) VCH_MUST;
void vch_policy_cache_free(struct vch_policy_cache *cache);

/* Immutable and reference counted; any thread. */
struct vch_authz;

/* Reads and compiles. Blocks: worker threads. A policy that does not compile
 * (it was accepted once, so this is a fault of ours) denies everything. */
enum vch_err vch_authz_load(struct vch_service *service, struct vch_str certificate_id, struct vch_str client_id,
                            struct vch_authz **ret, struct vch_diag *diag) VCH_MUST;
struct vch_str vch_authz_thing_name(const struct vch_authz *authz); /* of the connection's thing; empty: none. As long as the authz */
/* The same, when its certificate is attached to it exclusively; also for NULL. */
struct vch_str vch_authz_exclusive_thing(const struct vch_authz *authz);
void vch_authz_unref(struct vch_authz *authz); /* NULL is fine */

/* One question. Views live during the call. */
struct vch_authz_ask {
    const struct vch_authz *authz;
    const struct vch_site *site;
    const char *action;        /* "iot:Publish" */
    const char *resource_type; /* "topic", "topicfilter", "client" */
    struct vch_str name;
    struct vch_str resource;   /* a whole resource in place of type and name; .ptr NULL: none */
    struct vch_str client_id, certificate_id, source_ip;
    bool connecting, persistent; /* for iot:ConnectAttributes */
    struct vch_str will_topic;   /* with `connecting`; empty: no will */
    struct vch_policy_decision *ret_denied; /* of vch_authz_check, when a policy denies; NULL: nobody asks */
};
/* Allocation-free. With a trace it also tells what it looked at; the answer is
 * the same. */
enum vch_verdict vch_authz_eval(const struct vch_authz_ask *ask);
struct vch_policy_decision vch_authz_decide(const struct vch_authz_ask *ask, const struct vch_policy_trace *trace /* or NULL */);
/* The same as an error: DENIED with POLICY_DENIES (naming the policy) or POLICY_SILENT. */
enum vch_err vch_authz_check(const struct vch_authz_ask *ask, struct vch_diag *diag) VCH_MUST;

/* What a certificate is, for the handshake: DENIED, EXPIRED or NOT_FOUND with
 * the reason, or zero. One point read; may be called on a loop. */
enum vch_err vch_identity_check(struct vch_service *service, struct vch_str certificate_id, struct vch_identity *ret,
                                struct vch_diag *diag) VCH_MUST;
/* The same for one that came by this host name of TLS (empty: none): a certificate
 * of mode SNI_ONLY needs one of the site's: DENIED with SNI_REQUIRED. */
enum vch_err vch_identity_check_from(struct vch_service *service, struct vch_str certificate_id, struct vch_str sni,
                                     struct vch_identity *ret, struct vch_diag *diag) VCH_MUST;

#endif
