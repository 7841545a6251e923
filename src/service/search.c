/* AWS SearchIndex over things and thing groups. There is no index to build: a
 * query is answered from the registry, along the best way in that it has (a
 * name or its beginning, an attribute's value, a type, a group), a bounded number of items a call. */
#include "core/search_query.h"

#include <string.h>

#include "core/names.h"
#include "core/reason.h"
#include "service/connectivity.h"
#include "service/group_names.h"
#include "service/json_text.h"

enum { RESULTS_DEFAULT = 100, SCAN_PAGE = 100, SCAN_PAGES_MAX = 100 };
/* Of one page being judged, and of attributes in one answer. */
enum { SCRATCH_MAX = 64 << 20, ANSWER_BYTES = 4 << 20 };

/* What a term asks for is looked up once for each item. */
struct item {
    struct vch_call *call;
    struct vch_arena *arena; /* of what is looked up */
    const struct vch_rec_thing *thing;
    const struct vch_rec_thing_group *group;
    struct vch_val *attributes;
    struct vch_list_str groups; /* the thing's, or those above the group */
    struct vch_rec_connectivity seen;
    bool has_groups, has_seen;
    enum vch_err err; /* the first read that failed */
};

/* ---- fields ---- */

static bool is(const struct vch_query_term *term, struct vch_str value) {
    return vch_query_term_matches(term, value);
}

static void load_groups(struct item *item) {
    struct vch_call *call = item->call;
    struct vch_page page = {.limit = VCH_GROUPS_PER_THING_MAX};
    if (item->has_groups || item->err != VCH_OK) return;
    item->has_groups = true;
    if (item->thing)
        item->err = vch_store_groups_of_thing(call->service->store, item->thing->name, page, &item->groups, item->arena, NULL);
    else
        item->err = vch_store_group_ancestors(call->service->store, item->group->name, &item->groups, item->arena, NULL);
    /* Deleted since its page was read: it is in no group. */
    if (item->err == VCH_ERR_NOT_FOUND) item->err = VCH_OK;
}

static void load_seen(struct item *item) {
    if (item->has_seen || item->err != VCH_OK) return;
    item->has_seen = true;
    item->err = vch_connectivity_of(item->call->service, item->thing->name, &item->seen, item->arena, NULL);
}

static bool look_name(struct item *item, const struct vch_query_term *term) {
    return is(term, item->thing ? item->thing->name : item->group->name);
}

static bool look_id(struct item *item, const struct vch_query_term *term) {
    return is(term, item->thing ? item->thing->id : item->group->id);
}

static bool look_type(struct item *item, const struct vch_query_term *term) {
    return item->thing->type_name.len && is(term, item->thing->type_name);
}

static bool look_description(struct item *item, const struct vch_query_term *term) {
    return item->group->description.len && is(term, item->group->description);
}

static bool look_groups(struct item *item, const struct vch_query_term *term) {
    load_groups(item);
    for (size_t i = 0; i < item->groups.count; i++)
        if (is(term, item->groups.items[i])) return true;
    return false;
}

static bool look_attribute(struct item *item, const struct vch_query_term *term) {
    const struct vch_val *value =
        vch_val_get_str(item->attributes, vch_str_sub(term->field, strlen("attributes."), SIZE_MAX));
    return vch_val_is(value, VCH_VAL_STR) && is(term, value->str);
}

static bool look_connected(struct item *item, const struct vch_query_term *term) {
    load_seen(item);
    return is(term, item->seen.connected ? VCH_STR("true") : VCH_STR("false"));
}

static bool look_disconnect_reason(struct item *item, const struct vch_query_term *term) {
    load_seen(item);
    return item->seen.reason.len && is(term, item->seen.reason);
}

struct field {
    const char *name; /* one that ends with '.' begins the names of its fields */
    bool (*look)(struct item *item, const struct vch_query_term *term);
};

struct index {
    const char *name;
    const struct field *fields; /* ends with NULL */
};

