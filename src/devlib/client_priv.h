/* The MQTT client's inside, for provision.c. */
#ifndef VCH_DEVLIB_CLIENT_PRIV_H
#define VCH_DEVLIB_CLIENT_PRIV_H

#include "base/str.h"
#include "vouch/device.h"

/* A payload is composed behind this much of `out`, so that the packet's head
 * fits before it and both leave in one write. */
enum { VCH_DEVICE_HEADROOM = 272 };

/* Two SUBSCRIBEs, "<topic>/accepted" and "<topic>/rejected", then both SUBACKs. */
enum vch_device_status vch_device_subscribe_answers(struct vch_device *device, const char *topic);

/* Publishes what stands in `out` behind the headroom and waits for the answer,
 * which is then device->answer, inside `in`, until vch_device_release. */
enum vch_device_status vch_device_request(struct vch_device *device, const char *topic, size_t payload_len);
void vch_device_release(struct vch_device *device);

#endif
