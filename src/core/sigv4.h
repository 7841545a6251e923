/* AWS Signature Version 4: canonical form, signing and the pure half of
 * verification. Knows no users and no clock: the caller finds the secret of
 * the access key id and passes the time.
 * Source: AWS "Signature Version 4 signing process"; botocore's behaviour.
 */
#ifndef VCH_CORE_SIGV4_H
#define VCH_CORE_SIGV4_H

#include "base/arena.h"
#include "base/buf.h"

struct vch_sigv4_header {
    struct vch_str name; /* any case */
    struct vch_str value;
};

struct vch_sigv4_request {
    struct vch_str method;
    struct vch_str path;  /* as it stood on the request line, still percent-encoded, without the query */
    struct vch_str query; /* raw, without '?' */
    const struct vch_sigv4_header *headers;
    size_t header_count;
    struct vch_str body;
};

/* What the request says of its signature; views into the request or arena. */
struct vch_sigv4_claim {
    bool presigned;
    struct vch_str access_key_id, date, region, service; /* date: YYYYMMDD */
    struct vch_str signed_headers;
    struct vch_str signature; /* hexadecimal */
    struct vch_str session_token; /* empty: none */
    int64_t time_ms;          /* x-amz-date, X-Amz-Date or Date */
    int64_t expires_s;        /* presigned only, 1 to 604800; 300 when it does not say, as IoT's device SDKs do not */
};

/* SIGNATURE_MISSING when there is none, SIGNATURE_INCOMPLETE when it is not
 * whole, names no host, or leaves an x-amz-* header (or content-type) unsigned. */
enum vch_err vch_sigv4_parse(const struct vch_sigv4_request *request, struct vch_arena *arena,
                             struct vch_sigv4_claim *ret, struct vch_diag *diag) VCH_MUST;

/* SIGNATURE_EXPIRED outside five minutes of now_ms (headers) or outside
 * [time, time + expires] (presigned, five minutes of grace before);
 * SIGNATURE_SCOPE on another region, service or date; SIGNATURE_MISMATCH by a
 * constant-time comparison, or when x-amz-content-sha256 is not the body's.
 * `services` is a list such as "iot,sts,iotdata". */
enum vch_err vch_sigv4_verify(const struct vch_sigv4_request *request, const struct vch_sigv4_claim *claim,
                              struct vch_str secret_key, struct vch_str region, const char *services, int64_t now_ms,
                              struct vch_diag *diag) VCH_MUST;

/* Client side: the value of Authorization for these headers, of which all are
 * signed; they must hold host and x-amz-date. Appends to `buf`. */
enum vch_err vch_sigv4_sign(const struct vch_sigv4_request *request, struct vch_str access_key_id,
                            struct vch_str secret_key, struct vch_str region, struct vch_str service, int64_t now_ms,
                            struct vch_buf *buf) VCH_MUST;

#endif
