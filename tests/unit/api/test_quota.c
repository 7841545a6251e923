#include "support/cmocka_all.h"

#include <pthread.h>

#include "api/errors.h"
#include "api/quota.h"
#include "shape/quota.h"

static const int64_t second_us = 1000000;

/* How many of `tries` are granted at one time. */
static unsigned granted(struct vch_quotas *quotas, enum vch_op op, unsigned tries, int64_t now_us) {
    unsigned n = 0;
    for (unsigned i = 0; i < tries; i++) n += vch_quota_take(quotas, op, now_us, NULL) == VCH_OK;
    return n;
}

static void a_second_grants_the_quota_and_no_more(void **state) {
    (void)state;
    for (enum vch_op op = VCH_OP_NONE + 1; op < VCH_OP_COUNT; op++) {
        struct vch_quotas quotas = {0};
        unsigned quota = vch_op_quota(op), shared = vch_op_registers_certificate(op) ? VCH_QUOTA_CERTIFICATES : 1000;
        unsigned expected = quota && quota < shared ? quota : shared;
        assert_int_equal(granted(&quotas, op, 1000, 5 * second_us), expected);
    }
}

static void tokens_come_back_one_by_one(void **state) {
    (void)state;
    struct vch_quotas quotas = {0};
    int64_t now_us = 7 * second_us;
    assert_int_equal(granted(&quotas, VCH_OP_CREATE_POLICY, 100, now_us), 10);
    assert_int_equal(granted(&quotas, VCH_OP_CREATE_POLICY, 100, now_us + 99999), 0);
    assert_int_equal(granted(&quotas, VCH_OP_CREATE_POLICY, 100, now_us + 100000), 1);
    assert_int_equal(granted(&quotas, VCH_OP_CREATE_POLICY, 100, now_us + 400000), 3);
    /* However long the silence: one bucketful. */
    assert_int_equal(granted(&quotas, VCH_OP_CREATE_POLICY, 100, now_us + 3600 * second_us), 10);
}

static void operations_do_not_share_but_certificates_do(void **state) {
    (void)state;
    struct vch_quotas quotas = {0};
    int64_t now_us = second_us;
    assert_int_equal(granted(&quotas, VCH_OP_CREATE_THING, 100, now_us), 15);
    assert_int_equal(granted(&quotas, VCH_OP_UPDATE_THING, 100, now_us), 10);
    assert_int_equal(granted(&quotas, VCH_OP_CREATE_KEYS_AND_CERTIFICATE, 9, now_us), 9);
    assert_int_equal(granted(&quotas, VCH_OP_REGISTER_CERTIFICATE, 100, now_us), 6);
    assert_int_equal(granted(&quotas, VCH_OP_CREATE_CERTIFICATE_FROM_CSR, 100, now_us), 0);
    /* What the shared bucket refused took nothing of its own: REGISTER_CERTIFICATE used 6 of 10. */
    assert_int_equal(granted(&quotas, VCH_OP_REGISTER_CERTIFICATE, 100, now_us + second_us), 10);
}

static void a_refusal_is_called_as_aws_calls_it(void **state) {
    (void)state;
    struct vch_quotas quotas = {0};
    struct vch_diag diag = {.reason = NULL};
    assert_int_equal(granted(&quotas, VCH_OP_LIST_THINGS, 10, 0), 10);
    enum vch_err err = vch_quota_take(&quotas, VCH_OP_LIST_THINGS, 0, &diag);
    struct vch_api_error error = vch_api_error_of(err, &diag);
    assert_string_equal(vch_aws_error_name(error.aws), "ThrottlingException");
    assert_int_equal(vch_aws_error_status(error.aws), 400);
    assert_string_equal(vch_api_error_message(err, &diag), "Rate exceeded");
}

struct crowd {
    struct vch_quotas *quotas;
    unsigned got;
};

static void *one_of_many(void *arg) {
    struct crowd *crowd = arg;
    crowd->got = granted(crowd->quotas, VCH_OP_DESCRIBE_THING, 1000, 3 * second_us);
    return NULL;
}

static void threads_share_one_bucket(void **state) {
    (void)state;
    struct vch_quotas quotas = {0};
    pthread_t threads[4];
    struct crowd crowd[4];
    unsigned sum = 0;
    for (int i = 0; i < 4; i++) {
        crowd[i] = (struct crowd){.quotas = &quotas};
        assert_int_equal(pthread_create(&threads[i], NULL, one_of_many, &crowd[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        sum += crowd[i].got;
    }
    assert_int_equal(sum, 350);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_grants_the_quota_and_no_more),
        cmocka_unit_test(tokens_come_back_one_by_one),
        cmocka_unit_test(operations_do_not_share_but_certificates_do),
        cmocka_unit_test(a_refusal_is_called_as_aws_calls_it),
        cmocka_unit_test(threads_share_one_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
