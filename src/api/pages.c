/* What anybody may read: the root certificate, health, counters, the API's
 * description, a first page, and the files of the console. */
#include "api/http_job_priv.h"

enum { OPENAPI_MAX = 1 << 20 };

static const char home_head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>vouch</title>"
    "<meta name=\"viewport\" content=\"width=device-width\"></head><body>\n"
    "<h1>vouch</h1>\n<p>This server gives devices their identity: a trusted user vouches for a device, the device trades "
    "a five-minute claim for a certificate of its own, and comes back under that identity.</p>\n<ul>\n"
    "<li><a href=\"/console\">Console</a>, to look after a fleet</li>\n"
    "<li><a href=\"/install\">Installer</a>, to vouch for the device in front of you</li>\n"
    "<li><a href=\"/ca.pem\">Root certificate</a>, for devices and command lines to trust</li>\n"
    "<li><a href=\"/_vouch/openapi.json\">Description of the API</a> (OpenAPI); requests are signed with AWS Signature "
    "Version 4, so the AWS command line and SDKs work against it</li>\n"
    "<li><a href=\"/healthz\">Health</a>, <a href=\"/readyz\">readiness</a>, <a href=\"/metrics\">metrics</a></li>\n</ul>\n";

static enum vch_err openapi_write(struct vch_http_door *door) {
    struct vch_arena *arena = vch_arena_new(OPENAPI_MAX * 4, false);
    struct vch_val *document;
    struct vch_str text;
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = vch_shape_openapi(door->options.version, arena, &document);
    vch_buf_init(&door->openapi, OPENAPI_MAX);
    if (err == VCH_OK) vch_json_encode(document, &door->openapi);
    if (err == VCH_OK) err = vch_buf_finish(&door->openapi, &text);
    vch_arena_free(arena);
    return err;
}

enum vch_err vch_pages_prepare(struct vch_http_door *door) {
    return openapi_write(door);
}

static void home_write(struct vch_http_job *job) {
    job->content_type = "text/html; charset=utf-8";
    vch_buf_c(&job->body, home_head);
    vch_buf_printf(&job->body, "<p>Version %s, account %.*s, region %.*s.</p>\n</body></html>\n", job->door->options.version,
                   VCH_STR_ARG(job->door->options.service->site.account), VCH_STR_ARG(job->door->options.service->site.region));
}

/* "name[]=NAME", as often as the reader likes: the value of the next such; empty: no more. Names of metrics need no escapes. */
static struct vch_str next_name(struct vch_str *query) {
    struct vch_str item, key;
    while (vch_str_split(query, '&', &item))
        if (vch_str_split(&item, '=', &key) && (vch_str_eq_c(key, "name[]") || vch_str_ieq(key, VCH_STR("name%5B%5D")))) return item;
    return (struct vch_str){NULL, 0};
}

static bool is_asked_for(struct vch_str query, struct vch_str name) {
    for (struct vch_str one; (one = next_name(&query)).len > 0;)
        if (vch_str_eq(one, name)) return true;
    return false;
}

/* A metric's lines begin with its "# HELP NAME ". */
static void metrics_pick(struct vch_str text, struct vch_str query, struct vch_buf *ret) {
    struct vch_str line, head = VCH_STR("# HELP ");
    bool kept = false;
    while (vch_str_split(&text, '\n', &line)) {
        struct vch_str rest = vch_str_sub(line, head.len, line.len), name;
        if (vch_str_starts(line, head)) kept = vch_str_split(&rest, ' ', &name) && is_asked_for(query, name);
        if (!kept || line.len == 0) continue;
        vch_buf_str(ret, line);
        vch_buf_c(ret, "\n");
    }
}

static void metrics_write(struct vch_http_job *job) {
    const struct vch_http_door_options *options = &job->door->options;
    struct vch_str query = job->request->query, text;
    struct vch_buf all;
    job->content_type = "text/plain; version=0.0.4; charset=utf-8";
    if (!options->metrics) return;
    if (next_name(&query).len == 0) {
        options->metrics(options->arg, &job->body);
        return;
    }
    vch_buf_init(&all, VCH_HTTP_ANSWER_MAX);
    options->metrics(options->arg, &all);
    if (vch_buf_finish(&all, &text) == VCH_OK) metrics_pick(text, job->request->query, &job->body);
    vch_buf_deinit(&all);
}

