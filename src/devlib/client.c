/* What the device asks of the server. */
#include <string.h>

#include "devlib/client_priv.h"
#include "wire/mqtt_client.h"

enum {
    CLIENT_ID_MAX = 128,
    USERNAME_MAX = 256,
    WAIT_DEFAULT_MS = 10000,
    RECEIVE_DEFAULT = 8,
    OUT_MIN = VCH_DEVICE_HEADROOM + 1,
    REFUSALS = 0x80
};

enum vch_device_status vch_device_init(struct vch_device *device, const struct vch_device_options *options) {
    const struct vch_device_transport *t = &options->transport;
    memset(device, 0, sizeof *device);
    if (!t->send || !t->recv || !t->now_ms || !options->in || !options->out) return VCH_DEVICE_ARGUMENT;
    if (options->in_size < 64 || options->out_size < OUT_MIN) return VCH_DEVICE_ARGUMENT;
    device->options = *options;
    if (device->options.wait_ms <= 0) device->options.wait_ms = WAIT_DEFAULT_MS;
    return VCH_DEVICE_OK;
}

static bool text_fits(const char *text, size_t max) {
    struct vch_str s = vch_str_from(text);
    return s.len > 0 && s.len <= max && vch_utf8_valid(s);
}

/* ---- CONNECT, DISCONNECT ------------------------------------------------ */

static enum vch_device_status send_connect(struct vch_device *d, const struct vch_device_connect *connect) {
    const struct vch_mqtt_hello p = {
        .level = d->level,
        .clean_session = connect->clean_session,
        .keep_alive_s = connect->keep_alive_s,
        .client_id = vch_str_from(connect->client_id),
        .username = vch_str_from(connect->username),
        .session_expiry_s = connect->session_expiry_s,
        .maximum_packet_size = d->options.in_size < UINT32_MAX ? (uint32_t)d->options.in_size : UINT32_MAX,
        .receive_maximum = connect->receive_maximum ? connect->receive_maximum : RECEIVE_DEFAULT,
    };
    size_t len;
    if (vch_mqtt_hello_encode(&p, d->options.out, d->options.out_size, &len) != VCH_OK) return VCH_DEVICE_SPACE;
    return vch_device_send(d, d->options.out, len);
}

static void begin(struct vch_device *d, const struct vch_device_connect *connect) {
    d->in_len = d->held = 0;
    d->level = connect->protocol == VCH_MQTT_LEVEL_5 ? VCH_MQTT_LEVEL_5 : VCH_MQTT_LEVEL_311;
    d->qos_max = 1;
    d->packet_max = 0;
    d->keep_alive_s = connect->keep_alive_s;
    d->session_present = false;
    d->connected = true;
    memset(&d->answer, 0, sizeof d->answer);
    vch_device_expect(d, VCH_MQTT_CONNACK, 0);
}

static bool connect_holds(const struct vch_device_connect *connect) {
    uint8_t protocol = connect->protocol;
    if (protocol != 0 && protocol != VCH_MQTT_LEVEL_311 && protocol != VCH_MQTT_LEVEL_5) return false;
    if (connect->username && !text_fits(connect->username, USERNAME_MAX)) return false;
    return text_fits(connect->client_id, CLIENT_ID_MAX);
}

enum vch_device_status vch_device_connect(struct vch_device *device, const struct vch_device_connect *connect) {
    memset(&device->failure, 0, sizeof device->failure);
    device->failure.stage = VCH_DEVICE_STAGE_CONNECT;
    if (!connect_holds(connect)) return VCH_DEVICE_ARGUMENT;
    begin(device, connect);
    enum vch_device_status status = send_connect(device, connect);
    if (status == VCH_DEVICE_OK) status = vch_device_wait_acks(device, false);
    if (status == VCH_DEVICE_OK && device->wait[0].code != 0) {
        device->failure.code = device->wait[0].code;
        status = VCH_DEVICE_REFUSED;
    }
    return status == VCH_DEVICE_OK ? status : vch_device_give_up(device, status);
}

