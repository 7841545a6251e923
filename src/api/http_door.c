#include "api/http_door.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/browser_priv.h"
#include "api/errors.h"
#include "api/events_priv.h"
#include "api/faults.h"
#include "api/http_job_priv.h"
#include "api/oidc_priv.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "core/names.h"
#include "core/reason.h"
#include "service/access_key.h"
#include "service/rights.h"

enum { JOB_ARENA_MAX = 32 << 20, BODY_MAX = 256 * 1024 };

/* ---- the answer: on the loop ---- */

static void count(struct vch_http_door *door, enum vch_op op, int64_t us, int status) {
    atomic_fetch_add(&door->requests, 1);
    if (op != VCH_OP_NONE) vch_histogram_add(&door->latency[op], us);
    if (status >= 500)
        atomic_fetch_add(&door->failed, 1);
    else if (status >= 400)
        atomic_fetch_add(&door->refused, 1);
}

static void log_line(const struct vch_http_job *job) {
    const char *operation = job->websocket ? "WebSocket" : job->op == VCH_OP_NONE ? "-" : vch_op_row(job->op)->name;
    const struct vch_log_field fields[] = {
        VCH_LOG_C("op", operation),
        VCH_LOG_S("method", job->request->method),
        VCH_LOG_S("path", job->request->path),
        VCH_LOG_I("status", job->status),
        VCH_LOG_C("reason", job->error_type ? job->diag.reason : "ok"),
        VCH_LOG_C("error", job->error_type ? job->error_type : "-"),
        VCH_LOG_C("message", job->error_type ? job->diag.message : ""),
        VCH_LOG_S("user", job->caller.kind == VCH_CALLER_ROLE ? job->caller.arn : job->caller.user_name),
        VCH_LOG_S("key", job->caller.kind == VCH_CALLER_DEVICE ? job->caller.certificate_id : job->caller.access_key_id),
        VCH_LOG_C("peer", job->request->peer_ip),
        VCH_LOG_C("request", job->request_id),
        VCH_LOG_I("us", vch_mono_us() - job->begun_us),
        VCH_LOG_S("lint", job->lint_words), /* last: only when there is one */
    };
    size_t count = sizeof fields / sizeof *fields - (job->lint_words.len ? 0 : 1);
    enum vch_log_level level = job->status >= 500 ? VCH_LOG_ERROR : job->error_type ? VCH_LOG_WARN : VCH_LOG_INFO;
    if (job->op != VCH_OP_NONE && vch_op_row(job->op)->scope == VCH_SCOPE_PUBLIC && !job->error_type && !vch_oidc_is(job->op)) level = VCH_LOG_DEBUG;
    if (vch_log_enabled(level)) vch_log_write(level, "http", fields, count);
}

static void job_free(struct vch_http_job *job) {
    if (job->stream) vch_event_stream_drop(job->stream);
    vch_oidc_job_end(job);
    vch_hook_turn_deinit(&job->wait.turn);
    vch_buf_deinit(&job->body);
    vch_wipe(&job->grant, sizeof job->grant);
    vch_iam_principal_unref(job->principal);
    vch_arena_free(job->arena);
    free(job);
}

void vch_http_job_free(struct vch_http_job *job) {
    job_free(job);
}

/* A body that did not fit is an error of ours; the second try is small. */
static struct vch_str body_of(struct vch_http_job *job) {
    struct vch_str body = {NULL, 0};
    if (vch_buf_finish(&job->body, &body) == VCH_OK) return body;
    vch_diag_clear(&job->diag);
    vch_http_answer_error(job, VCH_ERR_NOMEM, NULL);
    if (vch_buf_finish(&job->body, &body) != VCH_OK) body = (struct vch_str){NULL, 0};
    return body;
}

