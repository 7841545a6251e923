#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- packets by hand ------------------------------------------------------------ */

static void add(struct bytes *b, const void *ptr, size_t len) {
    assert_true(b->len + len <= sizeof b->at);
    if (len) memcpy(b->at + b->len, ptr, len);
    b->len += len;
}

static void add_u8(struct bytes *b, unsigned v) {
    add(b, (uint8_t[]){(uint8_t)v}, 1);
}

static void add_u16(struct bytes *b, unsigned v) {
    add(b, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static void add_text(struct bytes *b, const char *text) {
    add_u16(b, (unsigned)strlen(text));
    add(b, text, strlen(text));
}

/* Puts the fixed header in front: lengths of three bytes at most. */
static struct vch_str finish(struct bytes *out, unsigned first, const struct bytes *body) {
    out->len = 0;
    add_u8(out, first);
    size_t len = body->len;
    if (len < 128) {
        add_u8(out, (unsigned)len);
    } else if (len < 16384) {
        add_u8(out, (unsigned)(len % 128 + 128));
        add_u8(out, (unsigned)(len / 128));
    } else {
        add_u8(out, (unsigned)(len % 128 + 128));
        add_u8(out, (unsigned)(len / 128 % 128 + 128));
        add_u8(out, (unsigned)(len / 16384));
    }
    add(out, body->at, body->len);
    return vch_str_of(out->at, out->len);
}

static void connect_head(struct bytes *body, unsigned flags, uint16_t keep_alive_s, const char *client_id) {
    body->len = 0;
    add_text(body, "MQTT");
    add_u8(body, 4);
    add_u8(body, flags);
    add_u16(body, keep_alive_s);
    add_text(body, client_id);
}

struct vch_str pkt_connect(const char *client_id, bool clean, uint16_t keep_alive_s) {
    static _Thread_local struct bytes body, out;
    connect_head(&body, clean ? 2 : 0, keep_alive_s, client_id);
    return finish(&out, 0x10, &body);
}

struct vch_str pkt_connect_will(const char *client_id, const char *topic, const char *payload, uint8_t qos,
                                bool retain) {
    static _Thread_local struct bytes body, out;
    connect_head(&body, 2u | 4u | (unsigned)qos << 3 | (retain ? 0x20u : 0u), 60, client_id);
    add_text(&body, topic);
    add_text(&body, payload);
    return finish(&out, 0x10, &body);
}

struct vch_str pkt_publish(const char *topic, const char *payload, uint8_t qos, uint16_t packet_id) {
    static _Thread_local struct bytes body, out;
    body.len = 0;
    add_text(&body, topic);
    if (qos) add_u16(&body, packet_id);
    add(&body, payload, strlen(payload));
    return finish(&out, 0x30u | (unsigned)qos << 1, &body);
}

struct vch_str pkt_subscribe(uint16_t packet_id, const char *filter, uint8_t qos) {
    static _Thread_local struct bytes body, out;
    body.len = 0;
    add_u16(&body, packet_id);
    add_text(&body, filter);
    add_u8(&body, qos);
    return finish(&out, 0x82, &body);
}

struct vch_str pkt_unsubscribe(uint16_t packet_id, const char *filter) {
    static _Thread_local struct bytes body, out;
    body.len = 0;
    add_u16(&body, packet_id);
    add_text(&body, filter);
    return finish(&out, 0xA2, &body);
}

/* ---- MQTT 5 ------------------------------------------------------------------------ */

static void add_props(struct bytes *b, struct vch_str props) {
    assert_true(props.len < 128);
    add_u8(b, (unsigned)props.len);
    add(b, props.ptr, props.len);
}

static void connect5_head(struct bytes *body, unsigned flags, const char *client_id, struct vch_str props) {
    body->len = 0;
    add_text(body, "MQTT");
    add_u8(body, 5);
    add_u8(body, flags);
    add_u16(body, 60);
    add_props(body, props);
    add_text(body, client_id);
}

struct vch_str pkt5_connect(const char *client_id, bool clean, struct vch_str props) {
    static _Thread_local struct bytes body, out;
    connect5_head(&body, clean ? 2 : 0, client_id, props);
    return finish(&out, 0x10, &body);
}

struct vch_str pkt5_connect_will(const char *client_id, struct vch_str props, const char *topic, const char *payload,
                                 struct vch_str will_props) {
    static _Thread_local struct bytes body, out;
    connect5_head(&body, 2 | 4, client_id, props);
    add_props(&body, will_props);
    add_text(&body, topic);
    add_text(&body, payload);
    return finish(&out, 0x10, &body);
}

struct vch_str pkt5_publish(const char *topic, const char *payload, uint8_t qos, uint16_t packet_id,
                            struct vch_str props) {
    static _Thread_local struct bytes body, out;
    body.len = 0;
    add_text(&body, topic);
    if (qos) add_u16(&body, packet_id);
    add_props(&body, props);
    add(&body, payload, strlen(payload));
    return finish(&out, 0x30u | (unsigned)qos << 1, &body);
}

struct vch_str pkt5_subscribe(uint16_t packet_id, const char *filter, uint8_t options, struct vch_str props) {
    static _Thread_local struct bytes body, out;
    body.len = 0;
    add_u16(&body, packet_id);
    add_props(&body, props);
    add_text(&body, filter);
    add_u8(&body, options);
    return finish(&out, 0x82, &body);
}

struct vch_str pkt5_unsubscribe(uint16_t packet_id, const char *filter) {
    static _Thread_local struct bytes body, out;
    body.len = 0;
    add_u16(&body, packet_id);
    add_u8(&body, 0);
    add_text(&body, filter);
    return finish(&out, 0xA2, &body);
}

int client5_open(const struct rig *rig, size_t loop, const char *client_id, bool clean, struct vch_str props,
                 bool *ret_present) {
    int fd = client_dial(rig, loop);
    client_send(fd, pkt5_connect(client_id, clean, props));
    struct vch_str got = client_packet(fd);
    assert_true(got.len > 4 && (uint8_t)got.ptr[0] == 0x20);
    assert_int_equal((uint8_t)got.ptr[3], 0);
    if (ret_present) *ret_present = got.ptr[2] & 1;
    return fd;
}

void client5_subscribe(int fd, const char *filter, uint8_t options) {
    client_send(fd, pkt5_subscribe(0x0707, filter, options, NONE));
    const char suback[] = {(char)0x90, 4, 7, 7, 0, (char)(options & 3)};
    client_expect(fd, vch_str_of(suback, sizeof suback));
}

/* ---- the socket ------------------------------------------------------------------- */

int client_dial(const struct rig *rig, size_t loop) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(rig->ports[loop]), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval limit = {.tv_sec = 10};
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void client_send(int fd, struct vch_str bytes) {
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return; /* the test looks for the close itself */
        assert_true(n > 0);
        bytes = vch_str_sub(bytes, (size_t)n, SIZE_MAX);
    }
}

/* False at the end of the stream; silence for ten seconds fails. */
static bool recv_all(int fd, void *buf, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t n = recv(fd, (char *)buf + done, len - done, 0);
        if (n == 0 || (n < 0 && errno == ECONNRESET)) return false;
        assert_true(n > 0);
        done += (size_t)n;
    }
    return true;
}

