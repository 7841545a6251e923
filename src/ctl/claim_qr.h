/* A claim as a QR code in the terminal, for the camera of the device. */
#ifndef VCH_CTL_CLAIM_QR_H
#define VCH_CTL_CLAIM_QR_H

#include "ctl/call.h"

/* Draws the claimText of CreateClaim's answer, and says below what it is and how long it holds. */
enum vch_ctl_exit vch_ctl_claim_qr(struct vch_ctl *ctl, const struct vch_val *answer, struct vch_str template_name);
/* The picture alone: `code` is EncodeQr's answer. False when it is no square of 0 and 1. */
bool vch_ctl_qr_draw(const struct vch_val *code, bool colours, struct vch_buf *buf);

#endif
