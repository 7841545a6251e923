/* One listener: from its request to its end. */
#include <stdio.h>
#include <stdlib.h>

#include "api/events_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/reason.h"

enum { FRAME_MAX = 4 << 20 };

/* ---- places ---- */

static size_t places_of(const struct vch_events *events, struct vch_str owner) {
    size_t count = 0;
    for (const struct vch_event_stream *s = events->all; s; s = s->next_of_all) count += vch_str_eq(s->owner, owner);
    return count;
}

static bool take_place(struct vch_events *events, struct vch_event_stream *stream) {
    (void)pthread_mutex_lock(&events->lock);
    bool free_place = atomic_load(&events->streams) < VCH_EVENTS_STREAMS_MAX &&
                      places_of(events, stream->owner) < VCH_EVENTS_STREAMS_PER_USER;
    if (free_place) {
        stream->next_of_all = events->all;
        stream->link_of_all = &events->all;
        if (events->all) events->all->link_of_all = &stream->next_of_all;
        events->all = stream;
        atomic_fetch_add(&events->streams, 1);
    }
    (void)pthread_mutex_unlock(&events->lock);
    return free_place;
}

static void give_place(struct vch_event_stream *stream) {
    struct vch_events *events = stream->events;
    (void)pthread_mutex_lock(&events->lock);
    if (stream->link_of_all) {
        *stream->link_of_all = stream->next_of_all;
        if (stream->next_of_all) stream->next_of_all->link_of_all = stream->link_of_all;
        stream->link_of_all = NULL;
        atomic_fetch_sub(&events->streams, 1);
        if (!events->all) events->position = -1;
    }
    (void)pthread_mutex_unlock(&events->lock);
}

void vch_event_stream_drop(struct vch_event_stream *stream) {
    give_place(stream);
    free(stream);
}

/* ---- admission: on a worker ---- */

static enum vch_err check_last_id(struct vch_str text, int64_t *ret, struct vch_diag *diag) {
    if (text.len == 0 || (vch_str_int(text, ret) == VCH_OK && *ret >= 0)) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "Last-Event-ID", "Last-Event-ID is no sequence of the ledger.");
}

/* Where it was, or the end; what is behind the end is of another registry. */
static enum vch_err find_start(struct vch_event_stream *stream, const struct vch_call *call) {
    int64_t from = vch_val_int_at(call->in, "after", -1), end = 0;
    VCH_TRY(check_last_id(vch_val_str_at(call->in, "lastEventId"), &from, call->diag));
    VCH_TRY(vch_events_end(stream->events->options.service, &end, call->diag));
    stream->position = from < 0 || from > end ? end : from;
    return VCH_OK;
}

static enum vch_err keep_texts(struct vch_event_stream *stream, struct vch_http_job *job, const struct vch_call *call) {
    VCH_TRY(vch_caller_keep(&job->caller, job->arena));
    stream->secure = job->request->secure;
    stream->owner = vch_caller_person(&job->caller, job->arena);
    stream->filter.thing_name = vch_arena_str(job->arena, vch_val_str_at(call->in, "thingName"));
    stream->filter.pairing_id = vch_arena_str(job->arena, vch_val_str_at(call->in, "pairingId"));
    bool whole = stream->owner.ptr && stream->filter.thing_name.ptr && stream->filter.pairing_id.ptr;
    return whole ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err prepare(struct vch_event_stream *stream, struct vch_http_job *job, const struct vch_call *call) {
    VCH_TRY(keep_texts(stream, job, call));
    /* The place first: what is committed behind the end that is found is told to it. */
    if (!take_place(stream->events, stream))
        return VCH_REFUSE(call->diag, VCH_ERR_THROTTLED, EVENTS_FULL, "", "At most %d event streams of a user, and %d in all, may be open at once.",
                          VCH_EVENTS_STREAMS_PER_USER, VCH_EVENTS_STREAMS_MAX);
    return find_start(stream, call);
}

enum vch_err vch_event_stream_admit(struct vch_events *events, struct vch_http_job *job, const struct vch_call *call) {
    struct vch_event_stream *stream = calloc(1, sizeof *stream);
    if (!stream) return VCH_ERR_NOMEM;
    stream->events = events;
    stream->job = job;
    enum vch_err err = prepare(stream, job, call);
    if (err == VCH_OK) job->stream = stream;
    else vch_event_stream_drop(stream);
    return err;
}

/* ---- writing: on the loop ---- */

static void write_text(struct vch_event_stream *stream, const char *kind, int64_t seq, struct vch_str data) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, FRAME_MAX);
    if (seq > 0) vch_buf_printf(&buf, "id: %lld\n", (long long)seq);
    vch_buf_printf(&buf, "event: %s\ndata: ", kind);
    vch_buf_str(&buf, data);
    vch_buf_c(&buf, "\n\n");
    if (vch_buf_finish(&buf, &text) == VCH_OK) vch_http_stream_write(stream->http, text);
    vch_buf_deinit(&buf);
}

