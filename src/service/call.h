/* What a use case gets and gives. One file of service/ per use case; each is
 * ordinary sequential code on a worker thread, reads the registry, builds one
 * plan, applies it. It knows no protocol: inputs are a checked document, the
 * output is a document, refusals are an error class and a diagnosis.
 */
#ifndef VCH_SERVICE_CALL_H
#define VCH_SERVICE_CALL_H

#include "base/val.h"
#include "core/arn.h"
#include "pki/keys.h"
#include "pki/signer.h"
#include "service/watch.h"
#include "store/store.h"

struct vch_lint;
struct vch_messages;
struct vch_policy_cache;
struct vch_connectivity;
struct vch_refusals;
struct vch_hooks;
struct vch_hook_turn;
struct vch_oidc;
struct vch_pairings;
struct vch_pairing_turn;
struct vch_sign_in;
struct vch_web_session;
struct vch_web_grant;

/* Shared by all calls; does not change once the server serves. */
struct vch_service {
    struct vch_store *store;
    struct vch_signer *signer;
    struct vch_key_pool *keys;
    struct vch_site site;
    struct vch_str endpoint_host;  /* what DescribeEndpoint answers: the first host name, no port */
    int mqtt_port, edge_port;      /* where devices connect; 0: closed */
    int api_port;                  /* where people do; 0: closed */
    const char *const *hostnames;  /* of the configuration; beside them it is "localhost" */
    size_t hostname_count;
    struct vch_str root_pem;       /* DIR/ca.pem */
    struct vch_str version;        /* of this program */
    struct vch_str server_id;      /* of this one among those that share the registry; empty: the only one */
    struct vch_messages *messages; /* what MQTT keeps; store/messages.h; NULL: nothing */
    struct vch_str run_dir;        /* DIR/run; empty: no copies of the registry */
    uint8_t seal_key[32];          /* seals access key secrets at rest */
    bool limits_aws;
    int64_t claim_life_max_s;      /* of claims that ask for one; 0: 300 */
    struct vch_str ledger_secrets; /* words, with commas between: values of parameters named so stay out of the ledger */
    /* Publishes as the server; NULL: nobody listens. Any thread. */
    void (*announce)(void *arg, struct vch_str topic, struct vch_str payload);
    void *announce_arg;
    struct vch_watch watch;
    struct vch_connectivity *connectivity; /* who is connected; connectivity.h; NULL: only what the registry knows */
    struct vch_refusals *refusals; /* why clients were refused; refusals.h; NULL: nothing is remembered */
    struct vch_policy_cache *policies; /* compiled IoT policies; authz.h */
    struct vch_sign_in *sign_in; /* counts attempts; sign_in.h; NULL: nobody signs in by password */
    int64_t web_idle_s, web_life_s; /* of sessions in browsers; 0: as web_session.h has it */
    struct vch_pairings *pairings; /* what is remembered of devices that pair; pairing.h; NULL: nobody does */
    struct vch_oidc *oidc;   /* who else says who people are; oidc.h; NULL: nobody */
    struct vch_hooks *hooks; /* who carries out pre-provisioning hooks; hook.h; NULL: nobody */
};

/* True: what a connection asks of the registry may be asked on a loop. Any thread. */
bool vch_service_reads_locally(const struct vch_service *service);

enum vch_caller_kind {
    VCH_CALLER_NOBODY,
    VCH_CALLER_USER,   /* SigV4 */
    VCH_CALLER_ROLE,   /* SigV4 with temporary credentials of a role */
    VCH_CALLER_CLAIM,  /* a provisioning claim's connection */
    VCH_CALLER_DEVICE, /* a registered certificate's connection */
    VCH_CALLER_SERVER  /* the server itself: initialisation, sweeping */
};
struct vch_caller {
    enum vch_caller_kind kind;
    struct vch_str arn;       /* users; roles: arn:…:sts::…:assumed-role/ROLE/SESSION */
    struct vch_str user_name; /* users */
    struct vch_str role_name, role_arn;     /* roles */
    struct vch_str role_user_id;            /* roles: "AROA…:SESSION" */
    struct vch_str session_policy;          /* roles: a document, or empty */
    struct vch_str role_person;             /* roles: "user/NAME" who took it */
    struct vch_str certificate_id; /* claims and devices */
    struct vch_str template_name;  /* claims */
    struct vch_str access_key_id;
    struct vch_str source_ip, client_id;
    struct vch_str host;           /* HTTP: what the Host header says; anything */
};

