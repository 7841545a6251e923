/* Any bytes as a stream of MQTT packets. Decoding never reads outside the
 * input, and what decodes is encoded again to the same packet. */
#include <stdlib.h>
#include <string.h>

#include "wire/mqtt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union packet {
    struct vch_mqtt_connect connect;
    struct vch_mqtt_connack connack;
    struct vch_mqtt_publish publish;
    struct vch_mqtt_subscribe subscribe;
    struct vch_mqtt_suback suback;
    uint16_t id;
};

static enum vch_err decode(const struct vch_mqtt_frame *f, union packet *p) {
    switch (f->type) {
    case VCH_MQTT_CONNECT: return vch_mqtt_connect_decode(f, &p->connect);
    case VCH_MQTT_CONNACK: return vch_mqtt_connack_decode(f, &p->connack);
    case VCH_MQTT_PUBLISH: return vch_mqtt_publish_decode(f, &p->publish);
    case VCH_MQTT_SUBSCRIBE: return vch_mqtt_subscribe_decode(f, &p->subscribe);
    case VCH_MQTT_UNSUBSCRIBE: return vch_mqtt_unsubscribe_decode(f, &p->subscribe);
    case VCH_MQTT_SUBACK: return vch_mqtt_suback_decode(f, &p->suback);
    case VCH_MQTT_PINGREQ:
    case VCH_MQTT_PINGRESP:
    case VCH_MQTT_DISCONNECT: return vch_mqtt_empty_decode(f);
    default: return vch_mqtt_ack_decode(f, &p->id);
    }
}

static enum vch_err encode(enum vch_mqtt_type type, const union packet *p, uint8_t *out, size_t size, size_t *ret_len) {
    switch (type) {
    case VCH_MQTT_CONNECT: return vch_mqtt_connect_encode(&p->connect, out, size, ret_len);
    case VCH_MQTT_CONNACK: return vch_mqtt_connack_encode(&p->connack, out, size, ret_len);
    case VCH_MQTT_PUBLISH: return vch_mqtt_publish_head_encode(&p->publish, out, size, ret_len);
    case VCH_MQTT_SUBSCRIBE: return vch_mqtt_subscribe_encode(&p->subscribe, out, size, ret_len);
    case VCH_MQTT_UNSUBSCRIBE: return vch_mqtt_unsubscribe_encode(&p->subscribe, out, size, ret_len);
    case VCH_MQTT_SUBACK: return vch_mqtt_suback_encode(&p->suback, out, size, ret_len);
    case VCH_MQTT_PINGREQ:
    case VCH_MQTT_PINGRESP:
    case VCH_MQTT_DISCONNECT: return vch_mqtt_empty_encode(type, out, size, ret_len);
    default: return vch_mqtt_ack_encode(type, p->id, out, size, ret_len);
    }
}

/* The body, and not the fixed header, because a length may be padded. */
static void check_again(const struct vch_mqtt_frame *frame, const union packet *p) {
    size_t room = frame->body.len + 5, len = 0, at;
    uint8_t *out = malloc(room);
    if (!out) return;
    vch_assert(encode(frame->type, p, out, room, &len) == VCH_OK);
    if (frame->type == VCH_MQTT_PUBLISH && p->publish.payload.len) {
        memcpy(out + len, p->publish.payload.ptr, p->publish.payload.len);
        len += p->publish.payload.len;
    }
    struct vch_mqtt_frame again;
    vch_assert(vch_mqtt_frame_decode(vch_str_of(out, len), &again, &at) == VCH_OK && again.whole && at == len);
    vch_assert(again.type == frame->type && again.flags == frame->flags && vch_str_eq(again.body, frame->body));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_str rest = vch_str_of(data, size);
    for (;;) {
        struct vch_mqtt_frame frame;
        size_t used;
        static union packet p;
        if (vch_mqtt_frame_decode(rest, &frame, &used) != VCH_OK || !frame.whole) return 0;
        vch_assert(used >= 2 && used <= rest.len);
        bool other_level = decode(&frame, &p) != VCH_OK ||
                           (frame.type == VCH_MQTT_CONNECT && p.connect.level != 4 && p.connect.level != 5);
        if (!other_level) check_again(&frame, &p);
        rest = vch_str_of(rest.ptr + used, rest.len - used);
    }
}
