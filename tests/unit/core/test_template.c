/* Provisioning templates against golden vectors (tests/vectors/template), the
 * workshop's literal template, and bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/names.h"
#include "core/template.h"
#include "support/golden.h"

#define ID64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct vch_arena *arena;

static int setup(void **state) {
    (void)state;
    arena = vch_arena_new(64 << 20, false);
    return arena ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

static struct vch_str to_text(const struct vch_val *val) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 1 << 20);
    vch_json_encode(val, &buf);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    text = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return text;
}

static const struct vch_val *from_text(struct vch_str text) {
    struct vch_val *val = NULL;
    assert_int_equal(vch_json_decode(text, &VCH_VAL_LIMITS_DEFAULT, arena, &val, NULL), VCH_OK);
    return val;
}

static void put(struct vch_val *map, const char *name, struct vch_str s) {
    assert_int_equal(vch_val_put_str(arena, map, name, s), VCH_OK);
}

static struct vch_str override_word(enum vch_override value) {
    static const char *const words[] = {"DEFAULT", "DO_NOTHING", "REPLACE", "MERGE", "FAIL"};
    return vch_str_from(words[value]);
}

static void put_thing(struct vch_val *map, const struct vch_template_plan *plan) {
    struct vch_val *thing = vch_val_put_map(arena, map, "thing");
    put(thing, "logicalName", plan->thing_logical_name);
    put(thing, "name", plan->thing_name);
    put(thing, "type", plan->thing_type);
    put(thing, "billingGroup", plan->billing_group);
    struct vch_val *attributes = vch_val_put_map(arena, thing, "attributes");
    for (size_t i = 0; i < plan->attribute_count; i++)
        *vch_val_put_str_name(arena, attributes, plan->attributes[i].name) =
            (struct vch_val){.type = VCH_VAL_STR, .str = plan->attributes[i].value};
    struct vch_val *groups = vch_val_put_list(arena, thing, "groups");
    for (size_t i = 0; i < plan->group_count; i++)
        assert_int_equal(vch_val_push_str(arena, groups, plan->groups[i]), VCH_OK);
    struct vch_val *overrides = vch_val_put_list(arena, thing, "overrides");
    const enum vch_override all[] = {plan->override_attributes, plan->override_type, plan->override_groups};
    for (size_t i = 0; i < 3; i++) assert_int_equal(vch_val_push_str(arena, overrides, override_word(all[i])), VCH_OK);
}

/* The plan in the form of the vectors. */
static const struct vch_val *describe(const struct vch_template_plan *plan) {
    struct vch_val *map = vch_val_new_map(arena);
    if (plan->has_thing) put_thing(map, plan);
    struct vch_val *certificate = vch_val_put_map(arena, map, "certificate");
    put(certificate, "logicalName", plan->certificate_logical_name);
    put(certificate, "id", plan->certificate_id);
    assert_int_equal(vch_val_put_bool(arena, certificate, "active", plan->certificate_active), VCH_OK);
    assert_int_equal(vch_val_put_bool(arena, certificate, "exclusive", plan->exclusive_thing), VCH_OK);
    put(certificate, "overrideStatus", override_word(plan->override_status));
    struct vch_val *policies = vch_val_put_list(arena, map, "policies");
    for (size_t i = 0; i < plan->policy_count; i++) {
        struct vch_val *policy = vch_val_push_map(arena, policies);
        put(policy, "logicalName", plan->policies[i].logical_name);
        if (plan->policies[i].name.len) put(policy, "name", plan->policies[i].name);
        if (plan->policies[i].document.len)
            *vch_val_put(arena, policy, "document") = *from_text(plan->policies[i].document);
    }
    *vch_val_put(arena, map, "deviceConfiguration") = *plan->device_configuration;
    return map;
}

static enum vch_template_type type_of(const struct vch_val *c) {
    return vch_str_eq_c(vch_val_str_at(c, "type"), "JITP") ? VCH_TEMPLATE_JITP : VCH_TEMPLATE_FLEET;
}

static void check_plan(const struct vch_val *c) {
    const char *name = vch_val_str_at(c, "name").ptr;
    struct vch_template_plan plan;
    struct vch_diag diag = {0};
    const struct vch_val *parameters = vch_val_get(c, "parameters");
    if (vch_val_is(parameters, VCH_VAL_NULL)) parameters = NULL;
    enum vch_err err = vch_template_plan(type_of(c), to_text(vch_val_get(c, "body")), parameters,
                                         vch_val_str_at(c, "certificateId"), arena, &plan, &diag);
    struct vch_str reason = vch_val_str_at(c, "reason");
    if (!reason.ptr) {
        if (err != VCH_OK) fail_msg("%s: %s %s", name, diag.field, diag.message);
        const struct vch_val *got = describe(&plan);
        if (!vch_val_eq(got, vch_val_get(c, "plan"))) fail_msg("%s: got %s", name, to_text(got).ptr);
        return;
    }
    if (err != VCH_ERR_INVALID || !diag.reason) fail_msg("%s: not refused", name);
    if (!vch_str_eq_c(reason, diag.reason)) fail_msg("%s: %s: %s", name, diag.reason, diag.message);
    if (vch_val_get(c, "field") && !vch_str_eq_c(vch_val_str_at(c, "field"), diag.field))
        fail_msg("%s: field %s", name, diag.field);
    if (vch_val_get(c, "message") && !vch_str_eq_c(vch_val_str_at(c, "message"), diag.message))
        fail_msg("%s: message %s", name, diag.message);
}

