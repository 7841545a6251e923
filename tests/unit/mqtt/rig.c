#include "rig.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define TELL(rig) (void)(pthread_cond_broadcast(&(rig)->changed), pthread_mutex_unlock(&(rig)->lock))

/* ---- hooks ---------------------------------------------------------------------- */

static void decide(struct vch_mqtt_session *session, uint8_t code) {
    struct vch_diag diag = {0};
    if (code) (void)vch_diag_set(&diag, VCH_ERR_DENIED, "policy-denies", "clientId", "The test refuses this client.");
    vch_mqtt_connect_done(session, &(struct vch_mqtt_admission){.code = code}, code ? &diag : NULL);
}

static void welcome_guest(struct vch_mqtt_session *session) {
    vch_mqtt_connect_done(session, &(struct vch_mqtt_admission){.transient = true}, NULL);
}

struct soon {
    struct rig *rig;
    struct vch_mqtt_ref ref;
};

static void decide_soon(void *arg) {
    struct soon soon = *(struct soon *)arg;
    free(arg);
    struct vch_mqtt_session *session = vch_mqtt_find(soon.rig->broker, soon.ref);
    if (session) decide(session, 0);
}

static void post_decision(struct rig *rig, struct vch_mqtt_ref ref) {
    struct soon *soon = malloc(sizeof *soon);
    vch_assert(soon);
    *soon = (struct soon){rig, ref};
    if (!vch_loop_post(ref.loop, decide_soon, soon)) free(soon);
}

static void on_connect(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_connect *packet) {
    struct rig *rig = arg;
    bool later = vch_str_starts(packet->client_id, VCH_STR("later-"));
    vch_assert(vch_str_eq(packet->client_id, vch_mqtt_session_client_id(session)));
    (void)pthread_mutex_lock(&rig->lock);
    vch_mqtt_session_set_user(session, malloc(1)); /* so that a missing `closed` is a leak */
    rig->live_users++;
    if (later) rig->later = vch_mqtt_session_ref(session);
    (void)vch_str_copy(rig->will_topic, sizeof rig->will_topic, packet->will_topic);
    TELL(rig);
    if (vch_str_starts(packet->client_id, VCH_STR("soon-")))
        post_decision(rig, vch_mqtt_session_ref(session));
    else if (atomic_load(&rig->transient))
        welcome_guest(session);
    else if (!later)
        decide(session, vch_str_starts(packet->client_id, VCH_STR("no-")) ? 5 : 0);
}

static enum vch_mqtt_verdict gate(struct rig *rig, struct vch_mqtt_session *session) {
    if (!atomic_load(&rig->waiting)) return VCH_MQTT_ALLOW;
    (void)pthread_mutex_lock(&rig->lock);
    rig->waits++;
    rig->last = vch_mqtt_session_ref(session);
    TELL(rig);
    return VCH_MQTT_WAIT;
}

static enum vch_mqtt_verdict on_publish(void *arg, struct vch_mqtt_session *session,
                                        const struct vch_mqtt_publish *packet, struct vch_diag *diag) {
    struct rig *rig = arg;
    (void)pthread_mutex_lock(&rig->lock);
    rig->publishes++;
    vch_assert(vch_str_eq_c(vch_str_from(vch_mqtt_session_peer_ip(session)), "127.0.0.1")); /* for wills too */
    rig->last_retain = packet->retain;
    TELL(rig);
    if (vch_str_starts(packet->topic, VCH_STR("deny/"))) {
        (void)vch_diag_set(diag, VCH_ERR_DENIED, "policy-silent", "topic", "The test denies this topic.");
        return VCH_MQTT_DENY;
    }
    if (vch_str_starts(packet->topic, VCH_STR("wait/"))) return gate(rig, session);
    while (vch_str_starts(packet->topic, VCH_STR("busy/")) && atomic_load(&rig->busy)) (void)usleep(1000);
    return vch_str_starts(packet->topic, VCH_STR("take/")) ? VCH_MQTT_TAKE : VCH_MQTT_ALLOW;
}

static enum vch_mqtt_verdict on_subscribe(void *arg, struct vch_mqtt_session *session, struct vch_str filter,
                                          struct vch_diag *diag) {
    if (vch_str_starts(filter, VCH_STR("wait/"))) return gate(arg, session);
    bool turned = atomic_load(&((struct rig *)arg)->turned) && vch_str_starts(filter, VCH_STR("turn/"));
    if (!turned && !vch_str_starts(filter, VCH_STR("deny/"))) return VCH_MQTT_ALLOW;
    (void)vch_diag_set(diag, VCH_ERR_DENIED, "policy-silent", "filter", "The test denies this filter.");
    return VCH_MQTT_DENY;
}

