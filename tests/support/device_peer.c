#include "support/device_peer.h"

#include <stdio.h>
#include <string.h>

#include "wire/mqtt.h"

void peer_init(struct peer *p) {
    memset(p, 0, sizeof *p);
    strcpy(p->thing_name, "lamp-7");
}

void peer_hang_up(struct peer *p) {
    p->connected = p->subscribed = false;
    p->in_len = p->out_len = 0;
}

size_t peer_give(struct peer *p, void *buf, size_t size) {
    size_t len = p->out_len < size ? p->out_len : size;
    memcpy(buf, p->out, len);
    memmove(p->out, p->out + len, p->out_len - len);
    p->out_len -= len;
    return len;
}

size_t peer_registered(const struct peer *p) {
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) count += p->certificates[i].registered;
    return count;
}

const struct peer_certificate *peer_find(const struct peer *p, const char *id) {
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->certificates[i].id, id) == 0) return &p->certificates[i];
    return NULL;
}

static void say(struct peer *p, const void *bytes, size_t len) {
    if (len > sizeof p->out - p->out_len) {
        p->broken = "the device does not read";
        return;
    }
    memcpy(p->out + p->out_len, bytes, len);
    p->out_len += len;
}

/* ---- answers ------------------------------------------------------------ */

struct answer {
    bool cbor;
    char bytes[2048];
    size_t len, members;
};

static void put(struct answer *a, const char *bytes, size_t len) {
    memcpy(a->bytes + a->len, bytes, len);
    a->len += len;
}

/* CBOR in chunks, the way a streaming encoder writes: texts of indefinite length. */
static void put_cbor(struct answer *a, const char *text) {
    size_t len = strlen(text);
    put(a, "\x7F", 1);
    for (size_t at = 0; at < len; at += 200) {
        size_t part = len - at < 200 ? len - at : 200;
        put(a, (char[]){0x78, (char)(uint8_t)part}, 2);
        put(a, text + at, part);
    }
    put(a, "\xFF", 1);
}

static void put_json(struct answer *a, const char *text) {
    put(a, "\"", 1);
    for (; *text; text++) put(a, *text == '\n' ? "\\n" : text, *text == '\n' ? 2 : 1);
    put(a, "\"", 1);
}

static void put_text(struct answer *a, const char *text) {
    if (a->cbor)
        put_cbor(a, text);
    else
        put_json(a, text);
}

static void put_name(struct answer *a, const char *name) {
    if (!a->cbor && a->members) put(a, ",", 1);
    put_text(a, name);
    if (!a->cbor) put(a, ":", 1);
    a->members++;
}

static void put_member(struct answer *a, const char *name, const char *text) {
    put_name(a, name);
    put_text(a, text);
}

static struct answer begin(bool cbor) {
    struct answer a = {.cbor = cbor};
    put(&a, cbor ? "\xBF" : "{", 1);
    return a;
}

static void send_answer(struct peer *p, const struct vch_mqtt_publish *asked, const char *leaf, struct answer *a) {
    char topic[160];
    uint8_t head[256];
    size_t len;
    put(a, a->cbor ? "\xFF" : "}", 1);
    int topic_len = snprintf(topic, sizeof topic, "%.*s/%s", (int)asked->topic.len, asked->topic.ptr, leaf);
    const struct vch_mqtt_publish m = {.qos = 1,
                                       .level = p->level,
                                       .packet_id = (uint16_t)(++p->publishes),
                                       .topic = vch_str_of(topic, (size_t)topic_len),
                                       .payload = vch_str_of(a->bytes, a->len)};
    if (vch_mqtt_publish_head_encode(&m, head, sizeof head, &len) != VCH_OK) p->broken = "no answer";
    say(p, head, len);
    say(p, a->bytes, a->len);
}

