/* Certificates that others made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/x509v3.h>

#include "core/names.h"
#include "make.h"
#include "pki/csr.h"
#include "pki/foreign.h"

enum { DAY = 86400 };

static struct vch_arena *arena;
static int64_t now_ms;

static int setup(void **state) {
    (void)state;
    arena = vch_arena_new(4 << 20, false);
    now_ms = (int64_t)time(NULL) * 1000;
    return arena ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

struct recipe {
    const char *subject, *issuer, *kind;
    bool authority;
    long from, to; /* seconds from now */
    const EVP_MD *(*md)(void);
};
static const struct recipe good = {"device", "maker", "P-256", false, -DAY, DAY, EVP_sha256};

static void name_of(X509_NAME *name, const char *common_name) {
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Makers", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0);
}

/* PEM in the arena; `signer` NULL: by its own key, which `ret_key` keeps. */
static struct vch_str make(const struct recipe *recipe, EVP_PKEY *signer, EVP_PKEY **ret_key) {
    EVP_PKEY *key = make_key(recipe->kind);
    X509 *x = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    X509V3_CTX context;
    (void)X509_set_version(x, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(x), 77);
    name_of(X509_get_subject_name(x), recipe->subject);
    name_of(X509_get_issuer_name(x), recipe->issuer);
    (void)X509_gmtime_adj(X509_getm_notBefore(x), recipe->from);
    (void)X509_gmtime_adj(X509_getm_notAfter(x), recipe->to);
    (void)X509_set_pubkey(x, key);
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION *basic = X509V3_EXT_conf_nid(NULL, &context, NID_basic_constraints, recipe->authority ? "critical,CA:TRUE" : "CA:FALSE");
    (void)X509_add_ext(x, basic, -1);
    X509_EXTENSION_free(basic);
    if (!X509_sign(x, signer ? signer : key, recipe->md ? recipe->md() : NULL) || !PEM_write_bio_X509(bio, x)) abort();
    long len = BIO_get_mem_data(bio, &bytes);
    struct vch_str pem = vch_arena_str(arena, vch_str_of(bytes, (size_t)len));
    BIO_free(bio);
    X509_free(x);
    if (ret_key) *ret_key = key;
    else EVP_PKEY_free(key);
    return pem;
}

static struct vch_foreign parse(struct vch_str pem) {
    struct vch_foreign x;
    struct vch_diag diag = {0};
    if (vch_foreign_parse(pem, "certificatePem", now_ms, arena, &x, &diag) != VCH_OK) fail_msg("%s", diag.message);
    return x;
}

static void refused(const char *what, struct vch_str pem) {
    struct vch_foreign x;
    struct vch_diag diag = {0};
    if (vch_foreign_parse(pem, "certificatePem", now_ms, arena, &x, &diag) != VCH_ERR_INVALID) fail_msg("%s was taken", what);
    assert_string_equal(diag.reason, "certificate-invalid");
    assert_string_equal(diag.field, "certificatePem");
}

static void good_ones_are_described(void **state) {
    (void)state;
    static const char *const kinds[] = {"P-256", "P-384", "P-521", "RSA-2048"};
    const EVP_MD *(*const digests[])(void) = {EVP_sha256, EVP_sha384, EVP_sha512};
    for (size_t i = 0; i < 12; i++) {
        struct recipe recipe = good;
        recipe.kind = kinds[i % 4];
        recipe.md = digests[i / 4];
        recipe.authority = i % 2;
        struct vch_str pem = make(&recipe, NULL, NULL), der;
        struct vch_foreign x = parse(pem);
        struct vch_certificate_info info;
        assert_int_equal(vch_certificate_from_pem(pem, arena, &der, NULL), VCH_OK);
        assert_int_equal(vch_certificate_describe(der, arena, &info, NULL), VCH_OK);
        assert_true(vch_str_eq(x.der, der));
        assert_true(vch_str_eq(x.pem, pem));
        assert_string_equal(x.id, info.id);
        assert_true(vch_str_eq_c(x.subject_cn, "device"));
        assert_int_equal(x.is_ca, recipe.authority);
        assert_int_equal(strlen(x.subject), 64);
        assert_string_not_equal(x.subject, x.issuer);
        assert_in_range((x.not_after_ms - now_ms) / 1000, DAY - 60, DAY + 60);
        assert_in_range((now_ms - x.not_before_ms) / 1000, DAY - 60, DAY + 60);
    }
}

