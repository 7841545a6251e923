/* Reading one HTTP/1.x answer out of a stream of bytes; pure, no sockets, small.
 * For a device that asks a known server for JSON: a status line, fields, and a
 * body whose end is told by Content-Length, by chunks, or by the connection's
 * end. What could be read in two ways is refused. Interim answers (1xx) are
 * skipped. Source: RFC 9112. An owner: init ... deinit, which wipes. */
#ifndef VCH_HTTP_REPLY_H
#define VCH_HTTP_REPLY_H

#include "base/buf.h"

enum { VCH_REPLY_HEAD_MAX = 16 * 1024, VCH_REPLY_FIELDS_MAX = 64, VCH_REPLY_INTERIM_MAX = 4 };

enum vch_reply_read {
    VCH_REPLY_MORE, /* needs more bytes */
    VCH_REPLY_DONE,
    VCH_REPLY_BAD /* not an answer, or larger than its bounds: `why` */
};

struct vch_reply {
    int status;
    bool keep_alive;       /* the connection may be used again */
    int64_t retry_after_s; /* of the field, in seconds; 0: none */
    struct vch_buf body;
    const char *why; /* one plain sentence after BAD */
    /* Inside. */
    struct vch_buf head;
    int phase;
    uint64_t left;
    unsigned interim;
};

void vch_reply_init(struct vch_reply *reply, size_t body_max);
void vch_reply_deinit(struct vch_reply *reply);
/* Takes all of `bytes`, or says that it is over: after DONE, `*ret_used` tells how many belonged to it. */
enum vch_reply_read vch_reply_feed(struct vch_reply *reply, struct vch_str bytes, size_t *ret_used) VCH_MUST;
/* The connection ended, in order: DONE when that may be the body's end. */
enum vch_reply_read vch_reply_end(struct vch_reply *reply) VCH_MUST;

#endif
