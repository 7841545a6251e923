#include "support/cmocka_all.h"

#include <string.h>

#include "shape/op.h"

static struct vch_arena *arena;

static int setup(void **state) {
    (void)state;
    arena = vch_arena_new(1 << 20, false);
    return arena ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

struct route {
    const char *method, *path;
    enum vch_op op;
    const char *name, *value; /* of one capture; NULL: not looked at */
};

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Every hazard of the service's own routes is here. */
static const struct route routes[] = {
    {"POST", "/policies/pubsub", VCH_OP_CREATE_POLICY, "policyName", "pubsub"},
    {"GET", "/policies/pubsub", VCH_OP_GET_POLICY, "policyName", "pubsub"},
    {"GET", "/policies", VCH_OP_LIST_POLICIES, NULL, NULL},
    {"DELETE", "/policies/a", VCH_OP_DELETE_POLICY, NULL, NULL},
    {"POST", "/policies/a/version", VCH_OP_CREATE_POLICY_VERSION, "policyName", "a"},
    {"GET", "/policies/a/version", VCH_OP_LIST_POLICY_VERSIONS, NULL, NULL},
    {"GET", "/policies/a/version/3", VCH_OP_GET_POLICY_VERSION, "policyVersionId", "3"},
    {"PATCH", "/policies/a/version/3", VCH_OP_SET_DEFAULT_POLICY_VERSION, "policyVersionId", "3"},
    {"DELETE", "/policies/a/version/3", VCH_OP_DELETE_POLICY_VERSION, NULL, NULL},
    {"GET", "/policies/version", VCH_OP_GET_POLICY, "policyName", "version"},
    {"GET", "/policies/version/version", VCH_OP_LIST_POLICY_VERSIONS, "policyName", "version"},
    {"GET", "/policies/a/versions", VCH_OP_NONE, NULL, NULL},
    {"PUT", "/target-policies/a", VCH_OP_ATTACH_POLICY, NULL, NULL},
    {"POST", "/target-policies/a", VCH_OP_DETACH_POLICY, NULL, NULL},
    {"POST", "/attached-policies/arn%3Aaws%3Aiot%3Aus-east-1%3A1%3Acert%2Fab", VCH_OP_LIST_ATTACHED_POLICIES, "target",
     "arn:aws:iot:us-east-1:1:cert/ab"},
    {"POST", "/attached-policies/arn:aws:iot:us-east-1:1:cert/ab", VCH_OP_NONE, NULL, NULL},
    {"POST", "/policy-targets/a", VCH_OP_LIST_TARGETS_FOR_POLICY, NULL, NULL},
    {"POST", "/provisioning-templates", VCH_OP_CREATE_PROVISIONING_TEMPLATE, NULL, NULL},
    {"GET", "/provisioning-templates", VCH_OP_LIST_PROVISIONING_TEMPLATES, NULL, NULL},
    {"GET", "/provisioning-templates/T", VCH_OP_DESCRIBE_PROVISIONING_TEMPLATE, "templateName", "T"},
    {"PATCH", "/provisioning-templates/T", VCH_OP_UPDATE_PROVISIONING_TEMPLATE, NULL, NULL},
    {"DELETE", "/provisioning-templates/T", VCH_OP_DELETE_PROVISIONING_TEMPLATE, NULL, NULL},
    {"POST", "/provisioning-templates/T/versions", VCH_OP_CREATE_PROVISIONING_TEMPLATE_VERSION, NULL, NULL},
    {"GET", "/provisioning-templates/T/versions", VCH_OP_LIST_PROVISIONING_TEMPLATE_VERSIONS, NULL, NULL},
    {"GET", "/provisioning-templates/T/versions/2", VCH_OP_DESCRIBE_PROVISIONING_TEMPLATE_VERSION, "versionId", "2"},
    {"DELETE", "/provisioning-templates/T/versions/2", VCH_OP_DELETE_PROVISIONING_TEMPLATE_VERSION, NULL, NULL},
    {"POST", "/provisioning-templates/T/provisioning-claim", VCH_OP_CREATE_PROVISIONING_CLAIM, "templateName", "T"},
    {"GET", "/provisioning-templates/T/provisioning-claim", VCH_OP_NONE, NULL, NULL},
    {"GET", "/certificates", VCH_OP_LIST_CERTIFICATES, NULL, NULL},
    {"GET", "/certificates/" HEX64, VCH_OP_DESCRIBE_CERTIFICATE, "certificateId", HEX64},
    {"PUT", "/certificates/" HEX64, VCH_OP_UPDATE_CERTIFICATE, NULL, NULL},
    {"DELETE", "/certificates/" HEX64, VCH_OP_DELETE_CERTIFICATE, NULL, NULL},
    {"POST", "/certificates", VCH_OP_CREATE_CERTIFICATE_FROM_CSR, NULL, NULL},
    {"POST", "/keys-and-certificate", VCH_OP_CREATE_KEYS_AND_CERTIFICATE, NULL, NULL},
    {"GET", "/certificate/" HEX64, VCH_OP_NONE, NULL, NULL},
    {"POST", "/certificate/register", VCH_OP_REGISTER_CERTIFICATE, NULL, NULL},
    {"POST", "/certificate/register-no-ca", VCH_OP_REGISTER_CERTIFICATE_WITHOUT_CA, NULL, NULL},
    {"POST", "/cacertificate", VCH_OP_REGISTER_CA_CERTIFICATE, NULL, NULL},
    {"GET", "/cacertificate", VCH_OP_NONE, NULL, NULL},
    {"GET", "/cacertificates", VCH_OP_LIST_CA_CERTIFICATES, NULL, NULL},
    {"GET", "/cacertificate/" HEX64, VCH_OP_DESCRIBE_CA_CERTIFICATE, "caCertificateId", HEX64},
    {"PUT", "/cacertificate/" HEX64, VCH_OP_UPDATE_CA_CERTIFICATE, "caCertificateId", HEX64},
    {"DELETE", "/cacertificate/" HEX64, VCH_OP_DELETE_CA_CERTIFICATE, "caCertificateId", HEX64},
    {"GET", "/certificates-by-ca/" HEX64, VCH_OP_LIST_CERTIFICATES_BY_CA, "caCertificateId", HEX64},
    {"GET", "/registrationcode", VCH_OP_GET_REGISTRATION_CODE, NULL, NULL},
    {"DELETE", "/registrationcode", VCH_OP_DELETE_REGISTRATION_CODE, NULL, NULL},
    {"PUT", "/principal-policies/p", VCH_OP_ATTACH_PRINCIPAL_POLICY, "policyName", "p"},
    {"DELETE", "/principal-policies/p", VCH_OP_DETACH_PRINCIPAL_POLICY, "policyName", "p"},
    {"GET", "/principal-policies", VCH_OP_LIST_PRINCIPAL_POLICIES, NULL, NULL},
    {"GET", "/policy-principals", VCH_OP_LIST_POLICY_PRINCIPALS, NULL, NULL},
    {"GET", "/things", VCH_OP_LIST_THINGS, NULL, NULL},
    {"POST", "/things", VCH_OP_REGISTER_THING, NULL, NULL},
    {"POST", "/things/a", VCH_OP_CREATE_THING, "thingName", "a"},
    {"PATCH", "/things/a", VCH_OP_UPDATE_THING, "thingName", "a"},
    {"PUT", "/things/a/principals", VCH_OP_ATTACH_THING_PRINCIPAL, "thingName", "a"},
    {"GET", "/things/a%3Ab", VCH_OP_DESCRIBE_THING, "thingName", "a:b"},
    {"GET", "/things/a:b", VCH_OP_DESCRIBE_THING, "thingName", "a:b"},
    {"GET", "/things/a%2Fprincipals", VCH_OP_DESCRIBE_THING, "thingName", "a/principals"},
    {"GET", "/things/a/principals", VCH_OP_LIST_THING_PRINCIPALS, "thingName", "a"},
    {"GET", "/things/a/principals-v2", VCH_OP_LIST_THING_PRINCIPALS_V2, "thingName", "a"},
    {"DELETE", "/things/a/principals", VCH_OP_DETACH_THING_PRINCIPAL, NULL, NULL},
    {"GET", "/things/principals", VCH_OP_DESCRIBE_THING, "thingName", "principals"},
    {"GET", "/principals/things", VCH_OP_LIST_PRINCIPAL_THINGS, NULL, NULL},
    {"GET", "/principals/things-v2", VCH_OP_LIST_PRINCIPAL_THINGS_V2, NULL, NULL},
    {"GET", "/endpoint", VCH_OP_DESCRIBE_ENDPOINT, NULL, NULL},
    {"POST", "/_vouch/users/ann", VCH_OP_CREATE_USER, "userName", "ann"},
    {"GET", "/_vouch/users/ann/policies", VCH_OP_LIST_USER_POLICIES, NULL, NULL},
    {"PUT", "/_vouch/users/ann/policies/p", VCH_OP_PUT_USER_POLICY, "policyName", "p"},
    {"POST", "/_vouch/users/ann/access-keys", VCH_OP_CREATE_ACCESS_KEY, NULL, NULL},
    {"DELETE", "/_vouch/users/ann/access-keys/AKIA", VCH_OP_DELETE_ACCESS_KEY, "accessKeyId", "AKIA"},
    {"DELETE", "/_vouch/claims/" HEX64, VCH_OP_CANCEL_CLAIM, "claimId", HEX64},
    {"POST", "/_vouch/ledger/verify", VCH_OP_VERIFY_LEDGER, NULL, NULL},
    {"POST", "/_vouch/backup", VCH_OP_BACKUP_REGISTRY, NULL, NULL},
    {"POST", "/_vouch/test/clock", VCH_OP_ADVANCE_CLOCK, NULL, NULL},
    {"GET", "/", VCH_OP_PAGE_HOME, NULL, NULL},
    {"POST", "/", VCH_OP_NONE, NULL, NULL},
    {"GET", "/ca.pem", VCH_OP_PAGE_CA, NULL, NULL},
    /* What is no path of ours. */
    {"GET", "", VCH_OP_NONE, NULL, NULL},
    {"GET", "policies", VCH_OP_NONE, NULL, NULL},
    {"GET", "*", VCH_OP_NONE, NULL, NULL},
    {"GET", "//policies", VCH_OP_NONE, NULL, NULL},
    {"GET", "/policies/", VCH_OP_NONE, NULL, NULL},
    {"GET", "/policies//version", VCH_OP_NONE, NULL, NULL},
    {"GET", "/policies/..", VCH_OP_NONE, NULL, NULL},
    {"GET", "/policies/./version", VCH_OP_NONE, NULL, NULL},
    {"GET", "/policies/%2e%2e", VCH_OP_GET_POLICY, "policyName", ".."},
    {"GET", "/policies/%", VCH_OP_NONE, NULL, NULL},
    {"GET", "/policies/%zz", VCH_OP_NONE, NULL, NULL},
    {"GET", "/policies/a%00b", VCH_OP_NONE, NULL, NULL},
    {"GET", "/policies/a%0Ab", VCH_OP_NONE, NULL, NULL},
    {"GET", "/policies/a%ffb", VCH_OP_NONE, NULL, NULL},
    {"GET", "/POLICIES/a", VCH_OP_NONE, NULL, NULL},
    {"get", "/policies/a", VCH_OP_NONE, NULL, NULL},
    {"HEAD", "/policies/a", VCH_OP_NONE, NULL, NULL},
    {"GET", "/%70olicies/a", VCH_OP_NONE, NULL, NULL},
    {"GET", "/nothing/here", VCH_OP_NONE, NULL, NULL},
};

static void request_lines_find_their_operation(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        const struct route *r = &routes[i];
        struct vch_op_captures captures;
        enum vch_op op = vch_op_route(vch_str_from(r->method), vch_str_from(r->path), arena, &captures);
        if (op != r->op) fail_msg("%s %s: found %d, want %d", r->method, r->path, (int)op, (int)r->op);
        bool found = r->name == NULL;
        for (size_t c = 0; c < captures.count && r->name; c++)
            found = found || (strcmp(captures.item[c].name, r->name) == 0 && vch_str_eq_c(captures.item[c].value, r->value));
        if (!found) fail_msg("%s %s: %s is not %s", r->method, r->path, r->name, r->value);
    }
}

