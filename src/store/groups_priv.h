/* What the files about types, groups and tags share. */
#ifndef VCH_STORE_GROUPS_PRIV_H
#define VCH_STORE_GROUPS_PRIV_H

#include "store/groups.h"
#include "store/store_priv.h"

/* Names that start with `prefix` are at or after it and before *ret_end. Names
 * are ASCII, so a byte above them ends every prefix. `room` holds the end. */
enum { VCH_PREFIX_ROOM = 160 };
struct vch_str vch_prefix_end(struct vch_str prefix, char room[VCH_PREFIX_ROOM]);

/* A page by name of those that start with `prefix`, by a query (after, ask, prefix, end, owner). */
struct vch_named_page {
    enum vch_query query;
    struct vch_str prefix, owner; /* owner.ptr NULL: the query has none */
    struct vch_page page;
};
enum vch_err vch_read_named(struct vch_store *s, const struct vch_named_page *what, struct vch_list_str *ret, VCH_R) VCH_MUST;

/* NOT_FOUND, diagnosed. */
enum vch_err vch_group_missing(struct vch_str name, struct vch_diag *diag) VCH_MUST;
enum vch_err vch_thing_missing(struct vch_str name, struct vch_diag *diag) VCH_MUST;

struct vch_group_state {
    int64_t seq, root, depth, version, children;
};
enum vch_err vch_group_state_of(struct vch_apply *a, struct vch_str name, struct vch_group_state *ret) VCH_MUST;
/* A number that `query` (one name) finds: the seq of a thing, a policy. */
enum vch_err vch_seq_of(struct vch_apply *a, enum vch_query query, struct vch_str name, bool *ret_found, int64_t *ret) VCH_MUST;

/* Inside a step that deletes a resource: its tags go with it. */
enum vch_err vch_tags_forget(struct vch_apply *a, const char *type, struct vch_str name) VCH_MUST;

#endif
