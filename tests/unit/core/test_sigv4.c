/* SigV4 against signatures that botocore computed (tests/vectors/sigv4), and
 * one mutation at a time of each of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core/sigv4.h"
#include "support/golden.h"

enum { HEADERS = 16 };
#define SERVICES "iot,sts,iotdata,iotdevicegateway"

struct signed_case {
    const char *name;
    struct vch_sigv4_request request;
    struct vch_sigv4_header headers[HEADERS];
    struct vch_str access_key_id, secret, region, service;
    int64_t time_ms, expires_s;
    struct vch_str token;
};

static struct vch_arena *arena;
static const struct vch_val *cases;

static int load(void **state) {
    (void)state;
    arena = vch_arena_new(64 << 20, false);
    cases = golden_json(arena, "tests/vectors/sigv4/signed.json");
    return arena && cases->count > 30 ? 0 : 1;
}

static int unload(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

static void take(const struct vch_val *val, struct signed_case *c) {
    *c = (struct signed_case){.name = vch_val_str_at(val, "name").ptr};
    const struct vch_val *headers = vch_val_get(val, "headers");
    assert_true(headers->count <= HEADERS);
    for (size_t i = 0; i < headers->count; i++) {
        c->headers[i].name = headers->items[i].items[0].str;
        c->headers[i].value = headers->items[i].items[1].str;
    }
    c->request = (struct vch_sigv4_request){vch_val_str_at(val, "method"),
                                            vch_val_str_at(val, "path"),
                                            vch_val_str_at(val, "query"),
                                            c->headers,
                                            headers->count,
                                            vch_val_str_at(val, "body")};
    c->access_key_id = vch_val_str_at(val, "accessKeyId");
    c->secret = vch_val_str_at(val, "secretKey");
    c->region = vch_val_str_at(val, "region");
    c->service = vch_val_str_at(val, "service");
    c->token = vch_val_str_at(val, "token");
    c->expires_s = vch_val_int_at(val, "expires", 0);
    assert_int_equal(vch_time_parse_basic(vch_val_str_at(val, "time"), &c->time_ms), VCH_OK);
}

/* The reason of the refusal, or NULL when the request is good. */
static const char *outcome_at(const struct signed_case *c, int64_t now_ms) {
    static struct vch_diag diag;
    struct vch_sigv4_claim claim;
    struct vch_arena *own = vch_arena_new(1 << 20, false);
    vch_diag_clear(&diag);
    enum vch_err err = vch_sigv4_parse(&c->request, own, &claim, &diag);
    if (err == VCH_OK) err = vch_sigv4_verify(&c->request, &claim, c->secret, c->region, SERVICES, now_ms, &diag);
    vch_arena_free(own);
    if (err == VCH_OK) return NULL;
    assert_non_null(diag.reason);
    assert_true(diag.message[0] != '\0');
    return diag.reason;
}

static const char *outcome(const struct signed_case *c) {
    return outcome_at(c, c->time_ms + 1000);
}

static void find(const char *name, struct signed_case *ret) {
    for (size_t i = 0; i < cases->count; i++) {
        if (!vch_str_eq_c(vch_val_str_at(&cases->items[i], "name"), name)) continue;
        take(&cases->items[i], ret);
        return;
    }
    fail_msg("no case %s", name);
}

static struct vch_sigv4_header *header(struct signed_case *c, const char *name) {
    for (size_t i = 0; i < c->request.header_count; i++)
        if (vch_str_ieq(c->headers[i].name, vch_str_from(name))) return &c->headers[i];
    return NULL;
}

static void botocore_requests_verify(void **state) {
    (void)state;
    for (size_t i = 0; i < cases->count; i++) {
        struct signed_case c;
        take(&cases->items[i], &c);
        const char *reason = outcome(&c);
        if (reason) fail_msg("%s: %s", c.name, reason);
    }
}

static void parse_tells_the_claim(void **state) {
    (void)state;
    for (size_t i = 0; i < cases->count; i++) {
        struct signed_case c;
        struct vch_sigv4_claim claim;
        take(&cases->items[i], &c);
        assert_int_equal(vch_sigv4_parse(&c.request, arena, &claim, NULL), VCH_OK);
        assert_true(vch_str_eq(claim.access_key_id, c.access_key_id));
        assert_true(vch_str_eq(claim.region, c.region));
        assert_true(vch_str_eq(claim.service, c.service));
        assert_true(vch_str_eq_c(claim.date, "20261123"));
        assert_true(claim.time_ms == c.time_ms);
        assert_true(claim.presigned == (c.expires_s > 0));
        assert_true(claim.expires_s == c.expires_s);
        assert_true(vch_str_eq(claim.session_token, c.token));
    }
}