static void write_event(struct vch_event_stream *stream, const struct vch_event *event) {
    if (!vch_event_wanted(&stream->filter, event)) return;
    write_text(stream, event->seq ? "ledger" : "connection", event->seq, event->data);
    atomic_fetch_add(&stream->events->told, 1);
}

static void write_rows(struct vch_event_stream *stream, const struct vch_event_page *page) {
    for (size_t i = 0; i < page->count; i++)
        if (page->items[i].seq > stream->position) write_event(stream, &page->items[i]);
    stream->position = page->to;
}

/* A sign of life that also says how far it has come, for rows that were not wanted. */
static void write_beat(struct vch_event_stream *stream, const char *before) {
    char text[96];
    int len = snprintf(text, sizeof text, "%s: alive\nid: %lld\n\n", before, (long long)stream->position);
    vch_http_stream_write(stream->http, vch_str_of(text, (size_t)len));
}

void vch_event_stream_tell_missed(struct vch_event_stream *stream, unsigned connections) {
    char text[48];
    if (!stream->http || stream->filter.pairing_id.len) return;
    int len = snprintf(text, sizeof text, "{\"connections\":%u}", connections);
    write_text(stream, "missed", 0, vch_str_of(text, (size_t)len));
}

static void finish(struct vch_event_stream *stream, enum vch_err err, struct vch_diag *diag) {
    struct vch_buf buf;
    struct vch_str text;
    if (!diag->reason) (void)VCH_REFUSE(diag, err, INTERNAL, "", "The server could not look at your rights again.");
    vch_buf_init(&buf, 2048);
    vch_buf_printf(&buf, "{\"reason\":\"%s\",\"message\":", diag->reason);
    vch_json_encode_str(vch_str_from(diag->message), &buf);
    vch_buf_c(&buf, "}");
    if (vch_buf_finish(&buf, &text) == VCH_OK) write_text(stream, "end", 0, text);
    vch_buf_deinit(&buf);
    vch_http_stream_end(stream->http, diag);
}

/* ---- tasks: on a worker and back ---- */

struct task {
    struct vch_event_stream *stream;
    int64_t after; /* of a reading */
    struct vch_event_batch *batch;
    enum vch_err err;
    struct vch_diag diag;
    void (*done)(void *task); /* on the loop */
};

static void stream_free(struct vch_event_stream *stream) {
    struct vch_http_job *job = stream->job;
    free(stream);
    vch_http_job_free(job);
}

/* False: the stream is over, and the task was the last that had it, or not. */
static bool come_back(struct task *task) {
    struct vch_event_stream *stream = task->stream;
    stream->tasks--;
    if (stream->http) return true;
    if (stream->tasks == 0) stream_free(stream);
    return false;
}

static void task_free(struct task *task) {
    vch_event_batch_unref(task->batch);
    free(task);
}

/* Posted to a loop that still runs: those end after the pool. */
static void hand_back(struct task *task) {
    if (!vch_loop_post(task->stream->lane->loop, task->done, task)) task_free(task);
}

static bool start_task(struct vch_event_stream *stream, void (*work)(void *task), void (*done)(void *task)) {
    struct task *task = calloc(1, sizeof *task);
    if (!task) return false;
    *task = (struct task){.stream = stream, .after = stream->position, .done = done};
    if (vch_pool_submit(stream->events->options.pool, work, task) != VCH_OK) {
        free(task);
        return false;
    }
    stream->tasks++;
    return true;
}

/* ---- reading for itself ---- */

static void read_work(void *arg) {
    struct task *task = arg;
    task->err = vch_event_batch_load(task->stream->events, task->after, &task->batch, &task->diag);
    hand_back(task);
}

static void read_on(struct vch_event_stream *stream);

/* A registry that is away is asked again at the next heartbeat. */
static void read_done(void *arg) {
    struct task *task = arg;
    struct vch_event_stream *stream = task->stream;
    if (come_back(task)) {
        bool more = task->err == VCH_OK && (task->batch->page.more || stream->again);
        if (task->err == VCH_OK) write_rows(stream, &task->batch->page);
        stream->reading = false;
        if (more && vch_http_stream_pending(stream->http)) stream->reading = stream->hungry = true;
        else if (more) read_on(stream);
    }
    task_free(task);
}

static void read_on(struct vch_event_stream *stream) {
    stream->hungry = stream->again = false;
    stream->reading = start_task(stream, read_work, read_done);
}

void vch_event_stream_catch_up(struct vch_event_stream *stream) {
    if (stream->reading) stream->again = true;
    else if (stream->http) read_on(stream);
}

void vch_event_stream_take(struct vch_event_stream *stream, const struct vch_event_batch *batch) {
    const struct vch_event_page *page = &batch->page;
    if (!stream->http) return;
    if (page->to == 0 && page->count) write_event(stream, page->items);
    else if (stream->reading) stream->again = true;
    else if (page->from > stream->position) read_on(stream);
    else if (page->to > stream->position) write_rows(stream, page);
}

/* ---- the heartbeat ---- */

