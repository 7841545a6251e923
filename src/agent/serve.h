/* Life with the permanent certificate: connected, pinging, reconnecting with
 * back-off; the publish/subscribe sample of the AWS client, heartbeats, events,
 * renewal, words to the service manager. One thread. */
#ifndef VCH_AGENT_SERVE_H
#define VCH_AGENT_SERVE_H

#include "agent/events.h"
#include "agent/notify.h"
#include "agent/renew.h"

struct vch_sample {
    const char *publish_topic, *publish_file;     /* topic NULL: nothing to publish */
    const char *subscribe_topic, *subscribe_file; /* topic NULL: nothing to subscribe to */
    bool on_change;                               /* publish again when the file has changed */
};

struct vch_serve {
    struct vch_link *link;
    struct vch_credentials *credentials;
    struct vch_report *report;
    const char *client_id;
    struct vch_sample sample;
    bool once;
    int64_t retry_ms;            /* for the first connection with `once` */
    const char *heartbeat_topic; /* NULL: none */
    int64_t heartbeat_ms;
    bool stay_revoked; /* try on, seldom, with a certificate that is not taken */
    bool fresh;        /* provisioned in this run */
    bool paired; /* the last step of a pairing is still to be told */
    struct vch_events events;
    struct vch_notify notify;
    struct vch_renew *renew; /* NULL: the identity is not ours to renew */
    bool renew_by_age, renew_now;
    /* Inside. */
    bool publish_asked;
    unsigned losses, lost, refusals, renewals_failed; /* in a row; `lost` in all */
    int64_t started_ms, heartbeat_at, renew_at, change_at; /* monotonic */
    int64_t changed_ns;                                    /* of the published file */
};

/* Returns OK after the one connection of `once`, or when asked to stop; REVOKED
 * when the server has refused the certificate several times in a row. */
enum vch_exit vch_serve_run(struct vch_serve *serve, struct vch_outcome *outcome) VCH_MUST;

#endif