static void reply(struct vch_http_job *job) {
    struct vch_http_header headers[8 + VCH_HTTP_EXTRA_MAX];
    size_t n = 0;
    struct vch_str body = body_of(job);
    /* Files of the console are many and all alike. */
    if (!vch_page_file_of(job)) headers[n++] = (struct vch_http_header){VCH_STR("x-amzn-RequestId"), vch_str_from(job->request_id)};
    headers[n++] = (struct vch_http_header){VCH_STR("cache-control"), vch_str_from(job->cache_control ? job->cache_control : "no-store")};
    headers[n++] = (struct vch_http_header){VCH_STR("x-content-type-options"), VCH_STR("nosniff")};
    headers[n++] = (struct vch_http_header){VCH_STR("content-security-policy"), vch_str_from(job->security_policy ? job->security_policy : "default-src 'none'; frame-ancestors 'none'")};
    if (job->error_type) {
        headers[n++] = (struct vch_http_header){VCH_STR("x-amzn-ErrorType"), vch_str_from(job->error_type)};
        headers[n++] = (struct vch_http_header){VCH_STR("x-vouch-reason"), vch_str_from(job->diag.reason)};
    }
    if (job->lint_header.len) headers[n++] = (struct vch_http_header){VCH_STR("x-vouch-lint"), job->lint_header};
    for (size_t i = 0; i < job->extra_count; i++) headers[n++] = job->extra[i];
    struct vch_http_answer answer = {
        .status = job->status, .content_type = job->content_type, .headers = headers, .header_count = n, .body = body};
    count(job->door, job->op, vch_mono_us() - job->begun_us, job->status);
    log_line(job);
    if (job->stream && !job->error_type) {
        vch_event_stream_begin(job, &answer);
        return;
    }
    vch_http_reply(job->exchange, &answer);
    job_free(job);
}

static void reply_posted(void *arg) {
    reply(arg);
}

/* ---- the work: on a worker ---- */

static enum vch_err gather(struct vch_http_job *job, struct vch_val **ret) {
    const struct vch_http_request *r = job->request;
    if (job->query) return vch_sts_gather(job, ret);
    struct vch_shape_header *headers = vch_arena_array(job->arena, r->header_count ? r->header_count : 1, sizeof *headers);
    if (!headers) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < r->header_count; i++)
        headers[i] = (struct vch_shape_header){r->headers[i].name, r->headers[i].value};
    const struct vch_shape_wire wire = {.captures = &job->captures,
                                        .query = r->query,
                                        .headers = headers,
                                        .header_count = r->header_count,
                                        .body = r->body};
    return vch_shape_gather(job->op, &wire, job->arena, ret, &job->diag);
}

/* A role that a request names is passed on by the caller. */
static enum vch_err authorize_roles(struct vch_http_job *job, const struct vch_iam_ask *ask, struct vch_diag *diag) {
    for (const struct vch_op_field *f = vch_op_row(job->op)->in; f->name; f++)
        if (f->check == VCH_CHECK_ROLE_ARN)
            VCH_TRY(vch_iam_check_pass(job->door->iam, ask, vch_val_str_at(ask->inputs, f->name), diag));
    return VCH_OK;
}

/* What is no role's ARN is for the check of the form to refuse. */
static enum vch_err authorize_assume(struct vch_http_job *job, const struct vch_iam_ask *ask, struct vch_diag *diag) {
    return vch_role_arn_valid(ask->resource) ? vch_iam_check_assume(job->door->iam, ask, diag) : VCH_OK;
}

static enum vch_err authorize(struct vch_http_job *job, const struct vch_val *gathered, int64_t now_ms, struct vch_diag *diag) {
    const struct vch_op_row *row = vch_op_row(job->op);
    if (row->action[0] == '\0') return VCH_OK;
    if (job->caller.kind == VCH_CALLER_DEVICE) return vch_data_authorize_device(job, gathered, diag);
    struct vch_op_resources resources;
    struct vch_iam_ask ask = {
        .caller = &job->caller,
        .action = vch_str_from(row->action),
        .secure = job->request->secure,
        .now_ms = now_ms,
        .inputs = gathered,
    };
    enum vch_err err = vch_op_resources(job->op, &job->door->options.service->site, gathered, job->arena, &resources);
    if (err == VCH_ERR_TOO_LARGE)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_TOO_LONG, "", "A name or ARN of the request is longer than any resource's.");
    VCH_TRY(err);
    for (size_t i = 0; i < resources.count; i++) {
        ask.resource = resources.item[i];
        if (job->op == VCH_OP_ASSUME_ROLE) return authorize_assume(job, &ask, diag);
        VCH_TRY(vch_iam_check(job->door->iam, &ask, diag));
    }
    /* A bound claim is a claim. */
    ask.action = VCH_STR("iot:CreateProvisioningClaim");
    if (job->op == VCH_OP_CREATE_CLAIM) VCH_TRY(vch_iam_check(job->door->iam, &ask, diag));
    VCH_TRY(vch_pairing_authorize(job, &ask, diag));
    VCH_TRY(vch_data_authorize_retain(job, &ask, diag));
    return authorize_roles(job, &ask, diag);
}

static enum vch_err advance_clock(struct vch_http_job *job, struct vch_call *call) {
    int64_t delta_ms = vch_val_int_at(call->in, "advanceSeconds", 0) * 1000;
    const struct vch_http_door_options *options = &job->door->options;
    vch_clock_advance(delta_ms);
    if (options->clock_moved) options->clock_moved(options->arg, delta_ms);
    return vch_val_put_time(call->arena, call->out, "now", vch_now_ms());
}

