#include "service/web_session.h"

#include <string.h>

#include "base/codec.h"
#include "base/digest.h"
#include "base/log.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/claim_watch.h"
#include "store/sessions.h"

enum { RANDOM_BYTES = 32, ARENA_BYTES = 65536 };

/* ---- tokens ---- */

static void token_text(const uint8_t bytes[RANDOM_BYTES], char out[VCH_WEB_TOKEN_LEN + 1]) {
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    vch_buf_init_secret(&buf, VCH_WEB_TOKEN_LEN + 1);
    vch_base64url(vch_str_of(bytes, RANDOM_BYTES), &buf);
    bool fits = vch_buf_finish(&buf, &text) == VCH_OK && vch_str_copy(out, VCH_WEB_TOKEN_LEN + 1, text);
    vch_buf_deinit(&buf);
    vch_assert(fits && out[VCH_WEB_TOKEN_LEN - 1]);
}

void vch_web_csrf(struct vch_str cookie, char out[VCH_WEB_TOKEN_LEN + 1]) {
    uint8_t mac[VCH_SHA256_LEN];
    vch_hmac_sha256(cookie, VCH_STR("vouch csrf"), mac);
    token_text(mac, out);
    vch_wipe(mac, sizeof mac);
}

static bool well_formed(struct vch_str cookie) {
    uint8_t bytes[RANDOM_BYTES + 1];
    struct vch_buf buf;
    struct vch_str plain = {NULL, 0};
    if (cookie.len != VCH_WEB_TOKEN_LEN) return false;
    vch_buf_init_secret(&buf, sizeof bytes);
    bool good = vch_unbase64url(cookie, &buf) == VCH_OK && vch_buf_finish(&buf, &plain) == VCH_OK && plain.len == RANDOM_BYTES;
    vch_buf_deinit(&buf);
    return good;
}

/* ---- beginning ---- */

static int64_t idle_ms(const struct vch_service *service) {
    return 1000 * (service->web_idle_s ? service->web_idle_s : VCH_WEB_IDLE_S);
}

static int64_t life_s(const struct vch_service *service) {
    return service->web_life_s ? service->web_life_s : VCH_WEB_LIFE_S;
}

int64_t vch_web_session_end_ms(const struct vch_service *service, int64_t used_ms, int64_t expires_ms) {
    int64_t idle_end_ms = used_ms + idle_ms(service);
    return idle_end_ms < expires_ms ? idle_end_ms : expires_ms;
}

static void grant_fill(const struct vch_call *call, struct vch_web_grant *ret) {
    uint8_t bytes[RANDOM_BYTES];
    vch_random(bytes, sizeof bytes);
    token_text(bytes, ret->cookie);
    vch_wipe(bytes, sizeof bytes);
    vch_web_csrf(vch_str_from(ret->cookie), ret->csrf);
    ret->life_s = life_s(call->service);
    ret->expires_ms = call->now_ms + 1000 * ret->life_s;
    ret->ended = false;
}

enum vch_err vch_web_session_make(struct vch_call *call, struct vch_str user_name, const char *how, struct vch_plan *plan,
                                  struct vch_web_grant *ret) {
    uint8_t *hash = vch_arena_alloc(call->arena, VCH_WEB_HASH_LEN);
    if (!hash) return VCH_ERR_NOMEM;
    grant_fill(call, ret);
    vch_sha256(vch_str_from(ret->cookie), hash);
    const struct vch_rec_web_session record = {
        .hash = vch_str_of(hash, VCH_WEB_HASH_LEN),
        .user_name = user_name,
        .how = vch_str_from(how),
        .source_ip = call->caller.source_ip,
        .created_ms = call->now_ms,
        .used_ms = call->now_ms,
        .expires_ms = ret->expires_ms,
    };
    if (call->web) vch_plan_web_session_delete(plan, vch_str_of(call->web->hash, VCH_WEB_HASH_LEN), call->web->user_name);
    vch_plan_web_session_insert(plan, &record);
    return VCH_OK;
}

static enum vch_err begin(struct vch_call *call, struct vch_str user_name, const char *how, struct vch_web_grant *ret) {
    const char *names[] = {"userName", "how", NULL};
    const struct vch_str values[] = {user_name, vch_str_from(how)};
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, "signed-in", &change));
    VCH_TRY(vch_change_detail(call, &change, names, values));
    change.row.actor = vch_iam_arn(&call->service->site, "user", user_name, call->arena);
    if (!change.row.actor.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_web_session_make(call, user_name, how, change.plan, ret));
    return vch_change_apply(call, &change);
}

