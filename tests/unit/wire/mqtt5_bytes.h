/* MQTT 5 packets around a block of properties that the test wrote by hand. */
#ifndef VCH_TEST_MQTT5_BYTES_H
#define VCH_TEST_MQTT5_BYTES_H

#include "mqtt_bytes.h"

/* Bytes that grow in a fixed place. */
struct pen {
    uint8_t bytes[4096];
    size_t len;
};

static inline void pen_str(struct pen *pen, struct vch_str s) {
    assert_true(pen->len + s.len <= sizeof pen->bytes);
    if (s.len) memcpy(pen->bytes + pen->len, s.ptr, s.len);
    pen->len += s.len;
}

static inline void pen_u8(struct pen *pen, unsigned v) {
    pen_str(pen, vch_str_of(&(uint8_t){(uint8_t)v}, 1));
}

static inline void pen_length(struct pen *pen, size_t v) {
    do {
        pen_u8(pen, (unsigned)(v % 128 | (v >= 128 ? 128 : 0)));
        v /= 128;
    } while (v);
}

static inline void pen_block(struct pen *pen, struct vch_str props) {
    pen_length(pen, props.len);
    pen_str(pen, props);
}

/* A fixed header before `body`. */
static inline struct vch_str pen_packet(struct pen *pen, unsigned first, struct vch_str body) {
    pen->len = 0;
    pen_u8(pen, first);
    pen_length(pen, body.len);
    pen_str(pen, body);
    return vch_str_of(pen->bytes, pen->len);
}

/* Carriers of properties, by letter: C CONNECT, W its will, c CONNACK, P PUBLISH, 1 to 4 PUBACK to PUBCOMP,
 * S SUBSCRIBE, s SUBACK, U UNSUBSCRIBE, u UNSUBACK, D DISCONNECT, A AUTH. */
#define CARRIERS "CWcP1234SsUuDA"

static inline struct vch_str carry(char carrier, struct vch_str props, struct pen *out) {
    static struct pen body;
    static const char types[] = " CcP1234SsUu  DA";
    unsigned type = carrier == 'W' ? 1 : (unsigned)(strchr(types, carrier) - types);
    unsigned flags = strchr("3SU", carrier) ? 2 : 0;
    body.len = 0;
    switch (carrier) {
    case 'C':
    case 'W':
        pen_str(&body, carrier == 'C' ? BYTES("\x00\x04MQTT\x05\x02\x00\x3C")
                                      : BYTES("\x00\x04MQTT\x05\x06\x00\x3C\x00\x00\x01i"));
        pen_block(&body, props);
        pen_str(&body, carrier == 'C' ? BYTES("\x00\x01i") : BYTES("\x00\x01t\x00\x01m"));
        break;
    case 'c':
        pen_str(&body, BYTES("\x00\x00"));
        pen_block(&body, props);
        break;
    case 'P':
        pen_str(&body, BYTES("\x00\x01t"));
        pen_block(&body, props);
        pen_str(&body, BYTES("payload"));
        break;
    case 'D':
    case 'A':
        pen_str(&body, BYTES("\x00"));
        pen_block(&body, props);
        break;
    default:
        pen_str(&body, strchr("1234", carrier) ? BYTES("\x00\x07\x00") : BYTES("\x00\x07"));
        pen_block(&body, props);
        if (carrier == 'S') pen_str(&body, BYTES("\x00\x01t\x01"));
        if (carrier == 'U') pen_str(&body, BYTES("\x00\x01t"));
        if (carrier == 's' || carrier == 'u') pen_str(&body, BYTES("\x00"));
        break;
    }
    return pen_packet(out, type << 4 | flags, vch_str_of(body.bytes, body.len));
}

union packet5 {
    struct vch_mqtt_connect connect;
    struct vch_mqtt_connack connack;
    struct vch_mqtt_publish publish;
    struct vch_mqtt_ack ack;
    struct vch_mqtt_subscribe subscribe;
    struct vch_mqtt_suback suback;
    struct vch_mqtt_disconnect disconnect;
};

static inline enum vch_err decode5_as(enum vch_mqtt_type type, const struct vch_mqtt_frame *f, union packet5 *p) {
    switch (type) {
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

static inline enum vch_err decode5(struct vch_str bytes, union packet5 *p) {
    struct vch_mqtt_frame frame;
    size_t size;
    enum vch_err err = vch_mqtt_frame_decode_at(VCH_MQTT_LEVEL_5, bytes, &frame, &size);
    if (err != VCH_OK) return err;
    assert_true(frame.whole);
    assert_int_equal(size, bytes.len);
    return decode5_as(frame.type, &frame, p);
}

/* Everything but a PUBLISH's payload, which is added here. */
static inline enum vch_err encode5(enum vch_mqtt_type type, const union packet5 *p, struct pen *out) {
    size_t room = sizeof out->bytes;
    enum vch_err err;
    switch (type) {
    case VCH_MQTT_CONNECT: return vch_mqtt_connect_encode(&p->connect, out->bytes, room, &out->len);
    case VCH_MQTT_CONNACK: return vch_mqtt_connack_encode(&p->connack, out->bytes, room, &out->len);
    case VCH_MQTT_PUBLISH:
        err = vch_mqtt_publish_head_encode(&p->publish, out->bytes, room, &out->len);
        if (err == VCH_OK) pen_str(out, p->publish.payload);
        return err;
    case VCH_MQTT_SUBSCRIBE: return vch_mqtt_subscribe_encode(&p->subscribe, out->bytes, room, &out->len);
    case VCH_MQTT_UNSUBSCRIBE: return vch_mqtt_unsubscribe_encode(&p->subscribe, out->bytes, room, &out->len);
    case VCH_MQTT_SUBACK: return vch_mqtt_suback_encode(&p->suback, out->bytes, room, &out->len);
    case VCH_MQTT_UNSUBACK: return vch_mqtt_unsuback_encode(&p->suback, out->bytes, room, &out->len);
    case VCH_MQTT_DISCONNECT: return vch_mqtt_disconnect_encode(&p->disconnect, out->bytes, room, &out->len);
    case VCH_MQTT_AUTH: return vch_mqtt_auth_encode(&p->disconnect, out->bytes, room, &out->len);
    case VCH_MQTT_PINGREQ:
    case VCH_MQTT_PINGRESP: return vch_mqtt_empty_encode(type, out->bytes, room, &out->len);
    default: return vch_mqtt_puback_encode(type, &p->ack, out->bytes, room, &out->len);
    }
}

/* The properties of a packet, by carrier. */
static inline const struct vch_mqtt_props *props_of(char carrier, const union packet5 *p) {
    switch (carrier) {
    case 'C': return &p->connect.props;
    case 'W': return &p->connect.will_props;
    case 'c': return &p->connack.props;
    case 'P': return &p->publish.props;
    case 'S':
    case 'U': return &p->subscribe.props;
    case 's':
    case 'u': return &p->suback.props;
    case 'D':
    case 'A': return &p->disconnect.props;
    default: return &p->ack.props;
    }
}

#endif
