/* Users and roles of IAM behind MQTT connections. */
#include <string.h>

#include "api/mqtt_peer_priv.h"
#include "base/clock.h"
#include "core/reason.h"

/* AWS IoT "Protocols": a WebSocket connection with Signature Version 4 lasts 24 hours. */
#define WEBSOCKET_LIFE_MS (INT64_C(24) * 3600 * 1000)

static void release(void *principal) {
    vch_iam_principal_unref(principal);
}

struct vch_iam_principal *vch_conn_principal(const struct vch_conn *conn) {
    return vch_conn_user(conn);
}

bool vch_conn_take_principal(struct vch_conn *conn, struct vch_iam_principal *principal) {
    if (!vch_conn_set_peer_id(conn, vch_str_from(vch_iam_principal_id(principal)))) return false;
    vch_conn_set_user(conn, vch_iam_principal_ref(principal), release);
    return true;
}

enum vch_err vch_mqtt_door_attach_as(struct vch_mqtt_door *door, struct vch_conn *conn, struct vch_iam_principal *principal) {
    if (!vch_conn_take_principal(conn, principal)) return VCH_ERR_INTERNAL;
    return vch_mqtt_door_attach(door, conn);
}

int64_t vch_iam_not_after(const struct vch_iam_principal *principal, bool websocket, int64_t now_ms) {
    int64_t expires_ms = vch_iam_principal_expires_ms(principal);
    int64_t end_ms = websocket ? now_ms + WEBSOCKET_LIFE_MS : INT64_MAX;
    return expires_ms && expires_ms < end_ms ? expires_ms : end_ms;
}

void vch_iam_explain_end(const struct vch_peer *peer, struct vch_diag *diag) {
    int64_t expires_ms = vch_iam_principal_expires_ms(peer->principal);
    if (expires_ms && expires_ms <= peer->not_after_ms)
        (void)VCH_REFUSE(diag, VCH_ERR_EXPIRED, SESSION_EXPIRED, "", "The temporary credentials have expired.");
    else
        (void)VCH_REFUSE(diag, VCH_ERR_EXPIRED, WEBSOCKET_EXPIRED, "", "A signed WebSocket connection lasts 24 hours.");
}

void vch_iam_look_again(struct vch_mqtt_session *session) {
    struct vch_peer *peer = vch_peer_of(session);
    struct vch_diag diag = {0};
    peer->stale = true;
    if (vch_now_ms() < peer->not_after_ms) {
        vch_door_refresh(session);
        return;
    }
    vch_iam_explain_end(peer, &diag);
    vch_mqtt_close(session, &diag);
}

/* The key is "u" or "r" and the name. */
static void look_at_owner(struct vch_mqtt_session *session, const char *key) {
    const struct vch_peer *peer = vch_peer_of(session);
    if (!peer || !peer->principal) return; /* CONNECT is still under way; its end compares vch_door_changes */
    if (vch_iam_principal_is(peer->principal, key[0] == 'r', vch_str_from(key + 1))) vch_iam_look_again(session);
}

enum vch_err vch_iam_each_of(struct vch_mqtt_door *door, bool role, struct vch_str name) {
    char key[160] = {role ? 'r' : 'u'};
    if (!vch_str_copy(key + 1, sizeof key - 1, name)) return VCH_ERR_TOO_LARGE;
    return vch_mqtt_each(door->broker, look_at_owner, vch_str_from(key));
}
