/* The canonical request of SigV4 and the signature over it; shared by parsing,
 * verification and signing. Pure, any thread; scratch memory from the arena. */
#ifndef VCH_CORE_SIGV4_PRIV_H
#define VCH_CORE_SIGV4_PRIV_H

#include "base/digest.h"
#include "core/sigv4.h"

enum { VCH_SIGV4_HEADERS_MAX = 64, VCH_SIGV4_PAIRS_MAX = 256, VCH_SIGV4_SCRATCH_MAX = 512 * 1024 };

#define VCH_SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define VCH_SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"

/* How often the header is there, and the first one's trimmed value. */
size_t vch_sigv4_header(const struct vch_sigv4_request *request, const char *name, struct vch_str *ret_value);

/* What the canonical query leaves out: nothing, or the signature, or that and
 * the session token (which WebSocket clients append after signing). */
enum vch_sigv4_query { VCH_SIGV4_QUERY_WHOLE, VCH_SIGV4_QUERY_UNSIGNED, VCH_SIGV4_QUERY_NO_TOKEN };

/* MALFORMED on a broken percent escape; TOO_LARGE past the bounds above. */
enum vch_err vch_sigv4_canonical(const struct vch_sigv4_request *request, enum vch_sigv4_query query,
                                 struct vch_str signed_headers, struct vch_arena *scratch,
                                 struct vch_buf *out) VCH_MUST;

struct vch_sigv4_scope {
    struct vch_str date, region, service;
};
/* Lower-case hexadecimal HMAC over the string to sign. Wipes its keys. */
enum vch_err vch_sigv4_signature(const struct vch_sigv4_scope *scope, struct vch_str secret_key,
                                 const char timestamp[17], struct vch_str canonical, char ret[VCH_SHA256_HEX]) VCH_MUST;

#endif
