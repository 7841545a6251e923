/* The data plane over HTTPS: publishing, retained messages, ending connections.
 * Its callers sign, or show a client certificate, whose IoT policies judge them. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "api/http_job_priv.h"
#include "base/clock.h"
#include "base/codec.h"
#include "core/names.h"
#include "core/reason.h"
#include "core/topic.h"
#include "service/authz.h"
#include "service/page.h"

enum { DURABLE_PATIENCE_S = 10, USER_PROPERTIES_MAX = 32768, USER_PROPERTY_MAX = 16384, CORRELATION_MAX = 8192, PAYLOAD_MAX = 131072, PAGE_DEFAULT = 100, PAGE_MAX = 200 };

bool vch_data_is(enum vch_op op) {
    return op != VCH_OP_NONE && vch_op_row(op)->scope == VCH_SCOPE_DATA;
}

/* ---- who ---- */

enum vch_err vch_data_certificate(struct vch_http_job *job) {
    struct vch_service *service = job->door->options.service;
    struct vch_identity identity;
    struct vch_str id = vch_str_from(job->request->peer_id);
    VCH_TRY(vch_identity_check_from(service, id, vch_str_from(job->request->sni), &identity, &job->diag));
    if (identity.kind != VCH_IDENTITY_DEVICE)
        return VCH_REFUSE(&job->diag, VCH_ERR_DENIED, ACCESS_DENIED, "", "A provisioning claim can only be used over MQTT.");
    job->caller.kind = VCH_CALLER_DEVICE;
    job->caller.certificate_id = id;
    return VCH_OK;
}

/* AWS IoT "HTTPS": no client id, so no thing's variables. */
static enum vch_err ask_device(struct vch_http_job *job, const struct vch_authz *authz, const char *action, struct vch_str name,
                               struct vch_diag *diag) {
    const struct vch_authz_ask ask = {.authz = authz,
                                      .site = &job->door->options.service->site,
                                      .action = action,
                                      .resource_type = "topic",
                                      .name = name,
                                      .resource = job->op == VCH_OP_LIST_RETAINED_MESSAGES ? VCH_STR("*") : vch_str_of(NULL, 0),
                                      .certificate_id = job->caller.certificate_id,
                                      .source_ip = job->caller.source_ip};
    return vch_authz_check(&ask, diag);
}

static bool retains(const struct vch_http_job *job, const struct vch_val *gathered) {
    return job->op == VCH_OP_PUBLISH && vch_str_eq_c(vch_val_str_at(gathered, "retain"), "true");
}

enum vch_err vch_data_authorize_device(struct vch_http_job *job, const struct vch_val *gathered, struct vch_diag *diag) {
    struct vch_authz *authz = NULL;
    struct vch_str topic = vch_val_str_at(gathered, "topic");
    if (job->op == VCH_OP_DELETE_CONNECTION)
        return VCH_REFUSE(diag, VCH_ERR_DENIED, ACCESS_DENIED, "", "A certificate cannot end connections; the request must be signed.");
    VCH_TRY(vch_authz_load(job->door->options.service, job->caller.certificate_id, VCH_STR(""), &authz, diag));
    enum vch_err err = ask_device(job, authz, vch_op_row(job->op)->action, topic, diag);
    if (err == VCH_OK && retains(job, gathered)) err = ask_device(job, authz, "iot:RetainPublish", topic, diag);
    vch_authz_unref(authz);
    return err;
}

enum vch_err vch_data_authorize_retain(struct vch_http_job *job, const struct vch_iam_ask *ask, struct vch_diag *diag) {
    struct vch_iam_ask retain = *ask;
    if (!retains(job, ask->inputs)) return VCH_OK;
    retain.action = VCH_STR("iot:RetainPublish");
    return vch_iam_check(job->door->iam, &retain, diag);
}

/* ---- waiting for what a loop does ---- */

