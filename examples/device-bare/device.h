/* A device without an operating system: libvouch-device over a byte port, which
 * may be a UART to a modem that does TLS, or a TLS library's stream. Four pages
 * of memory, one of them flash.
 *
 * The board gives the functions below; bare_start does the rest. Nothing here
 * allocates, and nothing outlives a call but the flash.
 */
#ifndef EXAMPLE_BARE_DEVICE_H
#define EXAMPLE_BARE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vouch/device.h>

/* ---- the board ---- */

enum board_identity { BOARD_CLAIM, BOARD_DEVICE, BOARD_NEXT };

/* Opens the stream, TLS done with one of the board's identities. */
bool board_open(enum board_identity identity);
void board_close(void);
uint32_t board_ticks_ms(void); /* wraps around */
/* One byte, without waiting; false: none is there, or there is no room. */
bool board_get(uint8_t *ret_byte);
bool board_put(uint8_t byte);
bool board_is_open(void);
void board_idle(void); /* sleeps until something happens, a tick at the latest */

/* Flash: a slot is written whole, and counts only when it was. */
enum board_slot { SLOT_JOURNAL, SLOT_NEXT, SLOT_DEVICE, SLOT_COUNT };
bool board_read(enum board_slot slot, void *buf, size_t size, size_t *ret_len); /* *ret_len = 0: empty */
bool board_write(enum board_slot slot, const void *parts[], const size_t lengths[], size_t count);
bool board_erase(enum board_slot slot);
bool board_promote(void); /* SLOT_NEXT becomes SLOT_DEVICE, at once */

/* ---- the device ---- */

/* Provisions when there is no identity, finishes what was cut off, publishes once. */
enum vch_device_status bare_start(const char *serial, enum vch_device_stage *ret_stage);
/* A successor for the identity. */
enum vch_device_status bare_rotate(const char *serial, enum vch_device_stage *ret_stage);

#endif
