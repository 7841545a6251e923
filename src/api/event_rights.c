/* Whether somebody who listens may go on listening. */
#include "api/events_priv.h"
#include "base/clock.h"
#include "core/reason.h"
#include "service/access_key.h"
#include "service/iam.h"
#include "service/session.h"
#include "service/web_session.h"

enum { ARENA_MAX = 256 * 1024 };

enum vch_err vch_caller_keep(struct vch_caller *caller, struct vch_arena *arena) {
    struct vch_str *const texts[] = {&caller->arn,         &caller->user_name,   &caller->role_name,      &caller->role_arn,
                                     &caller->role_user_id, &caller->session_policy, &caller->role_person, &caller->certificate_id,
                                     &caller->template_name, &caller->access_key_id, &caller->source_ip,  &caller->client_id};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = vch_arena_str(arena, *texts[i]);
        if (!texts[i]->ptr) return VCH_ERR_NOMEM;
    }
    return VCH_OK;
}

static enum vch_err gone(struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, ACCESS_KEY_UNKNOWN, "", "The security token included in the request is invalid.");
}

static enum vch_err check_key(struct vch_service *service, const struct vch_caller *caller, struct vch_arena *arena,
                              struct vch_diag *diag) {
    struct vch_rec_access_key key;
    struct vch_str secret;
    VCH_TRY(vch_access_key_load(service, caller->access_key_id, arena, &key, &secret, diag));
    return vch_str_eq(key.user_name, caller->user_name) ? VCH_OK : gone(diag);
}

/* "ROLEID:SESSION" */
static enum vch_err check_role(struct vch_service *service, const struct vch_http_job *job, struct vch_arena *arena,
                               struct vch_diag *diag) {
    struct vch_str rest = job->caller.role_user_id, role_id = {NULL, 0};
    if (!vch_str_split(&rest, ':', &role_id)) return gone(diag);
    if (vch_now_ms() >= job->credentials_end_ms)
        return VCH_REFUSE(diag, VCH_ERR_EXPIRED, SESSION_EXPIRED, "", "The security token included in the request is expired");
    const struct vch_session session = {.role_name = job->caller.role_name, .role_id = role_id};
    return vch_session_check(service, &session, arena, diag);
}

static enum vch_err check_credentials(const struct vch_event_stream *stream, struct vch_arena *arena, struct vch_diag *diag) {
    struct vch_service *service = stream->events->options.service;
    const struct vch_caller *caller = &stream->job->caller;
    if (stream->job->has_web) return vch_web_session_check(service, &stream->job->web, vch_now_ms(), diag);
    switch (caller->kind) {
    case VCH_CALLER_USER: return check_key(service, caller, arena, diag);
    case VCH_CALLER_ROLE: return check_role(service, stream->job, arena, diag);
    default: return gone(diag);
    }
}

enum vch_err vch_event_stream_check(const struct vch_event_stream *stream, struct vch_diag *diag) {
    const struct vch_op_row *row = vch_op_row(VCH_OP_WATCH_EVENTS);
    const struct vch_iam_ask ask = {.caller = &stream->job->caller,
                                    .action = vch_str_from(row->action),
                                    .resource = VCH_STR("*"),
                                    .secure = stream->secure,
                                    .now_ms = vch_now_ms()};
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, true);
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = check_credentials(stream, arena, diag);
    if (err == VCH_OK) err = vch_iam_check(stream->events->options.iam, &ask, diag);
    vch_arena_free(arena);
    return err;
}
