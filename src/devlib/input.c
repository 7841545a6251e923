/* What the server sends: bytes to packets, packets to what is waited for. */
#include <string.h>

#include "devlib/client_priv.h"

enum { CONNACK_BYTE = 0x20, REFUSALS = 0x80 };

static const struct vch_str ACCEPTED = {"/accepted", 9};
static const struct vch_str REJECTED = {"/rejected", 9};

static int64_t now_ms(const struct vch_device *d) {
    return d->options.transport.now_ms(d->options.transport.arg);
}

int64_t vch_device_wait_until(const struct vch_device *d) {
    int64_t until = now_ms(d) + d->options.wait_ms;
    return d->options.deadline_ms && d->options.deadline_ms < until ? d->options.deadline_ms : until;
}

enum vch_device_status vch_device_give_up(struct vch_device *d, enum vch_device_status status) {
    d->connected = false;
    if (d->held) return status; /* an answer that is here counts, whatever became of the connection */
    d->in_len = 0;
    vch_wipe(d->options.in, d->options.in_size);
    return status;
}

static enum vch_device_status transport_said(struct vch_device *d, enum vch_device_status status) {
    if (status == VCH_DEVICE_OK || status == VCH_DEVICE_TIMEOUT) return status;
    return vch_device_give_up(d, status == VCH_DEVICE_CLOSED ? status : VCH_DEVICE_NETWORK);
}

/* A server of MQTT 5 that closed may have said why before. */
static enum vch_device_status last_words(struct vch_device *d, enum vch_device_status status);

enum vch_device_status vch_device_send(struct vch_device *d, const void *bytes, size_t len) {
    const struct vch_device_transport *t = &d->options.transport;
    enum vch_device_status status = t->send(t->arg, bytes, len, vch_device_wait_until(d));
    /* A packet cut in the middle cannot be mended. */
    if (status == VCH_DEVICE_OK || status == VCH_DEVICE_TIMEOUT)
        return status == VCH_DEVICE_OK ? status : vch_device_give_up(d, status);
    if (status != VCH_DEVICE_CLOSED) status = VCH_DEVICE_NETWORK;
    return d->level == VCH_MQTT_LEVEL_5 ? last_words(d, status) : vch_device_give_up(d, status);
}

static enum vch_device_status receive_more(struct vch_device *d, int64_t until_ms, int64_t end_ms) {
    const struct vch_device_transport *t = &d->options.transport;
    size_t room = d->options.in_size - d->in_len, got = 0;
    if (room == 0) return vch_device_give_up(d, VCH_DEVICE_SPACE);
    if (now_ms(d) >= end_ms) return VCH_DEVICE_TIMEOUT;
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
    vch_wipe(d->options.in + d->in_len, len); /* a late answer holds a key */
}

void vch_device_release(struct vch_device *d) {
    size_t size = d->held;
    d->held = 0;
    if (size) drop(d, size);
    memset(&d->answer, 0, sizeof d->answer);
    if (size && !d->connected) (void)vch_device_give_up(d, VCH_DEVICE_OK);
}

void vch_device_keep_text(char *out, size_t size, struct vch_str text) {
    size_t len = text.len < size ? text.len : size - 1;
    while (len > 0 && !vch_utf8_valid(vch_str_of(text.ptr, len))) len--;
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F ? ' ' : text.ptr[i];
    out[len] = '\0';
}

/* ---- PUBLISH ------------------------------------------------------------ */

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

/* Without a topic it names an alias, which we do not offer. MQTT 5 section 3.3.2.3.4 */
static enum vch_device_status take_publish(struct vch_device *d, const struct vch_mqtt_frame *frame, size_t size,
                                           uint16_t *ret_ack) {
    struct vch_mqtt_publish p;
    if (vch_mqtt_publish_decode(frame, &p) != VCH_OK || p.qos > 1 || p.topic.len == 0)
        return vch_device_give_up(d, VCH_DEVICE_PROTOCOL);
    *ret_ack = p.packet_id;
    if (is_answer(d, p.topic)) {
        hold(d, &p, size);
    } else {
        deliver(d, &p);
        drop(d, size);
    }
    return VCH_DEVICE_OK;
}

static enum vch_device_status acknowledge(struct vch_device *d, uint16_t id) {
    const uint8_t ack[] = {VCH_MQTT_PUBACK << 4, 2, (uint8_t)(id >> 8), (uint8_t)id};
    return vch_device_send(d, ack, sizeof ack);
}

