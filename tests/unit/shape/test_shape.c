#include "support/cmocka_all.h"

#include <string.h>

#include "core/reason.h"
#include "shape/shape.h"

static struct vch_arena *arena;

static int setup(void **state) {
    (void)state;
    arena = vch_arena_new(8 << 20, false);
    return arena ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

static struct vch_val *json(const char *text) {
    const struct vch_val_limits limits = {.depth = 32, .values = 200000}; /* the description of all operations is large */
    struct vch_val *val = NULL;
    assert_int_equal(vch_json_decode(vch_str_from(text), &limits, arena, &val, NULL), VCH_OK);
    return val;
}

static struct vch_str text_of(const struct vch_val *val) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 1 << 20);
    vch_json_encode(val, &buf);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    text = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return text;
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX64_UPPER "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"
#define ARN "arn:aws:iot:us-east-1:123456789012:cert/" HEX64

struct decoding {
    const char *method, *path, *query, *header /* value of x-amzn-principal */, *body;
    const char *inputs; /* JSON, or NULL: refused */
    const char *reason, *field;
};

static const struct decoding decodings[] = {
    {"POST", "/policies/p", "", NULL, "{\"policyDocument\":\"{}\"}", "{\"policyName\":\"p\",\"policyDocument\":\"{}\"}", NULL, NULL},
    {"POST", "/policies/p", "", NULL, "{\"policyDocument\":\"{}\",\"roles\":[{\"Key\":\"k\"}],\"other\":{}}",
     "{\"policyName\":\"p\",\"policyDocument\":\"{}\"}", NULL, NULL},
    {"POST", "/policies/p", "unknown=1&policyName=q", NULL, "{\"policyDocument\":\"{}\",\"policyName\":\"z\"}",
     "{\"policyName\":\"p\",\"policyDocument\":\"{}\"}", NULL, NULL},
    {"POST", "/policies/p", "", NULL, "{}", NULL, "field-missing", "policyDocument"},
    {"POST", "/policies/p", "", NULL, "", NULL, "field-missing", "policyDocument"},
    {"POST", "/policies/p", "", NULL, "{\"policyDocument\":null}", NULL, "field-missing", "policyDocument"},
    {"POST", "/policies/p", "", NULL, "{\"policyDocument\":7}", NULL, "field-invalid", "policyDocument"},
    {"POST", "/policies/p", "", NULL, "{\"policyDocument\":{}}", NULL, "field-invalid", "policyDocument"},
    {"POST", "/policies/p", "", NULL, "{\"policyDocument\":\"\"}", NULL, "field-invalid", "policyDocument"},
    {"POST", "/policies/p", "", NULL, "[]", NULL, "payload-invalid", ""},
    {"POST", "/policies/p", "", NULL, "{", NULL, "payload-invalid", ""},
    {"POST", "/policies/p", "", NULL, "{\"policyDocument\":\"{}\",\"policyDocument\":\"{}\"}", NULL, "payload-invalid", ""},
    {"POST", "/policies/p%20q", "", NULL, "{\"policyDocument\":\"{}\"}", NULL, "name-invalid", "policyName"},
    {"GET", "/policies", "", NULL, "", "{}", NULL, NULL},
    {"GET", "/policies", "pageSize=250&isAscendingOrder=true&marker=a%2Bb%3D", NULL, "",
     "{\"marker\":\"a+b=\",\"pageSize\":250,\"isAscendingOrder\":true}", NULL, NULL},
    {"GET", "/policies", "isAscendingOrder=false", NULL, "not looked at", "{\"isAscendingOrder\":false}", NULL, NULL},
    {"GET", "/policies", "isAscendingOrder=True", NULL, "", NULL, "field-invalid", "isAscendingOrder"},
    {"GET", "/policies", "pageSize=0", NULL, "", NULL, "field-invalid", "pageSize"},
    {"GET", "/policies", "pageSize=251", NULL, "", NULL, "field-invalid", "pageSize"},
    {"GET", "/policies", "pageSize=+1", NULL, "", NULL, "field-invalid", "pageSize"},
    {"GET", "/policies", "pageSize=", NULL, "", NULL, "field-invalid", "pageSize"},
    {"GET", "/policies", "pageSize", NULL, "", NULL, "field-invalid", "pageSize"},
    {"GET", "/policies", "pageSize=1&pageSize=1", NULL, "", NULL, "field-invalid", "pageSize"},
    {"GET", "/policies", "marker=a%01", NULL, "", NULL, "field-invalid", "query"},
    {"GET", "/policies", "marker=a%FF", NULL, "", NULL, "field-invalid", "query"},
    {"GET", "/policies", "pageSize=%3", NULL, "", NULL, "field-invalid", "query"},
    {"GET", "/policies/p/version/12", "", NULL, "", "{\"policyName\":\"p\",\"policyVersionId\":\"12\"}", NULL, NULL},
    {"GET", "/policies/p/version/x", "", NULL, "", NULL, "field-invalid", "policyVersionId"},
    {"GET", "/provisioning-templates/T/versions/2", "", NULL, "", "{\"templateName\":\"T\",\"versionId\":2}", NULL, NULL},
    {"GET", "/provisioning-templates/T/versions/0", "", NULL, "", NULL, "field-invalid", "versionId"},
    {"GET", "/provisioning-templates/T/versions/99999999999", "", NULL, "", NULL, "field-invalid", "versionId"},
    {"GET", "/provisioning-templates/this-name-has-thirty-seven-characters", "", NULL, "", NULL, "name-invalid", "templateName"},
    {"PUT", "/target-policies/p", "", NULL, "{\"target\":\"" ARN "\"}", "{\"policyName\":\"p\",\"target\":\"" ARN "\"}", NULL, NULL},
    {"PUT", "/target-policies/p", "", NULL, "{\"target\":\"cert\"}", NULL, "field-invalid", "target"},
    {"GET", "/certificates/" HEX64_UPPER, "", NULL, "", "{\"certificateId\":\"" HEX64 "\"}", NULL, NULL},
    {"GET", "/certificates/abc", "", NULL, "", NULL, "name-invalid", "certificateId"},
    {"PUT", "/certificates/" HEX64, "newStatus=INACTIVE", NULL, "",
     "{\"certificateId\":\"" HEX64 "\",\"newStatus\":\"INACTIVE\"}", NULL, NULL},
    {"PUT", "/certificates/" HEX64, "newStatus=inactive", NULL, "", NULL, "field-invalid", "newStatus"},
    {"PUT", "/certificates/" HEX64, "", NULL, "", NULL, "field-missing", "newStatus"},
    {"GET", "/principals/things", "", ARN, "", "{\"principal\":\"" ARN "\"}", NULL, NULL},
    {"GET", "/principals/things", "principal=" ARN, NULL, "", NULL, "field-missing", "principal"},
    {"GET", "/things/a%3Ab/principals", "maxResults=3", NULL, "", "{\"thingName\":\"a:b\",\"maxResults\":3}", NULL, NULL},
    {"GET", "/things/a%2Fb", "", NULL, "", NULL, "name-invalid", "thingName"},
    {"POST", "/provisioning-templates/T/provisioning-claim", "", NULL, "{}", "{\"templateName\":\"T\"}", NULL, NULL},
    {"POST", "/provisioning-templates/T/provisioning-claim", "", NULL, "", "{\"templateName\":\"T\"}", NULL, NULL},
    {"POST", "/_vouch/test/clock", "", NULL, "{\"advanceSeconds\":-5}", "{\"advanceSeconds\":-5}", NULL, NULL},
    {"POST", "/_vouch/test/clock", "", NULL, "{\"advanceSeconds\":1.5}", NULL, "field-invalid", "advanceSeconds"},
};

