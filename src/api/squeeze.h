/* Answers made smaller on their way, for readers that ask for it: lists,
 * counters, descriptions. Never an answer to a change, nor the session's: what
 * is as secret as a key or a token is not mixed with anybody's words under one
 * compression. Any thread. Source: RFC 9110 8.4.1.3, RFC 1952.
 */
#ifndef VCH_API_SQUEEZE_H
#define VCH_API_SQUEEZE_H

#include "base/buf.h"

enum { VCH_SQUEEZE_FROM = 1024 }; /* bytes; less is not worth it */

/* Does an Accept-Encoding take gzip? Empty: no. */
bool vch_takes_gzip(struct vch_str accept_encoding);
/* Quick rather than small. False, and nothing in `ret`, when memory or the
 * buffer's cap are short or nothing would be gained. */
bool vch_gzip(struct vch_str plain, struct vch_buf *ret) VCH_MUST;

#endif
