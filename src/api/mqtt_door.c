#include "api/mqtt_door.h"

#include <stdlib.h>
#include <string.h>

#include "api/mqtt_peer_priv.h"
#include "api/mqtt_told_priv.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "core/claim.h"
#include "core/reason.h"
#include "core/topic.h"
#include "service/connectivity.h"

enum { PUBLISHES_PER_SECOND = 100 };

struct vch_authz_ask vch_peer_ask(struct vch_mqtt_session *session) {
    const struct vch_peer *peer = vch_peer_of(session);
    return (struct vch_authz_ask){
        .authz = peer->authz,
        .site = &peer->door->service->site,
        .client_id = vch_mqtt_session_client_id(session),
        .certificate_id = vch_str_from(vch_mqtt_session_peer_id(session)),
        .source_ip = vch_str_from(vch_mqtt_session_peer_ip(session)),
    };
}

enum vch_err vch_peer_check(struct vch_mqtt_session *session, const char *action, const char *type, struct vch_str name,
                            struct vch_diag *diag) {
    const struct vch_peer *peer = vch_peer_of(session);
    if (peer->view) return vch_iam_view_check(peer->view, action, type, name, diag);
    struct vch_authz_ask ask = vch_peer_ask(session);
    ask.action = action;
    ask.resource_type = type;
    ask.name = name;
    return vch_authz_check(&ask, diag);
}

static enum vch_mqtt_verdict deny(struct vch_diag *diag, const char *sentence) {
    (void)VCH_REFUSE(diag, VCH_ERR_DENIED, TOPIC_RESERVED, "topic", "%s", sentence);
    return VCH_MQTT_DENY;
}

static enum vch_mqtt_verdict verdict_of(enum vch_err err) {
    return err == VCH_OK ? VCH_MQTT_ALLOW : VCH_MQTT_DENY;
}

static bool must_wait(struct vch_mqtt_session *session) {
    const struct vch_peer *peer = vch_peer_of(session);
    if (!peer->stale && !peer->loading) return false;
    vch_door_refresh(session);
    return true;
}

/* ---- PUBLISH ------------------------------------------------------------ */

static enum vch_mqtt_verdict claim_publish(const struct vch_peer *peer, const struct vch_mqtt_publish *packet,
                                           struct vch_diag *diag) {
    if (packet->retain) return deny(diag, "A provisioning claim cannot publish with RETAIN.");
    if (!vch_claim_allows(vch_str_from(peer->template_name), VCH_CLAIM_PUBLISH, packet->topic))
        return deny(diag, "A provisioning claim can publish on the provisioning topics of its own template only.");
    return VCH_MQTT_TAKE;
}

/* AWS keeps every topic that begins with '$'; the specifications leave them to the server, and it needs two families. */
static bool is_reserved(const struct vch_peer *peer, struct vch_str topic) {
    if (peer->door->profile == VCH_MQTT_AWS) return vch_topic_reserved(topic);
    return vch_str_starts(topic, VCH_STR("$aws/")) || vch_str_starts(topic, VCH_STR("$vouch/"));
}

static enum vch_mqtt_verdict device_publish(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet,
                                            struct vch_diag *diag) {
    if (vch_peer_check(session, "iot:Publish", "topic", packet->topic, diag) != VCH_OK) return VCH_MQTT_DENY;
    if (!is_reserved(vch_peer_of(session), packet->topic))
        return packet->retain ? verdict_of(vch_peer_check(session, "iot:RetainPublish", "topic", packet->topic, diag)) : VCH_MQTT_ALLOW;
    struct vch_prov_topic topic = vch_prov_topic_parse(packet->topic);
    if (vch_peer_of(session)->principal || packet->retain || topic.op == VCH_PROV_NONE || topic.leaf != VCH_PROV_REQUEST)
        return deny(diag, "Clients cannot publish on this reserved topic.");
    return VCH_MQTT_TAKE;
}

static enum vch_mqtt_verdict judge_publish(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet,
                                           struct vch_diag *diag) {
    const struct vch_peer *peer = vch_peer_of(session);
    if (peer->door->profile == VCH_MQTT_AWS && vch_topic_check(packet->topic, diag) != VCH_OK) return VCH_MQTT_DENY;
    if (peer->claim) return claim_publish(peer, packet, diag);
    if (must_wait(session)) return VCH_MQTT_WAIT;
    return device_publish(session, packet, diag);
}

/* AWS takes 100 a second of a connection. Past that QoS 0 is dropped, and QoS 1,
 * whose sender waits for an answer, is refused. */
