#include "service/hook.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/seal.h"

/* ---- turns ---- */

void vch_hook_turn_deinit(struct vch_hook_turn *turn) {
    vch_buf_deinit(&turn->answer);
    *turn = (struct vch_hook_turn){.answered = false};
}

void vch_hook_turn_answer(struct vch_hook_turn *turn, const struct vch_hook_result *result) {
    struct vch_str kept;
    turn->answered = true;
    turn->end = result->end;
    turn->code = result->code;
    turn->duration_us = result->duration_us;
    vch_hook_clean(result->said, turn->said);
    vch_buf_init_secret(&turn->answer, VCH_HOOK_ANSWER_MAX);
    vch_buf_str(&turn->answer, result->answer);
    if (vch_buf_finish(&turn->answer, &kept) != VCH_OK) turn->end = VCH_HOOK_FAILED;
}

/* ---- what is asked ---- */

static enum vch_err certificate_pem(struct vch_call *call, struct vch_str id, struct vch_str *ret) {
    struct vch_rec_certificate certificate;
    *ret = VCH_STR("");
    if (id.len == 0) return VCH_OK;
    VCH_TRY(vch_store_certificate(call->service->store, id, &certificate, call->arena, call->diag));
    *ret = certificate.pem;
    return VCH_OK;
}

/* The hook as it is now and all that it is told: an answer to anything else is none. */
static void digest_question(const struct vch_rec_hook *hook, struct vch_str body, uint8_t ret[VCH_SHA256_LEN]) {
    char about[VCH_SHA256_HEX], text[400];
    vch_sha256_hex(body, about);
    int len = snprintf(text, sizeof text, "%.*s\n%.*s\n%lld\n%s", VCH_STR_ARG(hook->name), VCH_STR_ARG(hook->kind),
                       (long long)hook->modified_ms, about);
    vch_assert(len > 0 && (size_t)len < sizeof text);
    vch_sha256(vch_str_of(text, (size_t)len), ret);
}

/* "t=UNIX SECONDS,v1=HMAC of "SECONDS.BODY"": who has the secret can tell that
 * it was this server, and when. */
static enum vch_err sign(struct vch_call *call, struct vch_str secret, struct vch_str body, struct vch_str *ret) {
    uint8_t mac[VCH_SHA256_LEN];
    char hex[VCH_SHA256_HEX];
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    long long seconds = (long long)(call->now_ms / 1000);
    vch_buf_init(&buf, VCH_HOOK_BODY_MAX + 64);
    vch_buf_printf(&buf, "%lld.", seconds);
    vch_buf_str(&buf, body);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) {
        vch_hmac_sha256(secret, text, mac);
        vch_hex(mac, sizeof mac, hex);
        *ret = vch_arena_printf(call->arena, "t=%lld,v1=%s", seconds, hex);
    }
    vch_buf_deinit(&buf);
    return err == VCH_OK && !ret->ptr ? VCH_ERR_NOMEM : err;
}

static enum vch_err unseal(struct vch_call *call, const struct vch_rec_hook *hook, struct vch_str sealed, struct vch_str *ret) {
    *ret = VCH_STR("");
    if (sealed.len == 0) return VCH_OK;
    if (vch_unseal(call->service->seal_key, hook->name, sealed, call->arena, ret) == VCH_OK) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INTERNAL, INTERNAL, "", "A secret of hook %.*s cannot be unsealed.", VCH_STR_ARG(hook->name));
}

static enum vch_err fill_order(struct vch_call *call, const struct vch_rec_hook *hook, struct vch_str body,
                               struct vch_hook_order *order) {
    struct vch_str secret;
    *order = (struct vch_hook_order){
        .kind = vch_str_eq_c(hook->kind, "https") ? VCH_HOOK_HTTPS : VCH_HOOK_PROGRAM,
        .name = hook->name,
        .target = hook->target,
        .ca_pem = hook->ca_pem,
        .certificate_pem = hook->certificate_pem,
        .body = body,
        .timeout_ms = hook->timeout_ms ? hook->timeout_ms : call->service->hooks->timeout_ms,
    };
    VCH_TRY(unseal(call, hook, hook->sealed_key, &order->key_pem));
    VCH_TRY(unseal(call, hook, hook->sealed_secret, &secret));
    return secret.len ? sign(call, secret, body, &order->signature) : VCH_OK;
}

