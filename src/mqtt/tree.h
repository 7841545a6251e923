/* The subscriptions of one loop, as a tree of topic levels. One thread.
 *
 * A node is found by the hash of its path, so that a level costs one small
 * allocation and no table of its own. A subscription is in two lists: its
 * node's and its session's. The tree counts, for other threads to read, which
 * beginnings of filters it holds: a loop with no possible receiver is not woken.
 */
#ifndef VCH_MQTT_TREE_H
#define VCH_MQTT_TREE_H

#include <stdatomic.h>

#include "mqtt/index.h"
#include "mqtt/topic.h"

struct vch_mqtt_session;
struct vch_mqtt_group;
struct vch_mqtt_node;

struct vch_mqtt_sub {
    struct vch_mqtt_node *node;       /* NULL: a share of `group`, in no loop's tree */
    struct vch_mqtt_session *session; /* NULL in the tree of groups */
    struct vch_mqtt_group *group;
    struct vch_mqtt_sub *node_next, **node_at;
    struct vch_mqtt_sub *session_next; /* the session's list; the session's own */
    uint32_t identifier;               /* 0: none */
    uint8_t qos, retain_handling;
    bool no_local : 1, as_published : 1, lasting : 1;
};

enum { VCH_MQTT_INTEREST_SIZE = 2048, VCH_MQTT_INTEREST_LEVELS = 3 };

struct vch_mqtt_tree {
    struct vch_mqtt_node *root;
    struct vch_mqtt_index nodes;
    bool parent_too;
    _Atomic uint32_t interest[VCH_MQTT_INTEREST_SIZE];
    _Atomic uint32_t lasting[VCH_MQTT_INTEREST_SIZE]; /* the same of those whose messages are kept */
    _Atomic uint32_t interest_count, lasting_count;   /* of all: while zero, nothing is hashed */
};

enum vch_err vch_mqtt_tree_init(struct vch_mqtt_tree *tree, bool parent_too) VCH_MUST;
void vch_mqtt_tree_deinit(struct vch_mqtt_tree *tree); /* no subscriptions are left */

/* A new subscription; the filter has passed its check. */
enum vch_err vch_mqtt_tree_add(struct vch_mqtt_tree *tree, struct vch_str filter, struct vch_mqtt_session *session,
                               uint8_t qos, struct vch_mqtt_sub **ret) VCH_MUST;
void vch_mqtt_tree_remove(struct vch_mqtt_tree *tree,
                          struct vch_mqtt_sub *sub); /* frees it and the nodes it was alone in */
/* Its messages are kept, or are not any more. */
void vch_mqtt_tree_mark(struct vch_mqtt_tree *tree, struct vch_mqtt_sub *sub, bool lasting);
/* The filter of a subscription, as a string in `buf`; false when it does not fit. */
bool vch_mqtt_sub_filter(const struct vch_mqtt_sub *sub, char *buf, size_t size, struct vch_str *ret);
/* The node of exactly this filter, or NULL. */
const struct vch_mqtt_node *vch_mqtt_tree_find(const struct vch_mqtt_tree *tree, struct vch_str filter);

/* Calls fn for each subscription that the topic matches. */
void vch_mqtt_tree_match(const struct vch_mqtt_tree *tree, const struct vch_mqtt_levels *topic,
                         void (*fn)(struct vch_mqtt_sub *sub, void *arg), void *arg);
/* The same question for one subscription. */
bool vch_mqtt_sub_matches(const struct vch_mqtt_tree *tree, const struct vch_mqtt_sub *sub,
                          const struct vch_mqtt_levels *topic);
/* May a subscription match? False is certain, true is a guess. Any thread. */
bool vch_mqtt_tree_interested(struct vch_mqtt_tree *tree, const struct vch_mqtt_levels *topic);
bool vch_mqtt_tree_keeps(struct vch_mqtt_tree *tree, const struct vch_mqtt_levels *topic); /* one that is marked */

size_t vch_mqtt_tree_nodes(const struct vch_mqtt_tree *tree);

#endif