static enum vch_mqtt_verdict on_deliver(void *arg, struct vch_mqtt_session *session, struct vch_str topic) {
    if (vch_str_starts(topic, VCH_STR("hold/"))) return gate(arg, session);
    bool cut = atomic_load(&((struct rig *)arg)->turned) && vch_str_starts(topic, VCH_STR("cut/"));
    return cut || vch_str_starts(topic, VCH_STR("mute/")) ? VCH_MQTT_DENY : VCH_MQTT_ALLOW;
}

static void on_taken(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet) {
    (void)arg;
    char topic[300];
    vch_assert(packet->topic.len < 280);
    memcpy(topic, packet->topic.ptr, packet->topic.len);
    memcpy(topic + packet->topic.len, "/accepted", 9);
    vch_assert(vch_mqtt_send(session, vch_str_of(topic, packet->topic.len + 9), packet->payload) == VCH_OK);
}

static void on_closed(void *arg, struct vch_mqtt_session *session, const char *reason, struct vch_str detail) {
    struct rig *rig = arg;
    (void)pthread_mutex_lock(&rig->lock);
    vch_assert(vch_str_eq_c(vch_str_from(vch_mqtt_session_peer_ip(session)), "127.0.0.1"));
    if (vch_mqtt_session_user(session)) rig->live_users--;
    free(vch_mqtt_session_user(session));
    vch_assert(rig->end_count < RIG_ENDS_MAX);
    struct rig_end *end = &rig->ends[rig->end_count++];
    (void)vch_str_copy(end->client_id, sizeof end->client_id, vch_mqtt_session_client_id(session));
    (void)vch_str_copy(end->reason, sizeof end->reason, vch_str_from(reason));
    (void)vch_str_copy(end->detail, sizeof end->detail, detail);
    TELL(rig);
}

/* ---- life ------------------------------------------------------------------------ */

static void on_accept(struct vch_conn *conn, void *arg) {
    struct rig *rig = arg;
    vch_assert(vch_mqtt_attach(rig->broker, conn) == VCH_OK);
}

static void listen_on(struct rig *rig, size_t i) {
    struct vch_listener_options options = {
        .tls = rig->tls[i], .connections_max = 5000, .on_accept = on_accept, .arg = rig};
    vch_assert(vch_listen(VCH_STR("127.0.0.1:0"), &options.fd, &rig->ports[i], NULL) == VCH_OK);
    vch_assert(vch_listener_new(rig->loops[i], &options, &rig->listeners[i]) == VCH_OK);
}

static void start(struct rig *rig, size_t count, const struct vch_mqtt_options *given) {
    struct vch_mqtt_options options = given ? *given : (struct vch_mqtt_options){0};
    options.hooks = (struct vch_mqtt_hooks){.connect = on_connect, .publish = on_publish, .subscribe = on_subscribe,
                                             .deliver = on_deliver, .taken = on_taken, .closed = on_closed, .arg = rig};
    rig->count = count;
    (void)pthread_mutex_init(&rig->lock, NULL);
    (void)pthread_cond_init(&rig->changed, NULL);
    for (size_t i = 0; i < count; i++) vch_assert(vch_loop_new((unsigned)i, &rig->loops[i]) == VCH_OK);
    vch_assert(vch_mqtt_broker_new(&options, rig->loops, count, &rig->broker) == VCH_OK);
    vch_assert(vch_mqtt_restore(rig->broker, NULL) == VCH_OK);
    for (size_t i = 0; i < count; i++) listen_on(rig, i);
    for (size_t i = 0; i < count; i++) vch_assert(vch_loop_start(rig->loops[i]) == VCH_OK);
}

void rig_start(struct rig *rig, size_t loops, const struct vch_mqtt_options *options) {
    memset(rig, 0, sizeof *rig);
    start(rig, loops, options);
}

void rig_start_tls(struct rig *rig, size_t loops, const char *certificate_file, const char *key_file,
                   vch_verify_peer *verify) {
    memset(rig, 0, sizeof *rig);
    const struct vch_tls_options options = {.certificate_file = certificate_file,
                                            .key_file = key_file,
                                            .client_cert = VCH_CLIENT_CERT_REQUIRED,
                                            .verify = verify,
                                            .verify_arg = rig};
    for (size_t i = 0; i < loops; i++) vch_assert(vch_tls_new(&options, &rig->tls[i], NULL) == VCH_OK);
    start(rig, loops, NULL);
}

void rig_stop(struct rig *rig) {
    for (size_t i = 0; i < rig->count; i++) vch_loop_stop(rig->loops[i]);
    for (size_t i = 0; i < rig->count; i++) vch_loop_join(rig->loops[i]);
    for (size_t i = 0; i < rig->count; i++) vch_listener_free(rig->listeners[i]);
    vch_mqtt_broker_free(rig->broker);
    for (size_t i = 0; i < rig->count; i++) vch_loop_free(rig->loops[i]);
    for (size_t i = 0; i < rig->count; i++) vch_tls_free(rig->tls[i]);
    vch_assert(rig->live_users == 0);
    (void)pthread_cond_destroy(&rig->changed);
    (void)pthread_mutex_destroy(&rig->lock);
}

