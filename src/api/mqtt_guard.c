/* The MQTT door as a whole: who was turned away before it, relief while memory
 * is short, and its orderly end. */
#include <string.h>
#include <time.h>

#include "api/mqtt_told_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/reason.h"

enum { RELIEF_BYTES = 64 * 1024, POLL_MS = 10 };

void vch_mqtt_door_tell_refused(struct vch_mqtt_door *door, struct vch_conn *conn, const struct vch_diag *diag) {
    char serial[VCH_REFUSAL_SERIAL];
    if (!diag || !diag->reason || vch_told_is_no_refusal(diag->reason)) return;
    vch_refusal_serial(vch_conn_peer_der(conn), serial);
    const struct vch_refusal refusal = {.what = VCH_REFUSED_HANDSHAKE,
                                        .reason = diag->reason,
                                        .certificate_id = vch_str_from(vch_conn_peer_id(conn)),
                                        .serial = vch_str_from(serial),
                                        .source_ip = vch_str_from(vch_conn_peer_ip(conn)),
                                        .statement = -1,
                                        .message = vch_str_from(diag->message),
                                        .time_ms = vch_now_ms()};
    vch_refusals_tell(door->service->refusals, &refusal);
    if (vch_told_may_log(door))
        VCH_LOG(INFO, "edge-closed", VCH_LOG_C("ip", vch_conn_peer_ip(conn)), VCH_LOG_C("certificate", vch_conn_peer_id(conn)),
                VCH_LOG_C("reason", diag->reason), VCH_LOG_C("detail", diag->message));
}

void vch_mqtt_door_tell_turned_away(struct vch_mqtt_door *door, const char *ip, enum vch_gate_verdict verdict) {
    static const char *const sentences[VCH_GATE_VERDICTS] = {
        [VCH_GATE_OPEN] = "",
        [VCH_GATE_KEY_FULL] = "The address has as many connections as it may have (connections-per-address).",
        [VCH_GATE_FULL] = "The server has as many connections as it may have (connections-max).",
        [VCH_GATE_SHUT] = "The server's memory is used up to its bound (memory-max).",
    };
    enum vch_reason reason = verdict == VCH_GATE_SHUT ? VCH_REASON_MEMORY_FULL : VCH_REASON_CONNECTIONS_FULL;
    const struct vch_refusal refusal = {.what = VCH_REFUSED_HANDSHAKE,
                                        .reason = vch_reason_code(reason),
                                        .source_ip = vch_str_from(ip),
                                        .statement = -1,
                                        .message = vch_str_from(sentences[verdict]),
                                        .time_ms = vch_now_ms()};
    vch_refusals_tell(door->service->refusals, &refusal);
    if (vch_told_may_log(door))
        VCH_LOG(WARN, "turned-away", VCH_LOG_C("ip", ip), VCH_LOG_C("reason", refusal.reason), VCH_LOG_C("detail", sentences[verdict]));
}

/* ---- while memory is short ---- */

static void cut_if_heavy(struct vch_mqtt_session *session, const char *key) {
    (void)key;
    struct vch_diag diag = {0};
    struct vch_conn *conn = vch_mqtt_session_conn(session);
    if (!conn || vch_conn_pending(conn) < RELIEF_BYTES) return;
    (void)VCH_REFUSE(&diag, VCH_ERR_LIMIT, SLOW_READER, "", "Memory is short, and %zu bytes wait for this client.", vch_conn_pending(conn));
    vch_mqtt_close(session, &diag);
}

void vch_mqtt_door_relieve(struct vch_mqtt_door *door) {
    vch_mqtt_relieve(door->broker);
    if (vch_mqtt_each(door->broker, cut_if_heavy, VCH_STR("")) != VCH_OK)
        VCH_LOG(WARN, "memory-relief", VCH_LOG_C("error", "the loops do not answer"));
}

/* ---- the end ---- */

void vch_mqtt_door_drain(struct vch_mqtt_door *door, int64_t wait_ms) {
    const struct timespec pause = {0, POLL_MS * 1000000L};
    struct vch_mqtt_stats stats;
    int64_t until_ms = vch_mono_ms() + wait_ms;
    vch_mqtt_stop(door->broker);
    do {
        vch_mqtt_stats(door->broker, &stats);
        if (stats.connections == 0) return;
        (void)nanosleep(&pause, NULL);
    } while (vch_mono_ms() < until_ms);
    VCH_LOG(WARN, "drain-cut", VCH_LOG_I("connections", stats.connections));
}