/* A row's own path, its placeholders filled, leads back to the row. */
static void every_row_is_reached_by_its_own_path(void **state) {
    (void)state;
    for (enum vch_op op = VCH_OP_NONE + 1; op < VCH_OP_COUNT; op++) {
        const struct vch_op_row *row = vch_op_row(op);
        struct vch_buf buf;
        struct vch_str path;
        struct vch_op_captures captures;
        vch_buf_init(&buf, 4096);
        for (const char *at = row->path; *at; at++) {
            if (*at != '{') vch_buf_bytes(&buf, at, 1);
            else {
                vch_buf_c(&buf, "x1");
                at = strchr(at, '}');
            }
        }
        assert_int_equal(vch_buf_finish(&buf, &path), VCH_OK);
        enum vch_op found = vch_op_route(vch_str_from(row->method), path, arena, &captures);
        assert_int_equal(found, row->scope == VCH_SCOPE_STS ? VCH_OP_NONE : op);
        vch_buf_deinit(&buf);
    }
}

static bool has_input(const struct vch_op_row *row, struct vch_str name) {
    for (const struct vch_op_field *f = row->in; f->name; f++)
        if (vch_str_eq_c(name, f->name)) return true;
    return false;
}

/* "{name}", "{name|other}", "{name=default}" */
static void placeholders_ok(const struct vch_op_row *row, const char *text) {
    for (const char *open = strchr(text, '{'); open; open = strchr(open + 1, '{')) {
        struct vch_str rest = vch_str_of(open + 1, strcspn(open + 1, "}=")), name;
        while (vch_str_split(&rest, '|', &name))
            if (!has_input(row, name)) fail_msg("%s: %s", row->name, text);
    }
}

