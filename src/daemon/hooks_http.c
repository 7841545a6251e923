/* HTTPS targets, by libcurl: as many at once as there are, none of them with a
 * thread. */
#include <string.h>

#include "base/clock.h"
#include "daemon/hooks_priv.h"

static size_t on_body(char *bytes, size_t size, size_t count, void *arg) {
    struct vch_hooks_job *job = arg;
    vch_buf_bytes(&job->answer, bytes, size * count);
    return job->answer.failed ? 0 : size * count; /* 0: the call ends here */
}

static bool add_header(struct vch_hooks_job *job, const char *name, struct vch_str value) {
    char line[400];
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, sizeof line);
    vch_buf_printf(&buf, "%s%.*s", name, VCH_STR_ARG(value));
    bool fits = vch_buf_finish(&buf, &text) == VCH_OK && vch_str_copy(line, sizeof line, text);
    vch_buf_deinit(&buf);
    struct curl_slist *list = fits ? curl_slist_append(job->headers, line) : NULL;
    if (list) job->headers = list;
    return list;
}

static const struct {
    const char *about, *signature;
} heads[VCH_HOOK_KIND_COUNT] = {
    [VCH_HOOK_HTTPS] = {"Content-Type: application/json", "X-Vouch-Signature: "},
    [VCH_HOOK_GET] = {"Accept: application/json", "Authorization: "},
    [VCH_HOOK_FORM] = {"Content-Type: application/x-www-form-urlencoded", "Authorization: "},
};

static bool set_headers(struct vch_hooks_job *job) {
    enum vch_hook_kind kind = job->order.kind;
    return add_header(job, heads[kind].about, VCH_STR("")) && add_header(job, "Expect:", VCH_STR("")) &&
           (kind != VCH_HOOK_FORM || add_header(job, "Accept: application/json", VCH_STR(""))) &&
           (!job->order.signature.len || add_header(job, heads[kind].signature, job->order.signature)) &&
           curl_easy_setopt(job->easy, CURLOPT_HTTPHEADER, job->headers) == CURLE_OK;
}

static bool set_blob(CURL *easy, CURLoption option, struct vch_str pem) {
    struct curl_blob blob = {.data = (void *)(uintptr_t)pem.ptr, .len = pem.len, .flags = CURL_BLOB_COPY};
    return pem.len == 0 || curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

/* A pinned authority is the only one. */
static bool set_trust(struct vch_hooks_job *job) {
    const struct vch_hook_order *order = &job->order;
    bool pinned = order->ca_pem.len > 0;
    return (!pinned || curl_easy_setopt(job->easy, CURLOPT_CAPATH, NULL) == CURLE_OK) &&
           set_blob(job->easy, CURLOPT_CAINFO_BLOB, order->ca_pem) &&
           set_blob(job->easy, CURLOPT_SSLCERT_BLOB, order->certificate_pem) &&
           set_blob(job->easy, CURLOPT_SSLKEY_BLOB, order->key_pem) &&
           curl_easy_setopt(job->easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK &&
           curl_easy_setopt(job->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
}

static bool set_body(CURL *easy, enum vch_hook_kind kind, struct vch_str body) {
    if (kind == VCH_HOOK_GET) return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    return curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body.ptr) == CURLE_OK;
}

static bool set_call(struct vch_hooks_job *job, const char *url, long left_ms) {
    CURL *easy = job->easy;
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK && curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left_ms) == CURLE_OK && curl_easy_setopt(easy, CURLOPT_PRIVATE, job) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK && curl_easy_setopt(easy, CURLOPT_WRITEDATA, job) == CURLE_OK &&
           set_body(easy, job->order.kind, job->order.body);
}

enum vch_hook_end vch_hooks_http_start(struct vch_hooks_process *p, struct vch_hooks_job *job) {
    char url[2049];
    long left_ms = (long)(job->deadline_ms - vch_mono_ms());
    if (left_ms <= 0) return VCH_HOOK_TIMEOUT;
    if (!vch_str_copy(url, sizeof url, job->order.target)) return VCH_HOOK_FAILED;
    job->easy = curl_easy_init();
    bool ready = job->easy && set_call(job, url, left_ms) && set_trust(job) && set_headers(job) &&
                 curl_multi_add_handle(p->multi, job->easy) == CURLM_OK;
    return ready ? VCH_HOOK_ANSWERED : VCH_HOOK_FAILED;
}

static enum vch_hook_end end_of(const struct vch_hooks_job *job, CURLcode code, long status) {
    switch (code) {
    case CURLE_OK: return status == 200 ? VCH_HOOK_ANSWERED : VCH_HOOK_STATUS;
    case CURLE_OPERATION_TIMEDOUT: return VCH_HOOK_TIMEOUT;
    case CURLE_WRITE_ERROR: return job->answer.failed ? VCH_HOOK_TOO_LARGE : VCH_HOOK_FAILED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: return VCH_HOOK_TLS_FAILED;
    case CURLE_OUT_OF_MEMORY: return VCH_HOOK_FAILED;
    default: return VCH_HOOK_UNREACHABLE;
    }
}

struct vch_hooks_job *vch_hooks_http_ended(struct vch_hooks_process *p, enum vch_hook_end *ret_end, int64_t *ret_code) {
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(p->multi, &left)) != NULL;) {
        struct vch_hooks_job *job = NULL;
        long status = 0;
        if (message->msg != CURLMSG_DONE) continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        *ret_end = end_of(job, message->data.result, status);
        *ret_code = status;
        return job;
    }
    return NULL;
}

void vch_hooks_http_stop(struct vch_hooks_process *p, struct vch_hooks_job *job) {
    if (job->easy) {
        (void)curl_multi_remove_handle(p->multi, job->easy);
        curl_easy_cleanup(job->easy);
    }
    curl_slist_free_all(job->headers);
    job->easy = NULL;
    job->headers = NULL;
}
