/* Which things are connected, and since when. The gateway tells of each
 * connection that has a thing; answers come from memory, and from the registry
 * for what memory no longer holds.
 *
 * Telling costs a lookup under a short lock. What changed is written to the
 * registry later, many at a time, by vch_connectivity_store; a crash loses at
 * most what was told since. Memory holds one small entry per connected thing.
 * Any thread.
 */
#ifndef VCH_SERVICE_CONNECTIVITY_H
#define VCH_SERVICE_CONNECTIVITY_H

#include "service/call.h"
#include "store/groups.h"

struct vch_connectivity;

enum vch_err vch_connectivity_new(struct vch_connectivity **ret) VCH_MUST;
void vch_connectivity_free(struct vch_connectivity *c); /* NULL is fine */

/* `session` is a number that no other session ever has: the end of a session
 * that another has replaced changes nothing. `reason` is static: AWS's word ("Lifecycle
 * events", disconnectReason). */
void vch_connectivity_up(struct vch_connectivity *c, struct vch_str thing, uint64_t session, int64_t now_ms);
void vch_connectivity_down(struct vch_connectivity *c, struct vch_str thing, uint64_t session, int64_t now_ms, const char *reason);

/* Memory first, then the registry. */
enum vch_err vch_connectivity_of(struct vch_service *service, struct vch_str thing, struct vch_rec_connectivity *ret, VCH_R) VCH_MUST;

/* Writes what changed since the last call. With `stopping` all that is
 * connected counts as disconnected by the server. Blocks. */
enum vch_err vch_connectivity_store(struct vch_service *service, int64_t now_ms, bool stopping, struct vch_diag *diag) VCH_MUST;
/* At start: what a crash of this server left connected is over. */
enum vch_err vch_connectivity_begin(struct vch_service *service, int64_t now_ms, struct vch_diag *diag) VCH_MUST;

#endif