static void fields_ok(const struct vch_op_row *row, const struct vch_op_field *fields) {
    for (const struct vch_op_field *f = fields; f->name; f++) {
        bool nested = f->type == VCH_FIELD_OBJECT || f->type == VCH_FIELD_OBJECTS;
        if (nested != (f->members != NULL)) fail_msg("%s.%s: members", row->name, f->name);
        if (f->in == VCH_IN_HEADER && !f->wire) fail_msg("%s.%s: header without a name", row->name, f->name);
        if (f->in == VCH_IN_PATH && !f->required) fail_msg("%s.%s: optional in the path", row->name, f->name);
        for (const struct vch_op_field *other = fields; other < f; other++)
            if (strcmp(other->name, f->name) == 0) fail_msg("%s.%s: twice", row->name, f->name);
        if (f->members) fields_ok(row, f->members);
    }
}

/* What everybody may do who is somebody: about oneself, or what is no secret. */
static bool needs_no_right(enum vch_op op) {
    static const enum vch_op list[] = {VCH_OP_GET_SESSION, VCH_OP_SIGN_OUT,     VCH_OP_GET_RIGHTS,  VCH_OP_CHANGE_PASSWORD, VCH_OP_ENROL_TOTP,
                                       VCH_OP_CONFIRM_TOTP, VCH_OP_REMOVE_TOTP, VCH_OP_ENCODE_QR,   VCH_OP_GET_SITE};
    for (size_t i = 0; i < COUNT_OF(list); i++)
        if (list[i] == op) return true;
    return false;
}

