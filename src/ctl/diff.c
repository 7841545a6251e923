#include "ctl/diff.h"

enum { PATH_MAX_BYTES = 65536 };

struct walk {
    struct vch_arena *arena;
    struct vch_val *list;
};

/* `path` with one more part; RFC 6901 section 3. */
static struct vch_str below(struct walk *w, struct vch_str path, struct vch_str part) {
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    vch_buf_init(&buf, PATH_MAX_BYTES);
    vch_buf_str(&buf, path);
    vch_buf_c(&buf, "/");
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] == '~') vch_buf_c(&buf, "~0");
        else if (part.ptr[i] == '/') vch_buf_c(&buf, "~1");
        else vch_buf_bytes(&buf, &part.ptr[i], 1);
    }
    if (vch_buf_finish(&buf, &text) == VCH_OK) text = vch_arena_str(w->arena, text);
    vch_buf_deinit(&buf);
    return text;
}

static enum vch_err put_side(struct walk *w, struct vch_val *map, const char *name, const struct vch_val *val) {
    struct vch_val *slot = val ? vch_val_put(w->arena, map, name) : NULL;
    if (slot) *slot = *val;
    return slot || !val ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err note(struct walk *w, struct vch_str path, const struct vch_val *from, const struct vch_val *to) {
    struct vch_val *map = vch_val_push_map(w->arena, w->list);
    const char *change = !from ? "added" : !to ? "removed" : "changed";
    if (!map || !path.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(w->arena, map, "path", path));
    VCH_TRY(vch_val_put_str(w->arena, map, "change", vch_str_from(change)));
    VCH_TRY(put_side(w, map, "from", from));
    return put_side(w, map, "to", to);
}

/* The depth is that of the documents, which their decoder bounds. */
static enum vch_err compare(struct walk *w, struct vch_str path, const struct vch_val *from, const struct vch_val *to);

static enum vch_err compare_maps(struct walk *w, struct vch_str path, const struct vch_val *from, const struct vch_val *to) {
    for (size_t i = 0; i < from->count; i++) {
        const struct vch_member *m = &from->members[i];
        VCH_TRY(compare(w, below(w, path, m->name), &m->value, vch_val_get_str(to, m->name)));
    }
    for (size_t i = 0; i < to->count; i++) {
        const struct vch_member *m = &to->members[i];
        if (!vch_val_get_str(from, m->name)) VCH_TRY(note(w, below(w, path, m->name), NULL, &m->value));
    }
    return VCH_OK;
}

static enum vch_err compare_lists(struct walk *w, struct vch_str path, const struct vch_val *from, const struct vch_val *to) {
    for (size_t i = 0; i < from->count || i < to->count; i++) {
        struct vch_str part = vch_arena_printf(w->arena, "%zu", i);
        if (!part.ptr) return VCH_ERR_NOMEM;
        VCH_TRY(compare(w, below(w, path, part), i < from->count ? &from->items[i] : NULL, i < to->count ? &to->items[i] : NULL));
    }
    return VCH_OK;
}

static enum vch_err compare(struct walk *w, struct vch_str path, const struct vch_val *from, const struct vch_val *to) {
    if (!path.ptr) return VCH_ERR_NOMEM;
    if (from && to && from->type == VCH_VAL_MAP && to->type == VCH_VAL_MAP) return compare_maps(w, path, from, to);
    if (from && to && from->type == VCH_VAL_LIST && to->type == VCH_VAL_LIST) return compare_lists(w, path, from, to);
    return from && to && vch_val_eq(from, to) ? VCH_OK : note(w, path, from, to);
}

enum vch_err vch_ctl_diff(const struct vch_val *from, const struct vch_val *to, struct vch_arena *arena, struct vch_val *list) {
    struct walk w = {arena, list};
    return compare(&w, VCH_STR(""), from, to);
}

void vch_ctl_diff_lines(const struct vch_val *list, struct vch_buf *buf) {
    for (size_t i = 0; i < list->count; i++) {
        const struct vch_val *from = vch_val_get(&list->items[i], "from"), *to = vch_val_get(&list->items[i], "to");
        struct vch_str path = vch_val_str_at(&list->items[i], "path");
        vch_buf_c(buf, !from ? "+ " : !to ? "- " : "~ ");
        vch_buf_str(buf, path.len ? path : VCH_STR("(all)"));
        vch_buf_c(buf, " ");
        if (from) vch_json_encode(from, buf);
        if (from && to) vch_buf_c(buf, " -> ");
        if (to) vch_json_encode(to, buf);
        vch_buf_c(buf, "\n");
    }
}
