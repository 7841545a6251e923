/* A QR code in half blocks of UTF-8, two rows of modules in one line, with its
 * quiet zone. Light modules are what is drawn: bright on black where escapes are
 * understood, whatever the terminal's own colours; without them it is meant for a
 * dark one. */
#ifndef VCH_AGENT_QR_TERMINAL_H
#define VCH_AGENT_QR_TERMINAL_H

#include "base/buf.h"

/* Appends lines. `columns`: what a line may take, 0: anything. NOT_FOUND when it would not fit, TOO_LARGE for a text
 * that is no QR code of ours. */
enum vch_err vch_qr_draw(struct vch_str text, bool escapes, unsigned columns, struct vch_buf *out) VCH_MUST;

#endif
