/* A client returns on another loop than the one where its session waits.
 *
 * A fence goes through all loops to the heir's: behind it nothing is under way
 * to there any more that the old place has delivered already. The heir
 * subscribes on its loop, so that from some moment on every message comes to
 * both. A second fence goes through all loops and back: behind it nothing is
 * under way any more that only the old place would get. Then the estate moves;
 * what came to both counts once (the message is the same object). From its
 * subscribing on the heir lives until it has heard the outcome, so that an
 * estate always finds somebody. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt/outflow_priv.h"

struct move {
    struct vch_mqtt_loop *from, *to;
    uint64_t session_id, heir_id, token;
    atomic_size_t fences; /* still out */
    atomic_bool cut;      /* a loop has stopped: no further step */
    struct vch_mqtt_loop *meet; /* where the fence ends, and what comes then */
    void (*then)(struct move *move);
    /* For the heir: */
    uint64_t key, last_seq;
    char principal[65];
    char *texts;
    size_t count;
    struct vch_mqtt_kept_sub subs[];
};

/* ---- the manifest -------------------------------------------------------------------- */

static struct move *move_new(struct vch_mqtt_session *session, struct vch_mqtt_ref heir) {
    struct move *move = calloc(1, sizeof *move + session->sub_count * sizeof move->subs[0]);
    char *buf = malloc(FILTER_TEXT_MAX);
    size_t size = 0;
    if (!move || !buf) {
        free(move);
        free(buf);
        return NULL;
    }
    for (const struct vch_mqtt_sub *sub = session->subs; sub; sub = sub->session_next) {
        vch_mqtt_sub_describe(sub, buf, &move->subs[move->count]);
        size += move->subs[move->count++].filter.len;
    }
    move->texts = malloc(size + 1);
    char *at = move->texts;
    size_t i = 0;
    for (const struct vch_mqtt_sub *sub = session->subs; sub && at; sub = sub->session_next, i++) {
        vch_mqtt_sub_describe(sub, buf, &move->subs[i]);
        memcpy(at, move->subs[i].filter.ptr, move->subs[i].filter.len);
        move->subs[i].filter.ptr = at;
        at += move->subs[i].filter.len;
    }
    free(buf);
    move->from = session->home;
    move->to = vch_mqtt_home(session->home->broker, heir.loop);
    move->session_id = session->id;
    move->heir_id = heir.id;
    move->key = session->estate->key;
    move->last_seq = session->estate->last_seq;
    memcpy(move->principal, session->estate->principal, sizeof move->principal);
    return move;
}

static void move_free(struct move *move) {
    free(move->texts);
    free(move);
}

static struct vch_mqtt_session *moving(const struct move *move) {
    struct vch_mqtt_session *session = vch_mqtt_lookup(move->from, move->session_id);
    return session && session->estate && session->estate->moving == move->token ? session : NULL;
}

/* ---- the outcome, on the heir's loop --------------------------------------------------- */

struct outcome {
    struct vch_mqtt_loop *home;
    uint64_t heir_id;
    struct vch_mqtt_estate *estate; /* NULL: it does not come */
};

static void forget_arrivals(struct vch_mqtt_session *heir) {
    for (struct vch_mqtt_waiting *entry = heir->flow ? heir->flow->queue : NULL; entry; entry = entry->next)
        vch_mqtt_keep_drop(heir, entry);
    vch_mqtt_estate_free(heir->estate);
    heir->estate = NULL;
    vch_mqtt_session_pass_on(heir);
    vch_mqtt_session_empty(heir);
}

static void begin_afresh(struct vch_mqtt_session *heir) {
    vch_mqtt_estate_forget(heir);
    vch_mqtt_session_pass_on(heir);
    vch_mqtt_session_empty(heir);
    vch_mqtt_session_accept(heir, false);
}

static void arrived(struct vch_mqtt_session *heir, struct vch_mqtt_estate *estate) {
    vch_mqtt_estate_unpack(heir, estate);
    if (heir->state == SESSION_TAKING) {
        if (estate->unwanted)
            begin_afresh(heir);
        else
            vch_mqtt_session_accept(heir, true);
        return;
    }
    uint32_t wanted_s = vch_mqtt_expiry_wanted(heir);
    if (wanted_s == 0 || estate->unwanted) heir->discard = true;
    estate->expiry_s = vch_mqtt_expiry_of(heir, wanted_s);
    vch_mqtt_estate_rest(heir);
}

/* The older session was ended meanwhile, or a newer client is the heir now. */
static void failed(struct vch_mqtt_session *heir) {
    struct vch_mqtt_broker *broker = heir->home->broker;
    forget_arrivals(heir);
    if (heir->state == SESSION_TAKING) {
        if (vch_mqtt_registry_present(&broker->registry, heir)) vch_mqtt_session_accept(heir, false);
        return;
    }
    heir->claimed = false;
    vch_mqtt_grant(broker, vch_mqtt_registry_release(&broker->registry, heir));
    vch_mqtt_session_bury(heir);
}