static void names_are_told_by_their_hash(void **state) {
    (void)state;
    struct recipe one = good, own = good;
    own.subject = own.issuer;
    struct vch_foreign child = parse(make(&one, NULL, NULL)), root = parse(make(&own, NULL, NULL));
    assert_string_equal(child.issuer, root.subject);
    assert_string_equal(root.issuer, root.subject);
}

static void bad_ones_are_refused(void **state) {
    (void)state;
    struct recipe old = good, weak = good, curve = good, sha1 = good, edwards = good;
    struct vch_str pem = make(&good, NULL, NULL);
    old.from = -2 * DAY;
    old.to = -DAY;
    weak.kind = "RSA-1024";
    curve.kind = "secp256k1";
    sha1.md = EVP_sha1;
    edwards.kind = "ED25519";
    edwards.md = NULL;
    refused("an expired one", make(&old, NULL, NULL));
    refused("a short key", make(&weak, NULL, NULL));
    refused("another curve", make(&curve, NULL, NULL));
    refused("SHA-1", make(&sha1, NULL, NULL));
    refused("Ed25519", make(&edwards, NULL, NULL));
    refused("nothing", VCH_STR(""));
    refused("text", VCH_STR("not a certificate"));
    refused("two of them", vch_arena_printf(arena, "%.*s%.*s", VCH_STR_ARG(pem), VCH_STR_ARG(pem)));
    refused("half of it", vch_str_sub(pem, 0, pem.len / 2));
    char *request = make_csr("P-256", "x");
    refused("a request", vch_str_from(request));
    free(request);
    refused("one too long", vch_str_of(pem.ptr, 0x10001));
}

/* Each byte of the DER wrong once: taken or refused, never more than that. */
static void every_byte_may_be_wrong(void **state) {
    (void)state;
    struct vch_foreign x = parse(make(&good, NULL, NULL)), y;
    unsigned char copy[2048];
    assert_true(x.der.len <= sizeof copy);
    for (size_t i = 0; i < x.der.len; i++) {
        memcpy(copy, x.der.ptr, x.der.len);
        copy[i] ^= 0x5A;
        char *text = frame("CERTIFICATE", copy, x.der.len);
        struct vch_diag diag = {0};
        enum vch_err err = vch_foreign_parse(vch_str_from(text), "f", now_ms, arena, &y, &diag);
        assert_true(err == VCH_OK || (err == VCH_ERR_INVALID && diag.reason));
        if (err == VCH_OK) assert_string_not_equal(y.id, x.id);
        free(text);
        if (i % 64 == 0) vch_arena_reset(arena);
        if (i % 64 == 0) x = parse(make(&good, NULL, NULL));
        if (i % 64 == 0) assert_true(x.der.len <= sizeof copy);
    }
}

static void signatures_are_tested(void **state) {
    (void)state;
    EVP_PKEY *key = NULL;
    struct recipe root = good, other = good;
    root.subject = root.issuer;
    root.authority = true;
    other.issuer = "someone else";
    struct vch_foreign ca = parse(make(&root, NULL, &key)), impostor = parse(make(&root, NULL, NULL));
    struct vch_foreign child = parse(make(&good, key, NULL)), stranger = parse(make(&other, key, NULL));
    assert_true(vch_foreign_signed_by(child.der, ca.der));
    assert_true(vch_foreign_signed_by(ca.der, ca.der));
    assert_false(vch_foreign_signed_by(child.der, impostor.der)); /* the name, not the key */
    assert_false(vch_foreign_signed_by(stranger.der, ca.der));    /* the key, not the name */
    assert_false(vch_foreign_signed_by(ca.der, child.der));
    assert_false(vch_foreign_signed_by(child.der, VCH_STR("")));
    assert_false(vch_foreign_signed_by(VCH_STR("x"), ca.der));
    EVP_PKEY_free(key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(good_ones_are_described, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_told_by_their_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_ones_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(every_byte_may_be_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(signatures_are_tested, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
