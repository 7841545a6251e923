/* What MQTT keeps beyond the process, on the message store: sessions, queues,
 * wills, retained messages. Open before the broker, restore by it, close after
 * the loops have ended and before the broker goes. */
#ifndef VCH_DAEMON_KEEPER_H
#define VCH_DAEMON_KEEPER_H

#include "mqtt/keeper.h"
#include "store/messages.h"

struct vch_keeper;

enum vch_err vch_keeper_open(const char *path, struct vch_keeper **ret, struct vch_diag *diag) VCH_MUST;
const struct vch_mqtt_keeper *vch_keeper_table(struct vch_keeper *keeper);
struct vch_messages *vch_keeper_messages(struct vch_keeper *keeper); /* still the keeper's */
/* Writes what waits; what could not be written is logged. NULL is fine. */
void vch_keeper_close(struct vch_keeper *keeper);
/* Logs when the disk begins to fail and when it is well again. Main thread. */
void vch_keeper_watch(struct vch_keeper *keeper);
void vch_keeper_stats(struct vch_keeper *keeper, struct vch_messages_stats *ret);

#endif
