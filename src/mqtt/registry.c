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

/* What is read of another loop's session here does not change between its claim
 * and its release: id, home, client id, connection. */
bool vch_mqtt_registry_claim(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session,
                             struct vch_mqtt_ref *ret_evict) {
    struct vch_str client_id = vch_mqtt_session_client_id(session);
    uint64_t hash = vch_hash(client_id);
    bool owned = false;
    *ret_evict = vch_mqtt_no_ref();
    (void)pthread_mutex_lock(&registry->lock);
    struct vch_mqtt_session *owner = owner_of(registry, client_id, hash);
    if (owner) {
        *ret_evict = vch_mqtt_session_ref(owner->successor ? owner->successor : owner);
        owner->successor = session;
    } else {
        owned = vch_mqtt_index_add(&registry->owners, &session->by_client, hash) == VCH_OK;
    }
    (void)pthread_mutex_unlock(&registry->lock);
    return owned;
}

static struct vch_mqtt_ref pass_on(struct vch_mqtt_registry *registry, struct vch_mqtt_session *owner) {
    struct vch_mqtt_session *next = owner->successor;
    uint64_t hash = owner->by_client.hash;
    owner->successor = NULL;
    vch_mqtt_index_remove(&registry->owners, &owner->by_client);
    /* An entry has just left, so the table has its memory. */
    if (!next || vch_mqtt_index_add(&registry->owners, &next->by_client, hash) != VCH_OK) return vch_mqtt_no_ref();
    return vch_mqtt_session_ref(next);
}

struct vch_mqtt_ref vch_mqtt_registry_release(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session) {
    struct vch_str client_id = vch_mqtt_session_client_id(session);
    struct vch_mqtt_ref next = vch_mqtt_no_ref();
    (void)pthread_mutex_lock(&registry->lock);
    struct vch_mqtt_session *owner = owner_of(registry, client_id, vch_hash(client_id));
    if (owner == session)
        next = pass_on(registry, owner);
    else if (owner && owner->successor == session)
        owner->successor = NULL;
    (void)pthread_mutex_unlock(&registry->lock);
    return next;
}

bool vch_mqtt_registry_online(struct vch_mqtt_registry *registry, struct vch_str client_id, char ret_peer_id[65]) {
    ret_peer_id[0] = '\0';
    (void)pthread_mutex_lock(&registry->lock);
    const struct vch_mqtt_session *owner = owner_of(registry, client_id, vch_hash(client_id));
    if (owner) (void)vch_str_copy(ret_peer_id, 65, vch_str_from(vch_conn_peer_id(owner->conn)));
    (void)pthread_mutex_unlock(&registry->lock);
    return owner != NULL;
}