static enum vch_mqtt_verdict throttle(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet,
                                      enum vch_mqtt_verdict verdict, struct vch_diag *diag) {
    struct vch_peer *peer = vch_peer_of(session);
    peer->discard = !vch_quota_bucket_take(&peer->publishes, PUBLISHES_PER_SECOND, vch_mono_us());
    if (!peer->discard) return verdict;
    if (packet->qos == 0) return VCH_MQTT_TAKE;
    (void)VCH_REFUSE(diag, VCH_ERR_THROTTLED, RATE_EXCEEDED, "", "A connection may publish %d messages a second.", PUBLISHES_PER_SECOND);
    return VCH_MQTT_DENY;
}

static enum vch_mqtt_verdict on_publish(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet,
                                        struct vch_diag *diag) {
    const struct vch_mqtt_door *door = arg;
    enum vch_mqtt_verdict verdict = judge_publish(session, packet, diag);
    if (door->service->limits_aws && (verdict == VCH_MQTT_ALLOW || verdict == VCH_MQTT_TAKE)) verdict = throttle(session, packet, verdict, diag);
    if (verdict != VCH_MQTT_DENY) return verdict;
    const char *action = strcmp(diag->field, "iot:RetainPublish") == 0 ? "iot:RetainPublish" : "iot:Publish";
    return vch_door_deny(session, VCH_REFUSED_PUBLISH, action, "topic", packet->topic, diag);
}

/* ---- SUBSCRIBE and delivery --------------------------------------------- */

static enum vch_mqtt_verdict judge_subscribe(struct vch_mqtt_session *session, struct vch_str filter, struct vch_diag *diag) {
    const struct vch_peer *peer = vch_peer_of(session);
    if (peer->door->profile == VCH_MQTT_AWS && vch_filter_check(filter, diag) != VCH_OK) return VCH_MQTT_DENY;
    if (!peer->claim) {
        if (must_wait(session)) return VCH_MQTT_WAIT;
        return verdict_of(vch_peer_check(session, "iot:Subscribe", "topicfilter", filter, diag));
    }
    if (vch_claim_allows(vch_str_from(peer->template_name), VCH_CLAIM_SUBSCRIBE, filter)) return VCH_MQTT_ALLOW;
    return deny(diag, "A provisioning claim can subscribe to the provisioning topics of its own template only.");
}

static enum vch_mqtt_verdict on_subscribe(void *arg, struct vch_mqtt_session *session, struct vch_str filter,
                                          struct vch_diag *diag) {
    (void)arg;
    enum vch_mqtt_verdict verdict = judge_subscribe(session, filter, diag);
    if (verdict != VCH_MQTT_DENY) return verdict;
    return vch_door_deny(session, VCH_REFUSED_SUBSCRIBE, "iot:Subscribe", "topicfilter", filter, diag);
}

static enum vch_mqtt_verdict on_deliver(void *arg, struct vch_mqtt_session *session, struct vch_str topic) {
    (void)arg;
    if (vch_peer_of(session)->claim) return VCH_MQTT_DENY; /* its answers go to it directly */
    if (must_wait(session)) return VCH_MQTT_WAIT;
    if (vch_peer_check(session, "iot:Receive", "topic", topic, NULL) == VCH_OK) return VCH_MQTT_ALLOW;
    return vch_door_deny(session, VCH_REFUSED_RECEIVE, "iot:Receive", "topic", topic, NULL);
}

/* ---- after a restart ---------------------------------------------------- */

/* Who signed is not here to be asked again: then it is no. */
static bool on_inherited(void *arg, const struct vch_mqtt_inheritance *will) {
    const struct vch_mqtt_door *door = arg;
    struct vch_identity identity;
    struct vch_authz *authz = NULL;
    struct vch_diag diag = {0};
    if (vch_identity_check(door->service, will->principal, &identity, &diag) != VCH_OK || identity.kind != VCH_IDENTITY_DEVICE) return false;
    if (vch_authz_load(door->service, will->principal, will->client_id, &authz, &diag) != VCH_OK) return false;
    struct vch_authz_ask ask = {.authz = authz,
                                .site = &door->service->site,
                                .action = "iot:Publish",
                                .resource_type = "topic",
                                .name = will->topic,
                                .client_id = will->client_id,
                                .certificate_id = will->principal};
    bool allowed = vch_authz_check(&ask, &diag) == VCH_OK;
    ask.action = "iot:RetainPublish";
    allowed = allowed && (!will->retain || vch_authz_check(&ask, &diag) == VCH_OK);
    vch_authz_unref(authz);
    return allowed;
}

/* ---- the end ------------------------------------------------------------ */

