#include "base/crc32c.h"

enum { BITS = 8 };
static const uint32_t polynomial = 0x82F63B78u; /* reflected */

uint32_t vch_crc32c(struct vch_str bytes) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (unsigned char)bytes.ptr[i];
        for (int bit = 0; bit < BITS; bit++) crc = crc >> 1 ^ (polynomial & (0u - (crc & 1u)));
    }
    return ~crc;
}
