/* Just-in-time registration at the gateway: a certificate that is not registered
 * is let through the handshake when an authority brings it in, its CONNECT is
 * refused, and a worker registers it meanwhile. That its client has the key has
 * been proved by then. */
#include <stdlib.h>
#include <string.h>

#include "api/mqtt_peer_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/names.h"
#include "core/reason.h"
#include "service/just_in_time.h"

enum { ARENA_BYTES = 4 << 20, DER_MAX = 65536 };

struct stranger {
    struct vch_service *service;
    char peer_id[65], source_ip[64], client_id[VCH_CLIENT_ID_MAX + 1];
    size_t len;
    char der[];
};

bool vch_mqtt_door_welcome(void *arg, struct vch_str der) {
    struct vch_mqtt_door *door = arg;
    bool welcome = vch_stranger_welcome(door->service, der);
    if (welcome) atomic_fetch_sub(&door->handshakes_refused, 1); /* counted when nobody knew it */
    return welcome;
}

static void bring_in(const struct stranger *s, struct vch_arena *arena) {
    struct vch_diag diag = {0};
    struct vch_rec_certificate made = {.status = {NULL, 0}};
    struct vch_call call = {.service = s->service,
                            .arena = arena,
                            .caller = {.kind = VCH_CALLER_DEVICE,
                                       .certificate_id = vch_str_from(s->peer_id),
                                       .source_ip = vch_str_from(s->source_ip),
                                       .client_id = vch_str_from(s->client_id)},
                            .now_ms = vch_now_ms(),
                            .diag = &diag};
    enum vch_err err = vch_stranger_register(&call, vch_str_of(s->der, s->len), &made);
    VCH_LOG(INFO, "just-in-time", VCH_LOG_C("certificate", s->peer_id), VCH_LOG_C("ip", s->source_ip),
            VCH_LOG_C("result", err == VCH_OK ? "registered" : "refused"), VCH_LOG_S("status", made.status),
            VCH_LOG_C("reason", err == VCH_OK ? "ok" : diag.reason ? diag.reason : vch_err_word(err)), VCH_LOG_C("detail", diag.message));
}

static void work(void *arg) {
    struct stranger *s = arg;
    struct vch_arena *arena = vch_arena_new(ARENA_BYTES, false);
    if (arena) bring_in(s, arena);
    vch_arena_free(arena);
    free(s);
}

void vch_door_stranger(struct vch_mqtt_door *door, struct vch_mqtt_session *session, const struct vch_diag *diag) {
    struct vch_conn *conn = vch_mqtt_session_conn(session);
    bool strange = conn && diag->reason && strcmp(diag->reason, vch_reason_code(VCH_REASON_CERTIFICATE_UNKNOWN)) == 0;
    struct vch_str der = strange ? vch_conn_peer_der(conn) : VCH_STR("");
    struct stranger *s = der.len && der.len <= DER_MAX ? calloc(1, sizeof *s + der.len) : NULL;
    if (!s) return;
    s->service = door->service;
    s->len = der.len;
    memcpy(s->der, der.ptr, der.len);
    (void)vch_str_copy(s->peer_id, sizeof s->peer_id, vch_str_from(vch_mqtt_session_peer_id(session)));
    (void)vch_str_copy(s->source_ip, sizeof s->source_ip, vch_str_from(vch_mqtt_session_peer_ip(session)));
    (void)vch_str_copy(s->client_id, sizeof s->client_id, vch_mqtt_session_client_id(session));
    if (vch_pool_submit(door->pool, work, s) != VCH_OK) free(s); /* the next connection tries again */
}
