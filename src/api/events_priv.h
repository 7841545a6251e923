/* Events between their files: events.c reads and shares out, event_stream.c is
 * one listener's life, event_rights.c says whether it may go on. */
#ifndef VCH_API_EVENTS_PRIV_H
#define VCH_API_EVENTS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/events.h"
#include "api/http_job_priv.h"
#include "http/stream.h"

enum { VCH_EVENTS_LANES = 64, VCH_EVENTS_UNREAD_MAX = 2 << 20, VCH_EVENTS_QUEUE_MAX = 4 << 20, VCH_EVENTS_PAGE_BYTES = 32 << 20 };

/* Events read once and shared by loops; freed with the last reference. */
struct vch_event_batch {
    atomic_uint refs;
    struct vch_arena *arena; /* holds the page */
    struct vch_event_page page;
    size_t bytes;
};
/* NULL: memory. One reference. */
struct vch_event_batch *vch_event_batch_new(void);
void vch_event_batch_unref(struct vch_event_batch *batch); /* NULL is fine */
/* `load` of the rows behind `after`. */
enum vch_err vch_event_batch_load(struct vch_events *events, int64_t after, struct vch_event_batch **ret, struct vch_diag *diag) VCH_MUST;

/* One loop's share. */
struct vch_event_lane {
    struct vch_loop *_Atomic loop;   /* set by its listeners, read by workers */
    struct vch_event_stream *first;  /* [loop] */
    atomic_size_t streams;
    atomic_size_t queued;            /* bytes on their way to it */
    atomic_bool skipped;             /* rows were not given to it: its listeners read for themselves */
    atomic_uint missed;              /* connections were not told to it */
    atomic_bool doubted;             /* its listeners are about to be judged */
};

struct vch_events {
    struct vch_events_options options;
    struct vch_event_lane lanes[VCH_EVENTS_LANES];
    atomic_size_t streams; /* written under the lock */
    atomic_uint_fast64_t told, cut;
    pthread_mutex_t lock; /* of what follows; short */
    struct vch_event_stream *all;
    int64_t position; /* up to where rows were shared out; -1: nobody listened */
    bool reading, again; /* a worker reads; there is more since it began */
};
int64_t vch_events_position(struct vch_events *events);

/* ---- one listener ---- */

struct vch_event_stream {
    struct vch_events *events;
    struct vch_event_stream *next_of_all, **link_of_all; /* under the lock */
    struct vch_str owner;                                /* "user/NAME" */
    struct vch_http_job *job;                            /* who asked; its arena holds all texts */
    struct vch_event_filter filter;
    bool secure;      /* it came by TLS */
    int64_t position; /* all rows up to here were told, or not wanted */
    /* [loop] */
    struct vch_event_lane *lane;
    struct vch_event_stream *next, **link;
    struct vch_http_stream *http; /* NULL: it is over */
    struct vch_timer beat;
    unsigned tasks;           /* workers that have it; it is freed behind the last */
    bool reading, again;      /* it reads for itself; it missed something meanwhile */
    bool hungry;              /* reads on when the last page is gone */
    bool judging, judge_again;
    int64_t stuck_ms; /* since when it has read nothing; 0: it reads */
};

/* On a worker: checks the inputs, takes a place. job->stream is set. THROTTLED with EVENTS_FULL. */
enum vch_err vch_event_stream_admit(struct vch_events *events, struct vch_http_job *job, const struct vch_call *call) VCH_MUST;
/* [loop] The answer begins; job and exchange are the stream's, or gone. */
void vch_event_stream_begin(struct vch_http_job *job, const struct vch_http_answer *answer);
/* One that never began: gives its place back. */
void vch_event_stream_drop(struct vch_event_stream *stream);
/* [loop] */
void vch_event_stream_take(struct vch_event_stream *stream, const struct vch_event_batch *batch);
void vch_event_stream_catch_up(struct vch_event_stream *stream);
void vch_event_stream_tell_missed(struct vch_event_stream *stream, unsigned connections);
void vch_event_stream_judge(struct vch_event_stream *stream);

/* event_rights.c: on a worker. The caller's own copy, which outlives the request. NOMEM. */
enum vch_err vch_caller_keep(struct vch_caller *caller, struct vch_arena *arena) VCH_MUST;
/* Is whoever asked still who it was, and still allowed? Blocks. */
enum vch_err vch_event_stream_check(const struct vch_event_stream *stream, struct vch_diag *diag) VCH_MUST;

#endif