/* Signing the same headers gives the same line that botocore wrote. */
static void signing_equals_botocore(void **state) {
    (void)state;
    size_t compared = 0;
    for (size_t i = 0; i < cases->count; i++) {
        struct signed_case c;
        take(&cases->items[i], &c);
        struct vch_sigv4_header *auth = header(&c, "authorization");
        if (!auth || !header(&c, "x-amz-date") || header(&c, "user-agent")) continue;
        struct vch_str expected = auth->value;
        *auth = c.headers[c.request.header_count - 1];
        c.request.header_count--;
        struct vch_buf buf;
        struct vch_str line;
        vch_buf_init(&buf, 4096);
        assert_int_equal(vch_sigv4_sign(&c.request, c.access_key_id, c.secret, c.region, c.service, c.time_ms, &buf),
                         VCH_OK);
        assert_int_equal(vch_buf_finish(&buf, &line), VCH_OK);
        assert_string_equal(line.ptr, expected.ptr);
        vch_buf_deinit(&buf);
        compared++;
    }
    assert_true(compared > 20);
}

static struct vch_str changed(struct vch_str s) {
    struct vch_str copy = vch_arena_str(arena, s);
    if (copy.len == 0) return VCH_STR("x");
    char *last = (char *)copy.ptr + copy.len - 1;
    *last = *last == 'x' ? 'y' : 'x';
    return copy;
}

static bool is_signed(const struct signed_case *c, struct vch_str name) {
    struct vch_sigv4_claim claim;
    assert_int_equal(vch_sigv4_parse(&c->request, arena, &claim, NULL), VCH_OK);
    struct vch_str part;
    while (vch_str_split(&claim.signed_headers, ';', &part))
        if (vch_str_ieq(part, name)) return true;
    return false;
}

static void refused(const struct signed_case *c, const char *what) {
    if (!outcome(c)) fail_msg("%s: accepted with another %s", c->name, what);
}

static void mutate_parts(const struct signed_case *good) {
    struct signed_case c = *good;
    c.request.headers = c.headers;
    c.request.method = VCH_STR("PUT");
    refused(&c, "method");
    c.request.method = good->request.method;
    c.request.path = vch_arena_printf(arena, "%s/more", good->request.path.ptr);
    refused(&c, "path");
    c.request.path = good->request.path;
    c.request.query = vch_arena_printf(arena, "%s%szz=1", good->request.query.ptr, good->request.query.len ? "&" : "");
    refused(&c, "query");
    c.request.query = good->request.query;
    if (strcmp(good->name, "unsigned-payload") != 0) {
        c.request.body = vch_arena_printf(arena, "%s ", good->request.body.ptr);
        refused(&c, "body");
        c.request.body = good->request.body;
    }
    c.secret = changed(good->secret);
    refused(&c, "secret");
    c.secret = good->secret;
    c.region = VCH_STR("eu-west-1");
    assert_string_equal(outcome(&c), "signature-scope");
    c.region = good->region;
    assert_null(outcome(&c));
}

static void mutate_headers(const struct signed_case *good) {
    for (size_t i = 0; i < good->request.header_count; i++) {
        struct signed_case c = *good;
        c.request.headers = c.headers;
        bool authorization = vch_str_ieq(c.headers[i].name, VCH_STR("authorization"));
        if (!authorization && !is_signed(good, c.headers[i].name)) continue;
        c.headers[i].value = changed(c.headers[i].value);
        refused(&c, c.headers[i].name.ptr);
        c.headers[i] = c.headers[--c.request.header_count];
        refused(&c, "set of headers");
    }
}

static void one_mutation_fails(void **state) {
    (void)state;
    for (size_t i = 0; i < cases->count; i++) {
        struct signed_case c;
        take(&cases->items[i], &c);
        mutate_parts(&c);
        mutate_headers(&c);
    }
}

/* Every digit of the signature counts. */
static void every_digit_counts(void **state) {
    (void)state;
    struct signed_case c;
    find("post-json", &c);
    struct vch_sigv4_header *auth = header(&c, "authorization");
    struct vch_str line = vch_arena_str(arena, auth->value);
    auth->value = line;
    for (size_t i = 0; i < 64; i++) {
        char *digit = (char *)line.ptr + line.len - 64 + i;
        char was = *digit;
        *digit = was == '0' ? '1' : '0';
        assert_string_equal(outcome(&c), "signature-mismatch");
        *digit = was;
    }
    assert_null(outcome(&c));
}

