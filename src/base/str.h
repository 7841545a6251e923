/* Borrowed text and bytes: a pointer and a length, passed by value.
 *
 * A struct vch_str is const inside, need not be terminated and may hold any
 * byte. It owns nothing: who made the memory says how long it lives.
 */
#ifndef VCH_BASE_STR_H
#define VCH_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct vch_str {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
};

/* A literal, and a terminated string (NULL gives the empty one). */
#define VCH_STR(literal) ((struct vch_str){"" literal, sizeof(literal) - 1})
struct vch_str vch_str_from(const char *text);
struct vch_str vch_str_of(const void *ptr, size_t len);

/* For printf: "%.*s", VCH_STR_ARG(s). */
#define VCH_STR_ARG(s) (int)((s).len > 4096 ? 4096 : (s).len), ((s).ptr ? (s).ptr : "")

bool vch_str_eq(struct vch_str a, struct vch_str b);
bool vch_str_eq_c(struct vch_str a, const char *b);
bool vch_str_ieq(struct vch_str a, struct vch_str b); /* ASCII case folded */
bool vch_str_starts(struct vch_str s, struct vch_str prefix);
bool vch_str_ends(struct vch_str s, struct vch_str suffix);
int vch_str_cmp(struct vch_str a, struct vch_str b); /* bytes, then length */

/* Index of the first `c` at or after `from`, or SIZE_MAX. */
size_t vch_str_find(struct vch_str s, char c, size_t from);
/* From `from` for at most `len` bytes; clamped to what is there. */
struct vch_str vch_str_sub(struct vch_str s, size_t from, size_t len);
struct vch_str vch_str_trim(struct vch_str s); /* ASCII white space at both ends */

/* Splits off the part before `sep` and moves `rest` behind it. False when
 * nothing is left. "a//b" gives "a", "", "b"; "" gives nothing. */
bool vch_str_split(struct vch_str *rest, char sep, struct vch_str *part);

/* Decimal, no sign but '-', no spaces, whole string. VCH_ERR_MALFORMED else. */
enum vch_err vch_str_int(struct vch_str s, int64_t *out) VCH_MUST;

/* Well-formed UTF-8 without surrogates (RFC 3629). */
bool vch_utf8_valid(struct vch_str s);

/* Copies into `dst` of `size` bytes and terminates; false when it was cut. */
bool vch_str_copy(char *dst, size_t size, struct vch_str s);

/* Equal in time that depends on the lengths alone. For secrets. */
bool vch_ct_eq(const void *a, size_t a_len, const void *b, size_t b_len);

/* Overwrites in a way that the compiler keeps. */
void vch_wipe(void *ptr, size_t len);

#endif
