#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "mqtt/outflow_priv.h"

enum { MEMBERS_FIRST = 4, PICKS_FIRST = 8, TRIES_MAX = 8 };

struct member {
    struct vch_mqtt_loop *home;
    uint64_t session_id;
    bool online;
};

struct vch_mqtt_group {
    struct vch_mqtt_link link; /* by `text` */
    atomic_uint refs;
    atomic_uint turn;
    struct vch_mqtt_sub *sub; /* in the tree of groups; NULL: nobody is left */
    struct member *members;   /* under the lock, like `sub` */
    size_t count, size, len;
    char text[];
};

/* Who gets a message, chosen under the lock, served outside it. */
struct vch_mqtt_pick {
    struct vch_mqtt_group *group;
    struct vch_mqtt_loop *home;
    uint64_t session_id;
};

/* ---- names ----------------------------------------------------------------------- */

bool vch_mqtt_share_parse(struct vch_str filter, struct vch_str *ret_name, struct vch_str *ret_filter) {
    struct vch_str prefix = VCH_STR("$share/");
    if (!vch_str_starts(filter, prefix)) return false;
    size_t slash = vch_str_find(filter, '/', prefix.len);
    size_t end = slash == SIZE_MAX ? filter.len : slash;
    *ret_name = vch_str_sub(filter, prefix.len, end - prefix.len);
    *ret_filter = slash == SIZE_MAX ? (struct vch_str){NULL, 0} : vch_str_sub(filter, slash + 1, SIZE_MAX);
    return true;
}

struct vch_str vch_mqtt_group_filter(const struct vch_mqtt_group *group) {
    return vch_str_of(group->text, group->len);
}

/* ---- life ------------------------------------------------------------------------ */

enum vch_err vch_mqtt_shared_init(struct vch_mqtt_shared *shared, bool parent_too) {
    (void)pthread_rwlock_init(&shared->lock, NULL);
    return vch_mqtt_tree_init(&shared->tree, parent_too);
}

void vch_mqtt_shared_deinit(struct vch_mqtt_shared *shared) {
    if (shared->tree.root) vch_mqtt_tree_deinit(&shared->tree);
    vch_mqtt_index_deinit(&shared->groups);
    (void)pthread_rwlock_destroy(&shared->lock);
}

struct vch_mqtt_group *vch_mqtt_group_ref(struct vch_mqtt_group *group) {
    if (group) atomic_fetch_add_explicit(&group->refs, 1, memory_order_relaxed);
    return group;
}

void vch_mqtt_group_unref(struct vch_mqtt_group *group) {
    if (!group || atomic_fetch_sub_explicit(&group->refs, 1, memory_order_acq_rel) != 1) return;
    free(group->members);
    free(group);
}

static struct vch_mqtt_group *find(const struct vch_mqtt_shared *shared, struct vch_str text) {
    for (struct vch_mqtt_link *link = vch_mqtt_index_first(&shared->groups, vch_hash(text)); link;
         link = vch_mqtt_index_next(link)) {
        struct vch_mqtt_group *group = VCH_MQTT_OWNER(link, struct vch_mqtt_group, link);
        if (vch_str_eq(vch_mqtt_group_filter(group), text)) return group;
    }
    return NULL;
}

static enum vch_err group_link(struct vch_mqtt_shared *shared, struct vch_mqtt_group *group) {
    struct vch_str name, filter, text = vch_mqtt_group_filter(group);
    (void)vch_mqtt_share_parse(text, &name, &filter);
    VCH_TRY(vch_mqtt_index_add(&shared->groups, &group->link, vch_hash(text)));
    enum vch_err err = vch_mqtt_tree_add(&shared->tree, filter, NULL, 0, &group->sub);
    if (err != VCH_OK) vch_mqtt_index_remove(&shared->groups, &group->link);
    if (err == VCH_OK) group->sub->group = group;
    return err;
}

/* With the reference of the list of groups, which ends with the last member. */
static struct vch_mqtt_group *make(struct vch_mqtt_shared *shared, struct vch_str text) {
    struct vch_mqtt_group *group = calloc(1, sizeof *group + text.len);
    if (!group) return NULL;
    memcpy(group->text, text.ptr, text.len);
    group->len = text.len;
    atomic_init(&group->refs, 1);
    if (group_link(shared, group) == VCH_OK) return group;
    free(group);
    return NULL;
}

