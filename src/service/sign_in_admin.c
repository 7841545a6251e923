/* What administrators see and end of other people's sessions. */
#include "base/codec.h"
#include "service/change.h"
#include "service/web_session.h"
#include "store/sessions.h"

enum { SHOWN_BYTES = 8 };

static enum vch_err user_load(struct vch_call *call, struct vch_rec_user *ret) {
    return vch_store_user(call->service->store, vch_val_str_at(call->in, "userName"), ret, call->arena, call->diag);
}

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_str user, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_about(call, change, "userName", user);
}

/* A part of the digest: enough to tell them apart, and no way to the cookie. */
static enum vch_err put_session(struct vch_call *call, const struct vch_rec_web_session *session, struct vch_val *map) {
    char hex[2 * SHOWN_BYTES + 1];
    vch_hex(session->hash.ptr, SHOWN_BYTES, hex);
    struct vch_str id = vch_arena_str(call->arena, vch_str_from(hex));
    if (!map || !id.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "sessionId", id));
    VCH_TRY(vch_val_put_str(call->arena, map, "how", session->how));
    VCH_TRY(vch_val_put_str(call->arena, map, "sourceIp", session->source_ip));
    VCH_TRY(vch_val_put_time(call->arena, map, "creationDate", session->created_ms));
    VCH_TRY(vch_val_put_time(call->arena, map, "lastUsedDate", session->used_ms));
    return vch_val_put_time(call->arena, map, "expiration", session->expires_ms);
}

static enum vch_err put_sessions(struct vch_call *call, const struct vch_list_web_session *list) {
    struct vch_val *sessions = vch_val_put_list(call->arena, call->out, "sessions");
    if (!sessions) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list->count; i++) {
        const struct vch_rec_web_session *session = &list->items[i];
        if (call->now_ms >= vch_web_session_end_ms(call->service, session->used_ms, session->expires_ms)) continue;
        VCH_TRY(put_session(call, session, vch_val_push_map(call->arena, sessions)));
    }
    return VCH_OK;
}

enum vch_err vch_uc_list_user_sessions(struct vch_call *call) {
    struct vch_list_web_session list;
    struct vch_rec_user user;
    struct vch_rec_totp totp;
    bool has_totp = false;
    VCH_TRY(user_load(call, &user));
    VCH_TRY(vch_store_web_sessions(call->service->store, user.name, &list, call->arena, call->diag));
    VCH_TRY(vch_store_totp(call->service->store, user.name, &totp, &has_totp, call->arena, call->diag));
    VCH_TRY(put_sessions(call, &list));
    VCH_TRY(vch_val_put_bool(call->arena, call->out, "passwordSet", user.password_hash.len > 0));
    return vch_val_put_bool(call->arena, call->out, "totp", has_totp && totp.active);
}

enum vch_err vch_uc_end_user_sessions(struct vch_call *call) {
    struct vch_rec_user user;
    struct vch_change change;
    int64_t count = 0;
    VCH_TRY(user_load(call, &user));
    VCH_TRY(begin(call, "sessions-ended", user.name, &change));
    vch_plan_web_sessions_delete(change.plan, user.name, &count);
    VCH_TRY(vch_change_apply(call, &change));
    return vch_val_put_int(call->arena, call->out, "ended", count);
}

/* Whoever counts attempts hears of the change, on every server. */
enum vch_err vch_uc_unlock_user(struct vch_call *call) {
    struct vch_rec_user user;
    struct vch_change change;
    VCH_TRY(user_load(call, &user));
    VCH_TRY(begin(call, "user-unlocked", user.name, &change));
    vch_plan_user_touch(change.plan, user.name);
    return vch_change_apply(call, &change);
}
