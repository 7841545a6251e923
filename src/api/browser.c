#include "api/browser_priv.h"

#include <inttypes.h>

#include "core/reason.h"

/* The prefix makes browsers insist on Secure, Path=/ and no Domain: nobody else can set it. */
static const char cookie_name[] = "__Host-vouch";
static const char known_name[] = "__Host-vouch-known"; /* service/known_browser.h */

static struct vch_str header_of(const struct vch_http_job *job, const char *name) {
    return vch_str_trim(vch_http_header_get(job->request, name));
}

static bool takes_sessions(const struct vch_http_job *job) {
    if (job->websocket || job->query || job->op == VCH_OP_NONE) return false;
    enum vch_op_scope scope = vch_op_row(job->op)->scope;
    return scope == VCH_SCOPE_IOT || scope == VCH_SCOPE_VOUCH || scope == VCH_SCOPE_DATA;
}

/* Also when the cookie is there twice, or holds nothing. */
static bool mentions_cookie(const struct vch_http_job *job) {
    struct vch_str part, name;
    for (size_t i = 0; i < job->request->header_count; i++) {
        struct vch_str rest = job->request->headers[i].value;
        if (!vch_str_ieq(job->request->headers[i].name, VCH_STR("cookie"))) continue;
        while (vch_str_split(&rest, ';', &part)) {
            name = vch_str_trim(vch_str_sub(part, 0, vch_str_find(part, '=', 0)));
            if (vch_str_eq_c(name, cookie_name)) return true;
        }
    }
    return false;
}

bool vch_browser_wanted(const struct vch_http_job *job) {
    return takes_sessions(job) && (mentions_cookie(job) || header_of(job, "sec-fetch-site").len);
}

/* ---- other sites ---- */

static enum vch_err refuse_site(struct vch_http_job *job, const char *header) {
    return VCH_REFUSE(&job->diag, VCH_ERR_DENIED, CSRF_REFUSED, header, "The request was sent by a page of another site.");
}

static bool is_own_origin(const struct vch_http_job *job, struct vch_str origin) {
    struct vch_str scheme = job->request->secure ? VCH_STR("https://") : VCH_STR("http://"), host = header_of(job, "host");
    if (!host.len || !vch_str_starts(origin, scheme)) return false;
    return vch_str_ieq(vch_str_sub(origin, scheme.len, SIZE_MAX), host);
}

enum vch_err vch_browser_check_site(struct vch_http_job *job) {
    struct vch_str origin = vch_http_header_get(job->request, "origin"), site = header_of(job, "sec-fetch-site");
    if (site.len && !vch_str_eq_c(site, "same-origin") && !vch_str_eq_c(site, "none")) return refuse_site(job, "sec-fetch-site");
    if (origin.ptr && !is_own_origin(job, vch_str_trim(origin))) return refuse_site(job, "origin");
    return VCH_OK;
}

/* ---- the session ---- */

static enum vch_err check_token(struct vch_http_job *job) {
    struct vch_str token = header_of(job, "x-vouch-csrf");
    if (vch_str_eq_c(job->request->method, "GET") || vch_str_eq_c(job->request->method, "HEAD")) return VCH_OK;
    if (vch_ct_eq(token.ptr, token.len, job->web.csrf, VCH_WEB_TOKEN_LEN)) return VCH_OK;
    return VCH_REFUSE(&job->diag, VCH_ERR_DENIED, CSRF_REFUSED, "x-vouch-csrf", "The request lacks the token of its session.");
}

static enum vch_err find_session(struct vch_http_job *job, int64_t now_ms) {
    struct vch_str cookie = vch_cookie_get(job->request, cookie_name);
    VCH_TRY(vch_web_session_find(job->door->options.service, cookie, now_ms, job->arena, &job->web, &job->diag));
    job->has_web = true;
    return VCH_OK;
}

static enum vch_err prove(struct vch_http_job *job, int64_t now_ms) {
    VCH_TRY(vch_browser_check_site(job));
    enum vch_err err = find_session(job, now_ms);
    if (err == VCH_ERR_UNAUTHENTICATED) job->grant.ended = mentions_cookie(job);
    VCH_TRY(err);
    VCH_TRY(check_token(job));
    job->caller.user_name = job->web.user_name;
    job->caller.arn = vch_iam_arn(&job->door->options.service->site, "user", job->web.user_name, job->arena);
    if (!job->caller.arn.ptr) return VCH_ERR_NOMEM;
    job->caller.kind = VCH_CALLER_USER;
    return VCH_OK;
}

/* Of somebody who is signed in: strangers' pages alone would fill the ledger. */
static void tell_forgery(struct vch_http_job *job, int64_t now_ms) {
    struct vch_diag refusal = job->diag;
    bool live = job->has_web || find_session(job, now_ms) == VCH_OK;
    job->diag = refusal;
    job->has_web = false;
    if (!live) return;
    struct vch_call call = {.service = job->door->options.service,
                            .arena = job->arena,
                            .caller = job->caller,
                            .now_ms = now_ms,
                            .diag = &job->diag};
    vch_web_session_forged(&call, &job->web, vch_op_row(job->op)->name);
}

enum vch_err vch_browser_authenticate(struct vch_http_job *job, int64_t now_ms) {
    enum vch_err err = prove(job, now_ms);
    if (err == VCH_ERR_DENIED) tell_forgery(job, now_ms);
    return err;
}

struct vch_str vch_browser_known(const struct vch_http_job *job) {
    return vch_cookie_get(job->request, known_name);
}

void vch_browser_look(struct vch_http_job *job, int64_t now_ms) {
    if (find_session(job, now_ms) != VCH_OK) vch_diag_clear(&job->diag);
}

/* ---- the answer ---- */

static void add(struct vch_http_job *job, const char *name, struct vch_str value) {
    if (value.ptr && job->extra_count < VCH_HTTP_EXTRA_MAX)
        job->extra[job->extra_count++] = (struct vch_http_header){vch_str_from(name), value};
}

static const char form[] = "%s=%s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%" PRId64;

static struct vch_str cookie_text(struct vch_http_job *job) {
    if (job->grant.cookie[0]) return vch_arena_printf(job->arena, form, cookie_name, job->grant.cookie, job->grant.life_s);
    return job->grant.ended ? vch_arena_printf(job->arena, form, cookie_name, "", INT64_C(0)) : (struct vch_str){NULL, 0};
}

void vch_browser_answer(struct vch_http_job *job) {
    add(job, "set-cookie", cookie_text(job));
    if (job->grant.known[0]) add(job, "set-cookie", vch_arena_printf(job->arena, form, known_name, job->grant.known, (int64_t)VCH_KNOWN_LIFE_S));
    if (job->grant.retry_after_s) add(job, "retry-after", vch_arena_printf(job->arena, "%" PRId64, job->grant.retry_after_s));
}