/* ---- the others --------------------------------------------------------- */

void vch_device_expect_nothing(struct vch_device *d) {
    memset(d->wait, 0, sizeof d->wait);
}

void vch_device_expect(struct vch_device *d, enum vch_mqtt_type type, uint16_t id) {
    vch_device_expect_nothing(d);
    d->wait[0].type = (uint8_t)type;
    d->wait[0].id = id;
    d->failure.code = 0;
    d->failure.error_code[0] = d->failure.error_message[0] = '\0';
}

/* A refusal of MQTT 5 may give its reason in words. */
static void keep_reason(struct vch_device *d, const struct vch_mqtt_props *props) {
    if (vch_mqtt_has(props, VCH_MQTT_PROP_REASON_STRING))
        vch_device_keep_text(d->failure.error_message, sizeof d->failure.error_message, props->reason_string);
}

/* `props` are looked at with a refusal only. */
static void settle(struct vch_device *d, const struct vch_mqtt_frame *frame, uint16_t id, uint8_t code,
                   const struct vch_mqtt_props *props) {
    for (size_t i = 0; i < 2; i++) {
        if (d->wait[i].type != (uint8_t)frame->type || d->wait[i].id != id) continue;
        d->wait[i].type = 0;
        d->wait[i].code = code;
        if (code >= REFUSALS) keep_reason(d, props);
    }
}

static bool is_expected(const struct vch_device *d, enum vch_mqtt_type type) {
    return d->wait[0].type == (uint8_t)type;
}

/* A server that does not speak MQTT 5 says so in two bytes. MQTT 5 section 4.13 */
static bool take_connack(struct vch_device *d, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_connack p;
    struct vch_mqtt_frame old = *frame;
    if (frame->body.len == 2 && frame->body.ptr[1]) old.level = VCH_MQTT_LEVEL_311;
    if (!is_expected(d, VCH_MQTT_CONNACK) || vch_mqtt_connack_decode(&old, &p) != VCH_OK) return false;
    d->session_present = p.session_present;
    if (vch_mqtt_has(&p.props, VCH_MQTT_PROP_SERVER_KEEP_ALIVE)) d->keep_alive_s = p.props.server_keep_alive_s;
    if (vch_mqtt_has(&p.props, VCH_MQTT_PROP_MAXIMUM_PACKET_SIZE)) d->packet_max = p.props.maximum_packet_size;
    if (vch_mqtt_has(&p.props, VCH_MQTT_PROP_MAXIMUM_QOS)) d->qos_max = p.props.maximum_qos;
    settle(d, frame, 0, p.code, &p.props);
    return true;
}

static bool take_suback(struct vch_device *d, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_suback p;
    bool subscribed = frame->type == VCH_MQTT_SUBACK;
    enum vch_err err = subscribed ? vch_mqtt_suback_decode(frame, &p) : vch_mqtt_unsuback_decode(frame, &p);
    size_t codes = subscribed || frame->level == VCH_MQTT_LEVEL_5 ? 1 : 0;
    if (err != VCH_OK || p.count != codes) return false;
    settle(d, frame, p.packet_id, codes ? p.codes[0] : 0, &p.props);
    return true;
}

static bool take_puback(struct vch_device *d, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_ack p;
    if (vch_mqtt_puback_decode(frame, &p) != VCH_OK) return false;
    settle(d, frame, p.packet_id, p.reason, &p.props);
    return true;
}

/* A server of 3.1.1 has no DISCONNECT. */
static bool take_disconnect(struct vch_device *d, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_disconnect p;
    if (frame->level != VCH_MQTT_LEVEL_5 || vch_mqtt_disconnect_decode(frame, &p) != VCH_OK) return false;
    d->failure.code = p.reason;
    d->failure.error_code[0] = d->failure.error_message[0] = '\0';
    keep_reason(d, &p.props);
    return true;
}

static bool take_pingresp(struct vch_device *d, const struct vch_mqtt_frame *frame) {
    if (vch_mqtt_empty_decode(frame) != VCH_OK) return false;
    settle(d, frame, 0, 0, NULL);
    return true;
}

