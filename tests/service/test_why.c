/* Why clients were refused: what is kept, what is forgotten, and the operation. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "service/authz.h"
#include "service/fixture.h"
#include "service/refusals.h"

#define S(text) vch_str_from(text)
#define OP VCH_OP_WHY, vch_uc_why

static int setup(void **state) {
    if (fixture_setup(state) != 0) return -1;
    assert_int_equal(vch_refusals_new(&fx.service.refusals), VCH_OK);
    return 0;
}

static int teardown(void **state) {
    vch_refusals_free(fx.service.refusals);
    return fixture_teardown(state);
}

static struct vch_refusal refusal(const char *client, const char *certificate, const char *resource) {
    return (struct vch_refusal){.what = VCH_REFUSED_PUBLISH,
                                .reason = vch_reason_code(VCH_REASON_POLICY_SILENT),
                                .client_id = S(client),
                                .certificate_id = S(certificate),
                                .serial = S("0A:1b"),
                                .source_ip = S("192.0.2.1"),
                                .action = S("iot:Publish"),
                                .resource = S(resource),
                                .statement = -1,
                                .message = S("No policy allows it."),
                                .time_ms = 1000};
}

static void tell(const char *client, const char *certificate, const char *resource) {
    struct vch_refusal r = refusal(client, certificate, resource);
    vch_refusals_tell(fx.service.refusals, &r);
}

static size_t found(const struct vch_refusal_query *query) {
    struct vch_refusal *list;
    size_t count;
    assert_int_equal(vch_refusals_find(fx.service.refusals, query, 5000, fx.arena, &list, &count), VCH_OK);
    return count;
}

static void each_key_finds_it(void **state) {
    (void)state;
    static const struct {
        struct vch_refusal_query query;
        size_t count;
    } cases[] = {
        {{.any = {NULL, 0}}, 1},
        {{.client_id = {"dev", 3}}, 1},
        {{.client_id = {"de", 2}}, 0},
        {{.client_id = {"Dev", 3}}, 0},
        {{.certificate_id = {CERT_A, 64}}, 1},
        {{.certificate_id = {CERT_B, 64}}, 0},
        {{.serial = {"a1b", 3}}, 1},
        {{.serial = {"00:0A:1B", 8}}, 1},
        {{.serial = {"a1", 2}}, 0},
        {{.serial = {"a1b0", 4}}, 0},
        {{.any = {"dev", 3}}, 1},
        {{.any = {"0a1b", 4}}, 1},
        {{.any = {CERT_A, 64}}, 1},
        {{.any = {"192.0.2.1", 9}}, 1},
        {{.any = {"192.0.2.2", 9}}, 0},
        {{.client_id = {"dev", 3}, .serial = {"ff", 2}}, 0},
    };
    tell("dev", CERT_A, "topic/a");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (found(&cases[i].query) != cases[i].count) fail_msg("case %zu", i);
}

static void serials_compare_as_numbers_are_written(void **state) {
    (void)state;
    assert_true(vch_serial_eq(S("00"), S("00")));
    assert_true(vch_serial_eq(S("AB:cd"), S("abCD")));
    assert_false(vch_serial_eq(S(""), S("")));
    assert_false(vch_serial_eq(S("1"), S("")));
    assert_false(vch_serial_eq(S("1"), S("10")));
}

static void repeats_are_counted_in_one_entry(void **state) {
    (void)state;
    struct vch_refusal *list;
    size_t count;
    struct vch_refusal r = refusal("dev", CERT_A, "topic/a");
    for (int i = 0; i < 100; i++) {
        r.time_ms = 1000 + i;
        vch_refusals_tell(fx.service.refusals, &r);
    }
    struct vch_refusal_query query = {.client_id = S("dev")};
    assert_int_equal(vch_refusals_find(fx.service.refusals, &query, 10, fx.arena, &list, &count), VCH_OK);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].count, 100);
    assert_int_equal(list[0].first_ms, 1000);
    assert_int_equal(list[0].time_ms, 1099);
    tell("dev", CERT_A, "topic/b");
    assert_int_equal(found(&query), 2);
    assert_int_equal(vch_refusals_count(fx.service.refusals, VCH_REFUSED_PUBLISH, VCH_REASON_POLICY_SILENT), 101);
    assert_int_equal(vch_refusals_count(fx.service.refusals, VCH_REFUSED_CONNECT, VCH_REASON_POLICY_SILENT), 0);
}

/* The close that follows a refused packet is no second refusal. */
static void the_end_of_the_connection_is_told_once(void **state) {
    (void)state;
    struct vch_refusal r = refusal("dev", CERT_A, "topic/a");
    vch_refusals_tell(fx.service.refusals, &r);
    r.what = VCH_REFUSED_CONNECTION;
    vch_refusals_tell(fx.service.refusals, &r);
    assert_int_equal(found(&(struct vch_refusal_query){.client_id = S("dev")}), 1);
    r.reason = vch_reason_code(VCH_REASON_KEEP_ALIVE_TIMEOUT);
    vch_refusals_tell(fx.service.refusals, &r);
    assert_int_equal(found(&(struct vch_refusal_query){.client_id = S("dev")}), 2);
}

