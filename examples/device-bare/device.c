#include "device.h"

#include <string.h>

enum { IN_SIZE = 6144, OUT_SIZE = 2560, OPEN_MS = 60000 };

/* All memory there is. */
static uint8_t in[IN_SIZE], out[OUT_SIZE];
static struct vch_device device;
static struct vch_device_provisioned made;

/* ---- clock and stream --------------------------------------------------- */

/* The board's counter wraps around after 49 days; the library's clock may not. */
static int64_t now_ms(void *arg) {
    static uint32_t last, high;
    uint32_t now = board_ticks_ms();
    (void)arg;
    if (now < last) high++;
    last = now;
    return (int64_t)((uint64_t)high << 32 | now);
}

static enum vch_device_status wait_for_more(int64_t deadline_ms) {
    if (!board_is_open()) return VCH_DEVICE_CLOSED;
    if (now_ms(NULL) >= deadline_ms) return VCH_DEVICE_TIMEOUT;
    board_idle();
    return VCH_DEVICE_OK;
}

static enum vch_device_status on_send(void *arg, const void *bytes, size_t len, int64_t deadline_ms) {
    const uint8_t *at = bytes;
    (void)arg;
    while (len) {
        if (board_put(*at)) {
            at++;
            len--;
            continue;
        }
        enum vch_device_status status = wait_for_more(deadline_ms);
        if (status != VCH_DEVICE_OK) return status;
    }
    return VCH_DEVICE_OK;
}

static enum vch_device_status on_recv(void *arg, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms) {
    uint8_t *at = buf;
    (void)arg;
    for (*ret_len = 0;;) {
        while (*ret_len < size && board_get(at + *ret_len)) (*ret_len)++;
        if (*ret_len) return VCH_DEVICE_OK;
        enum vch_device_status status = wait_for_more(deadline_ms);
        if (status != VCH_DEVICE_OK) return status;
    }
}

/* ---- flash -------------------------------------------------------------- */

static int load(void *arg, void *record, size_t size, size_t *ret_len) {
    (void)arg;
    return !board_read(SLOT_JOURNAL, record, size, ret_len);
}

static int keep(void *arg, const void *record, size_t len) {
    const void *parts[] = {record};
    (void)arg;
    return !board_write(SLOT_JOURNAL, parts, &len, 1);
}

static int forget(void *arg) {
    (void)arg;
    return !board_erase(SLOT_JOURNAL);
}

static const struct vch_device_storage journal = {load, keep, forget, NULL};

static int save(void *arg, const struct vch_device_identity *identity) {
    const void *parts[] = {identity->certificate_id, identity->certificate_pem, identity->private_key_pem};
    const size_t lengths[] = {strlen(identity->certificate_id) + 1, strlen(identity->certificate_pem) + 1,
                              strlen(identity->private_key_pem) + 1};
    (void)arg;
    return !board_write(SLOT_NEXT, parts, lengths, 3);
}

static int put_to_use(void *arg, const struct vch_device_provisioned *provisioned) {
    (void)arg, (void)provisioned;
    return !board_promote();
}

static bool is_empty(enum board_slot slot) {
    uint8_t first;
    size_t len = 0;
    return !board_read(slot, &first, sizeof first, &len) || len == 0;
}

/* ---- connections -------------------------------------------------------- */

static enum vch_device_status open_link(enum board_identity identity, const char *serial) {
    const struct vch_device_options options = {.transport = {on_send, on_recv, now_ms, NULL},
                                               .in = in,
                                               .in_size = sizeof in,
                                               .out = out,
                                               .out_size = sizeof out,
                                               .deadline_ms = now_ms(NULL) + OPEN_MS};
    const struct vch_device_connect connect = {
        .client_id = serial, .keep_alive_s = 600, .clean_session = true, .protocol = 5};
    enum vch_device_status status = vch_device_init(&device, &options);
    if (status != VCH_DEVICE_OK) return status;
    return board_open(identity) ? vch_device_connect(&device, &connect) : VCH_DEVICE_NETWORK;
}

static void close_link(void) {
    if (device.connected) (void)vch_device_disconnect(&device);
    board_close();
}

/* ---- exchanges ---------------------------------------------------------- */

/* The claim is spent, or the old certificate has ended, and the answer was lost:
 * the identity that was saved is the device's. */
static enum vch_device_status adopt(const char *serial) {
    enum vch_device_status status = open_link(BOARD_NEXT, serial);
    close_link();
    if (status != VCH_DEVICE_OK) return status;
    return board_promote() && board_erase(SLOT_JOURNAL) ? VCH_DEVICE_OK : VCH_DEVICE_STORAGE;
}

static bool is_pending(void) {
    struct vch_device_pending pending;
    return vch_device_pending(&device, &journal, &pending) == VCH_DEVICE_OK && pending.any;
}

static enum vch_device_status exchange(enum board_identity identity, const char *serial) {
    const struct vch_device_pair parameters[] = {{"ThingName", serial}};
    const struct vch_device_provision p = {.template_name = "Lamp",
                                           .parameters = parameters,
                                           .parameter_count = 1,
                                           .save = save,
                                           .registered = put_to_use,
                                           .storage = &journal,
                                           .format = VCH_DEVICE_CBOR};
    enum vch_device_status status = open_link(identity, serial);
    bool was_let_in = status == VCH_DEVICE_OK;
    if (was_let_in && identity == BOARD_CLAIM)
        status = vch_device_provision(&device, &p, &made);
    else if (was_let_in)
        status = vch_device_rotate(&device, &p, &made);
    close_link();
    return !was_let_in && is_pending() ? adopt(serial) : status;
}

static enum vch_device_status say_hello(const char *serial) {
    enum vch_device_status status = open_link(BOARD_DEVICE, serial);
    if (status == VCH_DEVICE_OK) status = vch_device_publish(&device, "lamps/hello", serial, strlen(serial), 1);
    close_link();
    return status;
}

/* A record beside an empty slot: only its erasure was cut off. */
static enum vch_device_status tidy(void) {
    if (!is_empty(SLOT_NEXT)) return VCH_DEVICE_OK;
    return board_erase(SLOT_JOURNAL) ? VCH_DEVICE_OK : VCH_DEVICE_STORAGE;
}

enum vch_device_status bare_start(const char *serial, enum vch_device_stage *ret_stage) {
    enum vch_device_status status = tidy();
    if (status == VCH_DEVICE_OK && is_empty(SLOT_DEVICE)) status = exchange(BOARD_CLAIM, serial);
    if (status == VCH_DEVICE_OK) status = say_hello(serial);
    *ret_stage = device.failure.stage;
    return status;
}

enum vch_device_status bare_rotate(const char *serial, enum vch_device_stage *ret_stage) {
    enum vch_device_status status = tidy();
    if (status == VCH_DEVICE_OK) status = exchange(BOARD_DEVICE, serial);
    if (status == VCH_DEVICE_OK) status = say_hello(serial);
    *ret_stage = device.failure.stage;
    return status;
}