static enum vch_err add_fault(struct vch_faults *faults, struct vch_call *call) {
    enum vch_err err = vch_faults_add(faults, call->in, call->arena, call->out);
    if (err != VCH_ERR_LIMIT) return err;
    return VCH_REFUSE(call->diag, err, FAULTS_FULL, "", "At most %d faults may be waiting.", VCH_FAULTS_MAX);
}

static enum vch_err clear_faults(struct vch_faults *faults) {
    vch_faults_clear(faults);
    return VCH_OK;
}

static enum vch_err perform(struct vch_http_job *job, struct vch_call *call) {
    struct vch_faults *faults = job->door->options.faults;
    if (job->op == VCH_OP_ADVANCE_CLOCK) return advance_clock(job, call);
    if (job->op == VCH_OP_CREATE_FAULT) return add_fault(faults, call);
    if (job->op == VCH_OP_LIST_FAULTS) return vch_faults_list(faults, call->arena, call->out);
    if (job->op == VCH_OP_CLEAR_FAULTS) return clear_faults(faults);
    if (job->op == VCH_OP_GET_RIGHTS) return vch_rights(job->door->iam, call);
    if (vch_data_is(job->op)) return vch_data_perform(job, call);
    if (job->op == VCH_OP_WATCH_EVENTS) return vch_event_stream_admit(job->door->options.events, job, call);
    return vch_use_case_of(job->op)(call);
}

/* Behind the permission: who may not do it anyway takes nothing from those who may. */
static enum vch_err throttle(struct vch_http_job *job) {
    if (!job->door->options.service->limits_aws) return VCH_OK;
    struct vch_diag throttled = {0};
    enum vch_err err = vch_quota_take(&job->door->quotas, job->op, vch_mono_us(), &throttled);
    if (err != VCH_OK) job->diag = throttled;
    return err;
}

/* An open operation has no caller, but no other site may have its visitors send one. */
static enum vch_err identify(struct vch_http_job *job, int64_t now_ms) {
    if (vch_op_row(job->op)->scope != VCH_SCOPE_OPEN) return vch_http_authenticate(job, now_ms);
    VCH_TRY(vch_browser_check_site(job));
    if (job->op == VCH_OP_SIGN_IN) vch_browser_look(job, now_ms);
    return VCH_OK;
}

/* Who, whether allowed, whether well formed, then the use case: in this order,
 * so that a stranger learns nothing from the later steps. */
static enum vch_err run_steps(struct vch_http_job *job, struct vch_val *out) {
    int64_t now_ms = vch_now_ms();
    struct vch_val *gathered = NULL, *in = NULL;
    struct vch_diag denied = {0};
    VCH_TRY(identify(job, now_ms));
    enum vch_err form = gather(job, &gathered);
    if (form == VCH_ERR_NOMEM) return form;
    enum vch_err err = authorize(job, gathered, now_ms, &denied);
    if (err != VCH_OK) job->diag = denied;
    if (err != VCH_OK) vch_pairing_unauthorized(job, gathered, err);
    VCH_TRY(err);
    VCH_TRY(throttle(job));
    VCH_TRY(form);
    VCH_TRY(vch_shape_check(job->op, gathered, job->arena, &in, &job->diag));
    struct vch_call call = {.service = job->door->options.service,
                            .arena = job->arena,
                            .caller = job->caller,
                            .now_ms = now_ms,
                            .in = in,
                            .raw = job->request->body,
                            .out = out,
                            .diag = &job->diag,
                            .hook = &job->wait.turn,
                            .pairing = &job->pairing.turn,
                            .web = job->has_web ? &job->web : NULL,
                            .web_grant = &job->grant,
                            .known_browser = vch_browser_known(job),
                            .lint = &job->lint};
    return perform(job, &call);
}

static enum vch_err run_anew(struct vch_http_job *job, struct vch_val **ret_out) {
    *ret_out = vch_val_new_map(job->arena);
    job->pairing.mark = vch_pairing_waits_mark(job->door->pairings);
    return *ret_out ? run_steps(job, *ret_out) : VCH_ERR_NOMEM;
}

/* False: it waits for a hook's answer, and is somebody else's by now. */
static bool run_operation(struct vch_http_job *job) {
    struct vch_val *out;
    enum vch_err err = run_anew(job, &out);
    if (err == VCH_ERR_WAITING && job->pairing.turn.waiting) {
        if (vch_pairing_wait_begin(&job->pairing)) return false;
        job->pairing.turn.over = true;
        err = run_anew(job, &out);
    } else if (err == VCH_ERR_WAITING) {
        if (vch_hook_wait_begin(&job->wait)) return false;
        err = run_anew(job, &out);
    }
    if (err == VCH_OK) vch_http_answer_output(job, out);
    else vch_http_answer_error(job, err, out);
    if (err == VCH_OK) vch_http_tell_lint(job);
    vch_browser_answer(job);
    vch_http_squeeze(job);
    return true;
}

