#include "api/mqtt_told_priv.h"

#include <stdio.h>
#include <string.h>

#include "api/events.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "core/names.h"
#include "core/reason.h"
#include "service/connectivity.h"

/* ---- the log's share --------------------------------------------------------- */

/* A storm of strangers must not fill the log, nor what it is kept on. */
bool vch_told_may_log(struct vch_mqtt_door *door) {
    int64_t second = vch_mono_ms() / 1000;
    (void)pthread_mutex_lock(&door->log_lock);
    if (door->log_second != second) door->log_lines = 0;
    door->log_second = second;
    bool may = door->log_lines < VCH_TOLD_LINES_PER_SECOND;
    door->log_lines += may;
    door->log_held_back += !may;
    (void)pthread_mutex_unlock(&door->log_lock);
    return may;
}

static void log_held_back(struct vch_mqtt_door *door) {
    (void)pthread_mutex_lock(&door->log_lock);
    uint64_t held_back = door->log_second == vch_mono_ms() / 1000 ? 0 : door->log_held_back;
    door->log_held_back -= held_back;
    (void)pthread_mutex_unlock(&door->log_lock);
    if (held_back) VCH_LOG(WARN, "mqtt-refused-more", VCH_LOG_I("suppressed", held_back));
}

void vch_mqtt_door_tick(struct vch_mqtt_door *door) {
    log_held_back(door);
    vch_presence_sweep(door->presence, vch_now_ms());
}

/* ---- memory --------------------------------------------------------------------- */

/* The views live as long as the session; the serial is read from the certificate. */
static struct vch_refusal refusal_of(struct vch_mqtt_session *session, enum vch_refused what, const char *reason,
                                     struct vch_str message, char serial[VCH_REFUSAL_SERIAL]) {
    struct vch_conn *conn = vch_mqtt_session_conn(session);
    serial[0] = '\0';
    if (conn) vch_refusal_serial(vch_conn_peer_der(conn), serial);
    return (struct vch_refusal){.what = what,
                                .reason = reason,
                                .client_id = vch_mqtt_session_client_id(session),
                                .certificate_id = vch_str_from(vch_mqtt_session_peer_id(session)),
                                .serial = vch_str_from(serial),
                                .source_ip = vch_str_from(vch_mqtt_session_peer_ip(session)),
                                .statement = -1,
                                .message = message,
                                .time_ms = vch_now_ms()};
}

static void put_decision(struct vch_refusal *refusal, const struct vch_policy_decision *decision) {
    if (!decision || !decision->policy) return;
    refusal->policy = vch_policy_name(decision->policy);
    refusal->statement = (int64_t)decision->statement;
}

/* ---- what a live session asked for ------------------------------------------------ */

static bool told_just_now(struct vch_peer *peer, enum vch_refused what, struct vch_str name) {
    uint64_t key = vch_hash(name) + (uint64_t)what;
    int64_t now_ms = vch_mono_ms();
    bool again = peer->told_key == key && now_ms - peer->told_ms < VCH_TOLD_AGAIN_MS;
    peer->told_key = key;
    if (!again) peer->told_ms = now_ms;
    return again;
}

static struct vch_policy_decision decided(struct vch_mqtt_session *session, const char *action, const char *type, struct vch_str name) {
    if (!vch_peer_of(session)->authz) return (struct vch_policy_decision){VCH_VERDICT_IMPLICIT_DENY, NULL, 0};
    struct vch_authz_ask ask = vch_peer_ask(session);
    ask.action = action;
    ask.resource_type = type;
    ask.name = name;
    return vch_authz_decide(&ask, NULL);
}

static void log_denied(const struct vch_refusal *r) {
    VCH_LOG(INFO, "mqtt-denied", VCH_LOG_S("client", r->client_id), VCH_LOG_S("certificate", r->certificate_id),
            VCH_LOG_C("what", vch_refused_word(r->what)), VCH_LOG_S("resource", r->resource), VCH_LOG_C("reason", r->reason),
            VCH_LOG_S("detail", r->message));
}

