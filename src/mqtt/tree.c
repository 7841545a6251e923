#include "mqtt/tree.h"

#include <stdlib.h>
#include <string.h>

struct vch_mqtt_node {
    struct vch_mqtt_link link; /* its hash is the path's */
    struct vch_mqtt_node *parent;
    struct vch_mqtt_sub *subs;
    uint32_t children;
    uint16_t level_len;
    bool has_plus, has_hash;
    char level[];
};

static const struct vch_str plus = {"+", 1}, hash = {"#", 1};

static struct vch_str level_of(const struct vch_mqtt_node *node) {
    return vch_str_of(node->level, node->level_len);
}

static bool is_wildcard(struct vch_str level) {
    return vch_str_eq(level, plus) || vch_str_eq(level, hash);
}

static struct vch_mqtt_node *node_new(struct vch_mqtt_node *parent, struct vch_str level) {
    struct vch_mqtt_node *node = calloc(1, sizeof *node + level.len);
    if (!node) return NULL;
    node->parent = parent;
    node->level_len = (uint16_t)level.len;
    if (level.len) memcpy(node->level, level.ptr, level.len);
    return node;
}

enum vch_err vch_mqtt_tree_init(struct vch_mqtt_tree *tree, bool parent_too) {
    memset(tree, 0, sizeof *tree);
    tree->parent_too = parent_too;
    tree->root = node_new(NULL, (struct vch_str){NULL, 0});
    return tree->root ? VCH_OK : VCH_ERR_NOMEM;
}

void vch_mqtt_tree_deinit(struct vch_mqtt_tree *tree) {
    vch_assert(tree->nodes.count == 0);
    vch_mqtt_index_deinit(&tree->nodes);
    free(tree->root);
    tree->root = NULL;
}

size_t vch_mqtt_tree_nodes(const struct vch_mqtt_tree *tree) {
    return tree->nodes.count;
}

/* ---- children -------------------------------------------------------------- */

static struct vch_mqtt_node *child(const struct vch_mqtt_tree *tree, const struct vch_mqtt_node *parent,
                                   struct vch_str level) {
    uint64_t path = vch_mqtt_path_hash(parent->link.hash, level);
    for (struct vch_mqtt_link *link = vch_mqtt_index_first(&tree->nodes, path); link;
         link = vch_mqtt_index_next(link)) {
        struct vch_mqtt_node *node = VCH_MQTT_OWNER(link, struct vch_mqtt_node, link);
        if (node->parent == parent && vch_str_eq(level_of(node), level)) return node;
    }
    return NULL;
}

static void note_wildcard(struct vch_mqtt_node *node, bool there) {
    if (vch_str_eq(level_of(node), plus)) node->parent->has_plus = there;
    if (vch_str_eq(level_of(node), hash)) node->parent->has_hash = there;
}

static struct vch_mqtt_node *child_add(struct vch_mqtt_tree *tree, struct vch_mqtt_node *parent, struct vch_str level) {
    struct vch_mqtt_node *node = node_new(parent, level);
    if (!node) return NULL;
    if (vch_mqtt_index_add(&tree->nodes, &node->link, vch_mqtt_path_hash(parent->link.hash, level)) != VCH_OK) {
        free(node);
        return NULL;
    }
    parent->children++;
    note_wildcard(node, true);
    return node;
}

/* Frees the node and its ancestors as far as nothing else needs them. */
static void prune(struct vch_mqtt_tree *tree, struct vch_mqtt_node *node) {
    while (node->parent && node->children == 0 && !node->subs) {
        struct vch_mqtt_node *parent = node->parent;
        note_wildcard(node, false);
        vch_mqtt_index_remove(&tree->nodes, &node->link);
        parent->children--;
        free(node);
        node = parent;
    }
}

/* ---- interest -------------------------------------------------------------- */

static size_t slot_of(uint64_t path) {
    return path >> 16 & (VCH_MQTT_INTEREST_SIZE - 1);
}

