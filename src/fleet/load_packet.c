#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fleet/load_priv.h"
#include "wire/mqtt.h"

enum { PACKET_MAX = 512, KEEP_ALIVE_S = 1200 };

static void say(struct vch_load_conn *conn, enum vch_err err, const uint8_t *packet, size_t len) {
    if (err != VCH_OK) {
        load_conn_fail(conn, "packet", "it could not be made");
        return;
    }
    vch_buf_bytes(&conn->out, packet, len);
    load_conn_touch(conn);
}

/* ---- what is said ------------------------------------------------------------ */

void load_packet_connect(struct vch_load_conn *conn) {
    static const char roles[] = "cps";
    uint8_t packet[PACKET_MAX];
    char id[64];
    size_t len = 0;
    (void)snprintf(id, sizeof id, "fleet-%s-%c%u", conn->thread->run->name, roles[conn->role], conn->number);
    const struct vch_mqtt_connect p = {.level = conn->thread->run->plan->level,
                                       .clean_session = true,
                                       .keep_alive_s = KEEP_ALIVE_S,
                                       .client_id = vch_str_from(id)};
    enum vch_err err = vch_mqtt_connect_encode(&p, packet, sizeof packet, &len);
    say(conn, err, packet, len);
}

void load_packet_subscribe(struct vch_load_conn *conn) {
    uint8_t packet[PACKET_MAX];
    char filter[64];
    size_t len = 0;
    (void)snprintf(filter, sizeof filter, "fleet/%s/+", conn->thread->run->name);
    const struct vch_load_plan *plan = conn->thread->run->plan;
    struct vch_mqtt_subscribe p = {.packet_id = 1, .level = plan->level, .count = 1};
    p.filters[0] = (struct vch_mqtt_filter){.filter = vch_str_from(filter), .qos = plan->qos};
    enum vch_err err = vch_mqtt_subscribe_encode(&p, packet, sizeof packet, &len);
    say(conn, err, packet, len);
}

void load_packet_empty(struct vch_load_conn *conn, bool ping) {
    uint8_t packet[8];
    size_t len = 0;
    enum vch_err err =
        vch_mqtt_empty_encode(ping ? VCH_MQTT_PINGREQ : VCH_MQTT_DISCONNECT, packet, sizeof packet, &len);
    say(conn, err, packet, len);
}

bool load_packet_template(struct vch_load_conn *conn) {
    const struct vch_load_plan *plan = conn->thread->run->plan;
    char topic[64];
    size_t head = 0;
    (void)snprintf(topic, sizeof topic, "fleet/%s/%u", conn->thread->run->name, conn->number);
    conn->packet = calloc(1, PACKET_MAX + plan->payload);
    if (!conn->packet) return false;
    const struct vch_mqtt_publish p = {.qos = plan->qos,
                                       .level = plan->level,
                                       .packet_id = plan->qos ? 1 : 0,
                                       .topic = vch_str_from(topic),
                                       .payload = {conn->packet, plan->payload}};
    if (vch_mqtt_publish_head_encode(&p, (uint8_t *)conn->packet, PACKET_MAX, &head) != VCH_OK) return false;
    size_t properties = plan->level == VCH_MQTT_LEVEL_5 ? 1 : 0; /* their length, zero, is the head's last byte */
    conn->packet_id_at = plan->qos ? head - properties - 2 : 0;
    conn->stamp_at = head;
    conn->packet_len = head + plan->payload;
    memset(conn->packet + head, 'v', plan->payload);
    return true;
}

/* ---- what arrives ---------------------------------------------------------------- */

static void is_ready(struct vch_load_conn *conn) {
    struct vch_load_thread *t = conn->thread;
    int64_t now = vch_mono_us();
    conn->state = LOAD_READY;
    t->opening--;
    atomic_fetch_sub(&t->run->opening, 1);
    vch_histogram_add(&t->connect, now - conn->started_us);
    atomic_fetch_add(&t->run->connected, 1);
    atomic_fetch_add(&t->run->ready, 1);
    if (t->run->plan->mode == VCH_FLEET_CONNECT) load_conn_close(conn);
}