enum vch_mqtt_verdict vch_door_deny(struct vch_mqtt_session *session, enum vch_refused what, const char *action,
                                    const char *type, struct vch_str name, const struct vch_diag *given) {
    struct vch_peer *peer = vch_peer_of(session);
    char serial[VCH_REFUSAL_SERIAL], resource[16 + VCH_TOPIC_MAX + 1];
    struct vch_diag diag = {0};
    if (told_just_now(peer, what, name)) {
        vch_refusals_add(peer->door->service->refusals, what, peer->told_reason);
        return VCH_MQTT_DENY;
    }
    if (given && given->reason) diag = *given;
    else if (!peer->claim) (void)!vch_peer_check(session, action, type, name, &diag);
    if (!diag.reason)
        (void)VCH_REFUSE(&diag, VCH_ERR_DENIED, ACCESS_DENIED, "", "The server sends a provisioning claim nothing but its answers.");
    peer->told_reason = diag.reason;
    struct vch_refusal r = refusal_of(session, what, diag.reason, vch_str_from(diag.message), serial);
    (void)snprintf(resource, sizeof resource, "%s/%.*s", type, VCH_STR_ARG(name));
    r.resource = vch_str_from(resource);
    if (!peer->claim) r.action = vch_str_from(action);
    struct vch_policy_decision decision = decided(session, action, type, name);
    if (decision.verdict == VCH_VERDICT_EXPLICIT_DENY) put_decision(&r, &decision);
    vch_refusals_tell(peer->door->service->refusals, &r);
    log_denied(&r);
    return VCH_MQTT_DENY;
}

/* ---- CONNECT ------------------------------------------------------------------------ */

/* The action stands where the diagnosis names the field; its resource is known from it. */
static void put_question(struct vch_refusal *r, const struct vch_diag *diag, char resource[512]) {
    if (strncmp(diag->field, "iot:", 4) != 0) return;
    r->action = vch_str_from(diag->field);
    const char *name = strstr(diag->message, " on ");
    if (strcmp(diag->field, "iot:Connect") == 0)
        (void)snprintf(resource, 512, "client/%.*s", VCH_STR_ARG(r->client_id));
    else if (name)
        (void)snprintf(resource, 512, "%s", name + 4);
    size_t len = strlen(resource);
    if (len && resource[len - 1] == '.' && strcmp(diag->field, "iot:Connect") != 0) resource[len - 1] = '\0';
    r->resource = vch_str_from(resource);
}

static void tell_failed(struct vch_mqtt_door *door, const struct vch_refusal *r, enum vch_err err) {
    if (err != VCH_ERR_DENIED && err != VCH_ERR_EXPIRED && err != VCH_ERR_NOT_FOUND && err != VCH_ERR_UNAUTHENTICATED) return;
    const struct vch_presence_of of = {.client_id = r->client_id, .principal = r->certificate_id, .ip = r->source_ip.ptr, .now_ms = r->time_ms};
    vch_presence_failed(door->presence, &of);
}

void vch_door_tell_connect(struct vch_mqtt_door *door, struct vch_mqtt_session *session, const char *principal, enum vch_err err,
                           const struct vch_diag *diag, const struct vch_policy_decision *decision) {
    char serial[VCH_REFUSAL_SERIAL], resource[512] = "";
    const char *reason = diag->reason ? diag->reason : vch_reason_code(VCH_REASON_INTERNAL);
    struct vch_refusal r = refusal_of(session, VCH_REFUSED_CONNECT, reason, vch_str_from(diag->message), serial);
    r.certificate_id = vch_str_from(principal);
    put_question(&r, diag, resource);
    put_decision(&r, decision);
    vch_refusals_tell(door->service->refusals, &r);
    tell_failed(door, &r, err);
}

/* ---- the end ---------------------------------------------------------------------------- */

