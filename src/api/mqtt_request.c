/* A PUBLISH on a provisioning topic: topic to operation, payload to a checked
 * document, a worker runs the use case, the answer goes to the publishing
 * connection alone, whether or not it subscribed. */
#include <stdlib.h>
#include <string.h>

#include "api/errors.h"
#include "api/hook_wait_priv.h"
#include "api/mqtt_peer_priv.h"
#include "service/refusals.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "core/names.h"
#include "core/reason.h"
#include "core/topic.h"
#include "service/claim_watch.h"

enum { REQUEST_MAX = 16384, ANSWER_MAX = 131072, ARENA_MAX = 1 << 20 };

static const struct {
    const char *name; /* as AWS calls it */
    vch_use_case *run;
} operations[] = {
    [VCH_PROV_CREATE_KEYS] = {"CreateKeysAndCertificate", vch_uc_claim_keys},
    [VCH_PROV_CREATE_FROM_CSR] = {"CreateCertificateFromCsr", vch_uc_claim_csr},
    [VCH_PROV_REGISTER_THING] = {"RegisterThing", vch_uc_register_thing_fleet},
};
_Static_assert(sizeof operations / sizeof *operations == VCH_PROV_REGISTER_THING + 1, "a use case for every operation");

struct request {
    struct vch_mqtt_door *door;
    struct vch_mqtt_ref ref;
    struct vch_prov_topic topic; /* views into topic_text */
    char topic_text[VCH_TOPIC_MAX + 16];
    char peer_id[65];
    char source_ip[64];
    char client_id[VCH_CLIENT_ID_MAX + 1];
    char template_name[40]; /* of the claim */
    char serial[VCH_REFUSAL_SERIAL]; /* SerialNumber, if the device gave one */
    bool claim;
    int64_t started_us;
    struct vch_str payload; /* owned, wiped */
    struct vch_hook_wait wait;
    struct vch_fault fault; /* that a test asked for */
    struct request *next_late, **late_link; /* while its answer is kept back */
    struct vch_timer late;
    /* the worker's answer */
    enum vch_err err;
    struct vch_diag diag;
    struct vch_buf answer;
};

static void drop(struct request *r) {
    if (r->payload.ptr) vch_wipe((void *)(uintptr_t)r->payload.ptr, r->payload.len);
    free((void *)(uintptr_t)r->payload.ptr);
    vch_hook_turn_deinit(&r->wait.turn);
    vch_timer_deinit(&r->late);
    vch_buf_deinit(&r->answer);
    free(r);
}

/* ---- on a worker -------------------------------------------------------- */

static enum vch_err invalid(struct vch_diag *diag, const char *field, const char *sentence) {
    return VCH_REFUSE(diag, VCH_ERR_MALFORMED, PAYLOAD_INVALID, field, "%s", sentence);
}

static enum vch_err decode_payload(struct request *r, struct vch_arena *arena, struct vch_val **ret) {
    *ret = vch_val_new_map(arena);
    if (!*ret) return VCH_ERR_NOMEM;
    if (r->payload.len > REQUEST_MAX)
        return VCH_REFUSE(&r->diag, VCH_ERR_TOO_LARGE, PAYLOAD_TOO_LARGE, "", "The payload is larger than %d bytes.", REQUEST_MAX);
    if (r->payload.len == 0) return VCH_OK;
    struct vch_val_limits limits = {.depth = 8, .values = 2000};
    struct vch_diag why = {0};
    enum vch_err err = r->topic.format == VCH_PROV_CBOR ? vch_cbor_decode(r->payload, &limits, arena, ret, &why)
                                                        : vch_json_decode(r->payload, &limits, arena, ret, &why);
    if (err == VCH_ERR_NOMEM) return err;
    if (err != VCH_OK) return invalid(&r->diag, "", why.message);
    return (*ret)->type == VCH_VAL_MAP ? VCH_OK : invalid(&r->diag, "", "The payload is not an object.");
}

