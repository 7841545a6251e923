/* What a connected device says and hears: the publish/subscribe sample of the AWS
 * client, and heartbeats. A topic that costs the connection is not asked for again. */
#ifndef VCH_AGENT_SAMPLE_H
#define VCH_AGENT_SAMPLE_H

#include "agent/serve.h"

/* For vch_link.on_message; `arg` is the struct vch_serve. */
void vch_sample_message(void *arg, const struct vch_device_message *message);
/* Subscribes and publishes, after each connection. */
enum vch_exit vch_sample_start(struct vch_serve *serve, struct vch_outcome *outcome) VCH_MUST;
enum vch_exit vch_sample_publish(struct vch_serve *serve, struct vch_outcome *outcome) VCH_MUST;
/* The published file is another than at the last call; the first call only looks. */
bool vch_sample_changed(struct vch_serve *serve);
enum vch_exit vch_sample_heartbeat(struct vch_serve *serve, struct vch_outcome *outcome) VCH_MUST;

#endif