/* ---- calls on loops ---------------------------------------------------------------- */

struct call {
    struct rig *rig;
    struct vch_mqtt_ref ref;
    void (*fn)(struct vch_mqtt_session *session);
    bool done;
};

static void run_call(void *arg) {
    struct call *call = arg;
    struct vch_mqtt_session *session = vch_mqtt_find(call->rig->broker, call->ref);
    if (session) call->fn(session);
    (void)pthread_mutex_lock(&call->rig->lock);
    call->done = true;
    TELL(call->rig);
}

void rig_on_session(struct rig *rig, struct vch_mqtt_ref ref, void (*fn)(struct vch_mqtt_session *session)) {
    struct call call = {rig, ref, fn, false};
    vch_assert(ref.id && vch_loop_post(ref.loop, run_call, &call));
    (void)pthread_mutex_lock(&rig->lock);
    while (!call.done) (void)pthread_cond_wait(&rig->changed, &rig->lock);
    (void)pthread_mutex_unlock(&rig->lock);
}

static void say_yes(struct vch_mqtt_session *session) {
    decide(session, 0);
}

static void say_no(struct vch_mqtt_session *session) {
    decide(session, 5);
}

void rig_decide(struct rig *rig, uint8_t code) {
    (void)pthread_mutex_lock(&rig->lock);
    while (rig->later.id == 0) (void)pthread_cond_wait(&rig->changed, &rig->lock);
    struct vch_mqtt_ref ref = rig->later;
    rig->later.id = 0;
    (void)pthread_mutex_unlock(&rig->lock);
    rig_on_session(rig, ref, code ? say_no : say_yes);
}

struct vch_mqtt_ref rig_last(struct rig *rig) {
    (void)pthread_mutex_lock(&rig->lock);
    struct vch_mqtt_ref ref = rig->last;
    (void)pthread_mutex_unlock(&rig->lock);
    return ref;
}

void rig_recheck(struct rig *rig) {
    atomic_store(&rig->waiting, false);
    rig_on_session(rig, rig_last(rig), vch_mqtt_recheck);
}

/* ---- waiting ------------------------------------------------------------------------- */

/* Ten seconds without the event: the test fails where it waits. */
static void wait_change(struct rig *rig) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    vch_assert(pthread_cond_timedwait(&rig->changed, &rig->lock, &until) == 0);
}

void rig_wait_waits(struct rig *rig, unsigned count) {
    (void)pthread_mutex_lock(&rig->lock);
    while (rig->waits < count) wait_change(rig);
    (void)pthread_mutex_unlock(&rig->lock);
}

static const struct rig_end *find_end(const struct rig *rig, const char *client_id, const char *reason) {
    for (size_t i = 0; i < rig->end_count; i++)
        if (strcmp(rig->ends[i].client_id, client_id) == 0 && (!reason || strcmp(rig->ends[i].reason, reason) == 0))
            return &rig->ends[i];
    return NULL;
}

void rig_expect_end(struct rig *rig, const char *client_id, const char *reason) {
    (void)pthread_mutex_lock(&rig->lock);
    while (!find_end(rig, client_id, NULL)) wait_change(rig);
    const struct rig_end *end = find_end(rig, client_id, reason);
    if (!end) vch_assert_failed(find_end(rig, client_id, NULL)->reason, reason, 0);
    (void)pthread_mutex_unlock(&rig->lock);
}

size_t rig_ends(struct rig *rig, const char *client_id, const char *reason) {
    size_t count = 0;
    (void)pthread_mutex_lock(&rig->lock);
    for (size_t i = 0; i < rig->end_count; i++)
        count += strcmp(rig->ends[i].client_id, client_id) == 0 && strcmp(rig->ends[i].reason, reason) == 0;
    (void)pthread_mutex_unlock(&rig->lock);
    return count;
}

void rig_expect_ends(struct rig *rig, const char *client_id, const char *reason, size_t count) {
    int64_t until = vch_mono_ms() + 10000;
    while (rig_ends(rig, client_id, reason) < count && vch_mono_ms() < until) (void)usleep(1000);
    vch_assert(rig_ends(rig, client_id, reason) == count);
}

void rig_wait_ends(struct rig *rig, size_t count) {
    (void)pthread_mutex_lock(&rig->lock);
    while (rig->end_count < count) wait_change(rig);
    (void)pthread_mutex_unlock(&rig->lock);
}

struct vch_mqtt_stats rig_stats(struct rig *rig) {
    struct vch_mqtt_stats stats;
    vch_mqtt_stats(rig->broker, &stats);
    return stats;
}

void rig_wait_sessions(struct rig *rig, uint64_t sessions) {
    int64_t until = vch_mono_ms() + 10000;
    while (rig_stats(rig).sessions != sessions) {
        vch_assert(vch_mono_ms() < until);
        (void)usleep(1000);
    }
}