/* Shared by the worker that waits and the loop that tells; whoever is last frees it. */
struct errand {
    pthread_mutex_t lock;
    pthread_cond_t told;
    atomic_int refs;
    bool over;
    enum vch_err err;
};

static struct errand *errand_new(void) {
    pthread_condattr_t attributes;
    struct errand *errand = calloc(1, sizeof *errand);
    if (!errand) return NULL;
    atomic_init(&errand->refs, 2);
    (void)pthread_mutex_init(&errand->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&errand->told, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return errand;
}

static void errand_unref(struct errand *errand, int count) {
    if (atomic_fetch_sub(&errand->refs, count) != count) return;
    (void)pthread_cond_destroy(&errand->told);
    (void)pthread_mutex_destroy(&errand->lock);
    free(errand);
}

static void errand_done(void *arg, enum vch_err err) {
    struct errand *errand = arg;
    (void)pthread_mutex_lock(&errand->lock);
    errand->over = true;
    errand->err = err;
    (void)pthread_cond_signal(&errand->told);
    (void)pthread_mutex_unlock(&errand->lock);
    errand_unref(errand, 1);
}

static void errand_gone(void *arg) {
    errand_done(arg, VCH_OK);
}

/* TIMEOUT: it may still come to pass. */
static enum vch_err errand_wait(struct errand *errand) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += DURABLE_PATIENCE_S;
    int waited = 0;
    (void)pthread_mutex_lock(&errand->lock);
    while (!errand->over && waited != ETIMEDOUT) waited = pthread_cond_timedwait(&errand->told, &errand->lock, &until);
    enum vch_err err = errand->over ? errand->err : VCH_ERR_TIMEOUT;
    (void)pthread_mutex_unlock(&errand->lock);
    errand_unref(errand, 1);
    return err;
}

/* ---- Publish ---- */

static enum vch_err invalid(struct vch_diag *diag, const char *field, const char *sentence) {
    return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, field, "%s", sentence);
}

static enum vch_err decode_base64(struct vch_call *call, struct vch_str text, size_t max, struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str bytes;
    vch_buf_init(&buf, max);
    enum vch_err err = vch_unbase64(text, &buf);
    if (err == VCH_OK) err = vch_buf_finish(&buf, &bytes);
    if (err == VCH_OK) {
        *ret = vch_arena_str(call->arena, bytes);
        if (!ret->ptr) err = VCH_ERR_NOMEM;
    }
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_err add_user_property(const struct vch_val *pair, struct vch_buf *out) {
    uint8_t bytes[USER_PROPERTY_MAX]; /* more than the header may hold */
    size_t len;
    if (!vch_val_is(pair, VCH_VAL_MAP) || pair->count != 1 || pair->members[0].value.type != VCH_VAL_STR) return VCH_ERR_INVALID;
    VCH_TRY(vch_mqtt_user_encode(pair->members[0].name, pair->members[0].value.str, bytes, sizeof bytes, &len));
    vch_buf_bytes(out, bytes, len);
    return VCH_OK;
}

static enum vch_err encode_users(struct vch_call *call, const struct vch_val *list, struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str bytes;
    vch_buf_init(&buf, USER_PROPERTIES_MAX);
    enum vch_err err = vch_val_is(list, VCH_VAL_LIST) ? VCH_OK : VCH_ERR_INVALID;
    for (size_t i = 0; err == VCH_OK && i < list->count; i++) err = add_user_property(&list->items[i], &buf);
    if (err == VCH_OK) err = vch_buf_finish(&buf, &bytes);
    if (err == VCH_OK) {
        *ret = vch_arena_str(call->arena, bytes);
        if (!ret->ptr) err = VCH_ERR_NOMEM;
    }
    vch_buf_deinit(&buf);
    return err;
}

/* The header is base64 of a JSON array of objects with one member each; SDKs
 * that take it as text wrap that text into a JSON string first. */
static enum vch_err read_users(struct vch_call *call, struct vch_mqtt_props *props) {
    const struct vch_val_limits limits = {.depth = 4, .values = 1000};
    struct vch_str header = vch_val_str_at(call->in, "userProperties"), json;
    struct vch_val *list = NULL;
    if (header.len == 0) return VCH_OK;
    enum vch_err err = decode_base64(call, header, USER_PROPERTIES_MAX, &json);
    if (err == VCH_OK) err = vch_json_decode(json, &limits, call->arena, &list, NULL);
    if (err == VCH_OK && list->type == VCH_VAL_STR) err = vch_json_decode(list->str, &limits, call->arena, &list, NULL);
    if (err == VCH_OK) err = encode_users(call, list, &props->raw);
    if (err == VCH_ERR_NOMEM) return err;
    if (err != VCH_OK)
        return invalid(call->diag, "userProperties", "userProperties is not the base64 of a JSON array of objects with one text each.");
    if (props->raw.len) props->present |= VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_USER);
    return VCH_OK;
}

