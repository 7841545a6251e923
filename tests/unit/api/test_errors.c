#include "support/cmocka_all.h"

#include <string.h>

#include "api/errors.h"
#include "api/http_job_priv.h"
#include "core/reason.h"

static void every_reason_has_its_error(void **state) {
    (void)state;
    for (int i = 0; i < VCH_REASON_COUNT; i++) {
        struct vch_diag diag = {.reason = vch_reason_code((enum vch_reason)i), .message = "m"};
        struct vch_api_error by_reason = vch_api_error_of(VCH_ERR_DENIED, &diag), other = vch_api_error_of(VCH_ERR_IO, &diag);
        /* A reason without a row would be answered by the class, which differs. */
        if (by_reason.aws != other.aws || by_reason.mqtt_status != other.mqtt_status) fail_msg("%s has no row", diag.reason);
        assert_non_null(by_reason.mqtt_code);
        assert_in_range(by_reason.mqtt_status, 400, 503);
    }
}

static void every_class_has_its_error(void **state) {
    (void)state;
    for (int i = 0; i < VCH_ERR_COUNT; i++) {
        struct vch_api_error error = vch_api_error_of((enum vch_err)i, NULL);
        assert_non_null(error.mqtt_code);
        assert_true(vch_api_error_message((enum vch_err)i, NULL)[0] != '\0');
        assert_string_equal(vch_api_error_reason((enum vch_err)i, NULL), vch_err_word((enum vch_err)i));
    }
    assert_int_equal(vch_api_error_of(VCH_ERR_NOT_FOUND, NULL).aws, VCH_AWS_NOT_FOUND);
    assert_int_equal(vch_api_error_of(VCH_ERR_NOMEM, NULL).mqtt_status, 503);
    assert_int_equal(vch_api_error_of((enum vch_err)99, NULL).aws, VCH_AWS_INTERNAL);
}

