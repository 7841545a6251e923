/* A writer of bytes that grows, remembers overflow, and yields its bytes only
 * through vch_buf_finish, which must be checked.
 *
 * An owner: vch_buf_init (or zero initialisation with a cap set) ... deinit.
 * Appends after a failure do nothing, so a caller checks once, at the end.
 */
#ifndef VCH_BASE_BUF_H
#define VCH_BASE_BUF_H

#include "base/str.h"

struct vch_buf {
    char *ptr;
    size_t len;
    size_t size;
    size_t cap;
    bool failed; /* over the cap, or memory out */
    bool wipe;   /* overwrite on growth and deinit */
};

void vch_buf_init(struct vch_buf *buf, size_t cap_bytes);
void vch_buf_init_secret(struct vch_buf *buf, size_t cap_bytes);
void vch_buf_deinit(struct vch_buf *buf);
void vch_buf_clear(struct vch_buf *buf); /* empty again, memory kept, failure forgotten */

void vch_buf_bytes(struct vch_buf *buf, const void *ptr, size_t len);
void vch_buf_str(struct vch_buf *buf, struct vch_str s);
void vch_buf_c(struct vch_buf *buf, const char *text);
void vch_buf_u8(struct vch_buf *buf, uint8_t v);
void vch_buf_u16(struct vch_buf *buf, uint16_t v); /* big endian */
void vch_buf_u32(struct vch_buf *buf, uint32_t v);
void vch_buf_u64(struct vch_buf *buf, uint64_t v);
void vch_buf_printf(struct vch_buf *buf, const char *fmt, ...) VCH_PRINTF(2, 3);
/* Room for `len` bytes that the caller fills; NULL after a failure. */
void *vch_buf_extend(struct vch_buf *buf, size_t len);

/* The bytes, still owned by the buffer; VCH_ERR_TOO_LARGE after a failure. The
 * byte after the last is a zero that does not count. */
enum vch_err vch_buf_finish(struct vch_buf *buf, struct vch_str *out) VCH_MUST;

#endif
