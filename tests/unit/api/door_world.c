#include "door_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/events.h"
#include "api/faults.h"
#include "base/clock.h"
#include "base/file.h"
#include "core/sigv4.h"
#include "service/iam.h"
#include "support/folder.h"

enum { ARENA_MAX = 16 << 20, ANSWER_MAX = 4 << 20 };

struct door_world world;

static void on_change(void *arg, enum vch_change_kind kind, struct vch_str key) {
    (void)arg;
    if (!world.door) return;
    if (kind == VCH_CHANGE_USER) vch_iam_changed(world.iam, key);
    if (kind == VCH_CHANGE_ROLE) vch_iam_role_changed(world.iam, key);
    vch_events_changed(world.events, kind, key);
}

static void on_accept(struct vch_conn *conn, void *arg) {
    (void)arg;
    assert_int_equal(vch_http_attach(conn, vch_http_door_attachment(world.door)), VCH_OK);
}

static void metrics(void *arg, struct vch_buf *out) {
    (void)arg;
    vch_buf_c(out, "# HELP vouch_test one\n# TYPE vouch_test counter\nvouch_test 1\n# HELP vouch_test_more two\n# TYPE vouch_test_more gauge\n"
                   "vouch_test_more{a=\"b\"} 2\nvouch_test_more{a=\"c\"} 3\n");
}

static void clock_moved(void *arg, int64_t delta_ms) {
    (void)arg;
    world.clock_moved_ms += delta_ms;
}

static void service_start(void) {
    char url[128], path[128];
    (void)snprintf(url, sizeof url, "sqlite:%s/registry.db", world.folder);
    (void)snprintf(path, sizeof path, "%s/admin.json", world.folder);
    const struct vch_store_options options = {.url = url, .on_change = on_change};
    world.service.site = (struct vch_site){VCH_STR("aws"), VCH_STR("us-east-1"), VCH_STR(ACCOUNT)};
    world.service.endpoint_host = VCH_STR("vouch.example");
    world.service.root_pem = VCH_STR("-----BEGIN CERTIFICATE-----\n");
    assert_int_equal(vch_store_open(&options, &world.service.store, NULL), VCH_OK);
    assert_int_equal(vch_service_init_admin(&world.service, path, NULL), VCH_OK);
}

static void admin_read(void) {
    static char key_id[64], secret[64];
    const struct vch_val_limits limits = VCH_VAL_LIMITS_DEFAULT;
    char path[128];
    struct vch_buf buf;
    struct vch_str text;
    struct vch_val *val = NULL;
    (void)snprintf(path, sizeof path, "%s/admin.json", world.folder);
    vch_buf_init(&buf, 4096);
    assert_int_equal(vch_file_read(path, &buf, NULL), VCH_OK);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_int_equal(vch_json_decode(text, &limits, world.arena, &val, NULL), VCH_OK);
    assert_true(vch_str_copy(key_id, sizeof key_id, vch_val_str_at(val, "accessKeyId")));
    assert_true(vch_str_copy(secret, sizeof secret, vch_val_str_at(val, "secretAccessKey")));
    world.key_id = vch_str_from(key_id);
    world.secret = vch_str_from(secret);
    vch_buf_deinit(&buf);
}

static void door_start(void) {
    world.faults = vch_faults_new();
    assert_non_null(world.faults);
    assert_int_equal(vch_iam_new(&world.service, &world.iam), VCH_OK);
    const struct vch_events_options events = {
        .service = &world.service, .pool = world.pool, .iam = world.iam, .beat_ms = DOOR_BEAT_MS};
    assert_int_equal(vch_events_new(&events, &world.events), VCH_OK);
    const struct vch_http_door_options options = {.service = &world.service,
                                                  .pool = world.pool,
                                                  .iam = world.iam,
                                                  .events = world.events,
                                                  .version = "9.9.9",
                                                  .faults = world.faults,
                                                  .metrics = metrics,
                                                  .clock_moved = clock_moved};
    assert_int_equal(vch_http_door_new(&options, &world.door), VCH_OK);
}

