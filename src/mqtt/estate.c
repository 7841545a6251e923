#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "mqtt/outflow_priv.h"

enum { DUE_CHECK_MS = 1000 }; /* at most: the wall clock may be moved */

static const struct vch_mqtt_keeper *keeper_of(const struct vch_mqtt_session *session) {
    return session->estate && session->estate->key ? vch_mqtt_options_of(session)->keeper : NULL;
}

/* ---- life ------------------------------------------------------------------------- */

uint32_t vch_mqtt_expiry_of(const struct vch_mqtt_session *session, uint32_t wanted_s) {
    uint32_t max_s = vch_mqtt_options_of(session)->session_expiry_max_s;
    return wanted_s < max_s ? wanted_s : max_s;
}

struct vch_mqtt_estate *vch_mqtt_estate_new(const struct vch_mqtt_session *session, uint32_t expiry_s) {
    const struct vch_mqtt_keeper *keeper = vch_mqtt_options_of(session)->keeper;
    struct vch_mqtt_estate *estate = calloc(1, sizeof *estate);
    if (!estate) return NULL;
    estate->key = keeper ? keeper->new_key(keeper->self) : 0;
    for (uint64_t i = 0; i < 2; i++) {
        const uint64_t seed[2] = {session->id, i};
        estate->uuid[i] = vch_hash(vch_str_of(seed, sizeof seed));
    }
    estate->expiry_s = expiry_s;
    estate->level = session->level;
    (void)vch_str_copy(estate->principal, sizeof estate->principal, vch_str_from(vch_mqtt_session_peer_id(session)));
    return estate;
}

bool vch_mqtt_estate_count(struct vch_mqtt_session *session) {
    struct vch_mqtt_estate *estate = session->estate;
    struct vch_gate *gate = session->home->broker->estates;
    if (!gate) return true;
    bool open = vch_gate_enter(gate, vch_str_from(estate->principal)) == VCH_GATE_OPEN;
    if (open) estate->counted = gate;
    return open;
}

void vch_mqtt_estate_free(struct vch_mqtt_estate *estate) {
    if (!estate) return;
    vch_gate_leave(estate->counted, vch_str_from(estate->principal));
    vch_mqtt_flow_free(estate->flow);
    vch_mqtt_message_unref(estate->will);
    free(estate);
}

void vch_mqtt_estate_save(struct vch_mqtt_session *session, int64_t disconnected_ms) {
    const struct vch_mqtt_keeper *keeper = keeper_of(session);
    struct vch_mqtt_estate *estate = session->estate;
    if (!keeper) return;
    const struct vch_mqtt_kept_session kept = {.key = estate->key,
                                               .client_id = vch_mqtt_session_client_id(session),
                                               .principal = vch_str_from(estate->principal),
                                               .level = estate->level,
                                               .expiry_s = estate->expiry_s,
                                               .disconnected_ms = disconnected_ms,
                                               .fresh = !estate->saved};
    estate->saved = true;
    keeper->session_put(keeper->self, &kept, NULL);
}

static void set_away(struct vch_mqtt_session *session, bool away) {
    if (session->estate->away == away) return;
    session->estate->away = away;
    vch_mqtt_count(&session->home->counters.away, away ? 1 : -1);
}

static void mark_subs(struct vch_mqtt_session *session, bool lasting) {
    for (struct vch_mqtt_sub *sub = session->subs; sub; sub = sub->session_next)
        if (sub->node) vch_mqtt_tree_mark(&session->home->tree, sub, lasting);
}

static void drop_estate(struct vch_mqtt_session *session, struct vch_mqtt_receipt *receipt) {
    const struct vch_mqtt_keeper *keeper = keeper_of(session);
    if (keeper) keeper->session_drop(keeper->self, session->estate->key, receipt);
    vch_mqtt_due_clear(&session->home->due, &session->estate->due);
    set_away(session, false);
    vch_mqtt_estate_free(session->estate);
    session->estate = NULL;
}

void vch_mqtt_estate_forget(struct vch_mqtt_session *session) {
    if (!session->estate) return;
    mark_subs(session, false);
    drop_estate(session, NULL);
}

/* ---- time ---------------------------------------------------------------------------- */

static void arm(struct vch_mqtt_loop *home) {
    const struct vch_mqtt_due *first = vch_mqtt_due_first(&home->due);
    if (!first) return;
    int64_t left_ms = first->at_ms - vch_now_ms();
    vch_timer_set(&home->due_timer, left_ms < 1 ? 1 : left_ms > DUE_CHECK_MS ? DUE_CHECK_MS : left_ms);
}

/* Memory out: it waits until its client returns. */
void vch_mqtt_estate_watch(struct vch_mqtt_session *session) {
    struct vch_mqtt_estate *estate = session->estate;
    int64_t at_ms = estate->ends_ms;
    if (estate->will && (at_ms == 0 || estate->will_ms < at_ms)) at_ms = estate->will_ms;
    estate->session = session;
    if (at_ms)
        (void)!vch_mqtt_due_set(&session->home->due, &estate->due, at_ms);
    else
        vch_mqtt_due_clear(&session->home->due, &estate->due);
    arm(session->home);
}