static void judge_work(void *arg) {
    struct task *task = arg;
    task->err = vch_event_stream_check(task->stream, &task->diag);
    hand_back(task);
}

/* True: it reads nothing, and is cut. */
static bool is_stuck(struct vch_event_stream *stream) {
    int64_t now_ms = vch_mono_ms();
    bool waits = vch_http_stream_pending(stream->http) > 0;
    if (!waits || stream->stuck_ms == 0) stream->stuck_ms = waits ? now_ms : 0;
    return waits && now_ms - stream->stuck_ms >= stream->events->options.beat_ms;
}

static void go_on(struct vch_event_stream *stream) {
    struct vch_diag diag = {0};
    if (is_stuck(stream)) {
        (void)VCH_REFUSE(&diag, VCH_ERR_LIMIT, SLOW_READER, "", "Events were not read.");
        vch_http_stream_end(stream->http, &diag);
        return;
    }
    write_beat(stream, "");
    if (!stream->reading && stream->position < vch_events_position(stream->events)) read_on(stream);
    vch_timer_set(&stream->beat, stream->events->options.beat_ms);
}

static void judge_done(void *arg) {
    struct task *task = arg;
    struct vch_event_stream *stream = task->stream;
    if (come_back(task)) {
        stream->judging = false;
        if (task->err != VCH_OK) finish(stream, task->err, &task->diag);
        else if (stream->judge_again) vch_event_stream_judge(stream);
        else go_on(stream);
    }
    task_free(task);
}

void vch_event_stream_judge(struct vch_event_stream *stream) {
    struct vch_diag diag = {0};
    if (!stream->http) return;
    stream->judge_again = stream->judging;
    if (stream->judging) return;
    stream->judging = start_task(stream, judge_work, judge_done);
    if (stream->judging) return;
    (void)VCH_REFUSE(&diag, VCH_ERR_UNAVAILABLE, SERVER_STOPPING, "", "The server is busy or stops.");
    finish(stream, VCH_ERR_UNAVAILABLE, &diag);
}

static void on_beat(void *arg) {
    vch_event_stream_judge(arg);
}

/* ---- the answer ---- */

static void on_drain(void *arg) {
    struct vch_event_stream *stream = arg;
    stream->stuck_ms = 0;
    if (stream->hungry) read_on(stream);
}

static void leave_lane(struct vch_event_stream *stream) {
    *stream->link = stream->next;
    if (stream->next) stream->next->link = stream->link;
    atomic_fetch_sub(&stream->lane->streams, 1);
}

static void on_end(void *arg, const struct vch_diag *diag) {
    struct vch_event_stream *stream = arg;
    bool cut = vch_str_eq_c(vch_str_from(diag->reason), "output-overflow") ||
               vch_str_eq_c(vch_str_from(diag->reason), vch_reason_code(VCH_REASON_SLOW_READER));
    VCH_LOG(INFO, "events-end", VCH_LOG_C("reason", diag->reason), VCH_LOG_S("user", stream->job->caller.arn),
            VCH_LOG_C("request", stream->job->request_id), VCH_LOG_I("sequence", stream->position));
    if (cut) atomic_fetch_add(&stream->events->cut, 1);
    stream->http = NULL;
    leave_lane(stream);
    give_place(stream);
    vch_timer_deinit(&stream->beat);
    if (stream->tasks == 0) stream_free(stream);
}

static void enter_lane(struct vch_event_stream *stream, struct vch_loop *loop) {
    struct vch_event_lane *lane = &stream->events->lanes[vch_loop_index(loop) % VCH_EVENTS_LANES];
    atomic_store(&lane->loop, loop);
    stream->lane = lane;
    stream->next = lane->first;
    stream->link = &lane->first;
    if (lane->first) lane->first->link = &stream->next;
    lane->first = stream;
    atomic_fetch_add(&lane->streams, 1);
}

void vch_event_stream_begin(struct vch_http_job *job, const struct vch_http_answer *answer) {
    static const struct vch_http_stream_handler handler = {on_drain, on_end};
    struct vch_event_stream *stream = job->stream;
    struct vch_http_answer head = *answer;
    struct vch_loop *loop = vch_http_exchange_loop(job->exchange);
    job->stream = NULL; /* from here on it has the job */
    head.content_type = vch_op_row(VCH_OP_WATCH_EVENTS)->out->wire;
    bool timed = vch_timer_init(loop, &stream->beat, on_beat, stream) == VCH_OK;
    stream->http = vch_http_stream_begin(job->exchange, &head, VCH_EVENTS_UNREAD_MAX, &handler, stream);
    if (!stream->http) {
        vch_timer_deinit(&stream->beat);
        give_place(stream);
        stream_free(stream);
        return;
    }
    enter_lane(stream, loop);
    if (!timed) {
        vch_http_stream_end(stream->http, NULL);
        return;
    }
    write_beat(stream, "retry: 2000\n");
    read_on(stream);
    vch_timer_set(&stream->beat, stream->events->options.beat_ms);
}
