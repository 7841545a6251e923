#include "service/oidc.h"

#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "core/names.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/claim_watch.h"
#include "service/oidc_priv.h"
#include "service/oidc_token.h"
#include "store/oidc.h"

enum { RANDOM_BYTES = 32, RETURN_MAX = 512, LOCATION_MAX = 8192, FORM_MAX = 16384 };
enum stage { STAGE_NONE, STAGE_PROVIDER, STAGE_TOKEN, STAGE_KEYS }; /* what was asked of the provider */

static enum vch_err refuse_state(struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, OIDC_STATE, "state", "This sign-in was not begun in this browser, or too long ago.");
}

/* ---- small texts ---- */

bool vch_oidc_return_valid(struct vch_str path) {
    if (path.len == 0 || path.len > RETURN_MAX || path.ptr[0] != '/') return false;
    if (path.len > 1 && path.ptr[1] == '/') return false;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] <= ' ' || path.ptr[i] > '~' || path.ptr[i] == '\\') return false;
    return !vch_str_starts(path, VCH_STR("/_vouch"));
}

static struct vch_str taken(struct vch_buf *buf, struct vch_arena *arena) {
    struct vch_str text, copy = {NULL, 0};
    if (vch_buf_finish(buf, &text) == VCH_OK) copy = vch_arena_str(arena, text);
    vch_buf_deinit(buf);
    return copy;
}

/* 43 characters that nobody guesses. */
static struct vch_str random_text(struct vch_arena *arena) {
    uint8_t bytes[RANDOM_BYTES];
    struct vch_buf buf;
    vch_random(bytes, sizeof bytes);
    vch_buf_init_secret(&buf, 64);
    vch_base64url(vch_str_of(bytes, sizeof bytes), &buf);
    vch_wipe(bytes, sizeof bytes);
    return taken(&buf, arena);
}

static void put_parameter(struct vch_buf *buf, const char *name, struct vch_str value) {
    vch_buf_printf(buf, "&%s=", name);
    vch_percent(value, false, buf);
}

/* ---- away ---- */

/* RFC 7636 4.2 */
static struct vch_str challenge_of(struct vch_str verifier, struct vch_arena *arena) {
    uint8_t hash[VCH_SHA256_LEN];
    struct vch_buf buf;
    vch_sha256(verifier, hash);
    vch_buf_init(&buf, 64);
    vch_base64url(vch_str_of(hash, sizeof hash), &buf);
    return taken(&buf, arena);
}

static struct vch_str authorize_url(const struct vch_oidc_flow *flow, const struct vch_oidc_settings *settings,
                                    const struct vch_oidc_provider *provider, struct vch_arena *arena) {
    struct vch_buf buf;
    struct vch_str challenge = challenge_of(flow->verifier, arena);
    bool has_query = vch_str_find(provider->authorize_url, '?', 0) != SIZE_MAX;
    vch_buf_init(&buf, LOCATION_MAX);
    vch_buf_str(&buf, provider->authorize_url);
    vch_buf_c(&buf, has_query ? "&response_type=code" : "?response_type=code");
    put_parameter(&buf, "client_id", settings->client_id);
    put_parameter(&buf, "redirect_uri", flow->redirect_uri);
    put_parameter(&buf, "scope", VCH_STR("openid email profile"));
    put_parameter(&buf, "state", flow->state);
    put_parameter(&buf, "nonce", flow->nonce);
    put_parameter(&buf, "code_challenge", challenge);
    put_parameter(&buf, "code_challenge_method", VCH_STR("S256"));
    return challenge.ptr ? taken(&buf, arena) : challenge;
}

static enum vch_err send_away(struct vch_oidc_flow *flow, struct vch_call *call, const struct vch_oidc_provider *provider) {
    const struct vch_oidc_settings *settings = vch_oidc_settings(call->service->oidc);
    if (!vch_oidc_return_valid(flow->return_path)) flow->return_path = VCH_STR("/console");
    flow->state = random_text(call->arena);
    flow->nonce = random_text(call->arena);
    flow->verifier = random_text(call->arena);
    flow->redirect_uri = vch_arena_printf(call->arena, "%.*s/_vouch/oidc/callback", VCH_STR_ARG(flow->origin));
    flow->expires_ms = call->now_ms + VCH_OIDC_LIFE_MS;
    if (!flow->state.ptr || !flow->nonce.ptr || !flow->verifier.ptr || !flow->redirect_uri.ptr) return VCH_ERR_NOMEM;
    flow->location = authorize_url(flow, settings, provider, call->arena);
    if (!flow->location.ptr) return VCH_ERR_NOMEM;
    return vch_oidc_cookie_seal(call->service, flow, call->arena);
}