static void plans_are_golden(void **state) {
    (void)state;
    const struct vch_val *cases = golden_json(arena, "tests/vectors/template/plan.json");
    assert_true(cases->count >= 200);
    for (size_t i = 0; i < cases->count; i++) check_plan(&cases->items[i]);
}

static void checks_are_golden(void **state) {
    (void)state;
    const struct vch_val *cases = golden_json(arena, "tests/vectors/template/check.json");
    assert_true(cases->count >= 100);
    for (size_t i = 0; i < cases->count; i++) {
        const struct vch_val *c = &cases->items[i];
        const char *name = vch_val_str_at(c, "name").ptr;
        struct vch_diag diag = {0};
        enum vch_err err = vch_template_check(type_of(c), to_text(vch_val_get(c, "body")), &diag);
        const struct vch_val *field = vch_val_get(c, "field");
        if (!field) {
            if (err != VCH_OK) fail_msg("%s: %s %s", name, diag.field, diag.message);
            continue;
        }
        if (err == VCH_OK) fail_msg("%s: not refused", name);
        assert_string_equal(diag.reason, "template-invalid");
        if (field->type == VCH_VAL_STR && !vch_str_eq_c(field->str, diag.field))
            fail_msg("%s: at %s: %s", name, diag.field, diag.message);
        if (vch_val_get(c, "message") && !vch_str_eq_c(vch_val_str_at(c, "message"), diag.message))
            fail_msg("%s: message %s", name, diag.message);
    }
}

/* Whatever the check accepts can be planned once its parameters are there. */
static void checked_templates_plan(void **state) {
    (void)state;
    const struct vch_val *cases = golden_json(arena, "tests/vectors/template/plan.json");
    for (size_t i = 0; i < cases->count; i++) {
        const struct vch_val *c = &cases->items[i];
        struct vch_diag diag = {0};
        if (!vch_val_get(c, "plan")) continue;
        if (vch_template_check(type_of(c), to_text(vch_val_get(c, "body")), &diag) != VCH_OK)
            fail_msg("%s: %s %s", vch_val_str_at(c, "name").ptr, diag.field, diag.message);
    }
}

static void workshop_template(void **state) {
    (void)state;
    struct vch_template_plan plan;
    struct vch_diag diag = {0};
    struct vch_str body = golden_text(arena, "examples/workshop/TrustedUserProvisioningTemplate.json");
    assert_int_equal(vch_template_check(VCH_TEMPLATE_FLEET, body, &diag), VCH_OK);
    const struct vch_val *parameters =
        from_text(VCH_STR("{\"ThingName\":\"device-client-fp\",\"DeviceIPAddress\":\"10.0.0.7\"}"));
    assert_int_equal(vch_template_plan(VCH_TEMPLATE_FLEET, body, parameters, VCH_STR(ID64), arena, &plan, &diag),
                     VCH_OK);
    assert_true(plan.has_thing && plan.certificate_active && !plan.exclusive_thing);
    assert_true(vch_str_eq_c(plan.thing_name, "device-client-fp"));
    assert_true(vch_str_eq_c(plan.thing_logical_name, "thing"));
    assert_true(vch_str_eq_c(plan.certificate_id, ID64));
    assert_int_equal(plan.policy_count, 1);
    assert_true(vch_str_eq_c(plan.policies[0].name, "pubsub"));
    assert_int_equal(plan.device_configuration->type, VCH_VAL_MAP);
    assert_int_equal(plan.device_configuration->count, 0);
    const struct vch_val *empty = from_text(VCH_STR("{}"));
    assert_int_equal(vch_template_plan(VCH_TEMPLATE_FLEET, body, empty, VCH_STR(ID64), arena, &plan, &diag),
                     VCH_ERR_INVALID);
    assert_string_equal(diag.reason, "parameter-unresolved");
    assert_string_equal(diag.field, "ThingName");
    assert_string_equal(diag.message, "Cannot resolve reference value: ThingName");
}

static const char *const malformed[] = {
    "",     " ",    "{",      "{\"Resources\":{}", "[]", "null", "{\"Resources\":{},\"Resources\":{}}",
    "{} x", "\xff", "\"{}\"", "{'a':1}",
};

static void malformed_bodies(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        struct vch_diag diag = {0};
        struct vch_template_plan plan;
        assert_int_not_equal(vch_template_check(VCH_TEMPLATE_FLEET, vch_str_from(malformed[i]), &diag), VCH_OK);
        assert_string_equal(diag.reason, "template-invalid");
        assert_int_not_equal(
            vch_template_plan(VCH_TEMPLATE_FLEET, vch_str_from(malformed[i]), NULL, VCH_STR(ID64), arena, &plan, NULL),
            VCH_OK);
    }
}

