/* A user or a role that stays: it signed once (a WebSocket's request), or said
 * its access key (MQTT on loopback), and is judged by its IAM policies for as
 * long as its connection lasts.
 *
 * A principal is who; a view is what it may do at one moment, and answers
 * without blocking. Both are immutable and counted; any thread.
 * Source: AWS IoT "Authorization"; IAM policies with iot: actions.
 */
#ifndef VCH_SERVICE_IAM_PRINCIPAL_H
#define VCH_SERVICE_IAM_PRINCIPAL_H

#include "service/iam.h"

struct vch_iam_principal;

/* Copies the caller, a user or a role. `expires_ms`: its credentials' end, 0: none. */
enum vch_err vch_iam_principal_new(const struct vch_caller *caller, bool secure, int64_t expires_ms,
                                   struct vch_iam_principal **ret) VCH_MUST;
/* By access key id and secret, which are compared in constant time. ACCESS_KEY_UNKNOWN for every kind of no. Blocks. */
enum vch_err vch_iam_principal_login(struct vch_service *service, struct vch_str key_id, struct vch_str secret,
                                     struct vch_str source_ip, bool secure, struct vch_iam_principal **ret,
                                     struct vch_diag *diag) VCH_MUST;
struct vch_iam_principal *vch_iam_principal_ref(struct vch_iam_principal *principal);
void vch_iam_principal_unref(struct vch_iam_principal *principal); /* NULL is fine */

const struct vch_caller *vch_iam_principal_caller(const struct vch_iam_principal *principal);
/* "AIDA…", "AROA…:SESSION", at most 64 bytes (a longer session name is cut and told apart by a digest). */
const char *vch_iam_principal_id(const struct vch_iam_principal *principal);
int64_t vch_iam_principal_expires_ms(const struct vch_iam_principal *principal); /* 0: not by itself */
/* Does a change of this user or role concern it? */
bool vch_iam_principal_is(const struct vch_iam_principal *principal, bool role, struct vch_str name);

/* Are its credentials still good (key Active, role still there, not expired), and
 * what may it do now? ACCESS_KEY_UNKNOWN, SESSION_EXPIRED. Blocks. */
struct vch_iam_view;
enum vch_err vch_iam_view_load(struct vch_iam *iam, struct vch_iam_principal *principal, struct vch_iam_view **ret,
                               struct vch_diag *diag) VCH_MUST;
void vch_iam_view_unref(struct vch_iam_view *view); /* NULL is fine; before the iam ends */

/* "iot:Publish" on "topic" NAME. DENIED with POLICY_DENIES or POLICY_SILENT. `diag` may be NULL. */
enum vch_err vch_iam_view_check(const struct vch_iam_view *view, const char *action, const char *resource_type,
                                struct vch_str name, struct vch_diag *diag) VCH_MUST;

#endif
