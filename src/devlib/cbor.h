/* CBOR without memory of its own, for the same handful of fields as json.h. A
 * reader pulls one item at a time; a map's members are found as in JSON, as
 * offsets into the document.
 *
 * Taken: definite and indefinite lengths, integers, text, lists, maps, simple
 * values, floats; to VCH_DEVCBOR_DEPTH_MAX levels. Refused: tags, byte strings,
 * keys that are no text, bad UTF-8, what is not well-formed, trailing bytes.
 *
 * Pure; any thread. Errors: MALFORMED, TOO_LARGE (a destination or the depth).
 * Source: RFC 8949; AWS IoT "Device provisioning MQTT API".
 */
#ifndef VCH_DEVLIB_CBOR_H
#define VCH_DEVLIB_CBOR_H

#include "devlib/json.h"

enum { VCH_DEVCBOR_DEPTH_MAX = 4 };

struct vch_devcbor {
    struct vch_str text;
    size_t at;
    unsigned depth;
    bool started;
    struct {
        uint32_t left; /* items, a map's keys and values */
        bool map, indefinite, value_follows;
    } levels[VCH_DEVCBOR_DEPTH_MAX];
};

struct vch_devcbor_item {
    enum { VCH_DEVCBOR_VALUE, VCH_DEVCBOR_OPEN, VCH_DEVCBOR_CLOSE, VCH_DEVCBOR_END } step;
    enum vch_devjson_type type; /* of CLOSE: what is closed */
    bool key, negative, real;   /* real: a float */
    uint64_t number;            /* NUMBER: n, or with `negative` -1 - n; BOOL: 0 or 1 */
    struct vch_str encoded;     /* of a VALUE; of an OPEN its head */
};

struct vch_devcbor vch_devcbor_read(struct vch_str text);
/* END when the one item of the text is over; trailing bytes are MALFORMED. */
enum vch_err vch_devcbor_next(struct vch_devcbor *reader, struct vch_devcbor_item *ret) VCH_MUST;

/* The chunks of a checked text, one after the other; false behind the last. The
 * reader stands on the text's own bytes. */
bool vch_devcbor_chunk(struct vch_devcbor *reader, struct vch_str *ret);

/* As vch_devjson_scan; a string's place holds its head. */
enum vch_err vch_devcbor_scan(struct vch_str text, struct vch_devjson_field *fields, size_t count) VCH_MUST;
/* As vch_devjson_unescape: joins chunks in place and terminates. */
enum vch_err vch_devcbor_text(char *document, const struct vch_devjson_field *field, char **ret_text) VCH_MUST;
/* A NUMBER field that is whole and has at most nine digits. */
enum vch_err vch_devcbor_int(struct vch_str document, const struct vch_devjson_field *field, int *ret) VCH_MUST;
/* One item as JSON text; a number that is not whole becomes null. */
enum vch_err vch_devcbor_json(struct vch_str text, struct vch_devjson_out *out) VCH_MUST;

/* Definite lengths, as short as they go. */
void vch_devcbor_put_map(struct vch_devjson_out *out, size_t members);
void vch_devcbor_put_text(struct vch_devjson_out *out, struct vch_str text);
/* An object whose values are strings, as vch_devjson_check_map took it, as a map. */
enum vch_err vch_devcbor_put_json(struct vch_devjson_out *out, struct vch_str object) VCH_MUST;

#endif
