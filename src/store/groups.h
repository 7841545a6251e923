/* Thing types, thing groups, billing groups and tags: the part of the registry
 * that orders things. The promises of store/store.h hold: reads block for one
 * indexed query and give views into the arena; plans are applied all or
 * nothing. Lists go upwards by name.
 *
 * A group has at most one parent, given when it is made; a thing is in at most
 * one group of a hierarchy. Tags belong to a resource named by the end of its
 * ARN ("policy/NAME") and vanish with it.
 */
#ifndef VCH_STORE_GROUPS_H
#define VCH_STORE_GROUPS_H

#include "store/store.h"

struct vch_rec_thing_type {
    struct vch_str name, id /* UUID */, description;
    struct vch_str searchable; /* JSON list of attribute names, or empty */
    struct vch_str mqtt5;      /* JSON object, or empty */
    int64_t deprecated_ms;     /* 0: in use */
    int64_t created_ms;
};
struct vch_rec_thing_group {
    struct vch_str name, id /* UUID */, parent /* its name; empty for a root */, description, attributes; /* JSON object */
    int64_t version, created_ms;
};
struct vch_rec_billing_group {
    struct vch_str name, id /* UUID */, description;
    int64_t version, created_ms;
};
struct vch_rec_tag {
    struct vch_str key, value;
};
struct vch_list_thing_type { struct vch_rec_thing_type *items; size_t count; bool more; };
struct vch_list_thing_group { struct vch_rec_thing_group *items; size_t count; bool more; };
struct vch_list_tag { struct vch_rec_tag *items; size_t count; bool more; };

/* ---- reads ---- */

enum vch_err vch_store_thing_type(struct vch_store *s, struct vch_str name, struct vch_rec_thing_type *ret, VCH_R) VCH_MUST; /* THING_TYPE_MISSING */
enum vch_err vch_store_thing_types(struct vch_store *s, struct vch_page page, struct vch_list_thing_type *ret, VCH_R) VCH_MUST;

enum vch_err vch_store_thing_group(struct vch_store *s, struct vch_str name, struct vch_rec_thing_group *ret, VCH_R) VCH_MUST; /* GROUP_MISSING */
/* Which groups: those whose name starts with `prefix`, below `parent` (empty:
 * of the whole registry), children or roots alone unless `recursive`. */
