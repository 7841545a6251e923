#include "wire/mqtt_io_priv.h"

#include <string.h>

uint8_t vch_mqtt_fixed_flags(enum vch_mqtt_type type) {
    return type == VCH_MQTT_PUBREL || type == VCH_MQTT_SUBSCRIBE || type == VCH_MQTT_UNSUBSCRIBE ? 2 : 0;
}

struct vch_mqtt_reader vch_mqtt_read(const struct vch_mqtt_frame *frame, enum vch_mqtt_type type, uint8_t flags) {
    const uint8_t *body = (const uint8_t *)(frame->body.len ? frame->body.ptr : "");
    bool right = frame->whole && frame->type == type && frame->flags == flags &&
                 !(frame->padded && frame->level == VCH_MQTT_LEVEL_5);
    return (struct vch_mqtt_reader){body, body + frame->body.len, right ? VCH_OK : VCH_ERR_MALFORMED};
}

void vch_mqtt_read_refuse(struct vch_mqtt_reader *r, enum vch_err err) {
    if (r->err == VCH_OK) r->err = err;
}

/* Steps over `len` bytes, or fails. */
static const uint8_t *take(struct vch_mqtt_reader *r, size_t len) {
    if (r->err == VCH_OK && (size_t)(r->end - r->at) < len) r->err = VCH_ERR_MALFORMED;
    if (r->err != VCH_OK) return NULL;
    const uint8_t *at = r->at;
    r->at += len;
    return at;
}

uint8_t vch_mqtt_read_u8(struct vch_mqtt_reader *r) {
    const uint8_t *p = take(r, 1);
    return p ? p[0] : 0;
}

uint16_t vch_mqtt_read_u16(struct vch_mqtt_reader *r) {
    const uint8_t *p = take(r, 2);
    return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t vch_mqtt_read_u32(struct vch_mqtt_reader *r) {
    const uint8_t *p = take(r, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

uint32_t vch_mqtt_read_var(struct vch_mqtt_reader *r) {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint8_t digit = vch_mqtt_read_u8(r);
        value |= (uint32_t)(digit & 0x7F) << shift;
        if (digit & 0x80) continue;
        if (digit == 0 && shift > 0) vch_mqtt_read_refuse(r, VCH_ERR_MALFORMED);
        return r->err == VCH_OK ? value : 0;
    }
    vch_mqtt_read_refuse(r, VCH_ERR_MALFORMED);
    return 0;
}

uint16_t vch_mqtt_read_id(struct vch_mqtt_reader *r) {
    uint16_t id = vch_mqtt_read_u16(r);
    if (id == 0) vch_mqtt_read_refuse(r, VCH_ERR_MALFORMED);
    return id;
}

struct vch_str vch_mqtt_read_binary(struct vch_mqtt_reader *r) {
    size_t len = vch_mqtt_read_u16(r);
    const uint8_t *p = take(r, len);
    return p ? vch_str_of(p, len) : (struct vch_str){NULL, 0};
}

struct vch_str vch_mqtt_read_text(struct vch_mqtt_reader *r) {
    struct vch_str s = vch_mqtt_read_binary(r);
    if (s.len && (memchr(s.ptr, 0, s.len) || !vch_utf8_valid(s))) vch_mqtt_read_refuse(r, VCH_ERR_MALFORMED);
    return r->err != VCH_OK ? (struct vch_str){NULL, 0} : s;
}

struct vch_str vch_mqtt_read_rest(struct vch_mqtt_reader *r) {
    size_t len = (size_t)(r->end - r->at);
    const uint8_t *p = take(r, len);
    return p ? vch_str_of(p, len) : (struct vch_str){NULL, 0};
}

struct vch_mqtt_reader vch_mqtt_read_part(struct vch_mqtt_reader *r, size_t len) {
    const uint8_t *p = take(r, len);
    return (struct vch_mqtt_reader){p, p ? p + len : NULL, r->err};
}

bool vch_mqtt_read_more(const struct vch_mqtt_reader *r) {
    return r->err == VCH_OK && r->at < r->end;
}

enum vch_err vch_mqtt_read_end(const struct vch_mqtt_reader *r) {
    if (r->err != VCH_OK) return r->err;
    return r->at != r->end ? VCH_ERR_MALFORMED : VCH_OK;
}

void vch_mqtt_write_refuse(struct vch_mqtt_writer *w, enum vch_err err) {
    if (w->err == VCH_OK) w->err = err;
}

static void put(struct vch_mqtt_writer *w, const void *ptr, size_t len) {
    if (w->err == VCH_OK && (size_t)(w->end - w->at) < len) vch_mqtt_write_refuse(w, VCH_ERR_TOO_LARGE);
    if (w->err != VCH_OK || len == 0) return;
    memcpy(w->at, ptr, len);
    w->at += len;
}

void vch_mqtt_write_u8(struct vch_mqtt_writer *w, uint8_t v) {
    put(w, &v, 1);
}

void vch_mqtt_write_u16(struct vch_mqtt_writer *w, uint16_t v) {
    put(w, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

void vch_mqtt_write_id(struct vch_mqtt_writer *w, uint16_t v) {
    if (v == 0) vch_mqtt_write_refuse(w, VCH_ERR_INVALID);
    vch_mqtt_write_u16(w, v);
}

void vch_mqtt_write_binary(struct vch_mqtt_writer *w, struct vch_str s) {
    if (s.len > UINT16_MAX) {
        vch_mqtt_write_refuse(w, VCH_ERR_TOO_LARGE);
        return;
    }
    vch_mqtt_write_u16(w, (uint16_t)s.len);
    put(w, s.ptr, s.len);
}

void vch_mqtt_write_bytes(struct vch_mqtt_writer *w, struct vch_str s) {
    put(w, s.ptr, s.len);
}

size_t vch_mqtt_var_size(size_t v) {
    return v < 0x80 ? 1 : v < 0x4000 ? 2 : v < 0x200000 ? 3 : 4;
}

void vch_mqtt_write_var(struct vch_mqtt_writer *w, size_t v) {
    if (v > VCH_MQTT_REMAINING_MAX) vch_mqtt_write_refuse(w, VCH_ERR_TOO_LARGE);
    do { /* [MQTT-2.2.3] seven bits a byte, lowest first */
        vch_mqtt_write_u8(w, (uint8_t)((v & 0x7F) | (v > 0x7F ? 0x80 : 0)));
        v >>= 7;
    } while (v);
}

struct vch_mqtt_writer vch_mqtt_write(uint8_t *out, size_t size, enum vch_mqtt_type type, uint8_t flags,
                                      size_t remaining) {
    struct vch_mqtt_writer w = {out, out, out + size, VCH_OK};
    vch_mqtt_write_u8(&w, (uint8_t)((unsigned)type << 4 | flags));
    vch_mqtt_write_var(&w, remaining);
    return w;
}

enum vch_err vch_mqtt_write_end(const struct vch_mqtt_writer *w, size_t *ret_len) {
    *ret_len = w->err == VCH_OK ? (size_t)(w->at - w->start) : 0;
    return w->err;
}