/* ---- what is decided ---- */

static void refuse(struct vch_hook_decision *d, enum vch_reason reason, const char *message) {
    d->reason = vch_reason_code(reason);
    (void)snprintf(d->message, sizeof d->message, "%s", message);
}

static enum vch_err read_turn(struct vch_call *call, struct vch_hook_decision *ret) {
    struct vch_str answer;
    ret->duration_us = call->hook->duration_us;
    ret->said = vch_arena_str(call->arena, vch_str_from(call->hook->said));
    if (!ret->said.ptr) return VCH_ERR_NOMEM;
    vch_hook_read_end(call->hook->end, call->hook->code, ret);
    if (ret->reason) return VCH_OK;
    VCH_TRY(vch_buf_finish(&call->hook->answer, &answer));
    return vch_hook_read_answer(answer, call->arena, ret);
}

/* Asks, or takes the answer that is there by now. */
static enum vch_err elsewhere(struct vch_call *call, const struct vch_rec_hook *hook, const struct vch_hook_ask *ask,
                              struct vch_hook_decision *ret) {
    uint8_t question[VCH_SHA256_LEN];
    struct vch_str pem, body;
    if (!call->hook || !call->service->hooks || !call->service->hooks->runner.submit) {
        refuse(ret, VCH_REASON_HOOK_FAILED, "The pre-provisioning hook could not be asked.");
        return VCH_OK;
    }
    VCH_TRY(certificate_pem(call, ask->certificate_id, &pem));
    VCH_TRY(vch_hook_write_request(&call->service->site, ask, pem, call->arena, &body));
    digest_question(hook, body, question);
    if (!call->hook->answered) {
        memcpy(call->hook->question, question, sizeof question);
        VCH_TRY(fill_order(call, hook, body, &call->hook->order));
        return VCH_ERR_WAITING;
    }
    if (memcmp(call->hook->question, question, sizeof question) == 0) return read_turn(call, ret);
    refuse(ret, VCH_REASON_HOOK_CHANGED, "What the pre-provisioning hook was asked about has changed meanwhile.");
    return VCH_OK;
}

/* A list of serials in the registry: who is on it may. */
static enum vch_err allow_list(struct vch_call *call, const struct vch_rec_hook *hook, const struct vch_hook_ask *ask,
                               struct vch_hook_decision *ret) {
    const struct vch_val *serial = vch_val_get_str(ask->parameters, hook->target);
    struct vch_rec_serial row;
    bool found = false;
    int64_t begun_us = vch_mono_us();
    if (vch_val_is(serial, VCH_VAL_STR) && serial->str.len)
        VCH_TRY(vch_store_hook_serial(call->service->store, hook->name, serial->str, &row, &found, call->arena, call->diag));
    ret->duration_us = vch_mono_us() - begun_us;
    if (!found) {
        refuse(ret, VCH_REASON_HOOK_DENIED, "The pre-provisioning hook's list does not have this device.");
        return VCH_OK;
    }
    struct vch_val *overrides = NULL;
    VCH_TRY(vch_json_decode(row.overrides, NULL, call->arena, &overrides, call->diag));
    if (overrides->count) ret->overrides = overrides;
    ret->allowed = true;
    return VCH_OK;
}

static void count(struct vch_hooks *hooks, const struct vch_hook_decision *d) {
    if (!hooks) return;
    bool said_no = d->reason && strcmp(d->reason, vch_reason_code(VCH_REASON_HOOK_DENIED)) == 0;
    atomic_fetch_add(d->allowed ? &hooks->allowed : said_no ? &hooks->denied : &hooks->failed, 1);
    atomic_fetch_add(&hooks->time_us, (uint_fast64_t)d->duration_us);
}

enum vch_err vch_hook_decide(struct vch_call *call, const struct vch_rec_hook *hook, const struct vch_hook_ask *ask,
                             struct vch_hook_decision *ret) {
    *ret = (struct vch_hook_decision){.asked = true, .name = hook->name};
    bool list = vch_str_eq_c(hook->kind, "allowlist");
    VCH_TRY(list ? allow_list(call, hook, ask, ret) : elsewhere(call, hook, ask, ret));
    count(call->service->hooks, ret);
    return VCH_OK;
}