static void time_window_of_headers(void **state) {
    (void)state;
    struct signed_case c;
    find("get-things", &c);
    assert_null(outcome_at(&c, c.time_ms + 300000));
    assert_null(outcome_at(&c, c.time_ms - 300000));
    assert_string_equal(outcome_at(&c, c.time_ms + 300001), "signature-expired");
    assert_string_equal(outcome_at(&c, c.time_ms - 300001), "signature-expired");
}

static void time_window_of_presigned(void **state) {
    (void)state;
    struct signed_case c;
    find("presigned", &c);
    assert_null(outcome_at(&c, c.time_ms + 900000));
    assert_null(outcome_at(&c, c.time_ms - 300000));
    assert_string_equal(outcome_at(&c, c.time_ms + 900001), "signature-expired");
    assert_string_equal(outcome_at(&c, c.time_ms - 300001), "signature-expired");
}

static void scope_is_checked(void **state) {
    (void)state;
    struct signed_case c;
    struct vch_sigv4_claim claim;
    struct vch_diag diag = {0};
    find("get-things", &c);
    assert_int_equal(vch_sigv4_parse(&c.request, arena, &claim, NULL), VCH_OK);
    assert_int_not_equal(vch_sigv4_verify(&c.request, &claim, c.secret, c.region, "sts,iotdata", c.time_ms, &diag),
                         VCH_OK);
    assert_string_equal(diag.reason, "signature-scope");
    assert_string_equal(diag.field, "service");
    vch_diag_clear(&diag);
    claim.date = VCH_STR("20261122");
    assert_int_not_equal(vch_sigv4_verify(&c.request, &claim, c.secret, c.region, SERVICES, c.time_ms, &diag), VCH_OK);
    assert_string_equal(diag.field, "date");
}

/* What AWS clients may vary without changing the meaning. */
static void equal_forms_verify(void **state) {
    (void)state;
    struct signed_case c;
    find("query-escapes", &c);
    c.request.query = VCH_STR("attributeValue=%3d%26%c3%bc&attributeName=a%20b%2bc");
    assert_null(outcome(&c));
    find("header-spaces", &c);
    header(&c, "x-amz-meta-note")->value = VCH_STR("a b c");
    assert_null(outcome(&c));
    find("get-things", &c);
    header(&c, "host")->name = VCH_STR("HOST");
    assert_null(outcome(&c));
    c.request.path = VCH_STR("//things");
    assert_null(outcome(&c));
    c.request.path = VCH_STR("/%74hings");
    assert_string_equal(outcome(&c), "signature-mismatch");
}