enum vch_device_status vch_device_disconnect(struct vch_device *device) {
    static const uint8_t packet[] = {VCH_MQTT_DISCONNECT << 4, 0};
    if (!device->connected) return VCH_DEVICE_CLOSED;
    enum vch_device_status status = vch_device_send(device, packet, sizeof packet);
    vch_device_release(device);
    return vch_device_give_up(device, status);
}

/* ---- SUBSCRIBE, UNSUBSCRIBE --------------------------------------------- */

static uint16_t take_id(struct vch_device *d) {
    if (++d->next_id == 0) d->next_id = 1; /* [MQTT-2.3.1-1] */
    return d->next_id;
}

static enum vch_device_status send_filter(struct vch_device *d, enum vch_mqtt_type type, struct vch_str filter,
                                          uint8_t qos, uint16_t id) {
    size_t len;
    if (vch_mqtt_filter_encode(type, d->level, id, filter, qos, d->options.out, VCH_DEVICE_HEADROOM, &len) != VCH_OK)
        return VCH_DEVICE_ARGUMENT;
    return vch_device_send(d, d->options.out, len);
}

/* Nothing under 0x80 is a refusal, in any acknowledgement. */
static enum vch_device_status judge(struct vch_device *d, enum vch_device_status status) {
    uint8_t worst = d->wait[0].code > d->wait[1].code ? d->wait[0].code : d->wait[1].code;
    /* A server that refuses may close before the second answer. */
    if (worst < REFUSALS) return status;
    d->failure.code = worst;
    return VCH_DEVICE_REFUSED;
}

static enum vch_device_status ask_filter(struct vch_device *d, enum vch_mqtt_type type, enum vch_mqtt_type answer,
                                         const char *filter, uint8_t qos) {
    vch_device_release(d);
    if (!d->connected) return VCH_DEVICE_CLOSED;
    if (!text_fits(filter, VCH_DEVICE_TOPIC_MAX) || qos > 1) return VCH_DEVICE_ARGUMENT;
    vch_device_expect(d, answer, take_id(d));
    enum vch_device_status status = send_filter(d, type, vch_str_from(filter), qos, d->wait[0].id);
    return status == VCH_DEVICE_OK ? judge(d, vch_device_wait_acks(d, false)) : status;
}

enum vch_device_status vch_device_subscribe(struct vch_device *device, const char *filter, uint8_t qos) {
    return ask_filter(device, VCH_MQTT_SUBSCRIBE, VCH_MQTT_SUBACK, filter, qos);
}

enum vch_device_status vch_device_unsubscribe(struct vch_device *device, const char *filter) {
    return ask_filter(device, VCH_MQTT_UNSUBSCRIBE, VCH_MQTT_UNSUBACK, filter, 0);
}

static enum vch_device_status subscribe_answer(struct vch_device *d, struct vch_str topic, struct vch_str ending,
                                               uint16_t id) {
    char filter[VCH_DEVICE_ANSWER_MAX];
    if (topic.len + ending.len > sizeof filter) return VCH_DEVICE_ARGUMENT;
    memcpy(filter, topic.ptr, topic.len);
    memcpy(filter + topic.len, ending.ptr, ending.len);
    return send_filter(d, VCH_MQTT_SUBSCRIBE, vch_str_of(filter, topic.len + ending.len), 1, id);
}

enum vch_device_status vch_device_subscribe_answers(struct vch_device *device, const char *topic) {
    struct vch_str name = vch_str_from(topic);
    if (!device->connected) return VCH_DEVICE_CLOSED;
    vch_device_expect(device, VCH_MQTT_SUBACK, take_id(device));
    device->wait[1].type = VCH_MQTT_SUBACK;
    device->wait[1].id = take_id(device);
    enum vch_device_status status = subscribe_answer(device, name, VCH_STR("/accepted"), device->wait[0].id);
    if (status == VCH_DEVICE_OK) status = subscribe_answer(device, name, VCH_STR("/rejected"), device->wait[1].id);
    return status == VCH_DEVICE_OK ? judge(device, vch_device_wait_acks(device, false)) : status;
}

/* ---- PUBLISH ------------------------------------------------------------ */

/* The head goes right before the payload, so that both leave in one write when
 * the payload stands in `out` or has room there. */