int door_world_setup(void **state) {
    (void)state;
    memset(&world, 0, sizeof world);
    folder_make(world.folder);
    world.arena = vch_arena_new(ARENA_MAX, true);
    service_start();
    admin_read();
    assert_int_equal(vch_loop_new(0, &world.loop), VCH_OK);
    assert_int_equal(vch_pool_new(2, 64, &world.pool), VCH_OK);
    door_start();
    struct vch_listener_options listening = {.connections_max = 64, .on_accept = on_accept};
    assert_int_equal(vch_listen(VCH_STR("127.0.0.1:0"), &listening.fd, &world.port, NULL), VCH_OK);
    assert_int_equal(vch_listener_new(world.loop, &listening, &world.listener), VCH_OK);
    assert_int_equal(vch_loop_start(world.loop), VCH_OK);
    return 0;
}

int door_world_teardown(void **state) {
    (void)state;
    vch_pool_stop(world.pool); /* the loop is still there for the last answers, and they may ask the pool */
    vch_loop_stop(world.loop);
    vch_loop_join(world.loop);
    vch_pool_free(world.pool);
    vch_listener_free(world.listener);
    vch_loop_free(world.loop);
    vch_store_close(world.service.store);
    vch_http_door_free(world.door);
    vch_events_free(world.events);
    vch_iam_free(world.iam);
    vch_faults_free(world.faults);
    vch_clock_advance(-vch_clock_offset_ms());
    vch_arena_free(world.arena);
    folder_remove(world.folder);
    return 0;
}

/* ---- requests ---- */

static const char *or_else(const char *text, const char *otherwise) {
    return text ? text : otherwise;
}

static void signature_write(const struct door_ask *ask, struct vch_buf *out) {
    struct vch_sigv4_header headers[4];
    size_t count = 0;
    char date[17];
    struct vch_buf value;
    struct vch_str text;
    int64_t now_ms = vch_now_ms() + ask->skew_ms;
    vch_time_basic(now_ms, date);
    headers[count++] = (struct vch_sigv4_header){VCH_STR("host"), VCH_STR("localhost")};
    headers[count++] = (struct vch_sigv4_header){VCH_STR("x-amz-date"), vch_str_from(date)};
    if (ask->body && ask->body[0]) headers[count++] = (struct vch_sigv4_header){VCH_STR("content-type"), VCH_STR("application/json")};
    if (ask->header) headers[count++] = (struct vch_sigv4_header){vch_str_from(ask->header), vch_str_from(ask->header_value)};
    for (size_t i = 1; i < count; i++)
        vch_buf_printf(out, "%.*s: %.*s\r\n", VCH_STR_ARG(headers[i].name), VCH_STR_ARG(headers[i].value));
    if (ask->key_id && !ask->key_id[0]) return;
    const struct vch_sigv4_request request = {.method = vch_str_from(ask->method),
                                              .path = vch_str_from(ask->path),
                                              .query = vch_str_from(ask->query),
                                              .headers = headers,
                                              .header_count = count,
                                              .body = vch_str_from(ask->body)};
    vch_buf_init(&value, 4096);
    assert_int_equal(vch_sigv4_sign(&request, ask->key_id ? vch_str_from(ask->key_id) : world.key_id,
                                    ask->secret ? vch_str_from(ask->secret) : world.secret,
                                    vch_str_from(or_else(ask->region, "us-east-1")), vch_str_from(or_else(ask->service, "iot")), now_ms, &value),
                     VCH_OK);
    assert_int_equal(vch_buf_finish(&value, &text), VCH_OK);
    vch_buf_printf(out, "Authorization: %.*s\r\n", VCH_STR_ARG(text));
    vch_buf_deinit(&value);
}

static void request_write(const struct door_ask *ask, struct vch_buf *out) {
    const char *body = ask->tamper_body ? ask->tamper_body : or_else(ask->body, "");
    vch_buf_printf(out, "%s %s%s%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %zu\r\n", ask->method, ask->path,
                   ask->query ? "?" : "", or_else(ask->query, ""), strlen(body));
    signature_write(ask, out);
    if (ask->late_header) vch_buf_printf(out, "%s\r\n", ask->late_header);
    vch_buf_c(out, "\r\n");
    vch_buf_c(out, body);
}

static struct vch_str receive_all(struct vch_dial *dial) {
    struct vch_buf buf;
    struct vch_str text;
    char chunk[4096];
    size_t len = 0;
    vch_buf_init(&buf, ANSWER_MAX);
    while (vch_dial_recv(dial, chunk, sizeof chunk, &len, vch_mono_ms() + 10000) == VCH_OK) vch_buf_bytes(&buf, chunk, len);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    text = vch_arena_str(world.arena, text);
    vch_buf_deinit(&buf);
    return text;
}