/* A filter counts under its literal beginning, of at most three levels. */
static size_t filter_slot(const struct vch_mqtt_levels *filter) {
    uint64_t path = 0;
    for (size_t i = 0; i < filter->count && i < VCH_MQTT_INTEREST_LEVELS && !is_wildcard(filter->at[i]); i++)
        path = vch_mqtt_path_hash(path, filter->at[i]);
    return slot_of(path);
}

static bool is_counted(_Atomic uint32_t counts[VCH_MQTT_INTEREST_SIZE], const struct vch_mqtt_levels *topic) {
    uint64_t path = 0;
    if (atomic_load(&counts[slot_of(path)]) > 0) return true;
    for (size_t i = 0; i < topic->count && i < VCH_MQTT_INTEREST_LEVELS; i++) {
        path = vch_mqtt_path_hash(path, topic->at[i]);
        if (atomic_load(&counts[slot_of(path)]) > 0) return true;
    }
    return false;
}

bool vch_mqtt_tree_interested(struct vch_mqtt_tree *tree, const struct vch_mqtt_levels *topic) {
    return atomic_load(&tree->interest_count) > 0 && is_counted(tree->interest, topic);
}

bool vch_mqtt_tree_keeps(struct vch_mqtt_tree *tree, const struct vch_mqtt_levels *topic) {
    return atomic_load_explicit(&tree->lasting_count, memory_order_relaxed) > 0 && is_counted(tree->lasting, topic);
}

/* ---- subscriptions ---------------------------------------------------------- */

static struct vch_mqtt_node *node_make(struct vch_mqtt_tree *tree, const struct vch_mqtt_levels *filter) {
    struct vch_mqtt_node *node = tree->root;
    for (size_t i = 0; i < filter->count; i++) {
        struct vch_mqtt_node *next = child(tree, node, filter->at[i]);
        if (!next) next = child_add(tree, node, filter->at[i]);
        if (!next) {
            prune(tree, node);
            return NULL;
        }
        node = next;
    }
    return node;
}

enum vch_err vch_mqtt_tree_add(struct vch_mqtt_tree *tree, struct vch_str filter, struct vch_mqtt_session *session,
                               uint8_t qos, struct vch_mqtt_sub **ret) {
    struct vch_mqtt_levels levels;
    vch_mqtt_levels_of(filter, &levels);
    *ret = NULL;
    struct vch_mqtt_sub *sub = calloc(1, sizeof *sub);
    if (!sub) return VCH_ERR_NOMEM;
    struct vch_mqtt_node *node = node_make(tree, &levels);
    if (!node) {
        free(sub);
        return VCH_ERR_NOMEM;
    }
    *sub = (struct vch_mqtt_sub){
        .node = node, .session = session, .node_next = node->subs, .node_at = &node->subs, .qos = qos};
    if (node->subs) node->subs->node_at = &sub->node_next;
    node->subs = sub;
    atomic_fetch_add(&tree->interest[filter_slot(&levels)], 1);
    atomic_fetch_add(&tree->interest_count, 1);
    *ret = sub;
    return VCH_OK;
}

/* The node's filter, level by level. */
static void levels_of_node(const struct vch_mqtt_node *node, struct vch_mqtt_levels *ret) {
    ret->count = 0;
    for (const struct vch_mqtt_node *n = node; n->parent; n = n->parent) ret->count++;
    size_t i = ret->count;
    for (const struct vch_mqtt_node *n = node; n->parent; n = n->parent) ret->at[--i] = level_of(n);
}

bool vch_mqtt_sub_filter(const struct vch_mqtt_sub *sub, char *buf, size_t size, struct vch_str *ret) {
    struct vch_mqtt_levels levels;
    size_t len = 0;
    levels_of_node(sub->node, &levels);
    for (size_t i = 0; i < levels.count; i++) {
        if (levels.at[i].len + (i > 0) > size - len) return false;
        if (i > 0) buf[len++] = '/';
        if (levels.at[i].len) memcpy(buf + len, levels.at[i].ptr, levels.at[i].len);
        len += levels.at[i].len;
    }
    *ret = vch_str_of(buf, len);
    return true;
}