static enum vch_err decode(const struct decoding *d, struct vch_val **ret, struct vch_diag *diag) {
    struct vch_op_captures captures;
    enum vch_op op = vch_op_route(vch_str_from(d->method), vch_str_from(d->path), arena, &captures);
    const struct vch_shape_header headers[] = {{VCH_STR("Host"), VCH_STR("localhost")},
                                               {VCH_STR("X-Amzn-Principal"), vch_str_from(d->header)}};
    const struct vch_shape_wire wire = {.captures = &captures,
                                        .query = vch_str_from(d->query),
                                        .headers = headers,
                                        .header_count = d->header ? 2 : 1,
                                        .body = vch_str_from(d->body)};
    assert_int_not_equal(op, VCH_OP_NONE);
    return vch_shape_decode_input(op, &wire, arena, ret, diag);
}

static void inputs_are_decoded_and_checked(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(decodings); i++) {
        const struct decoding *d = &decodings[i];
        struct vch_val *in = NULL;
        struct vch_diag diag = {0};
        enum vch_err err = decode(d, &in, &diag);
        if (!d->inputs) {
            if (err == VCH_OK || !diag.reason || strcmp(diag.reason, d->reason) != 0 || strcmp(diag.field, d->field) != 0)
                fail_msg("%s %s?%s %s: %d %s %s", d->method, d->path, d->query, d->body, (int)err,
                         diag.reason ? diag.reason : "-", diag.field);
            assert_true(diag.message[0] != '\0');
        } else if (err != VCH_OK || !vch_val_eq(in, json(d->inputs))) {
            fail_msg("%s %s?%s %s: %d %s", d->method, d->path, d->query, d->body, (int)err, diag.message);
        }
    }
}

