/* A client connection that never waits: TCP, optional TLS with a client
 * certificate, driven by whoever watches its descriptor. For programs that hold
 * many at once.
 *
 * A target is made once, read only afterwards, and shared by any threads; a
 * link is one thread's. Every call returns at once and says what it waits for.
 * TCP_NODELAY is set. Never raises SIGPIPE.
 */
#ifndef VCH_NET_LINK_H
#define VCH_NET_LINK_H

#include "net/dial.h"

struct vch_link_target; /* where to, and the TLS settings */
struct vch_link;

enum vch_link_io { VCH_LINK_DONE, VCH_LINK_WANT_READ, VCH_LINK_WANT_WRITE, VCH_LINK_END, VCH_LINK_FAILED };

/* Waits, until the deadline of the options at most, for the first of the name's addresses that answers. Errors as
 * vch_dial_open. */
enum vch_err vch_link_target_new(const struct vch_dial_options *options, struct vch_link_target **ret,
                                 struct vch_diag *diag) VCH_MUST;
void vch_link_target_free(struct vch_link_target *target); /* after its links; NULL is fine */

/* Starts to connect; IO, NOMEM. */
enum vch_err vch_link_start(const struct vch_link_target *target, struct vch_link **ret,
                            struct vch_diag *diag) VCH_MUST;
/* On with TCP and TLS: DONE when both are done. */
enum vch_link_io vch_link_advance(struct vch_link *link);
/* DONE with at least one byte, WANT_, END when the server closed, FAILED. */
enum vch_link_io vch_link_read(struct vch_link *link, void *buf, size_t size, size_t *ret_len) VCH_MUST;
enum vch_link_io vch_link_write(struct vch_link *link, struct vch_str bytes, size_t *ret_done) VCH_MUST;
bool vch_link_has_more(const struct vch_link *link); /* read, but still inside TLS */
int vch_link_fd(const struct vch_link *link);        /* still the link's */
/* Why the last call said FAILED. */
const struct vch_diag *vch_link_diag(const struct vch_link *link);
void vch_link_close(struct vch_link *link); /* close_notify if the socket takes it now; NULL is fine */

#endif
