#include "api/squeeze.h"

#include <zlib.h>

/* RFC 9110 12.4.2: "q=0", "q=0.0" and so on. */
static bool weighs_nothing(struct vch_str weight) {
    if (!vch_str_starts(weight, VCH_STR("q=")) && !vch_str_starts(weight, VCH_STR("Q="))) return false;
    for (size_t i = 2; i < weight.len; i++)
        if (weight.ptr[i] != '0' && weight.ptr[i] != '.') return false;
    return true;
}

/* A name of its own counts more than "*". */
bool vch_takes_gzip(struct vch_str accept_encoding) {
    struct vch_str rest = accept_encoding, item, coding;
    bool any = false;
    if (accept_encoding.len == 0) return false;
    while (vch_str_split(&rest, ',', &item)) {
        if (!vch_str_split(&item, ';', &coding)) continue;
        bool taken = !weighs_nothing(vch_str_trim(item));
        coding = vch_str_trim(coding);
        if (vch_str_ieq(coding, VCH_STR("gzip")) || vch_str_ieq(coding, VCH_STR("x-gzip"))) return taken;
        if (vch_str_eq_c(coding, "*")) any = taken;
    }
    return any;
}

enum { GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8 };

static bool deflate_into(z_stream *z, struct vch_str plain, size_t room, struct vch_buf *ret) {
    char *out = vch_buf_extend(ret, room);
    if (!out) return false;
    z->next_in = (z_const Bytef *)(uintptr_t)plain.ptr;
    z->avail_in = (uInt)plain.len;
    z->next_out = (Bytef *)out;
    z->avail_out = (uInt)room;
    bool whole = deflate(z, Z_FINISH) == Z_STREAM_END;
    ret->len -= z->avail_out;
    return whole;
}

bool vch_gzip(struct vch_str plain, struct vch_buf *ret) {
    z_stream z = {0};
    if (plain.len <= 64 || plain.len > INT32_MAX) return false;
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) return false;
    /* Room for less than it was: what gains nothing does not fit. */
    bool gained = deflate_into(&z, plain, plain.len - 1, ret);
    (void)deflateEnd(&z);
    if (!gained) vch_buf_clear(ret);
    return gained;
}
