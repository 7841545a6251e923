/* A small provisioning server in memory, for programs on the device library: takes
 * the device's bytes, answers at once, and remembers what it made. Knows MQTT
 * 3.1.1 and 5, JSON and CBOR, keys and requests. No assertions: `broken` tells
 * what the device did that it must not.
 */
#ifndef VCH_TEST_DEVICE_PEER_H
#define VCH_TEST_DEVICE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEER_CERTIFICATES = 8, PEER_BYTES = 8192 };

struct peer_certificate {
    char id[65], token[24];
    bool by_request, registered;
};

struct peer {
    struct peer_certificate certificates[PEER_CERTIFICATES];
    size_t count;
    char thing_name[64];
    bool connected, subscribed;
    bool refuses; /* CONNECT */
    bool forgets; /* every token */
    uint8_t level;
    uint8_t in[PEER_BYTES], out[PEER_BYTES];
    size_t in_len, out_len;
    char last_topic[128], last_payload[512];
    size_t publishes;
    const char *broken;
};

void peer_init(struct peer *p);
/* A new connection: what was under way on the old one is gone. */
void peer_hang_up(struct peer *p);
void peer_take(struct peer *p, const void *bytes, size_t len);
/* Moves up to `size` of what it answered; 0: nothing is there. */
size_t peer_give(struct peer *p, void *buf, size_t size);
size_t peer_registered(const struct peer *p);
const struct peer_certificate *peer_find(const struct peer *p, const char *id);

#endif
