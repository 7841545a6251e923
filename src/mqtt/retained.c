#include "mqtt/retained.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"

/* A skip list: lookups, walks in order and seeks without rebalancing. A node's
 * height comes from the keyed hash of its topic, so that a peer that chooses
 * topics cannot choose heights. */
enum { HEIGHT_MAX = 12, CHUNK = 64, LOOK_MAX = 1024, COUNT_DEFAULT = 500000 };
static const size_t bytes_default = (size_t)1 << 30;

struct node {
    struct vch_mqtt_message *message;
    struct node *next[]; /* as many as it is high */
};

struct vch_mqtt_retained {
    pthread_mutex_t lock;
    struct vch_mqtt_retained_options options;
    struct vch_mqtt_retained_stats stats;
    struct vch_mqtt_message *swept; /* the sweep goes on behind this one; NULL: from the beginning */
    struct node *head[HEIGHT_MAX];
};

/* ---- the list, under the lock --------------------------------------------------- */

static struct vch_str topic_of(const struct node *node) {
    return vch_mqtt_message_topic(node->message);
}

static size_t height_of(struct vch_str topic) {
    uint64_t hash = vch_hash(topic);
    size_t height = 1;
    for (; height < HEIGHT_MAX && (hash & 3) == 0; hash >>= 2) height++;
    return height;
}

static size_t cost(const struct vch_mqtt_message *message) {
    size_t height = height_of(vch_mqtt_message_topic(message));
    return sizeof *message + message->size + sizeof(struct node) + height * sizeof(struct node *);
}

static bool is_over(const struct vch_mqtt_message *message, int64_t now_ms) {
    return message->expires_ms && message->expires_ms <= now_ms;
}

/* The links that lead to the first node at or after the topic, one per level. */
static struct node *seek(struct vch_mqtt_retained *r, struct vch_str topic, struct node ***path) {
    struct node **links = r->head;
    for (size_t level = HEIGHT_MAX; level-- > 0;) {
        while (links[level] && vch_str_cmp(topic_of(links[level]), topic) < 0) links = links[level]->next;
        if (path) path[level] = &links[level];
    }
    return links[0];
}

static struct node *find(struct vch_mqtt_retained *r, struct vch_str topic, struct node ***path) {
    struct node *node = seek(r, topic, path);
    return node && vch_str_eq(topic_of(node), topic) ? node : NULL;
}

static struct node *first_after(struct vch_mqtt_retained *r, struct vch_str topic) {
    struct node *node = seek(r, topic, NULL);
    return node && vch_str_eq(topic_of(node), topic) ? node->next[0] : node;
}

static void unlink_node(struct vch_mqtt_retained *r, struct node *node, struct node ***path) {
    for (size_t level = height_of(topic_of(node)); level-- > 0;) *path[level] = node->next[level];
    r->stats.count--;
    r->stats.bytes -= cost(node->message);
    vch_mqtt_message_unref(node->message);
    free(node);
}

static enum vch_err link_node(struct vch_mqtt_retained *r, struct vch_mqtt_message *message, struct node ***path) {
    size_t height = height_of(vch_mqtt_message_topic(message));
    struct node *node = malloc(sizeof *node + height * sizeof node->next[0]);
    if (!node) return VCH_ERR_NOMEM;
    node->message = vch_mqtt_message_ref(message);
    for (size_t level = 0; level < height; level++) {
        node->next[level] = *path[level];
        *path[level] = node;
    }
    r->stats.count++;
    r->stats.bytes += cost(message);
    return VCH_OK;
}

static enum vch_err put(struct vch_mqtt_retained *r, struct vch_mqtt_message *message) {
    struct node **path[HEIGHT_MAX];
    struct node *old = find(r, vch_mqtt_message_topic(message), path);
    size_t count = r->stats.count + (old ? 0 : 1);
    size_t bytes = r->stats.bytes + cost(message) - (old ? cost(old->message) : 0);
    if (count > r->options.count_max || bytes > r->options.bytes_max) return VCH_ERR_LIMIT;
    if (!old) return link_node(r, message, path);
    vch_mqtt_message_unref(old->message);
    old->message = vch_mqtt_message_ref(message);
    r->stats.bytes = bytes;
    return VCH_OK;
}

static bool take_out(struct vch_mqtt_retained *r, struct vch_str topic) {
    struct node **path[HEIGHT_MAX];
    struct node *node = find(r, topic, path);
    if (node) unlink_node(r, node, path);
    return node != NULL;
}

/* ---- owner ---------------------------------------------------------------------- */

