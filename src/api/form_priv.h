/* Forms (application/x-www-form-urlencoded), as the query protocol sends them.
 * Pure; any thread. Source: WHATWG URL, urlencoded parsing. */
#ifndef VCH_API_FORM_PRIV_H
#define VCH_API_FORM_PRIV_H

#include "base/arena.h"

enum { VCH_FORM_VALUE_MAX = 16384 };

/* How often the parameter stands there; *ret is the first one's value, still encoded. */
size_t vch_form_find(struct vch_str form, const char *name, struct vch_str *ret);
/* The first one's value, decoded; empty when there is none. MALFORMED for
 * broken escapes, a NUL, or what is not UTF-8; TOO_LARGE; NOMEM. */
enum vch_err vch_form_get(struct vch_str form, const char *name, struct vch_arena *arena, struct vch_str *ret) VCH_MUST;

#endif
