#include <string.h>

#include "devlib/client_priv.h"
#include "wire/mqtt.h"

enum {
    TOPIC_MAX = 256,
    CLIENT_ID_MAX = 128,
    USERNAME_MAX = 256,
    HEAD_MAX = 512,
    WAIT_DEFAULT_MS = 10000,
    SUBACK_FAILED = 0x80,
    CONNACK_BYTE = 0x20
};

static const struct vch_str ACCEPTED = {"/accepted", 9};
static const struct vch_str REJECTED = {"/rejected", 9};

static int64_t now_ms(const struct vch_device *d) {
    return d->options.transport.now_ms(d->options.transport.arg);
}

/* Of one wait: its own length, cut at the deadline of everything. */
static int64_t wait_until(const struct vch_device *d) {
    int64_t until = now_ms(d) + d->options.wait_ms;
    return d->options.deadline_ms && d->options.deadline_ms < until ? d->options.deadline_ms : until;
}

static enum vch_device_status transport_said(struct vch_device *d, enum vch_device_status status) {
    if (status == VCH_DEVICE_OK || status == VCH_DEVICE_TIMEOUT) return status;
    d->connected = false;
    return status == VCH_DEVICE_CLOSED ? status : VCH_DEVICE_NETWORK;
}

static enum vch_device_status give_up(struct vch_device *d, enum vch_device_status status) {
    d->connected = false;
    return status;
}

static enum vch_device_status send_bytes(struct vch_device *d, const void *bytes, size_t len) {
    const struct vch_device_transport *t = &d->options.transport;
    enum vch_device_status status = transport_said(d, t->send(t->arg, bytes, len, wait_until(d)));
    /* A packet cut in the middle cannot be mended. */
    return status == VCH_DEVICE_TIMEOUT ? give_up(d, status) : status;
}

/* ---- input -------------------------------------------------------------- */

static enum vch_device_status receive_more(struct vch_device *d, int64_t until_ms) {
    const struct vch_device_transport *t = &d->options.transport;
    size_t room = d->options.in_size - d->in_len, got = 0;
    if (room == 0) return give_up(d, VCH_DEVICE_SPACE);
    enum vch_device_status status = t->recv(t->arg, d->options.in + d->in_len, room, &got, until_ms);
    if (status == VCH_DEVICE_OK && (got == 0 || got > room)) status = VCH_DEVICE_NETWORK;
    if (status == VCH_DEVICE_OK) d->in_len += got;
    return transport_said(d, status);
}

/* Forgets `len` bytes that begin at the first packet after the held one. */
static void drop(struct vch_device *d, size_t len) {
    uint8_t *at = d->options.in + d->held;
    d->in_len -= len;
    memmove(at, at + len, d->in_len - d->held);
}

static bool answers(const struct vch_device *d, struct vch_str topic, struct vch_str ending) {
    struct vch_str asked = vch_str_from(d->answer.topic);
    return vch_str_starts(topic, asked) && vch_str_eq(vch_str_sub(topic, asked.len, SIZE_MAX), ending);
}

static bool is_answer(const struct vch_device *d, struct vch_str topic) {
    if (!d->answer.topic || d->answer.got) return false;
    return answers(d, topic, ACCEPTED) || answers(d, topic, REJECTED);
}

/* The packet stays at the front of `in` until vch_device_release. */
static void hold(struct vch_device *d, const struct vch_mqtt_publish *p, size_t size) {
    d->answer.got = true;
    d->answer.accepted = answers(d, p->topic, ACCEPTED);
    d->answer.payload = (char *)d->options.in + (p->payload.len ? p->payload.ptr - (const char *)d->options.in : 0);
    d->answer.payload_len = p->payload.len;
    d->held = size;
}

static void deliver(const struct vch_device *d, const struct vch_mqtt_publish *p) {
    struct vch_device_message message = {
        p->topic.ptr, p->topic.len, (const uint8_t *)p->payload.ptr, p->payload.len, p->qos, p->retain, p->dup,
    };
    if (d->options.on_message) d->options.on_message(d->options.arg, &message);
}

static enum vch_device_status take_publish(struct vch_device *d, const struct vch_mqtt_frame *frame, size_t size) {
    struct vch_mqtt_publish p;
    uint8_t ack[8];
    size_t ack_len = 0;
    if (vch_mqtt_publish_decode(frame, &p) != VCH_OK || p.qos > 1) return give_up(d, VCH_DEVICE_PROTOCOL);
    if (p.qos == 1 && vch_mqtt_ack_encode(VCH_MQTT_PUBACK, p.packet_id, ack, sizeof ack, &ack_len) != VCH_OK)
        return give_up(d, VCH_DEVICE_PROTOCOL);
    if (is_answer(d, p.topic)) {
        hold(d, &p, size);
    } else {
        deliver(d, &p);
        drop(d, size);
    }
    return ack_len ? send_bytes(d, ack, ack_len) : VCH_DEVICE_OK;
}

