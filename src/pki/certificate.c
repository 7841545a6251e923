#include "base/codec.h"
#include "base/digest.h"
#include "core/names.h"
#include "core/reason.h"
#include "pki/csr.h"
#include "pki/der_priv.h"
#include "pki/name_priv.h"
#include "pki/pem_priv.h"

struct fields {
    struct vch_str serial, subject;
    int64_t not_before_ms, not_after_ms;
};

static bool take_validity(struct vch_str *tbs, struct fields *fields) {
    struct vch_str validity;
    return vch_der_take(tbs, VCH_DER_SEQUENCE, &validity) && vch_der_time(&validity, &fields->not_before_ms) &&
           vch_der_time(&validity, &fields->not_after_ms) && !validity.len;
}

/* RFC 5280 4.1; what follows the subject is not looked at. */
static bool take_fields(struct vch_str der, struct fields *fields) {
    struct vch_str body, tbs, skipped;
    if (!vch_der_take(&der, VCH_DER_SEQUENCE, &body) || der.len) return false;
    if (!vch_der_take(&body, VCH_DER_SEQUENCE, &tbs) || !vch_der_take(&body, VCH_DER_SEQUENCE, &skipped) ||
        !vch_der_take(&body, VCH_DER_BITS, &skipped) || body.len)
        return false;
    if (vch_der_peek(tbs, 0xA0) && !vch_der_take(&tbs, 0xA0, &skipped)) return false;
    return vch_der_take(&tbs, VCH_DER_INTEGER, &fields->serial) && fields->serial.len &&
           vch_der_take(&tbs, VCH_DER_SEQUENCE, &skipped) && vch_der_take(&tbs, VCH_DER_SEQUENCE, &skipped) &&
           take_validity(&tbs, fields) && vch_der_take_whole(&tbs, VCH_DER_SEQUENCE, &fields->subject);
}

enum vch_err vch_certificate_describe(struct vch_str der, struct vch_arena *arena, struct vch_certificate_info *ret,
                                      struct vch_diag *diag) {
    struct fields fields;
    if (!take_fields(der, &fields))
        return VCH_REFUSE(diag, VCH_ERR_MALFORMED, FIELD_INVALID, "certificatePem", "The certificate is not well-formed DER.");
    *ret = (struct vch_certificate_info){.not_before_ms = fields.not_before_ms, .not_after_ms = fields.not_after_ms};
    vch_sha256_hex(der, ret->id);
    char *hex = vch_arena_alloc(arena, 2 * fields.serial.len + 1);
    if (!hex) return VCH_ERR_NOMEM;
    vch_hex(fields.serial.ptr, fields.serial.len, hex);
    ret->serial_hex = vch_str_of(hex, 2 * fields.serial.len);
    return vch_name_first_cn(fields.subject, arena, &ret->subject_cn);
}

enum vch_err vch_certificate_from_pem(struct vch_str pem, struct vch_arena *arena, struct vch_str *ret_der,
                                      struct vch_diag *diag) {
    static const char *const labels[] = {"CERTIFICATE", NULL};
    if (pem.len > VCH_PEM_MAX)
        return VCH_REFUSE(diag, VCH_ERR_TOO_LARGE, FIELD_TOO_LONG, "certificatePem",
                          "The certificate has %zu characters; at most %d are accepted.", pem.len, VCH_PEM_MAX);
    enum vch_err err = vch_pem_decode(pem, labels, arena, ret_der);
    if (err != VCH_ERR_MALFORMED) return err;
    return VCH_REFUSE(diag, err, FIELD_INVALID, "certificatePem", "The text is not one PEM certificate.");
}

struct vch_str vch_certificate_to_pem(struct vch_str der, struct vch_arena *arena) {
    struct vch_buf buf;
    struct vch_str text, copy = {NULL, 0};
    vch_buf_init(&buf, 2 * VCH_PEM_MAX);
    vch_pem_encode("CERTIFICATE", der, &buf);
    if (vch_buf_finish(&buf, &text) == VCH_OK) copy = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return copy;
}
