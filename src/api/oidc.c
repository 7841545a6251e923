#include "api/oidc_priv.h"

#include <inttypes.h>
#include <string.h>

#include "api/browser_priv.h"
#include "base/clock.h"
#include "base/codec.h"
#include "core/reason.h"
#include "service/oidc.h"

static const char cookie_name[] = "__Host-vouch-oidc";

bool vch_oidc_is(enum vch_op op) {
    return op == VCH_OP_OIDC_START || op == VCH_OP_OIDC_CALLBACK;
}

/* ---- the request ---- */

static struct vch_str without_port(struct vch_str host) {
    size_t end = host.len;
    if (host.len && host.ptr[0] == '[') end = vch_str_find(host, ']', 0) == SIZE_MAX ? 0 : vch_str_find(host, ']', 0) + 1;
    else if (vch_str_find(host, ':', 0) != SIZE_MAX) end = vch_str_find(host, ':', 0);
    return vch_str_sub(host, 0, end);
}

static bool is_port(struct vch_str text) {
    int64_t port = 0;
    return text.len == 0 || (text.ptr[0] == ':' && vch_str_int(vch_str_sub(text, 1, SIZE_MAX), &port) == VCH_OK && port > 0 && port < 65536);
}

/* An IPv6 address has brackets in a URL, and none in the configuration. */
static struct vch_str bare(struct vch_str name) {
    bool has = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
    return has ? vch_str_sub(name, 1, name.len - 2) : name;
}

static bool is_our_name(const struct vch_service *service, struct vch_str name) {
    static const char *const loopback[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++)
        if (vch_str_ieq(name, vch_str_from(loopback[i]))) return true;
    for (size_t i = 0; i < service->hostname_count; i++)
        if (vch_str_ieq(bare(name), vch_str_from(service->hostnames[i]))) return true;
    return false;
}

/* Where the provider sends the browser back to: never a name that is not ours. */
static enum vch_err find_origin(struct vch_http_job *job, struct vch_str *ret) {
    struct vch_str host = vch_str_trim(vch_http_header_get(job->request, "host")), name = without_port(host);
    if (!is_our_name(job->door->options.service, name) || !is_port(vch_str_sub(host, name.len, SIZE_MAX)))
        return VCH_REFUSE(&job->diag, VCH_ERR_INVALID, FIELD_INVALID, "Host", "This server is not known by that name; see hostname in its configuration.");
    *ret = vch_arena_printf(job->arena, "%s://%.*s", job->request->secure ? "https" : "http", VCH_STR_ARG(host));
    return ret->ptr ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err gather(struct vch_http_job *job, struct vch_val **ret) {
    const struct vch_shape_wire wire = {.captures = &job->captures, .query = job->request->query};
    struct vch_val *gathered = NULL;
    VCH_TRY(vch_shape_gather(job->op, &wire, job->arena, &gathered, &job->diag));
    return vch_shape_check(job->op, gathered, job->arena, ret, &job->diag);
}

static enum vch_err flow_new(struct vch_http_job *job) {
    struct vch_val *in = NULL;
    struct vch_str origin;
    VCH_TRY(find_origin(job, &origin));
    VCH_TRY(gather(job, &in));
    struct vch_oidc_flow *flow = VCH_ARENA_NEW(job->arena, struct vch_oidc_flow);
    if (!flow) return VCH_ERR_NOMEM;
    *flow = (struct vch_oidc_flow){.back = job->op == VCH_OP_OIDC_CALLBACK,
                                   .origin = origin,
                                   .return_path = vch_val_str_at(in, "return"),
                                   .cookie = vch_cookie_get(job->request, cookie_name),
                                   .state = vch_val_str_at(in, "state"),
                                   .code = vch_val_str_at(in, "code"),
                                   .error = vch_val_str_at(in, "error"),
                                   .issuer = vch_val_str_at(in, "iss")};
    job->oidc = flow;
    return VCH_OK;
}

/* ---- the answer ---- */

static void add(struct vch_http_job *job, const char *name, struct vch_str value) {
    if (value.ptr && job->extra_count < VCH_HTTP_EXTRA_MAX)
        job->extra[job->extra_count++] = (struct vch_http_header){vch_str_from(name), value};
}

static void add_cookie(struct vch_http_job *job, struct vch_str value, int64_t life_s) {
    add(job, "set-cookie", vch_arena_printf(job->arena, "%s=%.*s; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=%" PRId64, cookie_name,
                                            VCH_STR_ARG(value), life_s));
}

static void redirect(struct vch_http_job *job, int status, struct vch_str location) {
    job->status = status;
    job->content_type = NULL;
    vch_buf_clear(&job->body);
    add(job, "location", location);
    add(job, "referrer-policy", VCH_STR("no-referrer"));
}

/* A person sits there: the page to sign in says what went wrong, by its reason. */
static void answer_refusal(struct vch_http_job *job, enum vch_err err) {
    const struct vch_oidc_flow *flow = job->oidc;
    struct vch_buf buf;
    struct vch_str text, location = {NULL, 0};
    vch_http_answer_error(job, err, NULL);
    vch_buf_init(&buf, 4096);
    vch_buf_printf(&buf, "/sign-in?error=%s", job->diag.reason);
    if (flow && vch_oidc_return_valid(flow->return_path)) {
        vch_buf_c(&buf, "&return=");
        vch_percent(flow->return_path, false, &buf);
    }
    if (vch_buf_finish(&buf, &text) == VCH_OK) location = vch_arena_str(job->arena, text);
    vch_buf_deinit(&buf);
    redirect(job, 303, location.ptr ? location : VCH_STR("/sign-in"));
    if (flow && flow->opened) add_cookie(job, VCH_STR(""), 0);
}

static void answer(struct vch_http_job *job) {
    const struct vch_oidc_flow *flow = job->oidc;
    redirect(job, flow->back ? 303 : 302, flow->location);
    add_cookie(job, flow->set_cookie, flow->set_cookie.len ? VCH_OIDC_LIFE_MS / 1000 : 0);
    vch_browser_answer(job);
}

/* ---- running ---- */

static enum vch_err step(struct vch_http_job *job) {
    if (!job->oidc) VCH_TRY(flow_new(job));
    struct vch_call call = {.service = job->door->options.service,
                            .arena = job->arena,
                            .caller = job->caller,
                            .now_ms = vch_now_ms(),
                            .diag = &job->diag,
                            .hook = &job->wait.turn,
                            .web_grant = &job->grant};
    return vch_oidc_step(job->oidc, &call);
}

bool vch_oidc_run(struct vch_http_job *job) {
    enum vch_err err = step(job);
    while (err == VCH_ERR_WAITING) {
        if (vch_hook_wait_begin(&job->wait)) return false;
        err = step(job); /* with the answer that it was not taken */
    }
    if (err == VCH_OK) answer(job);
    else answer_refusal(job, err);
    return true;
}

void vch_oidc_job_end(struct vch_http_job *job) {
    if (job->oidc) vch_oidc_drop(job->door->options.service->oidc, job->oidc);
}