struct vch_call {
    struct vch_service *service;
    struct vch_arena *arena; /* wiped: outputs hold private keys */
    struct vch_caller caller;
    int64_t now_ms;
    const struct vch_val *in; /* a map of the operation's inputs: present ones of the right type and form */
    struct vch_str raw;       /* the request's bytes, for idempotent repeats; may be empty */
    struct vch_val *out;      /* a map, filled by the use case */
    struct vch_diag *diag;
    struct vch_hook_turn *hook; /* of a caller that can wait for a hook's answer; hook.h; NULL: it cannot */
    const struct vch_web_session *web; /* of a caller who signed in in a browser; NULL: another credential */
    struct vch_web_grant *web_grant;   /* where a new session goes; NULL: to nobody */
    struct vch_str known_browser;      /* the cookie of known_browser.h as it came; may be empty */
    struct vch_pairing_turn *pairing; /* of a caller that can wait for a pairing; pairing.h; NULL: it cannot */
    struct vch_lint *lint;    /* what to warn of, beside the answer; NULL: nobody listens */
};

typedef enum vch_err vch_use_case(struct vch_call *call);

/* The actor as the ledger names it: an ARN, "claim/ID", "cert/ID", "server". */
struct vch_str vch_call_actor(const struct vch_call *call);
/* A ledger row prefilled from the call: event, actor, addresses, outcome "ok". */
struct vch_rec_ledger vch_call_ledger(const struct vch_call *call, const char *event);

/* ---- use cases; "in" members -> "out" members, names as AWS spells them ---- */

/* provisioning.c, keys.c, csr.c, register_thing.c */
vch_use_case vch_uc_create_provisioning_claim; /* templateName -> certificateId certificatePem keyPair expiration */
vch_use_case vch_uc_claim_keys;                /* (MQTT) {} -> certificateId certificatePem privateKey certificateOwnershipToken */
vch_use_case vch_uc_claim_csr;                 /* (MQTT) certificateSigningRequest -> the same without privateKey */
vch_use_case vch_uc_register_thing_fleet;      /* (MQTT) templateName certificateOwnershipToken parameters -> deviceConfiguration thingName */
/* our own API */
vch_use_case vch_uc_create_claim, vch_uc_list_claims, vch_uc_describe_claim, vch_uc_cancel_claim;
vch_use_case vch_uc_encode_qr; /* qr.c */
vch_use_case vch_uc_put_template_settings, vch_uc_get_template_settings;
vch_use_case vch_uc_put_claim_limits, vch_uc_get_claim_limits, vch_uc_delete_claim_limits, vch_uc_list_claim_limits;
vch_use_case vch_uc_list_claim_requests, vch_uc_approve_claim_request, vch_uc_deny_claim_request;
vch_use_case vch_uc_list_ledger, vch_uc_get_ledger_entry, vch_uc_verify_ledger, vch_uc_checkpoint_ledger,
    vch_uc_list_ledger_checkpoints, vch_uc_prune_ledger;