/* Known members of the right type; all others are ignored, as AWS does. */
static enum vch_err pick_inputs(struct request *r, const struct vch_val *payload, struct vch_arena *arena, struct vch_val *in) {
    static const struct {
        const char *name;
        enum vch_val_type type;
        const char *sentence;
    } known[] = {
        {"certificateSigningRequest", VCH_VAL_STR, "certificateSigningRequest must be a string."},
        {"certificateOwnershipToken", VCH_VAL_STR, "certificateOwnershipToken must be a string."},
        {"parameters", VCH_VAL_MAP, "parameters must be an object."},
    };
    VCH_TRY(vch_val_put_str(arena, in, "templateName", r->topic.template_name));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct vch_val *given = vch_val_get(payload, known[i].name);
        if (!given || given->type == VCH_VAL_NULL) continue;
        if (given->type != known[i].type) return invalid(&r->diag, known[i].name, known[i].sentence);
        struct vch_val *slot = vch_val_put(arena, in, known[i].name);
        if (!slot) return VCH_ERR_NOMEM;
        *slot = *given;
    }
    return VCH_OK;
}

static struct vch_caller caller_of(const struct request *r) {
    return (struct vch_caller){
        .kind = r->claim ? VCH_CALLER_CLAIM : VCH_CALLER_DEVICE,
        .certificate_id = vch_str_from(r->peer_id),
        .template_name = vch_str_from(r->template_name),
        .source_ip = vch_str_from(r->source_ip),
        .client_id = vch_str_from(r->client_id),
    };
}

static enum vch_err gather(struct request *r, struct vch_arena *arena, struct vch_val *in) {
    struct vch_val *payload;
    VCH_TRY(decode_payload(r, arena, &payload));
    return pick_inputs(r, payload, arena, in);
}

static enum vch_err run(struct request *r, struct vch_arena *arena, struct vch_val **ret_out) {
    struct vch_val *in = vch_val_new_map(arena);
    *ret_out = vch_val_new_map(arena);
    if (!in || !*ret_out) return VCH_ERR_NOMEM;
    enum vch_err err = gather(r, arena, in);
    (void)vch_str_copy(r->serial, sizeof r->serial, vch_val_str_at(vch_val_get(in, "parameters"), "SerialNumber"));
    struct vch_call call = {
        .service = r->door->service,
        .arena = arena,
        .caller = caller_of(r),
        .now_ms = vch_now_ms(),
        .in = in,
        .raw = r->payload,
        .out = *ret_out,
        .diag = &r->diag,
        .hook = &r->wait.turn,
    };
    if (err == VCH_OK) err = operations[r->topic.op].run(&call);
    if (err != VCH_OK && err != VCH_ERR_WAITING) vch_provisioning_refused(&call, operations[r->topic.op].name, err);
    return err;
}

static enum vch_err rejection(const struct request *r, struct vch_arena *arena, struct vch_val **ret) {
    *ret = vch_val_new_map(arena);
    if (!*ret) return VCH_ERR_NOMEM;
    /* All three, always: a shipped client crashes when one is missing. */
    struct vch_api_error error = vch_api_error_of(r->err, &r->diag);
    VCH_TRY(vch_val_put_int(arena, *ret, "statusCode", error.mqtt_status));
    VCH_TRY(vch_val_put_str(arena, *ret, "errorCode", vch_str_from(error.mqtt_code)));
    char text[VCH_API_ERROR_TEXT];
    vch_api_error_text(r->err, &r->diag, text);
    struct vch_str message = vch_arena_str(arena, vch_str_from(text));
    return message.ptr ? vch_val_put_str(arena, *ret, "errorMessage", message) : VCH_ERR_NOMEM;
}

static void encode(const struct request *r, const struct vch_val *val, struct vch_buf *buf) {
    vch_buf_clear(buf);
    if (r->topic.format == VCH_PROV_CBOR) vch_cbor_encode(val, buf);
    else vch_json_encode(val, buf);
}

