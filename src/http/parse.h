/* Reading one HTTP/1.x request out of a stream of bytes; pure, no sockets.
 * Over http_parser, with stricter rules in front of it, because servers that
 * disagree about where a request ends can be played against each other: bare CR
 * or LF, folded headers, blanks before ':', two lengths, a length beside a
 * transfer coding, an unknown coding, trailers and chunk extensions are refused.
 * Source: RFC 9112, RFC 9110. One thread; the reader owns what it has read. */
#ifndef VCH_HTTP_PARSE_H
#define VCH_HTTP_PARSE_H

#include "base/arena.h"
#include "base/buf.h"
#include "http/server.h"

enum {
    VCH_HTTP_LINE_MAX = 8 * 1024,
    VCH_HTTP_HEAD_MAX = 32 * 1024, /* header fields, beyond the request line */
    VCH_HTTP_HEADERS_MAX = 64,
    VCH_HTTP_BODY_MAX = 256 * 1024 /* by default */
};

struct vch_http_reader;

enum vch_http_read {
    VCH_HTTP_MORE,     /* needs more bytes */
    VCH_HTTP_CONTINUE, /* the head is read; the client waits for "100 Continue"; call again */
    VCH_HTTP_DONE,     /* a whole request: vch_http_reader_request */
    VCH_HTTP_BAD       /* refuse with vch_http_reader_status and close */
};

struct vch_http_reader *vch_http_reader_new(size_t body_max); /* NULL: memory is out */
void vch_http_reader_free(struct vch_http_reader *reader);     /* wipes; NULL is fine */
/* Reads from the start of `bytes`: what was not consumed before, and more. It
 * never consumes bytes of the next request. After DONE or BAD it is over. */
enum vch_http_read vch_http_reader_feed(struct vch_http_reader *reader, struct vch_str bytes, size_t *ret_consumed);
int vch_http_reader_status(const struct vch_http_reader *reader);
const char *vch_http_reader_why(const struct vch_http_reader *reader); /* one plain sentence after BAD */
/* Views into the reader. */
struct vch_http_request *vch_http_reader_request(struct vch_http_reader *reader);
struct vch_arena *vch_http_reader_arena(struct vch_http_reader *reader); /* wiped; for what must live as long */
bool vch_http_reader_keep_alive(const struct vch_http_reader *reader);
bool vch_http_reader_is_11(const struct vch_http_reader *reader);

#endif
