/* An answer that is written piece by piece, for as long as both sides want: in
 * chunks (RFC 9112 7.1), or to the connection's end for HTTP/1.0. Whatever the
 * client sends meanwhile is thrown away; the connection ends with the answer.
 *
 * A client that leaves more than `pending_max` bytes unread is cut. All calls
 * are [loop], that of the exchange.
 */
#ifndef VCH_HTTP_STREAM_H
#define VCH_HTTP_STREAM_H

#include "http/server.h"

struct vch_http_stream;

struct vch_http_stream_handler {
    /* All that was written is with the kernel. May be NULL. */
    void (*on_drain)(void *arg);
    /* It is over, by whom ever: once, and nothing comes after it; the stream is gone when it returns. `diag` has a
     * reason: "client-closed", "output-overflow", "server-stopping", "connection-lost", or what `end` was given. */
    void (*on_end)(void *arg, const struct vch_diag *diag);
};

/* Begins with the head of `answer`; its body is not sent. NULL: the connection
 * is gone, memory is out, or a header is not sound: then nothing is called. Takes x. */
struct vch_http_stream *vch_http_stream_begin(struct vch_http_exchange *x, const struct vch_http_answer *answer, size_t pending_max,
                                              const struct vch_http_stream_handler *handler, void *arg);
void vch_http_stream_write(struct vch_http_stream *stream, struct vch_str bytes); /* copied; nothing after the end */
size_t vch_http_stream_pending(const struct vch_http_stream *stream);             /* bytes not yet with the kernel */
/* The last piece was written. on_end comes from the loop, not from inside the call. `diag` is copied; may be NULL. */
void vch_http_stream_end(struct vch_http_stream *stream, const struct vch_diag *diag);

#endif
