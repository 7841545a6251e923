/* The table itself: the field words of ops.def and their expansion. */
#include "shape/op.h"

#define ROW_OF(n, loc, t, req, ...)                                                                                    \
    {.name = #n, .in = VCH_IN_##loc, .type = VCH_FIELD_##t, .required = (req), __VA_ARGS__}

/* Inputs. */
#define PATH(n, c) ROW_OF(n, PATH, STR, true, .check = VCH_CHECK_##c)
#define PATH_STR(n, lo, hi) ROW_OF(n, PATH, STR, true, .min = (lo), .max = (hi))
#define PATH_INT(n) ROW_OF(n, PATH, INT, true, .min = 1, .max = INT32_MAX)
#define HEADER(n, w, c) ROW_OF(n, HEADER, STR, true, .wire = (w), .check = VCH_CHECK_##c)
#define header_str(n, w, hi) ROW_OF(n, HEADER, STR, false, .wire = (w), .max = (hi))
#define header_word(n, w, l) ROW_OF(n, HEADER, STR, false, .wire = (w), .words = (l))
#define payload(n) ROW_OF(n, PAYLOAD, STR, false, .words = NULL)
#define query_str(n, hi) ROW_OF(n, QUERY, STR, false, .max = (hi))
#define query_int(n, lo, hi) ROW_OF(n, QUERY, INT, false, .min = (lo), .max = (hi))
#define QUERY_CHECKED(n, c) ROW_OF(n, QUERY, STR, true, .check = VCH_CHECK_##c)
#define query_checked(n, c) ROW_OF(n, QUERY, STR, false, .check = VCH_CHECK_##c)
#define query_bool(n) ROW_OF(n, QUERY, BOOL, false, .words = NULL)
#define query_word(n, w) ROW_OF(n, QUERY, STR, false, .words = w)
#define QUERY_WORD(n, w) ROW_OF(n, QUERY, STR, true, .words = w)
#define BODY_STR(n, lo, hi) ROW_OF(n, BODY, STR, true, .min = (lo), .max = (hi))
#define BODY_INT(n, lo, hi) ROW_OF(n, BODY, INT, true, .min = (lo), .max = (hi))
#define BODY_CHECKED(n, c) ROW_OF(n, BODY, STR, true, .check = VCH_CHECK_##c)
#define body_checked(n, c) ROW_OF(n, BODY, STR, false, .check = VCH_CHECK_##c)
#define body_str(n, lo, hi) ROW_OF(n, BODY, STR, false, .min = (lo), .max = (hi))
#define body_text(n, hi) ROW_OF(n, BODY, STR, false, .check = VCH_CHECK_TEXT, .max = (hi))
#define body_word(n, w) ROW_OF(n, BODY, STR, false, .words = (w))
#define BODY_WORD(n, w) ROW_OF(n, BODY, STR, true, .words = (w))
#define body_map(n) ROW_OF(n, BODY, MAP, false, .words = NULL)
#define body_bool(n) ROW_OF(n, BODY, BOOL, false, .words = NULL)
#define body_int(n, lo, hi) ROW_OF(n, BODY, INT, false, .min = (lo), .max = (hi))
#define ATTRIBUTES                                                                                                     \
    ROW_OF(attributePayload, BODY, OBJECT, false, .members = LIST(ROW_OF(attributes, BODY, MAP, false, .words = NULL), body_bool(merge)))
#define PRINCIPAL_TYPE query_word(thingPrincipalType, "EXCLUSIVE_THING NON_EXCLUSIVE_THING")
#define REGISTRATION                                                                                                   \
    ROW_OF(registrationConfig, BODY, OBJECT, false,                                                                    \
           .members = LIST(body_str(templateBody, 0, 0), body_checked(roleArn, ROLE_ARN), body_checked(templateName, TEMPLATE_NAME)))
#define CERTIFICATE_STATUSES "ACTIVE INACTIVE REVOKED PENDING_TRANSFER REGISTER_INACTIVE PENDING_ACTIVATION"
/* A list of strings; min and max count its items. */
#define body_strs(n, c, lo, hi) ROW_OF(n, BODY, STRS, false, .check = VCH_CHECK_##c, .min = (lo), .max = (hi))
#define BODY_STRS(n, c, lo, hi) ROW_OF(n, BODY, STRS, true, .check = VCH_CHECK_##c, .min = (lo), .max = (hi))
#define TAG_MEMBERS                                                                                                    \
    LIST(ROW_OF(Key, BODY, STR, true, .check = VCH_CHECK_TAG_KEY), ROW_OF(Value, BODY, STR, false, .check = VCH_CHECK_TAG_VALUE))
#define TAGS_IN ROW_OF(tags, BODY, OBJECTS, false, .max = 50, .members = TAG_MEMBERS)
#define TAGS_REQUIRED ROW_OF(tags, BODY, OBJECTS, true, .min = 1, .max = 50, .members = TAG_MEMBERS)
#define TYPE_PROPERTIES_IN                                                                                             \
    ROW_OF(thingTypeProperties, BODY, OBJECT, false,                                                                   \
           .members = LIST(body_text(thingTypeDescription, 2028), body_strs(searchableAttributes, ATTRIBUTE_NAME, 0, 3), \
                           ROW_OF(mqtt5Configuration, BODY, OBJECT, false,                                             \
                                  .members = LIST(ROW_OF(propagatingAttributes, BODY, OBJECTS, false, .max = 20,       \
                                                         .members = LIST(body_text(userPropertyKey, 128),              \
                                                                         body_checked(thingAttribute, ATTRIBUTE_NAME), \
                                                                         body_text(connectionAttribute, 128)))))))
#define GROUP_PROPERTIES_MEMBERS LIST(body_text(thingGroupDescription, 2028), ATTRIBUTES)
#define BILLING_PROPERTIES_MEMBERS LIST(body_text(billingGroupDescription, 2028))
#define GROUP_OF_THING                                                                                                 \
    body_checked(thingGroupName, THING_NAME), body_checked(thingGroupArn, ARN), body_checked(thingName, THING_NAME),   \
        body_checked(thingArn, ARN)
#define BILLING_GROUP_OF_THING                                                                                         \
    body_checked(billingGroupName, THING_NAME), body_checked(billingGroupArn, ARN), body_checked(thingName, THING_NAME), \
        body_checked(thingArn, ARN)
#define AUTH_INFOS_IN                                                                                                  \
    ROW_OF(authInfos, BODY, OBJECTS, true, .min = 1, .max = 10,                                                        \
           .members = LIST(body_word(actionType, "PUBLISH SUBSCRIBE RECEIVE CONNECT"), BODY_STRS(resources, TEXT, 1, 100)))
#define MARKER_PAGE query_str(marker, 1024), query_int(pageSize, 1, 250)
#define TOKEN_PAGE query_str(nextToken, 1024), query_int(maxResults, 1, 250)
#define HOOK                                                                                                           \
    ROW_OF(preProvisioningHook, BODY, OBJECT, false,                                                                   \
           .members = LIST(ROW_OF(payloadVersion, BODY, STR, false, .check = VCH_CHECK_HOOK_VERSION, .min = 10, .max = 32), \
                           ROW_OF(targetArn, BODY, STR, true, .check = VCH_CHECK_TEXT, .min = 1, .max = 2048)))

/* Outputs. */
#define MEMBER(n, t, req) ROW_OF(n, BODY, t, req, .words = NULL)
#define STR(n) MEMBER(n, STR, true)
#define str(n) MEMBER(n, STR, false)
#define INT(n) MEMBER(n, INT, true)
#define integer(n) MEMBER(n, INT, false)
#define BOOL(n) MEMBER(n, BOOL, true)
#define TIME(n) MEMBER(n, TIME, true)
#define MAP(n) MEMBER(n, MAP, true)
#define STRS(n) MEMBER(n, STRS, true)
#define any(n) MEMBER(n, ANY, false)
#define OBJECT(n, ...) ROW_OF(n, BODY, OBJECT, true, .members = LIST(__VA_ARGS__))
#define OBJECT_EMPTY(n) ROW_OF(n, BODY, OBJECT, true, .members = nothing)
#define object(n, ...) ROW_OF(n, BODY, OBJECT, false, .members = LIST(__VA_ARGS__))
#define OBJECTS(n, ...) ROW_OF(n, BODY, OBJECTS, true, .members = LIST(__VA_ARGS__))
#define time(n) MEMBER(n, TIME, false)
#define boolean(n) MEMBER(n, BOOL, false)
#define map(n) MEMBER(n, MAP, false)
#define strs(n) MEMBER(n, STRS, false)
#define objects(n, ...) ROW_OF(n, BODY, OBJECTS, false, .members = LIST(__VA_ARGS__))
#define TYPE_PROPERTIES object(thingTypeProperties, str(thingTypeDescription), strs(searchableAttributes), any(mqtt5Configuration))
#define TYPE_METADATA object(thingTypeMetadata, BOOL(deprecated), time(deprecationDate), TIME(creationDate))
#define SESSION_FIELDS STR(userName), STR(arn), str(csrfToken), time(expiration)
#define NAME_ARN STR(groupName), STR(groupArn)
#define AUTH_POLICIES OBJECTS(policies, STR(policyName), STR(policyArn))
#define CLAIM_FIELDS                                                                                                   \
    STR(claimId), STR(templateName), STR(createdBy), STR(state), TIME(creationDate), TIME(expiration), INT(maxUses),   \
        INT(uses), INT(certificatesCreated), str(firstSourceIp), str(firstClientId), STRS(alarms), any(bindings)
#define LEDGER_FIELDS                                                                                                  \
    INT(sequence), TIME(time), STR(event), STR(actor), str(sourceIp), str(clientId), str(claimId), str(templateName),  \
        integer(templateVersion), str(certificateId), str(thingName), STR(outcome), str(detail), STR(previousHash), STR(hash)
#define CHECKPOINT_FIELDS INT(sequence), TIME(time), STR(account), STR(hash), STR(signature), STR(publicKey)
#define LIMITS_OWNER ROW_OF(ownerKind, PATH, STR, true, .words = "user group role"), PATH(ownerName, USER_NAME)
#define LIMITS_FIELDS                                                                                                  \
    STR(ownerKind), STR(ownerName), integer(claimsPerHour), integer(claimsPerDay), integer(approvalAbove), STRS(templates), \
        STRS(windows), TIME(lastModifiedDate)
#define REQUEST_FIELDS                                                                                                 \
    STR(requestId), STR(principal), STR(templateName), STR(state), TIME(creationDate), TIME(expiration), str(decidedBy), any(bindings)
#define SETTINGS_FIELDS STR(templateName), STR(onActive), BOOL(rotation), INT(rotationGraceSeconds)

#define HOOK_FIELDS                                                                                                    \
    STR(hookName), STR(targetArn), STR(kind), STR(target), integer(timeoutMs), str(caPem), str(certificatePem),        \
        BOOL(hasPrivateKey), BOOL(hasSecret), TIME(creationDate), TIME(lastModifiedDate)
#define HOOK_DECISION BOOL(allowed), str(reason), str(message), INT(durationMs), str(hookSaid), map(parameterOverrides)
#define SERIALS_IN                                                                                                     \
    ROW_OF(serials, BODY, OBJECTS, true, .min = 1, .max = 1000,                                                        \
           .members = LIST(ROW_OF(serial, BODY, STR, true, .check = VCH_CHECK_TEXT, .min = 1, .max = 1024),            \
                           body_map(parameterOverrides)))
#define PAIRING_STEPS OBJECTS(steps, STR(name), time(date))
#define PAIRING_FIELDS                                                                                                 \
    STR(pairingId), STR(userCode), STR(serialNumber), STR(model), STR(keyFingerprint), STR(sourceIp), TIME(creationDate), \
        TIME(expiration), STR(state), PAIRING_STEPS, STR(serverFingerprint), MAP(suggestedParameters), str(reason),    \
        str(message), str(lookedAtBy), str(decidedBy), str(templateName), map(parameters), str(thingName), str(claimId), \
        time(claimExpiration), str(certificateId)
#define ROLE_FIELDS                                                                                                    \
    STR(roleName), STR(roleId), STR(roleArn), str(description), INT(maxSessionDuration), TIME(creationDate),           \
        STR(assumeRolePolicyDocument)
#define MANAGED_FIELDS                                                                                                 \
    STR(policyName), STR(policyArn), str(description), TIME(creationDate), TIME(lastModifiedDate), STR(policyDocument)

#define LIST(...) (const struct vch_op_field[]){__VA_ARGS__, {.name = NULL}}
#define IN(...) LIST(__VA_ARGS__)
#define OUT(...) LIST(__VA_ARGS__)
#define IN_NOTHING nothing
#define OUT_NOTHING nothing
/* The answer is no document but the media type. */
#define OUT_STREAM(type) LIST(ROW_OF(stream, PAYLOAD, STR, true, .wire = (type)))
#define ERR(e) | (1u << VCH_AWS_##e)
#define ERR_NONE

static const struct vch_op_field nothing[] = {{.name = NULL}};

static const struct vch_op_row rows[VCH_OP_COUNT] = {
#define VCH_OP_ROW(id, n, sc, m, p, act, res, sum, ins, outs, errs)                                                    \
    [VCH_OP_##id] = {.name = (n),                                                                                      \
                     .scope = VCH_SCOPE_##sc,                                                                          \
                     .method = (m),                                                                                    \
                     .path = (p),                                                                                      \
                     .action = (act),                                                                                  \
                     .resource = (res),                                                                                \
                     .summary = (sum),                                                                                 \
                     .in = ins,                                                                                        \
                     .out = outs,                                                                                      \
                     .errors = 0u errs},
#include "shape/ops.def"
#undef VCH_OP_ROW
};

_Static_assert(VCH_AWS_ERROR_COUNT <= 32, "errors of a row are a bit set of 32");

const struct vch_op_row *vch_op_row(enum vch_op op) {
    vch_assert(op > VCH_OP_NONE && op < VCH_OP_COUNT);
    return &rows[op];
}