static void on_closed(void *arg, struct vch_mqtt_session *session, const char *reason, struct vch_str detail) {
    struct vch_mqtt_door *door = arg;
    struct vch_peer *peer = vch_peer_of(session);
    if (!peer) atomic_fetch_add(&door->connects_refused, 1);
    vch_door_tell_end(door, session, reason, detail);
    if (!peer) return;
    vch_connectivity_down(door->service->connectivity, vch_str_from(peer->thing), vch_mqtt_session_ref(session).id, vch_now_ms(),
                          vch_mqtt_session_cause(session));
    vch_door_tell_gone(session, vch_mqtt_session_cause(session));
    if (peer->counted) vch_gate_leave(door->certificates, vch_str_from(vch_mqtt_session_peer_id(session)));
    vch_mqtt_session_set_user(session, NULL);
    vch_timer_deinit(&peer->expiry);
    vch_authz_unref(peer->authz);
    vch_iam_view_unref(peer->view);
    vch_iam_principal_unref(peer->principal);
    free(peer);
}

/* A connection that becomes a thing's later, by an attachment, counts from then on. */
void vch_door_seen(struct vch_mqtt_session *session) {
    struct vch_peer *peer = vch_peer_of(session);
    struct vch_str thing = vch_authz_thing_name(peer->authz);
    struct vch_connectivity *connectivity = peer->door->service->connectivity;
    uint64_t id = vch_mqtt_session_ref(session).id;
    if (vch_str_eq_c(thing, peer->thing)) return;
    vch_connectivity_down(connectivity, vch_str_from(peer->thing), id, vch_now_ms(), "NONE");
    if (!vch_str_copy(peer->thing, sizeof peer->thing, thing)) peer->thing[0] = '\0';
    vch_connectivity_up(connectivity, vch_str_from(peer->thing), id, vch_now_ms());
}

/* ---- changes ------------------------------------------------------------ */

static bool registry_failed(const struct vch_diag *diag) {
    return diag->reason && strcmp(diag->reason, vch_reason_code(VCH_REASON_STORE_FAILED)) == 0;
}

static atomic_uint_fast64_t *bucket_of(struct vch_mqtt_door *door, const char *certificate_id) {
    uint8_t first = 0;
    bool hex = strlen(certificate_id) >= 2 && vch_unhex(vch_str_of(certificate_id, 2), &first, 1) == VCH_OK;
    return &door->certificates_changed[hex ? first : 0];
}

uint64_t vch_door_changes(struct vch_mqtt_door *door, const char *certificate_id) {
    return atomic_load(&door->policies_changed) + atomic_load(bucket_of(door, certificate_id));
}

static void look_again(struct vch_mqtt_session *session, const char *key) {
    (void)key;
    struct vch_peer *peer = vch_peer_of(session);
    if (!peer) return; /* CONNECT is still under way; its end compares vch_door_changes */
    if (peer->principal) {
        vch_iam_look_again(session);
        return;
    }
    struct vch_identity identity;
    struct vch_diag diag = {0};
    struct vch_str id = vch_str_from(vch_conn_peer_id(vch_mqtt_session_conn(session)));
    enum vch_err err = vch_identity_check(peer->door->service, id, &identity, &diag);
    peer->stale = !peer->claim; /* judged by what is true now, or not at all */
    if (err == VCH_OK) return;
    if (!registry_failed(&diag)) vch_mqtt_close(session, &diag);
    else if (peer->claim) vch_door_refresh(session);
}

/* Nothing is known of any session: each is asked for on a worker. */
static void ask_afresh(struct vch_mqtt_session *session, const char *key) {
    (void)key;
    struct vch_peer *peer = vch_peer_of(session);
    if (!peer) return;
    peer->stale = !peer->claim;
    vch_door_refresh(session);
}

static void mark_stale(struct vch_mqtt_session *session, const char *key) {
    (void)key;
    struct vch_peer *peer = vch_peer_of(session);
    if (peer && !peer->claim) peer->stale = true;
}

void vch_mqtt_door_changed(struct vch_mqtt_door *door, enum vch_change_kind kind, struct vch_str key) {
    enum vch_err err = VCH_OK;
    char id[65];
    switch (kind) {
    case VCH_CHANGE_CERTIFICATE:
    case VCH_CHANGE_CLAIM:
        if (!vch_str_copy(id, sizeof id, key)) break;
        atomic_fetch_add(bucket_of(door, id), 1);
        err = vch_mqtt_each_of(door->broker, id, look_again);
        break;
    case VCH_CHANGE_POLICY:
        atomic_fetch_add(&door->policies_changed, 1);
        err = vch_mqtt_each(door->broker, mark_stale, key);
        break;
    case VCH_CHANGE_ALL:
        atomic_fetch_add(&door->policies_changed, 1); /* counted for every certificate */
        err = vch_mqtt_each(door->broker, ask_afresh, key);
        break;
    case VCH_CHANGE_USER:
    case VCH_CHANGE_ROLE:
        atomic_fetch_add(&door->policies_changed, 1);
        err = vch_iam_each_of(door, kind == VCH_CHANGE_ROLE, key);
        break;
    case VCH_CHANGE_PAIRING:
    case VCH_CHANGE_SESSION:
    case VCH_CHANGE_LEDGER: break;
    case VCH_CHANGE_TEMPLATE: break; /* asked at every step of a provisioning */
    }
    if (err != VCH_OK) VCH_LOG(ERROR, "mqtt-change-lost", VCH_LOG_S("key", key), VCH_LOG_C("error", vch_err_word(err)));
}

