/* The program of --on-event: run for each event, one after the other, without a
 * shell. It gets its own process group, /dev/null as input, our standard error
 * as both outputs, no other descriptor, and this environment alone: PATH, HOME
 * (the state folder), VOUCH_EVENT, VOUCH_THING_NAME, VOUCH_CERTIFICATE_ID,
 * VOUCH_CERTIFICATE, VOUCH_STATE_DIR, VOUCH_DEVICE_CONFIG, VOUCH_MESSAGE. No
 * secret is among them. After its time it is killed with all it started.
 * Events wait in order; when eight wait, the next is dropped with a warning.
 * One thread. */
#ifndef VCH_AGENT_EVENTS_H
#define VCH_AGENT_EVENTS_H

#include <sys/types.h>

#include "agent/report.h"

enum vch_event {
    VCH_EVENT_PROVISIONED, /* there is an identity now */
    VCH_EVENT_CONNECTED,   /* each time the permanent certificate has connected */
    VCH_EVENT_ROTATED,     /* the certificate has its successor, in use */
    VCH_EVENT_REVOKED,     /* the server does not take the certificate any more */
    VCH_EVENT_REFUSED,     /* provisioning or renewal was refused */
    VCH_EVENT_COUNT
};
const char *vch_event_word(enum vch_event event);

enum { VCH_EVENT_QUEUE = 8 };

struct vch_event_note {
    enum vch_event event;
    char certificate_id[65];
    char message[256];
};

struct vch_events {
    const char *program; /* absolute path; NULL: none */
    int64_t limit_ms;
    struct vch_report *report;
    const char *thing_name, *certificate, *state_dir, *device_config; /* NULL: not told */
    /* Inside. */
    struct vch_event_note queue[VCH_EVENT_QUEUE];
    size_t count;
    pid_t pid; /* 0: none runs */
    enum vch_event running;
    int64_t until_ms;
};

/* CONFIG unless the program is an absolute path to a file that may be run and that others cannot write. */
enum vch_exit vch_events_check(const char *program, struct vch_outcome *outcome) VCH_MUST;
void vch_events_raise(struct vch_events *events, enum vch_event event, const char *certificate_id, const char *message);
/* Starts, reaps and kills. Returns the milliseconds until it wants the next turn, INT64_MAX when idle. */
int64_t vch_events_turn(struct vch_events *events, int64_t mono_ms);
/* Runs what waits, each within its limit. */
void vch_events_drain(struct vch_events *events);

#endif