void client_expect(int fd, struct vch_str bytes) {
    static _Thread_local uint8_t got[70000];
    assert_true(bytes.len <= sizeof got);
    assert_true(recv_all(fd, got, bytes.len));
    assert_memory_equal(got, bytes.ptr, bytes.len);
}

struct vch_str client_packet(int fd) {
    static _Thread_local uint8_t got[140000];
    if (!recv_all(fd, got, 2)) return vch_str_of(got, 0);
    size_t at = 2, len = got[1] & 0x7F;
    for (unsigned shift = 7; got[at - 1] & 0x80; shift += 7, at++) {
        assert_true(recv_all(fd, got + at, 1));
        len |= (size_t)(got[at] & 0x7F) << shift;
    }
    assert_true(at + len <= sizeof got);
    assert_true(recv_all(fd, got + at, len));
    return vch_str_of(got, at + len);
}

void client_expect_closed(int fd) {
    char byte;
    assert_false(recv_all(fd, &byte, 1));
    (void)close(fd);
}

void client_expect_silence(int fd, int timeout_ms) {
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, timeout_ms), 0);
}

void client_ping(int fd) {
    client_send(fd, PINGREQ);
    client_expect(fd, PINGRESP);
}

int client_open(const struct rig *rig, size_t loop, const char *client_id) {
    int fd = client_dial(rig, loop);
    client_send(fd, pkt_connect(client_id, true, 60));
    client_expect(fd, CONNACK_OK);
    return fd;
}

void client_subscribe(int fd, const char *filter, uint8_t qos) {
    client_send(fd, pkt_subscribe(0x0707, filter, qos));
    const char suback[] = {(char)0x90, 3, 7, 7, (char)qos};
    client_expect(fd, vch_str_of(suback, sizeof suback));
}
