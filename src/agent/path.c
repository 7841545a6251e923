#include <ctype.h>
#include <stdlib.h>

#include "agent/options.h"

/* The name after '$', with or without braces; moves *at behind it. */
static struct vch_str take_name(struct vch_str path, size_t *at) {
    bool braces = *at < path.len && path.ptr[*at] == '{';
    size_t start = *at + (braces ? 1 : 0), end = start;
    while (end < path.len && (isalnum((unsigned char)path.ptr[end]) || path.ptr[end] == '_')) end++;
    if (braces && (end >= path.len || path.ptr[end] != '}')) return vch_str_of(NULL, 0);
    *at = end + (braces ? 1 : 0);
    return vch_str_sub(path, start, end - start);
}

static void add_variable(struct vch_str path, size_t *at, struct vch_buf *buf) {
    char name[128];
    struct vch_str word = take_name(path, at);
    if (word.len == 0)
        vch_buf_u8(buf, '$');
    else if (vch_str_copy(name, sizeof name, word))
        vch_buf_c(buf, getenv(name));
}

struct vch_str vch_path_expand(struct vch_str path, struct vch_arena *arena) {
    struct vch_buf buf;
    vch_buf_init(&buf, 4000);
    size_t at = 0;
    const char *home = getenv("HOME");
    if (home && path.len && path.ptr[0] == '~' && (path.len == 1 || path.ptr[1] == '/')) {
        vch_buf_c(&buf, home);
        at = 1;
    }
    while (at < path.len) {
        char c = path.ptr[at++];
        if (c == '$')
            add_variable(path, &at, &buf);
        else
            vch_buf_u8(&buf, (uint8_t)c);
    }
    struct vch_str ret = vch_arena_str(arena, vch_str_of(buf.ptr, buf.failed ? 0 : buf.len));
    vch_buf_deinit(&buf);
    return ret;
}
