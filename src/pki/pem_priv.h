/* PEM (RFC 7468), one object a text. Any thread. */
#ifndef VCH_PKI_PEM_PRIV_H
#define VCH_PKI_PEM_PRIV_H

#include "base/arena.h"
#include "base/buf.h"

/* The one object in `text`, which must carry one of `labels` (NULL-terminated).
 * Text before it is explanation and is skipped; after it only white space may
 * follow. MALFORMED (nothing said in a diagnosis), NOMEM. */
enum vch_err vch_pem_decode(struct vch_str text, const char *const *labels, struct vch_arena *arena,
                            struct vch_str *ret_der) VCH_MUST;
/* Lines of 64, a newline at the end. */
void vch_pem_encode(const char *label, struct vch_str der, struct vch_buf *buf);

#endif
