/* A document as a tree: what JSON (and CBOR) decode to, and what is encoded.
 *
 * The tree lives in the caller's arena and borrows nothing else. Member order
 * is the document's. Duplicate member names are refused at decoding.
 */
#ifndef VCH_BASE_VAL_H
#define VCH_BASE_VAL_H

#include "base/arena.h"
#include "base/buf.h"

enum vch_val_type { VCH_VAL_NULL, VCH_VAL_BOOL, VCH_VAL_INT, VCH_VAL_REAL, VCH_VAL_STR, VCH_VAL_LIST, VCH_VAL_MAP };

struct vch_member;

struct vch_val {
    enum vch_val_type type;
    uint32_t room; /* slots behind items or members that adding made; the decoders leave 0 */
    size_t count;  /* items of a list, members of a map */
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct vch_str str;
        struct vch_val *items;
        struct vch_member *members;
    };
};

struct vch_member {
    struct vch_str name;
    struct vch_val value;
};

struct vch_val_limits {
    size_t depth;  /* containers inside containers; a scalar alone is 0 */
    size_t values; /* of every kind, in all */
};
#define VCH_VAL_LIMITS_DEFAULT ((struct vch_val_limits){.depth = 32, .values = 20000})

/* RFC 8259, UTF-8, no duplicates, no NUL inside strings, nothing after the
 * document. `field` of the diagnosis stays empty; the message has line and
 * column. MALFORMED, TOO_LARGE (limits) or NOMEM. */
enum vch_err vch_json_decode(struct vch_str text, const struct vch_val_limits *limits, struct vch_arena *arena,
                             struct vch_val **ret, struct vch_diag *diag) VCH_MUST;

/* RFC 8949, one item, nothing after it. Accepted: integers that fit, text,
 * arrays and maps of definite and indefinite length with text keys, booleans,
 * null, floats. Refused: tags, byte strings, undefined, duplicate keys. Same
 * errors ("cbor-malformed", "cbor-too-large"). */
enum vch_err vch_cbor_decode(struct vch_str bytes, const struct vch_val_limits *limits, struct vch_arena *arena,
                             struct vch_val **ret, struct vch_diag *diag) VCH_MUST;
/* Definite lengths, shortest heads. */
void vch_cbor_encode(const struct vch_val *val, struct vch_buf *buf);

/* Compact JSON. Reals are printed with up to three decimals, as AWS prints
 * timestamps; text is escaped to printable ASCII and UTF-8. */
void vch_json_encode(const struct vch_val *val, struct vch_buf *buf);
/* One JSON string with its quotes. */
void vch_json_encode_str(struct vch_str s, struct vch_buf *buf);

/* Lookup; NULL when `map` is NULL, not a map, or has no such member. */
const struct vch_val *vch_val_get(const struct vch_val *map, const char *name);
const struct vch_val *vch_val_get_str(const struct vch_val *map, struct vch_str name);
bool vch_val_is(const struct vch_val *val, enum vch_val_type type); /* false for NULL */
/* The string of member `name`; the empty view when absent or of another type. */
struct vch_str vch_val_str_at(const struct vch_val *map, const char *name);
int64_t vch_val_int_at(const struct vch_val *map, const char *name, int64_t otherwise);
bool vch_val_bool_at(const struct vch_val *map, const char *name, bool otherwise);

bool vch_val_eq(const struct vch_val *a, const struct vch_val *b); /* maps compare without order */

/* Building. All memory comes from the arena; strings are borrowed, not copied.
 * Adding to a map or list returns the new slot, or NULL when memory is out. */
struct vch_val *vch_val_new_map(struct vch_arena *arena);
struct vch_val *vch_val_new_list(struct vch_arena *arena);
struct vch_val *vch_val_put(struct vch_arena *arena, struct vch_val *map, const char *name);
struct vch_val *vch_val_put_str_name(struct vch_arena *arena, struct vch_val *map, struct vch_str name);
struct vch_val *vch_val_push(struct vch_arena *arena, struct vch_val *list);
/* The same with the value; each returns NOMEM or zero. */
enum vch_err vch_val_put_str(struct vch_arena *arena, struct vch_val *map, const char *name, struct vch_str s) VCH_MUST;
enum vch_err vch_val_put_int(struct vch_arena *arena, struct vch_val *map, const char *name, int64_t v) VCH_MUST;
enum vch_err vch_val_put_bool(struct vch_arena *arena, struct vch_val *map, const char *name, bool v) VCH_MUST;
/* Milliseconds since the epoch, written as seconds with decimals. */
enum vch_err vch_val_put_time(struct vch_arena *arena, struct vch_val *map, const char *name, int64_t ms) VCH_MUST;
struct vch_val *vch_val_put_map(struct vch_arena *arena, struct vch_val *map, const char *name);
struct vch_val *vch_val_put_list(struct vch_arena *arena, struct vch_val *map, const char *name);
struct vch_val *vch_val_push_map(struct vch_arena *arena, struct vch_val *list);
enum vch_err vch_val_push_str(struct vch_arena *arena, struct vch_val *list, struct vch_str s) VCH_MUST;

#endif
