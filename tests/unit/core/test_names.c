#include "core/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

typedef bool predicate(struct vch_str);

struct row {
    predicate *valid;
    const char *text;
    bool want;
};

#define HEX32 "0123456789abcdefABCDEF0123456789"
#define A128                                                                                                           \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                                                 \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct row rows[] = {
    {vch_thing_name_valid, "device-client-fp", true},
    {vch_thing_name_valid, "a:b_C-9", true},
    {vch_thing_name_valid, "", false},
    {vch_thing_name_valid, "a b", false},
    {vch_thing_name_valid, "a/b", false},
    {vch_thing_name_valid, "a.b", false},
    {vch_thing_name_valid, "d\xC3\xA9vice", false},
    {vch_thing_name_valid, A128, true},
    {vch_thing_name_valid, A128 "a", false},
    {vch_policy_name_valid, "pubsub", true},
    {vch_policy_name_valid, "a+b=c,d.e@f-g_h", true},
    {vch_policy_name_valid, "a:b", false},
    {vch_policy_name_valid, "a/b", false},
    {vch_policy_name_valid, A128 "a", false},
    {vch_template_name_valid, "TrustedUserProvisioningTemplate", true},
    {vch_template_name_valid, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true},
    {vch_template_name_valid, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    {vch_template_name_valid, "a:b", false},
    {vch_template_name_valid, "", false},
    {vch_certificate_id_valid, HEX32 HEX32, true},
    {vch_certificate_id_valid, HEX32 "0123456789abcdefABCDEF012345678", false},
    {vch_certificate_id_valid, HEX32 "0123456789abcdefABCDEF012345678g", false},
    {vch_attribute_name_valid, "Location.x,@/:#-_", true},
    {vch_attribute_name_valid, "", false},
    {vch_attribute_name_valid, "a[0]", false},
    {vch_attribute_value_valid, "", true},
    {vch_attribute_value_valid, "a[0]=1", true},
    {vch_attribute_value_valid, "a b", false},
    {vch_role_arn_valid, "arn:aws:iam::123456789012:role/IoTFleetProvisioningRole", true},
    {vch_role_arn_valid, "arn:aws-cn:iam::123456789012:role/path/R", true},
    {vch_role_arn_valid, "arn:aws:iam::123456789012:role/", false},
    {vch_role_arn_valid, "arn:aws:iam::123456789012:user/someone", false},
    {vch_role_arn_valid, "arn:aws:iam::account:role/IoTFleetProvisioningRole", false},
    {vch_role_arn_valid, "arn:aws:iot::123456789012:role/IoTFleetProvisioningRole", false},
    {vch_role_arn_valid, "arn:aws:iam:us-east-1:123456789012:role/R", false},
    {vch_role_arn_valid, "role/IoTFleetProvisioningRole", false},
    {vch_user_name_valid, "trusted.user@example", true},
    {vch_user_name_valid, "", false},
    {vch_user_name_valid, "a b", false},
    {vch_tag_key_valid, "Cost center_.:/=+-@1", true},
    {vch_tag_key_valid, "\xC3\xA9t\xC3\xA9", true},
    {vch_tag_key_valid, "", false},
    {vch_tag_key_valid, "a#b", false},
    {vch_tag_key_valid, "a*", false},
    {vch_tag_key_valid, "aws:x", false},
    {vch_tag_key_valid, "AWS:x", false},
    {vch_tag_key_valid, "aws", true},
    {vch_tag_key_valid, "a\tb", false},
    {vch_tag_key_valid, "\xC3", false},
    {vch_tag_value_valid, "", true},
    {vch_tag_value_valid, "aws:x", true},
    {vch_tag_value_valid, "a\"b", false},
    {vch_account_valid, "123456789012", true},
    {vch_account_valid, "12345678901", false},
    {vch_account_valid, "1234567890123", false},
    {vch_account_valid, "12345678901a", false},
    {vch_region_valid, "us-east-1", true},
    {vch_region_valid, "US-east-1", false},
    {vch_region_valid, "", false},
    {vch_region_valid, "us_east_1", false},
};

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].valid(vch_str_from(rows[i].text)) != rows[i].want) fail_msg("row %zu: \"%s\"", i, rows[i].text);
}