static void settle(struct vch_device *d, enum vch_mqtt_type type, uint16_t id, uint8_t code) {
    for (size_t i = 0; i < 2; i++) {
        if (d->wait[i].type != (uint8_t)type || d->wait[i].id != id) continue;
        d->wait[i].type = 0;
        d->wait[i].code = code;
    }
}

static enum vch_device_status take_ack(struct vch_device *d, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_connack connack;
    struct vch_mqtt_suback suback;
    uint16_t id;
    switch (frame->type) {
    case VCH_MQTT_CONNACK:
        if (d->wait[0].type != VCH_MQTT_CONNACK || vch_mqtt_connack_decode(frame, &connack) != VCH_OK) break;
        d->session_present = connack.session_present;
        settle(d, frame->type, 0, connack.code);
        return VCH_DEVICE_OK;
    case VCH_MQTT_SUBACK:
        if (vch_mqtt_suback_decode(frame, &suback) != VCH_OK || suback.count != 1) break;
        settle(d, frame->type, suback.packet_id, suback.codes[0]);
        return VCH_DEVICE_OK;
    case VCH_MQTT_PUBACK:
    case VCH_MQTT_UNSUBACK:
        if (vch_mqtt_ack_decode(frame, &id) != VCH_OK) break;
        settle(d, frame->type, id, 0);
        return VCH_DEVICE_OK;
    case VCH_MQTT_PINGRESP:
        if (vch_mqtt_empty_decode(frame) != VCH_OK) break;
        settle(d, frame->type, 0, 0);
        return VCH_DEVICE_OK;
    default: break;
    }
    return give_up(d, VCH_DEVICE_PROTOCOL);
}

/* Takes one packet, or receives once when none is whole. */
static enum vch_device_status step(struct vch_device *d, int64_t until_ms) {
    struct vch_mqtt_frame frame;
    size_t size = 0;
    struct vch_str bytes = vch_str_of(d->options.in + d->held, d->in_len - d->held);
    /* At once, so that a server of another protocol is not waited for. [MQTT-3.2.0-1] */
    if (bytes.len && d->wait[0].type == VCH_MQTT_CONNACK && bytes.ptr[0] != CONNACK_BYTE)
        return give_up(d, VCH_DEVICE_PROTOCOL);
    if (vch_mqtt_frame_decode(bytes, &frame, &size) != VCH_OK) return give_up(d, VCH_DEVICE_PROTOCOL);
    if (size > d->options.in_size - d->held) return give_up(d, VCH_DEVICE_SPACE);
    if (size == 0 || size > bytes.len) return receive_more(d, until_ms);
    if (frame.type == VCH_MQTT_PUBLISH) return take_publish(d, &frame, size);
    enum vch_device_status status = take_ack(d, &frame);
    drop(d, size);
    return status;
}

static enum vch_device_status wait_ack(struct vch_device *d, bool or_answer) {
    int64_t until = wait_until(d);
    while ((d->wait[0].type || d->wait[1].type) && !(or_answer && d->answer.got)) {
        enum vch_device_status status = step(d, until);
        if (status != VCH_DEVICE_OK) return status;
    }
    return VCH_DEVICE_OK;
}

static void expect_nothing(struct vch_device *d) {
    memset(d->wait, 0, sizeof d->wait);
}

static void expect(struct vch_device *d, enum vch_mqtt_type type, uint16_t id) {
    expect_nothing(d);
    d->wait[0].type = (uint8_t)type;
    d->wait[0].id = id;
}

static uint16_t take_id(struct vch_device *d) {
    if (++d->next_id == 0) d->next_id = 1; /* [MQTT-2.3.1-1] */
    return d->next_id;
}

/* ---- calls -------------------------------------------------------------- */

enum vch_device_status vch_device_init(struct vch_device *device, const struct vch_device_options *options) {
    const struct vch_device_transport *t = &options->transport;
    memset(device, 0, sizeof *device);
    if (!t->send || !t->recv || !t->now_ms || !options->in || !options->out) return VCH_DEVICE_ARGUMENT;
    if (options->in_size < 64 || options->out_size <= VCH_DEVICE_HEADROOM) return VCH_DEVICE_ARGUMENT;
    device->options = *options;
    if (device->options.wait_ms <= 0) device->options.wait_ms = WAIT_DEFAULT_MS;
    return VCH_DEVICE_OK;
}

