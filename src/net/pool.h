/* Worker threads for everything that may block. A job runs once, on some
 * worker; it hands its result back with vch_loop_post. */
#ifndef VCH_NET_POOL_H
#define VCH_NET_POOL_H

#include "base/str.h"

struct vch_pool;

enum vch_err vch_pool_new(unsigned threads, size_t queue_max, struct vch_pool **ret) VCH_MUST;
/* UNAVAILABLE when the queue is full: refuse the request, do not wait. Any thread. */
enum vch_err vch_pool_submit(struct vch_pool *pool, void (*fn)(void *arg), void *arg) VCH_MUST;
/* The same, behind the others: of what comes in bursts and may take its time. While there are both, one job of four is
 * from behind. */
enum vch_err vch_pool_submit_behind(struct vch_pool *pool, void (*fn)(void *arg), void *arg) VCH_MUST;
/* Runs what is queued, then ends the threads; submitting is refused from then
 * on. For a stop in which the loops still take the last answers. One thread. */
void vch_pool_stop(struct vch_pool *pool);
void vch_pool_free(struct vch_pool *pool); /* stops first; NULL is fine */

#endif