/* True when a fault refuses the request before anything is done. */
static bool refuse_for_test(struct request *r) {
    r->fault = vch_faults_take(r->door->faults, operations[r->topic.op].name, vch_str_from(r->client_id));
    if (r->fault.kind == VCH_FAULT_THROTTLE)
        r->err = VCH_REFUSE(&r->diag, VCH_ERR_THROTTLED, RATE_EXCEEDED, "", "Rate exceeded");
    if (r->fault.kind == VCH_FAULT_HOOK_TIMEOUT)
        r->err = VCH_REFUSE(&r->diag, VCH_ERR_DENIED, HOOK_TIMEOUT, "", "The pre-provisioning hook did not answer in time.");
    if (r->fault.kind == VCH_FAULT_INTERNAL) r->err = VCH_REFUSE(&r->diag, VCH_ERR_INTERNAL, INTERNAL, "", "A test asked for this fault.");
    if (r->fault.kind == VCH_FAULT_UNAVAILABLE) r->err = VCH_REFUSE(&r->diag, VCH_ERR_UNAVAILABLE, STORE_FAILED, "", "A test asked for this fault.");
    return r->err != VCH_OK;
}

static void encode_rejection(struct request *r, struct vch_arena *arena) {
    struct vch_val *out;
    if (rejection(r, arena, &out) == VCH_OK) encode(r, out, &r->answer);
}

/* Whether registrations of its template have waited for a hook: then they come behind those that need none. Templates
 * that share a mark come behind too, and nothing else. */
static _Atomic bool *waiting_mark(const struct request *r) {
    return &r->door->waiting_marks[vch_hash(r->topic.template_name) % VCH_WAITING_MARKS];
}

static void mark_waiting(const struct request *r, bool waits) {
    if (r->topic.op == VCH_PROV_REGISTER_THING) atomic_store_explicit(waiting_mark(r), waits, memory_order_relaxed);
}

/* False: it waits for a hook's answer, and is somebody else's by now. */
static bool answer(struct request *r, struct vch_arena *arena) {
    struct vch_val *out = NULL;
    bool refused = !r->wait.turn.answered && refuse_for_test(r);
    if (!refused) r->err = run(r, arena, &out);
    bool waits = r->err == VCH_ERR_WAITING;
    if (waits || (r->err == VCH_OK && !r->wait.turn.answered)) mark_waiting(r, waits);
    if (r->err == VCH_ERR_WAITING) {
        if (vch_hook_wait_begin(&r->wait)) return false;
        r->err = run(r, arena, &out);
    }
    if (r->err == VCH_OK) encode(r, out, &r->answer);
    if (r->err == VCH_OK && r->answer.failed) r->err = VCH_ERR_INTERNAL;
    if (r->err != VCH_OK) encode_rejection(r, arena);
    return true;
}

static void log_request(const struct request *r) {
    VCH_LOG(INFO, "provisioning", VCH_LOG_C("operation", operations[r->topic.op].name),
            VCH_LOG_C("result", r->err == VCH_OK ? "accepted" : "rejected"),
            VCH_LOG_C("reason", r->err == VCH_OK ? "ok" : vch_api_error_reason(r->err, &r->diag)),
            VCH_LOG_C(r->claim ? "claim" : "certificate", r->peer_id), VCH_LOG_C("client", r->client_id),
            VCH_LOG_C("ip", r->source_ip), VCH_LOG_S("template", r->topic.template_name.len ? r->topic.template_name : vch_str_from(r->template_name)),
            VCH_LOG_C("detail", r->diag.message), VCH_LOG_I("us", vch_mono_us() - r->started_us),
            VCH_LOG_I("hook_us", r->wait.turn.duration_us));
}

/* Not in the answer: the device is a stranger to the hook. */
static void log_hook(const struct request *r) {
    if (r->wait.turn.said[0])
        VCH_LOG(WARN, "hook-said", VCH_LOG_C("client", r->client_id), VCH_LOG_S("template", r->topic.template_name), VCH_LOG_C("said", r->wait.turn.said));
}