static enum vch_err read_correlation(struct vch_call *call, struct vch_mqtt_props *props) {
    struct vch_str header = vch_val_str_at(call->in, "correlationData");
    if (header.len == 0) return VCH_OK;
    if (decode_base64(call, header, CORRELATION_MAX, &props->correlation_data) != VCH_OK)
        return invalid(call->diag, "correlationData", "correlationData is not base64.");
    props->present |= VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_CORRELATION_DATA);
    return VCH_OK;
}

static enum vch_err read_response_topic(struct vch_call *call, struct vch_mqtt_props *props) {
    props->response_topic = vch_val_str_at(call->in, "responseTopic");
    if (props->response_topic.len == 0) return VCH_OK;
    VCH_TRY(vch_topic_check(props->response_topic, call->diag));
    props->present |= VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_RESPONSE_TOPIC);
    return VCH_OK;
}

static enum vch_err read_props(struct vch_call *call, struct vch_mqtt_props *props) {
    struct vch_str format = vch_val_str_at(call->in, "payloadFormatIndicator");
    int64_t expiry_s = vch_val_int_at(call->in, "messageExpiry", -1);
    VCH_TRY(read_users(call, props));
    VCH_TRY(read_correlation(call, props));
    VCH_TRY(read_response_topic(call, props));
    props->content_type = vch_val_str_at(call->in, "contentType");
    if (props->content_type.len) props->present |= VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_CONTENT_TYPE);
    if (format.len) props->present |= VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_PAYLOAD_FORMAT);
    props->payload_format = vch_str_eq_c(format, "UTF8_DATA");
    if (expiry_s >= 0) props->present |= VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_MESSAGE_EXPIRY);
    props->message_expiry_s = expiry_s >= 0 ? (uint32_t)expiry_s : 0;
    return VCH_OK;
}

static enum vch_err check_topic(struct vch_str topic, struct vch_diag *diag) {
    VCH_TRY(vch_topic_check(topic, diag));
    if (!vch_topic_reserved(topic)) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_INVALID, TOPIC_RESERVED, "topic", "Clients cannot publish on this reserved topic.");
}

static enum vch_err send_packet(struct vch_http_job *job, const struct vch_mqtt_publish *packet) {
    struct errand *errand = errand_new();
    if (!errand) return VCH_ERR_NOMEM;
    enum vch_err err = vch_mqtt_publish(vch_mqtt_door_broker(job->door->options.mqtt), packet, errand_done, errand);
    if (err == VCH_OK) err = errand_wait(errand);
    else errand_unref(errand, 2);
    if (err == VCH_ERR_LIMIT)
        return VCH_REFUSE(&job->diag, VCH_ERR_THROTTLED, RATE_EXCEEDED, "retain", "There is no room for another retained message.");
    return err;
}