static void disband(struct vch_mqtt_shared *shared, struct vch_mqtt_group *group) {
    if (group->count > 0 || !group->sub) return;
    vch_mqtt_tree_remove(&shared->tree, group->sub);
    group->sub = NULL;
    vch_mqtt_index_remove(&shared->groups, &group->link);
    vch_mqtt_group_unref(group);
}

/* ---- members ---------------------------------------------------------------------- */

static struct member *member_of(const struct vch_mqtt_group *group, uint64_t session_id) {
    for (size_t i = 0; i < group->count; i++)
        if (group->members[i].session_id == session_id) return &group->members[i];
    return NULL;
}

static bool enlist(struct vch_mqtt_group *group, struct vch_mqtt_session *session) {
    if (group->count == group->size) {
        size_t size = group->size ? group->size * 2 : MEMBERS_FIRST;
        struct member *bigger = reallocarray(group->members, size, sizeof *bigger);
        if (!bigger) return false;
        group->members = bigger;
        group->size = size;
    }
    bool online = session->state == SESSION_CONNECTED;
    group->members[group->count++] = (struct member){session->home, session->id, online};
    return true;
}

enum vch_err vch_mqtt_group_join(struct vch_mqtt_session *session, struct vch_str filter,
                                 struct vch_mqtt_group **ret) {
    struct vch_mqtt_shared *shared = &session->home->broker->shared;
    (void)pthread_rwlock_wrlock(&shared->lock);
    struct vch_mqtt_group *group = find(shared, filter);
    if (!group) group = make(shared, filter);
    bool joined = group && enlist(group, session);
    if (group && !joined) disband(shared, group);
    *ret = joined ? vch_mqtt_group_ref(group) : NULL;
    (void)pthread_rwlock_unlock(&shared->lock);
    return joined ? VCH_OK : VCH_ERR_NOMEM;
}

void vch_mqtt_group_leave(struct vch_mqtt_session *session, struct vch_mqtt_group *group) {
    struct vch_mqtt_shared *shared = &session->home->broker->shared;
    (void)pthread_rwlock_wrlock(&shared->lock);
    struct member *member = member_of(group, session->id);
    if (member) *member = group->members[--group->count];
    disband(shared, group);
    (void)pthread_rwlock_unlock(&shared->lock);
    vch_mqtt_group_unref(group);
}

void vch_mqtt_group_update(struct vch_mqtt_session *session, struct vch_mqtt_group *group, uint64_t old_id,
                           bool online) {
    struct vch_mqtt_shared *shared = &session->home->broker->shared;
    (void)pthread_rwlock_wrlock(&shared->lock);
    struct member *member = member_of(group, old_id);
    if (member) *member = (struct member){session->home, session->id, online};
    (void)pthread_rwlock_unlock(&shared->lock);
}

/* ---- choosing ---------------------------------------------------------------------- */

bool vch_mqtt_shared_wanted(struct vch_mqtt_broker *broker, const struct vch_mqtt_levels *topic) {
    return vch_mqtt_tree_interested(&broker->shared.tree, topic);
}

/* In turn; those with a connection before those without. Nobody keeps QoS 0 for later. */
static const struct member *choose(struct vch_mqtt_group *group, uint8_t qos) {
    size_t start = group->count ? atomic_fetch_add(&group->turn, 1) % group->count : 0;
    for (size_t i = 0; i < group->count; i++) {
        const struct member *member = &group->members[(start + i) % group->count];
        if (member->online) return member;
    }
    return group->count && qos > 0 ? &group->members[start] : NULL;
}

struct choice {
    struct vch_mqtt_loop *home;
    size_t count;
    uint8_t qos;
    bool failed;
};

static bool pick_room(struct choice *choice) {
    struct vch_mqtt_loop *home = choice->home;
    if (choice->count < home->pick_size) return true;
    size_t size = home->pick_size ? home->pick_size * 2 : PICKS_FIRST;
    struct vch_mqtt_pick *bigger = reallocarray(home->picks, size, sizeof *bigger);
    if (!bigger) return false;
    home->picks = bigger;
    home->pick_size = size;
    return true;
}

static void pick(struct vch_mqtt_sub *sub, void *arg) {
    struct choice *choice = arg;
    const struct member *member = choose(sub->group, choice->qos);
    if (!member) return;
    if (!pick_room(choice)) {
        choice->failed = true;
        return;
    }
    choice->home->picks[choice->count++] =
        (struct vch_mqtt_pick){vch_mqtt_group_ref(sub->group), member->home, member->session_id};
}