vch_use_case vch_uc_list_orphans;
/* hook_targets.c, hook_serials.c, dry_run.c: our own API */
vch_use_case vch_uc_put_hook, vch_uc_get_hook, vch_uc_list_hooks, vch_uc_delete_hook, vch_uc_test_hook;
vch_use_case vch_uc_put_hook_serials, vch_uc_list_hook_serials, vch_uc_delete_hook_serial;
vch_use_case vch_uc_try_template;
/* pairing_*.c */
vch_use_case vch_uc_start_pairing, vch_uc_poll_pairing, vch_uc_look_up_pairing, vch_uc_get_pairing, vch_uc_list_pairings,
    vch_uc_approve_pairing, vch_uc_deny_pairing;
vch_use_case vch_uc_backup_registry; /* {} -> fileName size */

/* policies.c */
vch_use_case vch_uc_create_policy, vch_uc_get_policy, vch_uc_list_policies, vch_uc_delete_policy;
vch_use_case vch_uc_create_policy_version, vch_uc_get_policy_version, vch_uc_list_policy_versions,
    vch_uc_delete_policy_version, vch_uc_set_default_policy_version;
vch_use_case vch_uc_attach_policy, vch_uc_detach_policy, vch_uc_list_attached_policies, vch_uc_list_targets_for_policy;
vch_use_case vch_uc_attach_principal_policy, vch_uc_detach_principal_policy, vch_uc_list_principal_policies,
    vch_uc_list_policy_principals;
/* authorization.c, explain.c */
vch_use_case vch_uc_get_effective_policies, vch_uc_test_authorization, vch_uc_explain;
vch_use_case vch_uc_why; /* why.c */
vch_use_case vch_uc_lint_document; /* lint.c */
vch_use_case vch_uc_get_site; /* site.c */
/* templates.c */
vch_use_case vch_uc_create_provisioning_template, vch_uc_describe_provisioning_template, vch_uc_list_provisioning_templates,
    vch_uc_update_provisioning_template, vch_uc_delete_provisioning_template;
vch_use_case vch_uc_create_provisioning_template_version, vch_uc_describe_provisioning_template_version,
    vch_uc_list_provisioning_template_versions, vch_uc_delete_provisioning_template_version;
/* certificates.c, things.c */
vch_use_case vch_uc_list_certificates, vch_uc_describe_certificate, vch_uc_update_certificate, vch_uc_delete_certificate;
vch_use_case vch_uc_list_things, vch_uc_describe_thing, vch_uc_list_thing_principals, vch_uc_list_principal_things,
    vch_uc_delete_thing, vch_uc_detach_thing_principal;
vch_use_case vch_uc_create_keys_and_certificate, vch_uc_create_certificate_from_csr; /* certificate_make.c */
vch_use_case vch_uc_register_certificate, vch_uc_register_certificate_without_ca; /* certificate_register.c */
vch_use_case vch_uc_list_certificates_by_ca;
vch_use_case vch_uc_get_registration_code, vch_uc_delete_registration_code; /* authority_code.c */
vch_use_case vch_uc_register_ca_certificate, vch_uc_describe_ca_certificate, vch_uc_update_ca_certificate,
    vch_uc_delete_ca_certificate, vch_uc_list_ca_certificates; /* authorities.c */
vch_use_case vch_uc_register_thing; /* register_thing_rest.c: templateBody parameters -> certificatePem resourceArns */
vch_use_case vch_uc_create_thing, vch_uc_update_thing;                               /* thing_write.c */
vch_use_case vch_uc_attach_thing_principal, vch_uc_list_thing_principals_v2, vch_uc_list_principal_things_v2; /* thing_principals.c */
/* thing_types.c, thing_groups.c, group_members.c, billing_groups.c */
vch_use_case vch_uc_create_thing_type, vch_uc_describe_thing_type, vch_uc_update_thing_type, vch_uc_deprecate_thing_type,
    vch_uc_delete_thing_type, vch_uc_list_thing_types;
vch_use_case vch_uc_create_thing_group, vch_uc_describe_thing_group, vch_uc_update_thing_group, vch_uc_delete_thing_group,
    vch_uc_list_thing_groups;
