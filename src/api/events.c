#include "api/events_priv.h"

#include <stdlib.h>

#include "base/log.h"

/* ---- batches ---- */

struct vch_event_batch *vch_event_batch_new(void) {
    struct vch_event_batch *batch = calloc(1, sizeof *batch);
    if (!batch) return NULL;
    atomic_init(&batch->refs, 1);
    batch->arena = vch_arena_new(VCH_EVENTS_PAGE_BYTES, false);
    if (batch->arena) return batch;
    free(batch);
    return NULL;
}

void vch_event_batch_unref(struct vch_event_batch *batch) {
    if (!batch || atomic_fetch_sub(&batch->refs, 1) > 1) return;
    vch_arena_free(batch->arena);
    free(batch);
}

static void weigh(struct vch_event_batch *batch) {
    for (size_t i = 0; i < batch->page.count; i++) batch->bytes += batch->page.items[i].data.len;
}

enum vch_err vch_event_batch_load(struct vch_events *events, int64_t after, struct vch_event_batch **ret, struct vch_diag *diag) {
    struct vch_event_batch *batch = vch_event_batch_new();
    if (!batch) return VCH_ERR_NOMEM;
    enum vch_err err = vch_event_page_load(events->options.service, after, &batch->page, batch->arena, diag);
    if (err != VCH_OK) {
        vch_event_batch_unref(batch);
        return err;
    }
    weigh(batch);
    *ret = batch;
    return VCH_OK;
}

/* ---- to the loops ---- */

struct letter {
    struct vch_event_lane *lane;
    struct vch_event_batch *batch;
};

static void make_up(struct vch_event_lane *lane) {
    bool skipped = atomic_exchange(&lane->skipped, false);
    unsigned missed = atomic_exchange(&lane->missed, 0);
    for (struct vch_event_stream *s = lane->first; s; s = s->next) {
        if (skipped) vch_event_stream_catch_up(s);
        if (missed) vch_event_stream_tell_missed(s, missed);
    }
}

static void deliver(void *arg) {
    struct letter letter = *(struct letter *)arg;
    free(arg);
    for (struct vch_event_stream *s = letter.lane->first; s; s = s->next) vch_event_stream_take(s, letter.batch);
    atomic_fetch_sub(&letter.lane->queued, letter.batch->bytes);
    vch_event_batch_unref(letter.batch);
    make_up(letter.lane);
}

static bool has_room(const struct vch_event_lane *lane, const struct vch_event_batch *batch) {
    return atomic_load(&lane->queued) + batch->bytes <= VCH_EVENTS_QUEUE_MAX;
}

/* A loop that does not keep up is passed by: its listeners read rows for
 * themselves, and connections are counted. */
static void send_to(struct vch_event_lane *lane, struct vch_event_batch *batch) {
    struct letter *letter = has_room(lane, batch) ? malloc(sizeof *letter) : NULL;
    if (letter) {
        *letter = (struct letter){lane, batch};
        atomic_fetch_add(&batch->refs, 1);
        atomic_fetch_add(&lane->queued, batch->bytes);
        if (vch_loop_post(lane->loop, deliver, letter)) return;
        atomic_fetch_sub(&lane->queued, batch->bytes);
        vch_event_batch_unref(batch);
        free(letter);
    }
    if (batch->page.to) atomic_store(&lane->skipped, true);
    else atomic_fetch_add(&lane->missed, 1);
}

static void share_out(struct vch_events *events, struct vch_event_batch *batch) {
    for (size_t i = 0; i < VCH_EVENTS_LANES; i++)
        if (atomic_load(&events->lanes[i].streams)) send_to(&events->lanes[i], batch);
    vch_event_batch_unref(batch);
}

/* ---- reading, once for all ---- */

static void read_rows(void *arg);

/* With the lock held. */
static void read_locked(struct vch_events *events) {
    events->again = false;
    events->reading = vch_pool_submit(events->options.pool, read_rows, events) == VCH_OK;
}

/* Nobody has listened before: who does has read up to somewhere, and sees whether that is the end. */
static enum vch_err load_end(struct vch_events *events, struct vch_event_batch **ret, struct vch_diag *diag) {
    int64_t end = 0;
    VCH_TRY(vch_events_end(events->options.service, &end, diag));
    *ret = vch_event_batch_new();
    if (!*ret) return VCH_ERR_NOMEM;
    (*ret)->page = (struct vch_event_page){.from = end, .to = end};
    return VCH_OK;
}

