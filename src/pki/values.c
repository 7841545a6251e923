/* Certificates as policies see them: names and alternative names, flat. */
#include <arpa/inet.h>
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>

#include "core/reason.h"
#include "pki/csr.h"
#include "pki/der_priv.h"
#include "pki/name_priv.h"

#define CERTIFICATE "iot:Certificate."

enum { TEXT_MAX = 65536, ALTERNATIVES = 5 };

struct gathering {
    struct vch_arena *arena;
    struct vch_certificate_value *values;
    size_t count;
};

struct whose {
    const char *attribute[2]; /* of the subject, of the issuer */
};
enum { SUBJECT, ISSUER };

/* RFC 5280 4.1.2.4 and X.520; the short names are RFC 2253's and their kin. */
static const struct {
    const char *oid, *short_name;
    struct whose name;
} attributes[] = {
#define ROW(oid, word, name) {oid, word, {{CERTIFICATE "Subject." name, CERTIFICATE "Issuer." name}}}
    ROW("\x55\x04\x2E", "dnqualifier", "DistinguishedNameQualifier"),
    ROW("\x55\x04\x06", "c", "Country"),
    ROW("\x55\x04\x0A", "o", "Organization"),
    ROW("\x55\x04\x0B", "ou", "OrganizationalUnit"),
    ROW("\x55\x04\x08", "st", "State"),
    ROW("\x55\x04\x03", "cn", "CommonName"),
    ROW("\x55\x04\x05", "serialnumber", "SerialNumber"),
    ROW("\x55\x04\x0C", "title", "Title"),
    ROW("\x55\x04\x04", "sn", "Surname"),
    ROW("\x55\x04\x2A", "gn", "GivenName"),
    ROW("\x55\x04\x2B", "initials", "Initials"),
    ROW("\x55\x04\x41", "pseudonym", "Pseudonym"),
    ROW("\x55\x04\x2C", "generationqualifier", "GenerationQualifier"),
    {"\x55\x04\x07", "l", {{NULL, NULL}}},
#undef ROW
};
enum { ATTRIBUTES = sizeof attributes / sizeof *attributes };

static size_t find_attribute(struct vch_str oid) {
    size_t i = 0;
    while (i < ATTRIBUTES && !vch_str_eq_c(oid, attributes[i].oid)) i++;
    return i;
}

/* ---- text ---- */

static void put_escaped(struct vch_str text, struct vch_buf *buf) {
    for (size_t i = 0; i < text.len; i++) {
        if (vch_str_find(VCH_STR(",\"\\+=<>;"), text.ptr[i], 0) != SIZE_MAX) vch_buf_u8(buf, '\\');
        vch_buf_u8(buf, (uint8_t)text.ptr[i]);
    }
}

/* False when it is no text; nothing is appended then. */
static bool put_value(const struct vch_der *value, struct vch_buf *buf) {
    struct vch_buf plain;
    struct vch_str text;
    vch_buf_init(&plain, TEXT_MAX);
    bool ok = vch_name_text(value, &plain) && vch_buf_finish(&plain, &text) == VCH_OK;
    if (ok) put_escaped(text, buf);
    vch_buf_deinit(&plain);
    return ok;
}

/* Takes the buffer's text as the value of `name`; empty text is none. */
static enum vch_err keep(struct gathering *g, const char *name, struct vch_buf *buf) {
    struct vch_str text = {NULL, 0};
    enum vch_err err = vch_buf_finish(buf, &text);
    if (err == VCH_OK && text.len && g->count < VCH_CERTIFICATE_VALUES_MAX) {
        struct vch_str copy = vch_arena_str(g->arena, text);
        if (copy.ptr) g->values[g->count++] = (struct vch_certificate_value){name, copy};
        else err = VCH_ERR_NOMEM;
    }
    vch_buf_deinit(buf);
    return err;
}

/* ---- names ---- */