#define CERTIFICATE                                                                                                    \
    "\"certificate\":{\"Type\":\"AWS::IoT::Certificate\",\"Properties\":{\"CertificateId\":{\"Ref\":\"AWS::IoT::"      \
    "Certificate::Id\"}}}"

/* A body of exactly `size` bytes, of which `wide` two-byte characters. */
static struct vch_str padded(size_t size, size_t wide) {
    static const char head[] = "{\"Resources\":{" CERTIFICATE "},\"Description\":\"";
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 1 << 20);
    vch_buf_c(&buf, head);
    for (size_t i = 0; i < wide; i++) vch_buf_c(&buf, "\xc3\xbc");
    while (buf.len < size - 2) vch_buf_c(&buf, "x");
    vch_buf_c(&buf, "\"}");
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    text = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return text;
}

static void length_is_counted_in_characters(void **state) {
    (void)state;
    struct vch_diag diag = {0};
    assert_int_equal(vch_template_check(VCH_TEMPLATE_FLEET, padded(VCH_TEMPLATE_BODY_MAX, 0), &diag), VCH_OK);
    assert_int_equal(vch_template_check(VCH_TEMPLATE_FLEET, padded(VCH_TEMPLATE_BODY_MAX + 100, 100), &diag), VCH_OK);
    assert_int_not_equal(vch_template_check(VCH_TEMPLATE_FLEET, padded(VCH_TEMPLATE_BODY_MAX + 1, 0), &diag), VCH_OK);
    assert_string_equal(diag.reason, "template-invalid");
}

/* Values of Fn::Sub's object are evaluated once, so nesting does not multiply
 * the work: 15 levels of 40 uses each would take 40^15 steps otherwise. */
static void nested_sub_is_linear(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_str body;
    struct vch_template_plan plan;
    struct vch_diag diag = {0};
    vch_buf_init(&buf, 1 << 20);
    vch_buf_c(&buf, "{\"Parameters\":{\"E\":{\"Type\":\"String\",\"Default\":\"\"}},\"Resources\":{" CERTIFICATE
                    "},\"DeviceConfiguration\":{\"v\":");
    for (int level = 0; level < 15; level++) {
        vch_buf_c(&buf, "{\"Fn::Sub\":[\"");
        for (int i = 0; i < 40; i++) vch_buf_c(&buf, "${x}");
        vch_buf_c(&buf, "\",{\"x\":");
    }
    vch_buf_c(&buf, "{\"Ref\":\"E\"}");
    for (int level = 0; level < 15; level++) vch_buf_c(&buf, "}]}");
    vch_buf_c(&buf, "}}");
    assert_int_equal(vch_buf_finish(&buf, &body), VCH_OK);
    assert_int_equal(vch_template_plan(VCH_TEMPLATE_FLEET, body, NULL, VCH_STR(ID64), arena, &plan, &diag), VCH_OK);
    assert_int_equal(vch_val_str_at(plan.device_configuration, "v").len, 0);
    vch_buf_deinit(&buf);
}

static void json_nesting_is_bounded(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_str body;
    struct vch_diag diag = {0};
    vch_buf_init(&buf, 1 << 20);
    vch_buf_c(&buf, "{\"Resources\":");
    for (int i = 0; i < 2000; i++) vch_buf_c(&buf, "{\"a\":");
    vch_buf_c(&buf, "1");
    for (int i = 0; i < 2001; i++) vch_buf_c(&buf, "}");
    assert_int_equal(vch_buf_finish(&buf, &body), VCH_OK);
    assert_int_not_equal(vch_template_check(VCH_TEMPLATE_FLEET, body, &diag), VCH_OK);
    assert_string_equal(diag.reason, "template-invalid");
    vch_buf_deinit(&buf);
}

/* An arena that is too small gives NOMEM, whatever the moment. */
static void small_arenas_fail_cleanly(void **state) {
    (void)state;
    struct vch_str body = golden_text(arena, "examples/workshop/TrustedUserProvisioningTemplate.json");
    const struct vch_val *parameters = from_text(VCH_STR("{\"ThingName\":\"d\"}"));
    bool succeeded = false;
    for (size_t cap = 64; cap < 65536 && !succeeded; cap += 64) {
        struct vch_template_plan plan;
        struct vch_diag diag = {0};
        struct vch_arena *small = vch_arena_new(cap, false);
        enum vch_err err = vch_template_plan(VCH_TEMPLATE_FLEET, body, parameters, VCH_STR(ID64), small, &plan, &diag);
        assert_true(err == VCH_OK || err == VCH_ERR_NOMEM);
        succeeded = err == VCH_OK;
        vch_arena_free(small);
    }
    assert_true(succeeded);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_golden),          cmocka_unit_test(checks_are_golden),
        cmocka_unit_test(checked_templates_plan),    cmocka_unit_test(workshop_template),
        cmocka_unit_test(malformed_bodies),          cmocka_unit_test(length_is_counted_in_characters),
        cmocka_unit_test(nested_sub_is_linear),      cmocka_unit_test(json_nesting_is_bounded),
        cmocka_unit_test(small_arenas_fail_cleanly),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
