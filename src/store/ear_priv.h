/* Changes between servers that share a database. The writer puts what a batch
 * changes beside its commit; the ear, a thread with a connection of its own,
 * hears what the others put, and tells it on. A lost connection is made again;
 * what was missed meanwhile is told as VCH_CHANGE_ALL.
 */
#ifndef VCH_STORE_EAR_PRIV_H
#define VCH_STORE_EAR_PRIV_H

#include "base/buf.h"
#include "store/store_priv.h"

/* Listens before it returns, so that no change is missed. */
enum vch_err vch_ear_start(struct vch_store *s, struct vch_diag *diag) VCH_MUST;
void vch_ear_stop(struct vch_store *s);

/* [writer] Inside the transaction: the batch's changes, for the others. */
enum vch_err vch_ear_announce(struct vch_store *s, struct vch_sql *db, const struct vch_changes *changes,
                              struct vch_diag *diag) VCH_MUST;
/* [writer] The announced batch is over. `told`: on_change knows of it; false:
 * it failed, or its commit was not answered, and the ear tells of it if it comes. */
void vch_ear_settle(struct vch_store *s, bool told);

/* ---- notice.c: one message ---- */

/* Sender, number of the batch, and lines of kind and key. */
struct vch_notice {
    struct vch_str sender;
    int64_t batch;
    struct vch_str lines;
};
bool vch_notice_parse(struct vch_str text, struct vch_notice *ret);
/* The next change of the lines; false at the end, or where it makes no sense (then *ret_sane is false). */
bool vch_notice_next(struct vch_str *lines, enum vch_change_kind *ret_kind, struct vch_str *ret_key, bool *ret_sane);
void vch_notice_begin(struct vch_buf *buf, const char *sender, int64_t batch);
/* As many changes from `from` on as fit; returns where the next message begins. */
size_t vch_notice_fill(struct vch_buf *buf, const struct vch_changes *changes, size_t from) VCH_MUST;

#endif
