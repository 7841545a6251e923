/* POSTs JSON to one HTTPS server and waits for the answer, over one connection
 * that is kept; for a device, without libcurl. It follows no redirect, keeps no
 * cookie, and asks for nothing else. Memory, and with the caller's deadline time,
 * are bounded whatever the server sends. An owner: init ... close. One thread. */
#ifndef VCH_HTTP_ASK_H
#define VCH_HTTP_ASK_H

#include "http/reply.h"
#include "net/dial.h"

enum { VCH_ASK_ANSWER_MAX = 128 * 1024, VCH_ASK_DIAL_MS = 10000 };

struct vch_ask {
    struct vch_dial_options to; /* the caller's; deadline and TLS are set here */
    struct vch_str agent;       /* User-Agent */
    /* Waits until `fd` may be read; true to give up. NULL: waits for the deadline alone. */
    bool (*wait)(int fd, int64_t wait_ms);
    struct vch_dial *dial; /* NULL: not connected */
};

/* Connects when there is no connection. Errors of vch_dial_open. */
enum vch_err vch_ask_open(struct vch_ask *ask, int64_t deadline_ms, struct vch_diag *diag) VCH_MUST;
/* Any status is a success; `ret` is initialised and the caller's to deinit, on errors too. A connection that
 * the server had closed meanwhile is made again, once. Errors of vch_dial_open; TIMEOUT; MALFORMED, TOO_LARGE for what
 * is no answer; STATE when `wait` gave up. Monotonic deadline. */
enum vch_err vch_ask_post(struct vch_ask *ask, struct vch_str path, struct vch_str json, int64_t deadline_ms,
                          struct vch_reply *ret, struct vch_diag *diag) VCH_MUST;
void vch_ask_close(struct vch_ask *ask); /* may be opened again */

#endif