static void tell_refused(const struct request *r) {
    const struct vch_refusal refusal = {.what = VCH_REFUSED_PROVISION,
                                        .reason = vch_api_error_reason(r->err, &r->diag),
                                        .client_id = vch_str_from(r->client_id),
                                        .certificate_id = vch_str_from(r->peer_id),
                                        .serial = vch_str_from(r->serial),
                                        .source_ip = vch_str_from(r->source_ip),
                                        .resource = vch_str_from(operations[r->topic.op].name),
                                        .statement = -1,
                                        .message = vch_str_from(r->diag.message),
                                        .hook_said = vch_str_from(r->wait.turn.said),
                                        .time_ms = vch_now_ms()};
    vch_refusals_tell(r->door->service->refusals, &refusal);
}

static void finish(void *arg);

static void settle(struct request *r) {
    atomic_fetch_add(r->err == VCH_OK ? &r->door->provisioning_accepted : &r->door->provisioning_rejected, 1);
    vch_histogram_add(&r->door->provision_us, vch_mono_us() - r->started_us);
    if (r->err != VCH_OK) tell_refused(r);
    log_request(r);
    log_hook(r);
    if (!vch_loop_post(r->ref.loop, finish, r)) drop(r);
}

static void work(void *arg) {
    struct request *r = arg;
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, true);
    bool answered = true;
    if (arena) answered = answer(r, arena);
    else r->err = VCH_ERR_NOMEM;
    vch_arena_free(arena);
    if (answered) settle(r);
}

/* The hook's answer came when no worker takes anything more. */
static void lose(void *arg) {
    struct request *r = arg;
    struct vch_arena *arena = vch_arena_new(65536, false);
    r->err = VCH_ERR_UNAVAILABLE;
    if (arena) encode_rejection(r, arena);
    vch_arena_free(arena);
    settle(r);
}

/* ---- back on the loop --------------------------------------------------- */

/* A registered device needs iot:Receive on the answer's topic like on any other. */
static bool may_receive(struct vch_mqtt_session *session, struct vch_str topic) {
    const struct vch_peer *peer = vch_peer_of(session);
    if (peer->claim) return true;
    struct vch_authz_ask ask = vch_peer_ask(session);
    ask.action = "iot:Receive";
    ask.resource_type = "topic";
    ask.name = topic;
    return vch_authz_eval(&ask) == VCH_VERDICT_ALLOW;
}

static void tell(void *arg) {
    struct request *r = arg;
    struct vch_mqtt_session *session = vch_mqtt_find(r->door->broker, r->ref);
    struct vch_peer *peer = session ? vch_peer_of(session) : NULL;
    struct vch_str payload;
    if (peer) {
        peer->requests--;
        size_t len = strlen(r->topic_text);
        const char *leaf = r->err == VCH_OK ? "/accepted" : "/rejected";
        memcpy(r->topic_text + len, leaf, strlen(leaf) + 1);
        struct vch_str topic = vch_str_from(r->topic_text);
        bool dropped = r->fault.kind == VCH_FAULT_DROP;
        bool sent = !dropped && vch_buf_finish(&r->answer, &payload) == VCH_OK && payload.len && may_receive(session, topic) &&
                    vch_mqtt_send(session, topic, payload) == VCH_OK;
        if (!sent) VCH_LOG(WARN, "provisioning-answer-lost", VCH_LOG_C("client", r->client_id), VCH_LOG_S("topic", topic));
    }
    drop(r);
}

/* ---- answers that a test wants late: kept until then, or until the door closes */

static void keep_late(struct request *r) {
    struct vch_mqtt_door *door = r->door;
    (void)pthread_mutex_lock(&door->late_lock);
    r->next_late = door->late;
    r->late_link = &door->late;
    if (r->next_late) r->next_late->late_link = &r->next_late;
    door->late = r;
    (void)pthread_mutex_unlock(&door->late_lock);
}

static void tell_late(void *arg) {
    struct request *r = arg;
    (void)pthread_mutex_lock(&r->door->late_lock);
    *r->late_link = r->next_late;
    if (r->next_late) r->next_late->late_link = r->late_link;
    (void)pthread_mutex_unlock(&r->door->late_lock);
    tell(r);
}

