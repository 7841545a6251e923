/* Life with the permanent certificate: connected, pinging, reconnecting with
 * back-off, and the publish/subscribe sample of the AWS client. */
#ifndef VCH_AGENT_SERVE_H
#define VCH_AGENT_SERVE_H

#include "agent/link.h"

struct vch_sample {
    const char *publish_topic, *publish_file;     /* topic NULL: nothing to publish */
    const char *subscribe_topic, *subscribe_file; /* topic NULL: nothing to subscribe to */
};

struct vch_serve {
    struct vch_link *link;
    const struct vch_credentials *credentials;
    struct vch_report *report;
    const char *client_id;
    struct vch_sample sample;
    bool once;
    int64_t retry_ms; /* for the first connection with `once` */
    /* Inside. */
    bool publish_asked;
    unsigned losses;
};

/* Returns OK after the one connection of `once`, or when asked to stop. */
enum vch_exit vch_serve_run(struct vch_serve *serve, struct vch_outcome *outcome) VCH_MUST;

#endif
