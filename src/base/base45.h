/* Base45 (RFC 9285): two bytes as three characters of QR's alphanumeric mode.
 * Strict: whole input, capital letters, no value past its bytes. Pure. */
#ifndef VCH_BASE_BASE45_H
#define VCH_BASE_BASE45_H

#include "base/buf.h"

void vch_base45(struct vch_str bytes, struct vch_buf *buf);
enum vch_err vch_unbase45(struct vch_str text, struct vch_buf *buf) VCH_MUST; /* MALFORMED */

#endif