/* ---- asking the provider ---- */

static enum vch_err ask(struct vch_oidc_flow *flow, struct vch_call *call, enum stage stage, const struct vch_hook_order *order) {
    VCH_TRY(vch_oidc_enter(call->service->oidc, call->diag));
    flow->stage = (int)stage;
    call->hook->order = *order;
    call->hook->order.name = VCH_STR("oidc");
    call->hook->order.ca_pem = vch_oidc_settings(call->service->oidc)->ca_pem;
    call->hook->order.timeout_ms = VCH_OIDC_TIMEOUT_MS;
    return VCH_ERR_WAITING;
}

static enum vch_err ask_provider(struct vch_oidc_flow *flow, struct vch_call *call) {
    struct vch_str issuer = vch_oidc_settings(call->service->oidc)->issuer;
    if (vch_str_ends(issuer, VCH_STR("/"))) issuer.len--;
    const struct vch_hook_order order = {
        .kind = VCH_HOOK_GET, .target = vch_arena_printf(call->arena, "%.*s/.well-known/openid-configuration", VCH_STR_ARG(issuer))};
    return order.target.ptr ? ask(flow, call, STAGE_PROVIDER, &order) : VCH_ERR_NOMEM;
}

/* RFC 6749 2.3.1: name and secret are encoded as in forms, then again in base64. */
static struct vch_str basic_header(const struct vch_oidc_settings *settings, struct vch_arena *arena) {
    struct vch_buf pair, buf;
    struct vch_str text;
    vch_buf_init_secret(&pair, FORM_MAX);
    vch_percent(settings->client_id, false, &pair);
    vch_buf_c(&pair, ":");
    vch_percent(settings->client_secret, false, &pair);
    vch_buf_init_secret(&buf, FORM_MAX);
    vch_buf_c(&buf, "Basic ");
    if (vch_buf_finish(&pair, &text) == VCH_OK) vch_base64(text, &buf);
    else buf.failed = true;
    vch_buf_deinit(&pair);
    return taken(&buf, arena);
}

static struct vch_str token_form(const struct vch_oidc_flow *flow, const struct vch_oidc_settings *settings, bool basic, struct vch_arena *arena) {
    struct vch_buf buf;
    vch_buf_init_secret(&buf, FORM_MAX);
    vch_buf_c(&buf, "grant_type=authorization_code");
    put_parameter(&buf, "code", flow->code);
    put_parameter(&buf, "redirect_uri", flow->redirect_uri);
    put_parameter(&buf, "code_verifier", flow->verifier);
    if (!basic) put_parameter(&buf, "client_id", settings->client_id);
    if (!basic && settings->client_secret.len) put_parameter(&buf, "client_secret", settings->client_secret);
    return taken(&buf, arena);
}

static enum vch_err ask_token(struct vch_oidc_flow *flow, struct vch_call *call, const struct vch_oidc_provider *provider) {
    const struct vch_oidc_settings *settings = vch_oidc_settings(call->service->oidc);
    bool basic = settings->client_secret.len && provider->basic;
    struct vch_hook_order order = {.kind = VCH_HOOK_FORM, .target = provider->token_url};
    order.body = token_form(flow, settings, basic, call->arena);
    if (basic) order.signature = basic_header(settings, call->arena);
    if (!order.body.ptr || (basic && !order.signature.ptr)) return VCH_ERR_NOMEM;
    return ask(flow, call, STAGE_TOKEN, &order);
}

/* ---- its answers ---- */

static enum vch_err read_token(struct vch_oidc_flow *flow, struct vch_call *call, struct vch_str answer) {
    const struct vch_val_limits limits = VCH_VAL_LIMITS_DEFAULT;
    struct vch_val *map = NULL;
    enum vch_err err = vch_json_decode(answer, &limits, call->arena, &map, NULL);
    if (err == VCH_ERR_NOMEM) return err;
    flow->id_token = vch_val_str_at(map, "id_token");
    if (err == VCH_OK && flow->id_token.len) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_UNAUTHENTICATED, OIDC_TOKEN, "id_token", "The provider's answer holds no ID token.");
}