static const struct field thing_fields[] = {
    {"thingName", look_name},
    {"thingId", look_id},
    {"thingTypeName", look_type},
    {"thingGroupNames", look_groups},
    {"attributes.", look_attribute},
    {"connectivity.connected", look_connected},
    {"connectivity.disconnectReason", look_disconnect_reason},
    {NULL, NULL},
};
static const struct field group_fields[] = {
    {"thingGroupName", look_name}, {"thingGroupId", look_id},       {"thingGroupDescription", look_description},
    {"parentGroupNames", look_groups}, {"attributes.", look_attribute}, {NULL, NULL},
};
static const struct index indices[] = {{"AWS_Things", thing_fields}, {"AWS_ThingGroups", group_fields}};

static const struct field *find_field(const struct index *index, struct vch_str name) {
    for (const struct field *f = index->fields; f->name; f++) {
        struct vch_str known = vch_str_from(f->name);
        bool prefix = vch_str_ends(known, VCH_STR("."));
        if (prefix ? vch_str_starts(name, known) && name.len > known.len : vch_str_eq(name, known)) return f;
    }
    return NULL;
}

/* ---- one search ---- */

struct search {
    struct vch_call *call;
    const struct index *index;
    struct vch_search_query query;
    struct vch_paging paging;
    struct vch_arena *scratch; /* of the page being judged */
    struct vch_val *found;
    size_t bytes; /* of attributes in `found` */
    struct vch_str last; /* the item looked at last */
    bool all;            /* nothing of the page is left */
};

static enum vch_err find_index(struct search *s) {
    struct vch_str name = vch_val_str_at(s->call->in, "indexName");
    if (name.len == 0) name = VCH_STR("AWS_Things");
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++)
        if (vch_str_eq_c(name, indices[i].name)) s->index = &indices[i];
    if (s->index) return VCH_OK;
    return VCH_REFUSE(s->call->diag, VCH_ERR_NOT_FOUND, RESOURCE_MISSING, "indexName", "There is no index %.*s.",
                      VCH_STR_ARG(name));
}

static enum vch_err read_query(struct search *s) {
    VCH_TRY(vch_search_query_parse(vch_val_str_at(s->call->in, "queryString"), s->call->arena, &s->query, s->call->diag));
    for (size_t i = 0; i < s->query.term_count; i++) {
        struct vch_str field = s->query.terms[i].field;
        if (field.len && !find_field(s->index, field))
            return VCH_REFUSE(s->call->diag, VCH_ERR_INVALID, QUERY_INVALID, "queryString", "%s has no field %.*s.",
                              s->index->name, VCH_STR_ARG(field));
    }
    return VCH_OK;
}

/* An item, and the search for whose fields it is asked. */
struct asking {
    const struct search *search;
    struct item *item;
};

static bool holds(void *arg, const struct vch_query_term *term) {
    const struct asking *a = arg;
    if (term->field.len == 0) return true;
    return find_field(a->search->index, term->field)->look(a->item, term);
}

static enum vch_err read_attributes(struct item *item, struct vch_str text) {
    if (text.len) return vch_json_decode(text, NULL, item->arena, &item->attributes, item->call->diag);
    item->attributes = vch_val_new_map(item->arena);
    return item->attributes ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err told(const struct item *item) {
    if (item->err == VCH_OK) return VCH_OK;
    return VCH_REFUSE(item->call->diag, item->err, STORE_FAILED, "", "The registry could not be read.");
}

static enum vch_err judge(struct search *s, struct item *item, struct vch_str attributes, bool *ret_found) {
    struct asking asking = {s, item};
    VCH_TRY(read_attributes(item, attributes));
    *ret_found = vch_search_query_eval(&s->query, holds, &asking);
    return told(item);
}

static bool enough(const struct search *s) {
    return s->found->count >= s->paging.page.limit || s->bytes >= ANSWER_BYTES;
}

static enum vch_err put_groups(struct item *item, struct vch_val *map, const char *name) {
    load_groups(item);
    struct vch_val *list = vch_val_put_list(item->call->arena, map, name);
    if (!list) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < item->groups.count; i++)
        VCH_TRY(vch_val_push_str(item->call->arena, list, item->groups.items[i]));
    return told(item);
}

static enum vch_err put_attributes(struct item *item, struct vch_val *map) {
    struct vch_val *slot = vch_val_put(item->call->arena, map, "attributes");
    if (!slot) return VCH_ERR_NOMEM;
    *slot = *item->attributes;
    return VCH_OK;
}

