/* What a CONNECT leaves to do in the registry, on a worker, when it is answered
 * already: alarms about a claim, the step of a pairing, and the end of certificates that waited for
 * this one. What finds no worker waits for the next CONNECT. */
#include <stdlib.h>

#include "api/mqtt_peer_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/names.h"
#include "service/claim_watch.h"
#include "service/pairing.h"

enum { ARENA_BYTES = 1 << 20 };

struct aftermath {
    struct vch_service *service;
    char peer_id[65], source_ip[64], client_id[VCH_CLIENT_ID_MAX + 1];
    unsigned alarms;
    bool claim, awaited;
};

static void settle(const struct aftermath *a, struct vch_arena *arena) {
    struct vch_diag diag = {0};
    const struct vch_call call = {.service = a->service,
                                  .arena = arena,
                                  .caller = {.kind = a->claim ? VCH_CALLER_CLAIM : VCH_CALLER_DEVICE,
                                             .certificate_id = vch_str_from(a->peer_id),
                                             .source_ip = vch_str_from(a->source_ip),
                                             .client_id = vch_str_from(a->client_id)},
                                  .now_ms = vch_now_ms(),
                                  .diag = &diag};
    if (a->alarms) vch_claim_alarms_raise(&call, vch_str_from(a->peer_id), a->alarms);
    if (a->awaited && a->claim) vch_pairing_connected(&call, vch_str_from(a->peer_id));
    if (a->awaited && !a->claim) vch_certificate_arrived(&call, vch_str_from(a->peer_id));
}

static void work(void *arg) {
    struct aftermath *a = arg;
    struct vch_arena *arena = vch_arena_new(ARENA_BYTES, false);
    if (arena) settle(a, arena);
    vch_arena_free(arena);
    free(a);
}

void vch_door_aftermath(struct vch_mqtt_door *door, const struct vch_aftermath *what) {
    struct aftermath *a = calloc(1, sizeof *a);
    if (!a) return;
    a->service = door->service;
    a->claim = what->claim;
    a->awaited = what->awaited;
    a->alarms = what->alarms;
    (void)vch_str_copy(a->peer_id, sizeof a->peer_id, vch_str_from(what->peer_id));
    (void)vch_str_copy(a->source_ip, sizeof a->source_ip, vch_str_from(what->source_ip));
    (void)vch_str_copy(a->client_id, sizeof a->client_id, vch_str_from(what->client_id));
    if (vch_pool_submit(door->pool, work, a) == VCH_OK) return;
    VCH_LOG(WARN, "aftermath-waits", VCH_LOG_C("certificate", a->peer_id));
    free(a);
}

/* A loop that does not keep up loses events before it loses messages. */
void vch_mqtt_door_announce(void *arg, struct vch_str topic, struct vch_str payload) {
    struct vch_mqtt_door *door = arg;
    const struct vch_mqtt_publish packet = {.qos = 1, .topic = topic, .payload = payload};
    if (vch_mqtt_publish(door->broker, &packet, NULL, NULL) != VCH_OK) VCH_LOG(WARN, "event-lost", VCH_LOG_S("topic", topic));
}