/* What outlives the job: the use is remembered behind the answer's back. */
struct used_key {
    struct vch_service *service;
    char id[129];
    bool web;
    uint8_t session[VCH_WEB_HASH_LEN];
    int64_t now_ms;
};

static struct used_key used_key_of(const struct vch_http_job *job) {
    struct used_key used = {.service = job->door->options.service, .web = job->has_web && job->web.use_due && !job->error_type};
    memcpy(used.session, job->web.hash, sizeof used.session);
    used.now_ms = vch_now_ms();
    if (job->key_use_due) (void)vch_str_copy(used.id, sizeof used.id, job->caller.access_key_id);
    return used;
}

static void remember_use(const struct used_key *used) {
    if (used->id[0]) vch_access_key_used(used->service, vch_str_from(used->id), used->now_ms);
    if (used->web) vch_web_session_used(used->service, used->session, used->now_ms);
}

static void run(void *arg) {
    struct vch_http_job *job = arg;
    if (job->op == VCH_OP_PAGE_READYZ) vch_page_answer(job);
    else if (!(vch_oidc_is(job->op) ? vch_oidc_run(job) : run_operation(job))) return;
    struct used_key used = used_key_of(job);
    /* A loop that has stopped answers nobody; the exchange ends with it. */
    if (!vch_loop_post(vch_http_exchange_loop(job->exchange), reply_posted, job)) job_free(job);
    remember_use(&used);
}

/* The hook's answer came when no worker takes anything more. */
static void lose(void *arg) {
    struct vch_http_job *job = arg;
    vch_http_answer_error(job, VCH_ERR_UNAVAILABLE, NULL);
    if (!vch_loop_post(vch_http_exchange_loop(job->exchange), reply_posted, job)) job_free(job);
}

/* It waited for a pairing until the loops ended: any thread may answer now, and the exchange ends by it. */
static void end(void *arg) {
    struct vch_http_job *job = arg;
    vch_http_answer_error(job, VCH_ERR_UNAVAILABLE, NULL);
    reply(job);
}

/* ---- WebSockets ---- */

static void upgrade_posted(void *arg) {
    struct vch_http_job *job = arg;
    if (job->error_type) {
        reply(job);
        return;
    }
    vch_ws_become(job);
    job_free(job);
}

static void run_upgrade(void *arg) {
    struct vch_http_job *job = arg;
    enum vch_err err = vch_ws_admit(job);
    if (err != VCH_OK) vch_http_answer_error(job, err, NULL);
    struct used_key used = used_key_of(job);
    if (!vch_loop_post(vch_http_exchange_loop(job->exchange), upgrade_posted, job)) job_free(job);
    remember_use(&used);
}

/* ---- arrival: on the loop ---- */

static struct vch_http_job *job_new(struct vch_http_door *door, struct vch_http_exchange *x) {
    struct vch_http_job *job = calloc(1, sizeof *job);
    struct vch_arena *arena = vch_arena_new(JOB_ARENA_MAX, true);
    if (!job || !arena) {
        free(job);
        vch_arena_free(arena);
        return NULL;
    }
    job->door = door;
    job->exchange = x;
    job->request = vch_http_exchange_request(x);
    job->arena = arena;
    job->caller.source_ip = vch_str_from(job->request->peer_ip);
    job->caller.host = vch_http_header_get(job->request, "host");
    job->begun_us = vch_mono_us();
    job->wait = (struct vch_hook_wait){
        .hooks = door->options.service->hooks, .pool = door->options.pool, .resume = run, .lost = lose, .arg = job};
    job->pairing = (struct vch_pairing_wait){
        .waits = door->pairings, .loop = vch_http_exchange_loop(x), .resume = run, .lost = lose, .ended = end, .arg = job};
    vch_buf_init_secret(&job->body, VCH_HTTP_ANSWER_MAX);
    vch_uuid(job->request_id);
    return job;
}