/* ---- serving ----------------------------------------------------------------------- */

static const struct vch_mqtt_sub *share_of(const struct vch_mqtt_session *session, const struct vch_mqtt_group *group) {
    const struct vch_mqtt_sub *sub = session->subs;
    while (sub && (sub->node || sub->group != group)) sub = sub->session_next;
    return sub;
}

static void serve(struct vch_mqtt_loop *home, uint64_t session_id, struct vch_mqtt_parcel *parcel) {
    struct vch_mqtt_session *session = vch_mqtt_lookup(home, session_id);
    const struct vch_mqtt_sub *sub = session ? share_of(session, parcel->group) : NULL;
    if (!sub) {
        vch_mqtt_shared_again(home, parcel);
        return;
    }
    parcel->qos = sub->qos < parcel->message->qos ? sub->qos : parcel->message->qos;
    parcel->retain = sub->as_published && parcel->message->retain;
    vch_mqtt_deliver(session, parcel);
}

/* Consumes the pick's reference. */
static enum vch_err serve_pick(struct vch_mqtt_loop *home, const struct vch_mqtt_pick *pick,
                               struct vch_mqtt_parcel *parcel) {
    enum vch_err err = VCH_OK;
    parcel->group = pick->group;
    if (pick->home == home) {
        serve(home, pick->session_id, parcel);
        vch_mqtt_group_unref(pick->group);
        return VCH_OK;
    }
    struct vch_mqtt_transit *transit = malloc(sizeof *transit);
    if (transit) {
        *transit = (struct vch_mqtt_transit){vch_mqtt_receipt_hold(parcel->receipt), pick->group, pick->session_id,
                                             parcel->tries};
        err = vch_mqtt_outbox_add(home, pick->home->position, parcel->message, transit);
    } else {
        vch_mqtt_group_unref(pick->group);
        err = VCH_ERR_NOMEM;
    }
    return err;
}

void vch_mqtt_shared_arrive(struct vch_mqtt_loop *home, struct vch_mqtt_message *message,
                            const struct vch_mqtt_transit *transit) {
    struct vch_mqtt_parcel parcel = {
        .message = message, .group = transit->group, .receipt = transit->receipt, .tries = transit->tries};
    serve(home, transit->session_id, &parcel);
}

enum vch_err vch_mqtt_shared_route(struct vch_mqtt_loop *home, const struct vch_mqtt_levels *topic,
                                   struct vch_mqtt_message *message, struct vch_mqtt_receipt *receipt) {
    struct vch_mqtt_shared *shared = &home->broker->shared;
    if (!vch_mqtt_tree_interested(&shared->tree, topic)) return VCH_OK;
    struct choice choice = {.home = home, .qos = message->qos};
    (void)pthread_rwlock_rdlock(&shared->lock);
    vch_mqtt_tree_match(&shared->tree, topic, pick, &choice);
    (void)pthread_rwlock_unlock(&shared->lock);
    enum vch_err err = choice.failed ? VCH_ERR_NOMEM : VCH_OK;
    for (size_t i = 0; i < choice.count; i++) {
        struct vch_mqtt_pick chosen = home->picks[i];
        struct vch_mqtt_parcel parcel = {.message = message, .receipt = receipt};
        enum vch_err one = serve_pick(home, &chosen, &parcel);
        if (err == VCH_OK) err = one;
    }
    return err;
}

/* No more often than there are members: all may be without the right to receive it. */
void vch_mqtt_shared_again(struct vch_mqtt_loop *home, const struct vch_mqtt_parcel *parcel) {
    struct vch_mqtt_shared *shared = &home->broker->shared;
    struct vch_mqtt_group *group = parcel->group;
    struct vch_mqtt_pick chosen = {.group = NULL};
    (void)pthread_rwlock_rdlock(&shared->lock);
    bool more = parcel->tries < group->count && parcel->tries < TRIES_MAX;
    const struct member *member = more ? choose(group, parcel->message->qos) : NULL;
    if (member) chosen = (struct vch_mqtt_pick){vch_mqtt_group_ref(group), member->home, member->session_id};
    (void)pthread_rwlock_unlock(&shared->lock);
    if (!chosen.group) {
        vch_mqtt_count(&home->counters.dropped, 1);
        return;
    }
    struct vch_mqtt_parcel next = {
        .message = parcel->message, .receipt = parcel->receipt, .tries = (uint8_t)(parcel->tries + 1)};
    (void)!serve_pick(home, &chosen, &next);
}