enum vch_err vch_web_session_begin(struct vch_call *call, struct vch_str user_name, const char *how, struct vch_web_grant *ret) {
    enum vch_err err = begin(call, user_name, how, ret);
    if (err != VCH_OK) vch_wipe(ret, sizeof *ret);
    return err;
}

/* ---- abuse ---- */

static enum vch_err forgery_write(struct vch_call *call, const struct vch_web_session *session, const char *operation) {
    const char *names[] = {"userName", "operation", NULL};
    const struct vch_str values[] = {session->user_name, vch_str_from(operation)};
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, "csrf-refused", &change));
    VCH_TRY(vch_change_detail(call, &change, names, values));
    change.row.outcome = vch_str_from(call->diag->reason);
    vch_plan_ledger(change.plan, &change.row);
    return vch_store_apply(call->service->store, change.plan, NULL);
}

void vch_web_session_forged(struct vch_call *call, const struct vch_web_session *session, const char *operation) {
    if (!vch_refusal_may_write(&call->service->watch, call->caller.source_ip)) return;
    if (forgery_write(call, session, operation) != VCH_OK)
        VCH_LOG(WARN, "refusal-not-recorded", VCH_LOG_C("reason", call->diag->reason));
}

/* ---- finding ---- */

static enum vch_err ended(struct vch_diag *diag) {
    if (diag) vch_diag_clear(diag);
    return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, SESSION_ENDED, "", "Nobody is signed in here; sign in again.");
}

static enum vch_err load(struct vch_service *service, struct vch_str hash, int64_t now_ms, struct vch_arena *arena,
                         struct vch_rec_web_session *ret, struct vch_diag *diag) {
    enum vch_err err = vch_store_web_session(service->store, hash, ret, arena, diag);
    if (err == VCH_ERR_NOT_FOUND) return ended(diag);
    VCH_TRY(err);
    return now_ms < vch_web_session_end_ms(service, ret->used_ms, ret->expires_ms) ? VCH_OK : ended(diag);
}

/* A short idle time needs its uses remembered more often. */
static bool use_due(const struct vch_service *service, int64_t used_ms, int64_t now_ms) {
    int64_t often_ms = idle_ms(service) / 4;
    return now_ms - used_ms >= (often_ms < VCH_WEB_USED_MS ? often_ms : VCH_WEB_USED_MS);
}

enum vch_err vch_web_session_find(struct vch_service *service, struct vch_str cookie, int64_t now_ms, struct vch_arena *arena,
                                  struct vch_web_session *ret, struct vch_diag *diag) {
    struct vch_rec_web_session record;
    if (!well_formed(cookie)) return ended(diag);
    vch_sha256(cookie, ret->hash);
    VCH_TRY(load(service, vch_str_of(ret->hash, sizeof ret->hash), now_ms, arena, &record, diag));
    ret->user_name = record.user_name;
    ret->how = record.how;
    ret->source_ip = record.source_ip;
    ret->created_ms = record.created_ms;
    ret->used_ms = record.used_ms;
    ret->expires_ms = record.expires_ms;
    ret->use_due = use_due(service, record.used_ms, now_ms);
    vch_web_csrf(cookie, ret->csrf);
    return VCH_OK;
}

enum vch_err vch_web_session_check(struct vch_service *service, const struct vch_web_session *session, int64_t now_ms,
                                   struct vch_diag *diag) {
    struct vch_rec_web_session record;
    struct vch_arena *arena = vch_arena_new(ARENA_BYTES, false);
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = load(service, vch_str_of(session->hash, sizeof session->hash), now_ms, arena, &record, diag);
    vch_arena_free(arena);
    return err;
}

/* ---- use and end ---- */

enum vch_err vch_web_session_end(struct vch_call *call) {
    struct vch_change change;
    if (!call->web) return VCH_OK;
    VCH_TRY(vch_change_begin(call, "signed-out", &change));
    VCH_TRY(vch_change_about(call, &change, "userName", call->web->user_name));
    vch_plan_web_session_delete(change.plan, vch_str_of(call->web->hash, VCH_WEB_HASH_LEN), call->web->user_name);
    return vch_change_apply(call, &change);
}

void vch_web_session_used(struct vch_service *service, const uint8_t hash[VCH_WEB_HASH_LEN], int64_t now_ms) {
    struct vch_arena *arena = vch_arena_new(ARENA_BYTES, false);
    struct vch_plan *plan = arena ? vch_plan_new(arena) : NULL;
    if (plan) {
        vch_plan_web_session_used(plan, vch_str_of(hash, VCH_WEB_HASH_LEN), now_ms);
        if (vch_store_apply(service->store, plan, NULL) != VCH_OK) VCH_LOG(DEBUG, "session-use-not-remembered", VCH_LOG_I("at", now_ms));
    }
    vch_arena_free(arena);
}