static void unsigned_payload_needs_its_header(void **state) {
    (void)state;
    struct signed_case c;
    find("unsigned-payload", &c);
    c.request.body = VCH_STR("anything");
    assert_null(outcome(&c));
    header(&c, "x-amz-content-sha256")->value = VCH_STR("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert_string_equal(outcome(&c), "signature-mismatch");
    find("post-json", &c);
    c.headers[c.request.header_count++] =
        (struct vch_sigv4_header){VCH_STR("x-amz-content-sha256"), VCH_STR("UNSIGNED-PAYLOAD")};
    assert_string_equal(outcome(&c), "signature-incomplete");
}

static void late_token_only_when_presigned(void **state) {
    (void)state;
    struct signed_case c;
    find("presigned-late-token", &c);
    assert_null(outcome(&c));
    find("get-things", &c);
    c.request.query = VCH_STR("X-Amz-Security-Token=a");
    assert_string_equal(outcome(&c), "signature-mismatch");
}

#define CREDENTIAL "Credential=AKIDVOUCHEXAMPLE0001/20261123/us-east-1/iot/aws4_request"
#define DIGITS "00000000000000000000000000000000000000000000000000000000000000aa"
#define WHOLE "AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host;x-amz-date, Signature=" DIGITS

static const struct {
    const char *line;
    const char *reason;
} lines[] = {
    {WHOLE, "signature-mismatch"},
    {"AWS4-HMAC-SHA256 " CREDENTIAL ",SignedHeaders=host;x-amz-date,Signature=" DIGITS, "signature-mismatch"},
    {"", "signature-incomplete"},
    {"Basic YTpi", "signature-incomplete"},
    {"AWS4-HMAC-SHA1 " CREDENTIAL ", SignedHeaders=host;x-amz-date, Signature=" DIGITS, "signature-incomplete"},
    {"AWS4-HMAC-SHA256", "signature-incomplete"},
    {"AWS4-HMAC-SHA256 ", "signature-incomplete"},
    {"AWS4-HMAC-SHA256 " CREDENTIAL ", Signature=" DIGITS, "signature-incomplete"},
    {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host;x-amz-date", "signature-incomplete"},
    {"AWS4-HMAC-SHA256 SignedHeaders=host;x-amz-date, Signature=" DIGITS, "signature-incomplete"},
    {WHOLE ", Signature=" DIGITS, "signature-incomplete"},
    {WHOLE ", Extra=1", "signature-incomplete"},
    {WHOLE ",", "signature-incomplete"},
    {WHOLE "0", "signature-incomplete"},
    {"AWS4-HMAC-SHA256 Credential=A/20261123/us-east-1/iot, SignedHeaders=host;x-amz-date, Signature=" DIGITS,
     "signature-incomplete"},
    {"AWS4-HMAC-SHA256 Credential=A/B/20261123/us-east-1/iot/aws4_request, SignedHeaders=host;x-amz-date, "
     "Signature=" DIGITS,
     "signature-incomplete"},
    {"AWS4-HMAC-SHA256 Credential=/20261123/us-east-1/iot/aws4_request, SignedHeaders=host;x-amz-date, "
     "Signature=" DIGITS,
     "signature-incomplete"},
    {"AWS4-HMAC-SHA256 Credential=A/20261123/us-east-1/iot/aws5_request, SignedHeaders=host;x-amz-date, "
     "Signature=" DIGITS,
     "signature-incomplete"},
    {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=x-amz-date, Signature=" DIGITS, "signature-incomplete"},
    {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host, Signature=" DIGITS, "signature-incomplete"},
    {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=x-amz-date;host, Signature=" DIGITS, "signature-incomplete"},
    {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host;host;x-amz-date, Signature=" DIGITS, "signature-incomplete"},
    {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=Host;x-amz-date, Signature=" DIGITS, "signature-incomplete"},
    {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host;;x-amz-date, Signature=" DIGITS, "signature-incomplete"},
    {"AWS4-HMAC-SHA256 " CREDENTIAL ", SignedHeaders=host;not-there;x-amz-date, Signature=" DIGITS,
     "signature-incomplete"},
};

static void authorization_is_parsed_strictly(void **state) {
    (void)state;
    struct signed_case c;
    find("get-things", &c);
    struct vch_sigv4_header *auth = header(&c, "authorization");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        auth->value = vch_str_from(lines[i].line);
        const char *reason = outcome(&c);
        if (!reason || strcmp(reason, lines[i].reason) != 0)
            fail_msg("%s: %s", lines[i].line, reason ? reason : "accepted");
    }
}

static void request_must_be_signed_once(void **state) {
    (void)state;
    struct signed_case c;
    find("get-things", &c);
    struct vch_sigv4_header auth = c.headers[c.request.header_count - 1];
    c.headers[c.request.header_count++] = auth;
    assert_string_equal(outcome(&c), "signature-incomplete");
    c.request.header_count -= 2;
    assert_string_equal(outcome(&c), "signature-missing");
    find("presigned", &c);
    c.headers[c.request.header_count++] = auth;
    assert_string_equal(outcome(&c), "signature-incomplete");
}

static void host_and_date_must_be_there(void **state) {
    (void)state;
    struct signed_case c;
    find("get-things", &c);
    struct vch_sigv4_header *date = header(&c, "x-amz-date");
    const char *bad[] = {"", "20261123", "20261123T154428", "20261323T154428Z", "2026-11-23T15:44:28Z"};
    for (size_t i = 0; i < 5; i++) {
        date->value = vch_str_from(bad[i]);
        assert_string_equal(outcome(&c), "signature-incomplete");
    }
    find("get-things", &c);
    c.headers[c.request.header_count++] = (struct vch_sigv4_header){VCH_STR("Host"), VCH_STR("other")};
    assert_string_equal(outcome(&c), "signature-incomplete");
    find("date-header", &c);
    header(&c, "date")->value = VCH_STR("Mon, 23 Nix 2026 15:44:28 GMT");
    assert_string_equal(outcome(&c), "signature-incomplete");
}

static const struct {
    const char *from, *to, *reason;
} presigned_edits[] = {
    {"X-Amz-Expires=900", "X-Amz-Expires=901", "signature-mismatch"},
    {"X-Amz-Expires=900", "X-Amz-Expires=0", "signature-incomplete"},
    {"X-Amz-Expires=900", "X-Amz-Expires=604801", "signature-incomplete"},
    {"X-Amz-Expires=900", "X-Amz-Expires=-1", "signature-incomplete"},
    {"X-Amz-Expires=900", "X-Amz-Expires=9e2", "signature-incomplete"},
    {"X-Amz-Expires=900", "X-Amz-Expires=", "signature-incomplete"},
    {"X-Amz-Expires=900", "Y=900", "signature-mismatch"},
    {"AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "signature-incomplete"},
    {"X-Amz-Date=20261123T154428Z", "X-Amz-Date=20261123T154429Z", "signature-mismatch"},
    {"X-Amz-Date=20261123T154428Z", "X-Amz-Date=today", "signature-incomplete"},
    {"SignedHeaders=host", "SignedHeaders=", "signature-incomplete"},
    {"X-Amz-Signature=", "X-Amz-Signature=0", "signature-incomplete"},
    {"X-Amz-Signature=", "Other=", "signature-incomplete"},
    {"X-Amz-Algorithm=", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Algorithm=", "signature-incomplete"},
    {"pageSize=5", "pageSize=%zz", "signature-mismatch"},
    {"pageSize=5", "pageSi%z=5", "signature-incomplete"},
    {"pageSize=5", "pageSize=6", "signature-mismatch"},
};

static void presigned_query_is_parsed_strictly(void **state) {
    (void)state;
    struct signed_case c;
    for (size_t i = 0; i < sizeof presigned_edits / sizeof *presigned_edits; i++) {
        find("presigned", &c);
        const char *at = strstr(c.request.query.ptr, presigned_edits[i].from);
        assert_non_null(at);
        c.request.query = vch_arena_printf(arena, "%.*s%s%s", (int)(at - c.request.query.ptr), c.request.query.ptr,
                                           presigned_edits[i].to, at + strlen(presigned_edits[i].from));
        const char *reason = outcome(&c);
        if (!reason || strcmp(reason, presigned_edits[i].reason) != 0)
            fail_msg("%s: %s", presigned_edits[i].to, reason ? reason : "accepted");
    }
}

static void bounds_hold(void **state) {
    (void)state;
    struct signed_case c;
    find("get-things", &c);
    struct vch_buf buf;
    vch_buf_init(&buf, 1 << 20);
    for (int i = 0; i < 300; i++) vch_buf_printf(&buf, "%sk%d=v", i ? "&" : "", i);
    assert_int_equal(vch_buf_finish(&buf, &c.request.query), VCH_OK);
    assert_string_equal(outcome(&c), "signature-mismatch");
    vch_buf_deinit(&buf);
    struct vch_sigv4_header many[65];
    for (size_t i = 0; i < 65; i++) many[i] = (struct vch_sigv4_header){VCH_STR("host"), VCH_STR("h")};
    c.request.headers = many;
    c.request.header_count = 65;
    assert_string_equal(outcome(&c), "signature-incomplete");
}

static void signing_needs_host_and_its_own_date(void **state) {
    (void)state;
    struct signed_case c;
    struct vch_buf buf;
    find("get-things", &c);
    vch_buf_init(&buf, 4096);
    assert_int_equal(vch_sigv4_sign(&c.request, c.access_key_id, c.secret, c.region, c.service, c.time_ms + 1000, &buf),
                     VCH_ERR_INVALID);
    header(&c, "host")->name = VCH_STR("hosts");
    assert_int_equal(vch_sigv4_sign(&c.request, c.access_key_id, c.secret, c.region, c.service, c.time_ms, &buf),
                     VCH_ERR_INVALID);
    assert_int_equal(buf.len, 0);
    vch_buf_deinit(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(botocore_requests_verify),
        cmocka_unit_test(parse_tells_the_claim),
        cmocka_unit_test(signing_equals_botocore),
        cmocka_unit_test(one_mutation_fails),
        cmocka_unit_test(every_digit_counts),
        cmocka_unit_test(time_window_of_headers),
        cmocka_unit_test(time_window_of_presigned),
        cmocka_unit_test(scope_is_checked),
        cmocka_unit_test(equal_forms_verify),
        cmocka_unit_test(unsigned_payload_needs_its_header),
        cmocka_unit_test(late_token_only_when_presigned),
        cmocka_unit_test(authorization_is_parsed_strictly),
        cmocka_unit_test(request_must_be_signed_once),
        cmocka_unit_test(host_and_date_must_be_there),
        cmocka_unit_test(presigned_query_is_parsed_strictly),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(signing_needs_host_and_its_own_date),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
