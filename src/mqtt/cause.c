#include <string.h>

#include "mqtt/mqtt_priv.h"

static const char *const words[VCH_MQTT_CAUSE_COUNT] = {
#define VCH_X(name, word) [VCH_MQTT_CAUSE_##name] = word,
#include "mqtt/cause.def"
#undef VCH_X
};

/* Reasons of core/reason.def that this room or its hooks close with. */
static const struct {
    const char *reason;
    uint8_t code, cause;
} rows[] = {
    {"packet-malformed", VCH_MQTT_RC_MALFORMED_PACKET, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"protocol-error", VCH_MQTT_RC_PROTOCOL_ERROR, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"protocol-version", VCH_MQTT_RC_UNSUPPORTED_VERSION, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"client-id-invalid", VCH_MQTT_RC_CLIENT_ID_NOT_VALID, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"client-id-in-use", VCH_MQTT_RC_NOT_AUTHORIZED, VCH_MQTT_CAUSE_FORBIDDEN_ACCESS},
    {"topic-invalid", VCH_MQTT_RC_TOPIC_NAME_INVALID, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"topic-reserved", VCH_MQTT_RC_TOPIC_NAME_INVALID, VCH_MQTT_CAUSE_FORBIDDEN_ACCESS},
    {"topic-alias-invalid", VCH_MQTT_RC_TOPIC_ALIAS_INVALID, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"subscription-ids-unsupported", VCH_MQTT_RC_SUBSCRIPTION_IDS_NOT_SUPPORTED, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"authentication-unsupported", VCH_MQTT_RC_BAD_AUTHENTICATION_METHOD, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"qos-unsupported", VCH_MQTT_RC_QOS_NOT_SUPPORTED, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"payload-too-large", VCH_MQTT_RC_PACKET_TOO_LARGE, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"packet-too-large", VCH_MQTT_RC_PACKET_TOO_LARGE, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"receive-maximum", VCH_MQTT_RC_RECEIVE_MAXIMUM_EXCEEDED, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"subscriptions-full", VCH_MQTT_RC_QUOTA_EXCEEDED, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"rate-exceeded", VCH_MQTT_RC_QUOTA_EXCEEDED, VCH_MQTT_CAUSE_THROTTLED},
    {"slow-reader", VCH_MQTT_RC_QUOTA_EXCEEDED, VCH_MQTT_CAUSE_THROTTLED},
    {"connections-full", VCH_MQTT_RC_QUOTA_EXCEEDED, VCH_MQTT_CAUSE_THROTTLED},
    {"connect-timeout", VCH_MQTT_RC_KEEP_ALIVE_TIMEOUT, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"keep-alive-timeout", VCH_MQTT_RC_KEEP_ALIVE_TIMEOUT, VCH_MQTT_CAUSE_KEEP_ALIVE},
    {"taken-over", VCH_MQTT_RC_SESSION_TAKEN_OVER, VCH_MQTT_CAUSE_DUPLICATE_CLIENTID},
    {"server-stopping", VCH_MQTT_RC_SERVER_SHUTTING_DOWN, VCH_MQTT_CAUSE_SERVER_INITIATED},
    {"api-disconnect", VCH_MQTT_RC_ADMINISTRATIVE_ACTION, VCH_MQTT_CAUSE_API_INITIATED},
    {"memory-full", VCH_MQTT_RC_QUOTA_EXCEEDED, VCH_MQTT_CAUSE_THROTTLED},
    {"websocket-expired", VCH_MQTT_RC_MAXIMUM_CONNECT_TIME, VCH_MQTT_CAUSE_WEBSOCKET_TTL},
    {"websocket-protocol", VCH_MQTT_RC_PROTOCOL_ERROR, VCH_MQTT_CAUSE_CLIENT_ERROR},
    {"session-expired", VCH_MQTT_RC_ADMINISTRATIVE_ACTION, VCH_MQTT_CAUSE_WEBSOCKET_TTL},
    {"signature-expired", VCH_MQTT_RC_ADMINISTRATIVE_ACTION, VCH_MQTT_CAUSE_WEBSOCKET_TTL},
    {"access-denied", VCH_MQTT_RC_NOT_AUTHORIZED, VCH_MQTT_CAUSE_FORBIDDEN_ACCESS},
    {"policy-denies", VCH_MQTT_RC_NOT_AUTHORIZED, VCH_MQTT_CAUSE_FORBIDDEN_ACCESS},
    {"policy-silent", VCH_MQTT_RC_NOT_AUTHORIZED, VCH_MQTT_CAUSE_FORBIDDEN_ACCESS},
    {"certificate-unknown", VCH_MQTT_RC_NOT_AUTHORIZED, VCH_MQTT_CAUSE_AUTH_ERROR},
    {"certificate-missing", VCH_MQTT_RC_NOT_AUTHORIZED, VCH_MQTT_CAUSE_AUTH_ERROR},
    {"certificate-inactive", VCH_MQTT_RC_ADMINISTRATIVE_ACTION, VCH_MQTT_CAUSE_AUTH_ERROR},
    {"certificate-revoked", VCH_MQTT_RC_ADMINISTRATIVE_ACTION, VCH_MQTT_CAUSE_AUTH_ERROR},
    {"certificate-state", VCH_MQTT_RC_ADMINISTRATIVE_ACTION, VCH_MQTT_CAUSE_AUTH_ERROR},
    {"certificate-expired", VCH_MQTT_RC_ADMINISTRATIVE_ACTION, VCH_MQTT_CAUSE_AUTH_ERROR},
    {"certificate-not-yet-valid", VCH_MQTT_RC_NOT_AUTHORIZED, VCH_MQTT_CAUSE_AUTH_ERROR},
    {"sni-required", VCH_MQTT_RC_NOT_AUTHORIZED, VCH_MQTT_CAUSE_AUTH_ERROR},
    {"access-key-unknown", VCH_MQTT_RC_NOT_AUTHORIZED, VCH_MQTT_CAUSE_AUTH_ERROR},
    {"claim-expired", VCH_MQTT_RC_ADMINISTRATIVE_ACTION, VCH_MQTT_CAUSE_AUTH_ERROR},
    {"claim-spent", VCH_MQTT_RC_ADMINISTRATIVE_ACTION, VCH_MQTT_CAUSE_AUTH_ERROR},
    {"claim-cancelled", VCH_MQTT_RC_ADMINISTRATIVE_ACTION, VCH_MQTT_CAUSE_AUTH_ERROR},
    {"claim-busy", VCH_MQTT_RC_QUOTA_EXCEEDED, VCH_MQTT_CAUSE_AUTH_ERROR},
};

static const size_t row_count = sizeof rows / sizeof *rows;

uint8_t vch_mqtt_code_of(const char *reason) {
    for (size_t i = 0; reason && i < row_count; i++)
        if (strcmp(rows[i].reason, reason) == 0) return rows[i].code;
    return VCH_MQTT_RC_UNSPECIFIED_ERROR;
}

enum vch_mqtt_cause vch_mqtt_cause_of(const char *reason, struct vch_str detail) {
    if (strcmp(reason, "client") == 0)
        return vch_str_eq_c(detail, "disconnect") ? VCH_MQTT_CAUSE_CLIENT_INITIATED : VCH_MQTT_CAUSE_CONNECTION_LOST;
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].reason, reason) == 0) return rows[i].cause;
    return VCH_MQTT_CAUSE_SERVER_ERROR;
}

const char *vch_mqtt_session_cause(const struct vch_mqtt_session *session) {
    return words[session->cause];
}
