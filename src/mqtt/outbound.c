#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mqtt/outflow_priv.h"

enum { HEAD_COMMON = 1024, HEAD_BESIDE = 64, ID_BYTES = 5 };

bool vch_mqtt_is_expired(const struct vch_mqtt_message *message) {
    return message->expires_ms && vch_now_ms() > message->expires_ms;
}

/* MQTT 5 section 3.3.2.3.3: the remainder, not the original. */
static void set_expiry(struct vch_mqtt_props *props, const struct vch_mqtt_message *message) {
    if (!message->expires_ms) return;
    int64_t left_ms = message->expires_ms - vch_now_ms();
    props->present |= VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_MESSAGE_EXPIRY);
    props->message_expiry_s = left_ms > 0 ? (uint32_t)((left_ms + 999) / 1000) : 0;
}

/* Identifiers and what is passed on, as one block. */
static struct vch_str extra_of(const struct vch_mqtt_letter *letter, uint8_t *buf) {
    struct vch_str props = vch_mqtt_message_props(letter->message);
    size_t at = 0, len;
    if (letter->id_count == 0) return props;
    for (size_t i = 0; i < letter->id_count; i++)
        if (vch_mqtt_subscription_id_encode(letter->ids[i], buf + at, ID_BYTES, &len) == VCH_OK) at += len;
    if (props.len) memcpy(buf + at, props.ptr, props.len);
    return vch_str_of(buf, at + props.len);
}

static size_t room_of(const struct vch_mqtt_letter *letter) {
    return letter->message->topic_len + letter->message->props_len + letter->id_count * ID_BYTES + HEAD_BESIDE;
}

/* Everything but the payload; 0 when it is not to be. */
static size_t head_of(const struct vch_mqtt_session *session, const struct vch_mqtt_letter *letter, uint8_t *out,
                      size_t size, uint8_t *extra) {
    struct vch_mqtt_publish packet;
    size_t len;
    packet.dup = letter->dup;
    packet.retain = letter->retain;
    packet.qos = letter->qos;
    packet.level = session->level;
    packet.packet_id = letter->packet_id;
    packet.topic = vch_mqtt_message_topic(letter->message);
    packet.payload = vch_mqtt_message_payload(letter->message);
    packet.props.present = 0;
    packet.props.raw = packet.props.extra = (struct vch_str){NULL, 0};
    if (session->five) {
        packet.props.extra = extra_of(letter, extra);
        set_expiry(&packet.props, letter->message);
    }
    if (vch_mqtt_publish_head_encode(&packet, out, size, &len) != VCH_OK) return 0;
    return len;
}

static bool too_large(const struct vch_mqtt_session *session, size_t bytes) {
    return session->five && session->five->packet_max && bytes > session->five->packet_max;
}

static enum vch_mqtt_written write_head(struct vch_mqtt_session *session, const struct vch_mqtt_letter *letter,
                                        uint8_t *buf, size_t room) {
    size_t len = head_of(session, letter, buf, room, buf + room);
    if (len == 0) return WRITTEN_FAILED;
    if (too_large(session, len + letter->message->payload_len)) return WRITTEN_NOT; /* [MQTT-3.1.2-25] */
    vch_conn_write(session->conn, vch_str_of(buf, len));
    vch_conn_write(session->conn, vch_mqtt_message_payload(letter->message));
    return WRITTEN;
}

enum vch_mqtt_written vch_mqtt_write_publish(struct vch_mqtt_session *session, const struct vch_mqtt_letter *letter) {
    uint8_t common[HEAD_COMMON];
    if (!session->five && letter->qos == 0 && !letter->retain) {
        vch_conn_write(session->conn, vch_mqtt_message_packet(letter->message));
        return WRITTEN;
    }
    size_t room = room_of(letter);
    uint8_t *buf = room * 2 <= sizeof common ? common : malloc(room * 2);
    if (!buf) return WRITTEN_FAILED;
    enum vch_mqtt_written written = write_head(session, letter, buf, room);
    if (buf != common) free(buf);
    return written;
}

/* Before a packet id is spent on it. The estimate is exact but for some bytes of lengths. */
bool vch_mqtt_fits(const struct vch_mqtt_session *session, const struct vch_mqtt_letter *letter) {
    if (!session->five || !session->five->packet_max) return true;
    size_t most = room_of(letter) + letter->message->payload_len;
    if (most <= session->five->packet_max) return true;
    uint8_t *buf = malloc(room_of(letter) * 2);
    if (!buf) return false;
    struct vch_mqtt_letter sent = *letter;
    sent.packet_id = letter->qos ? 1 : 0;
    size_t len = head_of(session, &sent, buf, room_of(letter), buf + room_of(letter));
    free(buf);
    return len && !too_large(session, len + letter->message->payload_len);
}
