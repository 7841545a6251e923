/* The head of a request, whole and in one piece: line rules of our own, then
 * http_parser, then the rules about its meaning. Pure. */
#ifndef VCH_HTTP_HEAD_PRIV_H
#define VCH_HTTP_HEAD_PRIV_H

#include "http/parse.h"

struct vch_http_head {
    struct vch_str method, target;
    struct vch_http_header headers[VCH_HTTP_HEADERS_MAX];
    size_t header_count;
    uint64_t content_length;
    bool chunked, keep_alive, expects_continue, is_11;
};

/* `text` ends with the empty line; the views point into it. Zero, or the HTTP
 * status to refuse with and the sentence why. */
int vch_http_head_parse(struct vch_str text, struct vch_http_head *ret, const char **ret_why);
bool vch_http_is_token(struct vch_str s);
/* Neither controls (but tab) nor DEL: nothing that ends a line. */
bool vch_http_is_field_value(struct vch_str s);

#endif
