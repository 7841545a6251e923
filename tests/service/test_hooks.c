/* Hooks as use cases see them: what an answer means, and the two runs of a
 * registration around it. */
#include "fixture.h"

#include <string.h>

#include "core/reason.h"
#include "service/hook.h"

/* ---- what an answer means ---- */

static void only_a_clear_yes_allows(void **state) {
    (void)state;
    static const struct {
        const char *answer, *reason; /* NULL: allowed */
    } cases[] = {
        {"{\"allowProvisioning\":true}", NULL},
        {"{\"allowProvisioning\":\"true\"}", NULL},
        {"{\"allowProvisioning\":\"True\"}", NULL},
        {"{\"allowProvisioning\":true,\"parameterOverrides\":null}", NULL},
        {"{\"allowProvisioning\":true,\"parameterOverrides\":{}}", NULL},
        {"{\"allowProvisioning\":true,\"parameterOverrides\":{\"a\":\"\"},\"more\":1}", NULL},
        {"{\"allowProvisioning\":false}", "hook-denied"},
        {"{\"allowProvisioning\":\"FALSE\"}", "hook-denied"},
        {"{\"allowProvisioning\":false,\"parameterOverrides\":7}", "hook-denied"},
        {"{}", "hook-answer-invalid"},
        {"", "hook-answer-invalid"},
        {"null", "hook-answer-invalid"},
        {"\"true\"", "hook-answer-invalid"},
        {"true", "hook-answer-invalid"},
        {"{\"allowProvisioning\":1}", "hook-answer-invalid"},
        {"{\"allowProvisioning\":null}", "hook-answer-invalid"},
        {"{\"allowProvisioning\":\"yes\"}", "hook-answer-invalid"},
        {"{\"allowProvisioning\":[true]}", "hook-answer-invalid"},
        {"{\"AllowProvisioning\":true}", "hook-answer-invalid"},
        {"{\"allowProvisioning\":true}x", "hook-answer-invalid"},
        {"{\"allowProvisioning\":true,\"allowProvisioning\":true}", "hook-answer-invalid"},
        {"{\"allowProvisioning\":true,\"parameterOverrides\":[]}", "hook-answer-invalid"},
        {"{\"allowProvisioning\":true,\"parameterOverrides\":{\"a\":1}}", "hook-answer-invalid"},
        {"{\"allowProvisioning\":true,\"parameterOverrides\":{\"\":\"x\"}}", "hook-answer-invalid"},
        {"{\"allowProvisioning\":true,\"parameterOverrides\":{\"AWS::IoT::Certificate::Id\":\"x\"}}", "hook-answer-invalid"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_hook_decision d = {.asked = true};
        assert_int_equal(vch_hook_read_answer(vch_str_from(cases[i].answer), fx.arena, &d), VCH_OK);
        if (cases[i].reason) assert_string_equal(d.reason, cases[i].reason);
        assert_int_equal(d.allowed, cases[i].reason == NULL);
        assert_int_equal(d.reason == NULL, d.allowed);
        assert_true(d.allowed || (d.message[0] && !d.overrides));
    }
}

static void overrides_are_bounded(void **state) {
    (void)state;
    for (size_t count = VCH_HOOK_OVERRIDES_MAX; count <= VCH_HOOK_OVERRIDES_MAX + 1; count++) {
        struct vch_val *map = vch_val_new_map(fx.arena);
        for (size_t i = 0; i < count; i++) {
            struct vch_str name = vch_arena_printf(fx.arena, "p%zu", i);
            *vch_val_put_str_name(fx.arena, map, name) = (struct vch_val){.type = VCH_VAL_STR, .str = VCH_STR("x")};
        }
        assert_int_equal(vch_hook_overrides_valid(map), count == VCH_HOOK_OVERRIDES_MAX);
    }
}

static void every_end_has_its_reason(void **state) {
    (void)state;
    for (int end = VCH_HOOK_ANSWERED + 1; end <= VCH_HOOK_END_COUNT; end++) {
        struct vch_hook_decision d = {.asked = true};
        vch_hook_read_end((enum vch_hook_end)end, 7, &d);
        assert_true(!d.allowed && d.reason && strncmp(d.reason, "hook-", 5) == 0 && d.message[0]);
    }
}

/* ---- the two runs ---- */

static struct vch_hook_turn turn;
static struct vch_hooks hooks;

static enum vch_err never(void *arg, const struct vch_hook_order *order, vch_hook_done *done, void *done_arg) {
    (void)arg;
    (void)order;
    (void)done;
    (void)done_arg;
    return VCH_ERR_UNAVAILABLE;
}

static int up(void **state) {
    int rc = fixture_setup(state);
    hooks = (struct vch_hooks){.runner = {.submit = never}, .timeout_ms = 5000};
    turn = (struct vch_hook_turn){.answered = false};
    fx.service.hooks = &hooks;
    return rc;
}

static int down(void **state) {
    vch_hook_turn_deinit(&turn);
    return fixture_teardown(state);
}

static struct vch_call call_with(const char *parameters, struct vch_hook_ask *ask) {
    struct vch_call call = {.service = &fx.service, .arena = fx.arena, .now_ms = fx.now_ms, .diag = &fx.diag, .hook = &turn};
    call.caller = (struct vch_caller){.kind = VCH_CALLER_USER, .arn = VCH_STR("arn:aws:iam::" ACCOUNT ":user/ann"), .user_name = VCH_STR("ann")};
    *ask = (struct vch_hook_ask){.target_arn = VCH_STR("arn:aws:lambda:us-east-1:" ACCOUNT ":function:h"),
                                 .template_name = VCH_STR("T"),
                                 .claim_id = VCH_STR(CERT_B),
                                 .certificate_id = VCH_STR(CERT_A),
                                 .client_id = VCH_STR("c"),
                                 .parameters = fixture_json(parameters)};
    vch_diag_clear(&fx.diag);
    return call;
}

static enum vch_err decide(const char *parameters, struct vch_hook_decision *ret) {
    struct vch_hook_ask ask;
    struct vch_call call = call_with(parameters, &ask);
    return vch_hook_decide_target(&call, &ask, ret);
}

static void answered(enum vch_hook_end end, const char *text) {
    const struct vch_hook_result result = {.end = end, .duration_us = 1234, .answer = vch_str_from(text)};
    vch_hook_turn_answer(&turn, &result);
}

static void put_program(void) {
    fixture_good(VCH_OP_PUT_HOOK, vch_uc_put_hook, "{'hookName':'h','kind':'program','target':'/opt/h','timeoutMs':700}");
    fixture_certificate(CERT_A, "PENDING_ACTIVATION");
}

static void the_first_run_asks_and_the_second_decides(void **state) {
    (void)state;
    struct vch_hook_decision d;
    put_program();
    assert_int_equal(decide("{'a':'1'}", &d), VCH_ERR_WAITING);
    assert_true(turn.order.kind == VCH_HOOK_PROGRAM && turn.order.timeout_ms == 700 && vch_str_eq_c(turn.order.target, "/opt/h"));
    const struct vch_val *asked = NULL;
    struct vch_val *decoded = NULL;
    assert_int_equal(vch_json_decode(turn.order.body, NULL, fx.arena, &decoded, NULL), VCH_OK);
    asked = decoded;
    assert_true(vch_str_eq_c(vch_val_str_at(asked, "certificateId"), CERT_A) && vch_str_eq_c(vch_val_str_at(asked, "claimCertificateId"), CERT_B));
    assert_true(vch_str_eq_c(vch_val_str_at(asked, "templateArn"), "arn:aws:iot:us-east-1:" ACCOUNT ":provisioningtemplate/T"));
    assert_true(vch_str_eq_c(vch_val_str_at(vch_val_get(asked, "parameters"), "a"), "1"));
    answered(VCH_HOOK_ANSWERED, "{\"allowProvisioning\":true,\"parameterOverrides\":{\"a\":\"2\",\"b\":\"3\"}}");
    assert_int_equal(decide("{'a':'1'}", &d), VCH_OK);
    assert_true(d.allowed && d.duration_us == 1234 && d.overrides->count == 2);
    assert_int_equal(atomic_load(&hooks.allowed), 1);
}

static void an_answer_counts_for_its_question_alone(void **state) {
    (void)state;
    struct vch_hook_decision d;
    put_program();
    assert_int_equal(decide("{'a':'1'}", &d), VCH_ERR_WAITING);
    answered(VCH_HOOK_ANSWERED, "{\"allowProvisioning\":true}");
    assert_int_equal(decide("{'a':'2'}", &d), VCH_OK);
    assert_true(!d.allowed);
    assert_string_equal(d.reason, "hook-changed");
    fx.now_ms += 5;
    fixture_good(VCH_OP_PUT_HOOK, vch_uc_put_hook, "{'hookName':'h','kind':'program','target':'/opt/other'}");
    assert_int_equal(decide("{'a':'1'}", &d), VCH_OK);
    assert_string_equal(d.reason, "hook-changed");
    fixture_good(VCH_OP_DELETE_HOOK, vch_uc_delete_hook, "{'hookName':'h'}");
    assert_int_equal(decide("{'a':'1'}", &d), VCH_OK);
    assert_string_equal(d.reason, "hook-unknown");
}

static void who_cannot_wait_is_refused(void **state) {
    (void)state;
    struct vch_hook_decision d;
    struct vch_hook_ask ask;
    put_program();
    struct vch_call call = call_with("{}", &ask);
    call.hook = NULL;
    assert_int_equal(vch_hook_decide_target(&call, &ask, &d), VCH_OK);
    assert_string_equal(d.reason, "hook-failed");
    hooks.runner.submit = NULL;
    assert_int_equal(decide("{}", &d), VCH_OK);
    assert_string_equal(d.reason, "hook-failed");
}

static void overrides_win_and_refusals_are_recorded(void **state) {
    (void)state;
    struct vch_hook_decision d;
    struct vch_hook_ask ask;
    fixture_good(VCH_OP_PUT_HOOK, vch_uc_put_hook, "{'hookName':'h','kind':'allowlist'}");
    fixture_good(VCH_OP_PUT_HOOK_SERIALS, vch_uc_put_hook_serials,
                 "{'hookName':'h','serials':[{'serial':'S1','parameterOverrides':{'Place':'Oslo','New':'n'}}]}");
    struct vch_call call = call_with("{'SerialNumber':'S1','Place':'Rome','Own':'o'}", &ask);
    const struct vch_val *parameters = ask.parameters;
    assert_int_equal(vch_hook_permit(&call, &ask, &d, &parameters), VCH_OK);
    assert_int_equal(parameters->count, 4);
    assert_true(vch_str_eq_c(vch_val_str_at(parameters, "Place"), "Oslo") && vch_str_eq_c(vch_val_str_at(parameters, "New"), "n") &&
                vch_str_eq_c(vch_val_str_at(parameters, "Own"), "o"));
    assert_int_equal(fixture_events("hook-decided"), 0); /* stands in the registration's own transaction */
    static const char *const strangers[] = {"{}", "{'SerialNumber':''}", "{'SerialNumber':'s1'}", "{'Serial':'S1'}"};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        call = call_with(strangers[i], &ask);
        assert_int_equal(vch_hook_permit(&call, &ask, &d, &parameters), VCH_ERR_DENIED);
        assert_string_equal(fx.diag.reason, "hook-denied");
        assert_int_equal(fixture_events("hook-decided"), i + 1);
    }
}