static void nobody_pushes_out_the_others(void **state) {
    (void)state;
    char client[32], topic[32];
    tell("quiet", CERT_B, "topic/a");
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(client, sizeof client, "c%d", i);
        (void)snprintf(topic, sizeof topic, "topic/%d", i);
        tell(i % 2 ? client : "loud", i % 3 ? CERT_A : "", topic);
    }
    assert_int_equal(found(&(struct vch_refusal_query){.client_id = S("loud")}), VCH_REFUSALS_PER_CLIENT);
    assert_int_equal(found(&(struct vch_refusal_query){.certificate_id = S(CERT_A)}), VCH_REFUSALS_PER_CERTIFICATE);
    assert_true(vch_refusals_kept(fx.service.refusals) <= VCH_REFUSALS_PER_ADDRESS);
    struct vch_refusal other = refusal("quiet", CERT_B, "topic/a");
    other.source_ip = S("192.0.2.9");
    vch_refusals_tell(fx.service.refusals, &other);
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(client, sizeof client, "c%d", i);
        tell(client, "", "topic/a");
    }
    assert_int_equal(found(&(struct vch_refusal_query){.client_id = S("quiet")}), 1);
}

static void all_together_are_bounded(void **state) {
    (void)state;
    char client[32], ip[32];
    for (int i = 0; i < VCH_REFUSALS_MAX + 100; i++) {
        (void)snprintf(client, sizeof client, "c%d", i);
        (void)snprintf(ip, sizeof ip, "10.0.%d.%d", i / 256, i % 256);
        struct vch_refusal r = refusal(client, "", "topic/a");
        r.source_ip = S(ip);
        vch_refusals_tell(fx.service.refusals, &r);
    }
    assert_int_equal(vch_refusals_kept(fx.service.refusals), VCH_REFUSALS_MAX);
    assert_int_equal(found(&(struct vch_refusal_query){.client_id = S("c0")}), 0);
    assert_int_equal(found(&(struct vch_refusal_query){.client_id = S("c4195")}), 1);
}

static void what_is_too_long_is_cut(void **state) {
    (void)state;
    char huge[70000];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    tell(huge, CERT_A, huge);
    struct vch_refusal *list;
    size_t count;
    struct vch_refusal_query query = {.certificate_id = S(CERT_A)};
    assert_int_equal(vch_refusals_find(fx.service.refusals, &query, 1, fx.arena, &list, &count), VCH_OK);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].resource.len, 320);
}

static void *shout(void *arg) {
    char topic[32];
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(topic, sizeof topic, "topic/%d", i % 50);
        tell(arg, CERT_A, topic);
    }
    return NULL;
}

static void many_threads_may_tell(void **state) {
    (void)state;
    pthread_t threads[4];
    static char names[4][4] = {"t0", "t1", "t2", "t3"};
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, shout, names[i]), 0);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(vch_refusals_count(fx.service.refusals, VCH_REFUSED_PUBLISH, VCH_REASON_POLICY_SILENT), 8000);
    assert_int_equal(vch_refusals_kept(fx.service.refusals), VCH_REFUSALS_PER_CERTIFICATE);
}

static void the_operation_tells_what_to_do(void **state) {
    (void)state;
    assert_int_equal(vch_policy_cache_new(&fx.service.policies), VCH_OK);
    fixture_certificate(CERT_A, "ACTIVE");
    tell("dev", CERT_A, "topic/a");
    fixture_good(OP, "{'client':'dev'}");
    assert_int_equal(fixture_count("refusals"), 1);
    assert_str(fixture_text("refusals/0/what"), "publish");
    assert_str(fixture_text("refusals/0/reason"), "policy-silent");
    assert_str(fixture_text("refusals/0/sourceIp"), "192.0.2.1");
    assert_true(fixture_text("refusals/0/suggestion").len > 0);
    /* The engine's own advice, not the general one. */
    assert_false(vch_str_eq_c(fixture_text("refusals/0/suggestion"), vch_refusal_advice("policy-silent")));
    fixture_good(OP, "{'certificate':'" CERT_ARN(CERT_A) "'}");
    assert_int_equal(fixture_count("refusals"), 1);
    fixture_good(OP, "{'any':'a1b'}");
    assert_int_equal(fixture_count("refusals"), 1);
    fixture_good(OP, "{'serial':'77'}");
    assert_int_equal(fixture_count("refusals"), 0);
    fixture_refused(OP, "{'certificate':'arn:aws:iot:us-east-1:" ACCOUNT ":thing/x'}", VCH_ERR_INVALID, "target-invalid");
    vch_policy_cache_free(fx.service.policies);
    fx.service.policies = NULL;
}

/* A policy that decided is quoted as it is today, or not when it is gone. */
static void a_certificate_that_is_gone_gets_general_advice(void **state) {
    (void)state;
    tell("dev", CERT_B, "topic/a");
    fixture_good(OP, "{}");
    assert_str(fixture_text("refusals/0/suggestion"), vch_refusal_advice("policy-silent"));
}

static void advice_is_never_empty(void **state) {
    (void)state;
    for (unsigned i = 0; i < VCH_REASON_COUNT; i++) assert_true(strlen(vch_refusal_advice(vch_reason_code(i))) > 10);
    assert_true(strlen(vch_refusal_advice(NULL)) > 10);
    assert_string_not_equal(vch_refusal_advice("policy-silent"), vch_refusal_advice("no-such-reason"));
}

int main(void) {
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(each_key_finds_it),
        CASE(serials_compare_as_numbers_are_written),
        CASE(repeats_are_counted_in_one_entry),
        CASE(the_end_of_the_connection_is_told_once),
        CASE(nobody_pushes_out_the_others),
        CASE(all_together_are_bounded),
        CASE(what_is_too_long_is_cut),
        CASE(many_threads_may_tell),
        CASE(the_operation_tells_what_to_do),
        CASE(a_certificate_that_is_gone_gets_general_advice),
        CASE(advice_is_never_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
