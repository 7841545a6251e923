/* Identities in memory: a handshake of a known certificate asks no database. An entry lives until its certificate or claim is told
 * to have changed; while changes are not heard (vch_identity_cache_trust) there
 * are no entries. Bounded: a newer entry takes the slot of an older one.
 *
 * A read that began before a change must not leave its answer behind it: `mark`
 * before the read, and `put` with that mark does nothing once a change came. Any
 * thread.
 */
#ifndef VCH_STORE_IDENTITY_CACHE_PRIV_H
#define VCH_STORE_IDENTITY_CACHE_PRIV_H

#include "store/store.h"

struct vch_identity_cache;
struct vch_identity_cache *vch_identity_cache_new(void); /* NULL: out of memory; not trusted yet */
void vch_identity_cache_free(struct vch_identity_cache *cache); /* NULL is fine */

bool vch_identity_cache_get(struct vch_identity_cache *cache, struct vch_str id, struct vch_identity *ret);
uint64_t vch_identity_cache_mark(struct vch_identity_cache *cache, struct vch_str id);
void vch_identity_cache_put(struct vch_identity_cache *cache, struct vch_str id, uint64_t mark,
                            const struct vch_identity *identity);
void vch_identity_cache_drop(struct vch_identity_cache *cache, struct vch_str id);
/* Forgets all; from now on entries are kept, or not. */
void vch_identity_cache_trust(struct vch_identity_cache *cache, bool trusted);

#endif
