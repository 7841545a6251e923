/* The MQTT client's inside: input.c receives, client.c asks, provision.c uses both. */
#ifndef VCH_DEVLIB_CLIENT_PRIV_H
#define VCH_DEVLIB_CLIENT_PRIV_H

#include "base/str.h"
#include "vouch/device.h"
#include "wire/mqtt.h"

/* A payload is composed behind this much of `out`, so that the packet's head
 * fits before it and both leave in one write; other packets use the room too. */
enum { VCH_DEVICE_HEADROOM = 272, VCH_DEVICE_TOPIC_MAX = 256, VCH_DEVICE_ANSWER_MAX = 104 };

#if defined(__GNUC__)
#define VCH_DEVICE_APART __attribute__((noinline))
#else
#define VCH_DEVICE_APART
#endif

/* ---- input.c ---- */

/* Until when one wait lasts: its own length, cut at the deadline of everything. */
int64_t vch_device_wait_until(const struct vch_device *device);
/* Ends the connection and wipes what was received. */
enum vch_device_status vch_device_give_up(struct vch_device *device, enum vch_device_status status);
enum vch_device_status vch_device_send(struct vch_device *device, const void *bytes, size_t len);

void vch_device_expect_nothing(struct vch_device *device);
void vch_device_expect(struct vch_device *device, enum vch_mqtt_type type, uint16_t id);
/* Takes one packet, or receives once when none is whole. The transport waits
 * until `until_ms`; from `end_ms` on it is not asked any more: TIMEOUT. */
enum vch_device_status vch_device_step(struct vch_device *device, int64_t until_ms, int64_t end_ms);
/* Until all that is expected has come; or until the answer is there too. */
enum vch_device_status vch_device_wait_acks(struct vch_device *device, bool or_answer);
enum vch_device_status vch_device_wait_answer(struct vch_device *device);
/* Lets go of the held answer and wipes where it stood. */
void vch_device_release(struct vch_device *device);
/* For people: cut to its room at a whole character, without control characters. */
void vch_device_keep_text(char *out, size_t size, struct vch_str text);

/* ---- client.c ---- */

/* Two SUBSCRIBEs, "<topic>/accepted" and "<topic>/rejected", then both SUBACKs.
 * What stands in `out` behind the headroom stays. */
enum vch_device_status vch_device_subscribe_answers(struct vch_device *device, const char *topic);
/* Publishes what stands in `out` behind the headroom and waits for the answer,
 * which is then device->answer, inside `in`, until vch_device_release. */
enum vch_device_status vch_device_request(struct vch_device *device, const char *topic, size_t payload_len);

#endif
