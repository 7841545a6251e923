/* The wire between front and hooks process. SOCK_SEQPACKET, one order or
 * answer a datagram, numbers big endian, consumed to the last byte.
 *
 *   order:   u8 version, u8 kind, u16 zero, u64 tag, u32 timeout_ms, then u32
 *            length and bytes of: name, target, ca, certificate, key, signature, body
 *   answer:  u8 version, u8 end, u16 zero, u64 tag, u64 code, u64 duration_us,
 *            u32 length and bytes of what was said beside it, then the answer's bytes
 */
#ifndef VCH_DAEMON_HOOKS_WIRE_H
#define VCH_DAEMON_HOOKS_WIRE_H

#include "service/hook.h"

enum { VCH_HOOKS_VERSION = 2, VCH_HOOKS_READY = 'R', VCH_HOOKS_DATAGRAM_MAX = 160 * 1024 };

/* Appended to `buf`, which should wipe. */
void vch_hooks_order_encode(const struct vch_hook_order *order, uint64_t tag, struct vch_buf *buf);
/* Views into the datagram. MALFORMED. */
enum vch_err vch_hooks_order_decode(struct vch_str datagram, struct vch_hook_order *ret, uint64_t *ret_tag) VCH_MUST;

void vch_hooks_answer_encode(const struct vch_hook_result *result, uint64_t tag, struct vch_buf *buf);
enum vch_err vch_hooks_answer_decode(struct vch_str datagram, struct vch_hook_result *ret, uint64_t *ret_tag) VCH_MUST;

#endif