enum vch_err vch_mqtt_retained_new(const struct vch_mqtt_retained_options *options, struct vch_mqtt_retained **ret) {
    struct vch_mqtt_retained *r = *ret = calloc(1, sizeof *r);
    if (!r) return VCH_ERR_NOMEM;
    (void)pthread_mutex_init(&r->lock, NULL);
    r->options = *options;
    if (!r->options.count_max) r->options.count_max = COUNT_DEFAULT;
    if (!r->options.bytes_max) r->options.bytes_max = bytes_default;
    return VCH_OK;
}

void vch_mqtt_retained_free(struct vch_mqtt_retained *r) {
    if (!r) return;
    for (struct node *node = r->head[0], *next; node; node = next) {
        next = node->next[0];
        vch_mqtt_message_unref(node->message);
        free(node);
    }
    vch_mqtt_message_unref(r->swept);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- writing --------------------------------------------------------------------- */

static enum vch_err set(struct vch_mqtt_retained *r, struct vch_mqtt_message *message,
                        struct vch_mqtt_receipt *receipt) {
    const struct vch_mqtt_keeper *keeper = r->options.keeper;
    struct vch_str topic = vch_mqtt_message_topic(message);
    if (vch_mqtt_message_payload(message).len > 0) {
        VCH_TRY(put(r, message));
        if (keeper) keeper->retained_put(keeper->self, message, receipt);
    } else if (take_out(r, topic) && keeper) {
        keeper->retained_drop(keeper->self, topic, receipt);
    }
    return VCH_OK;
}

enum vch_err vch_mqtt_retained_set(struct vch_mqtt_retained *r, struct vch_mqtt_message *message,
                                   struct vch_mqtt_receipt *receipt) {
    (void)pthread_mutex_lock(&r->lock);
    enum vch_err err = set(r, message, receipt);
    (void)pthread_mutex_unlock(&r->lock);
    return err;
}

enum vch_err vch_mqtt_retained_revive(struct vch_mqtt_retained *r, struct vch_mqtt_message *message) {
    (void)pthread_mutex_lock(&r->lock);
    enum vch_err err = put(r, message);
    (void)pthread_mutex_unlock(&r->lock);
    vch_mqtt_message_unref(message);
    return err;
}

/* Under the lock; how many nodes were looked at. */
static size_t sweep(struct vch_mqtt_retained *r, int64_t now_ms, size_t max, size_t *removed) {
    const struct vch_mqtt_keeper *keeper = r->options.keeper;
    struct node *node = r->swept ? first_after(r, vch_mqtt_message_topic(r->swept)) : r->head[0];
    size_t looked = 0;
    for (; node && looked < max; looked++) {
        struct vch_mqtt_message *message = vch_mqtt_message_ref(node->message);
        node = node->next[0];
        vch_mqtt_message_unref(r->swept);
        r->swept = message;
        if (!is_over(message, now_ms)) continue;
        *removed += take_out(r, vch_mqtt_message_topic(message));
        if (keeper) keeper->retained_drop(keeper->self, vch_mqtt_message_topic(message), NULL);
    }
    if (node) return looked;
    vch_mqtt_message_unref(r->swept);
    r->swept = NULL;
    return max; /* the end */
}

size_t vch_mqtt_retained_sweep(struct vch_mqtt_retained *r, int64_t now_ms, size_t max) {
    size_t removed = 0;
    for (size_t looked = 0; looked < max;) {
        size_t part = max - looked < LOOK_MAX ? max - looked : LOOK_MAX;
        (void)pthread_mutex_lock(&r->lock);
        size_t seen = sweep(r, now_ms, part, &removed);
        bool ended = !r->swept;
        (void)pthread_mutex_unlock(&r->lock);
        if (ended) break;
        looked += seen;
    }
    return removed;
}

/* ---- reading ----------------------------------------------------------------------- */

struct vch_mqtt_message *vch_mqtt_retained_get(struct vch_mqtt_retained *r, struct vch_str topic, int64_t now_ms) {
    struct vch_mqtt_message *message = NULL;
    (void)pthread_mutex_lock(&r->lock);
    const struct node *node = find(r, topic, NULL);
    if (node && !is_over(node->message, now_ms)) message = vch_mqtt_message_ref(node->message);
    (void)pthread_mutex_unlock(&r->lock);
    return message;
}

size_t vch_mqtt_retained_page(struct vch_mqtt_retained *r, struct vch_str after, int64_t now_ms, size_t max,
                              struct vch_mqtt_message **ret_messages) {
    size_t count = 0;
    (void)pthread_mutex_lock(&r->lock);
    for (const struct node *node = first_after(r, after); node && count < max; node = node->next[0])
        if (!is_over(node->message, now_ms)) ret_messages[count++] = vch_mqtt_message_ref(node->message);
    (void)pthread_mutex_unlock(&r->lock);
    return count;
}

void vch_mqtt_retained_stats(struct vch_mqtt_retained *r, struct vch_mqtt_retained_stats *ret) {
    (void)pthread_mutex_lock(&r->lock);
    *ret = r->stats;
    (void)pthread_mutex_unlock(&r->lock);
}

/* ---- by filter ----------------------------------------------------------------------- */

static struct vch_str level_at(struct vch_str text, size_t from) {
    size_t end = vch_str_find(text, '/', from);
    return vch_str_sub(text, from, (end == SIZE_MAX ? text.len : end) - from);
}

static bool filter_matches(struct vch_str filter, struct vch_str topic, bool parent_too) {
    bool wild = filter.len && (filter.ptr[0] == '+' || filter.ptr[0] == '#');
    if (wild && topic.len && topic.ptr[0] == '$') return false; /* [MQTT-4.7.2-1] */
    for (size_t f = 0, t = 0;;) {
        struct vch_str wanted = level_at(filter, f), level = level_at(topic, t);
        if (vch_str_eq_c(wanted, "#")) return true;
        if (!vch_str_eq_c(wanted, "+") && !vch_str_eq(wanted, level)) return false;
        f += wanted.len + 1; /* past the slash, or past the end */
        t += level.len + 1;
        if (f > filter.len && t > topic.len) return true;
        if (f > filter.len) return false;
        if (t > topic.len) return parent_too && vch_str_eq_c(vch_str_sub(filter, f, SIZE_MAX), "#");
    }
}

struct walk {
    struct vch_str filter, prefix; /* prefix: what every topic that matches begins with */
    struct vch_mqtt_message *last; /* looked at; ours */
    struct vch_mqtt_message *found[CHUNK];
    size_t count;
    int64_t now_ms;
    bool parent_too, ended;
};

static struct vch_str literal_prefix(struct vch_str filter, bool parent_too) {
    size_t len = 0;
    while (len < filter.len && filter.ptr[len] != '+' && filter.ptr[len] != '#') len++;
    /* "a/#" may match "a" */
    if (parent_too && len && len < filter.len && filter.ptr[len] == '#') len--;
    return vch_str_sub(filter, 0, len);
}

/* Under the lock: a part of the list, so that nobody waits for all of it. */
static void walk_on(struct vch_mqtt_retained *r, struct walk *walk) {
    struct node *node = walk->last ? first_after(r, vch_mqtt_message_topic(walk->last)) : seek(r, walk->prefix, NULL);
    struct node *last = NULL;
    for (size_t i = 0; node && i < LOOK_MAX && walk->count < CHUNK; i++) {
        struct vch_str topic = topic_of(node);
        if (!vch_str_starts(topic, walk->prefix)) break;
        if (!is_over(node->message, walk->now_ms) && filter_matches(walk->filter, topic, walk->parent_too))
            walk->found[walk->count++] = vch_mqtt_message_ref(node->message);
        last = node;
        node = node->next[0];
    }
    walk->ended = !node || !vch_str_starts(topic_of(node), walk->prefix);
    vch_mqtt_message_unref(walk->last);
    walk->last = last ? vch_mqtt_message_ref(last->message) : NULL;
}

static bool hand_out(struct walk *walk, bool (*fn)(void *arg, struct vch_mqtt_message *message), void *arg) {
    bool more = true;
    for (size_t i = 0; i < walk->count; i++) {
        more = more && fn(arg, walk->found[i]);
        vch_mqtt_message_unref(walk->found[i]);
    }
    walk->count = 0;
    return more;
}

void vch_mqtt_retained_match(struct vch_mqtt_retained *r, struct vch_str filter, bool parent_too, int64_t now_ms,
                             bool (*fn)(void *arg, struct vch_mqtt_message *message), void *arg) {
    struct walk walk = {.filter = filter,
                        .prefix = literal_prefix(filter, parent_too),
                        .now_ms = now_ms,
                        .parent_too = parent_too};
    do {
        (void)pthread_mutex_lock(&r->lock);
        walk_on(r, &walk);
        (void)pthread_mutex_unlock(&r->lock);
    } while (hand_out(&walk, fn, arg) && !walk.ended);
    vch_mqtt_message_unref(walk.last);
}
