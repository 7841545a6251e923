/* Distinguished names (RFC 5280 4.1.2.4): checked for form and bounded, and
 * their first common name as UTF-8. Pure; any thread. */
#ifndef VCH_PKI_NAME_PRIV_H
#define VCH_PKI_NAME_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "pki/der_priv.h"

enum { VCH_NAME_MAX = 1024 };

/* A whole DER Name and nothing after it, of at most VCH_NAME_MAX bytes; every
 * value a string of a directory type, not empty, without control characters. */
bool vch_name_valid(struct vch_str name);
/* Is it a Name without a single attribute? */
bool vch_name_empty(struct vch_str name);
/* Empty when there is none, or none that is text. NOMEM. */
enum vch_err vch_name_first_cn(struct vch_str name, struct vch_arena *arena, struct vch_str *ret) VCH_MUST;

/* One attribute after the other; `rest` starts as the body of the Name, `set`
 * empty. False at the end, and before what is not well-formed. */
struct vch_name_walk {
    struct vch_str rest, set;
};
struct vch_name_attribute {
    struct vch_str type; /* the OID's bytes */
    struct vch_der value;
};
bool vch_name_walk_start(struct vch_str name, struct vch_name_walk *ret); /* a whole DER Name */
bool vch_name_walk_next(struct vch_name_walk *walk, struct vch_name_attribute *ret);
/* Appends a directory string as UTF-8; false, the buffer's failure aside, when
 * it is no text of its type. */
bool vch_name_text(const struct vch_der *value, struct vch_buf *buf);

#endif