static enum vch_err put_seen(struct item *item, struct vch_val *map) {
    struct vch_arena *arena = item->call->arena;
    load_seen(item);
    struct vch_val *seen = vch_val_put_map(arena, map, "connectivity");
    if (!seen) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_bool(arena, seen, "connected", item->seen.connected));
    if (item->seen.known) VCH_TRY(vch_val_put_int(arena, seen, "timestamp", item->seen.time_ms));
    if (item->seen.reason.len) VCH_TRY(vch_val_put_str(arena, seen, "disconnectReason", item->seen.reason));
    return told(item);
}

/* ---- things ---- */

static enum vch_err put_thing(struct item *item, struct vch_val *map) {
    struct vch_arena *arena = item->call->arena;
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(arena, map, "thingName", item->thing->name));
    VCH_TRY(vch_val_put_str(arena, map, "thingId", item->thing->id));
    if (item->thing->type_name.len) VCH_TRY(vch_val_put_str(arena, map, "thingTypeName", item->thing->type_name));
    VCH_TRY(put_groups(item, map, "thingGroupNames"));
    VCH_TRY(put_attributes(item, map));
    return put_seen(item, map);
}

/* The way in that reads the fewest things. */
struct way {
    struct vch_things_way things;
    bool one; /* the key is a whole name */
};

static struct way way_by(enum vch_things_by by, const struct vch_query_term *term) {
    return (struct way){{by, term->value, {NULL, 0}}, false};
}

static struct way choose_way(const struct vch_search_query *query) {
    const struct vch_query_term *name = vch_search_query_needs(query, "thingName");
    const struct vch_query_term *group = vch_search_query_needs(query, "thingGroupNames");
    const struct vch_query_term *type = vch_search_query_needs(query, "thingTypeName");
    const struct vch_query_term *attribute = vch_search_query_needs(query, "attributes.");
    if (name && name->plain)
        return (struct way){{VCH_THINGS_BY_PREFIX, vch_str_sub(name->value, 0, name->plain), {NULL, 0}}, !vch_query_term_wild(name)};
    if (attribute) {
        struct way way = way_by(VCH_THINGS_BY_ATTRIBUTE, attribute);
        way.things.attribute = vch_str_sub(attribute->field, strlen("attributes."), SIZE_MAX);
        return way;
    }
    if (group && !vch_query_term_wild(group)) return way_by(VCH_THINGS_BY_GROUP, group);
    if (type && !vch_query_term_wild(type)) return way_by(VCH_THINGS_BY_TYPE, type);
    return (struct way){{VCH_THINGS_BY_PREFIX, VCH_STR(""), {NULL, 0}}, false};
}

/* Read anew, into the answer's memory; gone meanwhile, it is not found. */
static enum vch_err add_thing(struct search *s, struct vch_str name) {
    struct vch_rec_thing thing;
    struct item item = {.call = s->call, .arena = s->call->arena, .thing = &thing};
    enum vch_err err = vch_store_thing(s->call->service->store, name, &thing, s->call->arena, NULL);
    if (err == VCH_ERR_NOT_FOUND) return VCH_OK;
    item.err = err;
    VCH_TRY(told(&item));
    VCH_TRY(read_attributes(&item, thing.attributes));
    s->bytes += thing.attributes.len;
    return put_thing(&item, vch_val_push_map(s->call->arena, s->found));
}

