#include <stdlib.h>

#include "base/clock.h"
#include "mqtt/outflow_priv.h"

enum { WILL_WAIT_MS = 5000 };

void vch_mqtt_will_free(struct vch_mqtt_will *will) {
    if (!will) return;
    free(will->topic);
    free(will);
}

void vch_mqtt_will_drop(struct vch_mqtt_session *session) {
    if (session->will) vch_mqtt_keep_no_will(session);
    vch_mqtt_will_free(session->will);
    session->will = NULL;
    session->will_waits = false;
}

/* ---- sending ---------------------------------------------------------------------- */

static struct vch_mqtt_message *message_of(const struct vch_mqtt_session *session, int64_t sent_ms) {
    const struct vch_mqtt_will *will = session->will;
    return vch_mqtt_message_make(&(struct vch_mqtt_message_parts){
        .topic = vch_str_of(will->topic, will->topic_len),
        .payload = vch_str_of(will->payload, will->payload_len),
        .props = vch_str_of(will->props, will->props_len),
        .expires_ms = vch_mqtt_expires_ms(session->home->broker, will->expires, will->expiry_s, sent_ms),
        .published_ms = will->retain ? sent_ms : 0,
        .qos = will->qos,
        .retain = will->retain});
}

/* Memory out: the will is lost with the rest. Its session can no longer be told. */
static void send_now(struct vch_mqtt_loop *home, struct vch_mqtt_message *message) {
    (void)!vch_mqtt_route_message(home, message, NULL);
}

void vch_mqtt_will_release(struct vch_mqtt_loop *home, struct vch_mqtt_estate *estate) {
    struct vch_mqtt_message *message = estate->will;
    estate->will = NULL;
    if (!message) return;
    send_now(home, message);
    vch_mqtt_message_unref(message);
}

/* The end of the session sends it too, whichever comes first. MQTT 5 section 3.1.3.2.2. */
static bool is_delayed(const struct vch_mqtt_session *session) {
    return session->estate && !session->discard && session->will->delay_s && vch_mqtt_manners_of(session)->delays_wills;
}

static void send_allowed(struct vch_mqtt_session *session) {
    int64_t now_ms = vch_now_ms();
    int64_t sent_ms = now_ms + (is_delayed(session) ? (int64_t)session->will->delay_s * 1000 : 0);
    struct vch_mqtt_message *message = message_of(session, sent_ms);
    if (!message) return;
    if (is_delayed(session)) {
        session->estate->will = message;
        session->estate->will_ms = sent_ms;
        return;
    }
    send_now(session->home, message);
    vch_mqtt_keep_no_will(session);
    vch_mqtt_message_unref(message);
}

/* The session's own last publish. [MQTT-3.1.2-8] */
void vch_mqtt_will_publish(struct vch_mqtt_session *session) {
    const struct vch_mqtt_will *will = session->will;
    const struct vch_mqtt_hooks *hooks = &vch_mqtt_options_of(session)->hooks;
    const struct vch_mqtt_publish packet = {.retain = will->retain,
                                            .qos = will->qos,
                                            .topic = vch_str_of(will->topic, will->topic_len),
                                            .payload = vch_str_of(will->payload, will->payload_len)};
    struct vch_diag diag = {0};
    enum vch_mqtt_verdict verdict =
        hooks->publish ? hooks->publish(hooks->arg, session, &packet, &diag) : VCH_MQTT_ALLOW;
    session->will_waits = verdict == VCH_MQTT_WAIT;
    if (verdict == VCH_MQTT_WAIT) return;
    if (verdict == VCH_MQTT_DENY) vch_mqtt_count(&session->home->counters.denied, 1);
    if (verdict == VCH_MQTT_ALLOW)
        send_allowed(session);
    else
        vch_mqtt_keep_no_will(session);
    vch_mqtt_will_free(session->will);
    session->will = NULL;
}

/* ---- waiting for the hook ----------------------------------------------------------- */

void vch_mqtt_will_wait(struct vch_mqtt_session *session, struct vch_str detail) {
    struct vch_mqtt_farewell *farewell = calloc(1, sizeof *farewell);
    if (!farewell) {
        vch_mqtt_will_drop(session);
        vch_mqtt_session_gone(session, detail);
        return;
    }
    farewell->drop_at_ms = vch_mono_ms() + WILL_WAIT_MS;
    (void)vch_str_copy(farewell->peer_id, sizeof farewell->peer_id, vch_str_from(vch_conn_peer_id(session->conn)));
    (void)vch_str_copy(farewell->peer_ip, sizeof farewell->peer_ip, vch_str_from(vch_conn_peer_ip(session->conn)));
    (void)vch_str_copy(farewell->detail, sizeof farewell->detail, detail);
    session->farewell = farewell;
    session->conn = NULL;
    if (session->home->wills_waiting++ == 0) vch_timer_set(&session->home->will_timer, WILL_WAIT_MS);
}

static void decided(struct vch_mqtt_session *session) {
    struct vch_mqtt_farewell *farewell = session->farewell;
    session->home->wills_waiting--;
    vch_mqtt_session_gone(session, vch_str_from(farewell->detail));
    free(farewell);
}

/* Without a farewell on_close is still to come. */
void vch_mqtt_will_again(struct vch_mqtt_session *session) {
    vch_mqtt_will_publish(session);
    if (session->will_waits) return;
    if (session->estate) vch_mqtt_estate_watch(session); /* its delay begins */
    if (session->farewell) decided(session);
}

/* A hook may be on the stack: the timer does it. */
void vch_mqtt_will_drop_soon(struct vch_mqtt_session *session) {
    if (!session->farewell) return;
    session->farewell->drop_at_ms = 0;
    vch_timer_set(&session->home->will_timer, 1);
}

static void expire(struct vch_mqtt_link *link, void *arg) {
    struct vch_mqtt_session *session = VCH_MQTT_OWNER(link, struct vch_mqtt_session, by_id);
    if (!session->farewell || session->farewell->drop_at_ms > *(const int64_t *)arg) return;
    vch_mqtt_will_drop(session);
    decided(session);
}

void vch_mqtt_wills_expire(void *arg) {
    struct vch_mqtt_loop *home = arg;
    int64_t now_ms = vch_mono_ms();
    vch_mqtt_enter(home);
    vch_mqtt_index_walk(&home->sessions, expire, &now_ms);
    vch_mqtt_leave(home);
    if (home->wills_waiting) vch_timer_set(&home->will_timer, WILL_WAIT_MS);
}
