#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 4096 };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct vch_arena {
    struct block *blocks; /* newest first */
    size_t cap;
    size_t used;
    bool wipe;
};

struct vch_arena *vch_arena_new(size_t cap_bytes, bool wipe) {
    struct vch_arena *arena = calloc(1, sizeof *arena);
    if (!arena) return NULL;
    arena->cap = cap_bytes;
    arena->wipe = wipe;
    return arena;
}

static void drop_blocks(struct vch_arena *arena, struct block *keep) {
    struct block *block = arena->blocks;
    while (block) {
        struct block *next = block->next;
        if (arena->wipe) vch_wipe(block->bytes, block->used);
        if (block != keep) free(block);
        block = next;
    }
}

void vch_arena_free(struct vch_arena *arena) {
    if (!arena) return;
    drop_blocks(arena, NULL);
    free(arena);
}

void vch_arena_reset(struct vch_arena *arena) {
    struct block *keep = arena->blocks;
    drop_blocks(arena, keep);
    arena->used = 0;
    arena->blocks = keep;
    if (!keep) return;
    keep->next = NULL;
    keep->used = 0;
}

size_t vch_arena_used(const struct vch_arena *arena) {
    return arena->used;
}

static struct block *block_for(struct vch_arena *arena, size_t size) {
    struct block *block = arena->blocks;
    if (block && block->size - block->used >= size) return block;
    size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
    block = malloc(sizeof *block + room);
    if (!block) return NULL;
    block->size = room;
    block->used = 0;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *vch_arena_alloc(struct vch_arena *arena, size_t size) {
    if (size == 0) size = 1;
    if (size > arena->cap - arena->used) return NULL;
    size_t padded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (padded < size || padded > arena->cap - arena->used) return NULL;
    struct block *block = block_for(arena, padded);
    if (!block) return NULL;
    void *piece = block->bytes + block->used;
    block->used += padded;
    arena->used += padded;
    memset(piece, 0, padded);
    return piece;
}

void *vch_arena_array(struct vch_arena *arena, size_t count, size_t size) {
    if (size && count > SIZE_MAX / size) return NULL;
    return vch_arena_alloc(arena, count * size);
}

struct vch_str vch_arena_str(struct vch_arena *arena, struct vch_str s) {
    char *copy = s.len < SIZE_MAX ? vch_arena_alloc(arena, s.len + 1) : NULL;
    if (!copy) return (struct vch_str){NULL, 0};
    if (s.len) memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return vch_str_of(copy, s.len);
}

struct vch_str vch_arena_printf(struct vch_arena *arena, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = len < 0 ? NULL : vch_arena_alloc(arena, (size_t)len + 1);
    if (!text) return (struct vch_str){NULL, 0};
    va_start(args, fmt);
    (void)vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return vch_str_of(text, (size_t)len);
}