static enum vch_err tell_failure(enum stage stage, const struct vch_hook_turn *turn, struct vch_diag *diag) {
    bool refused = turn->end == VCH_HOOK_STATUS && turn->code >= 400 && turn->code < 500;
    if (stage == STAGE_TOKEN && refused)
        return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, OIDC_REFUSED, "code", "The provider does not accept the code (%lld).", (long long)turn->code);
    switch (turn->end) {
    case VCH_HOOK_TIMEOUT: return vch_oidc_unavailable(diag, "it did not answer in time");
    case VCH_HOOK_TLS_FAILED: return vch_oidc_unavailable(diag, "its certificate is not trusted");
    case VCH_HOOK_STATUS: return vch_oidc_unavailable(diag, "it answered with an error");
    case VCH_HOOK_TOO_LARGE: return vch_oidc_unavailable(diag, "its answer is too large");
    case VCH_HOOK_BUSY: return vch_oidc_unavailable(diag, "this server asks too much at once");
    default: return vch_oidc_unavailable(diag, "it cannot be reached");
    }
}

static enum vch_err read_answer(struct vch_oidc_flow *flow, struct vch_call *call, enum stage stage) {
    struct vch_hook_turn *turn = call->hook;
    struct vch_str text = {NULL, 0};
    if (turn->end != VCH_HOOK_ANSWERED) return tell_failure(stage, turn, call->diag);
    VCH_TRY(vch_buf_finish(&turn->answer, &text));
    text = vch_arena_str(call->arena, text);
    if (!text.ptr) return VCH_ERR_NOMEM;
    if (stage == STAGE_PROVIDER) return vch_oidc_provider_keep(call->service->oidc, text, call->arena, call->diag);
    if (stage == STAGE_KEYS) return vch_oidc_keys_keep(call->service->oidc, text, call->arena, call->diag);
    return read_token(flow, call, text);
}

/* The answer to what the flow asked last, if it did. */
static enum vch_err take_answer(struct vch_oidc_flow *flow, struct vch_call *call) {
    enum stage stage = (enum stage)flow->stage;
    if (stage == STAGE_NONE) return VCH_OK;
    flow->stage = STAGE_NONE;
    enum vch_err err = read_answer(flow, call, stage);
    /* A code that somebody made up may be answered with any error: the others need not pause for it. */
    bool answered = err != VCH_ERR_UNAVAILABLE || (stage == STAGE_TOKEN && call->hook->end == VCH_HOOK_STATUS);
    vch_oidc_leave(call->service->oidc, answered);
    vch_hook_turn_deinit(call->hook);
    return err;
}

void vch_oidc_drop(struct vch_oidc *oidc, struct vch_oidc_flow *flow) {
    if (flow->stage != STAGE_NONE) vch_oidc_leave(oidc, true);
    flow->stage = STAGE_NONE;
}

/* ---- back ---- */

static enum vch_err check_back(struct vch_oidc_flow *flow, struct vch_call *call) {
    struct vch_str state = {NULL, 0};
    struct vch_oidc *oidc = call->service->oidc;
    if (!vch_oidc_cookie_open(call->service, flow, call->arena, &state)) return refuse_state(call->diag);
    if (!vch_oidc_return_valid(flow->return_path)) flow->return_path = VCH_STR("/console");
    if (!vch_ct_eq(state.ptr, state.len, flow->state.ptr, flow->state.len)) return refuse_state(call->diag);
    if (call->now_ms >= flow->expires_ms) return refuse_state(call->diag);
    if (!vch_oidc_first(oidc, state, call->now_ms))
        return VCH_REFUSE(call->diag, VCH_ERR_UNAUTHENTICATED, OIDC_REPLAYED, "state", "This sign-in has come back already.");
    if (flow->error.len) return VCH_REFUSE(call->diag, VCH_ERR_UNAUTHENTICATED, OIDC_REFUSED, "error", "The provider did not sign you in.");
    if (!flow->code.len) return refuse_state(call->diag);
    flow->opened = true;
    return VCH_OK;
}