static void on_connack(struct vch_load_conn *conn, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_connack p;
    char why[32];
    if (conn->state != LOAD_GREETING || vch_mqtt_connack_decode(frame, &p) != VCH_OK) {
        load_conn_fail(conn, "connect", "no CONNACK that can be read");
        return;
    }
    (void)snprintf(why, sizeof why, "refused with code %u", p.code);
    if (p.code != 0) {
        load_conn_fail(conn, "connect", why);
        return;
    }
    if (vch_mqtt_has(&p.props, VCH_MQTT_PROP_RECEIVE_MAXIMUM) && p.props.receive_maximum < conn->window)
        conn->window = p.props.receive_maximum; /* [MQTT-3.3.4-7] */
    if (conn->role != LOAD_SUBSCRIBER) {
        is_ready(conn);
        return;
    }
    conn->state = LOAD_ASKING;
    load_packet_subscribe(conn);
}

static void on_suback(struct vch_load_conn *conn, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_suback p;
    if (conn->state != LOAD_ASKING || vch_mqtt_suback_decode(frame, &p) != VCH_OK || p.count != 1)
        load_conn_fail(conn, "subscribe", "no SUBACK that can be read");
    else if (p.codes[0] >= 0x80)
        load_conn_fail(conn, "subscribe", "refused");
    else
        is_ready(conn);
}

static void on_publish(struct vch_load_conn *conn, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_publish p;
    uint8_t packet[8];
    size_t len = 0;
    if (vch_mqtt_publish_decode(frame, &p) != VCH_OK || p.qos > 1) {
        load_conn_fail(conn, "receive", "a PUBLISH that cannot be read");
        return;
    }
    load_publish_arrived(conn, p.payload);
    if (p.qos == 0) return;
    enum vch_err err = vch_mqtt_ack_encode(VCH_MQTT_PUBACK, p.packet_id, packet, sizeof packet, &len);
    say(conn, err, packet, len);
}

static void on_puback(struct vch_load_conn *conn, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_ack p;
    if (vch_mqtt_puback_decode(frame, &p) != VCH_OK || !conn->publisher)
        load_conn_fail(conn, "publish", "a PUBACK that cannot be read");
    else if (p.reason >= 0x80)
        load_conn_fail(conn, "publish", "refused");
    else
        load_publish_acknowledged(conn, p.packet_id);
}

static void on_disconnect(struct vch_load_conn *conn, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_disconnect p;
    char why[48] = "the server disconnects";
    if (vch_mqtt_disconnect_decode(frame, &p) == VCH_OK)
        (void)snprintf(why, sizeof why, "the server disconnects, reason 0x%02X", p.reason);
    load_conn_fail(conn, "connection", why);
}

static void on_packet(struct vch_load_conn *conn, const struct vch_mqtt_frame *frame) {
    switch (frame->type) {
    case VCH_MQTT_CONNACK: on_connack(conn, frame); break;
    case VCH_MQTT_SUBACK: on_suback(conn, frame); break;
    case VCH_MQTT_PUBLISH: on_publish(conn, frame); break;
    case VCH_MQTT_PUBACK: on_puback(conn, frame); break;
    case VCH_MQTT_PINGRESP: break;
    case VCH_MQTT_DISCONNECT: on_disconnect(conn, frame); break;
    default: load_conn_fail(conn, "receive", "a packet that no server sends");
    }
}

size_t load_packet_take(struct vch_load_conn *conn, struct vch_str bytes) {
    uint8_t level = conn->thread->run->plan->level;
    size_t done = 0;
    while (conn->link && done < bytes.len) {
        struct vch_mqtt_frame frame;
        size_t size = 0;
        if (vch_mqtt_frame_decode_at(level, vch_str_sub(bytes, done, SIZE_MAX), &frame, &size) != VCH_OK) {
            load_conn_fail(conn, "receive", "bytes that are no packet");
            break;
        }
        if (!frame.whole) break;
        done += size;
        on_packet(conn, &frame);
    }
    return done;
}
