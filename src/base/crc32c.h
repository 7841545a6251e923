/* CRC-32C (Castagnoli; RFC 3720 appendix B.4): finds what a camera or a hand got
 * wrong. Says nothing against who means harm. Pure. */
#ifndef VCH_BASE_CRC32C_H
#define VCH_BASE_CRC32C_H

#include "base/str.h"

uint32_t vch_crc32c(struct vch_str bytes);

#endif
