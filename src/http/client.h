/* A blocking HTTP client over libcurl, for the command line, the agent and the
 * fleet. Knows no operation and signs nothing. No redirects, no cookies.
 *
 * An owner: new ... free. One thread at a time; each client keeps its
 * connection open between calls. Secrets in bodies are copied into the caller's
 * arena only; the client's own buffers are wiped.
 */
#ifndef VCH_HTTP_CLIENT_H
#define VCH_HTTP_CLIENT_H

#include "base/arena.h"

struct vch_http_client;

struct vch_http_client_options {
    const char *ca_file;     /* PEM roots to trust; NULL: the system's */
    const char *user_agent;  /* NULL: none */
    long connect_timeout_ms; /* 0: 10 s */
    long timeout_ms;         /* of one call in all; 0: 30 s */
    size_t answer_max;       /* bytes of a body; 0: 4 MiB */
    bool direct;             /* ignore proxies that the environment names */
    bool allow_plain;        /* "http://" too */
};

/* NULL when memory is out. Strings of `options` are copied. */
struct vch_http_client *vch_http_client_new(const struct vch_http_client_options *options);
void vch_http_client_free(struct vch_http_client *client); /* NULL is fine */

struct vch_http_field {
    struct vch_str name, value;
};

struct vch_http_call {
    const char *method;                   /* "GET" */
    struct vch_str url;                   /* sent as it stands: no dot segment is resolved */
    const struct vch_http_field *headers; /* no "Expect", no "Accept" unless listed; an empty value is sent empty */
    size_t header_count;
    struct vch_str body;
};

enum { VCH_HTTP_FIELDS_MAX = 64 };
struct vch_http_result {
    int status;
    struct vch_http_field headers[VCH_HTTP_FIELDS_MAX]; /* further ones are dropped */
    size_t header_count;
    struct vch_str body;
};
/* The first of that name, any case; empty when absent. */
struct vch_str vch_http_result_header(const struct vch_http_result *result, const char *name);

/* Any status is a success. UNAVAILABLE (reason "unreachable"): no connection,
 * or it broke; TIMEOUT ("unreachable"); UNAUTHENTICATED ("tls-failed"): the
 * peer is not whom the roots vouch for, or speaks no TLS; INVALID ("url-invalid");
 * TOO_LARGE ("answer-too-large"); NOMEM. */
enum vch_err vch_http_client_send(struct vch_http_client *client, const struct vch_http_call *call,
                                  struct vch_arena *arena, struct vch_http_result *ret, struct vch_diag *diag) VCH_MUST;

#endif
