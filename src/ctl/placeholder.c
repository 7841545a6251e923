#include "ctl/placeholder.h"

enum { ARN_HEAD_MAX = 128 }; /* "arn:partition:service:region" is shorter */

/* Is the ':' at `at` the fourth of an ARN? */
static bool before_account(struct vch_str text, size_t at) {
    size_t colons = 1;
    size_t start = at;
    while (start > 0 && at - start < ARN_HEAD_MAX) {
        char c = text.ptr[start - 1];
        if (c == '"' || c == '\'' || c == ' ' || c == '\n' || c == '\t') break;
        colons += c == ':';
        start--;
    }
    return colons == 4 && vch_str_starts(vch_str_sub(text, start, SIZE_MAX), VCH_STR("arn:"));
}

void vch_ctl_substitute(struct vch_str document, struct vch_str account, struct vch_buf *buf) {
    const struct vch_str word = VCH_STR(":account:");
    size_t from = 0;
    for (size_t at = 0; at + word.len <= document.len; at++) {
        if (!vch_str_starts(vch_str_sub(document, at, word.len), word) || !before_account(document, at)) continue;
        vch_buf_str(buf, vch_str_sub(document, from, at + 1 - from));
        vch_buf_str(buf, account);
        from = at + word.len - 1;
    }
    vch_buf_str(buf, vch_str_sub(document, from, SIZE_MAX));
}
