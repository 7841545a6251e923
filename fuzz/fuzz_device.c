/* The device library against a server of arbitrary bytes: connect, provision,
 * subscribe, poll. Memory is exact, so that a byte too far is seen; texts that
 * come out are terminated and valid; nothing is saved that has no plain id. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "vouch/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IN = 1024, OUT = 1024 };

struct peer {
    const uint8_t *data;
    size_t size, piece;
    int64_t now_ms;
};

static enum vch_device_status on_send(void *arg, const void *bytes, size_t len, int64_t deadline_ms) {
    (void)arg, (void)deadline_ms;
    return bytes && len ? VCH_DEVICE_OK : VCH_DEVICE_NETWORK;
}

static enum vch_device_status on_recv(void *arg, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms) {
    struct peer *peer = arg;
    size_t len = peer->size < size ? peer->size : size;
    if (len > peer->piece) len = peer->piece;
    if (len == 0) {
        peer->now_ms = deadline_ms;
        return VCH_DEVICE_TIMEOUT;
    }
    memcpy(buf, peer->data, len);
    peer->data += len;
    peer->size -= len;
    *ret_len = len;
    return VCH_DEVICE_OK;
}

static int64_t on_now(void *arg) {
    return ((struct peer *)arg)->now_ms;
}

static int on_save(void *arg, const struct vch_device_identity *identity) {
    (void)arg;
    size_t len = strlen(identity->certificate_id);
    if (len == 0 || len > 64 || strspn(identity->certificate_id, "0123456789abcdefABCDEF") != len) abort();
    if (!vch_utf8_valid(vch_str_from(identity->certificate_pem)) || !vch_utf8_valid(vch_str_from(identity->token)))
        abort();
    return 0;
}

static void on_message(void *arg, const struct vch_device_message *message) {
    uint8_t sum = 0;
    (void)arg;
    for (size_t i = 0; i < message->payload_len; i++) sum = (uint8_t)(sum + message->payload[i]);
    if (!vch_utf8_valid(vch_str_of(message->topic, message->topic_len)) || (sum && message->payload_len == 0)) abort();
}

static void converse(struct vch_device *device) {
    const struct vch_device_connect connect = {.client_id = "fuzz", .keep_alive_s = 30};
    const struct vch_device_provision provision = {.template_name = "T", .save = on_save};
    struct vch_device_provisioned done;
    if (vch_device_connect(device, &connect) != VCH_DEVICE_OK) return;
    enum vch_device_status status = vch_device_provision(device, &provision, &done);
    if (status == VCH_DEVICE_OK && strlen(done.configuration_json) != done.configuration_len) abort();
    if (!vch_utf8_valid(vch_str_from(device->failure.error_message)) || !vch_utf8_valid(vch_str_from(done.thing_name)))
        abort();
    (void)!vch_device_subscribe(device, "a/b", 1);
    (void)!vch_device_poll(device, 1 << 30);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct peer peer = {
        .data = data + 1, .size = size ? size - 1 : 0, .piece = size && data[0] % 7 ? data[0] % 7 : SIZE_MAX};
    struct vch_device device;
    uint8_t *in = malloc(IN), *out = malloc(OUT);
    const struct vch_device_options options = {.transport = {on_send, on_recv, on_now, &peer},
                                               .in = in,
                                               .in_size = IN,
                                               .out = out,
                                               .out_size = OUT,
                                               .on_message = on_message};
    if (in && out && vch_device_init(&device, &options) == VCH_DEVICE_OK) converse(&device);
    free(in);
    free(out);
    return 0;
}