static void expire(struct vch_mqtt_session *session, int64_t now_ms) {
    struct vch_mqtt_estate *estate = session->estate;
    if (estate->will && estate->will_ms <= now_ms) {
        vch_mqtt_will_release(session->home, estate);
        vch_mqtt_keep_no_will(session);
    }
    if (estate->moving) /* its client is here again, on another loop */
        (void)!vch_mqtt_due_set(&session->home->due, &estate->due, now_ms + DUE_CHECK_MS);
    else if (estate->ends_ms && estate->ends_ms <= now_ms)
        vch_mqtt_estate_destroy(session);
    else
        vch_mqtt_estate_watch(session);
}

void vch_mqtt_estates_expire(void *arg) {
    struct vch_mqtt_loop *home = arg;
    int64_t now_ms = vch_now_ms();
    struct vch_mqtt_due *first;
    vch_mqtt_enter(home);
    while ((first = vch_mqtt_due_first(&home->due)) != NULL && first->at_ms <= now_ms)
        expire(VCH_MQTT_OWNER(first, struct vch_mqtt_estate, due)->session, now_ms);
    vch_mqtt_leave(home);
    arm(home);
}

/* ---- resting -------------------------------------------------------------------------- */

/* QoS 0 does not wait for anybody. */
static void trim(struct vch_mqtt_session *session) {
    struct vch_mqtt_flow *flow = session->flow;
    for (size_t left = flow ? flow->queue_count : 0; left > 0; left--) {
        struct vch_mqtt_waiting *entry = vch_mqtt_queue_take(session);
        if (entry->qos == 0) {
            vch_mqtt_waiting_free(entry);
            continue;
        }
        entry->allowed = false; /* asked again, by what is true then */
        vch_mqtt_queue_put(session, entry);
    }
    vch_mqtt_flow_rest(session);
}

static void groups_offline(struct vch_mqtt_session *session) {
    for (const struct vch_mqtt_sub *sub = session->subs; sub; sub = sub->session_next)
        if (!sub->node) vch_mqtt_group_update(session, sub->group, session->id, false);
}

void vch_mqtt_estate_rest(struct vch_mqtt_session *session) {
    struct vch_mqtt_estate *estate = session->estate;
    int64_t now_ms = vch_now_ms();
    vch_mqtt_registry_offline(&session->home->broker->registry, session);
    if (session->discard) {
        vch_mqtt_estate_destroy(session);
        return;
    }
    trim(session);
    groups_offline(session);
    set_away(session, true);
    estate->ends_ms = estate->expiry_s == UINT32_MAX ? 0 : now_ms + (int64_t)estate->expiry_s * 1000;
    vch_mqtt_estate_save(session, now_ms);
    vch_mqtt_estate_watch(session);
    vch_mqtt_outbox_flush(session->home);
    vch_mqtt_estate_depart(session);
}

struct succession {
    struct vch_mqtt_broker *broker;
    struct vch_mqtt_ref heir;
};

/* The new session is not announced before the old one cannot come back; a disk that is full does not keep clients out. */
static void on_dropped(void *arg, enum vch_err err) {
    struct succession *succession = arg;
    (void)err;
    vch_mqtt_grant(succession->broker, succession->heir);
    free(succession);
}

static void succeed(struct vch_mqtt_loop *home, struct vch_mqtt_ref heir, struct vch_mqtt_receipt *receipt) {
    struct succession *succession = receipt && heir.id ? malloc(sizeof *succession) : NULL;
    if (succession) *succession = (struct succession){home->broker, heir};
    if (receipt) vch_mqtt_answer_server(home, receipt, succession ? on_dropped : NULL, succession);
    if (!succession) vch_mqtt_grant(home->broker, heir);
}

/* A delayed will goes with the session. [MQTT-3.1.3-9] */
void vch_mqtt_estate_destroy(struct vch_mqtt_session *session) {
    struct vch_mqtt_loop *home = session->home;
    struct vch_mqtt_registry *registry = &home->broker->registry;
    struct vch_mqtt_receipt *receipt = session->claimed && keeper_of(session) ? vch_mqtt_receipt_of(home) : NULL;
    vch_mqtt_will_release(home, session->estate);
    drop_estate(session, receipt);
    vch_mqtt_session_pass_on(session);
    vch_mqtt_session_empty(session);
    vch_mqtt_outbox_flush(home);
    struct vch_mqtt_ref heir = session->claimed ? vch_mqtt_registry_release(registry, session) : vch_mqtt_no_ref();
    session->claimed = false;
    succeed(home, heir, receipt);
    vch_mqtt_session_bury(session);
}

/* ---- changing hands ---------------------------------------------------------------------- */