void vch_mqtt_door_clock_moved(struct vch_mqtt_door *door) {
    if (vch_mqtt_each(door->broker, look_again, VCH_STR("")) != VCH_OK) VCH_LOG(ERROR, "mqtt-change-lost", VCH_LOG_C("key", "clock"));
}

/* ---- life --------------------------------------------------------------- */

enum vch_err vch_mqtt_door_verify(void *arg, const char id[65], struct vch_diag *diag) {
    struct vch_mqtt_door *door = arg;
    struct vch_identity identity;
    enum vch_err err = vch_identity_check(door->service, vch_str_from(id), &identity, diag);
    if (err != VCH_OK) atomic_fetch_add(&door->handshakes_refused, 1);
    return err;
}

enum vch_err vch_mqtt_door_attach(struct vch_mqtt_door *door, struct vch_conn *conn) {
    return vch_mqtt_attach(door->broker, conn);
}

enum vch_err vch_mqtt_door_new(const struct vch_mqtt_door_options *options, struct vch_mqtt_door **ret) {
    struct vch_mqtt_door *door = calloc(1, sizeof *door);
    if (!door) return VCH_ERR_NOMEM;
    door->service = options->service;
    door->pool = options->pool;
    door->profile = options->profile;
    door->iam = options->iam;
    door->retained = options->retained;
    door->faults = options->faults;
    door->events = options->events;
    (void)pthread_mutex_init(&door->late_lock, NULL);
    struct vch_mqtt_options broker = {
        .keeper = options->keeper,
        .retained = options->retained,
        .hooks = {.connect = vch_door_connect, .publish = on_publish, .subscribe = on_subscribe, .deliver = on_deliver,
                  .taken = vch_door_taken, .closed = on_closed, .accepted = vch_door_on_accepted,
                  .subscribed = vch_door_on_subscribed, .unsubscribed = vch_door_on_unsubscribed, .inherited = on_inherited, .arg = door},
        .explain = options->explain,
        .profile = options->profile,
        .sessions_per_principal = options->connections_per_certificate,
    };
    (void)pthread_mutex_init(&door->log_lock, NULL);
    enum vch_err err = vch_gate_new(&(struct vch_gate_options){.per_key_max = options->connections_per_certificate}, &door->certificates);
    if (err == VCH_OK) err = vch_mqtt_broker_new(&broker, options->loops, options->loop_count, &door->broker);
    if (err == VCH_OK) err = vch_presence_new(door->broker, &door->presence);
    if (err != VCH_OK) {
        vch_mqtt_door_free(door);
        return err;
    }
    *ret = door;
    return VCH_OK;
}

struct vch_mqtt_broker *vch_mqtt_door_broker(struct vch_mqtt_door *door) {
    return door->broker;
}

struct vch_mqtt_retained *vch_mqtt_door_retained(struct vch_mqtt_door *door) {
    return door->retained;
}

enum vch_err vch_mqtt_door_restore(struct vch_mqtt_door *door, struct vch_diag *diag) {
    return vch_mqtt_restore(door->broker, diag);
}

void vch_mqtt_door_free(struct vch_mqtt_door *door) {
    if (!door) return;
    vch_door_drop_late(door);
    (void)pthread_mutex_destroy(&door->late_lock);
    vch_mqtt_broker_free(door->broker); /* its last sessions end, and tell */
    vch_presence_free(door->presence);
    vch_gate_free(door->certificates);
    (void)pthread_mutex_destroy(&door->log_lock);
    free(door);
}

void vch_mqtt_door_stats(struct vch_mqtt_door *door, struct vch_mqtt_door_stats *ret) {
    vch_mqtt_stats(door->broker, &ret->broker);
    ret->connect_us = &door->connect_us;
    ret->durable_us = (struct vch_histogram){.sum_us = 0};
    vch_mqtt_durable_waits(door->broker, &ret->durable_us);
    ret->provision_us = &door->provision_us;
    ret->clients_known = vch_presence_count(door->presence);
    ret->connects_refused = atomic_load(&door->connects_refused);
    ret->handshakes_refused = atomic_load(&door->handshakes_refused);
    ret->provisioning_accepted = atomic_load(&door->provisioning_accepted);
    ret->provisioning_rejected = atomic_load(&door->provisioning_rejected);
}
