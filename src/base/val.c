#include "base/val.h"

#include <string.h>

bool vch_val_is(const struct vch_val *val, enum vch_val_type type) {
    return val && val->type == type;
}

const struct vch_val *vch_val_get_str(const struct vch_val *map, struct vch_str name) {
    if (!vch_val_is(map, VCH_VAL_MAP)) return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (vch_str_eq(map->members[i].name, name)) return &map->members[i].value;
    return NULL;
}

const struct vch_val *vch_val_get(const struct vch_val *map, const char *name) {
    return vch_val_get_str(map, vch_str_from(name));
}

struct vch_str vch_val_str_at(const struct vch_val *map, const char *name) {
    const struct vch_val *val = vch_val_get(map, name);
    return vch_val_is(val, VCH_VAL_STR) ? val->str : (struct vch_str){NULL, 0};
}

int64_t vch_val_int_at(const struct vch_val *map, const char *name, int64_t otherwise) {
    const struct vch_val *val = vch_val_get(map, name);
    return vch_val_is(val, VCH_VAL_INT) ? val->integer : otherwise;
}

bool vch_val_bool_at(const struct vch_val *map, const char *name, bool otherwise) {
    const struct vch_val *val = vch_val_get(map, name);
    return vch_val_is(val, VCH_VAL_BOOL) ? val->boolean : otherwise;
}

static bool lists_eq(const struct vch_val *a, const struct vch_val *b) {
    for (size_t i = 0; i < a->count; i++)
        if (!vch_val_eq(&a->items[i], &b->items[i])) return false;
    return true;
}

static bool maps_eq(const struct vch_val *a, const struct vch_val *b) {
    for (size_t i = 0; i < a->count; i++) {
        const struct vch_val *other = vch_val_get_str(b, a->members[i].name);
        if (!other || !vch_val_eq(&a->members[i].value, other)) return false;
    }
    return true;
}

bool vch_val_eq(const struct vch_val *a, const struct vch_val *b) {
    if (a->type != b->type || a->count != b->count) return false;
    switch (a->type) {
    case VCH_VAL_NULL: return true;
    case VCH_VAL_BOOL: return a->boolean == b->boolean;
    case VCH_VAL_INT: return a->integer == b->integer;
    case VCH_VAL_REAL: return a->real >= b->real && a->real <= b->real;
    case VCH_VAL_STR: return vch_str_eq(a->str, b->str);
    case VCH_VAL_LIST: return lists_eq(a, b);
    case VCH_VAL_MAP: return maps_eq(a, b);
    }
    return false;
}

static struct vch_val *fresh(struct vch_arena *arena, enum vch_val_type type) {
    struct vch_val *val = VCH_ARENA_NEW(arena, struct vch_val);
    if (val) val->type = type;
    return val;
}

struct vch_val *vch_val_new_map(struct vch_arena *arena) {
    return fresh(arena, VCH_VAL_MAP);
}

struct vch_val *vch_val_new_list(struct vch_arena *arena) {
    return fresh(arena, VCH_VAL_LIST);
}

/* What a decoder made holds exactly its items: the first addition moves it. */
static void *room_for_one(struct vch_arena *arena, struct vch_val *val, void *items, size_t size) {
    if (val->count < val->room) return items;
    size_t room = val->count < 4 ? 4 : val->count * 2;
    void *bigger = room <= UINT32_MAX ? vch_arena_array(arena, room, size) : NULL;
    if (!bigger) return NULL;
    if (val->count) memcpy(bigger, items, val->count * size);
    val->room = (uint32_t)room;
    return bigger;
}

struct vch_val *vch_val_put_str_name(struct vch_arena *arena, struct vch_val *map, struct vch_str name) {
    if (!map) return NULL;
    vch_assert(map->type == VCH_VAL_MAP);
    struct vch_member *members = room_for_one(arena, map, map->members, sizeof *members);
    if (!members) return NULL;
    map->members = members;
    struct vch_member *slot = &members[map->count++];
    memset(slot, 0, sizeof *slot);
    slot->name = name;
    return &slot->value;
}

struct vch_val *vch_val_put(struct vch_arena *arena, struct vch_val *map, const char *name) {
    return vch_val_put_str_name(arena, map, vch_str_from(name));
}

struct vch_val *vch_val_push(struct vch_arena *arena, struct vch_val *list) {
    if (!list) return NULL;
    vch_assert(list->type == VCH_VAL_LIST);
    struct vch_val *items = room_for_one(arena, list, list->items, sizeof *items);
    if (!items) return NULL;
    list->items = items;
    struct vch_val *slot = &items[list->count++];
    memset(slot, 0, sizeof *slot);
    return slot;
}

static enum vch_err set(struct vch_val *slot, struct vch_val value) {
    if (!slot) return VCH_ERR_NOMEM;
    *slot = value;
    return VCH_OK;
}

enum vch_err vch_val_put_str(struct vch_arena *arena, struct vch_val *map, const char *name, struct vch_str s) {
    return set(vch_val_put(arena, map, name), (struct vch_val){.type = VCH_VAL_STR, .str = s});
}

enum vch_err vch_val_put_int(struct vch_arena *arena, struct vch_val *map, const char *name, int64_t v) {
    return set(vch_val_put(arena, map, name), (struct vch_val){.type = VCH_VAL_INT, .integer = v});
}

enum vch_err vch_val_put_bool(struct vch_arena *arena, struct vch_val *map, const char *name, bool v) {
    return set(vch_val_put(arena, map, name), (struct vch_val){.type = VCH_VAL_BOOL, .boolean = v});
}

enum vch_err vch_val_put_time(struct vch_arena *arena, struct vch_val *map, const char *name, int64_t ms) {
    return set(vch_val_put(arena, map, name), (struct vch_val){.type = VCH_VAL_REAL, .real = (double)ms / 1000.0});
}

struct vch_val *vch_val_put_map(struct vch_arena *arena, struct vch_val *map, const char *name) {
    struct vch_val *slot = vch_val_put(arena, map, name);
    if (slot) slot->type = VCH_VAL_MAP;
    return slot;
}

struct vch_val *vch_val_put_list(struct vch_arena *arena, struct vch_val *map, const char *name) {
    struct vch_val *slot = vch_val_put(arena, map, name);
    if (slot) slot->type = VCH_VAL_LIST;
    return slot;
}

struct vch_val *vch_val_push_map(struct vch_arena *arena, struct vch_val *list) {
    struct vch_val *slot = vch_val_push(arena, list);
    if (slot) slot->type = VCH_VAL_MAP;
    return slot;
}

enum vch_err vch_val_push_str(struct vch_arena *arena, struct vch_val *list, struct vch_str s) {
    return set(vch_val_push(arena, list), (struct vch_val){.type = VCH_VAL_STR, .str = s});
}
