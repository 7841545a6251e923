#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/pem_mend.h"

#define BODY64 "MIIBszCCAVmgAwIBAgIUQmFzZTY0IGlzIGFsbCB0aGF0IG1hdHRlcnMgaGVyZTAK"
#define CLEAN "-----BEGIN CERTIFICATE-----\n" BODY64 "\nAAAA\n-----END CERTIFICATE-----\n"

static const struct {
    const char *text;
    bool changed;
} readable[] = {
    {CLEAN, false},
    {"-----BEGIN CERTIFICATE-----\r\n" BODY64 "\r\nAAAA\r\n-----END CERTIFICATE-----\r\n", true},
    {"-----BEGIN CERTIFICATE-----\\n" BODY64 "\\nAAAA\\n-----END CERTIFICATE-----\\n", true},
    {"\"certificatePem\": \"-----BEGIN CERTIFICATE-----\\n" BODY64 "\\nAAAA\\n-----END CERTIFICATE-----\\n\",\n", true},
    {"-----BEGIN CERTIFICATE-----\\\\n" BODY64 "\\\\nAAAA\\\\n-----END CERTIFICATE-----\\\\n", true},
    {"-----BEGIN CERTIFICATE-----\\r\\n" BODY64 "\\r\\nAAAA\\r\\n-----END CERTIFICATE-----", true},
    {"-----BEGIN CERTIFICATE-----\\u000A" BODY64 "\\u000aAAAA\\u000D-----END CERTIFICATE-----", true},
    {"'-----BEGIN CERTIFICATE-----" BODY64 "AAAA-----END CERTIFICATE-----'", true},
    {"-----BEGIN CERTIFICATE----- " BODY64 " AAAA -----END CERTIFICATE-----", true},
    {"  \"-----BEGIN CERTIFICATE-----\",\n  \"" BODY64 "\",\n  \"AAAA\",\n \"-----END CERTIFICATE-----\"\n", true},
    {"Bag Attributes\nsubject=CN = x\n" CLEAN, false},
    {"\xEF\xBB\xBF" CLEAN, false},
    {"-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n" CLEAN, false},
};

static void test_pasted_text_becomes_clean(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof readable / sizeof *readable; i++) {
        struct vch_buf buf;
        struct vch_str text;
        bool changed;
        vch_buf_init(&buf, 4096);
        if (vch_pem_mend(vch_str_from(readable[i].text), VCH_PEM_CERTIFICATE, &buf, &changed) != VCH_OK)
            fail_msg("not read: %s", readable[i].text);
        assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
        assert_string_equal(text.ptr, CLEAN);
        assert_int_equal(changed, readable[i].changed);
        vch_buf_deinit(&buf);
    }
}

static const struct {
    const char *text;
    enum vch_err err;
} unreadable[] = {
    {"", VCH_ERR_NOT_FOUND},
    {"hello", VCH_ERR_NOT_FOUND},
    {"-----BEGIN CERTIFICATE-----\nAAAA\n", VCH_ERR_NOT_FOUND},
    {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END PRIVATE KEY-----", VCH_ERR_NOT_FOUND},
    {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE", VCH_ERR_NOT_FOUND},
    {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", VCH_ERR_NOT_FOUND},
    {"-----BEGIN certificate-----\nAAAA\n-----END certificate-----", VCH_ERR_NOT_FOUND},
    {"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", VCH_ERR_MALFORMED},
    {"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----", VCH_ERR_MALFORMED},
    {"-----BEGIN CERTIFICATE-----\nAA*A\n-----END CERTIFICATE-----", VCH_ERR_MALFORMED},
    {"-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", VCH_ERR_MALFORMED},
    {"-----BEGIN CERTIFICATE-----\n<replace_with_cert>\n-----END CERTIFICATE-----", VCH_ERR_MALFORMED},
};

static void test_what_is_not_pem(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof unreadable / sizeof *unreadable; i++) {
        struct vch_buf buf;
        bool changed;
        vch_buf_init(&buf, 4096);
        enum vch_err err = vch_pem_mend(vch_str_from(unreadable[i].text), VCH_PEM_CERTIFICATE, &buf, &changed);
        if (err != unreadable[i].err) fail_msg("%d for: %s", err, unreadable[i].text);
        vch_buf_deinit(&buf);
    }
}

static void test_no_text_at_all(void **state) {
    (void)state;
    struct vch_buf buf;
    bool changed;
    vch_buf_init(&buf, 64);
    assert_int_equal(vch_pem_first(vch_str_of(NULL, 0)), VCH_PEM_NONE);
    assert_int_equal(vch_pem_mend(vch_str_of(NULL, 0), VCH_PEM_CERTIFICATE, &buf, &changed), VCH_ERR_NOT_FOUND);
    vch_buf_deinit(&buf);
}

static void test_chains_stay_whole(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_str text;
    bool changed;
    vch_buf_init(&buf, 4096);
    assert_int_equal(vch_pem_mend(VCH_STR(CLEAN "\n" CLEAN), VCH_PEM_CERTIFICATE, &buf, &changed), VCH_OK);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_string_equal(text.ptr, CLEAN CLEAN);
    vch_buf_deinit(&buf);
}

static void test_kinds(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum vch_pem_kind kind;
    } cases[] = {
        {CLEAN, VCH_PEM_CERTIFICATE},
        {"-----BEGIN RSA PRIVATE KEY-----\\nAAAA\\n-----END RSA PRIVATE KEY-----", VCH_PEM_PRIVATE_KEY},
        {"-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n-----BEGIN EC PRIVATE "
         "KEY-----\nAAAA\n-----END EC PRIVATE KEY-----",
         VCH_PEM_PRIVATE_KEY},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----", VCH_PEM_ENCRYPTED_KEY},
        {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAAAA\n-----END RSA PRIVATE KEY-----",
         VCH_PEM_ENCRYPTED_KEY},
        {"-----BEGIN NEW CERTIFICATE REQUEST-----\nAAAA\n-----END NEW CERTIFICATE REQUEST-----", VCH_PEM_REQUEST},
        {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", VCH_PEM_NONE},
        {"nothing", VCH_PEM_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(vch_pem_first(vch_str_from(cases[i].text)), cases[i].kind);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pasted_text_becomes_clean),
        cmocka_unit_test(test_what_is_not_pem),
        cmocka_unit_test(test_no_text_at_all),
        cmocka_unit_test(test_chains_stay_whole),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
