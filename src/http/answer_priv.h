/* The head of an answer as bytes. Pure. */
#ifndef VCH_HTTP_ANSWER_PRIV_H
#define VCH_HTTP_ANSWER_PRIV_H

#include "base/buf.h"
#include "http/server.h"

/* False when a header would break the answer apart (a line end in it): then
 * nothing is appended. `now_ms` is wall time for Date. */
bool vch_http_answer_head(const struct vch_http_answer *answer, bool keep_alive, const char *server_name,
                          int64_t now_ms, struct vch_buf *buf);
/* Of an answer whose length is not known: in chunks, or to the end of the connection. False as above. */
bool vch_http_stream_head(const struct vch_http_answer *answer, bool chunked, const char *server_name, int64_t now_ms,
                          struct vch_buf *buf);
/* Of 101. False as above. */
bool vch_http_upgrade_head(const struct vch_http_header *headers, size_t count, int64_t now_ms, struct vch_buf *buf);
/* RFC 9110 6.4.1: 204 and 304 have no body, and 204 no length. */
bool vch_http_answer_has_body(const struct vch_http_answer *answer);

#endif