static void rows_are_whole(void **state) {
    (void)state;
    for (enum vch_op op = VCH_OP_NONE + 1; op < VCH_OP_COUNT; op++) {
        const struct vch_op_row *row = vch_op_row(op);
        assert_true(row->name && row->method && row->path && row->summary && row->resource && row->in && row->out);
        placeholders_ok(row, row->path);
        placeholders_ok(row, row->resource);
        fields_ok(row, row->in);
        fields_ok(row, row->out);
        const char *prefix = row->scope == VCH_SCOPE_IOT || row->scope == VCH_SCOPE_DATA ? "iot:" : row->scope == VCH_SCOPE_VOUCH ? "vouch:" : "";
        if (needs_no_right(op)) prefix = "";
        if (strncmp(row->action, prefix, strlen(prefix)) != 0 || (!*prefix && row->scope == VCH_SCOPE_VOUCH && row->action[0]))
            fail_msg("%s: %s", row->name, row->action);
        if (*prefix) assert_string_equal(strchr(row->action, ':') + 1, row->name);
        if (row->scope == VCH_SCOPE_VOUCH || row->scope == VCH_SCOPE_OPEN) assert_true(strncmp(row->path, "/_vouch/", 8) == 0);
        if (row->scope == VCH_SCOPE_OPEN) assert_string_equal(row->action, "");
        assert_int_equal(vch_op_by_name(vch_str_from(row->name)), op);
    }
    assert_int_equal(vch_op_by_name(VCH_STR("")), VCH_OP_NONE);
}