static void known_refusals_are_called_as_aws_calls_them(void **state) {
    (void)state;
    static const struct {
        enum vch_err err;
        enum vch_reason reason;
        const char *aws;
        int http, mqtt;
        const char *code;
    } cases[] = {
        {VCH_ERR_INVALID, VCH_REASON_TOKEN_EMPTY, "InvalidRequestException", 400, 400, "InvalidCertificateOwnershipToken"},
        {VCH_ERR_INVALID, VCH_REASON_TOKEN_INVALID, "InvalidRequestException", 400, 400, "InvalidCertificateOwnershipToken"},
        {VCH_ERR_INVALID, VCH_REASON_PARAMETER_UNRESOLVED, "InvalidRequestException", 400, 400, "InvalidParameters"},
        {VCH_ERR_MALFORMED, VCH_REASON_PAYLOAD_INVALID, "InvalidRequestException", 400, 400, "InvalidPayload"},
        {VCH_ERR_INVALID, VCH_REASON_CSR_WEAK_KEY, "InvalidRequestException", 400, 400, "InvalidCertificateSigningRequest"},
        {VCH_ERR_STATE, VCH_REASON_CLAIM_SPENT, "InvalidRequestException", 400, 403, "AccessDenied"},
        {VCH_ERR_NOT_FOUND, VCH_REASON_TEMPLATE_MISSING, "ResourceNotFoundException", 404, 403, "AccessDenied"},
        {VCH_ERR_NOT_FOUND, VCH_REASON_POLICY_MISSING, "ResourceNotFoundException", 404, 404, "ResourceNotFound"},
        {VCH_ERR_CONFLICT, VCH_REASON_THING_CONFLICT, "ConflictingResourceUpdateException", 409, 409, "ResourceConflictsException"},
        {VCH_ERR_LIMIT, VCH_REASON_POLICY_VERSIONS_FULL, "VersionsLimitExceededException", 409, 410, "LimitExceeded"},
        {VCH_ERR_LIMIT, VCH_REASON_POLICIES_PER_CERTIFICATE, "LimitExceededException", 410, 410, "LimitExceeded"},
        {VCH_ERR_STATE, VCH_REASON_CERTIFICATE_STATE, "CertificateStateException", 406, 409, "ResourceConflictsException"},
        {VCH_ERR_CONFLICT, VCH_REASON_DELETE_CONFLICT, "DeleteConflictException", 409, 409, "ResourceConflictsException"},
        {VCH_ERR_CONFLICT, VCH_REASON_THING_VERSION, "VersionConflictException", 409, 409, "ResourceConflictsException"},
        {VCH_ERR_CONFLICT, VCH_REASON_THING_ATTACHED, "InvalidRequestException", 400, 409, "ResourceConflictsException"},
        {VCH_ERR_MALFORMED, VCH_REASON_POLICY_MALFORMED, "MalformedPolicyException", 400, 400, "InvalidParameters"},
        {VCH_ERR_UNAUTHENTICATED, VCH_REASON_SIGNATURE_MISSING, "MissingAuthenticationTokenException", 403, 403, "AccessDenied"},
        {VCH_ERR_UNAUTHENTICATED, VCH_REASON_SIGNATURE_MISMATCH, "InvalidSignatureException", 403, 403, "AccessDenied"},
        {VCH_ERR_EXPIRED, VCH_REASON_SIGNATURE_EXPIRED, "InvalidSignatureException", 403, 403, "AccessDenied"},
        {VCH_ERR_UNAUTHENTICATED, VCH_REASON_ACCESS_KEY_UNKNOWN, "UnrecognizedClientException", 403, 403, "AccessDenied"},
        {VCH_ERR_DENIED, VCH_REASON_POLICY_SILENT, "AccessDeniedException", 403, 403, "AccessDenied"},
        {VCH_ERR_NOT_FOUND, VCH_REASON_UNKNOWN_OPERATION, "UnknownOperationException", 404, 404, "ResourceNotFound"},
        {VCH_ERR_THROTTLED, VCH_REASON_RATE_EXCEEDED, "ThrottlingException", 400, 429, "Throttled"},
        {VCH_ERR_THROTTLED, VCH_REASON_LIMIT_HOUR, "ThrottlingException", 400, 429, "Throttled"},
        {VCH_ERR_DENIED, VCH_REASON_LIMIT_WINDOW, "AccessDeniedException", 403, 403, "AccessDenied"},
        {VCH_ERR_DENIED, VCH_REASON_APPROVAL_NEEDED, "AccessDeniedException", 403, 403, "AccessDenied"},
        {VCH_ERR_STATE, VCH_REASON_APPROVAL_STATE, "ConflictingResourceUpdateException", 409, 409, "ResourceConflictsException"},
        {VCH_ERR_DENIED, VCH_REASON_CLAIM_SOURCE, "AccessDeniedException", 403, 403, "AccessDenied"},
        {VCH_ERR_CONFLICT, VCH_REASON_LEDGER_BROKEN, "ConflictingResourceUpdateException", 409, 500, "InternalError"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vch_diag diag = {.reason = vch_reason_code(cases[i].reason), .message = "why"};
        struct vch_api_error error = vch_api_error_of(cases[i].err, &diag);
        assert_string_equal(vch_aws_error_name(error.aws), cases[i].aws);
        assert_int_equal(vch_aws_error_status(error.aws), cases[i].http);
        assert_int_equal(error.mqtt_status, cases[i].mqtt);
        assert_string_equal(error.mqtt_code, cases[i].code);
        assert_string_equal(vch_api_error_message(cases[i].err, &diag), "why");
        assert_string_equal(vch_api_error_reason(cases[i].err, &diag), diag.reason);
    }
}

static void insides_are_not_told(void **state) {
    (void)state;
    static const enum vch_err inner[] = {VCH_ERR_INTERNAL, VCH_ERR_IO, VCH_ERR_UNAVAILABLE, VCH_ERR_NOMEM, VCH_ERR_TIMEOUT};
    struct vch_diag diag = {.reason = vch_reason_code(VCH_REASON_STORE_FAILED), .message = "/var/lib/vouch/registry.db: disk full"};
    for (size_t i = 0; i < COUNT_OF(inner); i++) assert_null(strstr(vch_api_error_message(inner[i], &diag), "/var"));
    assert_non_null(strstr(vch_api_error_message(VCH_ERR_DENIED, &diag), "/var"));
}

static void every_operation_has_a_use_case(void **state) {
    (void)state;
    for (enum vch_op op = VCH_OP_NONE + 1; op < VCH_OP_COUNT; op++) {
        bool none = vch_op_row(op)->scope == VCH_SCOPE_PUBLIC || op == VCH_OP_ADVANCE_CLOCK || op == VCH_OP_CREATE_FAULT ||
                    op == VCH_OP_LIST_FAULTS || op == VCH_OP_CLEAR_FAULTS || op == VCH_OP_GET_RIGHTS || op == VCH_OP_WATCH_EVENTS || vch_data_is(op);
        if (none != (vch_use_case_of(op) == NULL)) fail_msg("%s", vch_op_row(op)->name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_its_error),
        cmocka_unit_test(every_class_has_its_error),
        cmocka_unit_test(known_refusals_are_called_as_aws_calls_them),
        cmocka_unit_test(insides_are_not_told),
        cmocka_unit_test(every_operation_has_a_use_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