static void route(struct vch_http_job *job) {
    job->websocket = vch_ws_wanted(job);
    if (job->websocket) return;
    job->query = vch_sts_wanted(job->request);
    job->op = job->query ? vch_sts_route(job->request, job->arena)
                         : vch_op_route(job->request->method, job->request->path, job->arena, &job->captures);
    if (job->op == VCH_OP_NONE) job->op = vch_page_route_head(job);
    if (job->op == VCH_OP_PAGE_ASSET && !vch_page_file_of(job)) job->op = VCH_OP_NONE;
    /* Without --test-clock those operations do not exist. */
    bool test = job->op == VCH_OP_ADVANCE_CLOCK || job->op == VCH_OP_CREATE_FAULT || job->op == VCH_OP_LIST_FAULTS ||
                job->op == VCH_OP_CLEAR_FAULTS;
    if (test && !job->door->options.faults) job->op = VCH_OP_NONE;
    if (vch_data_is(job->op) && !job->door->options.mqtt) job->op = VCH_OP_NONE;
    if (job->op == VCH_OP_WATCH_EVENTS && !job->door->options.events) job->op = VCH_OP_NONE;
    if (vch_oidc_is(job->op) && (!job->door->options.service->oidc || vch_str_eq_c(job->request->method, "HEAD"))) job->op = VCH_OP_NONE;
}

/* What needs no worker: pages, and what is no operation at all. */
static bool answer_at_once(struct vch_http_job *job) {
    if (job->websocket) return vch_ws_refuse_form(job);
    if (job->op == VCH_OP_NONE) {
        vch_http_answer_error(job,
                              VCH_REFUSE(&job->diag, VCH_ERR_NOT_FOUND, UNKNOWN_OPERATION, "", "No operation has this method and path."),
                              NULL);
        return true;
    }
    if (vch_op_row(job->op)->scope != VCH_SCOPE_PUBLIC || job->op == VCH_OP_PAGE_READYZ || vch_oidc_is(job->op)) return false;
    vch_page_answer(job);
    vch_http_squeeze(job);
    return true;
}

static void on_request(struct vch_http_exchange *x, void *arg) {
    struct vch_http_door *door = arg;
    struct vch_http_job *job = job_new(door, x);
    if (!job) {
        const struct vch_http_answer busy = {.status = 503, .close = true};
        vch_http_reply(x, &busy);
        return;
    }
    route(job);
    if (answer_at_once(job)) {
        reply(job);
        return;
    }
    enum vch_err err = vch_pool_submit(door->options.pool, job->websocket ? run_upgrade : run, job);
    if (err == VCH_OK) return;
    vch_http_answer_error(job, err, NULL);
    reply(job);
}

/* ---- the door ---- */

enum vch_err vch_http_door_new(const struct vch_http_door_options *options, struct vch_http_door **ret) {
    struct vch_http_door *door = calloc(1, sizeof *door);
    if (!door) return VCH_ERR_NOMEM;
    door->options = *options;
    door->attachment = (struct vch_http_options){.body_max = BODY_MAX, .on_request = on_request, .arg = door};
    enum vch_err err = options->iam ? VCH_OK : vch_iam_new(options->service, &door->own_iam);
    door->iam = options->iam ? options->iam : door->own_iam;
    if (err == VCH_OK) err = vch_pairing_waits_new(options->pool, &door->pairings);
    if (err == VCH_OK) err = vch_pages_prepare(door);
    if (err != VCH_OK) {
        vch_http_door_free(door);
        return err;
    }
    *ret = door;
    return VCH_OK;
}

void vch_http_door_free(struct vch_http_door *door) {
    if (!door) return;
    vch_pairing_waits_free(door->pairings);
    vch_buf_deinit(&door->openapi);
    vch_iam_free(door->own_iam);
    free(door);
}

const struct vch_http_options *vch_http_door_attachment(struct vch_http_door *door) {
    return &door->attachment;
}

void vch_http_door_user_changed(struct vch_http_door *door, struct vch_str user) {
    if (door->own_iam) vch_iam_changed(door->own_iam, user);
}

void vch_http_door_role_changed(struct vch_http_door *door, struct vch_str role) {
    if (door->own_iam) vch_iam_role_changed(door->own_iam, role);
}

void vch_http_door_pairing_changed(struct vch_http_door *door, const struct vch_str *id) {
    vch_pairing_waits_changed(door->pairings, id);
}

void vch_http_door_all_changed(struct vch_http_door *door) {
    if (door->own_iam) vch_iam_forget_all(door->own_iam);
}

void vch_http_door_stats(struct vch_http_door *door, struct vch_http_door_stats *ret) {
    *ret = (struct vch_http_door_stats){.requests = atomic_load(&door->requests),
                                        .refused = atomic_load(&door->refused),
                                        .failed = atomic_load(&door->failed)};
}

const struct vch_histogram *vch_http_door_latency(const struct vch_http_door *door, enum vch_op op) {
    return &door->latency[op];
}