static void ready_write(struct vch_http_job *job) {
    enum vch_err err = vch_service_ready(job->door->options.service, &job->diag);
    job->status = err == VCH_OK ? 200 : 503;
    vch_buf_c(&job->body, err == VCH_OK ? "ready\n" : "the registry does not answer\n");
}

/* ---- the files of the console ---- */

/* Nothing from elsewhere, nothing inline, in nobody's frame; no text becomes markup. */
static const char file_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; media-src 'self' blob:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const struct vch_page_file *vch_page_file_of(const struct vch_http_job *job) {
    switch (job->op) {
    case VCH_OP_PAGE_CONSOLE: return vch_page_file_find(VCH_STR("console.html"));
    case VCH_OP_PAGE_INSTALL: return vch_page_file_find(VCH_STR("install.html"));
    case VCH_OP_PAGE_SIGN_IN: return vch_page_file_find(VCH_STR("sign-in.html"));
    case VCH_OP_PAGE_ASSET: return vch_page_file_find(job->captures.item[0].value);
    default: return NULL;
    }
}

enum vch_op vch_page_route_head(struct vch_http_job *job) {
    if (!vch_str_eq_c(job->request->method, "HEAD")) return VCH_OP_NONE;
    enum vch_op op = vch_op_route(VCH_STR("GET"), job->request->path, job->arena, &job->captures);
    return op != VCH_OP_NONE && vch_op_row(op)->scope == VCH_SCOPE_PUBLIC ? op : VCH_OP_NONE;
}

static void extra(struct vch_http_job *job, const char *name, const char *value) {
    vch_assert(job->extra_count < VCH_HTTP_EXTRA_MAX);
    job->extra[job->extra_count++] = (struct vch_http_header){vch_str_from(name), vch_str_from(value)};
}

static void document_headers(struct vch_http_job *job) {
    job->security_policy = file_policy;
    extra(job, "referrer-policy", "no-referrer");
    extra(job, "permissions-policy", "camera=(self), microphone=(), geolocation=()");
    extra(job, "cross-origin-opener-policy", "same-origin");
    extra(job, "x-frame-options", "DENY");
}

static void file_write(struct vch_http_job *job, const struct vch_page_file *file) {
    struct vch_page_choice *choice = vch_arena_alloc(job->arena, sizeof *choice);
    if (!choice) {
        vch_http_answer_error(job, VCH_ERR_NOMEM, NULL);
        return;
    }
    vch_page_choose(file, vch_http_header_get(job->request, "accept-encoding"), vch_http_header_get(job->request, "if-none-match"), choice);
    job->status = choice->unchanged ? 304 : 200;
    job->content_type = file->type;
    job->cache_control = "no-cache";
    extra(job, "etag", choice->etag);
    extra(job, "vary", "accept-encoding");
    extra(job, "cross-origin-resource-policy", "same-origin");
    if (job->op != VCH_OP_PAGE_ASSET) document_headers(job); /* an asset that is opened as a page may do nothing */
    if (choice->gzip) extra(job, "content-encoding", "gzip");
    if (!choice->unchanged) vch_buf_str(&job->body, choice->gzip ? file->gzip : file->plain);
}

void vch_page_answer(struct vch_http_job *job) {
    job->status = 200;
    job->content_type = "text/plain; charset=utf-8";
    const struct vch_page_file *file = vch_page_file_of(job);
    if (file) {
        file_write(job, file);
        return;
    }
    switch (job->op) {
    case VCH_OP_PAGE_HOME: home_write(job); break;
    case VCH_OP_PAGE_METRICS: metrics_write(job); break;
    case VCH_OP_PAGE_READYZ: ready_write(job); break;
    case VCH_OP_PAGE_CA:
        job->content_type = "application/x-pem-file";
        vch_buf_str(&job->body, job->door->options.service->root_pem);
        break;
    case VCH_OP_PAGE_OPENAPI:
        job->content_type = "application/json";
        vch_buf_bytes(&job->body, job->door->openapi.ptr, job->door->openapi.len);
        break;
    default: vch_buf_c(&job->body, "ok\n"); break;
    }
}