static enum vch_err look_at(struct search *s, struct vch_str name) {
    s->last = vch_arena_str(s->call->arena, name);
    return s->last.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err take_things(struct search *s, const struct vch_list_thing *list) {
    for (size_t i = 0; i < list->count; i++) {
        struct item item = {.call = s->call, .arena = s->scratch, .thing = &list->items[i]};
        bool found = false;
        s->all = !enough(s);
        if (!s->all) return VCH_OK;
        VCH_TRY(judge(s, &item, item.thing->attributes, &found));
        VCH_TRY(look_at(s, item.thing->name));
        if (found) VCH_TRY(add_thing(s, item.thing->name));
    }
    return VCH_OK;
}

static enum vch_err search_things(struct search *s) {
    const struct way way = choose_way(&s->query);
    struct vch_page scan = {.after = s->paging.page.after, .limit = way.one ? 1 : SCAN_PAGE};
    struct vch_list_thing list = {.more = true};
    for (int pages = 0; pages < SCAN_PAGES_MAX && s->all && list.more && !enough(s); pages++) {
        vch_arena_reset(s->scratch);
        VCH_TRY(vch_store_things_by(s->call->service->store, &way.things, scan, &list, s->scratch, s->call->diag));
        VCH_TRY(take_things(s, &list));
        if (way.one) list.more = false; /* the name itself is the first of those that begin with it */
        scan.after = s->last;
    }
    return vch_paging_close(s->call, &s->paging, list.more || !s->all, s->last);
}

/* ---- groups ---- */

static enum vch_err put_group(struct item *item, struct vch_val *map) {
    struct vch_arena *arena = item->call->arena;
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(arena, map, "thingGroupName", item->group->name));
    VCH_TRY(vch_val_put_str(arena, map, "thingGroupId", item->group->id));
    if (item->group->description.len) VCH_TRY(vch_val_put_str(arena, map, "thingGroupDescription", item->group->description));
    VCH_TRY(put_attributes(item, map));
    return put_groups(item, map, "parentGroupNames");
}

static enum vch_err add_group(struct search *s, struct vch_str name) {
    struct vch_rec_thing_group group;
    struct item item = {.call = s->call, .arena = s->call->arena, .group = &group};
    enum vch_err err = vch_store_thing_group(s->call->service->store, name, &group, s->call->arena, NULL);
    if (err == VCH_ERR_NOT_FOUND) return VCH_OK;
    item.err = err;
    VCH_TRY(told(&item));
    VCH_TRY(read_attributes(&item, group.attributes));
    s->bytes += group.attributes.len;
    return put_group(&item, vch_val_push_map(s->call->arena, s->found));
}

static enum vch_err take_groups(struct search *s, const struct vch_list_thing_group *list) {
    for (size_t i = 0; i < list->count; i++) {
        struct item item = {.call = s->call, .arena = s->scratch, .group = &list->items[i]};
        bool found = false;
        s->all = !enough(s);
        if (!s->all) return VCH_OK;
        VCH_TRY(judge(s, &item, item.group->attributes, &found));
        VCH_TRY(look_at(s, item.group->name));
        if (found) VCH_TRY(add_group(s, item.group->name));
    }
    return VCH_OK;
}

static enum vch_err search_groups(struct search *s) {
    struct vch_page scan = {.after = s->paging.page.after, .limit = SCAN_PAGE};
    struct vch_list_thing_group list = {.more = true};
    for (int pages = 0; pages < SCAN_PAGES_MAX && s->all && list.more && !enough(s); pages++) {
        vch_arena_reset(s->scratch);
        VCH_TRY(vch_store_thing_group_records(s->call->service->store, scan, &list, s->scratch, s->call->diag));
        VCH_TRY(take_groups(s, &list));
        scan.after = s->last;
    }
    return vch_paging_close(s->call, &s->paging, list.more || !s->all, s->last);
}

static enum vch_err run(struct search *s) {
    bool things = s->index->fields == thing_fields;
    s->found = vch_val_put_list(s->call->arena, s->call->out, things ? "things" : "thingGroups");
    if (!s->found) return VCH_ERR_NOMEM;
    return things ? search_things(s) : search_groups(s);
}

/* A page may be short, or empty, with a token: a call looks at a bounded number of items. */
enum vch_err vch_uc_search_index(struct vch_call *call) {
    struct search s = {.call = call, .paging = {.list = "SearchIndex"}, .all = true};
    VCH_TRY(find_index(&s));
    VCH_TRY(read_query(&s));
    s.paging.scope = vch_arena_printf(call->arena, "%s %.*s", s.index->name, VCH_STR_ARG(vch_val_str_at(call->in, "queryString")));
    if (!s.paging.scope.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_paging_open(call, &s.paging));
    s.paging.page.limit = (size_t)vch_val_int_at(call->in, "maxResults", RESULTS_DEFAULT);
    s.scratch = vch_arena_new(SCRATCH_MAX, false);
    enum vch_err err = s.scratch ? run(&s) : VCH_ERR_NOMEM;
    vch_arena_free(s.scratch);
    return err;
}
