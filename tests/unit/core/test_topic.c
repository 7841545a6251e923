#include "core/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct check_row {
    const char *text;
    bool topic, filter;
};
static const struct check_row checks[] = {
    {"a", true, true},
    {"/", true, true},
    {"a//b", true, true},
    {"a/", true, true},
    {"A/\xC3\xA9", true, true},
    {"$aws/things/x", true, true},
    {"1/2/3/4/5/6/7/8", true, true},
    {"1/2/3/4/5/6/7/8/9", false, false},
    {"$aws/rules/r/1/2/3/4/5/6/7/8", true, true},
    {"$aws/rules/r/1/2/3/4/5/6/7/8/9", false, false},
    {"", false, false},
    {"a\xC3", false, false},
    {"\xED\xA0\x80", false, false},
    {"+", false, true},
    {"#", false, true},
    {"a/+/b", false, true},
    {"a/#", false, true},
    {"+/+/#", false, true},
    {"a+", false, false},
    {"a/b+/c", false, false},
    {"a#", false, false},
    {"#/a", false, false},
    {"a/#/b", false, false},
    {"##", false, false},
    {"$share/g/a/+", false, true},
    {"$share/g/1/2/3/4/5/6/7/8", false, true}, /* only a filter leaves the prefix out of the count */
    {"$share/g/", true, false},
    {"$share/g", true, false},
    {"$share//a", true, false},
    {"$share/+/a", false, false},
};

static void test_checks(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        struct vch_str text = vch_str_from(checks[i].text);
        struct vch_diag diag = {0};
        if ((vch_topic_check(text, NULL) == VCH_OK) != checks[i].topic) fail_msg("topic \"%s\"", checks[i].text);
        bool ok = vch_filter_check(text, &diag) == VCH_OK;
        if (ok != checks[i].filter) fail_msg("filter \"%s\"", checks[i].text);
        if (!ok) assert_string_equal(diag.reason, "topic-invalid");
    }
    assert_int_equal(vch_topic_check(VCH_STR("a\0b"), NULL), VCH_ERR_INVALID);
    assert_int_equal(vch_filter_check(VCH_STR("a\0b"), NULL), VCH_ERR_INVALID);
    assert_int_equal(vch_filter_check(VCH_STR("$share/a\0b/c"), NULL), VCH_ERR_INVALID);
}

static void test_length(void **state) {
    (void)state;
    char text[300];
    memset(text, 't', sizeof text);
    assert_int_equal(vch_topic_check(vch_str_of(text, 256), NULL), VCH_OK);
    assert_int_equal(vch_topic_check(vch_str_of(text, 257), NULL), VCH_ERR_INVALID);
    memcpy(text, "$share/g/", 9);
    assert_int_equal(vch_filter_check(vch_str_of(text, 9 + 256), NULL), VCH_OK);
    assert_int_equal(vch_filter_check(vch_str_of(text, 9 + 257), NULL), VCH_ERR_INVALID);
}

struct match_row {
    const char *filter, *topic;
    bool aws, oasis;
};
static const struct match_row matches[] = {
    {"a/b", "a/b", true, true},       {"a/b", "a/B", false, false},
    {"a/b", "a/b/", false, false},    {"a/b/", "a/b", false, false},
    {"a/b/", "a/b/", true, true},     {"a/+", "a/b", true, true},
    {"a/+", "a/", true, true},        {"a/+", "a", false, false},
    {"a/+", "a/b/c", false, false},   {"+", "a", true, true},
    {"+", "/a", false, false},        {"+/+", "/a", true, true},
    {"/+", "/a", true, true},         {"#", "a/b/c", true, true},
    {"#", "/", true, true},           {"a/#", "a/b/c", true, true},
    {"a/#", "a/", true, true},        {"a/#", "a", false, true},
    {"+/#", "a", false, true},        {"a/#", "ab", false, false},
    {"+/b/#", "a/b/c/d", true, true}, {"+/b/#", "a/c/c/d", false, false},
    {"#", "$aws/x", false, false},    {"+/x", "$aws/x", false, false},
    {"$aws/#", "$aws/x", true, true}, {"$aws/+", "$aws/x", true, true},
    {"", "", false, false},           {"a", "", false, false},
};