static enum vch_err publish(struct vch_http_job *job, struct vch_call *call) {
    struct vch_mqtt_publish packet = {.level = VCH_MQTT_LEVEL_5,
                                      .topic = vch_val_str_at(call->in, "topic"),
                                      .payload = vch_val_str_at(call->in, "payload"),
                                      .qos = (uint8_t)vch_val_int_at(call->in, "qos", 0),
                                      .retain = vch_val_bool_at(call->in, "retain", false)};
    VCH_TRY(check_topic(packet.topic, call->diag));
    if (packet.payload.len > PAYLOAD_MAX)
        return VCH_REFUSE(call->diag, VCH_ERR_TOO_LARGE, PAYLOAD_TOO_LARGE, "payload", "The payload is larger than %d bytes.", PAYLOAD_MAX);
    VCH_TRY(read_props(call, &packet.props));
    VCH_TRY(send_packet(job, &packet));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "message", VCH_STR("OK")));
    return vch_val_put_str(call->arena, call->out, "traceId", vch_str_from(job->request_id));
}

/* ---- retained messages ---- */

static enum vch_err put_base64(struct vch_call *call, struct vch_val *map, const char *name, struct vch_str bytes) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 2 * PAYLOAD_MAX + 64);
    vch_base64(bytes, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    struct vch_str copy = err == VCH_OK ? vch_arena_str(call->arena, text) : vch_str_of(NULL, 0);
    vch_buf_deinit(&buf);
    if (err != VCH_OK) return err;
    return copy.ptr ? vch_val_put_str(call->arena, map, name, copy) : VCH_ERR_NOMEM;
}

static enum vch_err put_users(struct vch_call *call, const struct vch_mqtt_message *message) {
    struct vch_str rest = vch_mqtt_message_props(message), name, value;
    struct vch_buf buf;
    struct vch_str text;
    bool any = false;
    vch_buf_init(&buf, PAYLOAD_MAX);
    vch_buf_c(&buf, "[");
    while (vch_mqtt_user_next(&rest, &name, &value)) {
        vch_buf_c(&buf, any ? ",{" : "{");
        vch_json_encode_str(name, &buf);
        vch_buf_c(&buf, ":");
        vch_json_encode_str(value, &buf);
        vch_buf_c(&buf, "}");
        any = true;
    }
    vch_buf_c(&buf, "]");
    enum vch_err err = any ? vch_buf_finish(&buf, &text) : VCH_OK;
    if (err == VCH_OK && any) err = put_base64(call, call->out, "userProperties", text);
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_err put_summary(struct vch_call *call, struct vch_val *map, const struct vch_mqtt_message *message, bool size) {
    struct vch_str topic = vch_arena_str(call->arena, vch_mqtt_message_topic(message));
    if (!topic.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "topic", topic));
    if (size) VCH_TRY(vch_val_put_int(call->arena, map, "payloadSize", (int64_t)vch_mqtt_message_payload(message).len));
    VCH_TRY(vch_val_put_int(call->arena, map, "qos", message->qos));
    return vch_val_put_int(call->arena, map, "lastModifiedTime", message->published_ms); /* a long: milliseconds */
}

static enum vch_err get_retained(struct vch_http_job *job, struct vch_call *call) {
    struct vch_mqtt_retained *retained = vch_mqtt_door_retained(job->door->options.mqtt);
    struct vch_str topic = vch_val_str_at(call->in, "topic");
    VCH_TRY(vch_topic_check(topic, call->diag));
    struct vch_mqtt_message *message = retained ? vch_mqtt_retained_get(retained, topic, call->now_ms) : NULL;
    if (!message) return VCH_REFUSE(call->diag, VCH_ERR_NOT_FOUND, RESOURCE_MISSING, "topic", "The topic has no retained message.");
    enum vch_err err = put_summary(call, call->out, message, false);
    if (err == VCH_OK) err = put_base64(call, call->out, "payload", vch_mqtt_message_payload(message));
    if (err == VCH_OK) err = put_users(call, message);
    vch_mqtt_message_unref(message);
    return err;
}