static bool text_fits(const char *text, size_t max) {
    struct vch_str s = vch_str_from(text);
    return s.len > 0 && s.len <= max && vch_utf8_valid(s);
}

enum vch_device_status vch_device_connect(struct vch_device *device, const struct vch_device_connect *connect) {
    uint8_t packet[HEAD_MAX];
    size_t len;
    memset(&device->failure, 0, sizeof device->failure);
    device->failure.stage = VCH_DEVICE_STAGE_CONNECT;
    if (!text_fits(connect->client_id, CLIENT_ID_MAX)) return VCH_DEVICE_ARGUMENT;
    if (connect->username && !text_fits(connect->username, USERNAME_MAX)) return VCH_DEVICE_ARGUMENT;
    const struct vch_mqtt_connect p = {
        .level = 4,
        .clean_session = connect->clean_session,
        .keep_alive_s = connect->keep_alive_s,
        .client_id = vch_str_from(connect->client_id),
        .has_username = connect->username != NULL,
        .username = vch_str_from(connect->username),
    };
    if (vch_mqtt_connect_encode(&p, packet, sizeof packet, &len) != VCH_OK) return VCH_DEVICE_ARGUMENT;
    device->in_len = device->held = 0;
    device->connected = true;
    expect(device, VCH_MQTT_CONNACK, 0);
    enum vch_device_status status = send_bytes(device, packet, len);
    if (status == VCH_DEVICE_OK) status = wait_ack(device, false);
    device->failure.code = device->wait[0].code;
    if (status == VCH_DEVICE_OK && device->failure.code != 0) status = VCH_DEVICE_REFUSED;
    return status == VCH_DEVICE_OK ? status : give_up(device, status);
}

enum vch_device_status vch_device_disconnect(struct vch_device *device) {
    uint8_t packet[2];
    size_t len;
    if (!device->connected) return VCH_DEVICE_CLOSED;
    if (vch_mqtt_empty_encode(VCH_MQTT_DISCONNECT, packet, sizeof packet, &len) != VCH_OK) return VCH_DEVICE_SPACE;
    enum vch_device_status status = send_bytes(device, packet, len);
    device->connected = false;
    return status;
}

static enum vch_device_status send_subscribe(struct vch_device *d, struct vch_str filter, uint8_t qos, uint16_t id) {
    uint8_t packet[TOPIC_MAX + 16];
    struct vch_mqtt_subscribe p = {.packet_id = id, .count = 1};
    size_t len;
    p.filters[0].filter = filter;
    p.filters[0].qos = qos;
    if (vch_mqtt_subscribe_encode(&p, packet, sizeof packet, &len) != VCH_OK) return VCH_DEVICE_ARGUMENT;
    return send_bytes(d, packet, len);
}

static enum vch_device_status wait_subacks(struct vch_device *d) {
    enum vch_device_status status = wait_ack(d, false);
    uint8_t worst = d->wait[0].code > d->wait[1].code ? d->wait[0].code : d->wait[1].code;
    /* A server that refuses may close before the second answer. */
    if (worst < SUBACK_FAILED) return status;
    d->failure.code = worst;
    return VCH_DEVICE_REFUSED;
}

enum vch_device_status vch_device_subscribe(struct vch_device *device, const char *filter, uint8_t qos) {
    if (!device->connected) return VCH_DEVICE_CLOSED;
    if (!text_fits(filter, TOPIC_MAX) || qos > 1) return VCH_DEVICE_ARGUMENT;
    expect(device, VCH_MQTT_SUBACK, take_id(device));
    enum vch_device_status status = send_subscribe(device, vch_str_from(filter), qos, device->wait[0].id);
    return status == VCH_DEVICE_OK ? wait_subacks(device) : status;
}

static enum vch_device_status subscribe_answer(struct vch_device *d, struct vch_str topic, struct vch_str ending,
                                               uint16_t id) {
    char filter[TOPIC_MAX];
    if (topic.len + ending.len > sizeof filter) return VCH_DEVICE_ARGUMENT;
    memcpy(filter, topic.ptr, topic.len);
    memcpy(filter + topic.len, ending.ptr, ending.len);
    return send_subscribe(d, vch_str_of(filter, topic.len + ending.len), 1, id);
}

enum vch_device_status vch_device_subscribe_answers(struct vch_device *device, const char *topic) {
    struct vch_str name = vch_str_from(topic);
    if (!device->connected) return VCH_DEVICE_CLOSED;
    expect(device, VCH_MQTT_SUBACK, take_id(device));
    device->wait[1].type = VCH_MQTT_SUBACK;
    device->wait[1].id = take_id(device);
    enum vch_device_status status = subscribe_answer(device, name, ACCEPTED, device->wait[0].id);
    if (status == VCH_DEVICE_OK) status = subscribe_answer(device, name, REJECTED, device->wait[1].id);
    return status == VCH_DEVICE_OK ? wait_subacks(device) : status;
}