vch_use_case vch_uc_add_thing_to_thing_group, vch_uc_remove_thing_from_thing_group, vch_uc_update_thing_groups_for_thing,
    vch_uc_list_things_in_thing_group, vch_uc_list_thing_groups_for_thing;
vch_use_case vch_uc_create_billing_group, vch_uc_describe_billing_group, vch_uc_update_billing_group,
    vch_uc_delete_billing_group, vch_uc_list_billing_groups, vch_uc_add_thing_to_billing_group,
    vch_uc_remove_thing_from_billing_group, vch_uc_list_things_in_billing_group;
/* tags.c, search.c, connectivity.c */
vch_use_case vch_uc_tag_resource, vch_uc_untag_resource, vch_uc_list_tags_for_resource, vch_uc_search_index,
    vch_uc_get_thing_connectivity_data;
/* users.c, site.c */
vch_use_case vch_uc_get_caller_identity, vch_uc_describe_endpoint;
vch_use_case vch_uc_create_user, vch_uc_list_users, vch_uc_delete_user, vch_uc_put_user_policy, vch_uc_delete_user_policy,
    vch_uc_list_user_policies, vch_uc_create_access_key, vch_uc_list_access_keys, vch_uc_update_access_key,
    vch_uc_delete_access_key;
/* sign_in.c, web_session_own.c, password_change.c, totp_own.c, sign_in_admin.c */
vch_use_case vch_uc_sign_in; /* userName password totpCode? -> a session, in call->web_grant */
vch_use_case vch_uc_get_session, vch_uc_sign_out, vch_uc_change_password, vch_uc_set_user_password;
vch_use_case vch_uc_enrol_totp, vch_uc_confirm_totp, vch_uc_remove_totp, vch_uc_remove_user_totp;
vch_use_case vch_uc_list_user_sessions, vch_uc_end_user_sessions, vch_uc_unlock_user;
/* user_groups.c, roles.c, iam_policies.c, assume_role.c; owners are named by userName, groupName or roleName */
vch_use_case vch_uc_create_group, vch_uc_list_groups, vch_uc_get_group, vch_uc_delete_group, vch_uc_add_user_to_group,
    vch_uc_remove_user_from_group, vch_uc_list_groups_for_user;
vch_use_case vch_uc_create_role, vch_uc_list_roles, vch_uc_get_role, vch_uc_update_role, vch_uc_delete_role, vch_uc_assume_role;
vch_use_case vch_uc_put_managed_policy, vch_uc_get_managed_policy, vch_uc_list_managed_policies, vch_uc_delete_managed_policy,
    vch_uc_list_managed_policy_targets;
vch_use_case vch_uc_put_owner_policy, vch_uc_delete_owner_policy, vch_uc_list_owner_policies; /* of groups and roles */
vch_use_case vch_uc_attach_owner_policy, vch_uc_detach_owner_policy, vch_uc_list_attached_owner_policies;

/* "user/NAME": who that is, in a role or not; .ptr NULL: memory. */
struct vch_str vch_caller_person(const struct vch_caller *caller, struct vch_arena *arena);

/* "AIDA" and 16 characters that stay with the user's name; "AROA…:SESSION". .ptr NULL: memory. */
struct vch_str vch_caller_id(const struct vch_caller *caller, struct vch_arena *arena);

/* Not operations. `dir_admin_json` gets {"userName","accessKeyId","secretAccessKey","consolePassword","account","region"}. */
enum vch_err vch_service_init_admin(struct vch_service *service, const char *admin_json_path, struct vch_diag *diag) VCH_MUST;
/* What is due by the clock: tokens and their certificates, retirements. */
enum vch_err vch_service_sweep(struct vch_service *service, int64_t now_ms, int64_t *ret_removed, struct vch_diag *diag) VCH_MUST;

/* Signs the end of the ledger, unless it is signed already. */
enum vch_err vch_service_checkpoint(struct vch_service *service, int64_t now_ms, struct vch_diag *diag) VCH_MUST;

#endif
