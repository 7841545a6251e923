#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/clock.h"
#include "make.h"
#include "pki/authority_priv.h"
#include "pki/issue_priv.h"
#include "pki/name_priv.h"

static struct vch_authority root, ca;
static struct vch_issuer issuer;

static void pem_of(const struct vch_authority *authority, struct vch_buf *key, struct vch_buf *certificate) {
    vch_buf_init_secret(key, 65536);
    vch_buf_init(certificate, 65536);
    vch_authority_put_key(authority->key, key);
    vch_authority_put_certificate(authority->certificate, certificate);
}

static enum vch_err load(const struct vch_authority *key_of, const struct vch_authority *certificate_of, struct vch_issuer *ret) {
    struct vch_buf key, certificate, other_key, other_certificate;
    pem_of(key_of, &key, &other_certificate);
    pem_of(certificate_of, &other_key, &certificate);
    enum vch_err err = vch_issuer_init(ret, vch_str_of(key.ptr, key.len), vch_str_of(certificate.ptr, certificate.len), NULL);
    vch_buf_deinit(&key);
    vch_buf_deinit(&certificate);
    vch_buf_deinit(&other_key);
    vch_buf_deinit(&other_certificate);
    return err;
}

static int setup(void **state) {
    (void)state;
    if (!vch_authority_make("Test Root", NULL, &root) || !vch_authority_make("Test Issuer", &root, &ca)) return -1;
    return load(&ca, &ca, &issuer) == VCH_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    vch_issuer_deinit(&issuer);
    vch_authority_deinit(&ca);
    vch_authority_deinit(&root);
    return 0;
}

static X509 *issue(const struct vch_issue *what) {
    uint8_t der[VCH_ISSUE_MAX];
    size_t len = 0;
    assert_int_equal(vch_issue_check(what, -1), VCH_REFUSAL_NONE);
    assert_true(vch_issue_build(&issuer, what, der, &len));
    const unsigned char *p = der;
    X509 *x = d2i_X509(NULL, &p, (long)len);
    assert_non_null(x);
    assert_ptr_equal(p, der + len);
    return x;
}

static void add_extension(X509 *x, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, ca.certificate, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_true(X509_add_ext(x, e, -1));
    X509_EXTENSION_free(e);
}

/* The same certificate by the X509 calls; serial number and a random name are taken over. */
static X509 *reference(const struct vch_issue *what, const X509 *ours, EVP_PKEY *key) {
    X509 *x = X509_new();
    X509_set_version(x, 2);
    X509_set_serialNumber(x, (ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(ours));
    ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(what->not_before_ms / 1000));
    ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(what->not_after_ms / 1000));
    X509_set_issuer_name(x, X509_get_subject_name(ca.certificate));
    char cn[65] = "AWS IoT Certificate";
    if (what->profile == VCH_PROFILE_CLAIM)
        assert_int_equal(X509_NAME_get_text_by_NID(X509_get_subject_name(ours), NID_commonName, cn, sizeof cn), 64);
    const unsigned char *subject = (const unsigned char *)what->subject.ptr;
    X509_NAME *name = what->subject.len && !vch_name_empty(what->subject)
                          ? d2i_X509_NAME(NULL, &subject, (long)what->subject.len)
                          : X509_NAME_new();
    if (!X509_NAME_entry_count(name))
        X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING, (const unsigned char *)cn, -1, -1, 0);
    X509_set_subject_name(x, name);
    X509_NAME_free(name);
    X509_set_pubkey(x, key);
    add_extension(x, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(x, NID_key_usage, "critical,digitalSignature");
    if (what->profile == VCH_PROFILE_DEVICE) {
        add_extension(x, NID_subject_key_identifier, "hash");
        add_extension(x, NID_authority_key_identifier, "keyid:always");
    }
    assert_true(X509_sign(x, ca.key, EVP_sha256()) > 0);
    return x;
}

/* Everything but the signature's own random bytes. */
static void expect_same(const char *what, X509 *ours, X509 *theirs) {
    unsigned char *a = NULL, *b = NULL;
    int a_len = i2d_re_X509_tbs(ours, &a), b_len = i2d_re_X509_tbs(theirs, &b);
    /* i2d_re encodes anew; compare with the bytes as issued as well. */
    if (a_len != b_len || memcmp(a, b, (size_t)a_len) != 0) fail_msg("%s differs from the X509 calls", what);
    const X509_ALGOR *inner = X509_get0_tbs_sigalg(ours), *outer = NULL;
    X509_get0_signature(NULL, &outer, ours);
    assert_int_equal(X509_ALGOR_cmp(inner, outer), 0);
    OPENSSL_free(a);
    OPENSSL_free(b);
}