struct vch_thing_group_filter {
    struct vch_str parent, prefix;
    bool recursive;
};
/* Names. GROUP_MISSING for a parent that is not there. */
enum vch_err vch_store_thing_groups(struct vch_store *s, const struct vch_thing_group_filter *filter, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_thing_group_records(struct vch_store *s, struct vch_page page, struct vch_list_thing_group *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_group_ancestors(struct vch_store *s, struct vch_str name, struct vch_list_str *ret, VCH_R) VCH_MUST; /* root first, without itself */
enum vch_err vch_store_group_things(struct vch_store *s, struct vch_str name, bool recursive, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_groups_of_thing(struct vch_store *s, struct vch_str thing, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST; /* THING_MISSING */
/* Policies of a group; with its ancestors' when `recursive`. */
enum vch_err vch_store_group_policies(struct vch_store *s, struct vch_str name, bool recursive, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_policy_groups(struct vch_store *s, struct vch_str policy, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST; /* POLICY_MISSING */

enum vch_err vch_store_billing_group(struct vch_store *s, struct vch_str name, struct vch_rec_billing_group *ret, VCH_R) VCH_MUST; /* BILLING_GROUP_MISSING */
enum vch_err vch_store_billing_groups(struct vch_store *s, struct vch_str prefix, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_billing_group_things(struct vch_store *s, struct vch_str name, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST;

/* That a resource which can have tags is there: type "policy", "thinggroup" and so on; RESOURCE_MISSING. */
enum vch_err vch_store_resource(struct vch_store *s, struct vch_str type, struct vch_str name, struct vch_diag *diag) VCH_MUST;
enum vch_err vch_store_tags(struct vch_store *s, struct vch_str resource, struct vch_list_tag *ret, VCH_R) VCH_MUST; /* all of them; none for what is not there */

/* Things by one of four ways in, for searches; an owner that is not there has none. */
enum vch_things_by { VCH_THINGS_BY_PREFIX, VCH_THINGS_BY_TYPE, VCH_THINGS_BY_GROUP, VCH_THINGS_BY_ATTRIBUTE };
struct vch_things_way {
    enum vch_things_by by;
    struct vch_str key;       /* the prefix, the type, the group, the attribute's value */
    struct vch_str attribute; /* its name */
};
enum vch_err vch_store_things_by(struct vch_store *s, const struct vch_things_way *way, struct vch_page page, struct vch_list_thing *ret, VCH_R) VCH_MUST;

/* When a thing was last seen at the gateway. */
struct vch_rec_connectivity {
    bool known, connected;
    int64_t time_ms;
    struct vch_str reason;
    struct vch_str server; /* written only: who saw it. One that saw the end says nothing of a connection to another */
};
enum vch_err vch_store_connectivity(struct vch_store *s, struct vch_str thing, struct vch_rec_connectivity *ret, VCH_R) VCH_MUST; /* not `known` when never seen */

/* ---- plans ---- */

/* THING_TYPE_MISSING, THING_TYPE_DEPRECATED (INVALID). */
void vch_plan_need_thing_type(struct vch_plan *p, struct vch_str name);
void vch_plan_need_billing_group(struct vch_plan *p, struct vch_str name); /* BILLING_GROUP_MISSING */
/* The guard of the same. */
void vch_plan_need_resource(struct vch_plan *p, struct vch_str type, struct vch_str name);

void vch_plan_thing_type_create(struct vch_plan *p, const struct vch_rec_thing_type *t); /* THING_TYPE_EXISTS */
void vch_plan_thing_type_update(struct vch_plan *p, const struct vch_rec_thing_type *t); /* description, searchable, mqtt5 */
void vch_plan_thing_type_deprecate(struct vch_plan *p, struct vch_str name, int64_t deprecated_ms /* 0: undo */);
/* STATE with THING_TYPE_IN_USE unless deprecated for `wait_ms` at `now_ms` and no thing's type. */
void vch_plan_thing_type_delete(struct vch_plan *p, struct vch_str name, int64_t now_ms, int64_t wait_ms);

/* GROUP_EXISTS; INVALID with GROUP_PARENT_MISSING, GROUP_TOO_DEEP, GROUP_CHILDREN_FULL. */
void vch_plan_thing_group_create(struct vch_plan *p, const struct vch_rec_thing_group *g);
/* Description and attributes. Guards `expected` unless negative: CONFLICT with GROUP_VERSION. */
void vch_plan_thing_group_update(struct vch_plan *p, const struct vch_rec_thing_group *g, int64_t expected, int64_t *ret_version);
void vch_plan_thing_group_delete(struct vch_plan *p, struct vch_str name, int64_t expected); /* an absent one is fine; STATE with GROUP_IN_USE while it has children */
/* Idempotent; GROUP_MISSING, THING_MISSING; INVALID with GROUPS_PER_THING, GROUP_HIERARCHY. */
void vch_plan_thing_group_add(struct vch_plan *p, struct vch_str group, struct vch_str thing);
void vch_plan_thing_group_remove(struct vch_plan *p, struct vch_str group, struct vch_str thing);
void vch_plan_thing_group_leave_all(struct vch_plan *p, struct vch_str thing); /* THING_MISSING */
/* Idempotent; POLICY_MISSING, GROUP_MISSING, LIMIT with POLICIES_PER_GROUP. */
void vch_plan_group_policy_attach(struct vch_plan *p, struct vch_str policy, struct vch_str group);
void vch_plan_group_policy_detach(struct vch_plan *p, struct vch_str policy, struct vch_str group);

void vch_plan_billing_group_create(struct vch_plan *p, const struct vch_rec_billing_group *g); /* BILLING_GROUP_EXISTS */
void vch_plan_billing_group_update(struct vch_plan *p, const struct vch_rec_billing_group *g, int64_t expected, int64_t *ret_version); /* BILLING_GROUP_VERSION */
void vch_plan_billing_group_delete(struct vch_plan *p, struct vch_str name, int64_t expected); /* an absent one is fine; STATE with BILLING_GROUP_IN_USE */
/* The thing's billing group, replacing another; both must exist. */
void vch_plan_billing_group_add(struct vch_plan *p, struct vch_str name, struct vch_str thing);
void vch_plan_billing_group_remove(struct vch_plan *p, struct vch_str name, struct vch_str thing); /* nothing when it is in another */

/* Adds or overwrites; at most 50 in all: LIMIT with TAGS_FULL. */
void vch_plan_tags_put(struct vch_plan *p, struct vch_str resource, const struct vch_rec_tag *tags, size_t count);
void vch_plan_tags_remove(struct vch_plan *p, struct vch_str resource, const struct vch_str *keys, size_t count);

void vch_plan_connectivity_reset(struct vch_plan *p, struct vch_str server, int64_t now_ms, struct vch_str reason); /* nothing is connected to `server` any more */
/* What the gateway saw of a thing; forgotten when there is no such thing. */
void vch_plan_connectivity_put(struct vch_plan *p, struct vch_str thing, const struct vch_rec_connectivity *seen);

#endif