static enum vch_device_status take_other(struct vch_device *d, const struct vch_mqtt_frame *frame) {
    bool fine = false;
    switch (frame->type) {
    case VCH_MQTT_CONNACK: fine = take_connack(d, frame); break;
    case VCH_MQTT_SUBACK:
    case VCH_MQTT_UNSUBACK: fine = take_suback(d, frame); break;
    case VCH_MQTT_PUBACK: fine = take_puback(d, frame); break;
    case VCH_MQTT_PINGRESP: fine = take_pingresp(d, frame); break;
    case VCH_MQTT_DISCONNECT:
        if (take_disconnect(d, frame)) return vch_device_give_up(d, VCH_DEVICE_DISMISSED);
        break;
    default: break;
    }
    return fine ? VCH_DEVICE_OK : vch_device_give_up(d, VCH_DEVICE_PROTOCOL);
}

static enum vch_device_status last_words(struct vch_device *d, enum vch_device_status status) {
    int64_t now = now_ms(d);
    d->connected = false;
    for (;;) {
        struct vch_mqtt_frame frame;
        size_t size = 0;
        struct vch_str bytes = vch_str_of(d->options.in + d->held, d->in_len - d->held);
        if (vch_mqtt_frame_decode_at(d->level, bytes, &frame, &size) != VCH_OK) break;
        if (size > d->options.in_size - d->held) break;
        if (frame.whole && frame.type == VCH_MQTT_DISCONNECT)
            return vch_device_give_up(d, take_disconnect(d, &frame) ? VCH_DEVICE_DISMISSED : status);
        if (frame.whole)
            drop(d, size);
        else if (receive_more(d, now, now + d->options.wait_ms) != VCH_DEVICE_OK)
            break;
    }
    return vch_device_give_up(d, status);
}

/* ---- one after the other ------------------------------------------------ */

/* Apart, so that the stack of decoding is free again when the answer is sent. */
VCH_DEVICE_APART static enum vch_device_status take_packet(struct vch_device *d, const struct vch_mqtt_frame *frame,
                                                           size_t size, uint16_t *ret_ack) {
    if (frame->type == VCH_MQTT_PUBLISH) return take_publish(d, frame, size, ret_ack);
    enum vch_device_status status = take_other(d, frame);
    if (status == VCH_DEVICE_OK) drop(d, size);
    return status;
}

enum vch_device_status vch_device_step(struct vch_device *d, int64_t until_ms, int64_t end_ms) {
    struct vch_mqtt_frame frame;
    size_t size = 0, held = d->held;
    uint16_t ack = 0;
    struct vch_str bytes = vch_str_of(d->options.in + d->held, d->in_len - d->held);
    /* At once, so that a server of another protocol is not waited for. [MQTT-3.2.0-1] */
    if (bytes.len && is_expected(d, VCH_MQTT_CONNACK) && bytes.ptr[0] != CONNACK_BYTE)
        return vch_device_give_up(d, VCH_DEVICE_PROTOCOL);
    if (vch_mqtt_frame_decode_at(d->level, bytes, &frame, &size) != VCH_OK)
        return vch_device_give_up(d, VCH_DEVICE_PROTOCOL);
    if (size > d->options.in_size - d->held) return vch_device_give_up(d, VCH_DEVICE_SPACE);
    if (size == 0 || size > bytes.len) return receive_more(d, until_ms, end_ms);
    enum vch_device_status status = take_packet(d, &frame, size, &ack);
    if (status != VCH_DEVICE_OK || !ack) return status;
    bool is_held = d->held > held; /* the answer is here, whatever becomes of its acknowledgement */
    status = acknowledge(d, ack);
    return is_held ? VCH_DEVICE_OK : status;
}

enum vch_device_status vch_device_wait_acks(struct vch_device *d, bool or_answer) {
    int64_t until = vch_device_wait_until(d);
    while ((d->wait[0].type || d->wait[1].type) && !(or_answer && d->answer.got)) {
        enum vch_device_status status = vch_device_step(d, until, until);
        if (status != VCH_DEVICE_OK) return status;
    }
    return VCH_DEVICE_OK;
}

enum vch_device_status vch_device_wait_answer(struct vch_device *d) {
    int64_t until = vch_device_wait_until(d);
    enum vch_device_status status = VCH_DEVICE_OK;
    while (!d->answer.got && status == VCH_DEVICE_OK) status = vch_device_step(d, until, until);
    return status;
}
