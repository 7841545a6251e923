#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/codec.h"
#include "base/digest.h"
#include "core/names.h"
#include "make.h"
#include "pki/csr.h"
#include "pki/spki_priv.h"

static struct vch_arena *arena;

static int setup(void **state) {
    (void)state;
    arena = vch_arena_new(1 << 20, false);
    return arena ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

static enum vch_err check(const char *pem, struct vch_csr *csr, struct vch_diag *diag) {
    *diag = (struct vch_diag){.reason = NULL};
    return vch_csr_check(vch_str_from(pem), arena, csr, diag);
}

static void expect_refused(const char *what, const char *pem, const char *reason) {
    struct vch_csr csr;
    struct vch_diag diag;
    if (check(pem, &csr, &diag) == VCH_OK) fail_msg("%s was taken", what);
    if (!diag.reason || strcmp(diag.reason, reason) != 0) fail_msg("%s: %s, %s", what, diag.reason ? diag.reason : "-", diag.message);
}

static void every_good_kind_is_taken(void **state) {
    (void)state;
    static const char *const kinds[] = {"P-256", "P-384", "P-521", "RSA-2048", "RSA-3072"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct vch_csr csr;
        struct vch_diag diag;
        char *pem = make_csr(kinds[i], "sensor-1");
        if (check(pem, &csr, &diag) != VCH_OK) fail_msg("%s: %s", kinds[i], diag.message);
        const unsigned char *p = (const unsigned char *)csr.spki.ptr;
        EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)csr.spki.len);
        assert_non_null(key);
        EVP_PKEY_free(key);
        p = (const unsigned char *)csr.subject.ptr;
        X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)csr.subject.len);
        char cn[32];
        assert_int_equal(X509_NAME_get_text_by_NID(name, NID_commonName, cn, sizeof cn), 8);
        assert_string_equal(cn, "sensor-1");
        X509_NAME_free(name);
        free(pem);
    }
}

static void bad_kinds_are_weak(void **state) {
    (void)state;
    static const char *const kinds[] = {"RSA-1024", "RSA-2040", "P-192", "secp256k1", "brainpoolP256r1", "ED25519"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char *pem = make_csr(kinds[i], "x");
        expect_refused(kinds[i], pem, "csr-weak-key");
        free(pem);
    }
}