static void expect_chain(X509 *leaf, int64_t at_ms) {
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *between = sk_X509_new_null();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE_add_cert(store, root.certificate);
    sk_X509_push(between, ca.certificate);
    assert_true(X509_STORE_CTX_init(ctx, store, leaf, between));
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)(at_ms / 1000));
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
    X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT);
    int ok = X509_verify_cert(ctx);
    /* The claim has no AKI, as AWS's has none; strictness alone complains. */
    int error = X509_STORE_CTX_get_error(ctx);
    if (ok != 1 && error != X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER && error != X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER)
        fail_msg("the chain does not hold: %s", X509_verify_cert_error_string(error));
    X509_STORE_CTX_free(ctx);
    sk_X509_free(between);
    X509_STORE_free(store);
}

static void both_profiles_equal_the_x509_calls(void **state) {
    (void)state;
    static const char *const kinds[] = {"P-256", "P-384", "P-521", "RSA-2048", "RSA-4096"};
    int64_t now = vch_now_ms();
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        EVP_PKEY *key = make_key(kinds[i]);
        struct vch_str spki = make_spki(key);
        for (int profile = VCH_PROFILE_CLAIM; profile <= VCH_PROFILE_DEVICE; profile++) {
            struct vch_issue what = {.profile = (enum vch_profile)profile, .spki = spki, .not_before_ms = now - 120000,
                                     .not_after_ms = profile == VCH_PROFILE_CLAIM ? now + 300000 : VCH_ISSUE_LAST_MS};
            X509 *ours = issue(&what), *theirs = reference(&what, ours, key);
            expect_same(kinds[i], ours, theirs);
            assert_int_equal(X509_verify(ours, ca.key), 1);
            expect_chain(ours, now);
            X509_free(ours);
            X509_free(theirs);
        }
        OPENSSL_free((void *)(uintptr_t)spki.ptr);
        EVP_PKEY_free(key);
    }
}

static void the_subject_of_a_request_is_copied(void **state) {
    (void)state;
    EVP_PKEY *key = make_key("P-256");
    struct vch_str spki = make_spki(key);
    X509_REQ *request = make_request(key, "s\xC3\xA9nsor", EVP_sha256());
    const unsigned char *der = NULL;
    size_t len = 0;
    X509_NAME_get0_der(X509_REQ_get_subject_name(request), &der, &len);
    const struct vch_str subjects[] = {vch_str_of(der, len), VCH_STR("\x30\x00"), {NULL, 0}};
    for (size_t i = 0; i < 3; i++) {
        struct vch_issue what = {VCH_PROFILE_DEVICE, spki, subjects[i], vch_now_ms(), VCH_ISSUE_LAST_MS};
        X509 *ours = issue(&what), *theirs = reference(&what, ours, key);
        expect_same("subject", ours, theirs);
        X509_free(ours);
        X509_free(theirs);
    }
    X509_REQ_free(request);
    OPENSSL_free((void *)(uintptr_t)spki.ptr);
    EVP_PKEY_free(key);
}

static void serials_and_names_are_random_and_positive(void **state) {
    (void)state;
    EVP_PKEY *key = make_key("P-256");
    struct vch_str spki = make_spki(key);
    char last_cn[65] = "";
    ASN1_INTEGER *last = ASN1_INTEGER_new();
    for (int i = 0; i < 200; i++) {
        struct vch_issue what = {VCH_PROFILE_CLAIM, spki, {NULL, 0}, vch_now_ms(), vch_now_ms() + 300000};
        X509 *x = issue(&what);
        const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
        assert_int_equal(ASN1_STRING_length(serial), 20);
        assert_false(ASN1_STRING_type(serial) & V_ASN1_NEG);
        assert_int_not_equal(ASN1_INTEGER_cmp(serial, last), 0);
        char cn[66];
        assert_int_equal(X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof cn), 64);
        assert_int_equal(strspn(cn, "0123456789abcdef"), 64);
        assert_string_not_equal(cn, last_cn);
        memcpy(last_cn, cn, sizeof last_cn);
        ASN1_INTEGER_free(last);
        last = ASN1_INTEGER_dup(serial);
        X509_free(x);
    }
    ASN1_INTEGER_free(last);
    OPENSSL_free((void *)(uintptr_t)spki.ptr);
    EVP_PKEY_free(key);
}