static void on_outcome(void *arg) {
    struct outcome outcome = *(struct outcome *)arg;
    free(arg);
    vch_mqtt_enter(outcome.home);
    struct vch_mqtt_session *heir = vch_mqtt_lookup(outcome.home, outcome.heir_id);
    vch_assert(heir && heir->expecting);
    heir->expecting = false;
    if (outcome.estate)
        arrived(heir, outcome.estate);
    else
        failed(heir);
    vch_mqtt_leave(outcome.home);
}

/* Lost only when the loop has stopped, and everything with it. */
static void tell(const struct move *move, struct vch_mqtt_estate *estate) {
    struct outcome *outcome = malloc(sizeof *outcome);
    if (outcome) *outcome = (struct outcome){move->to, move->heir_id, estate};
    if (outcome && vch_loop_post(move->to->loop, on_outcome, outcome)) return;
    vch_mqtt_estate_free(estate);
    free(outcome);
}

/* The move does not take place. */
static void stay(struct vch_mqtt_session *session) {
    session->estate->moving = 0;
    if (session->estate->unwanted)
        vch_mqtt_estate_destroy(session);
    else
        vch_mqtt_estate_depart(session);
}

/* ---- the fence --------------------------------------------------------------------------- */

static void on_met(void *arg) {
    struct move *move = arg;
    if (atomic_fetch_sub(&move->fences, 1) > 1) return;
    if (atomic_load(&move->cut)) {
        move_free(move);
        return;
    }
    struct vch_mqtt_loop *home = move->meet;
    vch_mqtt_enter(home);
    move->then(move);
    vch_mqtt_leave(home);
}

static void cut(struct move *move) {
    atomic_store(&move->cut, true);
    if (atomic_fetch_sub(&move->fences, 1) == 1) move_free(move);
}

/* Posted, so between turns: the outbox of this loop is empty. */
static void on_fence(void *arg) {
    struct move *move = arg;
    if (!vch_loop_post(move->meet->loop, on_met, move)) cut(move);
}

/* The move is the fence's from here on. */
static void send_fence(struct move *move, struct vch_mqtt_loop *meet, void (*then)(struct move *move)) {
    struct vch_mqtt_broker *broker = meet->broker;
    move->meet = meet;
    move->then = then;
    atomic_store(&move->fences, broker->count);
    for (size_t i = 0; i < broker->count; i++)
        if (!vch_loop_post(broker->loops[i].loop, on_fence, move)) cut(move);
}

/* ---- the old place gives ------------------------------------------------------------------- */

static void finish(struct move *move) {
    struct vch_mqtt_session *session = moving(move);
    const struct vch_mqtt_ref heir = {move->to->loop, move->heir_id};
    if (session && vch_mqtt_registry_hand_over(&move->from->broker->registry, session, heir)) {
        session->claimed = false;
        struct vch_mqtt_estate *estate = vch_mqtt_estate_pack(session);
        while (session->subs) vch_mqtt_sub_remove(session, &session->subs);
        tell(move, estate);
        vch_mqtt_session_bury(session);
    } else {
        tell(move, NULL);
        if (session) stay(session);
    }
    move_free(move);
}

/* ---- the heir gets ready ------------------------------------------------------------------- */

static void on_refused(void *arg) {
    struct move *move = arg;
    struct vch_mqtt_loop *home = move->from;
    vch_mqtt_enter(home);
    struct vch_mqtt_session *session = moving(move);
    if (session) stay(session);
    vch_mqtt_leave(home);
    move_free(move);
}

/* What comes here already is kept under the estate's key, behind all that is still to come there. */
static bool prepare(struct vch_mqtt_session *heir, const struct move *move) {
    struct vch_mqtt_estate *estate = calloc(1, sizeof *estate);
    if (!estate) return false;
    estate->key = move->key;
    estate->last_seq = move->last_seq + (UINT64_C(1) << 32);
    estate->level = heir->level;
    estate->saved = true;
    memcpy(estate->principal, move->principal, sizeof estate->principal);
    heir->estate = estate;
    heir->expecting = true;
    for (size_t i = 0; i < move->count; i++)
        if (vch_mqtt_sub_add(heir, &move->subs[i]) != VCH_OK) return false;
    return true;
}

static void get_ready(struct move *move) {
    struct vch_mqtt_session *heir = vch_mqtt_lookup(move->to, move->heir_id);
    bool ready = heir && heir->state == SESSION_TAKING && !heir->expecting;
    if (ready && !prepare(heir, move)) {
        ready = heir->expecting = false;
        forget_arrivals(heir);
        vch_mqtt_session_fail(heir, "internal", "", "Memory is out.");
    }
    if (ready)
        send_fence(move, move->from, finish);
    else if (!vch_loop_post(move->from->loop, on_refused, move))
        move_free(move);
}

void vch_mqtt_move_begin(struct vch_mqtt_session *session, struct vch_mqtt_ref heir) {
    struct move *move = move_new(session, heir);
    if (!move || !move->texts) { /* its deadline ends the heir */
        if (move) move_free(move);
        return;
    }
    session->estate->moving = move->token = ++session->home->last_move;
    send_fence(move, move->to, get_ready);
}
