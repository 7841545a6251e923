/* Batches: lists of changes, and which of them the later ones make void. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "store/messages_priv.h"

enum { SLOTS_FIRST = 256, SLOTS_KEPT = 65536 };

/* ---- lists ------------------------------------------------------------------------ */

void vch_messages_changes_init(struct vch_messages_changes *list) {
    *list = (struct vch_messages_changes){.first = NULL};
    list->end = &list->first;
}

void vch_messages_changes_add(struct vch_messages_changes *list, struct vch_messages_change *change) {
    *list->end = change;
    list->end = &change->next;
    list->count++;
    list->awaited += change->wait.done != NULL;
    list->bytes += change->charge;
}

void vch_messages_changes_move(struct vch_messages_changes *from, struct vch_messages_changes *to) {
    if (!from->first) return;
    *to->end = from->first;
    to->end = from->end;
    to->count += from->count;
    to->awaited += from->awaited;
    to->bytes += from->bytes;
    vch_messages_changes_init(from);
}

void vch_messages_told(struct vch_messages_change *change, enum vch_err err) {
    struct vch_messages_wait wait = change->wait;
    change->wait = (struct vch_messages_wait){NULL, NULL};
    if (wait.done) wait.done(wait.arg, err);
}

void vch_messages_change_free(struct vch_messages *m, struct vch_messages_change *change) {
    if (change->owner) m->options.release(change->owner);
    atomic_fetch_sub_explicit(&m->waiting_bytes, change->charge, memory_order_relaxed);
    free(change);
}

/* ---- slots -------------------------------------------------------------------------- */

static struct vch_messages_slot *probe(const struct vch_messages_slots *slots, uint64_t hash,
                                       bool (*same)(const void *value, const void *wanted), const void *wanted) {
    for (size_t at = hash & (slots->size - 1);; at = (at + 1) & (slots->size - 1)) {
        struct vch_messages_slot *slot = &slots->slots[at];
        if (slot->round != slots->round) return slot;
        if (slot->hash == hash && (!wanted || same(slot->value, wanted))) return slot;
    }
}

static bool differs(const void *value, const void *wanted) {
    (void)value;
    (void)wanted;
    return false;
}

static bool grow(struct vch_messages_slots *slots) {
    struct vch_messages_slots bigger = {.size = slots->size ? slots->size * 2 : SLOTS_FIRST, .round = 1};
    bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
    if (!bigger.slots) return false;
    for (size_t i = 0; i < slots->size; i++) {
        if (slots->slots[i].round != slots->round) continue;
        struct vch_messages_slot *slot = probe(&bigger, slots->slots[i].hash, differs, slots);
        *slot = slots->slots[i];
        slot->round = bigger.round;
        bigger.count++;
    }
    free(slots->slots);
    *slots = bigger;
    return true;
}

struct vch_messages_slot *vch_messages_slot(struct vch_messages_slots *slots, uint64_t hash,
                                            bool (*same)(const void *value, const void *wanted), const void *wanted) {
    if (slots->count * 2 >= slots->size && !grow(slots)) return NULL;
    struct vch_messages_slot *slot = probe(slots, hash, same, wanted);
    if (slot->round == slots->round) return slot;
    *slot = (struct vch_messages_slot){.hash = hash, .round = slots->round, .value = NULL};
    slots->count++;
    return slot;
}

void vch_messages_slots_forget(struct vch_messages_slots *slots) {
    slots->count = 0;
    if (++slots->round != 0 && slots->size <= SLOTS_KEPT) return;
    free(slots->slots); /* a storm's, or numbers have gone round */
    *slots = (struct vch_messages_slots){.round = 1};
}

/* ---- what becomes void ----------------------------------------------------------------- */

/* Which changes are about the same thing, so that the later one counts. */
static const uint8_t subject_of[CHANGE_COUNT] = {
    [CHANGE_SESSION_PUT] = 1,  [CHANGE_SESSION_DROP] = 1,  [CHANGE_SUB_PUT] = 2,       [CHANGE_SUB_DROP] = 2,
    [CHANGE_ENTRY_PUT] = 3,    [CHANGE_ENTRY_MARK] = 3,    [CHANGE_ENTRY_DROP] = 3,    [CHANGE_RECEIVED_PUT] = 4,
    [CHANGE_RECEIVED_DROP] = 4, [CHANGE_WILL_PUT] = 5,     [CHANGE_WILL_DROP] = 5,     [CHANGE_RETAINED_PUT] = 6,
    [CHANGE_RETAINED_DROP] = 6,
};

