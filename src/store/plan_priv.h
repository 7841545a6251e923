/* A plan is a list of steps in the caller's arena; the writer thread runs them
 * in order inside a savepoint. A step's function stands beside its adder. */
#ifndef VCH_STORE_PLAN_PRIV_H
#define VCH_STORE_PLAN_PRIV_H

#include "store/sql_priv.h"
#include "store/store.h"

/* What the transactions of a batch change, in order; keys are copied. */
struct vch_change {
    enum vch_change_kind kind;
    struct vch_str key;
};
struct vch_changes {
    struct vch_change *items;
    size_t count, cap;
    size_t ledger; /* one behind the place of the ledger's change, if it is there still */
    struct vch_arena *keys;
};
void vch_changes_deinit(struct vch_changes *changes);
void vch_changes_clear(struct vch_changes *changes);
/* Calls once for each distinct change, sorted. Reorders the list. */
void vch_changes_tell(struct vch_changes *changes, vch_store_on_change *on_change, void *arg);

/* The end of the ledger as the open transaction sees it. */
struct vch_ledger_head {
    bool known;
    int64_t seq;
    uint8_t hash[32];
};

/* What a step works with. */
struct vch_apply {
    struct vch_sql *db;
    struct vch_changes *changes;
    struct vch_ledger_head head;
    struct vch_diag *diag;
};
/* Remembers a change; NOMEM. */
enum vch_err vch_apply_changed(struct vch_apply *a, enum vch_change_kind kind, struct vch_str key) VCH_MUST;
/* The ledger grew: told once of all plans of a batch. */
enum vch_err vch_apply_changed_ledger(struct vch_apply *a) VCH_MUST;
/* A change of every certificate that the query (one parameter) names. */
enum vch_err vch_apply_changed_all(struct vch_apply *a, enum vch_change_kind kind, enum vch_query query,
                                   struct vch_str owner) VCH_MUST;

struct vch_step;
typedef enum vch_err vch_step_run(struct vch_apply *a, const struct vch_step *step);

struct vch_step {
    struct vch_step *next;
    vch_step_run *run;
    struct vch_str name, other, text, more;
    int64_t now_ms, number;
    bool flag;
    void *ret;          /* what the adder's ret_* points to, or NULL */
    const void *record; /* a copy in the arena */
};

struct vch_plan {
    struct vch_arena *arena;
    struct vch_step *first, *last;
    bool failed; /* memory was out while it was made */
};
/* Appends a copy of `step`. */
void vch_plan_add(struct vch_plan *p, const struct vch_step *step);
/* The same with its fields written in place. */
#define VCH_STEP(p, function, ...) vch_plan_add((p), &(const struct vch_step){.run = (function), __VA_ARGS__})
/* A step whose only argument is a record of `size` bytes, copied. */
void vch_plan_add_record(struct vch_plan *p, vch_step_run *run, const void *record, size_t size);

#endif