/* The good request passes; each row changes one thing. */
static void profiles_are_held(void **state) {
    (void)state;
    EVP_PKEY *key = make_key("P-256"), *weak = make_key("RSA-1024");
    struct vch_str spki = make_spki(key), weak_spki = make_spki(weak), name = VCH_STR("\x30\x00");
    enum { S = 1000, NOW = 0 };
    const int64_t now = INT64_C(1800000000000), day = INT64_C(86400) * S;
    const struct vch_str longer = vch_str_of(spki.ptr, spki.len - 1);
    const enum vch_profile claim = VCH_PROFILE_CLAIM, device = VCH_PROFILE_DEVICE;
    const struct {
        const char *what;
        struct vch_issue issue;
        enum vch_refusal expect;
    } cases[] = {
        {"claim", {claim, spki, {NULL, 0}, now - 120 * S, now + 300 * S}, VCH_REFUSAL_NONE},
        {"device", {device, spki, {NULL, 0}, now - 120 * S, VCH_ISSUE_LAST_MS}, VCH_REFUSAL_NONE},
        {"claim of a day", {claim, spki, {NULL, 0}, now - 120 * S, now + day}, VCH_REFUSAL_NONE},
        {"claim of a day and a second", {claim, spki, {NULL, 0}, now - 120 * S, now + day + S}, VCH_REFUSAL_LIFETIME},
        {"device beyond 2049", {device, spki, {NULL, 0}, now, VCH_ISSUE_LAST_MS + 1}, VCH_REFUSAL_LIFETIME},
        {"ends at its start", {claim, spki, {NULL, 0}, now, now}, VCH_REFUSAL_LIFETIME},
        {"ends before", {claim, spki, {NULL, 0}, now, now - 1}, VCH_REFUSAL_LIFETIME},
        {"negative", {claim, spki, {NULL, 0}, -1, now}, VCH_REFUSAL_LIFETIME},
        {"far past", {claim, spki, {NULL, 0}, INT64_MIN, INT64_MAX}, VCH_REFUSAL_LIFETIME},
        {"starts 10 minutes ago", {claim, spki, {NULL, 0}, now - 600 * S, now}, VCH_REFUSAL_NONE},
        {"starts earlier", {claim, spki, {NULL, 0}, now - 601 * S, now}, VCH_REFUSAL_CLOCK},
        {"starts later", {device, spki, {NULL, 0}, now + 601 * S, now + day}, VCH_REFUSAL_CLOCK},
        {"profile 2", {(enum vch_profile)2, spki, {NULL, 0}, now, now + 300 * S}, VCH_REFUSAL_PROFILE},
        {"weak key", {claim, weak_spki, {NULL, 0}, now, now + 300 * S}, VCH_REFUSAL_KEY},
        {"no key", {claim, {NULL, 0}, {NULL, 0}, now, now + 300 * S}, VCH_REFUSAL_KEY},
        {"cut key", {claim, longer, {NULL, 0}, now, now + 300 * S}, VCH_REFUSAL_KEY},
        {"claim with a subject", {claim, spki, name, now, now + 300 * S}, VCH_REFUSAL_SUBJECT},
        {"device with a subject", {device, spki, name, now, now + 300 * S}, VCH_REFUSAL_NONE},
        {"subject that is no name", {device, spki, VCH_STR("\x31\x00"), now, now + 300 * S}, VCH_REFUSAL_SUBJECT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum vch_refusal got = vch_issue_check(&cases[i].issue, now);
        if (got != cases[i].expect) fail_msg("%s: %d, not %d", cases[i].what, got, cases[i].expect);
        if (cases[i].expect == VCH_REFUSAL_CLOCK) assert_int_equal(vch_issue_check(&cases[i].issue, -1), VCH_REFUSAL_NONE);
    }
    OPENSSL_free((void *)(uintptr_t)spki.ptr);
    OPENSSL_free((void *)(uintptr_t)weak_spki.ptr);
    EVP_PKEY_free(key);
    EVP_PKEY_free(weak);
}

static void an_issuer_must_be_whole(void **state) {
    (void)state;
    struct vch_issuer bad;
    assert_int_equal(load(&root, &ca, &bad), VCH_ERR_MALFORMED);
    assert_int_equal(vch_issuer_init(&bad, VCH_STR("x"), VCH_STR("y"), NULL), VCH_ERR_MALFORMED);
    assert_int_equal(load(&root, &root, &bad), VCH_OK);
    vch_issuer_deinit(&bad);
    struct vch_issuer zero = {.key = NULL};
    vch_issuer_deinit(&zero);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_profiles_equal_the_x509_calls),
        cmocka_unit_test(the_subject_of_a_request_is_copied),
        cmocka_unit_test(serials_and_names_are_random_and_positive),
        cmocka_unit_test(profiles_are_held),
        cmocka_unit_test(an_issuer_must_be_whole),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