static void secrets_are_sealed_and_not_shown(void **state) {
    (void)state;
    struct vch_rec_hook hook;
    struct vch_hook_decision d;
    fixture_good(VCH_OP_PUT_HOOK, vch_uc_put_hook, "{'hookName':'h','kind':'https','target':'https://x/','secret':'geheim'}");
    assert_false(vch_val_get(fx.out, "secret"));
    assert_int_equal(vch_store_hook(fx.service.store, VCH_STR("h"), &hook, fx.arena, NULL), VCH_OK);
    assert_true(hook.sealed_secret.len > 6);
    for (size_t i = 0; i + 6 <= hook.sealed_secret.len; i++) assert_memory_not_equal(hook.sealed_secret.ptr + i, "geheim", 6);
    fixture_certificate(CERT_A, "PENDING_ACTIVATION");
    assert_int_equal(decide("{}", &d), VCH_ERR_WAITING);
    assert_true(vch_str_starts(turn.order.signature, VCH_STR("t=")) && vch_str_find(turn.order.signature, ',', 0) != SIZE_MAX);
}

static void what_programs_say_becomes_one_clean_line(void **state) {
    (void)state;
    static const struct {
        const char *said, *clean;
    } cases[] = {{"", ""},
                 {"plain", "plain"},
                 {"  a\n\n\tb \r\n", "a b"},
                 {"\x1b[31mred\x7f", "[31mred"},
                 {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x91", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x94\x91"},
                 {"a\xc2\x85z", "a z"},
                 {"a\xe2\x80\xaez\xef\xbb\xbfy\xe2\x81\xa0x", "a z y x"},
                 {"a\xff\xfe\xc3", "a"},
                 {"\xed\xa0\x80x", "x"},
                 {"cut \xe2\x82", "cut"}};
    char clean[VCH_HOOK_SAID_MAX + 1], text[VCH_HOOK_SAID_MAX + 9];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vch_hook_clean(vch_str_from(cases[i].said), clean);
        assert_string_equal(clean, cases[i].clean);
    }
    memset(text, 'x', sizeof text);
    vch_hook_clean(vch_str_of(text, sizeof text), clean);
    assert_int_equal(strlen(clean), VCH_HOOK_SAID_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_a_clear_yes_allows, up, down),
        cmocka_unit_test_setup_teardown(overrides_are_bounded, up, down),
        cmocka_unit_test_setup_teardown(every_end_has_its_reason, up, down),
        cmocka_unit_test_setup_teardown(the_first_run_asks_and_the_second_decides, up, down),
        cmocka_unit_test_setup_teardown(an_answer_counts_for_its_question_alone, up, down),
        cmocka_unit_test_setup_teardown(who_cannot_wait_is_refused, up, down),
        cmocka_unit_test_setup_teardown(overrides_win_and_refusals_are_recorded, up, down),
        cmocka_unit_test_setup_teardown(secrets_are_sealed_and_not_shown, up, down),
        cmocka_unit_test(what_programs_say_becomes_one_clean_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
