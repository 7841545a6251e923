/* What the MQTT door tells of refusals: to memory (service/refusals.h), to the
 * log, and to whoever listens to lifecycle events. [loop] unless said otherwise. */
#ifndef VCH_API_MQTT_TOLD_PRIV_H
#define VCH_API_MQTT_TOLD_PRIV_H

#include "api/mqtt_peer_priv.h"
#include "service/refusals.h"

/* How many lines a second the log gets about clients that were never accepted. */
enum { VCH_TOLD_LINES_PER_SECOND = 20, VCH_TOLD_AGAIN_MS = 1000 };

/* Something a live session asked for. The same question again within
 * VCH_TOLD_AGAIN_MS is counted, and neither remembered nor logged. `diag` may be
 * NULL or unfilled: then it is asked for again where that is needed. */
enum vch_mqtt_verdict vch_door_deny(struct vch_mqtt_session *session, enum vch_refused what, const char *action,
                                    const char *type, struct vch_str name, const struct vch_diag *diag);
/* A CONNECT of `principal`; `decision` of the policy that denied it, or NULL. */
void vch_door_tell_connect(struct vch_mqtt_door *door, struct vch_mqtt_session *session, const char *principal, enum vch_err err,
                           const struct vch_diag *diag, const struct vch_policy_decision *decision);
/* A connection's end, accepted or not: the log, and memory when it was refused. */
void vch_door_tell_end(struct vch_mqtt_door *door, struct vch_mqtt_session *session, const char *reason, struct vch_str detail);

/* May one more line about a stranger go into the log? Counts it. Any thread. */
bool vch_told_may_log(struct vch_mqtt_door *door);
bool vch_told_is_no_refusal(const char *reason); /* nobody was refused: it only ended */

/* Lifecycle events of a session that was accepted. */
void vch_door_on_accepted(void *door, struct vch_mqtt_session *session);
void vch_door_on_subscribed(void *door, struct vch_mqtt_session *session, const struct vch_str *filters, size_t count);
void vch_door_on_unsubscribed(void *door, struct vch_mqtt_session *session, const struct vch_str *filters, size_t count);
void vch_door_tell_gone(struct vch_mqtt_session *session, const char *word);

#endif
