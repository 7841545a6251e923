#include "api/page_files.h"

#include <stdio.h>

#include "api/squeeze.h"

#include "api/page_bytes.inc"

#define PAGE_FILE(n, t, h, plain_bytes, gzip_bytes)                                                                    \
    {.name = (n),                                                                                                      \
     .type = (t),                                                                                                      \
     .hash = (h),                                                                                                      \
     .plain = {(const char *)(plain_bytes), sizeof(plain_bytes)},                                                      \
     .gzip = {(const char *)(gzip_bytes), sizeof(gzip_bytes)}},

static const struct vch_page_file files[] = {
#include "api/page_rows.inc"
};

enum { FILE_COUNT = sizeof files / sizeof *files };

const struct vch_page_file *vch_page_file_at(size_t index) {
    return index < FILE_COUNT ? &files[index] : NULL;
}

const struct vch_page_file *vch_page_file_find(struct vch_str name) {
    for (size_t i = 0; i < FILE_COUNT; i++)
        if (vch_str_eq_c(name, files[i].name)) return &files[i];
    return NULL;
}

/* RFC 9110 13.1.2: the weak comparison. */
static bool has_tag(struct vch_str if_none_match, struct vch_str etag) {
    struct vch_str rest = if_none_match, item;
    if (if_none_match.len == 0) return false;
    while (vch_str_split(&rest, ',', &item)) {
        item = vch_str_trim(item);
        if (vch_str_starts(item, VCH_STR("W/"))) item = vch_str_sub(item, 2, item.len);
        if (vch_str_eq(item, etag) || vch_str_eq_c(item, "*")) return true;
    }
    return false;
}

void vch_page_choose(const struct vch_page_file *file, struct vch_str accept_encoding, struct vch_str if_none_match,
                     struct vch_page_choice *ret) {
    ret->gzip = vch_takes_gzip(accept_encoding);
    (void)snprintf(ret->etag, sizeof ret->etag, "\"%s%s\"", file->hash, ret->gzip ? "-gz" : "");
    ret->unchanged = has_tag(if_none_match, vch_str_from(ret->etag));
}
