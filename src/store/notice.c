/* The text of a message between servers: "SENDER BATCH\nkKEY\nkKEY\n". */
#include <string.h>

#include "store/ear_priv.h"

static const char letters[] = {
    [VCH_CHANGE_CERTIFICATE] = 'c', [VCH_CHANGE_CLAIM] = 'l', [VCH_CHANGE_POLICY] = 'p',
    [VCH_CHANGE_TEMPLATE] = 't',    [VCH_CHANGE_USER] = 'u',  [VCH_CHANGE_ROLE] = 'r',
    [VCH_CHANGE_LEDGER] = 'g',
    [VCH_CHANGE_PAIRING] = 'd',
    [VCH_CHANGE_SESSION] = 's',
    [VCH_CHANGE_ALL] = '*',
};

enum { NOTICE_MAX = 7900, CHANGES_MAX = 2000, HEAD_MAX = 64 };

bool vch_notice_parse(struct vch_str text, struct vch_notice *ret) {
    struct vch_str head = {NULL, 0};
    if (vch_str_find(text, '\n', 0) == SIZE_MAX || !vch_str_split(&text, '\n', &head)) return false;
    if (!vch_str_split(&head, ' ', &ret->sender)) return false;
    ret->lines = text;
    return ret->sender.len > 0 && vch_str_int(head, &ret->batch) == VCH_OK;
}

bool vch_notice_next(struct vch_str *lines, enum vch_change_kind *ret_kind, struct vch_str *ret_key, bool *ret_sane) {
    struct vch_str line = {NULL, 0};
    *ret_sane = true;
    if (lines->len == 0 || !vch_str_split(lines, '\n', &line) || line.len == 0) return false;
    const char *letter = line.ptr[0] ? memchr(letters, line.ptr[0], sizeof letters) : NULL;
    *ret_sane = letter != NULL;
    if (!letter) return false;
    *ret_kind = (enum vch_change_kind)(letter - letters);
    *ret_key = vch_str_sub(line, 1, SIZE_MAX);
    return true;
}

static bool fits(const struct vch_change *change) {
    return change->key.len < 2048 && letters[change->kind] && vch_str_find(change->key, '\n', 0) == SIZE_MAX;
}

static bool too_many(const struct vch_changes *changes) {
    for (size_t i = 0; i < changes->count; i++)
        if (!fits(&changes->items[i])) return true;
    return changes->count > CHANGES_MAX;
}

void vch_notice_begin(struct vch_buf *buf, const char *sender, int64_t batch) {
    vch_buf_clear(buf);
    vch_buf_printf(buf, "%s %lld\n", sender, (long long)batch);
}

size_t vch_notice_fill(struct vch_buf *buf, const struct vch_changes *changes, size_t from) {
    if (too_many(changes)) {
        vch_buf_printf(buf, "%c\n", letters[VCH_CHANGE_ALL]);
        return changes->count;
    }
    for (; from < changes->count; from++) {
        const struct vch_change *change = &changes->items[from];
        if (buf->len + change->key.len + 2 > NOTICE_MAX) break;
        vch_buf_printf(buf, "%c", letters[change->kind]);
        vch_buf_str(buf, change->key);
        vch_buf_c(buf, "\n");
    }
    return from;
}
