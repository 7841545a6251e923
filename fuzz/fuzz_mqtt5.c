/* Any bytes as a stream of MQTT 5 packets. Decoding never reads outside the
 * input; what decodes is encoded to a packet that decodes to the same values
 * and is encoded to the same bytes again. */
#include <stdlib.h>
#include <string.h>

#include "wire/mqtt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union packet {
    struct vch_mqtt_connect connect;
    struct vch_mqtt_connack connack;
    struct vch_mqtt_publish publish;
    struct vch_mqtt_ack ack;
    struct vch_mqtt_subscribe subscribe;
    struct vch_mqtt_suback suback;
    struct vch_mqtt_disconnect disconnect;
};

static enum vch_err decode(const struct vch_mqtt_frame *f, union packet *p) {
    switch (f->type) {
    case VCH_MQTT_CONNECT: return vch_mqtt_connect_decode(f, &p->connect);
    case VCH_MQTT_CONNACK: return vch_mqtt_connack_decode(f, &p->connack);
    case VCH_MQTT_PUBLISH: return vch_mqtt_publish_decode(f, &p->publish);
    case VCH_MQTT_SUBSCRIBE: return vch_mqtt_subscribe_decode(f, &p->subscribe);
    case VCH_MQTT_UNSUBSCRIBE: return vch_mqtt_unsubscribe_decode(f, &p->subscribe);
    case VCH_MQTT_SUBACK: return vch_mqtt_suback_decode(f, &p->suback);
    case VCH_MQTT_UNSUBACK: return vch_mqtt_unsuback_decode(f, &p->suback);
    case VCH_MQTT_DISCONNECT: return vch_mqtt_disconnect_decode(f, &p->disconnect);
    case VCH_MQTT_AUTH: return vch_mqtt_auth_decode(f, &p->disconnect);
    case VCH_MQTT_PINGREQ:
    case VCH_MQTT_PINGRESP: return vch_mqtt_empty_decode(f);
    default: return vch_mqtt_puback_decode(f, &p->ack);
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
    case VCH_MQTT_UNSUBACK: return vch_mqtt_unsuback_encode(&p->suback, out, size, ret_len);
    case VCH_MQTT_DISCONNECT: return vch_mqtt_disconnect_encode(&p->disconnect, out, size, ret_len);
    case VCH_MQTT_AUTH: return vch_mqtt_auth_encode(&p->disconnect, out, size, ret_len);
    case VCH_MQTT_PINGREQ:
    case VCH_MQTT_PINGRESP: return vch_mqtt_empty_encode(type, out, size, ret_len);
    default: return vch_mqtt_puback_encode(type, &p->ack, out, size, ret_len);
    }
}

/* A PUBLISH to a client may have several subscription ids; an encoder takes the
 * first from its member and the rest from `extra`. Into `room`. */
static void keep_more_ids(struct vch_mqtt_props *props, uint8_t *room, size_t size) {
    struct vch_str rest = props->raw;
    uint32_t id;
    size_t len = 0, more;
    if (!vch_mqtt_subscription_id_next(&rest, &id)) return;
    vch_assert(id == props->subscription_id);
    while (vch_mqtt_subscription_id_next(&rest, &id)) {
        vch_assert(vch_mqtt_subscription_id_encode(id, room + len, size - len, &more) == VCH_OK);
        len += more;
    }
    props->extra = vch_str_of(room, len);
}

/* Encoded once, in memory that the caller frees. */
static struct vch_str encoded(enum vch_mqtt_type type, union packet *p, size_t hint) {
    size_t room = 2 * hint + 64, len = 0;
    uint8_t *out = malloc(room), *ids = malloc(room);
    vch_assert(out && ids);
    if (type == VCH_MQTT_PUBLISH) keep_more_ids(&p->publish.props, ids, room);
    vch_assert(encode(type, p, out, room, &len) == VCH_OK);
    if (type == VCH_MQTT_PUBLISH && p->publish.payload.len) {
        memcpy(out + len, p->publish.payload.ptr, p->publish.payload.len);
        len += p->publish.payload.len;
    }
    free(ids);
    return vch_str_of(out, len);
}

static void check_again(const struct vch_mqtt_frame *frame, union packet *p) {
    static union packet second;
    struct vch_mqtt_frame again;
    size_t used;
    struct vch_str first = encoded(frame->type, p, frame->body.len);
    vch_assert(vch_mqtt_frame_decode_at(VCH_MQTT_LEVEL_5, first, &again, &used) == VCH_OK);
    vch_assert(again.whole && used == first.len && again.type == frame->type && again.flags == frame->flags);
    vch_assert(again.body.len <= frame->body.len); /* the shortest form */
    vch_assert(decode(&again, &second) == VCH_OK);
    struct vch_str twice = encoded(again.type, &second, again.body.len);
    vch_assert(vch_str_eq(first, twice));
    free((void *)(uintptr_t)first.ptr);
    free((void *)(uintptr_t)twice.ptr);
}

/* A packet whose own level is not 5 is fuzz_mqtt's. */
static bool is_ours(const struct vch_mqtt_frame *frame, const union packet *p) {
    return frame->type != VCH_MQTT_CONNECT || p->connect.level == VCH_MQTT_LEVEL_5;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_str rest = vch_str_of(data, size);
    for (;;) {
        struct vch_mqtt_frame frame;
        size_t used;
        static union packet p;
        if (vch_mqtt_frame_decode_at(VCH_MQTT_LEVEL_5, rest, &frame, &used) != VCH_OK || !frame.whole) return 0;
        vch_assert(used >= 2 && used <= rest.len);
        enum vch_err err = decode(&frame, &p);
        vch_assert(err == VCH_OK || err == VCH_ERR_MALFORMED || err == VCH_ERR_INVALID || err == VCH_ERR_LIMIT);
        if (err == VCH_OK && is_ours(&frame, &p)) check_again(&frame, &p);
        rest = vch_str_of(rest.ptr + used, rest.len - used);
    }
}
