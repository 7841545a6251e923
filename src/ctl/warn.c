#include "ctl/warn.h"

/* What came over the wire reaches a terminal in printable characters only. */
static void put(struct vch_ctl *ctl, struct vch_str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        (void)fputc(c < 0x20 || c > 0x7E ? '?' : c, ctl->err);
    }
}

static void put_one(struct vch_ctl *ctl, const struct vch_val *finding) {
    (void)fputs("vouch: warning: ", ctl->err);
    put(ctl, vch_val_str_at(finding, "rule"));
    (void)fputc(' ', ctl->err);
    put(ctl, vch_val_str_at(finding, "field"));
    (void)fputs(": ", ctl->err);
    put(ctl, vch_val_str_at(finding, "sentence"));
    (void)fputc('\n', ctl->err);
}

void vch_ctl_warn(struct vch_ctl *ctl) {
    struct vch_val *list = NULL;
    if (!ctl->lint.len || vch_json_decode(ctl->lint, NULL, ctl->arena, &list, NULL) != VCH_OK) return;
    for (size_t i = 0; list->type == VCH_VAL_LIST && i < list->count; i++) put_one(ctl, &list->items[i]);
}
