/* The files of console/, as they were when this was built: immutable, any
 * thread. Found by name; no folder is read when one is asked for. */
#ifndef VCH_API_PAGE_FILES_H
#define VCH_API_PAGE_FILES_H

#include "base/str.h"

struct vch_page_file {
    const char *name; /* "app.js" */
    const char *type; /* "text/javascript; charset=utf-8" */
    const char *hash; /* hex, of the plain bytes */
    struct vch_str plain, gzip;
};

/* NULL: there is none of this name. */
const struct vch_page_file *vch_page_file_find(struct vch_str name);
/* In the order of their names; NULL behind the last. */
const struct vch_page_file *vch_page_file_at(size_t index);

/* What an answer sends of a file. The two forms have entity tags of their own
 * (RFC 9110 8.8.3). */
struct vch_page_choice {
    bool gzip;
    bool unchanged; /* the reader has it: 304 */
    char etag[40];  /* with its quotes */
};
/* By the request's Accept-Encoding and If-None-Match; empty: absent. */
void vch_page_choose(const struct vch_page_file *file, struct vch_str accept_encoding, struct vch_str if_none_match,
                     struct vch_page_choice *ret);

#endif
