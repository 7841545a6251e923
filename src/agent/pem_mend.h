/* PEM as people paste it: literal "\n" in place of newlines, CRLF, quotes, commas,
 * a JSON member name in front, lines joined or split anywhere. Finds the blocks
 * and writes them as RFC 7468 has them. Pure; any thread. */
#ifndef VCH_AGENT_PEM_MEND_H
#define VCH_AGENT_PEM_MEND_H

#include "base/buf.h"

enum vch_pem_kind {
    VCH_PEM_NONE,
    VCH_PEM_CERTIFICATE,
    VCH_PEM_PRIVATE_KEY, /* "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY" */
    VCH_PEM_ENCRYPTED_KEY,
    VCH_PEM_REQUEST,
    VCH_PEM_OTHER
};

/* The kind of the first block that is not OTHER. */
enum vch_pem_kind vch_pem_first(struct vch_str text);
/* Appends every block of `kind`, canonical; *ret_changed when the text stood
 * otherwise. NOT_FOUND without such a block, MALFORMED when one is not base64. */
enum vch_err vch_pem_mend(struct vch_str text, enum vch_pem_kind kind, struct vch_buf *buf, bool *ret_changed) VCH_MUST;

#endif
