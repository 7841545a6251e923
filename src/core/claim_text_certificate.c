/* The certificate of a claim, from its particulars and back: RFC 5280, DER, in
 * the one form that the server gives to claims for keys of P-256. */
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "core/claim_text.h"

/* [0] EXPLICIT version 3, and the head of a serial number of 20 bytes. */
#define VERSION_SERIAL VCH_STR("\xA0\x03\x02\x01\x02\x02\x14")
/* AlgorithmIdentifier ecdsa-with-SHA256 (RFC 5758 3.2). */
#define ECDSA_SHA256 VCH_STR("\x30\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x04\x03\x02")
#define VALIDITY VCH_STR("\x30\x1E")
#define UTC_TIME VCH_STR("\x17\x0D")
/* Name of one common name, UTF8String of 64 characters. */
#define SUBJECT VCH_STR("\x30\x4B\x31\x49\x30\x47\x06\x03\x55\x04\x03\x0C\x40")
/* SubjectPublicKeyInfo of P-256 (RFC 5480), up to the point. */
#define PUBLIC_KEY VCH_STR("\x30\x59\x30\x13\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07\x03\x42\x00")
/* [3] extensions: basicConstraints critical CA:FALSE, keyUsage critical digitalSignature. */
#define EXTENSIONS                                                                                                     \
    VCH_STR("\xA3\x20\x30\x1E\x30\x0C\x06\x03\x55\x1D\x13\x01\x01\xFF\x04\x02\x30\x00\x30\x0E\x06\x03\x55\x1D\x0F\x01\x01\xFF\x04\x04\x03" \
            "\x02\x07\x80")

enum { HALF = 32, CERTIFICATE_MAX = 1024, LENGTH_LONG_MIN = 256, BODY_AT = 8, SERIAL_AT = BODY_AT + 7, ISSUER_AT = SERIAL_AT + 20 + 12 };
/* 2050-01-01T00:00:00Z: from there on RFC 5280 writes times in another form. */
static const uint32_t utc_time_end_s = 2524608000u;

/* ---- there -------------------------------------------------------------- */

/* INTEGER of RFC 3279 2.2.3: no needless zeros in front, one where the sign would show. */
static size_t integer(const uint8_t half[HALF], uint8_t out[HALF + 3]) {
    size_t skip = 0;
    while (skip < HALF - 1 && half[skip] == 0) skip++;
    size_t zero = half[skip] >> 7, len = HALF - skip;
    out[0] = 0x02;
    out[1] = (uint8_t)(len + zero);
    out[2] = 0;
    memcpy(out + 2 + zero, half + skip, len);
    return 2 + zero + len;
}

static void put_signature(const uint8_t signature[2 * HALF], struct vch_buf *buf) {
    uint8_t r[HALF + 3], s[HALF + 3];
    size_t r_len = integer(signature, r), s_len = integer(signature + HALF, s);
    const uint8_t head[] = {0x03, (uint8_t)(r_len + s_len + 3), 0x00, 0x30, (uint8_t)(r_len + s_len)};
    vch_buf_bytes(buf, head, sizeof head);
    vch_buf_bytes(buf, r, r_len);
    vch_buf_bytes(buf, s, s_len);
}

static void put_time(uint32_t seconds, struct vch_buf *buf) {
    char text[17]; /* "20261123T154428Z" */
    vch_time_basic((int64_t)seconds * 1000, text);
    vch_buf_str(buf, UTC_TIME);
    vch_buf_bytes(buf, text + 2, 6);
    vch_buf_bytes(buf, text + 9, 7);
}

static void put_body(const struct vch_claim_text *claim, const uint8_t point[VCH_CLAIM_POINT], struct vch_buf *buf) {
    char digits[65];
    vch_hex(claim->subject, sizeof claim->subject, digits);
    vch_buf_str(buf, VERSION_SERIAL);
    vch_buf_bytes(buf, claim->serial, sizeof claim->serial);
    vch_buf_str(buf, ECDSA_SHA256);
    vch_buf_str(buf, claim->issuer);
    vch_buf_str(buf, VALIDITY);
    put_time(claim->not_before_s, buf);
    put_time(claim->not_after_s, buf);
    vch_buf_str(buf, SUBJECT);
    vch_buf_bytes(buf, digits, 64);
    vch_buf_str(buf, PUBLIC_KEY);
    vch_buf_bytes(buf, point, VCH_CLAIM_POINT);
    vch_buf_str(buf, EXTENSIONS);
}

/* A SEQUENCE whose length needs two bytes, as both of a claim's do. */
static void put_sequence(struct vch_str body, struct vch_buf *buf) {
    vch_buf_u8(buf, 0x30);
    vch_buf_u8(buf, 0x82);
    vch_buf_u16(buf, (uint16_t)body.len);
    vch_buf_str(buf, body);
}

