/* What a device that pairs says to the server: whom it trusts there, and one
 * request after the other. The first connection finds the root; from then on it
 * is that root or nobody. An owner: init ... close. One thread. */
#ifndef VCH_AGENT_PAIR_TALK_H
#define VCH_AGENT_PAIR_TALK_H

#include "agent/options.h"
#include "agent/pair_url.h"
#include "agent/report.h"
#include "http/ask.h"

struct vch_pair_talk {
    struct vch_ask ask;
    struct vch_pair_url url;
    struct vch_report *report;
    struct vch_buf root;       /* PEM; empty: not met yet */
    struct vch_buf root_given; /* PEM of --root-ca; empty: none */
    char root_fingerprint[65];
};

/* `kept_root`: of an earlier run, PEM, or empty. CONFIG, CREDENTIALS. */
enum vch_exit vch_pair_talk_init(struct vch_pair_talk *talk, struct vch_options *options, struct vch_str kept_root,
                                 struct vch_report *report, struct vch_outcome *outcome) VCH_MUST;
void vch_pair_talk_close(struct vch_pair_talk *talk); /* zeroed is fine */

/* Connects, and finds the root. NETWORK; CREDENTIALS when it is not the one that was handed over. */
enum vch_exit vch_pair_talk_open(struct vch_pair_talk *talk, int64_t deadline_ms, struct vch_outcome *outcome) VCH_MUST;
/* POST. OK for status 200; `ret` is the caller's to deinit in any case. Else the outcome says why, `again` whether it
 * may pass; `ret->status` is 0 without an answer. */
enum vch_exit vch_pair_talk_post(struct vch_pair_talk *talk, const char *path, struct vch_str json, int64_t deadline_ms,
                                 struct vch_reply *ret, struct vch_outcome *outcome) VCH_MUST;

#endif
