#include "core/claim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool allows(enum vch_claim_action action, const char *target) {
    return vch_claim_allows(VCH_STR("TrustedUserProvisioningTemplate"), action, vch_str_from(target));
}

#define OWN "$aws/provisioning-templates/TrustedUserProvisioningTemplate/provision/"

/* AWS's samples connect a claim under any id: test-<uuid>, trusted-user-<serial>, the thing's name. */
static void test_connect(void **state) {
    (void)state;
    static const char *const good[] = {
        "device-client-fp", "test-0f8fad5b-d9cb-469f-a165-70867728950e", "trusted-user-0001", "a b", "a/b", "\xC3\xA9"};
    static const char *const bad[] = {"", "+", "a#", "a*", "a?b", "$x", "a$", "a\nb", "\xC3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) assert_true(allows(VCH_CLAIM_CONNECT, good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(allows(VCH_CLAIM_CONNECT, bad[i]));
    char id[129];
    memset(id, 'i', sizeof id);
    assert_true(vch_claim_allows(VCH_STR("T"), VCH_CLAIM_CONNECT, vch_str_of(id, 128)));
    assert_false(vch_claim_allows(VCH_STR("T"), VCH_CLAIM_CONNECT, vch_str_of(id, 129)));
}

/* Each of the three operations, two formats, four endings, against three actions. */
static void test_own_topics(void **state) {
    (void)state;
    static const char *const bases[] = {"$aws/certificates/create/", "$aws/certificates/create-from-csr/", OWN};
    static const char *const formats[] = {"json", "cbor"};
    static const struct {
        const char *text;
        bool publish, subscribe, receive;
    } leaves[] = {
        {"", true, false, false},   {"/accepted", false, true, true}, {"/rejected", false, true, true},
        {"/+", false, true, false}, {"/#", false, false, false},
    };
    for (size_t b = 0; b < 3; b++)
        for (size_t f = 0; f < 2; f++)
            for (size_t l = 0; l < sizeof leaves / sizeof *leaves; l++) {
                char topic[256];
                (void)snprintf(topic, sizeof topic, "%s%s%s", bases[b], formats[f], leaves[l].text);
                assert_int_equal(allows(VCH_CLAIM_PUBLISH, topic), leaves[l].publish);
                assert_int_equal(allows(VCH_CLAIM_SUBSCRIBE, topic), leaves[l].subscribe);
                assert_int_equal(allows(VCH_CLAIM_RECEIVE, topic), leaves[l].receive);
            }
}

static void test_everything_else(void **state) {
    (void)state;
    static const char *const others[] = {
        "#",
        "+",
        "$aws/#",
        "$aws/certificates/+/json",
        "$aws/certificates/create/+/accepted",
        "device-client-fp/x",
        "$aws/provisioning-templates/Other/provision/json",
        "$aws/provisioning-templates/Other/provision/json/accepted",
        "$aws/provisioning-templates/trusteduserprovisioningtemplate/provision/json",
        "$aws/things/device-client-fp/shadow/update",
        "$share/g/" OWN "json/accepted",
        "",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        for (int action = VCH_CLAIM_PUBLISH; action <= VCH_CLAIM_RECEIVE; action++)
            if (allows((enum vch_claim_action)action, others[i])) fail_msg("action %d on %s", action, others[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect),
        cmocka_unit_test(test_own_topics),
        cmocka_unit_test(test_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
