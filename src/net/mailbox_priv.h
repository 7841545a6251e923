/* Letters from any thread to one: run in order of posting, one wake-up for all
 * that wait. A lock, because posting is short and keeping order without one is
 * not. */
#ifndef VCH_NET_MAILBOX_PRIV_H
#define VCH_NET_MAILBOX_PRIV_H

#include "base/str.h"

struct vch_mailbox;

enum vch_err vch_mailbox_new(struct vch_mailbox **ret) VCH_MUST;
void vch_mailbox_free(struct vch_mailbox *mailbox);    /* letters not run are dropped */
int vch_mailbox_fd(const struct vch_mailbox *mailbox); /* readable when there is mail or a stop */
/* Any thread. False after the stop, or when memory is out. */
bool vch_mailbox_post(struct vch_mailbox *mailbox, void (*fn)(void *arg), void *arg);
void vch_mailbox_stop(struct vch_mailbox *mailbox); /* any thread; no post succeeds after it */
/* The reader: runs what waits. False when stopped and nothing is left. */
bool vch_mailbox_run(struct vch_mailbox *mailbox);

#endif