static enum vch_err list_retained(struct vch_http_job *job, struct vch_call *call) {
    struct vch_mqtt_retained *retained = vch_mqtt_door_retained(job->door->options.mqtt);
    struct vch_mqtt_message *found[PAGE_MAX + 1];
    struct vch_paging paging = {.list = "ListRetainedMessages"};
    VCH_TRY(vch_paging_open(call, &paging));
    size_t limit = (size_t)vch_val_int_at(call->in, "maxResults", PAGE_DEFAULT);
    size_t count = retained ? vch_mqtt_retained_page(retained, paging.page.after, call->now_ms, limit + 1, found) : 0;
    struct vch_val *list = vch_val_put_list(call->arena, call->out, "retainedTopics");
    enum vch_err err = list ? VCH_OK : VCH_ERR_NOMEM;
    for (size_t i = 0; err == VCH_OK && i < count && i < limit; i++) {
        struct vch_val *map = vch_val_push_map(call->arena, list);
        err = map ? put_summary(call, map, found[i], true) : VCH_ERR_NOMEM;
    }
    struct vch_str last = count > limit ? vch_arena_str(call->arena, vch_mqtt_message_topic(found[limit - 1])) : VCH_STR("");
    for (size_t i = 0; i < count; i++) vch_mqtt_message_unref(found[i]);
    if (err != VCH_OK || !last.ptr) return err != VCH_OK ? err : VCH_ERR_NOMEM;
    return vch_paging_close(call, &paging, count > limit, last);
}

/* ---- DeleteConnection ---- */

static enum vch_err delete_connection(struct vch_http_job *job, struct vch_call *call) {
    struct vch_str client_id = vch_val_str_at(call->in, "clientId");
    if (client_id.len == 0 || client_id.len > VCH_CLIENT_ID_MAX || client_id.ptr[0] == '$')
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, CLIENT_ID_INVALID, "clientId", "A client id has 1 to %d bytes and does not start with $.",
                          VCH_CLIENT_ID_MAX);
    struct errand *errand = errand_new();
    if (!errand) return VCH_ERR_NOMEM;
    const struct vch_mqtt_eviction eviction = {.clean = vch_val_bool_at(call->in, "cleanSession", false),
                                               .without_will = vch_val_bool_at(call->in, "preventWillMessage", false),
                                               .done = errand_gone,
                                               .arg = errand};
    enum vch_err err = vch_mqtt_disconnect_client(vch_mqtt_door_broker(job->door->options.mqtt), client_id, &eviction);
    if (err == VCH_OK) err = errand_wait(errand);
    else errand_unref(errand, 2);
    if (err == VCH_ERR_NOT_FOUND)
        return VCH_REFUSE(call->diag, err, RESOURCE_MISSING, "clientId", "No client of this id is connected or has a session.");
    return err;
}

enum vch_err vch_data_perform(struct vch_http_job *job, struct vch_call *call) {
    switch (job->op) {
    case VCH_OP_PUBLISH: return publish(job, call);
    case VCH_OP_GET_RETAINED_MESSAGE: return get_retained(job, call);
    case VCH_OP_LIST_RETAINED_MESSAGES: return list_retained(job, call);
    case VCH_OP_DELETE_CONNECTION: return delete_connection(job, call);
    default: return VCH_ERR_INTERNAL;
    }
}

/* ---- errors ---- */

enum vch_aws_error vch_data_error(enum vch_aws_error error) {
    switch (error) {
    case VCH_AWS_UNAUTHORIZED:
    case VCH_AWS_ACCESS_DENIED:
    case VCH_AWS_UNRECOGNIZED_CLIENT:
    case VCH_AWS_INVALID_SIGNATURE:
    case VCH_AWS_INCOMPLETE_SIGNATURE:
    case VCH_AWS_MISSING_TOKEN:
    case VCH_AWS_EXPIRED_TOKEN: return VCH_AWS_FORBIDDEN;
    default: return error;
    }
}