static void create(struct peer *p, const struct vch_mqtt_publish *m, bool cbor, bool by_request) {
    struct answer a = begin(cbor);
    struct peer_certificate *c = &p->certificates[p->count];
    if (p->count == PEER_CERTIFICATES) {
        p->broken = "too many certificates";
        return;
    }
    p->count++;
    c->by_request = by_request;
    (void)snprintf(c->id, sizeof c->id, "%064zx", p->count);
    (void)snprintf(c->token, sizeof c->token, "token-%zu-SECRET", p->count);
    put_member(&a, "certificateId", c->id);
    put_member(&a, "certificatePem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    if (!by_request) put_member(&a, "privateKey", "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n");
    put_member(&a, "certificateOwnershipToken", c->token);
    send_answer(p, m, "accepted", &a);
}

static void reject(struct peer *p, const struct vch_mqtt_publish *m, bool cbor, const char *code) {
    struct answer a = begin(cbor);
    put_name(&a, "statusCode");
    if (cbor)
        put(&a, "\x19\x01\x90", 3);
    else
        put(&a, "400", 3);
    put_member(&a, "errorCode", code);
    put_member(&a, "errorMessage", "No, thank you.");
    send_answer(p, m, "rejected", &a);
}

static void enroll(struct peer *p, const struct vch_mqtt_publish *m, bool cbor) {
    struct answer a = begin(cbor);
    struct peer_certificate *found = NULL;
    for (size_t i = 0; i < p->count; i++)
        if (memmem(m->payload.ptr, m->payload.len, p->certificates[i].token, strlen(p->certificates[i].token)))
            found = &p->certificates[i];
    if (!found || p->forgets) {
        reject(p, m, cbor, "InvalidCertificateOwnershipToken");
        return;
    }
    found->registered = true;
    put_name(&a, "deviceConfiguration");
    if (cbor)
        put(&a, "\xA2\x61\x61\x61\x62\x61n\x18\x2A", 9);
    else
        put(&a, "{\"a\":\"b\",\"n\":42}", 16);
    put_member(&a, "thingName", p->thing_name);
    send_answer(p, m, "accepted", &a);
}

/* ---- packets ------------------------------------------------------------ */

static bool ends(struct vch_str topic, const char *ending) {
    return vch_str_ends(topic, vch_str_from(ending));
}

static void take_publish(struct peer *p, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_publish m;
    if (vch_mqtt_publish_decode(frame, &m) != VCH_OK) p->broken = "PUBLISH";
    (void)vch_str_copy(p->last_topic, sizeof p->last_topic, m.topic);
    (void)vch_str_copy(p->last_payload, sizeof p->last_payload, m.payload);
    if (m.qos == 1) say(p, (uint8_t[]){0x40, 2, (uint8_t)(m.packet_id >> 8), (uint8_t)m.packet_id}, 4);
    bool cbor = ends(m.topic, "/cbor");
    bool service = vch_str_starts(m.topic, VCH_STR("$aws/"));
    if (service && !p->subscribed) p->broken = "asked before it listens";
    if (vch_str_starts(m.topic, VCH_STR("$aws/certificates/create/")))
        create(p, &m, cbor, false);
    else if (vch_str_starts(m.topic, VCH_STR("$aws/certificates/create-from-csr/")))
        create(p, &m, cbor, true);
    else if (ends(m.topic, "/provision/json") || ends(m.topic, "/provision/cbor"))
        enroll(p, &m, cbor);
}

static void take_subscribe(struct peer *p, const struct vch_mqtt_frame *frame) {
    static struct vch_mqtt_subscribe m;
    bool is_5 = p->level == VCH_MQTT_LEVEL_5;
    if (vch_mqtt_subscribe_decode(frame, &m) != VCH_OK || m.count != 1) p->broken = "SUBSCRIBE";
    uint8_t suback[] = {0x90, is_5 ? 4 : 3, (uint8_t)(m.packet_id >> 8), (uint8_t)m.packet_id, is_5 ? 0 : 1, 1};
    say(p, suback, is_5 ? 6 : 5);
    p->subscribed = true;
}

static void take_connect(struct peer *p, const struct vch_mqtt_frame *frame) {
    static struct vch_mqtt_connect m;
    if (vch_mqtt_connect_decode(frame, &m) != VCH_OK || p->connected) p->broken = "CONNECT";
    p->level = m.level;
    bool is_5 = p->level == VCH_MQTT_LEVEL_5;
    uint8_t code = !p->refuses ? 0 : is_5 ? 0x87 : 5;
    say(p, (uint8_t[]){0x20, is_5 ? 3 : 2, 0, code, 0}, is_5 ? 5 : 4);
    p->connected = code == 0;
}

static void take_packet(struct peer *p, const struct vch_mqtt_frame *frame) {
    switch (frame->type) {
    case VCH_MQTT_CONNECT: take_connect(p, frame); break;
    case VCH_MQTT_SUBSCRIBE: take_subscribe(p, frame); break;
    case VCH_MQTT_PUBLISH: take_publish(p, frame); break;
    case VCH_MQTT_PINGREQ: say(p, "\xD0\0", 2); break;
    case VCH_MQTT_PUBACK:
    case VCH_MQTT_DISCONNECT: break;
    default: p->broken = "a packet that the library does not send"; break;
    }
}

void peer_take(struct peer *p, const void *bytes, size_t len) {
    if (len > sizeof p->in - p->in_len) {
        p->broken = "too much at once";
        return;
    }
    memcpy(p->in + p->in_len, bytes, len);
    p->in_len += len;
    for (;;) {
        struct vch_mqtt_frame frame;
        size_t size;
        if (vch_mqtt_frame_decode_at(p->level, vch_str_of(p->in, p->in_len), &frame, &size) != VCH_OK) {
            p->broken = "no MQTT";
            return;
        }
        if (!frame.whole) return;
        take_packet(p, &frame);
        memmove(p->in, p->in + size, p->in_len - size);
        p->in_len -= size;
    }
}
