/* A scripted server behind the device library's transport: what it sends is
 * queued as bytes, each block released when enough was received from the device.
 * Guard bytes stand around the library's memory. */
#ifndef TEST_DEVLIB_SCRIPT_H
#define TEST_DEVLIB_SCRIPT_H

#include "base/str.h"
#include "vouch/device.h"

enum { SCRIPT_IN = 8192, SCRIPT_OUT = 4096, SCRIPT_GUARD = 64, SCRIPT_STEPS = 32 };

struct script_step {
    size_t after_packets; /* of the device */
    uint8_t bytes[6000];
    size_t len;
};

struct script {
    struct script_step steps[SCRIPT_STEPS];
    size_t count, at, offset;
    size_t piece;               /* most bytes given by one recv; 0: all */
    enum vch_device_status end; /* what recv says when nothing is left */
    int64_t now_ms;
    uint8_t sent[20000];
    size_t sent_len, packets;
    enum vch_device_status send_fails;
    size_t fails_from; /* the number of the first packet that cannot be sent; 0: none */
    uint8_t memory_in[SCRIPT_GUARD + SCRIPT_IN + SCRIPT_GUARD], memory_out[SCRIPT_GUARD + SCRIPT_OUT + SCRIPT_GUARD];
    struct vch_device device;
    char message_topic[128], message_payload[128];
    size_t messages;
};

void script_init(struct script *s, size_t in_size, size_t out_size);
void script_raw(struct script *s, size_t after_packets, const void *bytes, size_t len);
void script_connack(struct script *s, size_t after_packets, uint8_t code);
void script_suback(struct script *s, size_t after_packets, uint16_t id, uint8_t code);
void script_puback(struct script *s, size_t after_packets, uint16_t id);
void script_publish(struct script *s, size_t after_packets, const char *topic, const char *payload, uint8_t qos);
void script_check_guards(const struct script *s);
/* The device's packet number `index` (from 0); empty when it was not sent. */
struct vch_str script_sent(const struct script *s, size_t index);

#endif