/* Whoever comes back with a code has the provider asked. It counts as a password does, for the address, until it held. */
static enum vch_err count_in(struct vch_oidc_flow *flow, struct vch_call *call) {
    int64_t retry_s = 0;
    if (flow->counted || !call->service->sign_in) return VCH_OK;
    enum vch_err err = vch_sign_in_enter_place(call->service->sign_in, call->caller.source_ip, call->now_ms, &flow->attempt, &retry_s, call->diag);
    flow->counted = err == VCH_OK;
    return err;
}

/* What is nobody's fault here does not count. */
static void count_out(struct vch_oidc_flow *flow, struct vch_call *call, enum vch_err err) {
    enum vch_attempt_end end = err == VCH_OK ? VCH_ATTEMPT_GOOD : err == VCH_ERR_UNAUTHENTICATED ? VCH_ATTEMPT_BAD : VCH_ATTEMPT_NEITHER;
    if (!flow->counted || err == VCH_ERR_WAITING) return;
    vch_sign_in_leave(call->service->sign_in, &flow->attempt, end, call->now_ms);
    flow->counted = false;
}

/* RFC 9207: an answer of another provider is not taken for this one's. */
static enum vch_err check_issuer(const struct vch_oidc_flow *flow, struct vch_call *call, const struct vch_oidc_provider *provider) {
    bool right = vch_str_eq(flow->issuer, vch_oidc_settings(call->service->oidc)->issuer);
    return right || (!flow->issuer.len && !provider->issuer_back) ? VCH_OK : refuse_state(call->diag);
}

/* A key that is not there is looked for once in a sign-in, and not all the time. */
static enum vch_err need_key(struct vch_oidc_flow *flow, struct vch_call *call, const struct vch_oidc_provider *provider,
                             const struct vch_oidc_head *head, const struct vch_val **ret) {
    struct vch_val *keys = NULL;
    const struct vch_hook_order order = {.kind = VCH_HOOK_GET, .target = provider->keys_url};
    VCH_TRY(vch_oidc_keys(call->service->oidc, call->arena, &keys));
    *ret = vch_oidc_key_for(keys, head);
    if (flow->keys_asked || !vch_oidc_keys_due(call->service->oidc, *ret != NULL)) return VCH_OK;
    flow->keys_asked = true;
    return ask(flow, call, STAGE_KEYS, &order);
}

/* The name that the provider vouches for. An address counts when it was verified. */
static enum vch_err name_of(const struct vch_val *claims, const struct vch_oidc_settings *settings, struct vch_str *ret, struct vch_diag *diag) {
    const struct vch_val *claim = vch_val_get_str(claims, settings->user_claim), *verified = vch_val_get(claims, "email_verified");
    bool is_verified = vch_val_is(verified, VCH_VAL_BOOL) ? verified->boolean
                                                          : vch_val_is(verified, VCH_VAL_STR) && vch_str_eq_c(verified->str, "true");
    *ret = vch_val_is(claim, VCH_VAL_STR) ? claim->str : VCH_STR("");
    if (!ret->len) return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, OIDC_USER, "", "The provider does not say your %.*s.", VCH_STR_ARG(settings->user_claim));
    if (vch_str_eq_c(settings->user_claim, "email") && !is_verified)
        return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, OIDC_USER, "email_verified", "The provider has not verified your e-mail address.");
    return VCH_OK;
}

static enum vch_err no_user(struct vch_diag *diag) {
    if (diag) vch_diag_clear(diag);
    return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, OIDC_USER, "", "Nobody of your name may sign in here; ask who looks after this server.");
}

static enum vch_err find_user(struct vch_call *call, struct vch_str name, struct vch_rec_user *ret) {
    struct vch_diag missing = {0};
    if (!vch_user_name_valid(name)) return no_user(call->diag);
    enum vch_err err = vch_store_user(call->service->store, name, ret, call->arena, &missing);
    if (err == VCH_ERR_NOT_FOUND) return no_user(call->diag);
    return err == VCH_OK ? VCH_OK : vch_diag_set(call->diag, err, missing.reason, missing.field, "%s", missing.message);
}

