/* The board on a desk: a port with eight bytes of room each way, flash in an
 * array, and a scripted server behind the port. Cuts the power at every
 * operation, and checks that the device ends with one identity. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "support/device_peer.h"

enum { PORT_ROOM = 8, SLOT_SIZE = 4096 };

static struct peer server;
static struct {
    uint8_t bytes[SLOT_SIZE];
    size_t len;
} flash[SLOT_COUNT];
static uint8_t rx[PORT_ROOM], tx[PORT_ROOM];
static size_t rx_len, tx_len;
static uint32_t ticks = UINT32_MAX - 100; /* wraps around soon */
static bool is_open;
static long power; /* operations left */

static void check(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static bool has_power(void) {
    if (power > 0) power--;
    return power > 0;
}

/* ---- the port ----------------------------------------------------------- */

/* An identity that the server registered is let in; the claim always. */
bool board_open(enum board_identity identity) {
    enum board_slot slot = identity == BOARD_NEXT ? SLOT_NEXT : SLOT_DEVICE;
    const struct peer_certificate *c = peer_find(&server, (const char *)flash[slot].bytes);
    if (!has_power() || (identity != BOARD_CLAIM && (!c || !c->registered))) return false;
    peer_hang_up(&server);
    rx_len = tx_len = 0;
    is_open = true;
    return true;
}

void board_close(void) {
    is_open = false;
}

bool board_is_open(void) {
    return is_open && power > 0;
}

uint32_t board_ticks_ms(void) {
    return ticks;
}

bool board_get(uint8_t *ret_byte) {
    if (rx_len == 0) return false;
    *ret_byte = rx[0];
    memmove(rx, rx + 1, --rx_len);
    return true;
}

bool board_put(uint8_t byte) {
    if (tx_len == PORT_ROOM) return false;
    tx[tx_len++] = byte;
    return true;
}

/* The other side of the port works while the device sleeps. */
void board_idle(void) {
    ticks++;
    if (!has_power()) return;
    peer_take(&server, tx, tx_len);
    tx_len = 0;
    rx_len += peer_give(&server, rx + rx_len, PORT_ROOM - rx_len);
}

/* ---- the flash ---------------------------------------------------------- */

bool board_read(enum board_slot slot, void *buf, size_t size, size_t *ret_len) {
    *ret_len = flash[slot].len < size ? flash[slot].len : size;
    memcpy(buf, flash[slot].bytes, *ret_len);
    return power > 0;
}

bool board_write(enum board_slot slot, const void *parts[], const size_t lengths[], size_t count) {
    size_t len = 0;
    if (!has_power()) return false;
    for (size_t i = 0; i < count; len += lengths[i++]) {
        check(len + lengths[i] <= SLOT_SIZE, "a slot is too small");
        memcpy(flash[slot].bytes + len, parts[i], lengths[i]);
    }
    flash[slot].len = len;
    return has_power(); /* written, and then the power may go */
}

bool board_erase(enum board_slot slot) {
    if (!has_power()) return false;
    memset(&flash[slot], 0, sizeof flash[slot]);
    return has_power();
}

bool board_promote(void) {
    if (!has_power()) return false;
    check(flash[SLOT_NEXT].len > 0, "nothing to put to use");
    flash[SLOT_DEVICE] = flash[SLOT_NEXT];
    memset(&flash[SLOT_NEXT], 0, sizeof flash[SLOT_NEXT]);
    return has_power();
}

/* ---- the run ------------------------------------------------------------ */

static const char *in_use(void) {
    return (const char *)flash[SLOT_DEVICE].bytes;
}

static void check_whole(size_t registered) {
    const struct peer_certificate *c = peer_find(&server, in_use());
    check(!server.broken, server.broken ? server.broken : "");
    check(c && c->registered, "the identity in use is not registered");
    check(peer_registered(&server) == registered, "a certificate too many");
    check(flash[SLOT_JOURNAL].len == 0, "the journal was left");
    check(strcmp(server.last_topic, "lamps/hello") == 0, "no message came");
}

/* One life with little power, the next with enough. */
static bool live(long first, enum vch_device_status (*act)(const char *, enum vch_device_stage *), size_t registered) {
    enum vch_device_stage stage;
    char before[65];
    strcpy(before, in_use());
    power = first;
    bool whole = act("lamp-7", &stage) == VCH_DEVICE_OK;
    power = 1L << 40;
    if (!whole && (!before[0] || strcmp(before, in_use()) != 0))
        check(bare_start("lamp-7", &stage) == VCH_DEVICE_OK, "did not start again");
    else if (!whole)
        check(act("lamp-7", &stage) == VCH_DEVICE_OK, "did not go on");
    check_whole(registered);
    check(strcmp(before, in_use()) != 0, "the identity is the old one");
    return whole;
}

int main(void) {
    long cuts = 0;
    for (bool whole = false; !whole; cuts++) {
        peer_init(&server);
        memset(flash, 0, sizeof flash);
        whole = live(1 + cuts, bare_start, 1);
        live(1 + cuts, bare_rotate, 2);
    }
    printf("one identity after each of %ld power cuts\n", cuts - 1);
    return cuts > 100 ? 0 : 1;
}