static enum vch_err gather_name(struct gathering *g, struct vch_str name, int whose) {
    struct vch_name_walk walk;
    struct vch_name_attribute attribute;
    if (!vch_name_walk_start(name, &walk)) return VCH_OK;
    while (vch_name_walk_next(&walk, &attribute)) {
        size_t i = find_attribute(attribute.type);
        struct vch_buf buf;
        if (i == ATTRIBUTES || !attributes[i].name.attribute[whose]) continue;
        vch_buf_init(&buf, TEXT_MAX);
        (void)put_value(&attribute.value, &buf);
        VCH_TRY(keep(g, attributes[i].name.attribute[whose], &buf));
    }
    return VCH_OK;
}

enum { DIRECTORY_PARTS_MAX = 32 };

/* RFC 2253: the last part first. Parts of other kinds are left out. */
static void put_directory(struct vch_str name, struct vch_buf *buf) {
    struct vch_name_walk walk;
    struct vch_name_attribute parts[DIRECTORY_PARTS_MAX];
    size_t count = 0, written = 0;
    if (!vch_name_walk_start(name, &walk)) return;
    while (count < DIRECTORY_PARTS_MAX && vch_name_walk_next(&walk, &parts[count])) count++;
    while (count-- > 0) {
        size_t i = find_attribute(parts[count].type);
        if (i == ATTRIBUTES) continue;
        vch_buf_printf(buf, "%s%s=", written++ ? "," : "", attributes[i].short_name);
        (void)put_value(&parts[count].value, buf);
    }
}

/* ---- alternative names (RFC 5280 4.2.1.6): [1] [2] [4] [6] [7] ---- */

static const struct {
    uint8_t tag;
    struct whose name;
} alternatives[ALTERNATIVES] = {
#define ROW(tag, name) {tag, {{CERTIFICATE "Subject.AlternativeName." name, CERTIFICATE "Issuer.AlternativeName." name}}}
    ROW(0x81, "RFC822Name"), ROW(0x82, "DNSName"), ROW(0xA4, "DirectoryName"), ROW(0x86, "UniformResourceIdentifier"),
    ROW(0x87, "IPAddress"),
#undef ROW
};

static void put_address(struct vch_str bytes, struct vch_buf *buf) {
    char text[INET6_ADDRSTRLEN];
    if (bytes.len != 4 && bytes.len != 16) return;
    if (inet_ntop(bytes.len == 4 ? AF_INET : AF_INET6, bytes.ptr, text, sizeof text)) vch_buf_c(buf, text);
}

static void put_ia5(struct vch_str body, struct vch_buf *buf) {
    for (size_t i = 0; i < body.len; i++)
        if ((unsigned char)body.ptr[i] < 0x20 || (unsigned char)body.ptr[i] > 0x7E) return;
    put_escaped(body, buf);
}

static enum vch_err gather_alternative(struct gathering *g, const struct vch_der *name, int whose) {
    size_t i = 0;
    struct vch_buf buf;
    while (i < ALTERNATIVES && alternatives[i].tag != name->tag) i++;
    if (i == ALTERNATIVES) return VCH_OK;
    vch_buf_init(&buf, TEXT_MAX);
    if (name->tag == 0xA4) put_directory(name->body, &buf);
    else if (name->tag == 0x87) put_address(name->body, &buf);
    else put_ia5(name->body, &buf);
    return keep(g, alternatives[i].name.attribute[whose], &buf);
}

static enum vch_err gather_alternatives(struct gathering *g, struct vch_str value, int whose) {
    struct vch_str names;
    struct vch_der name;
    if (!vch_der_take(&value, VCH_DER_SEQUENCE, &names) || value.len) return VCH_OK;
    while (vch_der_any(&names, &name)) VCH_TRY(gather_alternative(g, &name, whose));
    return VCH_OK;
}

