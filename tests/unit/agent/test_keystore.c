#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "agent/pkcs11_make.h"
#include "agent/x509.h"

static void test_every_key_type_makes_a_request(void **state) {
    (void)state;
    static const struct {
        const char *word;
        int bits;
    } rows[] = {{"ec-p256", 256}, {"ec-p384", 384}, {"rsa-2048", 2048}, {"rsa-3072", 3072}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum vch_key_type type;
        struct vch_buf key, request;
        EVP_PKEY *loaded = NULL;
        vch_buf_init_secret(&key, 65536);
        vch_buf_init(&request, 65536);
        assert_int_equal(vch_key_type_parse(vch_str_from(rows[i].word), &type), VCH_OK);
        assert_int_equal(vch_key_request(type, VCH_STR(""), &key, &request, NULL), VCH_OK);
        struct vch_str pem = vch_str_of(key.ptr, key.len);
        assert_int_equal(vch_x509_check_request(vch_str_of(request.ptr, request.len), pem), VCH_OK);
        assert_int_equal(vch_key_load(pem, &loaded, NULL), VCH_OK);
        assert_int_equal(EVP_PKEY_get_bits(loaded), rows[i].bits);
        EVP_PKEY_free(loaded);
        vch_buf_deinit(&key);
        vch_buf_deinit(&request);
    }
    enum vch_key_type type;
    assert_int_equal(vch_key_type_parse(VCH_STR("ec-p521"), &type), VCH_ERR_INVALID);
    assert_int_equal(vch_key_type_parse(VCH_STR(""), &type), VCH_ERR_INVALID);
}

static void test_uris_are_told_from_paths(void **state) {
    (void)state;
    assert_true(vch_key_is_uri(VCH_STR("pkcs11:object=k")));
    assert_true(vch_key_is_uri(VCH_STR("handle:0x81000001")));
    assert_false(vch_key_is_uri(VCH_STR("/etc/pkcs11:key")));
    assert_false(vch_key_is_uri(VCH_STR("-----BEGIN PRIVATE KEY-----")));
    assert_false(vch_key_is_uri(VCH_STR("")));
}

static void test_uris(void **state) {
    (void)state;
    static const struct {
        const char *uri;
        enum vch_err err;
    } rows[] = {
        {"pkcs11:token=My%20Token;object=key;slot-id=7", VCH_OK},
        {"pkcs11:object=key?module-path=/usr/lib/x.so", VCH_OK},
        {"pkcs11:", VCH_OK},
        {"pkcs11:object", VCH_ERR_INVALID},
        {"pkcs11:object=key?pin-value=1234", VCH_ERR_INVALID},
        {"pkcs11:object=key;pin-value=1234", VCH_ERR_INVALID},
        {"pkcs11:object=%0", VCH_ERR_INVALID},
        {"pkcs11:object=%00", VCH_ERR_INVALID},
        {"pkcs11:object=%zz", VCH_ERR_INVALID},
        {"pkcs11:slot-id=-1", VCH_ERR_INVALID},
        {"pkcs11:slot-id=x", VCH_ERR_INVALID},
        {"pkcs11:token=123456789012345678901234567890123", VCH_ERR_INVALID},
        {"handle:0x81000001", VCH_OK},
        {"handle:0x81FFFFFF", VCH_OK},
        {"handle:0x80000001", VCH_ERR_INVALID},
        {"handle:0x8100000", VCH_ERR_INVALID},
        {"handle:0x810000011", VCH_ERR_INVALID},
        {"handle:0x8100000g", VCH_ERR_INVALID},
        {"handle:81000001", VCH_ERR_INVALID},
        {"handle:", VCH_ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vch_diag diag = {0};
        enum vch_err err = vch_key_uri_check(vch_str_from(rows[i].uri), &diag);
        if (err != rows[i].err) fail_msg("%s: %d", rows[i].uri, err);
        assert_int_equal(err != VCH_OK, diag.message[0] != '\0');
        assert_null(strstr(diag.message, "1234"));
    }
}

static void test_the_parts_of_a_uri(void **state) {
    (void)state;
    struct vch_pkcs11_name name;
    assert_int_equal(vch_pkcs11_parse(VCH_STR("pkcs11:token=My%20Token;id=%01%00;object=a%3Bb?module-path=/x%26y&pin-source=file:/p"),
                                      &name, NULL), VCH_OK);
    assert_string_equal(name.token, "My Token");
    assert_string_equal(name.object, "a;b");
    assert_string_equal(name.module, "/x&y");
    assert_int_equal(name.slot, -1);
    assert_int_equal(vch_pkcs11_parse(VCH_STR("pkcs11:slot-id=12"), &name, NULL), VCH_OK);
    assert_int_equal(name.slot, 12);
    assert_string_equal(name.object, "");
}

static void test_what_is_not_there(void **state) {
    (void)state;
    struct vch_diag diag = {0};
    EVP_PKEY *key = NULL;
    bool made = true;
    struct vch_pkcs11_name name = {.object = "k", .slot = -1};
    assert_int_equal(vch_pkcs11_ensure("/nonexistent.so", &name, VCH_STR("1"), VCH_KEY_TYPE_P256, &made, &diag), VCH_ERR_NOT_FOUND);
    assert_false(made);
    assert_non_null(strstr(diag.message, "/nonexistent.so"));
    name.object[0] = '\0';
    assert_int_equal(vch_pkcs11_ensure("/nonexistent.so", &name, VCH_STR("1"), VCH_KEY_TYPE_P256, &made, &diag), VCH_ERR_INVALID);
    assert_int_equal(vch_key_load(VCH_STR("no key"), &key, &diag), VCH_ERR_MALFORMED);
    assert_null(key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_type_makes_a_request), cmocka_unit_test(test_uris_are_told_from_paths),
        cmocka_unit_test(test_uris),                           cmocka_unit_test(test_the_parts_of_a_uri),
        cmocka_unit_test(test_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