struct vch_mqtt_estate *vch_mqtt_estate_pack(struct vch_mqtt_session *session) {
    struct vch_mqtt_estate *estate = session->estate;
    if (estate->will) vch_mqtt_keep_no_will(session); /* its client is back in time */
    vch_mqtt_message_unref(estate->will);
    estate->will = NULL;
    vch_mqtt_due_clear(&session->home->due, &estate->due);
    set_away(session, false);
    if (session->flow) vch_mqtt_count(&session->home->counters.queued, -(int)session->flow->queue_count);
    estate->flow = session->flow;
    estate->last_packet_id = session->last_packet_id;
    estate->moving = 0;
    session->flow = NULL;
    session->estate = NULL;
    return estate;
}

/* The same for a group is another delivery, and comes to one place only. */
static bool has_like(const struct vch_mqtt_flow *flow, const struct vch_mqtt_waiting *arrival) {
    for (const struct vch_mqtt_waiting *entry = flow->queue; entry; entry = entry->next)
        if (entry->message == arrival->message && entry->group == arrival->group) return true;
    return false;
}

/* What came here while the rest was on its way, unless it came to both places. */
static void append_arrivals(struct vch_mqtt_session *session, struct vch_mqtt_flow *arrivals) {
    while (arrivals && arrivals->queue) {
        struct vch_mqtt_waiting *entry = arrivals->queue;
        arrivals->queue = entry->next;
        if (!vch_mqtt_flow_of(session) || has_like(session->flow, entry)) {
            vch_mqtt_keep_drop(session, entry);
            vch_mqtt_waiting_free(entry);
        } else {
            vch_mqtt_queue_put(session, entry);
        }
    }
    vch_mqtt_flow_free(arrivals);
}

void vch_mqtt_estate_unpack(struct vch_mqtt_session *session, struct vch_mqtt_estate *estate) {
    struct vch_mqtt_flow *arrivals = session->flow;
    struct vch_mqtt_counters *counters = &session->home->counters;
    if (session->estate) estate->last_seq = session->estate->last_seq; /* it has gone on from there */
    vch_mqtt_estate_free(session->estate);
    session->estate = estate;
    estate->session = session;
    session->flow = estate->flow;
    session->last_packet_id = estate->last_packet_id;
    estate->flow = NULL;
    vch_mqtt_count(&counters->queued, (session->flow ? (int)session->flow->queue_count : 0) -
                                          (arrivals ? (int)arrivals->queue_count : 0));
    append_arrivals(session, arrivals);
    mark_subs(session, estate->key != 0);
    for (const struct vch_mqtt_sub *sub = session->subs; sub && session->five; sub = sub->session_next)
        session->five->has_ids |= sub->identifier != 0;
}

static void adopt_subs(struct vch_mqtt_session *session, struct vch_mqtt_session *heir) {
    heir->subs = session->subs;
    heir->sub_count = session->sub_count;
    session->subs = NULL;
    session->sub_count = 0;
    for (struct vch_mqtt_sub *sub = heir->subs; sub; sub = sub->session_next) {
        sub->session = heir;
        if (!sub->node) vch_mqtt_group_update(heir, sub->group, session->id, false);
    }
}

/* The heir is on this loop. One that has ended has its place taken from it when
 * it is settled; a newer one, if there is one, has sent word of itself. */
static void adopt(struct vch_mqtt_session *session, struct vch_mqtt_ref ref) {
    struct vch_mqtt_session *heir = vch_mqtt_lookup(session->home, ref.id);
    if (!heir || heir->state != SESSION_TAKING) return;
    if (!vch_mqtt_registry_hand_over(&session->home->broker->registry, session, ref)) return;
    session->claimed = false;
    struct vch_mqtt_estate *estate = vch_mqtt_estate_pack(session);
    adopt_subs(session, heir);
    vch_mqtt_estate_unpack(heir, estate);
    vch_mqtt_session_bury(session);
    vch_mqtt_session_accept(heir, true);
}

static bool is_wanted(const struct vch_mqtt_session *session, const struct vch_mqtt_wish *wish) {
    const struct vch_mqtt_estate *estate = session->estate;
    if (wish->clean || wish->principal != vch_hash(vch_str_from(estate->principal))) return false;
    return wish->level == estate->level || !vch_mqtt_manners_of(session)->levels_apart;
}

void vch_mqtt_estate_depart(struct vch_mqtt_session *session) {
    struct vch_mqtt_wish wish;
    if (session->estate->moving) return; /* the end of the move looks again */
    struct vch_mqtt_ref heir = vch_mqtt_registry_heir(&session->home->broker->registry, session, &wish);
    if (heir.id == 0) return;
    if (!is_wanted(session, &wish))
        vch_mqtt_estate_destroy(session);
    else if (heir.loop == session->home->loop)
        adopt(session, heir);
    else
        vch_mqtt_move_begin(session, heir);
}