/* What ends without anybody having been refused. */
bool vch_told_is_no_refusal(const char *reason) {
    static const char *const words[] = {"client", "client-closed", "connection-lost", "closed", "server-stopping"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(reason, words[i]) == 0) return true;
    return false;
}

static bool is_of_handshake(const char *reason) {
    static const char *const words[] = {"tls-", "certificate-", "claim-", "handshake-", "sni-"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(reason, words[i], strlen(words[i])) == 0) return true;
    return false;
}

void vch_door_tell_end(struct vch_mqtt_door *door, struct vch_mqtt_session *session, const char *reason, struct vch_str detail) {
    char serial[VCH_REFUSAL_SERIAL];
    bool accepted = vch_peer_of(session) != NULL;
    if (accepted || vch_told_may_log(door))
        VCH_LOG(INFO, "mqtt-closed", VCH_LOG_C("reason", reason), VCH_LOG_S("client", vch_mqtt_session_client_id(session)),
                VCH_LOG_C("certificate", vch_mqtt_session_peer_id(session)), VCH_LOG_C("ip", vch_mqtt_session_peer_ip(session)),
                VCH_LOG_S("detail", detail));
    if (vch_told_is_no_refusal(reason)) return;
    bool handshake = !accepted && vch_mqtt_session_client_id(session).len == 0 && is_of_handshake(reason);
    enum vch_refused what = handshake ? VCH_REFUSED_HANDSHAKE : VCH_REFUSED_CONNECTION;
    struct vch_refusal r = refusal_of(session, what, reason, detail, serial);
    vch_refusals_tell(door->service->refusals, &r);
}

/* ---- lifecycle events --------------------------------------------------------------------- */

static struct vch_presence_of presence_of(struct vch_mqtt_session *session) {
    const struct vch_peer *peer = vch_peer_of(session);
    return (struct vch_presence_of){.client_id = vch_mqtt_session_client_id(session),
                                    .principal = vch_str_from(vch_mqtt_session_peer_id(session)),
                                    .thing = vch_authz_exclusive_thing(peer->authz),
                                    .ip = vch_mqtt_session_peer_ip(session),
                                    .now_ms = vch_now_ms()};
}

void vch_door_on_accepted(void *arg, struct vch_mqtt_session *session) {
    struct vch_mqtt_door *door = arg;
    struct vch_peer *peer = vch_peer_of(session);
    struct vch_presence_of of = presence_of(session);
    vch_mqtt_session_uuid(session, peer->presence.session);
    vch_presence_connected(door->presence, &of, peer->claim, &peer->presence);
    if (door->events) vch_events_connection(door->events, vch_authz_thing_name(peer->authz), of.client_id, true, of.now_ms);
    vch_histogram_add(&door->connect_us, vch_mono_us() - peer->started_us);
}

static void tell_subscriptions(struct vch_mqtt_door *door, struct vch_mqtt_session *session, bool subscribed,
                               const struct vch_str *filters, size_t count) {
    struct vch_presence_of of = presence_of(session);
    vch_presence_subscriptions(door->presence, &of, &vch_peer_of(session)->presence, subscribed, filters, count);
}

void vch_door_on_subscribed(void *door, struct vch_mqtt_session *session, const struct vch_str *filters, size_t count) {
    tell_subscriptions(door, session, true, filters, count);
}

void vch_door_on_unsubscribed(void *door, struct vch_mqtt_session *session, const struct vch_str *filters, size_t count) {
    tell_subscriptions(door, session, false, filters, count);
}

void vch_door_tell_gone(struct vch_mqtt_session *session, const char *word) {
    const struct vch_peer *peer = vch_peer_of(session);
    struct vch_presence_of of = presence_of(session);
    bool told = peer->presence.session[0] && peer->door->events;
    vch_presence_disconnected(peer->door->presence, &of, &peer->presence, word);
    if (told) vch_events_connection(peer->door->events, vch_authz_thing_name(peer->authz), of.client_id, false, of.now_ms);
}
