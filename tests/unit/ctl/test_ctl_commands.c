/* Whole commands against a scripted server: which requests they send, each
 * with a signature that verifies, and what becomes of the answers. */
#include <stdio.h>

#include "base/clock.h"
#include "core/sigv4.h"
#include "ctl/run.h"
#include "support/http_script.h"

enum { HEADERS_MAX = 16, WORDS_MAX = 24 };

#define HEAD(status, length) "HTTP/1.1 " status "\r\nContent-Length: " length "\r\n"
#define EMPTY HEAD("200 OK", "2") "\r\n{}"
#define EXISTS HEAD("409 Conflict", "15") "x-amzn-ErrorType: ResourceAlreadyExistsException\r\n\r\n{\"message\":\"e\"}"
#define MISSING HEAD("404 Not Found", "15") "x-amzn-ErrorType: ResourceNotFoundException\r\n\r\n{\"message\":\"m\"}"
#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char folder[64];

static int setup(void **state) {
    (void)state;
    strcpy(folder, "/tmp/vouch-test-cmd-XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}

struct outcome {
    enum vch_ctl_exit exit;
    char *out, *err;
    size_t out_len, err_len;
};

static void done(struct outcome *o) {
    free(o->out);
    free(o->err);
}

static void parse(const char *line, char *words, struct vch_ctl_parsed *ret, FILE *err) {
    static char program[] = "vouch";
    char *argv[WORDS_MAX] = {program};
    int argc = 1;
    strcpy(words, line);
    for (char *save = NULL, *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    assert_int_equal(vch_ctl_args_parse(argc, argv, ret, err, err), VCH_CTL_DONE);
    assert_non_null(ret->command);
}

/* Runs `line` against the script. */
static void run(struct script *s, const char *line, struct outcome *o) {
    char words[512];
    struct vch_ctl_parsed parsed;
    const struct vch_http_client_options options = {.timeout_ms = 5000, .direct = true, .allow_plain = true};
    struct vch_ctl ctl = {.arena = vch_arena_new(1 << 24, true), .client = s->rounds ? vch_http_client_new(&options) : NULL};
    script_start(s);
    ctl.out = open_memstream(&o->out, &o->out_len);
    ctl.err = open_memstream(&o->err, &o->err_len);
    parse(line, words, &parsed, ctl.err);
    ctl.table = parsed.globals.table;
    ctl.site = (struct vch_ctl_site){.endpoint = vch_arena_printf(ctl.arena, "http://127.0.0.1:%d", s->port),
                                     .access_key_id = VCH_STR("AKTEST"),
                                     .secret_access_key = VCH_STR("SECRET"),
                                     .region = VCH_STR("us-east-1"),
                                     .mqtt_port = 8883};
    o->exit = vch_ctl_run_command(&ctl, &parsed);
    (void)fclose(ctl.out);
    (void)fclose(ctl.err);
    vch_http_client_free(ctl.client);
    vch_arena_free(ctl.arena);
    script_stop(s);
}

/* The request of a round, as its signature sees it. */
static void read_request(struct vch_str rest, struct vch_sigv4_header *headers, struct vch_sigv4_request *ret) {
    struct vch_str line;
    *ret = (struct vch_sigv4_request){.headers = headers};
    assert_true(vch_str_split(&rest, '\n', &line));
    assert_true(vch_str_split(&line, ' ', &ret->method));
    struct vch_str target;
    assert_true(vch_str_split(&line, ' ', &target));
    assert_true(vch_str_split(&target, '?', &ret->path));
    ret->query = target;
    while (vch_str_split(&rest, '\n', &line) && line.len > 1) {
        assert_true(ret->header_count < HEADERS_MAX);
        struct vch_sigv4_header *header = &headers[ret->header_count++];
        assert_true(vch_str_split(&line, ':', &header->name));
        header->value = vch_str_trim(line);
    }
    ret->body = rest;
}

/* Method, target and body are these, and the signature verifies. */
static void sent(const struct script *s, int round, const char *line, const char *body, const char *service) {
    struct vch_sigv4_header headers[HEADERS_MAX];
    struct vch_sigv4_request request;
    struct vch_sigv4_claim claim;
    struct vch_diag diag = {0};
    char got[2048];
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    assert_true(s->served > round);
    read_request(vch_str_from(s->requests[round]), headers, &request);
    (void)snprintf(got, sizeof got, "%.*s %.*s%s%.*s", VCH_STR_ARG(request.method), VCH_STR_ARG(request.path),
                   request.query.len ? "?" : "", VCH_STR_ARG(request.query));
    assert_string_equal(got, line);
    (void)snprintf(got, sizeof got, "%.*s", VCH_STR_ARG(request.body));
    if (body) assert_string_equal(got, body);
    if (service) {
        assert_int_equal(vch_sigv4_parse(&request, arena, &claim, &diag), VCH_OK);
        assert_true(vch_str_eq_c(claim.access_key_id, "AKTEST"));
        enum vch_err err =
            vch_sigv4_verify(&request, &claim, VCH_STR("SECRET"), VCH_STR("us-east-1"), service, vch_now_ms(), &diag);
        if (err != VCH_OK) fail_msg("round %d: %s", round, diag.message);
    }
    vch_arena_free(arena);
}

static void row_command(void **state) {
    (void)state;
    struct script s = {.rounds = 1, .answers = {HEAD("200 OK", "19") "\r\n{\"thingName\":\"a:b\"}"}};
    struct outcome o;
    run(&s, "thing get a:b", &o);
    assert_int_equal(o.exit, VCH_CTL_DONE);
    sent(&s, 0, "GET /things/a%3Ab", "", "iot");
    assert_string_equal(o.out, "{\n    \"thingName\": \"a:b\"\n}\n");
    assert_string_equal(o.err, "");
    done(&o);
}

static void refusal(void **state) {
    (void)state;
    struct script s = {.rounds = 1, .answers = {MISSING}};
    struct outcome o;
    run(&s, "policy delete nope", &o);
    assert_int_equal(o.exit, VCH_CTL_REFUSED);
    sent(&s, 0, "DELETE /policies/nope", "", "iot");
    assert_string_equal(o.out, "");
    assert_string_equal(o.err, "vouch: ResourceNotFoundException: m\n");
    done(&o);
}

static void no_server(void **state) {
    (void)state;
    struct script s = {.rounds = 1, .answers = {""}, .close_each = true};
    struct outcome o;
    run(&s, "policy list", &o);
    assert_int_equal(o.exit, VCH_CTL_UNREACHABLE);
    assert_string_equal(o.out, "");
    assert_non_null(strstr(o.err, "vouch: unreachable: "));
    done(&o);
}

static void answer_must_be_an_object(void **state) {
    (void)state;
    static const char *const answers[] = {HEAD("200 OK", "2") "\r\n[]", HEAD("200 OK", "5") "\r\n<html",
                                          HEAD("200 OK", "0") "\r\n"};
    static const enum vch_ctl_exit exits[] = {VCH_CTL_REFUSED, VCH_CTL_REFUSED, VCH_CTL_DONE};
    for (size_t i = 0; i < 3; i++) {
        struct script s = {.rounds = 1, .answers = {answers[i]}};
        struct outcome o;
        run(&s, "template enable T", &o);
        assert_int_equal(o.exit, exits[i]);
        sent(&s, 0, "PATCH /provisioning-templates/T", "{\"enabled\":true}", "iot");
        done(&o);
    }
}

static void pages_are_followed(void **state) {
    (void)state;
    struct script s = {
        .rounds = 3,
        .answers = {HEAD("200 OK", "55") "\r\n{\"policies\":[{\"policyName\":\"a\"}],\"nextMarker\":\"m/1=\"  }",
                    HEAD("200 OK", "51") "\r\n{\"policies\":[{\"policyName\":\"b\"}],\"nextMarker\":\"2\" }",
                    HEAD("200 OK", "34") "\r\n{\"policies\":[{\"policyName\":\"c\"}] }"}};
    struct outcome o;
    run(&s, "--output table policy list", &o);
    assert_int_equal(o.exit, VCH_CTL_DONE);
    sent(&s, 0, "GET /policies", "", "iot");
    sent(&s, 1, "GET /policies?marker=m%2F1%3D", "", "iot");
    sent(&s, 2, "GET /policies?marker=2", "", "iot");
    assert_string_equal(o.out, "policyName  policyArn\na           -\nb           -\nc           -\n");
    done(&o);
}

static void token_pages_are_followed(void **state) {
    (void)state;
    struct script s = {.rounds = 2,
                       .answers = {HEAD("200 OK", "36") "\r\n{\"principals\":[\"p\"],\"nextToken\":\"t\"}",
                                   HEAD("200 OK", "18") "\r\n{\"principals\":[] }"}};
    struct outcome o;
    run(&s, "thing principals T", &o);
    assert_int_equal(o.exit, VCH_CTL_DONE);
    sent(&s, 1, "GET /things/T/principals?nextToken=t", "", "iot");
    assert_string_equal(o.out, "{\n    \"principals\": [\n        \"p\"\n    ]\n}\n");
    done(&o);
}

static const char *put_file(const char *text) {
    static char path[96];
    (void)snprintf(path, sizeof path, "%s/file", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
    return path;
}

static void put_makes_a_version_of_what_is_there(void **state) {
    (void)state;
    struct script s = {.rounds = 2, .answers = {EXISTS, EMPTY}};
    struct outcome o;
    char line[256];
    (void)snprintf(line, sizeof line, "policy put pubsub %s", put_file("{\"a\":1}"));
    run(&s, line, &o);
    assert_int_equal(o.exit, VCH_CTL_DONE);
    sent(&s, 0, "POST /policies/pubsub", "{\"policyDocument\":\"{\\\"a\\\":1}\"}", "iot");
    sent(&s, 1, "POST /policies/pubsub/version?setAsDefault=true", "{\"policyDocument\":\"{\\\"a\\\":1}\"}", "iot");
    assert_string_equal(o.err, "");
    done(&o);
}

#define IDENTITY                                                                                                       \
    HEAD("200 OK", "88")                                                                                               \
    "\r\n<R><UserId>U</UserId><Account>123456789012</Account><Arn>arn:aws:iam::1:user/u</Arn></R>"

static void put_substitutes_the_account(void **state) {
    (void)state;
    struct script s = {.rounds = 2, .answers = {IDENTITY, EMPTY}};
    struct outcome o;
    char line[256];
    (void)snprintf(line, sizeof line, "policy put p %s --substitute-account",
                   put_file("[\"arn:aws:iot:r:account:topic/a\"]"));
    run(&s, line, &o);
    assert_string_equal(o.err, "");
    assert_int_equal(o.exit, VCH_CTL_DONE);
    sent(&s, 0, "POST /", "Action=GetCallerIdentity&Version=2011-06-15", "sts");
    sent(&s, 1, "POST /policies/p", "{\"policyDocument\":\"[\\\"arn:aws:iot:r:123456789012:topic/a\\\"]\"}", "iot");
    done(&o);
}

static void template_put_names_a_role(void **state) {
    (void)state;
    struct script s = {.rounds = 3, .answers = {IDENTITY, EXISTS, EMPTY}};
    struct outcome o;
    char line[256];
    (void)snprintf(line, sizeof line, "template put T %s", put_file("{}"));
    run(&s, line, &o);
    assert_int_equal(o.exit, VCH_CTL_DONE);
    sent(&s, 1, "POST /provisioning-templates",
         "{\"templateName\":\"T\",\"templateBody\":\"{}\",\"enabled\":true,"
         "\"provisioningRoleArn\":\"arn:aws:iam::123456789012:role/IoTFleetProvisioningRole\"}",
         "iot");
    sent(&s, 2, "POST /provisioning-templates/T/versions?setAsDefault=true", "{\"templateBody\":\"{}\"}", "iot");
    done(&o);
}

static void targets_by_id_are_looked_up(void **state) {
    (void)state;
    struct script s = {
        .rounds = 2,
        .answers = {HEAD("200 OK", "58") "\r\n{\"certificateDescription\":{\"certificateArn\":\"arn:c/ab\"}}  ",
                    EMPTY}};
    struct outcome o;
    run(&s, "policy attach pubsub " ID, &o);
    assert_int_equal(o.exit, VCH_CTL_DONE);
    sent(&s, 0, "GET /certificates/" ID, "", "iot");
    sent(&s, 1, "PUT /target-policies/pubsub", "{\"target\":\"arn:c/ab\"}", "iot");
    done(&o);
    struct script direct = {.rounds = 1, .answers = {EMPTY}};
    run(&direct, "policy detach pubsub arn:aws:iot:us-east-1:1:cert/ab", &o);
    sent(&direct, 0, "POST /target-policies/pubsub", "{\"target\":\"arn:aws:iot:us-east-1:1:cert/ab\"}", "iot");
    done(&o);
    struct script header = {.rounds = 1, .answers = {HEAD("200 OK", "16") "\r\n{\"things\":[\"t\"]}"}};
    run(&header, "thing of arn:aws:iot:us-east-1:1:cert/ab --output table", &o);
    sent(&header, 0, "GET /principals/things", "", "iot");
    assert_non_null(strcasestr(header.requests[0], "x-amzn-principal: arn:aws:iot:us-east-1:1:cert/ab\r\n"));
    assert_string_equal(o.out, "thingName\nt\n");
    done(&o);
}

static void user_create_does_it_all(void **state) {
    (void)state;
    struct script s = {.rounds = 4,
                       .answers = {EMPTY, IDENTITY, EMPTY, HEAD("200 OK", "23") "\r\n{\"accessKeyId\":\"AKNEW\"}"}};
    struct outcome o;
    run(&s, "user create alice --allow-claims T1 --allow-claims T2", &o);
    assert_int_equal(o.exit, VCH_CTL_DONE);
    sent(&s, 0, "POST /_vouch/users/alice", NULL, "iot");
    sent(&s, 2, "PUT /_vouch/users/alice/policies/AllowClaims",
         "{\"policyDocument\":\"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\","
         "\\\"Action\\\":\\\"iot:CreateProvisioningClaim\\\",\\\"Resource\\\":["
         "\\\"arn:aws:iot:us-east-1:123456789012:provisioningtemplate/T1\\\","
         "\\\"arn:aws:iot:us-east-1:123456789012:provisioningtemplate/T2\\\"]}]}\"}",
         "iot");
    sent(&s, 3, "POST /_vouch/users/alice/access-keys", NULL, "iot");
    assert_string_equal(o.out, "{\n    \"accessKeyId\": \"AKNEW\"\n}\n");
    done(&o);
    struct script pairing = {.rounds = 4, .answers = {EMPTY, IDENTITY, EMPTY, HEAD("200 OK", "23") "\r\n{\"accessKeyId\":\"AKNEW\"}"}};
    run(&pairing, "user create bob --allow-pairing T1", &o);
    assert_int_equal(o.exit, VCH_CTL_DONE);
    sent(&pairing, 2, "PUT /_vouch/users/bob/policies/AllowPairing",
         "{\"policyDocument\":\"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\","
         "\\\"Action\\\":[\\\"iot:CreateProvisioningClaim\\\",\\\"iot:DescribeProvisioningTemplate\\\",\\\"vouch:CreateClaim\\\"],"
         "\\\"Resource\\\":[\\\"arn:aws:iot:us-east-1:123456789012:provisioningtemplate/T1\\\"]},{\\\"Effect\\\":\\\"Allow\\\","
         "\\\"Action\\\":[\\\"vouch:LookUpPairing\\\",\\\"vouch:GetPairing\\\",\\\"vouch:ApprovePairing\\\",\\\"vouch:DenyPairing\\\"],"
         "\\\"Resource\\\":\\\"*\\\"}]}\"}",
         "iot");
    done(&o);
    struct script refused = {.rounds = 1, .answers = {EXISTS}};
    run(&refused, "user create alice --allow-claims T1", &o);
    assert_int_equal(o.exit, VCH_CTL_REFUSED);
    assert_int_equal(refused.served, 1);
    done(&o);
}

#define CLAIM                                                                                                          \
    "{\"certificateId\":\"ab\",\"certificatePem\":\"CERT\",\"keyPair\":{\"PrivateKey\":\"SECRETKEY\"},\"expiration\":" \
    "60}"

static void claim_goes_to_files(void **state) {
    (void)state;
    struct script s = {.rounds = 3,
                       .answers = {HEAD("200 OK", "31") "\r\n{\"endpointAddress\":\"localhost\"}",
                                   HEAD("200 OK", "4") "\r\nROOT", HEAD("200 OK", "99") "\r\n" CLAIM}};
    struct outcome o;
    char line[256];
    (void)snprintf(line, sizeof line, "claim create --template T --out %s/claim", folder);
    run(&s, line, &o);
    assert_string_equal(o.err, "");
    assert_int_equal(o.exit, VCH_CTL_DONE);
    sent(&s, 0, "GET /endpoint?endpointType=iot%3AData-ATS", "", "iot");
    sent(&s, 1, "GET /ca.pem", "", NULL);
    assert_null(strcasestr(s.requests[1], "authorization:"));
    sent(&s, 2, "POST /provisioning-templates/T/provisioning-claim", NULL, "iot");
    assert_null(strstr(o.out, "SECRETKEY"));
    assert_non_null(strstr(o.out, "\"certificateId\": \"ab\""));
    (void)snprintf(line, sizeof line, "%s/claim/bundle.json", folder);
    assert_int_equal(access(line, R_OK), 0);
    done(&o);
    struct script plain = {.rounds = 1, .answers = {HEAD("200 OK", "99") "\r\n" CLAIM}};
    run(&plain, "claim create --template T", &o);
    assert_non_null(strstr(o.out, "SECRETKEY"));
    done(&o);
}

/* A trusted user may be allowed the claim and nothing else: the endpoint is then the host that was asked. */
static void claim_needs_no_other_permission(void **state) {
    (void)state;
    struct script s = {
        .rounds = 3,
        .answers = {HEAD("403 Forbidden", "15") "x-amzn-ErrorType: AccessDeniedException\r\n\r\n{\"message\":\"d\"}",
                    HEAD("200 OK", "4") "\r\nROOT", HEAD("200 OK", "99") "\r\n" CLAIM}};
    struct outcome o;
    struct vch_val *bundle = NULL;
    struct vch_str text;
    struct vch_arena *arena = vch_arena_new(1 << 20, true);
    char line[256];
    (void)snprintf(line, sizeof line, "claim create --template T --out %s/claim", folder);
    run(&s, line, &o);
    assert_int_equal(o.exit, VCH_CTL_DONE);
    assert_string_equal(o.err, "");
    (void)snprintf(line, sizeof line, "%s/claim/bundle.json", folder);
    assert_int_equal(vch_ctl_read(line, arena, &text, NULL), VCH_OK);
    assert_int_equal(vch_json_decode(text, &VCH_VAL_LIMITS_DEFAULT, arena, &bundle, NULL), VCH_OK);
    assert_true(vch_str_eq_c(vch_val_str_at(bundle, "endpoint"), "127.0.0.1"));
    vch_arena_free(arena);
    done(&o);
}

/* A claim is not spent when its files could not be made whole anyway. */
static void claim_waits_for_the_root(void **state) {
    (void)state;
    struct script s = {.rounds = 2,
                       .answers = {HEAD("200 OK", "31") "\r\n{\"endpointAddress\":\"localhost\"}", MISSING}};
    struct outcome o;
    char line[256];
    (void)snprintf(line, sizeof line, "claim create --template T --out %s/claim", folder);
    run(&s, line, &o);
    assert_int_equal(o.exit, VCH_CTL_REFUSED);
    assert_int_equal(s.served, 2);
    done(&o);
}

static void environment_is_quoted(void **state) {
    (void)state;
    struct script s = {.rounds = 0};
    struct outcome o;
    run(&s, "aws-env", &o);
    assert_int_equal(o.exit, VCH_CTL_DONE);
    assert_non_null(strstr(o.out, "export AWS_ACCESS_KEY_ID='AKTEST'\n"));
    assert_non_null(strstr(o.out, "export AWS_SECRET_ACCESS_KEY='SECRET'\n"));
    assert_non_null(strstr(o.out, "export AWS_REGION='us-east-1'\n"));
    assert_non_null(strstr(o.out, "export AWS_DEFAULT_REGION='us-east-1'\n"));
    assert_non_null(strstr(o.out, "export AWS_ENDPOINT_URL_IOT='http://127.0.0.1:"));
    assert_non_null(strstr(o.out, "export AWS_ENDPOINT_URL_IOT_DATA_PLANE='http://127.0.0.1:"));
    assert_non_null(strstr(o.out, "export AWS_ENDPOINT_URL_STS='http://127.0.0.1:"));
    assert_null(strstr(o.out, "AWS_SESSION_TOKEN"));
    done(&o);
}

static void lint_asks_no_server(void **state) {
    (void)state;
    static const struct {
        const char *text, *options, *expected;
        enum vch_ctl_exit exit;
    } rows[] = {
        {"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iot:Connect\",\"Resource\":\"*"
         "\"}]}",
         "", "\"valid\": true", VCH_CTL_DONE},
        {"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Maybe\",\"Action\":\"iot:Connect\",\"Resource\":\"*"
         "\"}]}",
         "", "\"valid\": false", VCH_CTL_USAGE},
        {"{\"Resources\":{}}", "", "template-invalid", VCH_CTL_USAGE},
        {"{\"Effect\":\"Allow\",\"Action\":\"iot:Connect\",\"Resource\":\"*\",}", "--mend", "\"Statement\":[{",
         VCH_CTL_DONE},
        {"{", "--mend", "", VCH_CTL_USAGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script s = {.rounds = 0};
        struct outcome o;
        char line[256];
        (void)snprintf(line, sizeof line, "lint %s %s", put_file(rows[i].text), rows[i].options);
        run(&s, line, &o);
        assert_int_equal(o.exit, rows[i].exit);
        assert_non_null(strstr(o.out, rows[i].expected));
        done(&o);
    }
}

#define WARNED(header) "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-vouch-lint: " header "\r\n\r\n{}"

/* Warnings stand on standard error and change nothing; what is no list of them is let be. */
static void warnings_are_told(void **state) {
    (void)state;
    static const struct {
        const char *answer, *err;
    } rows[] = {
        {WARNED("[{\"rule\":\"L1\",\"field\":\"/Statement/0\",\"sentence\":\"One.\"},{\"rule\":\"L5\",\"field\":\"/a\",\"sentence\":\"Two.\"}]"),
         "vouch: warning: L1 /Statement/0: One.\nvouch: warning: L5 /a: Two.\n"},
        {WARNED("[{\"rule\":\"L\\u001b[1m\",\"field\":\"\\u00e9\",\"sentence\":\"\\n\"}]"), "vouch: warning: L?[1m ??: ?\n"},
        {WARNED("[{"), ""},
        {WARNED("{}"), ""},
        {EMPTY, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script s = {.rounds = 1, .answers = {rows[i].answer}};
        struct outcome o;
        char line[256];
        (void)snprintf(line, sizeof line, "policy put pubsub %s", put_file("{}"));
        run(&s, line, &o);
        assert_int_equal(o.exit, VCH_CTL_DONE);
        assert_string_equal(o.err, rows[i].err);
        assert_string_equal(o.out, "{}\n");
        done(&o);
    }
}

#define TOLD                                                                                                           \
    "{\"verdict\":\"ALLOWED\",\"action\":\"iot:Connect\",\"resource\":\"*\",\"connection\":\"ok\",\"gateway\":\"ok\",\"statements\":["    \
    "{\"policyName\":\"p\",\"statement\":0,\"effect\":\"Allow\",\"action\":true,\"resource\":true,\"condition\":true,\"applies\":true}],"   \
    "\"variables\":[{\"name\":\"k\",\"defined\":false,\"value\":\"undefined\"}],\"suggestion\":{\"change\":\"none\",\"sentence\":\"Fine.\"}}"

/* An id is made an ARN without being looked up: it may be a claim's. */
static void explain_asks_once(void **state) {
    (void)state;
    char answer[1024];
    (void)snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", sizeof TOLD - 1, TOLD);
    struct script s = {.rounds = 2, .answers = {IDENTITY, answer}};
    struct outcome o;
    run(&s, "explain " ID " iot:Connect --client-id d --persistent --will-topic a/b --output table", &o);
    assert_string_equal(o.err, "");
    assert_int_equal(o.exit, VCH_CTL_DONE);
    sent(&s, 1, "GET /_vouch/explain?principal=arn%3Aaws%3Aiot%3Aus-east-1%3A123456789012%3Acert%2F" ID
                "&action=iot%3AConnect&clientId=d&persistent=true&willTopic=a%2Fb", "", "iot");
    static const char *const words[] = {"ALLOWED", "Fine.", "policyName", "Allow", "undefined"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) assert_non_null(strstr(o.out, words[i]));
    done(&o);
    struct script other = {.rounds = 1, .answers = {MISSING}};
    run(&other, "explain arn:c/x iot:Publish topic/a", &o);
    assert_int_equal(o.exit, VCH_CTL_REFUSED);
    sent(&other, 0, "GET /_vouch/explain?principal=arn%3Ac%2Fx&action=iot%3APublish&resource=topic%2Fa", "", "iot");
    done(&o);
}

/* A server that is named looks in place of us: it knows what the document names. */
static void lint_asks_the_server_that_is_named(void **state) {
    (void)state;
    static const char finding[] = HEAD("200 OK", "98") "\r\n{\"valid\":true,\"kind\":\"template\",\"findings\":[{\"rule\":\"T4\",\"field\":\"/a\",\"sentence\":\"No policy q.\"}]}";
    static const char invalid[] = HEAD("200 OK", "47") "\r\n{\"valid\":false,\"kind\":\"template\",\"findings\":[]}";
    static const struct {
        const char *answer, *options, *asked, *shown;
        enum vch_ctl_exit exit;
    } rows[] = {
        {finding, "", "{\"document\":\"{\\\"a\\\":1}\",\"hook\":false}", "\"T4\"", VCH_CTL_DONE},
        {invalid, "--hook", "{\"document\":\"{\\\"a\\\":1}\",\"hook\":true}", "false", VCH_CTL_USAGE},
        {finding, "--iam", "{\"document\":\"{\\\"a\\\":1}\",\"kind\":\"iam\",\"hook\":false}", "No policy q.", VCH_CTL_DONE},
        {MISSING, "", "{\"document\":\"{\\\"a\\\":1}\",\"hook\":false}", "", VCH_CTL_REFUSED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct script s = {.rounds = 1, .answers = {rows[i].answer}};
        struct outcome o;
        char line[256];
        (void)snprintf(line, sizeof line, "lint %s %s", put_file("{\"a\":1}"), rows[i].options);
        run(&s, line, &o);
        assert_int_equal(o.exit, rows[i].exit);
        sent(&s, 0, "POST /_vouch/lint", rows[i].asked, "iot");
        assert_non_null(strstr(o.out, rows[i].shown));
        done(&o);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(row_command),
        CASE(refusal),
        CASE(no_server),
        CASE(answer_must_be_an_object),
        CASE(pages_are_followed),
        CASE(token_pages_are_followed),
        CASE(put_makes_a_version_of_what_is_there),
        CASE(put_substitutes_the_account),
        CASE(template_put_names_a_role),
        CASE(targets_by_id_are_looked_up),
        CASE(user_create_does_it_all),
        CASE(claim_goes_to_files),
        CASE(claim_needs_no_other_permission),
        CASE(claim_waits_for_the_root),
        CASE(environment_is_quoted),
        CASE(lint_asks_no_server),
        CASE(warnings_are_told),
        CASE(explain_asks_once),
        CASE(lint_asks_the_server_that_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