static void read_rows(void *arg) {
    struct vch_events *events = arg;
    struct vch_diag diag = {0};
    struct vch_event_batch *batch = NULL;
    int64_t position = vch_events_position(events);
    enum vch_err err = position < 0 ? load_end(events, &batch, &diag) : vch_event_batch_load(events, position, &batch, &diag);
    if (err != VCH_OK) VCH_LOG(WARN, "events-unread", VCH_LOG_C("error", vch_err_word(err)), VCH_LOG_C("detail", diag.message));
    (void)pthread_mutex_lock(&events->lock);
    bool more = events->again || (batch && batch->page.more);
    events->reading = false;
    if (batch && events->all) events->position = batch->page.to;
    if (more && events->all) read_locked(events);
    (void)pthread_mutex_unlock(&events->lock);
    if (batch) share_out(events, batch);
}

static void look_for_rows(struct vch_events *events) {
    (void)pthread_mutex_lock(&events->lock);
    if (events->reading) events->again = true;
    else if (events->all) read_locked(events);
    (void)pthread_mutex_unlock(&events->lock);
}

int64_t vch_events_position(struct vch_events *events) {
    (void)pthread_mutex_lock(&events->lock);
    int64_t position = events->position;
    (void)pthread_mutex_unlock(&events->lock);
    return position;
}

/* ---- what is told from outside ---- */

static void judge_lane(void *arg) {
    struct vch_event_lane *lane = arg;
    atomic_store(&lane->doubted, false);
    for (struct vch_event_stream *s = lane->first; s; s = s->next) vch_event_stream_judge(s);
}

static void judge_all(struct vch_events *events) {
    for (size_t i = 0; i < VCH_EVENTS_LANES; i++) {
        struct vch_event_lane *lane = &events->lanes[i];
        if (!atomic_load(&lane->streams) || atomic_exchange(&lane->doubted, true)) continue;
        if (!vch_loop_post(lane->loop, judge_lane, lane)) atomic_store(&lane->doubted, false);
    }
}

/* Does this user listen, by whatever credential? */
static bool listens(struct vch_events *events, struct vch_str user) {
    bool found = false;
    (void)pthread_mutex_lock(&events->lock);
    for (const struct vch_event_stream *s = events->all; s && !found; s = s->next_of_all)
        found = vch_str_starts(s->owner, VCH_STR("user/")) && vch_str_eq(vch_str_sub(s->owner, 5, SIZE_MAX), user);
    (void)pthread_mutex_unlock(&events->lock);
    return found;
}

void vch_events_changed(struct vch_events *events, enum vch_change_kind kind, struct vch_str key) {
    if (!atomic_load(&events->streams)) return;
    if (kind == VCH_CHANGE_LEDGER || kind == VCH_CHANGE_ALL) look_for_rows(events);
    if (kind == VCH_CHANGE_USER || kind == VCH_CHANGE_ROLE || kind == VCH_CHANGE_ALL) judge_all(events);
    if (kind == VCH_CHANGE_SESSION && listens(events, key)) judge_all(events);
}

void vch_events_clock_moved(struct vch_events *events) {
    judge_all(events);
}

void vch_events_connection(struct vch_events *events, struct vch_str thing_name, struct vch_str client_id, bool connected, int64_t now_ms) {
    if (!atomic_load(&events->streams)) return;
    struct vch_event_batch *batch = vch_event_batch_new();
    struct vch_event *event = batch ? VCH_ARENA_NEW(batch->arena, struct vch_event) : NULL;
    if (!event || vch_event_of_connection(thing_name, client_id, connected, now_ms, batch->arena, event) != VCH_OK) {
        vch_event_batch_unref(batch);
        return;
    }
    batch->page = (struct vch_event_page){.items = event, .count = 1};
    batch->bytes = sizeof *batch + event->data.len;
    share_out(events, batch);
}

/* ---- life ---- */

enum vch_err vch_events_new(const struct vch_events_options *options, struct vch_events **ret) {
    struct vch_events *events = calloc(1, sizeof *events);
    if (!events) return VCH_ERR_NOMEM;
    events->options = *options;
    if (events->options.beat_ms <= 0) events->options.beat_ms = VCH_EVENTS_BEAT_MS;
    events->position = -1;
    (void)pthread_mutex_init(&events->lock, NULL);
    *ret = events;
    return VCH_OK;
}

void vch_events_free(struct vch_events *events) {
    if (!events) return;
    (void)pthread_mutex_destroy(&events->lock);
    free(events);
}

void vch_events_stats(struct vch_events *events, struct vch_events_stats *ret) {
    *ret = (struct vch_events_stats){
        .streams = atomic_load(&events->streams), .told = atomic_load(&events->told), .cut = atomic_load(&events->cut)};
}
