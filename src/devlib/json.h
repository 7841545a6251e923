/* A bounded JSON scanner without memory of its own, for the handful of fields
 * that provisioning answers hold. The whole text is checked (RFC 8259, UTF-8,
 * depth VCH_DEVJSON_DEPTH_MAX); found values are offsets into it.
 *
 * Pure; any thread. Errors: MALFORMED, TOO_LARGE (a destination or the depth).
 */
#ifndef VCH_DEVLIB_JSON_H
#define VCH_DEVLIB_JSON_H

#include "base/str.h"

enum { VCH_DEVJSON_DEPTH_MAX = 16 };

enum vch_devjson_type {
    VCH_DEVJSON_ABSENT,
    VCH_DEVJSON_NULL,
    VCH_DEVJSON_BOOL,
    VCH_DEVJSON_NUMBER,
    VCH_DEVJSON_STRING,
    VCH_DEVJSON_ARRAY,
    VCH_DEVJSON_OBJECT
};

/* `name` goes in; the rest comes out. A string's place leaves out its quotes. */
struct vch_devjson_field {
    const char *name;
    enum vch_devjson_type type;
    size_t start, len;
};

struct vch_devjson_out;

/* What a walk over an object does with each member; `name` is still escaped.
 * What else it needs stands behind `member`. */
struct vch_devjson_visitor {
    enum vch_err (*member)(struct vch_devjson_visitor *visitor, struct vch_str name,
                           const struct vch_devjson_field *value);
    struct vch_devjson_field *fields;
    size_t count;
    struct vch_str text;
    struct vch_devjson_out *out;
};
/* `text` must be one object; passes up what `member` refuses. */
enum vch_err vch_devjson_walk(struct vch_str text, struct vch_devjson_visitor *visitor) VCH_MUST;

/* `text` must be one object. Members that are not asked for are skipped; a
 * wanted member that comes twice is MALFORMED. */
enum vch_err vch_devjson_scan(struct vch_str text, struct vch_devjson_field *fields, size_t count) VCH_MUST;
/* An object whose values are all strings, none with a NUL inside. INVALID when a value is not. */
enum vch_err vch_devjson_check_map(struct vch_str text) VCH_MUST;

/* Undoes the escapes of a STRING field inside `document`, the same text that was
 * scanned; the result is terminated and never longer. Afterwards the document is
 * no JSON any more, but places of other fields stay good. MALFORMED on an escaped NUL. */
enum vch_err vch_devjson_unescape(char *document, const struct vch_devjson_field *field, char **ret_text) VCH_MUST;
/* Copies a STRING field, unescaped and terminated; the document stays as it is. */
enum vch_err vch_devjson_copy(struct vch_str document, const struct vch_devjson_field *field, char *out,
                              size_t size) VCH_MUST;
/* A NUMBER field that is a whole number of at most nine digits. */
enum vch_err vch_devjson_int(struct vch_str document, const struct vch_devjson_field *field, int *ret) VCH_MUST;

/* A writer into memory of the caller that remembers overflow. */
struct vch_devjson_out {
    char *ptr;
    size_t size, len;
    bool overflow;
};
void vch_devjson_raw(struct vch_devjson_out *out, struct vch_str text);
void vch_devjson_char(struct vch_devjson_out *out, char c);
void vch_devjson_escape(struct vch_devjson_out *out, struct vch_str text); /* the inside of a string */
void vch_devjson_string(struct vch_devjson_out *out, struct vch_str text); /* with its quotes */
/* Writes a checked string without its escapes and returns how long that is; `out` may be NULL. */
size_t vch_devjson_plain(struct vch_str escaped, struct vch_devjson_out *out);

#endif
