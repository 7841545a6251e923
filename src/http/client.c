#include "http/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { ANSWER_MAX_DEFAULT = 4 << 20, HEAD_MAX = 64 << 10 };

struct vch_http_client {
    CURL *curl;
    struct vch_buf body; /* of the answer under way */
    struct vch_buf head;
    char *ca_file, *user_agent;
    bool direct, allow_plain;
    long connect_timeout_ms, timeout_ms;
    char error[CURL_ERROR_SIZE];
};

static void start_curl(void) {
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct vch_http_client *vch_http_client_new(const struct vch_http_client_options *options) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, start_curl);
    struct vch_http_client *client = calloc(1, sizeof *client);
    if (!client) return NULL;
    vch_buf_init_secret(&client->body, options->answer_max ? options->answer_max : ANSWER_MAX_DEFAULT);
    vch_buf_init(&client->head, HEAD_MAX);
    client->direct = options->direct;
    client->allow_plain = options->allow_plain;
    client->connect_timeout_ms = options->connect_timeout_ms ? options->connect_timeout_ms : 10000;
    client->timeout_ms = options->timeout_ms ? options->timeout_ms : 30000;
    client->curl = curl_easy_init();
    client->ca_file = options->ca_file ? strdup(options->ca_file) : NULL;
    client->user_agent = options->user_agent ? strdup(options->user_agent) : NULL;
    if (client->curl && !client->ca_file == !options->ca_file && !client->user_agent == !options->user_agent)
        return client;
    vch_http_client_free(client);
    return NULL;
}

void vch_http_client_free(struct vch_http_client *client) {
    if (!client) return;
    if (client->curl) curl_easy_cleanup(client->curl);
    vch_buf_deinit(&client->body);
    vch_buf_deinit(&client->head);
    free(client->ca_file);
    free(client->user_agent);
    free(client);
}

struct vch_str vch_http_result_header(const struct vch_http_result *result, const char *name) {
    for (size_t i = 0; i < result->header_count; i++)
        if (vch_str_ieq(result->headers[i].name, vch_str_from(name))) return result->headers[i].value;
    return (struct vch_str){NULL, 0};
}

/* libcurl's callbacks: anything but `size * count` stops the transfer. */
static size_t take_body(char *bytes, size_t size, size_t count, void *arg) {
    struct vch_http_client *client = arg;
    vch_buf_bytes(&client->body, bytes, size * count);
    return client->body.failed ? 0 : size * count;
}

static size_t take_head(char *bytes, size_t size, size_t count, void *arg) {
    struct vch_http_client *client = arg;
    struct vch_str line = vch_str_of(bytes, size * count);
    /* A new status line follows an interim answer (RFC 9110 15.2): start over. */
    if (vch_str_starts(line, VCH_STR("HTTP/")))
        vch_buf_clear(&client->head);
    else
        vch_buf_str(&client->head, line);
    return client->head.failed ? 0 : size * count;
}

static bool append(struct curl_slist **list, const char *text) {
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (longer) *list = longer;
    return longer != NULL;
}

static bool listed(const struct vch_http_call *call, const char *name) {
    for (size_t i = 0; i < call->header_count; i++)
        if (vch_str_ieq(call->headers[i].name, vch_str_from(name))) return true;
    return false;
}

/* "Name:" would remove a header of libcurl's own; "Name;" sends an empty one. */
static bool append_header(struct curl_slist **list, const struct vch_http_field *header) {
    struct vch_buf line;
    struct vch_str text;
    vch_buf_init_secret(&line, HEAD_MAX);
    vch_buf_str(&line, header->name);
    vch_buf_c(&line, header->value.len ? ": " : ";");
    vch_buf_str(&line, header->value);
    bool ok = vch_buf_finish(&line, &text) == VCH_OK && append(list, text.ptr);
    vch_buf_deinit(&line);
    return ok;
}

static bool build_headers(const struct vch_http_call *call, struct curl_slist **list) {
    static const char *const unwanted[] = {"Expect", "Accept", "Content-Type"};
    for (size_t i = 0; i < call->header_count; i++)
        if (!append_header(list, &call->headers[i])) return false;
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "%s:", unwanted[i]);
        if (!listed(call, unwanted[i]) && !append(list, line)) return false;
    }
    return true;
}