static bool has_name(const struct vch_messages_change *change) {
    return subject_of[change->what] == subject_of[CHANGE_SUB_PUT] ||
           subject_of[change->what] == subject_of[CHANGE_RETAINED_PUT];
}

static bool same_subject(const void *value, const void *wanted) {
    const struct vch_messages_change *a = value, *b = wanted;
    return a && subject_of[a->what] == subject_of[b->what] && a->key == b->key && a->seq == b->seq &&
           (!has_name(a) || vch_str_eq(a->text, b->text));
}

static uint64_t hash_of(const struct vch_messages_change *change) {
    uint64_t head[4] = {subject_of[change->what], change->key, change->seq, 0};
    if (has_name(change)) head[3] = vch_hash(change->text);
    return vch_hash(vch_str_of(head, sizeof head));
}

static void make_void(struct vch_messages *m, struct vch_messages_change *change) {
    if (change->is_void) return;
    change->is_void = true;
    m->voided++;
    if (change->what == CHANGE_ENTRY_PUT) vch_messages_told(change, VCH_OK); /* it is in nobody's queue any more */
}

/* Entries are put once: one that is put and dropped was never there, and one that is dropped stays so. The change
 * that the next one meets. */
static struct vch_messages_change *meet_entry(struct vch_messages *m, struct vch_messages_change *earlier,
                                              struct vch_messages_change *later) {
    bool put = earlier->what == CHANGE_ENTRY_PUT && !earlier->is_void;
    if (earlier->what == CHANGE_ENTRY_DROP && later->what != CHANGE_ENTRY_PUT) {
        make_void(m, later);
        return earlier;
    }
    if (put && later->what == CHANGE_ENTRY_MARK) {
        memcpy(earlier->number, later->number, 2 * sizeof later->number[0]); /* state and packet id */
        make_void(m, later);
        return earlier;
    }
    if (later->what == CHANGE_ENTRY_PUT) return later;
    make_void(m, earlier);
    if (put) make_void(m, later);
    return later;
}

/* A session goes with all that was said of it; one that begins here was never there. */
static void drop_session(struct vch_messages *m, struct vch_messages_change *drop) {
    bool fresh = false;
    for (struct vch_messages_change *c = drop->same_session; c; c = c->same_session) {
        fresh |= c->fresh;
        make_void(m, c);
    }
    if (fresh) make_void(m, drop);
    drop->fresh = fresh; /* if it is dropped twice */
}

static bool same_session(const void *value, const void *wanted) {
    const struct vch_messages_change *a = value, *b = wanted;
    return a && a->key == b->key;
}

static bool link_session(struct vch_messages *m, struct vch_messages_change *change) {
    const uint64_t head[2] = {0, change->key};
    if (change->key == 0) return true; /* retained: no session's */
    struct vch_messages_slot *slot =
        vch_messages_slot(&m->slots, vch_hash(vch_str_of(head, sizeof head)), same_session, change);
    if (!slot) return false;
    change->same_session = slot->value;
    slot->value = change;
    return true;
}

static bool meet(struct vch_messages *m, struct vch_messages_change *change) {
    struct vch_messages_slot *slot = vch_messages_slot(&m->slots, hash_of(change), same_subject, change);
    if (!slot) return false;
    struct vch_messages_change *earlier = slot->value;
    slot->value = change;
    if (change->what == CHANGE_SESSION_DROP) {
        drop_session(m, change);
    } else if (earlier && subject_of[change->what] == subject_of[CHANGE_ENTRY_PUT]) {
        slot->value = meet_entry(m, earlier, change);
    } else if (earlier && earlier->what != CHANGE_SESSION_DROP) {
        change->fresh |= earlier->fresh;
        make_void(m, earlier);
    }
    return true;
}

static void forget_void(struct vch_messages *m) {
    struct vch_messages_changes kept;
    vch_messages_changes_init(&kept);
    for (struct vch_messages_change *change = m->held.first, *next; change; change = next) {
        next = change->next;
        change->next = NULL;
        change->same_session = NULL;
        if (change->is_void && !change->wait.done)
            vch_messages_change_free(m, change);
        else
            vch_messages_changes_add(&kept, change);
    }
    vch_messages_changes_init(&m->held);
    vch_messages_changes_move(&kept, &m->held);
}

void vch_messages_compact(struct vch_messages *m) {
    vch_messages_slots_forget(&m->slots);
    for (struct vch_messages_change *change = m->held.first; change; change = change->next) {
        change->same_session = NULL;
        if (change->is_void) continue;
        if (!link_session(m, change) || !meet(m, change)) break;
    }
    forget_void(m);
}