static void test_matches(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
        struct vch_str filter = vch_str_from(matches[i].filter);
        struct vch_str topic = vch_str_from(matches[i].topic);
        if (vch_topic_matches(filter, topic, false) != matches[i].aws) fail_msg("row %zu, AWS", i);
        if (vch_topic_matches(filter, topic, true) != matches[i].oasis) fail_msg("row %zu, OASIS", i);
    }
}

static void test_reserved(void **state) {
    (void)state;
    assert_true(vch_topic_reserved(VCH_STR("$aws/x")));
    assert_true(vch_topic_reserved(VCH_STR("$")));
    assert_false(vch_topic_reserved(VCH_STR("a/$")));
    assert_false(vch_topic_reserved(VCH_STR("")));
}

struct prov_row {
    const char *topic;
    enum vch_prov_op op;
    enum vch_prov_format format;
    enum vch_prov_leaf leaf;
    const char *template_name;
};
#define T "$aws/provisioning-templates/"
static const struct prov_row provs[] = {
    {"$aws/certificates/create/json", VCH_PROV_CREATE_KEYS, VCH_PROV_JSON, VCH_PROV_REQUEST, ""},
    {"$aws/certificates/create/cbor/accepted", VCH_PROV_CREATE_KEYS, VCH_PROV_CBOR, VCH_PROV_ACCEPTED, ""},
    {"$aws/certificates/create/json/+", VCH_PROV_CREATE_KEYS, VCH_PROV_JSON, VCH_PROV_ANY_ANSWER, ""},
    {"$aws/certificates/create-from-csr/json/rejected", VCH_PROV_CREATE_FROM_CSR, VCH_PROV_JSON, VCH_PROV_REJECTED, ""},
    {T "Tmpl_1-x/provision/json", VCH_PROV_REGISTER_THING, VCH_PROV_JSON, VCH_PROV_REQUEST, "Tmpl_1-x"},
    {T "T/provision/cbor/accepted", VCH_PROV_REGISTER_THING, VCH_PROV_CBOR, VCH_PROV_ACCEPTED, "T"},
    {T "provision/provision/cbor/+", VCH_PROV_REGISTER_THING, VCH_PROV_CBOR, VCH_PROV_ANY_ANSWER, "provision"},
    {"$aws/certificates/create/xml", VCH_PROV_NONE, 0, 0, ""},
    {"$aws/certificates/create/json/", VCH_PROV_NONE, 0, 0, ""},
    {"$aws/certificates/create/json/other", VCH_PROV_NONE, 0, 0, ""},
    {"$aws/certificates/create/json/accepted/x", VCH_PROV_NONE, 0, 0, ""},
    {"$aws/certificates/create/JSON", VCH_PROV_NONE, 0, 0, ""},
    {"$aws/certificates/create", VCH_PROV_NONE, 0, 0, ""},
    {"$aws/certificates/+/json", VCH_PROV_NONE, 0, 0, ""},
    {"$aws/certificates/create/#", VCH_PROV_NONE, 0, 0, ""},
    {"aws/certificates/create/json", VCH_PROV_NONE, 0, 0, ""},
    {T "/provision/json", VCH_PROV_NONE, 0, 0, ""},
    {T "a.b/provision/json", VCH_PROV_NONE, 0, 0, ""},
    {T "+/provision/json", VCH_PROV_NONE, 0, 0, ""},
    {T "T/provision", VCH_PROV_NONE, 0, 0, ""},
    {T "T", VCH_PROV_NONE, 0, 0, ""},
    {T "T/provisions/json", VCH_PROV_NONE, 0, 0, ""},
    {"", VCH_PROV_NONE, 0, 0, ""},
};

static void test_prov(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof provs / sizeof *provs; i++) {
        struct vch_prov_topic have = vch_prov_topic_parse(vch_str_from(provs[i].topic));
        if (have.op != provs[i].op || have.format != provs[i].format || have.leaf != provs[i].leaf ||
            !vch_str_eq_c(have.template_name, provs[i].template_name))
            fail_msg("\"%s\"", provs[i].topic);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),   cmocka_unit_test(test_length), cmocka_unit_test(test_matches),
        cmocka_unit_test(test_reserved), cmocka_unit_test(test_prov),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
