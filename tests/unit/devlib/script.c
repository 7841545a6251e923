#include "script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/mqtt.h"

enum { GUARD_BYTE = 0xA5 };

/* Counts whole packets in all that was sent. */
static size_t count_packets(const struct script *s) {
    size_t count = 0;
    while (script_sent(s, count).len) count++;
    return count;
}

static enum vch_device_status on_send(void *arg, const void *bytes, size_t len, int64_t deadline_ms) {
    struct script *s = arg;
    assert_true(deadline_ms >= s->now_ms);
    if (s->send_fails != VCH_DEVICE_OK) return s->send_fails;
    if (s->fails_from && s->packets + 1 >= s->fails_from) return VCH_DEVICE_CLOSED;
    assert_true(s->sent_len + len <= sizeof s->sent);
    memcpy(s->sent + s->sent_len, bytes, len);
    s->sent_len += len;
    s->packets = count_packets(s);
    return VCH_DEVICE_OK;
}

static enum vch_device_status on_recv(void *arg, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms) {
    struct script *s = arg;
    if (s->at < s->count && s->packets >= s->steps[s->at].after_packets) {
        struct script_step *step = &s->steps[s->at];
        size_t len = step->len - s->offset;
        if (len > size) len = size;
        if (s->piece && len > s->piece) len = s->piece;
        memcpy(buf, step->bytes + s->offset, len);
        s->offset += len;
        if (s->offset == step->len) {
            s->at++;
            s->offset = 0;
        }
        *ret_len = len;
        return VCH_DEVICE_OK;
    }
    if (s->end == VCH_DEVICE_TIMEOUT) s->now_ms = deadline_ms;
    return s->end;
}

static int64_t on_now(void *arg) {
    return ((struct script *)arg)->now_ms;
}

static void on_message(void *arg, const struct vch_device_message *m) {
    struct script *s = arg;
    s->messages++;
    (void)vch_str_copy(s->message_topic, sizeof s->message_topic, vch_str_of(m->topic, m->topic_len));
    (void)vch_str_copy(s->message_payload, sizeof s->message_payload, vch_str_of(m->payload, m->payload_len));
}

void script_init(struct script *s, size_t in_size, size_t out_size) {
    memset(s, 0, sizeof *s);
    memset(s->memory_in, GUARD_BYTE, sizeof s->memory_in);
    memset(s->memory_out, GUARD_BYTE, sizeof s->memory_out);
    s->end = VCH_DEVICE_TIMEOUT;
    s->now_ms = 1000;
    const struct vch_device_options options = {
        .transport = {on_send, on_recv, on_now, s},
        .in = s->memory_in + SCRIPT_GUARD,
        .in_size = in_size,
        .out = s->memory_out + SCRIPT_GUARD,
        .out_size = out_size,
        .on_message = on_message,
        .arg = s,
    };
    assert_int_equal(vch_device_init(&s->device, &options), VCH_DEVICE_OK);
}

void script_raw(struct script *s, size_t after_packets, const void *bytes, size_t len) {
    assert_true(s->count < SCRIPT_STEPS);
    struct script_step *step = &s->steps[s->count++];
    assert_true(len <= sizeof step->bytes);
    step->after_packets = after_packets;
    step->len = len;
    memcpy(step->bytes, bytes, len);
}

void script_connack(struct script *s, size_t after_packets, uint8_t code) {
    script_raw(s, after_packets, (uint8_t[]){0x20, 2, 0, code}, 4);
}

void script_suback(struct script *s, size_t after_packets, uint16_t id, uint8_t code) {
    script_raw(s, after_packets, (uint8_t[]){0x90, 3, (uint8_t)(id >> 8), (uint8_t)id, code}, 5);
}

void script_puback(struct script *s, size_t after_packets, uint16_t id) {
    script_raw(s, after_packets, (uint8_t[]){0x40, 2, (uint8_t)(id >> 8), (uint8_t)id}, 4);
}

void script_publish(struct script *s, size_t after_packets, const char *topic, const char *payload, uint8_t qos) {
    uint8_t packet[6000];
    size_t topic_len = strlen(topic), payload_len = strlen(payload), at = 0;
    size_t remaining = 2 + topic_len + (qos ? 2 : 0) + payload_len;
    packet[at++] = (uint8_t)(0x30 | (qos << 1));
    do {
        uint8_t digit = (uint8_t)(remaining % 128);
        remaining /= 128;
        packet[at++] = (uint8_t)(digit | (remaining ? 0x80 : 0));
    } while (remaining);
    packet[at++] = (uint8_t)(topic_len >> 8);
    packet[at++] = (uint8_t)topic_len;
    memcpy(packet + at, topic, topic_len);
    at += topic_len;
    if (qos) {
        packet[at++] = 0x12;
        packet[at++] = 0x34;
    }
    memcpy(packet + at, payload, payload_len);
    script_raw(s, after_packets, packet, at + payload_len);
}

static void check_guard(const uint8_t *at) {
    for (size_t i = 0; i < SCRIPT_GUARD; i++) assert_int_equal(at[i], GUARD_BYTE);
}

void script_check_guards(const struct script *s) {
    check_guard(s->memory_in);
    check_guard(s->memory_in + SCRIPT_GUARD + s->device.options.in_size);
    check_guard(s->memory_out);
    check_guard(s->memory_out + SCRIPT_GUARD + s->device.options.out_size);
}

struct vch_str script_sent(const struct script *s, size_t index) {
    struct vch_str rest = vch_str_of(s->sent, s->sent_len);
    for (;;) {
        struct vch_mqtt_frame frame;
        size_t size;
        if (vch_mqtt_frame_decode(rest, &frame, &size) != VCH_OK || size == 0 || size > rest.len)
            return vch_str_of(NULL, 0);
        if (index-- == 0) return vch_str_sub(rest, 0, size);
        rest = vch_str_sub(rest, size, SIZE_MAX);
    }
}