static enum vch_err wrap(const struct vch_claim_text *claim, struct vch_str body, struct vch_buf *der) {
    struct vch_buf buf;
    struct vch_str inner;
    vch_buf_init(&buf, CERTIFICATE_MAX);
    put_sequence(body, &buf);
    vch_buf_str(&buf, ECDSA_SHA256);
    put_signature(claim->signature, &buf);
    enum vch_err err = vch_buf_finish(&buf, &inner);
    if (!err) put_sequence(inner, der);
    vch_buf_deinit(&buf);
    return err || der->failed ? VCH_ERR_INVALID : VCH_OK;
}

enum vch_err vch_claim_text_certificate(const struct vch_claim_text *claim, const uint8_t point[VCH_CLAIM_POINT],
                                        struct vch_buf *der) {
    struct vch_buf buf;
    struct vch_str body;
    if (claim->not_after_s >= utc_time_end_s) return VCH_ERR_INVALID;
    vch_buf_init(&buf, CERTIFICATE_MAX);
    put_body(claim, point, &buf);
    enum vch_err err = vch_buf_finish(&buf, &body);
    if (!err && body.len < LENGTH_LONG_MIN) err = VCH_ERR_INVALID;
    if (!err) err = wrap(claim, body, der);
    vch_buf_deinit(&buf);
    return err;
}

/* ---- and back ----------------------------------------------------------- */

static enum vch_err read_time(struct vch_str digits, uint32_t *ret) {
    char text[17] = "20yymmddThhmmssZ";
    int64_t ms = 0;
    if (digits.len != 13) return VCH_ERR_INVALID;
    memcpy(text + 2, digits.ptr, 6);
    memcpy(text + 9, digits.ptr + 6, 7);
    if (vch_time_parse_basic(vch_str_from(text), &ms) != VCH_OK) return VCH_ERR_INVALID;
    *ret = (uint32_t)(ms / 1000);
    return VCH_OK;
}

static bool read_half(struct vch_str *in, uint8_t half[HALF]) {
    struct vch_str head = vch_str_sub(*in, 0, 2);
    if (head.len != 2) return false;
    struct vch_str digits = vch_str_sub(*in, 2, (unsigned char)head.ptr[1]);
    *in = vch_str_sub(*in, 2 + digits.len, SIZE_MAX);
    if (digits.len > 1 && digits.ptr[0] == '\0') digits = vch_str_sub(digits, 1, SIZE_MAX);
    if (digits.len > HALF) return false;
    memset(half, 0, HALF);
    if (digits.len) memcpy(half + HALF - digits.len, digits.ptr, digits.len);
    return true;
}

/* Places, not tags: what is taken from a wrong one does not give the certificate back. */
static bool read_places(struct vch_str der, struct vch_claim_text *ret, struct vch_str *ret_point) {
    struct vch_str length = vch_str_sub(der, ISSUER_AT + 1, 2);
    if (length.len != 2) return false;
    size_t first = (unsigned char)length.ptr[0], issuer = first < 0x80 ? 2 + first : 3 + (size_t)(unsigned char)length.ptr[1];
    ret->issuer = vch_str_sub(der, ISSUER_AT, issuer);
    size_t times = ISSUER_AT + issuer + VALIDITY.len, name = times + 30 + SUBJECT.len, point = name + 64 + PUBLIC_KEY.len;
    struct vch_str serial = vch_str_sub(der, SERIAL_AT, 20), digits = vch_str_sub(der, name, 64);
    struct vch_str rest = vch_str_sub(der, point + VCH_CLAIM_POINT + EXTENSIONS.len + ECDSA_SHA256.len + 5, SIZE_MAX);
    *ret_point = vch_str_sub(der, point, VCH_CLAIM_POINT);
    if (serial.len != 20 || ret_point->len != VCH_CLAIM_POINT) return false;
    memcpy(ret->serial, serial.ptr, serial.len);
    return read_time(vch_str_sub(der, times + 2, 13), &ret->not_before_s) == VCH_OK &&
           read_time(vch_str_sub(der, times + 17, 13), &ret->not_after_s) == VCH_OK &&
           vch_unhex(digits, ret->subject, sizeof ret->subject) == VCH_OK && read_half(&rest, ret->signature) &&
           read_half(&rest, ret->signature + HALF);
}

enum vch_err vch_claim_text_describe(struct vch_str der, struct vch_claim_text *ret) {
    struct vch_str point;
    struct vch_buf again;
    if (!read_places(der, ret, &point)) return VCH_ERR_INVALID;
    vch_buf_init(&again, CERTIFICATE_MAX);
    enum vch_err err = vch_claim_text_certificate(ret, (const uint8_t *)point.ptr, &again);
    if (!err && !vch_str_eq(der, vch_str_of(again.ptr, again.len))) err = VCH_ERR_INVALID;
    vch_buf_deinit(&again);
    return err;
}