static enum vch_device_status send_publish(struct vch_device *d, struct vch_str topic, struct vch_str payload,
                                           uint16_t id) {
    uint8_t *out = d->options.out, *body = out + VCH_DEVICE_HEADROOM;
    size_t len;
    if (vch_mqtt_message_head_encode(d->level, id, topic, payload.len, out, VCH_DEVICE_HEADROOM, &len) != VCH_OK)
        return VCH_DEVICE_ARGUMENT;
    if (d->packet_max && len + payload.len > d->packet_max) return VCH_DEVICE_ARGUMENT;
    if (payload.len > d->options.out_size - VCH_DEVICE_HEADROOM) {
        enum vch_device_status status = vch_device_send(d, out, len);
        return status == VCH_DEVICE_OK ? vch_device_send(d, payload.ptr, payload.len) : status;
    }
    if (payload.len && payload.ptr != (const char *)body) memcpy(body, payload.ptr, payload.len);
    memmove(body - len, out, len);
    return vch_device_send(d, body - len, len + payload.len);
}

static enum vch_device_status publish(struct vch_device *d, const char *topic, struct vch_str payload, uint8_t qos) {
    if (!d->connected) return VCH_DEVICE_CLOSED;
    if (qos > d->qos_max) return VCH_DEVICE_ARGUMENT;
    vch_device_expect(d, VCH_MQTT_PUBACK, qos ? take_id(d) : 0);
    if (qos == 0) vch_device_expect_nothing(d);
    return send_publish(d, vch_str_from(topic), payload, d->wait[0].id);
}

enum vch_device_status vch_device_publish(struct vch_device *device, const char *topic, const void *payload,
                                          size_t payload_len, uint8_t qos) {
    if (!text_fits(topic, VCH_DEVICE_TOPIC_MAX) || qos > 1 || payload_len > VCH_MQTT_REMAINING_MAX / 2)
        return VCH_DEVICE_ARGUMENT;
    if (strpbrk(topic, "+#")) return VCH_DEVICE_ARGUMENT; /* [MQTT-3.3.2-2] */
    enum vch_device_status status = publish(device, topic, vch_str_of(payload, payload_len), qos);
    return status == VCH_DEVICE_OK ? judge(device, vch_device_wait_acks(device, false)) : status;
}

/* An acknowledgement after the answer is of no interest. */
enum vch_device_status vch_device_request(struct vch_device *device, const char *topic, size_t payload_len) {
    const uint8_t *payload = device->options.out + VCH_DEVICE_HEADROOM;
    memset(&device->answer, 0, sizeof device->answer);
    device->answer.topic = topic;
    uint8_t qos = device->qos_max;
    enum vch_device_status status = publish(device, topic, vch_str_of(payload, payload_len), qos);
    if (status == VCH_DEVICE_OK) status = judge(device, vch_device_wait_acks(device, true));
    vch_device_expect_nothing(device);
    return status == VCH_DEVICE_OK ? vch_device_wait_answer(device) : status;
}

/* ---- the rest ----------------------------------------------------------- */

enum vch_device_status vch_device_ping(struct vch_device *device) {
    static const uint8_t packet[] = {VCH_MQTT_PINGREQ << 4, 0};
    vch_device_release(device);
    if (!device->connected) return VCH_DEVICE_CLOSED;
    vch_device_expect(device, VCH_MQTT_PINGRESP, 0);
    enum vch_device_status status = vch_device_send(device, packet, sizeof packet);
    return status == VCH_DEVICE_OK ? vch_device_wait_acks(device, false) : status;
}

enum vch_device_status vch_device_poll(struct vch_device *device, int64_t until_ms) {
    vch_device_release(device);
    enum vch_device_status status = device->connected ? VCH_DEVICE_OK : VCH_DEVICE_CLOSED;
    int64_t end_ms = until_ms > INT64_MAX - device->options.wait_ms ? INT64_MAX : until_ms + device->options.wait_ms;
    vch_device_expect_nothing(device);
    while (status == VCH_DEVICE_OK) status = vch_device_step(device, until_ms, end_ms);
    return status == VCH_DEVICE_TIMEOUT ? VCH_DEVICE_OK : status;
}
