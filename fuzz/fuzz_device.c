/* The device library against a server of arbitrary bytes: connect, provision or
 * rotate, subscribe, poll; MQTT 3.1.1 and 5, JSON and CBOR, with a journal and
 * without, as the first byte says. Memory is exact, so that a byte too far is
 * seen; texts that come out are terminated and valid; nothing is saved that has
 * no plain id. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "vouch/device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IN = 1024, OUT = 1024 };
enum { MODE_5 = 1, MODE_CBOR = 2, MODE_CSR = 4, MODE_JOURNAL = 8, MODE_ROTATE = 16 };

struct peer {
    const uint8_t *data;
    size_t size, piece;
    int64_t now_ms;
    unsigned mode;
    uint8_t record[VCH_DEVICE_RECORD_MAX];
    size_t record_len;
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
    const struct peer *peer = arg;
    size_t len = strlen(identity->certificate_id);
    if (len == 0 || len > 64 || strspn(identity->certificate_id, "0123456789abcdefABCDEF") != len) abort();
    if (!vch_utf8_valid(vch_str_from(identity->certificate_pem)) || !vch_utf8_valid(vch_str_from(identity->token)))
        abort();
    if (!identity->private_key_pem != !!(peer->mode & MODE_CSR)) abort();
    return 0;
}

/* ---- a journal that starts with bytes of the input's ---------------------- */

static int on_load(void *arg, void *record, size_t size, size_t *ret_len) {
    const struct peer *peer = arg;
    *ret_len = peer->record_len < size ? peer->record_len : size;
    memcpy(record, peer->record, *ret_len);
    return 0;
}

static int on_keep(void *arg, const void *record, size_t len) {
    struct peer *peer = arg;
    if (len > sizeof peer->record) abort();
    memcpy(peer->record, record, len);
    peer->record_len = len;
    return 0;
}

static int on_erase(void *arg) {
    ((struct peer *)arg)->record_len = 0;
    return 0;
}

static void check_pending(struct vch_device *device, const struct vch_device_storage *storage) {
    struct vch_device_pending pending;
    if (vch_device_pending(device, storage, &pending) != VCH_DEVICE_OK) abort();
    if (pending.any != (pending.certificate_id[0] != '\0')) abort();
}

static void on_message(void *arg, const struct vch_device_message *message) {
    uint8_t sum = 0;
    (void)arg;
    for (size_t i = 0; i < message->payload_len; i++) sum = (uint8_t)(sum + message->payload[i]);
    if (!vch_utf8_valid(vch_str_of(message->topic, message->topic_len)) || (sum && message->payload_len == 0)) abort();
}

static void converse(struct vch_device *device, struct peer *peer) {
    const struct vch_device_connect connect = {
        .client_id = "fuzz", .keep_alive_s = 30, .protocol = peer->mode & MODE_5 ? 5 : 4};
    const struct vch_device_storage storage = {on_load, on_keep, on_erase, peer};
    const struct vch_device_provision provision = {.template_name = "T",
                                                   .csr_pem = peer->mode & MODE_CSR ? "CSR" : NULL,
                                                   .parameters_json = "{\"a\":\"\\u0062\"}",
                                                   .format = peer->mode & MODE_CBOR ? VCH_DEVICE_CBOR : VCH_DEVICE_JSON,
                                                   .storage = peer->mode & MODE_JOURNAL ? &storage : NULL,
                                                   .save = on_save,
                                                   .arg = peer};
    struct vch_device_provisioned done;
    check_pending(device, &storage);
    if (vch_device_connect(device, &connect) != VCH_DEVICE_OK) return;
    enum vch_device_status status =
        (peer->mode & MODE_ROTATE ? vch_device_rotate : vch_device_provision)(device, &provision, &done);
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
    peer.mode = size ? data[0] / 7 : 0;
    if ((peer.mode & MODE_JOURNAL) && size > 2) { /* a length, and as much of the input */
        size_t len = data[1] < size - 2 ? data[1] : size - 2;
        memcpy(peer.record, data + 2, len);
        peer.record_len = len;
        peer.data = data + 2 + len;
        peer.size = size - 2 - len;
    }
    if (in && out && vch_device_init(&device, &options) == VCH_DEVICE_OK) converse(&device, &peer);
    free(in);
    free(out);
    return 0;
}
