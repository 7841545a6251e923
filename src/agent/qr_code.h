/* A QR code of one text: bytes, error correction level L, the smallest version
 * that holds it, up to 13. Pure; no allocation. Ours, as the library that Debian
 * has comes without an archive to be linked into one file, and would be loaded by
 * every agent for the one hour in its life that shows a code; the tests compare it
 * with that library module by module. Source: ISO/IEC 18004. */
#ifndef VCH_AGENT_QR_CODE_H
#define VCH_AGENT_QR_CODE_H

#include "base/str.h"

enum { VCH_QR_VERSION_MAX = 13, VCH_QR_SIZE_MAX = 17 + 4 * VCH_QR_VERSION_MAX, VCH_QR_TEXT_MAX = 425 };

struct vch_qr {
    int version, size;                                /* modules a side, without the quiet zone */
    uint8_t cells[VCH_QR_SIZE_MAX * VCH_QR_SIZE_MAX]; /* read by vch_qr_dark */
};

/* `mask` 0 to 7, or -1: the one that reads best. False when the text is longer than VCH_QR_TEXT_MAX. */
bool vch_qr_encode(struct vch_str text, int mask, struct vch_qr *ret) VCH_MUST;
bool vch_qr_dark(const struct vch_qr *qr, int x, int y); /* outside: light */

#endif