static void the_digest_must_be_of_today(void **state) {
    (void)state;
    static const struct {
        const EVP_MD *(*md)(void);
        bool ok;
    } cases[] = {{EVP_sha256, true}, {EVP_sha384, true}, {EVP_sha512, true}, {EVP_sha1, false}, {EVP_sha224, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        EVP_PKEY *key = make_key("P-256");
        X509_REQ *request = make_request(key, "x", cases[i].md());
        char *pem = request_pem(request);
        struct vch_csr csr;
        struct vch_diag diag;
        assert_int_equal(check(pem, &csr, &diag) == VCH_OK, cases[i].ok);
        free(pem);
        X509_REQ_free(request);
        EVP_PKEY_free(key);
    }
}

/* The good request passes, the one changed thing fails. */
static void frames(void **state) {
    (void)state;
    char *good = make_csr("P-256", "x");
    char text[3 * VCH_CSR_MAX];
    struct vch_csr csr;
    struct vch_diag diag;
    assert_int_equal(check(good, &csr, &diag), VCH_OK);

    (void)snprintf(text, sizeof text, "Certificate Request:\n  of a device\n%s\r\n \t\n", good);
    assert_int_equal(check(text, &csr, &diag), VCH_OK);
    (void)snprintf(text, sizeof text, "%s%s", good, good);
    expect_refused("two objects", text, "csr-invalid");
    (void)snprintf(text, sizeof text, "%strailing", good);
    expect_refused("text after", text, "csr-invalid");
    (void)snprintf(text, sizeof text, "%.*s", (int)strlen(good) - 20, good);
    expect_refused("cut", text, "csr-invalid");
    (void)snprintf(text, sizeof text, "%s", good);
    memcpy(strstr(text, "MII") ? strstr(text, "MII") : text + 40, "!!!", 3);
    expect_refused("alphabet", text, "csr-invalid");
    expect_refused("nothing", "", "csr-invalid");
    expect_refused("no frame", "hello", "csr-invalid");
    expect_refused("empty frame", "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n", "csr-invalid");
    free(good);
}

static void length_is_bounded(void **state) {
    (void)state;
    char *good = make_csr("P-256", "x");
    char text[VCH_CSR_MAX + 2];
    struct vch_csr csr;
    struct vch_diag diag;
    size_t len = strlen(good);
    memset(text, '\n', sizeof text);
    memcpy(text, good, len);
    text[VCH_CSR_MAX] = '\0';
    assert_int_equal(check(text, &csr, &diag), VCH_OK);
    text[VCH_CSR_MAX] = '\n';
    text[VCH_CSR_MAX + 1] = '\0';
    assert_int_equal(check(text, &csr, &diag), VCH_ERR_TOO_LARGE);
    expect_refused("4097 characters", text, "csr-invalid");
    free(good);
}

struct der {
    unsigned char bytes[2048];
    size_t len;
};

static void good_der(struct der *der) {
    EVP_PKEY *key = make_key("P-256");
    X509_REQ *request = make_request(key, "x", EVP_sha256());
    unsigned char *p = der->bytes;
    der->len = (size_t)i2d_X509_REQ(request, &p);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
}

static void expect_der_refused(const char *what, const struct der *der) {
    char *pem = frame("CERTIFICATE REQUEST", der->bytes, der->len);
    expect_refused(what, pem, "csr-invalid");
    free(pem);
}

static void labels(void **state) {
    (void)state;
    struct der der;
    struct vch_csr csr;
    struct vch_diag diag;
    good_der(&der);
    char *fresh = frame("NEW CERTIFICATE REQUEST", der.bytes, der.len);
    assert_int_equal(check(fresh, &csr, &diag), VCH_OK);
    free(fresh);
    char *wrong = frame("CERTIFICATE", der.bytes, der.len);
    expect_refused("label", wrong, "csr-invalid");
    free(wrong);
}

static void every_changed_byte_is_refused(void **state) {
    (void)state;
    struct der good, bad;
    good_der(&good);
    for (size_t i = 0; i < good.len; i++) {
        bad = good;
        bad.bytes[i] ^= 0x01;
        struct vch_csr csr;
        struct vch_diag diag;
        char *pem = frame("CERTIFICATE REQUEST", bad.bytes, bad.len);
        if (check(pem, &csr, &diag) == VCH_OK) fail_msg("byte %zu changed, and taken", i);
        free(pem);
    }
    bad = good;
    bad.bytes[bad.len++] = 0;
    expect_der_refused("a byte more", &bad);
    bad = good;
    bad.len--;
    expect_der_refused("a byte less", &bad);
}

static void a_strange_signer_is_refused(void **state) {
    (void)state;
    EVP_PKEY *key = make_key("P-256"), *other = make_key("P-256");
    X509_REQ *request = make_request(key, "x", EVP_sha256());
    assert_true(X509_REQ_sign(request, other, EVP_sha256()) > 0);
    char *pem = request_pem(request);
    expect_refused("signed by another key", pem, "csr-invalid");
    free(pem);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

static void a_point_off_its_curve_is_refused(void **state) {
    (void)state;
    EVP_PKEY *key = make_key("P-256");
    struct vch_str spki = make_spki(key);
    struct vch_spki parsed;
    assert_int_equal(vch_spki_check(spki, &parsed, NULL), VCH_OK);
    ((unsigned char *)(uintptr_t)spki.ptr)[spki.len - 1] ^= 1;
    assert_int_equal(vch_spki_check(spki, &parsed, NULL), VCH_ERR_MALFORMED);
    OPENSSL_free((void *)(uintptr_t)spki.ptr);
    EVP_PKEY_free(key);
}

/* The certificate of the AWS CLI's documentation style, made here by the X509 calls. */
static void certificates_are_described(void **state) {
    (void)state;
    EVP_PKEY *key = make_key("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 0x1234);
    ASN1_TIME_set_string(X509_getm_notBefore(x), "20200728164706Z");
    ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "20551231235959Z");
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)"first", -1, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, (const unsigned char *)"second", -1, -1, 0);
    X509_set_pubkey(x, key);
    X509_sign(x, key, EVP_sha256());
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    struct vch_certificate_info info;
    struct vch_diag diag = {.reason = NULL};
    struct vch_str bytes = vch_str_of(der, (size_t)len), back;
    assert_int_equal(vch_certificate_describe(bytes, arena, &info, &diag), VCH_OK);
    char id[65];
    vch_sha256_hex(bytes, id);
    assert_string_equal(info.id, id);
    assert_int_equal(info.not_before_ms, INT64_C(1595954826000));
    assert_int_equal(info.not_after_ms, INT64_C(2713910399000));
    assert_true(vch_str_eq_c(info.subject_cn, "first"));
    assert_true(vch_str_eq_c(info.serial_hex, "1234"));

    struct vch_str pem = vch_certificate_to_pem(bytes, arena);
    assert_true(vch_str_ends(pem, VCH_STR("-----END CERTIFICATE-----\n")));
    BIO *bio = BIO_new(BIO_s_mem());
    char *reference = NULL;
    assert_true(PEM_write_bio_X509(bio, x));
    long reference_len = BIO_get_mem_data(bio, &reference);
    assert_true(vch_str_eq(pem, vch_str_of(reference, (size_t)reference_len)));
    BIO_free(bio);
    assert_int_equal(vch_certificate_from_pem(pem, arena, &back, &diag), VCH_OK);
    assert_true(vch_str_eq(back, bytes));
    for (size_t cut = 0; cut < bytes.len; cut++)
        assert_int_equal(vch_certificate_describe(vch_str_sub(bytes, 0, cut), arena, &info, NULL), VCH_ERR_MALFORMED);
    struct vch_str twice = vch_arena_printf(arena, "%.*s%.*s", VCH_STR_ARG(pem), VCH_STR_ARG(pem));
    assert_int_equal(vch_certificate_from_pem(twice, arena, &back, &diag), VCH_ERR_MALFORMED);
    assert_string_equal(diag.reason, "field-invalid");
    OPENSSL_free(der);
    X509_free(x);
    EVP_PKEY_free(key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_good_kind_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_kinds_are_weak, setup, teardown),
        cmocka_unit_test_setup_teardown(the_digest_must_be_of_today, setup, teardown),
        cmocka_unit_test_setup_teardown(frames, setup, teardown),
        cmocka_unit_test_setup_teardown(length_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(labels, setup, teardown),
        cmocka_unit_test_setup_teardown(every_changed_byte_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_strange_signer_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_point_off_its_curve_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(certificates_are_described, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