void vch_mqtt_tree_mark(struct vch_mqtt_tree *tree, struct vch_mqtt_sub *sub, bool lasting) {
    struct vch_mqtt_levels levels;
    if (sub->lasting == lasting) return;
    sub->lasting = lasting;
    levels_of_node(sub->node, &levels);
    _Atomic uint32_t *count = &tree->lasting[filter_slot(&levels)];
    if (lasting) {
        atomic_fetch_add(count, 1);
        atomic_fetch_add(&tree->lasting_count, 1);
    } else {
        atomic_fetch_sub(count, 1);
        atomic_fetch_sub(&tree->lasting_count, 1);
    }
}

void vch_mqtt_tree_remove(struct vch_mqtt_tree *tree, struct vch_mqtt_sub *sub) {
    struct vch_mqtt_levels levels;
    vch_mqtt_tree_mark(tree, sub, false);
    levels_of_node(sub->node, &levels);
    atomic_fetch_sub(&tree->interest[filter_slot(&levels)], 1);
    atomic_fetch_sub(&tree->interest_count, 1);
    *sub->node_at = sub->node_next;
    if (sub->node_next) sub->node_next->node_at = sub->node_at;
    prune(tree, sub->node);
    free(sub);
}

const struct vch_mqtt_node *vch_mqtt_tree_find(const struct vch_mqtt_tree *tree, struct vch_str filter) {
    struct vch_mqtt_levels levels;
    vch_mqtt_levels_of(filter, &levels);
    const struct vch_mqtt_node *node = tree->root;
    for (size_t i = 0; node && i < levels.count; i++) node = child(tree, node, levels.at[i]);
    return node;
}

/* ---- matching --------------------------------------------------------------- */

struct walk {
    const struct vch_mqtt_tree *tree;
    const struct vch_mqtt_levels *topic;
    void (*fn)(struct vch_mqtt_sub *sub, void *arg);
    void *arg;
};

static void emit(const struct walk *walk, const struct vch_mqtt_node *node) {
    for (struct vch_mqtt_sub *sub = node ? node->subs : NULL, *next; sub; sub = next) {
        next = sub->node_next;
        walk->fn(sub, walk->arg);
    }
}

/* A wildcard in the first level does not see topics that start with '$'. [MQTT-4.7.2-1] */
static bool wildcards_see(const struct vch_mqtt_levels *topic, size_t depth) {
    return depth > 0 || topic->at[0].len == 0 || topic->at[0].ptr[0] != '$';
}

/* Recursion ends at the topic's last level: VCH_MQTT_LEVELS_MAX deep at most. */
static void match(const struct walk *walk, const struct vch_mqtt_node *node, size_t depth) {
    bool at_end = depth == walk->topic->count;
    bool wild = wildcards_see(walk->topic, depth);
    if (node->has_hash && wild && (!at_end || walk->tree->parent_too)) emit(walk, child(walk->tree, node, hash));
    if (at_end) {
        emit(walk, node);
        return;
    }
    if (node->has_plus && wild) match(walk, child(walk->tree, node, plus), depth + 1);
    const struct vch_mqtt_node *literal = child(walk->tree, node, walk->topic->at[depth]);
    if (literal) match(walk, literal, depth + 1);
}

void vch_mqtt_tree_match(const struct vch_mqtt_tree *tree, const struct vch_mqtt_levels *topic,
                         void (*fn)(struct vch_mqtt_sub *sub, void *arg), void *arg) {
    const struct walk walk = {tree, topic, fn, arg};
    if (tree->nodes.count > 0) match(&walk, tree->root, 0);
}

bool vch_mqtt_sub_matches(const struct vch_mqtt_tree *tree, const struct vch_mqtt_sub *sub,
                          const struct vch_mqtt_levels *topic) {
    struct vch_mqtt_levels filter;
    levels_of_node(sub->node, &filter);
    if (is_wildcard(filter.at[0]) && !wildcards_see(topic, 0)) return false;
    for (size_t i = 0; i < filter.count; i++) {
        if (vch_str_eq(filter.at[i], hash)) return i < topic->count || tree->parent_too;
        if (i >= topic->count) return false;
        if (!vch_str_eq(filter.at[i], plus) && !vch_str_eq(filter.at[i], topic->at[i])) return false;
    }
    return filter.count == topic->count;
}
