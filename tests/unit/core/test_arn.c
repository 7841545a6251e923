#include "core/arn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct vch_site site = {{"aws", 3}, {"us-east-1", 9}, {"123456789012", 12}};

static void assert_str(struct vch_str have, const char *want) {
    if (!vch_str_eq_c(have, want)) fail_msg("have \"%.*s\", want \"%s\"", VCH_STR_ARG(have), want);
}

static void test_build(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(65536, false);
    assert_str(vch_arn(&site, "thing", VCH_STR("dev-1"), arena), "arn:aws:iot:us-east-1:123456789012:thing/dev-1");
    assert_str(vch_iam_arn(&site, "user", VCH_STR("admin"), arena), "arn:aws:iam::123456789012:user/admin");
    struct vch_buf buf;
    vch_buf_init(&buf, 256);
    vch_buf_c(&buf, ">");
    vch_arn_to(&site, "topic", VCH_STR("$aws/things/x"), &buf);
    struct vch_str text;
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_str(text, ">arn:aws:iot:us-east-1:123456789012:topic/$aws/things/x");
    vch_buf_deinit(&buf);
    vch_arena_free(arena);
}

static void test_build_without_memory(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(16, false);
    assert_null(vch_arn(&site, "thing", VCH_STR("dev-1"), arena).ptr);
    vch_arena_free(arena);
}

static void test_parse(void **state) {
    (void)state;
    struct vch_arn_parts parts;
    assert_int_equal(vch_arn_parse(VCH_STR("arn:aws:iot:us-east-1:123456789012:thing/a:b"), &parts), VCH_OK);
    assert_str(parts.partition, "aws");
    assert_str(parts.service, "iot");
    assert_str(parts.region, "us-east-1");
    assert_str(parts.account, "123456789012");
    assert_str(parts.resource, "thing/a:b");
    assert_int_equal(vch_arn_parse(VCH_STR("arn:aws:iam::123456789012:user/x"), &parts), VCH_OK);
    assert_str(parts.region, "");
    static const char *const bad[] = {"",
                                      "arn",
                                      "arn:aws",
                                      "arn:aws:us-east-1:account:provisioningtemplate/T",
                                      "ARN:aws:iot:r:a:thing/x",
                                      "xarn:aws:iot:r:a:thing/x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(vch_arn_parse(vch_str_from(bad[i]), &parts), VCH_ERR_MALFORMED);
}

static void test_name(void **state) {
    (void)state;
    struct vch_str name;
    assert_true(vch_arn_name(&site, "cert", VCH_STR("arn:aws:iot:us-east-1:123456789012:cert/ab/cd"), &name));
    assert_str(name, "ab/cd");
    static const char *const foreign[] = {
        "arn:aws-cn:iot:us-east-1:123456789012:cert/ab", "arn:aws:iam:us-east-1:123456789012:cert/ab",
        "arn:aws:iot:us-east-2:123456789012:cert/ab",    "arn:aws:iot:us-east-1:123456789013:cert/ab",
        "arn:aws:iot:us-east-1:123456789012:thing/ab",   "arn:aws:iot:us-east-1:123456789012:cert/",
        "arn:aws:iot:us-east-1:123456789012:cert",       "arn:aws:iot:us-east-1:123456789012:certs/ab",
        "arn:aws:iot:us-east-1:123456789012:cert:ab",    "cert/ab",
    };
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (vch_arn_name(&site, "cert", vch_str_from(foreign[i]), &name)) fail_msg("taken: %s", foreign[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build),
        cmocka_unit_test(test_build_without_memory),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
