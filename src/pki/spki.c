#include "pki/spki_priv.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <pthread.h>

#include "core/reason.h"
#include "pki/der_priv.h"

/* RFC 3279 2.3.1, RFC 5480 2.1.1. */
#define OID_RSA VCH_STR("\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01")
#define OID_EC VCH_STR("\x2A\x86\x48\xCE\x3D\x02\x01")

static struct curve {
    enum vch_spki_kind kind;
    int nid;
    size_t field_len;
    struct vch_str oid;
    EC_GROUP *group;
} curves[] = {
    {VCH_SPKI_P256, NID_X9_62_prime256v1, 32, {"\x2A\x86\x48\xCE\x3D\x03\x01\x07", 8}, NULL},
    {VCH_SPKI_P384, NID_secp384r1, 48, {"\x2B\x81\x04\x00\x22", 5}, NULL},
    {VCH_SPKI_P521, NID_secp521r1, 66, {"\x2B\x81\x04\x00\x23", 5}, NULL},
};
enum { CURVE_COUNT = sizeof curves / sizeof curves[0] };
static pthread_once_t curves_once = PTHREAD_ONCE_INIT;

static void make_curves(void) {
    for (size_t i = 0; i < CURVE_COUNT; i++) curves[i].group = EC_GROUP_new_by_curve_name(curves[i].nid);
}

void vch_spki_prepare(void) {
    (void)pthread_once(&curves_once, make_curves);
}

static enum vch_err malformed(struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_MALFORMED, CSR_INVALID, "publicKey", "The public key is not well-formed DER.");
}

static size_t bit_length(struct vch_str magnitude) {
    size_t bits = magnitude.len * 8;
    for (uint8_t top = (uint8_t)magnitude.ptr[0]; bits && !(top & 0x80); top = (uint8_t)(top << 1)) bits--;
    return bits;
}

static bool is_odd(struct vch_str magnitude) {
    return magnitude.ptr[magnitude.len - 1] & 1;
}

static bool is_one_or_zero(struct vch_str magnitude) {
    return magnitude.len == 1 && (uint8_t)magnitude.ptr[0] <= 1;
}

static enum vch_err check_rsa(struct vch_str params, struct vch_str key, struct vch_diag *diag) {
    struct vch_str none, body, modulus, exponent;
    if (!vch_der_take(&params, VCH_DER_NULL, &none) || none.len || params.len) return malformed(diag);
    if (!vch_der_take(&key, VCH_DER_SEQUENCE, &body) || key.len || !vch_der_unsigned(&body, &modulus) ||
        !vch_der_unsigned(&body, &exponent) || body.len || is_one_or_zero(modulus))
        return malformed(diag);
    size_t bits = bit_length(modulus);
    if (bits < 2048 || bits > 8192)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, CSR_WEAK_KEY, "publicKey",
                          "The RSA key has %zu bits; 2048 to 8192 are accepted.", bits);
    if (!is_odd(modulus) || !is_odd(exponent) || is_one_or_zero(exponent) || exponent.len > 8)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, CSR_WEAK_KEY, "publicKey", "The RSA key's numbers are not those of a sound key.");
    return VCH_OK;
}

static bool on_curve(const struct curve *curve, struct vch_str point) {
    if (!curve->group || point.len != 1 + 2 * curve->field_len || point.ptr[0] != 4) return false;
    EC_POINT *p = EC_POINT_new(curve->group);
    bool ok = p && EC_POINT_oct2point(curve->group, p, (const uint8_t *)point.ptr, point.len, NULL) == 1;
    EC_POINT_free(p);
    return ok;
}

static enum vch_err check_ec(struct vch_str params, struct vch_spki *spki, struct vch_diag *diag) {
    struct vch_str oid;
    if (!vch_der_take(&params, VCH_DER_OID, &oid) || params.len)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, CSR_WEAK_KEY, "publicKey", "The elliptic curve must be a named one: P-256, P-384 or P-521.");
    vch_spki_prepare();
    for (size_t i = 0; i < CURVE_COUNT; i++) {
        if (!vch_str_eq(oid, curves[i].oid)) continue;
        spki->kind = curves[i].kind;
        return on_curve(&curves[i], spki->key) ? VCH_OK : malformed(diag);
    }
    return VCH_REFUSE(diag, VCH_ERR_INVALID, CSR_WEAK_KEY, "publicKey", "The elliptic curve must be P-256, P-384 or P-521.");
}

enum vch_err vch_spki_check(struct vch_str der, struct vch_spki *ret, struct vch_diag *diag) {
    struct vch_str body, algorithm, oid;
    *ret = (struct vch_spki){.kind = VCH_SPKI_RSA};
    if (!vch_der_take(&der, VCH_DER_SEQUENCE, &body) || der.len || !vch_der_take(&body, VCH_DER_SEQUENCE, &algorithm) ||
        !vch_der_take(&algorithm, VCH_DER_OID, &oid) || !vch_der_bits(&body, &ret->key) || body.len)
        return malformed(diag);
    if (vch_str_eq(oid, OID_RSA)) return check_rsa(algorithm, ret->key, diag);
    if (vch_str_eq(oid, OID_EC)) return check_ec(algorithm, ret, diag);
    return VCH_REFUSE(diag, VCH_ERR_INVALID, CSR_WEAK_KEY, "publicKey", "The key must be RSA or an elliptic curve key.");
}