/* A name with a NUL in it must not pass for its beginning. */
static void test_nul_is_no_letter(void **state) {
    (void)state;
    assert_false(vch_thing_name_valid(VCH_STR("ab\0cd")));
    assert_false(vch_policy_name_valid(VCH_STR("ab\0cd")));
    assert_false(vch_account_valid(VCH_STR("12345678901\0")));
    assert_false(vch_text_valid(VCH_STR("ab\0cd"), 10));
}

static void test_value_length(void **state) {
    (void)state;
    char text[801];
    memset(text, 'v', sizeof text);
    assert_true(vch_attribute_value_valid(vch_str_of(text, 800)));
    assert_false(vch_attribute_value_valid(vch_str_of(text, 801)));
    assert_true(vch_tag_key_valid(vch_str_of(text, 128)));
    assert_false(vch_tag_key_valid(vch_str_of(text, 129)));
    assert_true(vch_tag_value_valid(vch_str_of(text, 256)));
    assert_false(vch_tag_value_valid(vch_str_of(text, 257)));
}

static void test_text(void **state) {
    (void)state;
    static const char *const unseen[] = {"\x1B", "\x7F", "\xC2\x80", "\xC2\x9F", "\xD8\x9C", "\xE2\x80\x8B", "\xE2\x80\x8F", "\xE2\x80\xA8", "\xE2\x80\xAE",
                                         "\xE2\x81\xA0", "\xE2\x81\xA4", "\xE2\x81\xA6", "\xE2\x81\xA9", "\xEF\xBB\xBF"};
    static const char *const seen[] = {"a", " ", "\xC2\xA0", "\xC3\xA9", "\xE2\x80\x8A", "\xE2\x80\x8C", "\xE2\x80\x8D", "\xE2\x80\x90", "\xE2\x80\xA7",
                                       "\xE2\x81\xA5", "\xE2\x81\xAA", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++) {
        assert_int_equal(vch_text_unseen(vch_str_from(unseen[i]), 0), strlen(unseen[i]));
        assert_false(vch_text_seen(vch_str_from(unseen[i]), 10));
    }
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        assert_int_equal(vch_text_unseen(vch_str_from(seen[i]), 0), 0);
        assert_true(vch_text_seen(vch_str_from(seen[i]), 1));
    }
    assert_int_equal(vch_text_unseen(VCH_STR("\xE2\x80"), 0), 0); /* cut off: no sign */
    assert_false(vch_text_seen(VCH_STR("\xE2\x80"), 10) || vch_text_seen(VCH_STR("ab"), 1));
    assert_true(vch_text_valid(VCH_STR(""), 0));
    assert_true(vch_text_valid(VCH_STR("two words, \xC3\xA9t\xC3\xA9"), 14));
    assert_false(vch_text_valid(VCH_STR("two words, \xC3\xA9t\xC3\xA9"), 13)); /* characters, not bytes */
    assert_true(vch_text_valid(VCH_STR("\xC2\xA0"), 1));
    assert_false(vch_text_valid(VCH_STR("\xC2\x85"), 1)); /* NEL, a C1 control */
    assert_false(vch_text_valid(VCH_STR("a\nb"), 10));
    assert_false(vch_text_valid(VCH_STR("a\x7F"), 10));
    assert_false(vch_text_valid(VCH_STR("\xC3"), 10));
    assert_false(vch_text_valid(VCH_STR("\xED\xA0\x80"), 10)); /* a surrogate */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_nul_is_no_letter),
        cmocka_unit_test(test_value_length),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