static void set_trust(struct vch_http_client *client) {
    CURL *curl = client->curl;
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (client->ca_file) {
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
        (void)curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    if (client->direct) (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, client->allow_plain ? "http,https" : "https");
}

static void set_request(struct vch_http_client *client, const struct vch_http_call *call, const char *url,
                        struct curl_slist *headers) {
    CURL *curl = client->curl;
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    /* Without a body, only methods that usually carry one announce its length. */
    bool bodiless = strcmp(call->method, "GET") == 0 || strcmp(call->method, "DELETE") == 0;
    if (call->body.len == 0 && bodiless) return;
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.len ? call->body.ptr : "");
}

static void set_all(struct vch_http_client *client, const struct vch_http_call *call, const char *url,
                    struct curl_slist *headers) {
    CURL *curl = client->curl;
    curl_easy_reset(curl); /* options only: the connection stays */
    client->error[0] = '\0';
    vch_buf_clear(&client->body);
    vch_buf_clear(&client->head);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, client->connect_timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, client->timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, client);
    if (client->user_agent) (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, client->user_agent);
    set_trust(client);
    set_request(client, call, url, headers);
}

static enum vch_err explain(const struct vch_http_client *client, CURLcode code, const char *url,
                            struct vch_diag *diag) {
    const char *words = client->error[0] ? client->error : curl_easy_strerror(code);
    long peer_port = 0;
    (void)curl_easy_getinfo(client->curl, CURLINFO_PRIMARY_PORT, &peer_port);
    /* libcurl's word for a peer that answers in no HTTP, too. */
    if (code == CURLE_UNSUPPORTED_PROTOCOL && peer_port > 0) code = CURLE_WEIRD_SERVER_REPLY;
    switch (code) {
    case CURLE_OUT_OF_MEMORY: return VCH_ERR_NOMEM;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return vch_diag_set(diag, VCH_ERR_INVALID, "url-invalid", "", "%s is not an address for this: %s.", url, words);
    case CURLE_OPERATION_TIMEDOUT:
        return vch_diag_set(diag, VCH_ERR_TIMEOUT, "unreachable", "", "No answer in time from %s: %s.", url, words);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
        return vch_diag_set(diag, VCH_ERR_UNAUTHENTICATED, "tls-failed", "", "TLS with %s failed: %s.", url, words);
    case CURLE_WRITE_ERROR:
        return vch_diag_set(diag, VCH_ERR_TOO_LARGE, "answer-too-large", "", "The answer of %s is too large.", url);
    default: return vch_diag_set(diag, VCH_ERR_UNAVAILABLE, "unreachable", "", "Cannot reach %s: %s.", url, words);
    }
}

static enum vch_err copy_headers(struct vch_str head, struct vch_arena *arena, struct vch_http_result *ret) {
    struct vch_str rest = vch_arena_str(arena, head);
    struct vch_str line;
    if (!rest.ptr) return VCH_ERR_NOMEM;
    while (vch_str_split(&rest, '\n', &line)) {
        size_t colon = vch_str_find(line, ':', 0);
        if (colon == SIZE_MAX || ret->header_count == VCH_HTTP_FIELDS_MAX) continue;
        struct vch_http_field *field = &ret->headers[ret->header_count++];
        field->name = vch_str_sub(line, 0, colon);
        field->value = vch_str_trim(vch_str_sub(line, colon + 1, SIZE_MAX));
    }
    return VCH_OK;
}

static enum vch_err keep_answer(struct vch_http_client *client, struct vch_arena *arena, struct vch_http_result *ret) {
    long status = 0;
    struct vch_str body;
    struct vch_str head;
    (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    ret->status = (int)status;
    VCH_TRY(vch_buf_finish(&client->body, &body));
    VCH_TRY(vch_buf_finish(&client->head, &head));
    ret->body = vch_arena_str(arena, body);
    return ret->body.ptr ? copy_headers(head, arena, ret) : VCH_ERR_NOMEM;
}

enum vch_err vch_http_client_send(struct vch_http_client *client, const struct vch_http_call *call,
                                  struct vch_arena *arena, struct vch_http_result *ret, struct vch_diag *diag) {
    struct curl_slist *headers = NULL;
    *ret = (struct vch_http_result){0};
    struct vch_str url = vch_arena_str(arena, call->url);
    if (!url.ptr || !build_headers(call, &headers)) {
        curl_slist_free_all(headers);
        return VCH_ERR_NOMEM;
    }
    set_all(client, call, url.ptr, headers);
    CURLcode code = curl_easy_perform(client->curl);
    enum vch_err err = code == CURLE_OK ? keep_answer(client, arena, ret) : explain(client, code, url.ptr, diag);
    curl_slist_free_all(headers);
    vch_buf_clear(&client->body); /* wipes */
    return err;
}
