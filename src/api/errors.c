#include "api/errors.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/reason.h"

#define ROW(reason, aws, status, code) [VCH_REASON_##reason] = {VCH_AWS_##aws, (status), (code)}

static const struct vch_api_error by_reason[VCH_REASON_COUNT] = {
    ROW(NAME_INVALID, INVALID_REQUEST, 400, "InvalidParameters"),
    ROW(FIELD_MISSING, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(FIELD_INVALID, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(FIELD_TOO_LONG, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(PAYLOAD_INVALID, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(PAYLOAD_TOO_LARGE, PAYLOAD_TOO_LARGE, 400, "InvalidPayload"),
    ROW(PAGE_TOKEN_INVALID, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(UNKNOWN_OPERATION, UNKNOWN_OPERATION, 404, "ResourceNotFound"),
    ROW(POLICY_MALFORMED, MALFORMED_POLICY, 400, "InvalidParameters"),
    ROW(POLICY_TOO_LARGE, MALFORMED_POLICY, 400, "InvalidParameters"),
    ROW(POLICY_EXISTS, ALREADY_EXISTS, 409, "ResourceConflictsException"),
    ROW(POLICY_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(POLICY_VERSIONS_FULL, VERSIONS_LIMIT, 410, "LimitExceeded"),
    ROW(POLICIES_PER_CERTIFICATE, LIMIT, 410, "LimitExceeded"),
    ROW(TEMPLATE_INVALID, INVALID_REQUEST, 400, "InvalidParameters"),
    ROW(TEMPLATE_EXISTS, ALREADY_EXISTS, 409, "ResourceConflictsException"),
    ROW(TEMPLATE_MISSING, NOT_FOUND, 403, "AccessDenied"),
    ROW(TEMPLATE_VERSION_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(TEMPLATE_VERSIONS_FULL, VERSIONS_LIMIT, 410, "LimitExceeded"),
    ROW(TEMPLATE_DISABLED, INVALID_REQUEST, 403, "AccessDenied"),
    ROW(TEMPLATE_NOT_OF_CLAIM, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(PARAMETER_UNRESOLVED, INVALID_REQUEST, 400, "InvalidParameters"),
    ROW(PARAMETER_INVALID, INVALID_REQUEST, 400, "InvalidParameters"),
    ROW(CERTIFICATE_UNKNOWN, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CERTIFICATE_INACTIVE, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CERTIFICATE_REVOKED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CERTIFICATE_EXPIRED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CERTIFICATE_NOT_YET_VALID, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CERTIFICATE_STATE, CERTIFICATE_STATE, 409, "ResourceConflictsException"),
    ROW(CERTIFICATE_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(CSR_INVALID, INVALID_REQUEST, 400, "InvalidCertificateSigningRequest"),
    ROW(CSR_WEAK_KEY, INVALID_REQUEST, 400, "InvalidCertificateSigningRequest"),
    ROW(CLAIM_EXPIRED, INVALID_REQUEST, 403, "AccessDenied"),
    ROW(CLAIM_SPENT, INVALID_REQUEST, 403, "AccessDenied"),
    ROW(CLAIM_CANCELLED, INVALID_REQUEST, 403, "AccessDenied"),
    ROW(CLAIM_BUSY, THROTTLING, 429, "Throttled"),
    ROW(CLAIM_BINDING, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CLAIMS_FULL, THROTTLING, 429, "Throttled"),
    ROW(CLAIM_CERTIFICATES_FULL, LIMIT, 410, "LimitExceeded"),
    ROW(TOKEN_EMPTY, INVALID_REQUEST, 400, "InvalidCertificateOwnershipToken"),
    ROW(TOKEN_INVALID, INVALID_REQUEST, 400, "InvalidCertificateOwnershipToken"),
    ROW(THING_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(THING_TAKEN, CONFLICTING_UPDATE, 409, "ResourceConflictsException"),
    ROW(THING_CONFLICT, CONFLICTING_UPDATE, 409, "ResourceConflictsException"),
    ROW(USER_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(USER_EXISTS, ALREADY_EXISTS, 409, "ResourceConflictsException"),
    ROW(TARGET_INVALID, INVALID_REQUEST, 400, "InvalidParameters"),
    ROW(RESOURCE_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(DELETE_CONFLICT, DELETE_CONFLICT, 409, "ResourceConflictsException"),
    ROW(SIGNATURE_MISSING, MISSING_TOKEN, 403, "AccessDenied"),
    ROW(SIGNATURE_INCOMPLETE, INCOMPLETE_SIGNATURE, 403, "AccessDenied"),
    ROW(SIGNATURE_MISMATCH, INVALID_SIGNATURE, 403, "AccessDenied"),
    ROW(SIGNATURE_EXPIRED, INVALID_SIGNATURE, 403, "AccessDenied"),
    ROW(SIGNATURE_SCOPE, INVALID_SIGNATURE, 403, "AccessDenied"),
    ROW(ACCESS_KEY_UNKNOWN, UNRECOGNIZED_CLIENT, 403, "AccessDenied"),
    ROW(ACCESS_DENIED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(POLICY_DENIES, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(POLICY_SILENT, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CLIENT_ID_INVALID, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(CLIENT_ID_IN_USE, CONFLICTING_UPDATE, 409, "ResourceConflictsException"),
    ROW(TOPIC_INVALID, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(TOPIC_RESERVED, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(PACKET_MALFORMED, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(PACKET_TOO_LARGE, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(PROTOCOL_ERROR, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(RECEIVE_MAXIMUM, THROTTLING, 429, "Throttled"),
    ROW(TOPIC_ALIAS_INVALID, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(SUBSCRIPTION_IDS_UNSUPPORTED, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(AUTHENTICATION_UNSUPPORTED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(API_DISCONNECT, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(PROTOCOL_VERSION, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(CONNECT_TIMEOUT, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(KEEP_ALIVE_TIMEOUT, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(TAKEN_OVER, CONFLICTING_UPDATE, 409, "ResourceConflictsException"),
    ROW(RATE_EXCEEDED, THROTTLING, 429, "Throttled"),
    ROW(STORE_FAILED, SERVICE_UNAVAILABLE, 503, "ServiceUnavailable"),
    ROW(SIGNER_FAILED, SERVICE_UNAVAILABLE, 503, "ServiceUnavailable"),
    ROW(INTERNAL, INTERNAL, 500, "InternalError"),
    ROW(POLICY_VERSION_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(ACCESS_KEYS_FULL, LIMIT, 410, "LimitExceeded"),
    ROW(LEDGER_BROKEN, CONFLICTING_UPDATE, 500, "InternalError"),
    ROW(THING_VERSION, VERSION_CONFLICT, 409, "ResourceConflictsException"),
    ROW(THING_ATTACHED, INVALID_REQUEST, 409, "ResourceConflictsException"),
    ROW(CLAIM_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(CERTIFICATE_EXISTS, ALREADY_EXISTS, 409, "ResourceConflictsException"),
    ROW(THING_EXISTS, ALREADY_EXISTS, 409, "ResourceConflictsException"),
    ROW(CERTIFICATE_INVALID, CERTIFICATE_VALIDATION, 400, "InvalidParameters"),
    ROW(CERTIFICATE_AMBIGUOUS, CERTIFICATE_CONFLICT, 409, "ResourceConflictsException"),
    ROW(REGISTRATION_CODE_INVALID, REGISTRATION_CODE, 400, "InvalidParameters"),
    ROW(REGISTRATION_CODE_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(REGISTRATION_FAILED, REGISTRATION_FAILED, 400, "InvalidParameters"),
    ROW(CA_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(CA_EXISTS, ALREADY_EXISTS, 409, "ResourceConflictsException"),
    ROW(CAS_FULL, LIMIT, 410, "LimitExceeded"),
    ROW(USER_GROUP_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(USER_GROUP_EXISTS, ALREADY_EXISTS, 409, "ResourceConflictsException"),
    ROW(ROLE_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(ROLE_EXISTS, ALREADY_EXISTS, 409, "ResourceConflictsException"),
    ROW(IAM_FULL, LIMIT, 410, "LimitExceeded"),
    ROW(SESSION_EXPIRED, EXPIRED_TOKEN, 403, "AccessDenied"),
    ROW(SLOW_READER, THROTTLING, 429, "Throttled"),
    ROW(SERVER_STOPPING, SERVICE_UNAVAILABLE, 503, "ServiceUnavailable"),
    ROW(SUBSCRIPTIONS_FULL, LIMIT, 410, "LimitExceeded"),
    ROW(QOS_UNSUPPORTED, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(THING_TYPE_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(THING_TYPE_EXISTS, ALREADY_EXISTS, 409, "ResourceConflictsException"),
    ROW(THING_TYPE_DEPRECATED, INVALID_REQUEST, 400, "InvalidParameters"),
    ROW(THING_TYPE_IN_USE, INVALID_REQUEST, 409, "ResourceConflictsException"),
    ROW(GROUP_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(GROUP_EXISTS, ALREADY_EXISTS, 409, "ResourceConflictsException"),
    ROW(GROUP_PARENT_MISSING, INVALID_REQUEST, 404, "ResourceNotFound"),
    ROW(GROUP_TOO_DEEP, INVALID_REQUEST, 410, "LimitExceeded"),
    ROW(GROUP_CHILDREN_FULL, INVALID_REQUEST, 410, "LimitExceeded"),
    ROW(GROUP_IN_USE, INVALID_REQUEST, 409, "ResourceConflictsException"),
    ROW(GROUP_VERSION, VERSION_CONFLICT, 409, "ResourceConflictsException"),
    ROW(GROUP_HIERARCHY, INVALID_REQUEST, 409, "ResourceConflictsException"),
    ROW(GROUPS_PER_THING, INVALID_REQUEST, 410, "LimitExceeded"),
    ROW(POLICIES_PER_GROUP, LIMIT, 410, "LimitExceeded"),
    ROW(BILLING_GROUP_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(BILLING_GROUP_EXISTS, ALREADY_EXISTS, 409, "ResourceConflictsException"),
    ROW(BILLING_GROUP_IN_USE, INVALID_REQUEST, 409, "ResourceConflictsException"),
    ROW(BILLING_GROUP_VERSION, VERSION_CONFLICT, 409, "ResourceConflictsException"),
    ROW(TAGS_FULL, LIMIT, 410, "LimitExceeded"),
    ROW(WEBSOCKET_PROTOCOL, INVALID_REQUEST, 400, "InvalidPayload"),
    ROW(WEBSOCKET_EXPIRED, EXPIRED_TOKEN, 403, "AccessDenied"),
    ROW(SNI_REQUIRED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(QUERY_INVALID, INVALID_QUERY, 400, "InvalidParameters"),
    ROW(HOOK_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(HOOK_TAKEN, ALREADY_EXISTS, 409, "ResourceConflictsException"),
    ROW(HOOK_UNKNOWN, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HOOK_DENIED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HOOK_TIMEOUT, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HOOK_BUSY, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HOOK_UNREACHABLE, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HOOK_TLS_FAILED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HOOK_STATUS, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HOOK_CRASHED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HOOK_PROGRAM_REFUSED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HOOK_ANSWER_TOO_LARGE, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HOOK_ANSWER_INVALID, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HOOK_CHANGED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HOOK_FAILED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(FAULTS_FULL, LIMIT, 410, "LimitExceeded"),
    ROW(REHEARSED, INVALID_REQUEST, 409, "ResourceConflictsException"),
    ROW(CLAIM_SOURCE, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CLAIM_THING, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CLAIM_PARAMETER, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CLAIM_KEY, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CLAIM_LIFE, INVALID_REQUEST, 400, "InvalidParameters"),
    ROW(LIMIT_TEMPLATE, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(LIMIT_WINDOW, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(LIMIT_HOUR, THROTTLING, 429, "Throttled"),
    ROW(LIMIT_DAY, THROTTLING, 429, "Throttled"),
    ROW(APPROVAL_NEEDED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(APPROVAL_OWN, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(APPROVAL_STATE, CONFLICTING_UPDATE, 409, "ResourceConflictsException"),
    ROW(REQUEST_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(LIMITS_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(ROTATION_OFF, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CHECKPOINT_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(LEDGER_ROW_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(CERTIFICATE_WEAK_KEY, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(TLS_FAILED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(TLS_ALERT, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(HANDSHAKE_TIMEOUT, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(CONNECTIONS_FULL, THROTTLING, 429, "Throttled"),
    ROW(MEMORY_FULL, SERVICE_UNAVAILABLE, 503, "ServiceUnavailable"),
    ROW(SIGN_IN_REFUSED, UNAUTHORIZED, 403, "AccessDenied"),
    ROW(SIGN_IN_LOCKED, TOO_MANY_REQUESTS, 429, "Throttled"),
    ROW(SIGN_IN_BUSY, TOO_MANY_REQUESTS, 429, "Throttled"),
    ROW(TOTP_NEEDED, UNAUTHORIZED, 403, "AccessDenied"),
    ROW(PASSWORD_REFUSED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(TOTP_REFUSED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(TOTP_STATE, CONFLICTING_UPDATE, 409, "ResourceConflictsException"),
    ROW(PASSWORD_WEAK, INVALID_REQUEST, 400, "InvalidParameters"),
    ROW(SESSION_ENDED, UNAUTHORIZED, 403, "AccessDenied"),
    ROW(CSRF_REFUSED, ACCESS_DENIED, 403, "AccessDenied"),
    ROW(EVENTS_FULL, TOO_MANY_REQUESTS, 429, "Throttled"),
    ROW(OIDC_REFUSED, UNAUTHORIZED, 403, "AccessDenied"),
    ROW(OIDC_STATE, UNAUTHORIZED, 403, "AccessDenied"),
    ROW(OIDC_REPLAYED, UNAUTHORIZED, 403, "AccessDenied"),
    ROW(OIDC_TOKEN, UNAUTHORIZED, 403, "AccessDenied"),
    ROW(OIDC_USER, UNAUTHORIZED, 403, "AccessDenied"),
    ROW(OIDC_BUSY, TOO_MANY_REQUESTS, 429, "Throttled"),
    ROW(OIDC_UNAVAILABLE, SERVICE_UNAVAILABLE, 503, "ServiceUnavailable"),
    ROW(PAIRING_MISSING, NOT_FOUND, 404, "ResourceNotFound"),
    ROW(PAIRING_STATE, CONFLICTING_UPDATE, 409, "ResourceConflictsException"),
    ROW(PAIRING_DENIED, CONFLICTING_UPDATE, 409, "ResourceConflictsException"),
    ROW(PAIRING_EXPIRED, CONFLICTING_UPDATE, 409, "ResourceConflictsException"),
    ROW(PAIRING_KEY, INVALID_REQUEST, 400, "InvalidParameters"),
    ROW(PAIRING_CODE, INVALID_REQUEST, 400, "InvalidParameters"),
    ROW(PAIRING_FULL, TOO_MANY_REQUESTS, 429, "Throttled"),
    ROW(PAIRING_THROTTLED, TOO_MANY_REQUESTS, 429, "Throttled"),
    ROW(PAIRING_GUESSES, TOO_MANY_REQUESTS, 429, "Throttled"),
    ROW(PAIRING_SLOW_DOWN, TOO_MANY_REQUESTS, 429, "Throttled"),
    ROW(PAIRING_PARAMETER, INVALID_REQUEST, 400, "InvalidParameters"),
};
#undef ROW

struct class_row {
    struct vch_api_error error;
    const char *message;
    bool private; /* the diagnosis speaks of the server's insides */
};
#define ROW(class, aws, status, code, secret, text)                                                                    \
    [VCH_ERR_##class] = {{VCH_AWS_##aws, (status), (code)}, (text), (secret)}

static const struct class_row by_class[VCH_ERR_COUNT] = {
    ROW(OK, INTERNAL, 500, "InternalError", true, "An unexpected error has occurred."),
    ROW(INVALID, INVALID_REQUEST, 400, "InvalidPayload", false, "The request is not valid."),
    ROW(MALFORMED, INVALID_REQUEST, 400, "InvalidPayload", false, "The request is not valid."),
    ROW(TOO_LARGE, INVALID_REQUEST, 400, "InvalidPayload", false, "The request is too large."),
    ROW(NOT_FOUND, NOT_FOUND, 404, "ResourceNotFound", false, "The specified resource does not exist."),
    ROW(EXISTS, ALREADY_EXISTS, 409, "ResourceConflictsException", false, "The resource already exists."),
    ROW(CONFLICT, CONFLICTING_UPDATE, 409, "ResourceConflictsException", false, "The request conflicts with what is there."),
    ROW(STATE, INVALID_REQUEST, 409, "ResourceConflictsException", false, "The resource is in the wrong state."),
    ROW(LIMIT, LIMIT, 410, "LimitExceeded", false, "A limit has been exceeded."),
    ROW(DENIED, ACCESS_DENIED, 403, "AccessDenied", false, "Access is denied."),
    ROW(UNAUTHENTICATED, MISSING_TOKEN, 403, "AccessDenied", false, "Missing Authentication Token"),
    ROW(EXPIRED, EXPIRED_TOKEN, 403, "AccessDenied", false, "The request has expired."),
    ROW(THROTTLED, THROTTLING, 429, "Throttled", false, "Rate exceeded"),
    ROW(UNAVAILABLE, SERVICE_UNAVAILABLE, 503, "ServiceUnavailable", true, "The service is temporarily unavailable."),
    ROW(NOMEM, SERVICE_UNAVAILABLE, 503, "ServiceUnavailable", true, "The service is temporarily unavailable."),
    ROW(IO, SERVICE_UNAVAILABLE, 503, "ServiceUnavailable", true, "The service is temporarily unavailable."),
    ROW(TIMEOUT, SERVICE_UNAVAILABLE, 503, "ServiceUnavailable", true, "The service is temporarily unavailable."),
    ROW(INTERNAL, INTERNAL, 500, "InternalError", true, "An unexpected error has occurred."),
    ROW(WAITING, INTERNAL, 500, "InternalError", true, "An unexpected error has occurred."),
};
#undef ROW

static const struct class_row *class_of(enum vch_err err) {
    return &by_class[err < VCH_ERR_COUNT ? err : VCH_ERR_INTERNAL];
}

struct vch_api_error vch_api_error_of(enum vch_err err, const struct vch_diag *diag) {
    const struct class_row *row = class_of(err);
    if (!diag || !diag->reason) return row->error;
    for (int i = 0; i < VCH_REASON_COUNT; i++)
        if (strcmp(diag->reason, vch_reason_code((enum vch_reason)i)) == 0)
            return by_reason[i].mqtt_code ? by_reason[i] : row->error;
    return row->error;
}

const char *vch_api_error_message(enum vch_err err, const struct vch_diag *diag) {
    const struct class_row *row = class_of(err);
    if (row->private || !diag || !diag->message[0]) return row->message;
    return diag->message;
}

void vch_api_error_text(enum vch_err err, const struct vch_diag *diag, char out[VCH_API_ERROR_TEXT]) {
    const char *message = vch_api_error_message(err, diag);
    bool placed = diag && diag->message[0] && message == diag->message && diag->field[0] == '/';
    (void)snprintf(out, VCH_API_ERROR_TEXT, "%s%s%s", placed ? diag->field : "", placed ? ": " : "", message);
}

const char *vch_api_error_reason(enum vch_err err, const struct vch_diag *diag) {
    return diag && diag->reason ? diag->reason : vch_err_word(err);
}
