/* What the files of the HTTP server share. [loop] */
#ifndef VCH_HTTP_SERVER_PRIV_H
#define VCH_HTTP_SERVER_PRIV_H

#include "http/parse.h"
#include "http/stream.h"

enum { VCH_HTTP_ANSWER_HEAD_MAX = 64 * 1024 };

struct vch_http_conn {
    struct vch_conn *conn;
    const struct vch_http_options *options;
    struct vch_http_reader *reader;     /* NULL between requests */
    struct vch_http_exchange *exchange; /* the one under way */
    struct vch_http_stream *stream;     /* it is answered piece by piece; NULL: it is not */
    bool timed;                         /* the request's deadline runs */
    bool held;                          /* the next request waits until the answers before it are written */
};

struct vch_http_exchange {
    struct vch_http_conn *http; /* NULL: the connection is gone */
    struct vch_loop *loop;
    struct vch_http_reader *reader;
};
void vch_http_exchange_free(struct vch_http_exchange *x);

/* stream.c: what the connection tells. The stream is gone after `over`. */
void vch_http_stream_drained(struct vch_http_stream *stream);
void vch_http_stream_over(struct vch_http_stream *stream, const struct vch_diag *diag);

#endif
