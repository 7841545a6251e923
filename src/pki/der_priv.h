/* DER (X.690), the subset that certificates need. Reading is strict: definite
 * and minimal lengths, tags below 31, nothing longer than 64 KiB. Writing goes
 * from the end to the front, so that a length is known when it is written.
 * Pure; any thread. */
#ifndef VCH_PKI_DER_PRIV_H
#define VCH_PKI_DER_PRIV_H

#include "base/str.h"

enum {
    VCH_DER_BOOLEAN = 0x01,
    VCH_DER_INTEGER = 0x02,
    VCH_DER_BITS = 0x03,
    VCH_DER_OCTETS = 0x04,
    VCH_DER_NULL = 0x05,
    VCH_DER_OID = 0x06,
    VCH_DER_UTC_TIME = 0x17,
    VCH_DER_TIME = 0x18,
    VCH_DER_SEQUENCE = 0x30,
    VCH_DER_SET = 0x31
};

struct vch_der {
    uint8_t tag;
    struct vch_str body, whole;
};

/* Takes one element off the front of `in`; false, and `in` unchanged, when
 * there is no well-formed one. */
bool vch_der_any(struct vch_str *in, struct vch_der *ret);
/* The same, of this tag only; gives its body. */
bool vch_der_take(struct vch_str *in, uint8_t tag, struct vch_str *ret_body);
bool vch_der_take_whole(struct vch_str *in, uint8_t tag, struct vch_str *ret_whole);
bool vch_der_peek(struct vch_str in, uint8_t tag);
/* The body of an INTEGER: minimal and not negative; without its leading zero. */
bool vch_der_unsigned(struct vch_str *in, struct vch_str *ret_magnitude);
/* A BIT STRING of whole bytes. */
bool vch_der_bits(struct vch_str *in, struct vch_str *ret_bytes);
/* UTCTime or GeneralizedTime in the forms of RFC 5280 4.1.2.5: seconds, Zulu. */
bool vch_der_time(struct vch_str *in, int64_t *ret_ms);

struct vch_der_out {
    uint8_t *buf;
    size_t size;
    size_t at; /* the first byte written; `size` while nothing is */
    bool failed;
};
void vch_der_out_init(struct vch_der_out *out, uint8_t *buf, size_t size);
void vch_der_put(struct vch_der_out *out, struct vch_str bytes);
void vch_der_put_u8(struct vch_der_out *out, uint8_t byte);
/* Puts tag and length before all that was written since `at` was `mark`. */
void vch_der_wrap(struct vch_der_out *out, uint8_t tag, size_t mark);
/* Whole seconds; UTCTime below the year 2050, else GeneralizedTime. */
void vch_der_put_time(struct vch_der_out *out, int64_t ms);
struct vch_str vch_der_done(const struct vch_der_out *out); /* empty after a failure */

#endif
