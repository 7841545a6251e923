/* Memory of one request: many small pieces, released together.
 *
 * An arena belongs to one thread at a time; it may be handed over whole. It is
 * capped: past the cap allocation returns NULL and the arena stays usable.
 * Pieces are aligned for any type and zeroed. vch_arena_free wipes nothing
 * unless the arena was made with `wipe`, which overwrites every block.
 */
#ifndef VCH_BASE_ARENA_H
#define VCH_BASE_ARENA_H

#include "base/str.h"

struct vch_arena;

/* NULL when memory is out. `cap_bytes` bounds the sum of all pieces. */
struct vch_arena *vch_arena_new(size_t cap_bytes, bool wipe);
void vch_arena_free(struct vch_arena *arena); /* NULL is fine */
void vch_arena_reset(struct vch_arena *arena); /* forgets all pieces, keeps one block */
size_t vch_arena_used(const struct vch_arena *arena);

void *vch_arena_alloc(struct vch_arena *arena, size_t size) VCH_MUST;
/* `count` items of `size`; NULL on overflow too. */
void *vch_arena_array(struct vch_arena *arena, size_t count, size_t size) VCH_MUST;
#define VCH_ARENA_NEW(arena, type) ((type *)vch_arena_alloc((arena), sizeof(type)))

/* A terminated copy; .ptr is NULL when memory is out. */
struct vch_str vch_arena_str(struct vch_arena *arena, struct vch_str s);
struct vch_str vch_arena_printf(struct vch_arena *arena, const char *fmt, ...) VCH_PRINTF(2, 3);

#endif