static struct door_answer answer_read(struct vch_str text) {
    struct door_answer answer = {0};
    const struct vch_val_limits limits = VCH_VAL_LIMITS_DEFAULT;
    const char *end = text.ptr ? strstr(text.ptr, "\r\n\r\n") : NULL;
    if (!end) fail_msg("no answer: %.*s", VCH_STR_ARG(text));
    answer.head = vch_str_sub(text, 0, (size_t)(end - text.ptr) + 2);
    answer.body = vch_str_sub(text, (size_t)(end - text.ptr) + 4, text.len);
    assert_int_equal(sscanf(text.ptr, "HTTP/1.1 %d", &answer.status), 1);
    if (vch_json_decode(answer.body, &limits, world.arena, &answer.json, NULL) != VCH_OK) answer.json = NULL;
    return answer;
}

struct vch_dial *door_open(const struct door_ask *ask) {
    const struct vch_dial_options options = {.host = VCH_STR("127.0.0.1"), .port = world.port, .deadline_ms = vch_mono_ms() + 10000};
    struct vch_dial *dial = NULL;
    struct vch_buf buf;
    struct vch_str bytes;
    vch_buf_init(&buf, ANSWER_MAX);
    request_write(ask, &buf);
    assert_int_equal(vch_buf_finish(&buf, &bytes), VCH_OK);
    assert_int_equal(vch_dial_open(&options, &dial, NULL), VCH_OK);
    assert_int_equal(vch_dial_send(dial, bytes, vch_mono_ms() + 10000), VCH_OK);
    vch_buf_deinit(&buf);
    return dial;
}

struct door_answer door_send(const struct door_ask *ask) {
    struct vch_dial *dial = door_open(ask);
    struct vch_str text = receive_all(dial);
    vch_dial_close(dial);
    return answer_read(text);
}

struct door_answer door_call_as(enum vch_op op, const char *inputs, const char *key_id, const char *secret) {
    struct vch_shape_request request;
    const struct vch_val_limits limits = VCH_VAL_LIMITS_DEFAULT;
    struct vch_val *in = NULL;
    struct vch_diag diag = {0};
    struct vch_str copy = vch_arena_str(world.arena, vch_str_from(inputs));
    char *at = (char *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i < copy.len; i++)
        if (at[i] == '\'') at[i] = '"';
    assert_int_equal(vch_json_decode(copy, &limits, world.arena, &in, NULL), VCH_OK);
    if (vch_shape_request(op, in, world.arena, &request, &diag) != VCH_OK) fail_msg("%s: %s", inputs, diag.message);
    struct door_ask ask = {.method = request.method,
                           .path = request.path.ptr,
                           .query = request.query.len ? request.query.ptr : NULL,
                           .body = request.body.ptr,
                           .key_id = key_id,
                           .secret = secret};
    for (size_t i = 0; i < request.header_count; i++) {
        if (vch_str_eq_c(request.headers[i].name, "content-type")) continue;
        ask.header = request.headers[i].name.ptr;
        ask.header_value = request.headers[i].value.ptr;
    }
    return door_send(&ask);
}

struct door_answer door_call(enum vch_op op, const char *inputs) {
    return door_call_as(op, inputs, NULL, NULL);
}

struct vch_str door_header(const struct door_answer *answer, const char *name) {
    struct vch_str rest = answer->head, line;
    while (vch_str_split(&rest, '\n', &line)) {
        size_t colon = vch_str_find(line, ':', 0);
        if (colon != SIZE_MAX && vch_str_ieq(vch_str_sub(line, 0, colon), vch_str_from(name)))
            return vch_str_trim(vch_str_sub(line, colon + 1, line.len));
    }
    return (struct vch_str){NULL, 0};
}

void door_refused(const struct door_answer *answer, int status, const char *error) {
    struct vch_str type = door_header(answer, "x-amzn-ErrorType");
    if (answer->status != status || !vch_str_eq_c(type, error))
        fail_msg("%d %.*s, want %d %s: %.*s", answer->status, VCH_STR_ARG(type), status, error, VCH_STR_ARG(answer->body));
    assert_int_equal(door_header(answer, "x-amzn-RequestId").len, 36);
    assert_true(vch_val_str_at(answer->json, "message").len > 0);
}