static void the_query_protocol_goes_by_name_and_version(void **state) {
    (void)state;
    assert_int_equal(vch_op_route_query(VCH_STR("GetCallerIdentity"), VCH_STR("2011-06-15")), VCH_OP_GET_CALLER_IDENTITY);
    assert_int_equal(vch_op_route_query(VCH_STR("GetCallerIdentity"), VCH_STR("2010-05-08")), VCH_OP_NONE);
    assert_int_equal(vch_op_route_query(VCH_STR("GetCallerIdentity"), VCH_STR("")), VCH_OP_NONE);
    assert_int_equal(vch_op_route_query(VCH_STR("AssumeRole"), VCH_STR("2011-06-15")), VCH_OP_ASSUME_ROLE);
    assert_int_equal(vch_op_route_query(VCH_STR("GetSessionToken"), VCH_STR("2011-06-15")), VCH_OP_NONE);
    assert_int_equal(vch_op_route_query(VCH_STR("ListThings"), VCH_STR("2011-06-15")), VCH_OP_NONE);
}

static void permissions_name_their_resource(void **state) {
    (void)state;
    const struct vch_site site = {VCH_STR("aws"), VCH_STR("us-east-1"), VCH_STR("123456789012")};
    static const struct {
        enum vch_op op;
        const char *input, *value, *resource;
    } cases[] = {
        {VCH_OP_LIST_THINGS, NULL, NULL, "*"},
        {VCH_OP_GET_POLICY, "policyName", "p", "arn:aws:iot:us-east-1:123456789012:policy/p"},
        {VCH_OP_GET_POLICY, NULL, NULL, "*"},
        {VCH_OP_CREATE_PROVISIONING_CLAIM, "templateName", "T", "arn:aws:iot:us-east-1:123456789012:provisioningtemplate/T"},
        {VCH_OP_CREATE_PROVISIONING_TEMPLATE, "templateName", "T", "arn:aws:iot:us-east-1:123456789012:provisioningtemplate/T"},
        {VCH_OP_ATTACH_POLICY, "target", "arn:aws:iot:us-east-1:123456789012:cert/ab", "arn:aws:iot:us-east-1:123456789012:cert/ab"},
        {VCH_OP_ATTACH_POLICY, NULL, NULL, "*"},
        {VCH_OP_DESCRIBE_THING, "thingName", "a:b", "arn:aws:iot:us-east-1:123456789012:thing/a:b"},
        {VCH_OP_DESCRIBE_CERTIFICATE, "certificateId", "ab", "arn:aws:iot:us-east-1:123456789012:cert/ab"},
        {VCH_OP_CREATE_USER, "userName", "ann", "arn:aws:iam::123456789012:user/ann"},
        {VCH_OP_GET_CALLER_IDENTITY, NULL, NULL, "*"},
        {VCH_OP_CREATE_GROUP, "groupName", "g", "arn:aws:iam::123456789012:group/g"},
        {VCH_OP_GET_ROLE, "roleName", "r", "arn:aws:iam::123456789012:role/r"},
        {VCH_OP_PUT_MANAGED_POLICY, "policyName", "p", "arn:aws:iam::123456789012:policy/p"},
        {VCH_OP_ASSUME_ROLE, "RoleArn", "arn:aws:iam::123456789012:role/r", "arn:aws:iam::123456789012:role/r"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vch_val *in = vch_val_new_map(arena);
        if (cases[i].input) assert_int_equal(vch_val_put_str(arena, in, cases[i].input, vch_str_from(cases[i].value)), VCH_OK);
        assert_str(vch_op_resource(cases[i].op, &site, in, arena), cases[i].resource);
    }
    struct vch_val *odd = vch_val_new_map(arena);
    assert_int_equal(vch_val_put_int(arena, odd, "target", 7), VCH_OK);
    assert_str(vch_op_resource(VCH_OP_ATTACH_POLICY, &site, odd, arena), "*");
}

#define HERE "arn:aws:iot:us-east-1:123456789012:"

/* Every one of them must be allowed. */
static void several_resources_are_all_named(void **state) {
    (void)state;
    const struct vch_site site = {VCH_STR("aws"), VCH_STR("us-east-1"), VCH_STR("123456789012")};
    static const struct {
        enum vch_op op;
        const char *inputs, *resources;
    } cases[] = {
        {VCH_OP_ADD_THING_TO_THING_GROUP, "{\"thingGroupName\":\"g\",\"thingName\":\"t\"}", HERE "thinggroup/g " HERE "thing/t"},
        {VCH_OP_ADD_THING_TO_THING_GROUP, "{\"thingGroupArn\":\"arn:g\",\"thingArn\":\"arn:t\"}", "arn:g arn:t"},
        {VCH_OP_ADD_THING_TO_THING_GROUP, "{\"thingGroupName\":\"g\",\"thingGroupArn\":\"arn:g\",\"thingName\":\"\",\"thingArn\":\"arn:t\"}",
         HERE "thinggroup/g arn:t"},
        {VCH_OP_ADD_THING_TO_THING_GROUP, "{\"thingName\":\"t\"}", "* " HERE "thing/t"},
        {VCH_OP_ADD_THING_TO_THING_GROUP, "{\"thingGroupName\":\"g\"}", HERE "thinggroup/g"},
        {VCH_OP_CREATE_THING_GROUP, "{\"thingGroupName\":\"g\"}", HERE "thinggroup/g"},
        {VCH_OP_CREATE_THING_GROUP, "{\"thingGroupName\":\"g\",\"parentGroupName\":\"p\"}", HERE "thinggroup/g " HERE "thinggroup/p"},
        {VCH_OP_UPDATE_THING_GROUPS_FOR_THING, "{\"thingName\":\"t\",\"thingGroupsToAdd\":[\"a\",7,\"b\"],\"thingGroupsToRemove\":[\"c\"]}",
         HERE "thing/t " HERE "thinggroup/a " HERE "thinggroup/b " HERE "thinggroup/c"},
        {VCH_OP_SEARCH_INDEX, "{}", HERE "index/AWS_Things"},
        {VCH_OP_SEARCH_INDEX, "{\"indexName\":\"AWS_ThingGroups\"}", HERE "index/AWS_ThingGroups"},
        {VCH_OP_TAG_RESOURCE, "{\"resourceArn\":\"arn:x\"}", "arn:x"},
        {VCH_OP_TAG_RESOURCE, "{}", "*"},
        {VCH_OP_LIST_THING_GROUPS, "{\"parentGroup\":\"p\"}", "*"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vch_val *in;
        struct vch_op_resources got;
        assert_int_equal(vch_json_decode(vch_str_from(cases[i].inputs), NULL, arena, &in, NULL), VCH_OK);
        assert_int_equal(vch_op_resources(cases[i].op, &site, in, arena, &got), VCH_OK);
        struct vch_str rest = vch_str_from(cases[i].resources), word;
        size_t count = 0;
        for (; vch_str_split(&rest, ' ', &word); count++)
            if (count >= got.count || !vch_str_eq(word, got.item[count])) fail_msg("%s: no %.*s", cases[i].inputs, VCH_STR_ARG(word));
        assert_int_equal(count, got.count);
    }
}

static void no_more_resources_than_there_is_room(void **state) {
    (void)state;
    const struct vch_site site = {VCH_STR("aws"), VCH_STR("us-east-1"), VCH_STR("123456789012")};
    struct vch_val *in = vch_val_new_map(arena), *list = vch_val_put_list(arena, in, "thingGroupsToAdd");
    struct vch_op_resources got;
    for (int i = 0; i < 100; i++) assert_int_equal(vch_val_push_str(arena, list, VCH_STR("g")), VCH_OK);
    assert_int_equal(vch_op_resources(VCH_OP_UPDATE_THING_GROUPS_FOR_THING, &site, in, arena, &got), VCH_OK);
    assert_int_equal(got.count, VCH_OP_RESOURCES_MAX);
    assert_str(got.item[0], "*");
}

static void rows_say_which_errors_they_may_answer(void **state) {
    (void)state;
    assert_true(vch_op_may_answer(VCH_OP_CREATE_POLICY, VCH_AWS_MALFORMED_POLICY));
    assert_true(vch_op_may_answer(VCH_OP_CREATE_POLICY, VCH_AWS_INVALID_REQUEST));
    assert_false(vch_op_may_answer(VCH_OP_CREATE_POLICY, VCH_AWS_NOT_FOUND));
    assert_false(vch_op_may_answer(VCH_OP_LIST_THINGS, VCH_AWS_NOT_FOUND));
    for (enum vch_aws_error e = 0; e < VCH_AWS_ERROR_COUNT; e++) {
        assert_non_null(vch_aws_error_name(e));
        assert_in_range(vch_aws_error_status(e), 400, 503);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(request_lines_find_their_operation, setup, teardown),
        cmocka_unit_test_setup_teardown(every_row_is_reached_by_its_own_path, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_are_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(the_query_protocol_goes_by_name_and_version, setup, teardown),
        cmocka_unit_test_setup_teardown(permissions_name_their_resource, setup, teardown),
        cmocka_unit_test_setup_teardown(several_resources_are_all_named, setup, teardown),
        cmocka_unit_test_setup_teardown(no_more_resources_than_there_is_room, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_say_which_errors_they_may_answer, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