void vch_door_drop_late(struct vch_mqtt_door *door) {
    while (door->late) {
        struct request *r = door->late;
        door->late = r->next_late;
        drop(r);
    }
}

static void finish(void *arg) {
    struct request *r = arg;
    if (r->fault.kind != VCH_FAULT_DELAY || vch_timer_init(r->ref.loop, &r->late, tell_late, r) != VCH_OK) {
        tell(r);
        return;
    }
    keep_late(r);
    vch_timer_set(&r->late, r->fault.delay_ms);
}

/* ---- leaving the loop --------------------------------------------------- */

static bool copy_payload(struct request *r, struct vch_str payload) {
    /* What is too large is refused by the worker; its bytes are not needed for that. */
    size_t keep = payload.len > REQUEST_MAX ? REQUEST_MAX + 1 : payload.len;
    char *copy = malloc(keep + 1);
    if (!copy) return false;
    if (keep) memcpy(copy, payload.ptr, keep);
    r->payload = vch_str_of(copy, keep);
    return true;
}

static struct request *new_request(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet) {
    struct request *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    const struct vch_peer *peer = vch_peer_of(session);
    struct vch_conn *conn = vch_mqtt_session_conn(session);
    r->door = peer->door;
    r->ref = vch_mqtt_session_ref(session);
    r->started_us = vch_mono_us();
    r->wait = (struct vch_hook_wait){.hooks = r->door->service->hooks, .pool = r->door->pool, .resume = work, .lost = lose, .arg = r};
    r->claim = peer->claim;
    vch_buf_init_secret(&r->answer, ANSWER_MAX);
    (void)vch_str_copy(r->topic_text, VCH_TOPIC_MAX + 1, packet->topic);
    (void)vch_str_copy(r->peer_id, sizeof r->peer_id, vch_str_from(vch_conn_peer_id(conn)));
    (void)vch_str_copy(r->source_ip, sizeof r->source_ip, vch_str_from(vch_conn_peer_ip(conn)));
    (void)vch_str_copy(r->client_id, sizeof r->client_id, vch_mqtt_session_client_id(session));
    (void)vch_str_copy(r->template_name, sizeof r->template_name, vch_str_from(peer->template_name));
    r->topic = vch_prov_topic_parse(vch_str_from(r->topic_text));
    if (copy_payload(r, packet->payload)) return r;
    drop(r);
    return NULL;
}

static enum vch_err submit_request(struct request *r) {
    bool behind = r->topic.op == VCH_PROV_REGISTER_THING && atomic_load_explicit(waiting_mark(r), memory_order_relaxed);
    return behind ? vch_pool_submit_behind(r->door->pool, work, r) : vch_pool_submit(r->door->pool, work, r);
}

static void refuse_busy(struct vch_mqtt_session *session, struct request *r, enum vch_err err, const char *sentence) {
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_val *out;
    r->err = VCH_REFUSE(&r->diag, err, RATE_EXCEEDED, "", "%s", sentence);
    if (arena && rejection(r, arena, &out) == VCH_OK) encode(r, out, &r->answer);
    vch_arena_free(arena);
    vch_peer_of(session)->requests++; /* finish takes it back */
    log_request(r);
    finish(r);
}

void vch_door_taken(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet) {
    (void)arg;
    struct vch_peer *peer = vch_peer_of(session);
    if (peer->discard) return;
    struct request *r = new_request(session, packet);
    if (!r) {
        struct vch_diag diag = {0};
        (void)VCH_REFUSE(&diag, VCH_ERR_NOMEM, INTERNAL, "", "The server is out of memory.");
        vch_mqtt_close(session, &diag);
        return;
    }
    if (peer->requests >= VCH_PEER_REQUESTS_MAX) {
        refuse_busy(session, r, VCH_ERR_THROTTLED, "Too many provisioning requests are under way on this connection.");
        return;
    }
    if (submit_request(r) != VCH_OK) {
        refuse_busy(session, r, VCH_ERR_UNAVAILABLE, "The server is busy; try again.");
        return;
    }
    peer->requests++;
}
