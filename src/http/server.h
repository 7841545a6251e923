/* HTTP/1.1 server side over struct vch_conn; parsing by http_parser. Knows no
 * operation. Bounded: request line 8 KiB, headers 64 of 32 KiB in all, body as
 * set; slow requests are cut after 30 s, idle connections after 75 s. One
 * request at a time per connection; pipelined ones wait. */
#ifndef VCH_HTTP_SERVER_H
#define VCH_HTTP_SERVER_H

#include "base/arena.h"
#include "net/conn.h"

struct vch_http_header {
    struct vch_str name, value;
};

/* A whole request. Views live until it is answered. */
struct vch_http_request {
    struct vch_str method;
    struct vch_str path;  /* raw, percent-encoded, without the query */
    struct vch_str query; /* raw, without '?' */
    const struct vch_http_header *headers;
    size_t header_count;
    struct vch_str body;
    const char *peer_ip;
    const char *peer_id; /* client certificate, or "" */
    const char *sni;     /* the name that the client asked TLS for, or "" */
    bool secure;
    bool http11;
};
struct vch_str vch_http_header_get(const struct vch_http_request *request, const char *name); /* first; empty when absent */

/* Stands for one request under way. It may outlive the connection: answering a
 * dead one is a no-op. Every exchange must be answered exactly once, on its
 * loop. */
struct vch_http_exchange;
const struct vch_http_request *vch_http_exchange_request(const struct vch_http_exchange *x);
struct vch_loop *vch_http_exchange_loop(const struct vch_http_exchange *x);

struct vch_http_answer {
    int status;
    const char *content_type; /* NULL: none */
    const struct vch_http_header *headers;
    size_t header_count;
    struct vch_str body; /* copied, and wiped once sent */
    bool close;
};
/* Content-Length, Date and Connection are added here. Status 200 to 599. A header
 * with a line end in it turns the answer into an empty 500. HEAD gets no body.
 * [loop], or any one thread after the loop ended; frees x. */
void vch_http_reply(struct vch_http_exchange *x, const struct vch_http_answer *answer);

/* Answers 101 with these headers and gives the connection away, with `filter`
 * between it and its next handler, which the caller must set at once. NULL when
 * that cannot be: the connection is gone, or the client did not wait for the
 * answer, which is refused with 400 (who sends early may be two who disagree
 * about where the request ends); `filter_arg` stays the caller's then. Frees x.
 * [loop], not from on_request. */
struct vch_conn *vch_http_upgrade(struct vch_http_exchange *x, const struct vch_http_header *headers, size_t count,
                                  const struct vch_conn_filter *filter, void *filter_arg);

struct vch_http_options {
    size_t body_max; /* default 256 KiB; larger gets 413 */
    void (*on_request)(struct vch_http_exchange *x, void *arg); /* [loop] */
    void *arg;
    const char *server_name; /* "Server:" header; NULL: none */
    int64_t request_timeout_ms; /* from a request's first byte to its last; 0: 30 s */
    int64_t idle_timeout_ms;    /* between requests; 0: 75 s */
};
/* Makes a connection speak HTTP: from on_accept, or from on_open when ALPN has
 * decided. `options` must outlive it; the connection's handler is HTTP's from
 * then on. What cannot be parsed is answered here (400, 413, 414, 417, 431, 501,
 * 505) with {"message": ...} and ends the connection. [loop] */
enum vch_err vch_http_attach(struct vch_conn *conn, const struct vch_http_options *options) VCH_MUST;

#endif
