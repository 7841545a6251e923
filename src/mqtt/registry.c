#include "mqtt/mqtt_priv.h"

#include "base/map.h"

static struct vch_mqtt_session *owner_of(const struct vch_mqtt_registry *registry, struct vch_str client_id,
                                         uint64_t hash) {
    for (struct vch_mqtt_link *link = vch_mqtt_index_first(&registry->owners, hash); link;
         link = vch_mqtt_index_next(link)) {
        struct vch_mqtt_session *session = VCH_MQTT_OWNER(link, struct vch_mqtt_session, by_client);
        if (vch_str_eq(vch_mqtt_session_client_id(session), client_id)) return session;
    }
    return NULL;
}

static struct vch_mqtt_session *owner_like(const struct vch_mqtt_registry *registry,
                                           const struct vch_mqtt_session *session) {
    struct vch_str client_id = vch_mqtt_session_client_id(session);
    return owner_of(registry, client_id, vch_hash(client_id));
}

/* What is read of another loop's session here does not change between its claim
 * and its release: id, home, client id, wish; its connection while it is online. */
bool vch_mqtt_registry_claim(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session,
                             struct vch_mqtt_claimants *ret_older) {
    bool owned = false;
    *ret_older = (struct vch_mqtt_claimants){vch_mqtt_no_ref(), vch_mqtt_no_ref()};
    (void)pthread_mutex_lock(&registry->lock);
    struct vch_mqtt_session *owner = owner_like(registry, session);
    if (owner) {
        ret_older->owner = vch_mqtt_session_ref(owner);
        if (owner->successor) ret_older->rival = vch_mqtt_session_ref(owner->successor);
        owner->successor = session;
    } else {
        uint64_t hash = vch_hash(vch_mqtt_session_client_id(session));
        owned = vch_mqtt_index_add(&registry->owners, &session->by_client, hash) == VCH_OK;
    }
    (void)pthread_mutex_unlock(&registry->lock);
    return owned;
}

enum vch_err vch_mqtt_registry_add(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session) {
    (void)pthread_mutex_lock(&registry->lock);
    enum vch_err err = VCH_ERR_EXISTS;
    if (!owner_like(registry, session))
        err = vch_mqtt_index_add(&registry->owners, &session->by_client,
                                 vch_hash(vch_mqtt_session_client_id(session)));
    (void)pthread_mutex_unlock(&registry->lock);
    return err;
}

static struct vch_mqtt_ref pass_on(struct vch_mqtt_registry *registry, struct vch_mqtt_session *owner) {
    struct vch_mqtt_session *next = owner->successor;
    uint64_t hash = owner->by_client.hash;
    owner->successor = NULL;
    owner->online = false;
    vch_mqtt_index_remove(&registry->owners, &owner->by_client);
    /* An entry has just left, so the table has its memory. */
    if (!next || vch_mqtt_index_add(&registry->owners, &next->by_client, hash) != VCH_OK) return vch_mqtt_no_ref();
    return vch_mqtt_session_ref(next);
}

struct vch_mqtt_ref vch_mqtt_registry_release(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session) {
    struct vch_mqtt_ref next = vch_mqtt_no_ref();
    (void)pthread_mutex_lock(&registry->lock);
    struct vch_mqtt_session *owner = owner_like(registry, session);
    if (owner == session)
        next = pass_on(registry, owner);
    else if (owner && owner->successor == session)
        owner->successor = NULL;
    (void)pthread_mutex_unlock(&registry->lock);
    return next;
}

struct vch_mqtt_ref vch_mqtt_registry_heir(struct vch_mqtt_registry *registry, const struct vch_mqtt_session *session,
                                           struct vch_mqtt_wish *ret_wish) {
    struct vch_mqtt_ref heir = vch_mqtt_no_ref();
    (void)pthread_mutex_lock(&registry->lock);
    if (session->successor) {
        heir = vch_mqtt_session_ref(session->successor);
        *ret_wish = session->successor->wish;
    }
    (void)pthread_mutex_unlock(&registry->lock);
    return heir;
}

bool vch_mqtt_registry_hand_over(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session,
                                 struct vch_mqtt_ref heir) {
    (void)pthread_mutex_lock(&registry->lock);
    bool same = session->successor && session->successor->id == heir.id;
    if (same) same = pass_on(registry, session).id == heir.id;
    (void)pthread_mutex_unlock(&registry->lock);
    return same;
}

bool vch_mqtt_registry_present(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session) {
    (void)pthread_mutex_lock(&registry->lock);
    bool owner = owner_like(registry, session) == session;
    if (owner) session->online = true;
    (void)pthread_mutex_unlock(&registry->lock);
    return owner;
}

void vch_mqtt_registry_offline(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session) {
    (void)pthread_mutex_lock(&registry->lock);
    session->online = false;
    (void)pthread_mutex_unlock(&registry->lock);
}

bool vch_mqtt_registry_online(struct vch_mqtt_registry *registry, struct vch_str client_id, char ret_peer_id[65]) {
    ret_peer_id[0] = '\0';
    (void)pthread_mutex_lock(&registry->lock);
    const struct vch_mqtt_session *owner = owner_of(registry, client_id, vch_hash(client_id));
    bool online = owner && owner->online;
    if (online) (void)vch_str_copy(ret_peer_id, 65, vch_str_from(vch_conn_peer_id(owner->conn)));
    (void)pthread_mutex_unlock(&registry->lock);
    return online;
}

bool vch_mqtt_registry_is_waiting(struct vch_mqtt_registry *registry, struct vch_str client_id) {
    (void)pthread_mutex_lock(&registry->lock);
    const struct vch_mqtt_session *owner = owner_of(registry, client_id, vch_hash(client_id));
    bool waiting = owner && !owner->online;
    (void)pthread_mutex_unlock(&registry->lock);
    return waiting;
}

struct vch_mqtt_ref vch_mqtt_registry_find(struct vch_mqtt_registry *registry, struct vch_str client_id) {
    (void)pthread_mutex_lock(&registry->lock);
    const struct vch_mqtt_session *owner = owner_of(registry, client_id, vch_hash(client_id));
    struct vch_mqtt_ref ref = owner ? vch_mqtt_session_ref(owner) : vch_mqtt_no_ref();
    (void)pthread_mutex_unlock(&registry->lock);
    return ref;
}