/* The head goes right before the payload when that stands in `out`. */
static enum vch_device_status send_publish(struct vch_device *d, const struct vch_mqtt_publish *p) {
    uint8_t head[VCH_DEVICE_HEADROOM];
    size_t len;
    if (vch_mqtt_publish_head_encode(p, head, sizeof head, &len) != VCH_OK) return VCH_DEVICE_ARGUMENT;
    uint8_t *body = d->options.out + VCH_DEVICE_HEADROOM;
    if (p->payload.len > d->options.out_size - VCH_DEVICE_HEADROOM) {
        enum vch_device_status status = send_bytes(d, head, len);
        return status == VCH_DEVICE_OK ? send_bytes(d, p->payload.ptr, p->payload.len) : status;
    }
    if (p->payload.len && p->payload.ptr != (const char *)body) memcpy(body, p->payload.ptr, p->payload.len);
    memcpy(body - len, head, len);
    return send_bytes(d, body - len, len + p->payload.len);
}

static enum vch_device_status publish(struct vch_device *d, const char *topic, struct vch_str payload, uint8_t qos) {
    struct vch_mqtt_publish p = {.qos = qos, .topic = vch_str_from(topic), .payload = payload};
    if (!d->connected) return VCH_DEVICE_CLOSED;
    expect_nothing(d);
    if (qos == 1) {
        p.packet_id = take_id(d);
        expect(d, VCH_MQTT_PUBACK, p.packet_id);
    }
    return send_publish(d, &p);
}

enum vch_device_status vch_device_publish(struct vch_device *device, const char *topic, const void *payload,
                                          size_t payload_len, uint8_t qos) {
    if (!text_fits(topic, TOPIC_MAX) || qos > 1 || payload_len > VCH_MQTT_REMAINING_MAX / 2) return VCH_DEVICE_ARGUMENT;
    if (strpbrk(topic, "+#")) return VCH_DEVICE_ARGUMENT; /* [MQTT-3.3.2-2] */
    enum vch_device_status status = publish(device, topic, vch_str_of(payload, payload_len), qos);
    return status == VCH_DEVICE_OK && qos == 1 ? wait_ack(device, false) : status;
}

enum vch_device_status vch_device_ping(struct vch_device *device) {
    uint8_t packet[2];
    size_t len;
    if (!device->connected) return VCH_DEVICE_CLOSED;
    if (vch_mqtt_empty_encode(VCH_MQTT_PINGREQ, packet, sizeof packet, &len) != VCH_OK) return VCH_DEVICE_SPACE;
    expect(device, VCH_MQTT_PINGRESP, 0);
    enum vch_device_status status = send_bytes(device, packet, len);
    return status == VCH_DEVICE_OK ? wait_ack(device, false) : status;
}

enum vch_device_status vch_device_poll(struct vch_device *device, int64_t until_ms) {
    enum vch_device_status status = device->connected ? VCH_DEVICE_OK : VCH_DEVICE_CLOSED;
    expect_nothing(device);
    while (status == VCH_DEVICE_OK) status = step(device, until_ms);
    return status == VCH_DEVICE_TIMEOUT ? VCH_DEVICE_OK : status;
}

static enum vch_device_status wait_answer(struct vch_device *d) {
    int64_t until = wait_until(d);
    enum vch_device_status status = VCH_DEVICE_OK;
    while (!d->answer.got && status == VCH_DEVICE_OK) status = step(d, until);
    return status;
}

enum vch_device_status vch_device_request(struct vch_device *device, const char *topic, size_t payload_len) {
    const uint8_t *payload = device->options.out + VCH_DEVICE_HEADROOM;
    memset(&device->answer, 0, sizeof device->answer);
    device->answer.topic = topic;
    enum vch_device_status status = publish(device, topic, vch_str_of(payload, payload_len), 1);
    if (status == VCH_DEVICE_OK) status = wait_ack(device, true);
    expect_nothing(device); /* an acknowledgement after the answer is of no interest */
    return status == VCH_DEVICE_OK ? wait_answer(device) : status;
}

void vch_device_release(struct vch_device *device) {
    size_t size = device->held;
    device->held = 0;
    if (size) drop(device, size);
    memset(&device->answer, 0, sizeof device->answer);
    vch_wipe(device->options.in + device->in_len, size);
}