static struct vch_str repeat(char c, size_t count) {
    char *text = vch_arena_alloc(arena, count + 1);
    assert_non_null(text);
    memset(text, c, count);
    return vch_str_of(text, count);
}

struct member_case {
    const char *body, *reason, *field;
};

#define TEMPLATE_HEAD "{\"templateName\":\"T\",\"templateBody\":\"{}\""
#define ROLE ",\"provisioningRoleArn\":\"arn:aws:iam::123456789012:role/R\""

static void nested_members_and_texts_are_checked(void **state) {
    (void)state;
    static const struct member_case cases[] = {
        {TEMPLATE_HEAD ROLE "}", NULL, NULL},
        {TEMPLATE_HEAD ROLE ",\"description\":\"\",\"enabled\":true,\"type\":\"JITP\"}", NULL, NULL},
        {TEMPLATE_HEAD ROLE ",\"preProvisioningHook\":{\"targetArn\":\"arn:x\",\"payloadVersion\":\"2020-04-01\",\"more\":1}}", NULL, NULL},
        {TEMPLATE_HEAD ROLE ",\"preProvisioningHook\":{\"payloadVersion\":\"2020-04-01\"}}", "field-missing", "targetArn"},
        {TEMPLATE_HEAD ROLE ",\"preProvisioningHook\":{\"targetArn\":\"a\",\"payloadVersion\":\"2020\"}}", "field-invalid", "payloadVersion"},
        {TEMPLATE_HEAD ROLE ",\"preProvisioningHook\":{\"targetArn\":\"a\",\"payloadVersion\":\"2020-04-0x\"}}", "field-invalid", "payloadVersion"},
        {TEMPLATE_HEAD ROLE ",\"preProvisioningHook\":[]}", "field-invalid", "preProvisioningHook"},
        {TEMPLATE_HEAD ROLE ",\"enabled\":\"true\"}", "field-invalid", "enabled"},
        {TEMPLATE_HEAD ROLE ",\"type\":\"OTHER\"}", "field-invalid", "type"},
        {TEMPLATE_HEAD ROLE ",\"description\":\"a\\u0007\"}", "field-invalid", "description"},
        {TEMPLATE_HEAD "}", "field-missing", "provisioningRoleArn"},
        {TEMPLATE_HEAD ",\"provisioningRoleArn\":\"arn:aws:iam::1:role/R\"}", "field-invalid", "provisioningRoleArn"},
        {"{\"templateName\":\"T T\",\"templateBody\":\"{}\"" ROLE "}", "name-invalid", "templateName"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct decoding d = {.method = "POST", .path = "/provisioning-templates", .query = "", .body = cases[i].body};
        struct vch_val *in = NULL;
        struct vch_diag diag = {0};
        enum vch_err err = decode(&d, &in, &diag);
        bool good = cases[i].reason ? err != VCH_OK && strcmp(diag.reason, cases[i].reason) == 0 && strcmp(diag.field, cases[i].field) == 0
                                    : err == VCH_OK;
        if (!good) fail_msg("%s: %d %s %s", cases[i].body, (int)err, diag.reason ? diag.reason : "-", diag.field);
    }
}

static void lists_are_checked_item_by_item(void **state) {
    (void)state;
    static const struct member_case cases[] = {
        {"{\"tags\":[]}", NULL, NULL},
        {"{\"tags\":[{\"Key\":\"a\",\"Value\":\"b\",\"More\":1},{\"Key\":\"c\"}]}", NULL, NULL},
        {"{\"tags\":[{\"Value\":\"b\"}]}", "field-missing", "Key"},
        {"{\"tags\":[{\"Key\":\"a\"},{\"Key\":\"a#\"}]}", "field-invalid", "Key"},
        {"{\"tags\":[{\"Key\":\"a\",\"Value\":7}]}", "field-invalid", "Value"},
        {"{\"tags\":[\"a\"]}", "field-invalid", "tags"},
        {"{\"tags\":{\"Key\":\"a\"}}", "field-invalid", "tags"},
        {"{\"thingTypeProperties\":{\"searchableAttributes\":[\"a\",\"b\",\"c\"]}}", NULL, NULL},
        {"{\"thingTypeProperties\":{\"searchableAttributes\":[\"a\",\"b\",\"c\",\"d\"]}}", "field-invalid", "searchableAttributes"},
        {"{\"thingTypeProperties\":{\"searchableAttributes\":[\"a\",\"b c\"]}}", "name-invalid", "searchableAttributes"},
        {"{\"thingTypeProperties\":{\"searchableAttributes\":[\"a\",7]}}", "field-invalid", "searchableAttributes"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct decoding d = {.method = "POST", .path = "/thing-types/t", .query = "", .body = cases[i].body};
        struct vch_val *in = NULL;
        struct vch_diag diag = {0};
        enum vch_err err = decode(&d, &in, &diag);
        bool good = cases[i].reason ? err != VCH_OK && strcmp(diag.reason, cases[i].reason) == 0 && strcmp(diag.field, cases[i].field) == 0
                                    : err == VCH_OK;
        if (!good) fail_msg("%s: %d %s %s", cases[i].body, (int)err, diag.reason ? diag.reason : "-", diag.field);
    }
}

static void too_long_is_its_own_reason(void **state) {
    (void)state;
    struct vch_val *in = vch_val_new_map(arena), *ret;
    struct vch_diag diag = {0};
    assert_int_equal(vch_val_put_str(arena, in, "nextToken", repeat('A', 1025)), VCH_OK);
    assert_int_equal(vch_shape_check(VCH_OP_LIST_THINGS, in, arena, &ret, &diag), VCH_ERR_INVALID);
    assert_string_equal(diag.reason, "field-too-long");
    in = vch_val_new_map(arena);
    assert_int_equal(vch_val_put_str(arena, in, "nextToken", repeat('A', 1024)), VCH_OK);
    assert_int_equal(vch_shape_check(VCH_OP_LIST_THINGS, in, arena, &ret, NULL), VCH_OK);
}

/* Permission is asked with what can be read, even when the rest cannot. */
static void gathering_keeps_what_it_found(void **state) {
    (void)state;
    struct vch_op_captures captures;
    struct vch_val *got = NULL;
    enum vch_op op = vch_op_route(VCH_STR("POST"), VCH_STR("/policies/p"), arena, &captures);
    const struct vch_shape_wire wire = {.captures = &captures, .body = VCH_STR("{broken")};
    assert_int_equal(vch_shape_gather(op, &wire, arena, &got, NULL), VCH_ERR_MALFORMED);
    assert_str(vch_val_str_at(got, "policyName"), "p");
}

/* ---- the client's direction ---- */

struct requesting {
    enum vch_op op;
    const char *inputs, *method, *path, *query, *header, *body;
};

static void requests_are_written_and_read_back(void **state) {
    (void)state;
    static const struct requesting cases[] = {
        {VCH_OP_CREATE_POLICY, "{\"policyName\":\"a=b,c\",\"policyDocument\":\"{\\n}\"}", "POST", "/policies/a%3Db%2Cc", "", NULL,
         "{\"policyDocument\":\"{\\n}\"}"},
        {VCH_OP_LIST_POLICIES, "{\"pageSize\":5,\"marker\":\"+/=\",\"isAscendingOrder\":false}", "GET", "/policies",
         "marker=%2B%2F%3D&pageSize=5&isAscendingOrder=false", NULL, ""},
        {VCH_OP_LIST_ATTACHED_POLICIES, "{\"target\":\"" ARN "\"}", "POST",
         "/attached-policies/arn%3Aaws%3Aiot%3Aus-east-1%3A123456789012%3Acert%2F" HEX64, "", NULL, ""},
        {VCH_OP_DESCRIBE_PROVISIONING_TEMPLATE_VERSION, "{\"templateName\":\"T\",\"versionId\":7}", "GET",
         "/provisioning-templates/T/versions/7", "", NULL, ""},
        {VCH_OP_LIST_PRINCIPAL_THINGS, "{\"principal\":\"" ARN "\"}", "GET", "/principals/things", "", ARN, ""},
        {VCH_OP_UPDATE_PROVISIONING_TEMPLATE, "{\"templateName\":\"T\",\"enabled\":true,\"preProvisioningHook\":{\"targetArn\":\"x\"}}", "PATCH",
         "/provisioning-templates/T", "", NULL, "{\"enabled\":true,\"preProvisioningHook\":{\"targetArn\":\"x\"}}"},
        {VCH_OP_CREATE_PROVISIONING_CLAIM, "{\"templateName\":\"T\"}", "POST", "/provisioning-templates/T/provisioning-claim", "", NULL, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct requesting *c = &cases[i];
        struct vch_shape_request request;
        struct vch_op_captures captures;
        struct vch_val *back = NULL;
        struct vch_diag diag = {0};
        if (vch_shape_request(c->op, json(c->inputs), arena, &request, &diag) != VCH_OK) fail_msg("%s: %s", c->path, diag.message);
        assert_string_equal(request.method, c->method);
        assert_str(request.path, c->path);
        assert_str(request.query, c->query);
        assert_str(request.body, c->body);
        assert_int_equal(request.header_count, (c->header ? 1 : 0) + (c->body[0] ? 1 : 0));
        if (c->header) assert_str(request.headers[0].value, c->header);
        assert_int_equal(vch_op_route(vch_str_from(request.method), request.path, arena, &captures), c->op);
        const struct vch_shape_wire wire = {.captures = &captures,
                                            .query = request.query,
                                            .headers = request.headers,
                                            .header_count = request.header_count,
                                            .body = request.body};
        if (vch_shape_decode_input(c->op, &wire, arena, &back, &diag) != VCH_OK) fail_msg("%s: %s", c->path, diag.message);
        assert_true(vch_val_eq(back, json(c->inputs)));
    }
}

static void the_query_protocol_is_a_form(void **state) {
    (void)state;
    struct vch_shape_request request;
    assert_int_equal(vch_shape_request(VCH_OP_GET_CALLER_IDENTITY, json("{}"), arena, &request, NULL), VCH_OK);
    assert_str(request.path, "/");
    assert_str(request.body, "Action=GetCallerIdentity&Version=2011-06-15");
    assert_int_equal(request.header_count, 1);
}

static void wrong_inputs_make_no_request(void **state) {
    (void)state;
    static const struct {
        enum vch_op op;
        const char *inputs, *reason;
    } cases[] = {
        {VCH_OP_GET_POLICY, "{}", "field-missing"},
        {VCH_OP_GET_POLICY, "{\"policyName\":\"p\",\"other\":1}", "field-invalid"},
        {VCH_OP_GET_POLICY, "{\"policyName\":7}", "field-invalid"},
        {VCH_OP_LIST_POLICIES, "{\"pageSize\":\"5\"}", "field-invalid"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vch_shape_request request;
        struct vch_diag diag = {0};
        assert_int_equal(vch_shape_request(cases[i].op, json(cases[i].inputs), arena, &request, &diag), VCH_ERR_INVALID);
        assert_string_equal(diag.reason, cases[i].reason);
    }
}

/* ---- outputs ---- */

static void outputs_must_keep_the_promise(void **state) {
    (void)state;
    static const struct {
        enum vch_op op;
        const char *out, *field; /* NULL: good */
    } cases[] = {
        {VCH_OP_DELETE_POLICY, "{}", NULL},
        {VCH_OP_DELETE_POLICY, "{\"policyName\":\"p\"}", "policyName"},
        {VCH_OP_LIST_POLICIES, "{\"policies\":[]}", NULL},
        {VCH_OP_LIST_POLICIES, "{\"policies\":[{\"policyName\":\"p\",\"policyArn\":\"a\"}],\"nextMarker\":\"m\"}", NULL},
        {VCH_OP_LIST_POLICIES, "{\"policies\":[{\"policyName\":\"p\"}]}", "policyArn"},
        {VCH_OP_LIST_POLICIES, "{\"policies\":[\"p\"]}", "policies"},
        {VCH_OP_LIST_POLICIES, "{}", "policies"},
        {VCH_OP_CREATE_PROVISIONING_CLAIM,
         "{\"certificateId\":\"i\",\"certificatePem\":\"p\",\"keyPair\":{\"PublicKey\":\"a\",\"PrivateKey\":\"b\"},\"expiration\":1.5}", NULL},
        {VCH_OP_CREATE_PROVISIONING_CLAIM,
         "{\"certificateId\":\"i\",\"certificatePem\":\"p\",\"keyPair\":{\"PublicKey\":\"a\"},\"expiration\":1.5}", "PrivateKey"},
        {VCH_OP_CREATE_PROVISIONING_CLAIM,
         "{\"certificateId\":\"i\",\"certificatePem\":\"p\",\"keyPair\":{\"PublicKey\":\"a\",\"PrivateKey\":\"b\"},\"expiration\":\"1\"}", "expiration"},
        {VCH_OP_LIST_THING_PRINCIPALS, "{\"principals\":[\"a\",\"b\"]}", NULL},
        {VCH_OP_LIST_THING_PRINCIPALS, "{\"principals\":[1]}", "principals"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vch_diag diag = {0};
        enum vch_err err = vch_shape_check_output(cases[i].op, json(cases[i].out), &diag);
        if ((err == VCH_OK) != (cases[i].field == NULL)) fail_msg("%s: %s", cases[i].out, diag.message);
        if (cases[i].field) assert_string_equal(diag.field, cases[i].field);
    }
    assert_int_equal(vch_shape_check_output(VCH_OP_DELETE_POLICY, NULL, NULL), VCH_ERR_INVALID);
}

static void the_description_has_every_operation(void **state) {
    (void)state;
    struct vch_val *doc = NULL;
    assert_int_equal(vch_shape_openapi("1.2.3", arena, &doc), VCH_OK);
    assert_true(vch_val_eq(doc, json(text_of(doc).ptr)));
    assert_str(vch_val_str_at(doc, "openapi"), "3.1.0");
    assert_str(vch_val_str_at(vch_val_get(doc, "info"), "version"), "1.2.3");
    const struct vch_val *paths = vch_val_get(doc, "paths");
    size_t operations = 0;
    for (size_t i = 0; i < paths->count; i++) operations += paths->members[i].value.count;
    assert_int_equal(operations, VCH_OP_COUNT - 1);
    assert_non_null(vch_val_get(vch_val_get(paths, "/#Action=AssumeRole"), "post"));
    assert_non_null(vch_val_get(vch_val_get(paths, "/#Action=GetCallerIdentity"), "post"));
    const struct vch_val *create = vch_val_get(vch_val_get(paths, "/policies/{policyName}"), "post");
    assert_str(vch_val_str_at(create, "operationId"), "CreatePolicy");
    assert_str(vch_val_str_at(create, "x-iam-action"), "iot:CreatePolicy");
    const struct vch_val *schema = vch_val_get(
        vch_val_get(vch_val_get(vch_val_get(create, "requestBody"), "content"), "application/json"), "schema");
    assert_int_equal(vch_val_get(schema, "properties")->count, 2);
    assert_true(vch_val_is(vch_val_get(vch_val_get(create, "responses"), "default"), VCH_VAL_MAP));
    assert_true(vch_val_is(vch_val_get(create, "x-errors"), VCH_VAL_LIST));
    const struct vch_val *list = vch_val_get(vch_val_get(paths, "/principals/things"), "get");
    assert_int_equal(vch_val_get(list, "parameters")->count, 3);
    assert_str(vch_val_str_at(&vch_val_get(list, "parameters")->items[0], "name"), "x-amzn-principal");
}

static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    for (size_t cap = 64; cap < 400000; cap += 4099) {
        struct vch_arena *small = vch_arena_new(cap, false);
        struct vch_val *doc = NULL;
        enum vch_err err = vch_shape_openapi("1", small, &doc);
        assert_true(err == VCH_OK || err == VCH_ERR_NOMEM);
        vch_arena_free(small);
    }
    for (size_t cap = 64; cap < 8192; cap += 61) {
        struct vch_arena *small = vch_arena_new(cap, false);
        struct vch_op_captures captures;
        struct vch_val *in = NULL;
        enum vch_op op = vch_op_route(VCH_STR("POST"), VCH_STR("/policies/p"), small, &captures);
        const struct vch_shape_wire wire = {
            .captures = &captures, .query = VCH_STR("a=b&c=%20"), .body = VCH_STR("{\"policyDocument\":\"{}\"}")};
        if (op == VCH_OP_CREATE_POLICY) {
            enum vch_err err = vch_shape_decode_input(op, &wire, small, &in, NULL);
            assert_true(err == VCH_OK || err == VCH_ERR_NOMEM || err == VCH_ERR_MALFORMED);
        }
        vch_arena_free(small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(inputs_are_decoded_and_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(nested_members_and_texts_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_are_checked_item_by_item, setup, teardown),
        cmocka_unit_test_setup_teardown(too_long_is_its_own_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(gathering_keeps_what_it_found, setup, teardown),
        cmocka_unit_test_setup_teardown(requests_are_written_and_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(the_query_protocol_is_a_form, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_inputs_make_no_request, setup, teardown),
        cmocka_unit_test_setup_teardown(outputs_must_keep_the_promise, setup, teardown),
        cmocka_unit_test_setup_teardown(the_description_has_every_operation, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_may_run_out_anywhere, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