static enum vch_err begin_session(struct vch_oidc_flow *flow, struct vch_call *call, struct vch_str user, struct vch_str subject) {
    const char *names[] = {"userName", "how", "subject", NULL};
    const struct vch_str values[] = {user, VCH_STR("oidc"), subject};
    struct vch_change change;
    uint8_t *hash = vch_arena_alloc(call->arena, VCH_SHA256_LEN);
    if (!hash) return VCH_ERR_NOMEM;
    vch_sha256(flow->state, hash);
    VCH_TRY(vch_change_begin(call, "signed-in", &change));
    VCH_TRY(vch_change_detail(call, &change, names, values));
    change.row.actor = vch_iam_arn(&call->service->site, "user", user, call->arena);
    if (!change.row.actor.ptr) return VCH_ERR_NOMEM;
    vch_plan_oidc_spend(change.plan, vch_str_of(hash, VCH_SHA256_LEN), call->now_ms, flow->expires_ms);
    VCH_TRY(vch_web_session_make(call, user, "oidc", change.plan, call->web_grant));
    enum vch_err err = vch_change_apply(call, &change);
    if (err == VCH_OK) flow->location = flow->return_path;
    else vch_wipe(call->web_grant, sizeof *call->web_grant);
    return err == VCH_ERR_NOT_FOUND ? no_user(call->diag) : err;
}

static enum vch_err sign_in(struct vch_oidc_flow *flow, struct vch_call *call, const struct vch_oidc_provider *provider) {
    const struct vch_oidc_settings *settings = vch_oidc_settings(call->service->oidc);
    const struct vch_oidc_expect expect = {settings->issuer, settings->client_id, flow->nonce, call->now_ms};
    const struct vch_val *key = NULL, *claims = NULL;
    struct vch_oidc_head head;
    struct vch_rec_user user;
    struct vch_str name;
    VCH_TRY(vch_oidc_token_head(flow->id_token, call->arena, &head, call->diag));
    VCH_TRY(need_key(flow, call, provider, &head, &key));
    VCH_TRY(vch_oidc_token_check(flow->id_token, &head, key, &expect, call->arena, &claims, call->diag));
    VCH_TRY(name_of(claims, settings, &name, call->diag));
    VCH_TRY(find_user(call, name, &user));
    return begin_session(flow, call, user.name, vch_val_str_at(claims, "sub"));
}

/* ---- the steps ---- */

static enum vch_err step(struct vch_oidc_flow *flow, struct vch_call *call) {
    struct vch_oidc_provider provider;
    VCH_TRY(take_answer(flow, call));
    if (flow->back && !flow->opened) VCH_TRY(check_back(flow, call));
    if (!vch_oidc_provider_known(call->service->oidc, call->arena, &provider)) return ask_provider(flow, call);
    if (!flow->back) return send_away(flow, call, &provider);
    VCH_TRY(check_issuer(flow, call, &provider));
    if (!flow->id_token.len) {
        VCH_TRY(count_in(flow, call));
        return ask_token(flow, call, &provider);
    }
    return sign_in(flow, call, &provider);
}

static enum vch_err refusal_write(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, "sign-in-refused", &change));
    VCH_TRY(vch_change_about(call, &change, "how", VCH_STR("oidc")));
    change.row.outcome = vch_str_from(call->diag->reason);
    vch_plan_ledger(change.plan, &change.row);
    return vch_store_apply(call->service->store, change.plan, NULL);
}

enum vch_err vch_oidc_step(struct vch_oidc_flow *flow, struct vch_call *call) {
    enum vch_err err = step(flow, call);
    count_out(flow, call, err);
    if (err != VCH_ERR_UNAUTHENTICATED || !call->diag->reason) return err;
    if (vch_refusal_may_write(&call->service->watch, call->caller.source_ip) && refusal_write(call) != VCH_OK)
        VCH_LOG(WARN, "refusal-not-recorded", VCH_LOG_C("reason", call->diag->reason));
    return err;
}

enum vch_err vch_uc_sign_in_options(struct vch_call *call) {
    const struct vch_oidc *oidc = call->service->oidc;
    VCH_TRY(vch_val_put_bool(call->arena, call->out, "password", true));
    VCH_TRY(vch_val_put_bool(call->arena, call->out, "totp", true));
    VCH_TRY(vch_val_put_bool(call->arena, call->out, "oidc", oidc != NULL));
    if (!oidc || !vch_oidc_settings(oidc)->label.len) return VCH_OK;
    return vch_val_put_str(call->arena, call->out, "oidcLabel", vch_oidc_settings(oidc)->label);
}
