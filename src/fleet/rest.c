#include "fleet/rest.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/sigv4.h"
#include "http/client.h"

struct vch_rest {
    const struct vch_fleet_site *site;
    struct vch_http_client *client;
    struct vch_str host;
};

struct vch_rest *vch_rest_new(const struct vch_fleet_site *site) {
    struct vch_rest *rest = calloc(1, sizeof *rest);
    const struct vch_http_client_options options = {
        .ca_file = site->ca_file.len ? site->ca_file.ptr : NULL, .user_agent = "vouch-fleet", .direct = true};
    if (!rest) return NULL;
    rest->site = site;
    rest->host = vch_str_sub(site->api, strlen("https://"), SIZE_MAX);
    rest->client = vch_http_client_new(&options);
    if (rest->client) return rest;
    free(rest);
    return NULL;
}

void vch_rest_free(struct vch_rest *rest) {
    if (!rest) return;
    vch_http_client_free(rest->client);
    free(rest);
}

static enum vch_err sign(const struct vch_rest *rest, const struct vch_sigv4_request *request, int64_t now_ms,
                         struct vch_arena *arena, struct vch_str *ret) {
    const struct vch_fleet_site *s = rest->site;
    struct vch_buf buf;
    struct vch_str line;
    vch_buf_init(&buf, 4096);
    enum vch_err err =
        vch_sigv4_sign(request, s->access_key_id, s->secret_access_key, s->region, VCH_STR("iot"), now_ms, &buf);
    if (err == VCH_OK) err = vch_buf_finish(&buf, &line);
    if (err == VCH_OK) *ret = vch_arena_str(arena, line);
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_err refusal(const struct vch_http_result *answer, struct vch_diag *diag) {
    struct vch_str type = vch_http_result_header(answer, "x-amzn-errortype");
    type = vch_str_sub(type, 0, vch_str_find(type, ':', 0));
    return vch_diag_set(diag, answer->status == 404 ? VCH_ERR_NOT_FOUND : VCH_ERR_DENIED, "refused", "",
                        "The control plane answered %d %.*s.", answer->status, VCH_STR_ARG(type));
}

enum vch_err vch_rest_call(struct vch_rest *rest, const char *method, struct vch_str path, struct vch_str body,
                           struct vch_arena *arena, struct vch_val **ret, struct vch_diag *diag) {
    char date[17];
    int64_t now_ms = vch_now_ms();
    struct vch_http_result answer;
    vch_time_basic(now_ms, date);
    struct vch_http_field fields[4] = {{VCH_STR("host"), rest->host}, {VCH_STR("x-amz-date"), vch_str_from(date)}};
    struct vch_sigv4_header headers[3];
    size_t count = 2;
    if (body.len) fields[count++] = (struct vch_http_field){VCH_STR("content-type"), VCH_STR("application/json")};
    for (size_t i = 0; i < count; i++) headers[i] = (struct vch_sigv4_header){fields[i].name, fields[i].value};
    const struct vch_sigv4_request request = {
        .method = vch_str_from(method), .path = path, .headers = headers, .header_count = count, .body = body};
    *ret = NULL;
    fields[count].name = VCH_STR("authorization");
    VCH_TRY(sign(rest, &request, now_ms, arena, &fields[count].value));
    /* libcurl writes Host itself, from the URL. */
    const struct vch_http_call call = {
        method, vch_arena_printf(arena, "%.*s%.*s", VCH_STR_ARG(rest->site->api), VCH_STR_ARG(path)), fields + 1, count,
        body};
    VCH_TRY(vch_http_client_send(rest->client, &call, arena, &answer, diag));
    if (answer.status < 200 || answer.status > 299) return refusal(&answer, diag);
    return answer.body.len ? vch_json_decode(answer.body, NULL, arena, ret, diag) : VCH_OK;
}

/* ---- what the fleet needs ------------------------------------------------ */

#define POLICY "/policies/fleet-policy"
#define TEMPLATE "/provisioning-templates"

/* Connects as its thing, or as one of many clients of one certificate. */
static const char policy_document[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iot:Connect\",\"Resource\":["
    "\"arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}\",\"arn:aws:iot:*:*:client/fleet-*\"]},"
    "{\"Effect\":\"Allow\",\"Action\":[\"iot:Publish\",\"iot:Receive\"],\"Resource\":\"arn:aws:iot:*:*:topic/fleet/"
    "*\"},"
    "{\"Effect\":\"Allow\",\"Action\":\"iot:Subscribe\",\"Resource\":\"arn:aws:iot:*:*:topicfilter/fleet/*\"}]}";

static const char template_body[] =
    "{\"Parameters\":{\"ThingName\":{\"Type\":\"String\"}},\"Resources\":{"
    "\"thing\":{\"Type\":\"AWS::IoT::Thing\",\"Properties\":{\"ThingName\":{\"Ref\":\"ThingName\"}}},"
    "\"certificate\":{\"Type\":\"AWS::IoT::Certificate\",\"Properties\":{\"CertificateId\":{\"Ref\":\"AWS::IoT::"
    "Certificate::Id\"},\"Status\":\"ACTIVE\"}},"
    "\"policy\":{\"Type\":\"AWS::IoT::Policy\",\"Properties\":{\"PolicyName\":\"fleet-policy\"}}}}";

static enum vch_err make_policy(struct vch_rest *rest, struct vch_arena *arena, struct vch_diag *diag) {
    struct vch_val *answer;
    struct vch_buf buf;
    enum vch_err err = vch_rest_call(rest, "GET", VCH_STR(POLICY), VCH_STR(""), arena, &answer, NULL);
    if (err != VCH_ERR_NOT_FOUND) return err;
    vch_buf_init(&buf, 8192);
    vch_buf_c(&buf, "{\"policyDocument\":");
    vch_json_encode_str(vch_str_from(policy_document), &buf);
    vch_buf_c(&buf, "}");
    err = vch_rest_call(rest, "POST", VCH_STR(POLICY), vch_str_of(buf.ptr, buf.len), arena, &answer, diag);
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_err make_template(struct vch_rest *rest, struct vch_arena *arena, struct vch_diag *diag) {
    struct vch_val *answer;
    struct vch_buf buf;
    enum vch_err err =
        vch_rest_call(rest, "GET", VCH_STR(TEMPLATE "/FleetTemplate"), VCH_STR(""), arena, &answer, NULL);
    if (err != VCH_ERR_NOT_FOUND) return err;
    vch_buf_init(&buf, 8192);
    vch_buf_printf(&buf,
                   "{\"templateName\":\"FleetTemplate\",\"enabled\":true,\"provisioningRoleArn\":\"arn:aws:iam::%.*s:"
                   "role/Fleet\",\"templateBody\":",
                   VCH_STR_ARG(rest->site->account));
    vch_json_encode_str(vch_str_from(template_body), &buf);
    vch_buf_c(&buf, "}");
    err = vch_rest_call(rest, "POST", VCH_STR(TEMPLATE), vch_str_of(buf.ptr, buf.len), arena, &answer, diag);
    vch_buf_deinit(&buf);
    return err;
}

enum vch_err vch_rest_prepare(struct vch_rest *rest, const char *template_name, struct vch_arena *arena,
                              struct vch_str *ret_name, struct vch_diag *diag) {
    *ret_name = vch_str_from(template_name ? template_name : "FleetTemplate");
    if (template_name) return VCH_OK;
    enum vch_err err = make_policy(rest, arena, diag);
    if (err == VCH_OK) err = make_template(rest, arena, diag);
    if (err != VCH_OK)
        (void)vch_diag_set(diag, err, "prepare", "", "The control plane cannot be used (%s).", vch_err_word(err));
    return err;
}