enum vch_err vch_hook_decide_target(struct vch_call *call, const struct vch_hook_ask *ask, struct vch_hook_decision *ret) {
    struct vch_rec_hook hook;
    enum vch_err err = vch_store_hook_of_target(call->service->store, ask->target_arn, &hook, call->arena, NULL);
    if (err == VCH_OK) return vch_hook_decide(call, &hook, ask, ret);
    if (err != VCH_ERR_NOT_FOUND) return VCH_REFUSE(call->diag, err, STORE_FAILED, "", "The registry could not be read.");
    *ret = (struct vch_hook_decision){.asked = true};
    refuse(ret, VCH_REASON_HOOK_UNKNOWN, "Nothing is configured for the template's pre-provisioning hook.");
    count(call->service->hooks, ret);
    return VCH_OK;
}

enum vch_err vch_hook_merge(struct vch_call *call, const struct vch_val *parameters, const struct vch_val *overrides,
                            const struct vch_val **ret) {
    struct vch_val *all = vch_val_new_map(call->arena);
    if (!all) return VCH_ERR_NOMEM;
    for (size_t i = 0; parameters && i < parameters->count; i++) {
        if (vch_val_get_str(overrides, parameters->members[i].name)) continue;
        struct vch_val *slot = vch_val_put_str_name(call->arena, all, parameters->members[i].name);
        if (!slot) return VCH_ERR_NOMEM;
        *slot = parameters->members[i].value;
    }
    for (size_t i = 0; overrides && i < overrides->count; i++) {
        struct vch_val *slot = vch_val_put_str_name(call->arena, all, overrides->members[i].name);
        if (!slot) return VCH_ERR_NOMEM;
        *slot = overrides->members[i].value;
    }
    *ret = all;
    return VCH_OK;
}

/* ---- registrations ---- */

enum vch_err vch_hook_record(struct vch_call *call, const struct vch_hook_ask *ask, const struct vch_hook_decision *decision,
                             struct vch_plan *plan) {
    struct vch_change change = {.plan = plan, .row = vch_call_ledger(call, "hook-decided")};
    const char *names[] = {"hook", "targetArn", "durationMs", NULL};
    struct vch_str values[] = {decision->name, ask->target_arn,
                               vch_arena_printf(call->arena, "%lld", (long long)(decision->duration_us / 1000))};
    if (!decision->asked) return VCH_OK;
    if (!values[2].ptr) return VCH_ERR_NOMEM;
    change.row.claim_id = ask->claim_id;
    change.row.template_name = ask->template_name;
    change.row.certificate_id = ask->certificate_id;
    if (decision->reason) change.row.outcome = vch_str_from(decision->reason);
    VCH_TRY(vch_change_detail(call, &change, names, values));
    vch_plan_ledger(plan, &change.row);
    return VCH_OK;
}

static enum vch_err record_refusal(struct vch_call *call, const struct vch_hook_ask *ask, const struct vch_hook_decision *decision) {
    struct vch_plan *plan = vch_plan_new(call->arena);
    if (!plan) return VCH_ERR_NOMEM;
    VCH_TRY(vch_hook_record(call, ask, decision, plan));
    return vch_store_apply(call->service->store, plan, call->diag);
}

enum vch_err vch_hook_permit(struct vch_call *call, const struct vch_hook_ask *ask, struct vch_hook_decision *ret,
                             const struct vch_val **parameters) {
    *ret = (struct vch_hook_decision){.asked = false};
    if (ask->target_arn.len == 0) return VCH_OK;
    VCH_TRY(vch_hook_decide_target(call, ask, ret));
    if (ret->allowed) return ret->overrides ? vch_hook_merge(call, *parameters, ret->overrides, parameters) : VCH_OK;
    VCH_TRY(record_refusal(call, ask, ret));
    return vch_diag_set(call->diag, VCH_ERR_DENIED, ret->reason, "", "%s", ret->message);
}
