/* Hexadecimal, base64 and base64url (RFC 4648), and percent-encoding.
 *
 * Encoders append to a buffer. Decoders are strict: whole input, right
 * alphabet, right padding; they append to a buffer and give MALFORMED.
 */
#ifndef VCH_BASE_CODEC_H
#define VCH_BASE_CODEC_H

#include "base/buf.h"

/* `out` has room for 2 * len + 1 characters; lower case, terminated. */
void vch_hex(const void *bytes, size_t len, char *out);
/* Exactly `len` bytes; either case. */
enum vch_err vch_unhex(struct vch_str text, void *out, size_t len) VCH_MUST;

void vch_base64(struct vch_str bytes, struct vch_buf *buf);
void vch_base64url(struct vch_str bytes, struct vch_buf *buf); /* no padding */
enum vch_err vch_unbase64(struct vch_str text, struct vch_buf *buf) VCH_MUST;
enum vch_err vch_unbase64url(struct vch_str text, struct vch_buf *buf) VCH_MUST;

/* RFC 3986: unreserved characters stay, and '/' too when `keep_slash`. */
void vch_percent(struct vch_str s, bool keep_slash, struct vch_buf *buf);
/* MALFORMED on a broken escape or an escaped NUL. '+' stays '+'. */
enum vch_err vch_unpercent(struct vch_str s, struct vch_buf *buf) VCH_MUST;

#endif
