#include "store/plan_priv.h"

#include <stdlib.h>
#include <string.h>

struct vch_plan *vch_plan_new(struct vch_arena *arena) {
    struct vch_plan *plan = VCH_ARENA_NEW(arena, struct vch_plan);
    if (plan) plan->arena = arena;
    return plan;
}

void vch_plan_add(struct vch_plan *p, const struct vch_step *step) {
    if (!p || p->failed) return;
    struct vch_step *copy = VCH_ARENA_NEW(p->arena, struct vch_step);
    if (!copy) {
        p->failed = true;
        return;
    }
    *copy = *step;
    if (p->last) p->last->next = copy;
    else p->first = copy;
    p->last = copy;
}

void vch_plan_add_record(struct vch_plan *p, vch_step_run *run, const void *record, size_t size) {
    if (!p || p->failed) return;
    void *copy = vch_arena_alloc(p->arena, size);
    if (copy) memcpy(copy, record, size);
    else p->failed = true;
    VCH_STEP(p, run, .record = copy);
}

/* Bounds what one batch may tell; a sweep of the largest kind needs about 1 MB. */
enum { KEYS_MAX = 256 * 1024 * 1024 };

void vch_changes_deinit(struct vch_changes *changes) {
    free(changes->items);
    vch_arena_free(changes->keys);
    *changes = (struct vch_changes){0};
}

void vch_changes_clear(struct vch_changes *changes) {
    changes->count = 0;
    if (changes->keys) vch_arena_reset(changes->keys);
}

static int compare_changes(const void *a, const void *b) {
    const struct vch_change *x = a, *y = b;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    return vch_str_cmp(x->key, y->key);
}

void vch_changes_tell(struct vch_changes *changes, vch_store_on_change *on_change, void *arg) {
    if (!on_change || changes->count == 0) return;
    qsort(changes->items, changes->count, sizeof *changes->items, compare_changes);
    for (size_t i = 0; i < changes->count; i++) {
        const struct vch_change *change = &changes->items[i];
        if (i == 0 || compare_changes(change, change - 1) != 0) on_change(arg, change->kind, change->key);
    }
}

static bool room_for_change(struct vch_changes *changes) {
    if (!changes->keys) changes->keys = vch_arena_new(KEYS_MAX, false);
    if (!changes->keys) return false;
    if (changes->count < changes->cap) return true;
    size_t cap = changes->cap ? changes->cap * 2 : 64;
    struct vch_change *items = realloc(changes->items, cap * sizeof *items);
    if (!items) return false;
    changes->items = items;
    changes->cap = cap;
    return true;
}

enum vch_err vch_apply_changed(struct vch_apply *a, enum vch_change_kind kind, struct vch_str key) {
    struct vch_str copy = {NULL, 0};
    if (room_for_change(a->changes)) copy = vch_arena_str(a->changes->keys, key);
    if (!copy.ptr) return VCH_REFUSE(a->diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    a->changes->items[a->changes->count++] = (struct vch_change){kind, copy};
    return VCH_OK;
}

/* A plan that was rolled back took it away, and others may stand in its place. */
static bool ledger_is_told(const struct vch_changes *changes) {
    size_t at = changes->ledger;
    return at > 0 && at <= changes->count && changes->items[at - 1].kind == VCH_CHANGE_LEDGER;
}

enum vch_err vch_apply_changed_ledger(struct vch_apply *a) {
    if (ledger_is_told(a->changes)) return VCH_OK;
    VCH_TRY(vch_apply_changed(a, VCH_CHANGE_LEDGER, VCH_STR("")));
    a->changes->ledger = a->changes->count;
    return VCH_OK;
}

enum vch_err vch_apply_changed_all(struct vch_apply *a, enum vch_change_kind kind, enum vch_query query,
                                   struct vch_str owner) {
    VCH_CURSOR cursor = {0};
    VCH_TRY(vch_cursor_start(&cursor, a->db, query, VCH_ARGS(VCH_T(owner)), a->diag));
    for (;;) {
        bool row = false;
        VCH_TRY(vch_cursor_next(&cursor, &row, a->diag));
        if (!row) return VCH_OK;
        VCH_TRY(vch_apply_changed(a, kind, vch_cursor_view(&cursor, 0)));
    }
}

static enum vch_err rehearsed(struct vch_apply *a, const struct vch_step *step) {
    (void)step;
    return VCH_REFUSE(a->diag, VCH_ERR_STATE, REHEARSED, "", "All of it would be done.");
}

void vch_plan_rehearse(struct vch_plan *p) {
    VCH_STEP(p, rehearsed, .flag = true);
}
