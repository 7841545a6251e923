/* Cursors of the MQTT codec: a reader that never passes its end and a writer
 * that never passes its memory. Both remember the first failure, so that a
 * packet is read or written in one straight line and checked once.
 */
#ifndef VCH_WIRE_MQTT_IO_PRIV_H
#define VCH_WIRE_MQTT_IO_PRIV_H

#include "wire/mqtt.h"

struct vch_mqtt_reader {
    const uint8_t *at, *end;
    enum vch_err err;
};

/* Keeps the first refusal. */
void vch_mqtt_read_refuse(struct vch_mqtt_reader *r, enum vch_err err);
/* MALFORMED at once unless the frame is whole, of `type`, with exactly `flags`,
 * and of a length that its level takes. */
struct vch_mqtt_reader vch_mqtt_read(const struct vch_mqtt_frame *frame, enum vch_mqtt_type type, uint8_t flags);
uint8_t vch_mqtt_read_u8(struct vch_mqtt_reader *r);
uint16_t vch_mqtt_read_u16(struct vch_mqtt_reader *r);
uint32_t vch_mqtt_read_u32(struct vch_mqtt_reader *r);
/* A variable byte integer in as few bytes as it needs. [MQTT-1.5.5-1] */
uint32_t vch_mqtt_read_var(struct vch_mqtt_reader *r);
/* A packet identifier: zero fails. [MQTT-2.3.1-1] */
uint16_t vch_mqtt_read_id(struct vch_mqtt_reader *r);
struct vch_str vch_mqtt_read_binary(struct vch_mqtt_reader *r);
/* Well-formed UTF-8 without U+0000. [MQTT-1.5.3-1] [MQTT-1.5.3-2] */
struct vch_str vch_mqtt_read_text(struct vch_mqtt_reader *r);
struct vch_str vch_mqtt_read_rest(struct vch_mqtt_reader *r);
/* The next `len` bytes as a reader of their own; both fail when they are not there. */
struct vch_mqtt_reader vch_mqtt_read_part(struct vch_mqtt_reader *r, size_t len);
bool vch_mqtt_read_more(const struct vch_mqtt_reader *r);
/* Nothing may be left over. */
enum vch_err vch_mqtt_read_end(const struct vch_mqtt_reader *r) VCH_MUST;

struct vch_mqtt_writer {
    uint8_t *start, *at, *end;
    enum vch_err err;
};

/* Starts a packet of a known remaining length. */
struct vch_mqtt_writer vch_mqtt_write(uint8_t *out, size_t size, enum vch_mqtt_type type, uint8_t flags,
                                      size_t remaining);
void vch_mqtt_write_u8(struct vch_mqtt_writer *w, uint8_t v);
void vch_mqtt_write_u16(struct vch_mqtt_writer *w, uint16_t v);
void vch_mqtt_write_id(struct vch_mqtt_writer *w, uint16_t v);           /* zero is INVALID */
void vch_mqtt_write_binary(struct vch_mqtt_writer *w, struct vch_str s); /* over 65,535 is TOO_LARGE */
void vch_mqtt_write_bytes(struct vch_mqtt_writer *w, struct vch_str s);
void vch_mqtt_write_var(struct vch_mqtt_writer *w, size_t v); /* over 268,435,455 is TOO_LARGE */
size_t vch_mqtt_var_size(size_t v);
void vch_mqtt_write_refuse(struct vch_mqtt_writer *w, enum vch_err err);
enum vch_err vch_mqtt_write_end(const struct vch_mqtt_writer *w, size_t *ret_len) VCH_MUST;

/* Flag bits that the fixed header of `type` must have; PUBLISH's are its own. [MQTT-2.2.2-1] */
uint8_t vch_mqtt_fixed_flags(enum vch_mqtt_type type);

#endif