/* [3] EXPLICIT SEQUENCE OF SEQUENCE { OID, BOOLEAN?, OCTET STRING } */
static enum vch_err gather_extensions(struct gathering *g, struct vch_str wrapped) {
    struct vch_str list, one, oid, flag, value;
    if (!vch_der_take(&wrapped, VCH_DER_SEQUENCE, &list)) return VCH_OK;
    while (vch_der_take(&list, VCH_DER_SEQUENCE, &one)) {
        if (!vch_der_take(&one, VCH_DER_OID, &oid)) return VCH_OK;
        if (vch_der_peek(one, VCH_DER_BOOLEAN) && !vch_der_take(&one, VCH_DER_BOOLEAN, &flag)) return VCH_OK;
        if (!vch_der_take(&one, VCH_DER_OCTETS, &value)) return VCH_OK;
        if (vch_str_eq(oid, VCH_STR("\x55\x1D\x11"))) VCH_TRY(gather_alternatives(g, value, SUBJECT));
        if (vch_str_eq(oid, VCH_STR("\x55\x1D\x12"))) VCH_TRY(gather_alternatives(g, value, ISSUER));
    }
    return VCH_OK;
}

/* ---- the certificate (RFC 5280 4.1) ---- */

struct parts {
    struct vch_str serial, issuer, subject, extensions;
};

static bool take_parts(struct vch_str der, struct parts *ret) {
    struct vch_str body, tbs, skipped;
    struct vch_der any;
    if (!vch_der_take(&der, VCH_DER_SEQUENCE, &body) || der.len || !vch_der_take(&body, VCH_DER_SEQUENCE, &tbs)) return false;
    if (vch_der_peek(tbs, 0xA0) && !vch_der_take(&tbs, 0xA0, &skipped)) return false;
    if (!vch_der_take(&tbs, VCH_DER_INTEGER, &ret->serial) || !vch_der_take(&tbs, VCH_DER_SEQUENCE, &skipped) ||
        !vch_der_take_whole(&tbs, VCH_DER_SEQUENCE, &ret->issuer) || !vch_der_take(&tbs, VCH_DER_SEQUENCE, &skipped) ||
        !vch_der_take_whole(&tbs, VCH_DER_SEQUENCE, &ret->subject) || !vch_der_take(&tbs, VCH_DER_SEQUENCE, &skipped))
        return false;
    while (vch_der_any(&tbs, &any))
        if (any.tag == 0xA3) ret->extensions = any.body;
    return tbs.len == 0;
}

static enum vch_err gather_serial(struct gathering *g, struct vch_str serial) {
    struct vch_buf buf;
    BIGNUM *number = serial.len <= 64 ? BN_bin2bn((const unsigned char *)serial.ptr, (int)serial.len, NULL) : NULL;
    char *text = number ? BN_bn2dec(number) : NULL;
    vch_buf_init(&buf, TEXT_MAX);
    if (text) vch_buf_c(&buf, text);
    OPENSSL_free(text);
    BN_free(number);
    return keep(g, CERTIFICATE "SerialNumber", &buf);
}

enum vch_err vch_certificate_values(struct vch_str der, struct vch_arena *arena,
                                    struct vch_certificate_value ret[VCH_CERTIFICATE_VALUES_MAX], size_t *ret_count,
                                    struct vch_diag *diag) {
    struct parts parts = {.extensions = {NULL, 0}};
    struct gathering g = {.arena = arena, .values = ret};
    *ret_count = 0;
    if (!take_parts(der, &parts))
        return VCH_REFUSE(diag, VCH_ERR_MALFORMED, FIELD_INVALID, "certificatePem", "The certificate is not well-formed DER.");
    VCH_TRY(gather_serial(&g, parts.serial));
    VCH_TRY(gather_name(&g, parts.subject, SUBJECT));
    VCH_TRY(gather_name(&g, parts.issuer, ISSUER));
    VCH_TRY(gather_extensions(&g, parts.extensions));
    *ret_count = g.count;
    return VCH_OK;
}
