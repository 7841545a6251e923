/* Who this device says it is, for the person who looks at it: --serial-number and
 * --model, else what the machine knows of itself, else its host name. Readable
 * text of at most 128 bytes. */
#ifndef VCH_AGENT_PAIR_DEVICE_H
#define VCH_AGENT_PAIR_DEVICE_H

#include "base/arena.h"

enum { VCH_PAIR_TEXT_MAX = 128 };

/* `root` stands before /sys; empty but in tests. Never empty. */
struct vch_str vch_pair_serial(const char *root, struct vch_arena *arena);
struct vch_str vch_pair_model(const char *root, struct vch_arena *arena); /* may be empty */
/* Readable, and neither empty nor longer than VCH_PAIR_TEXT_MAX. */
bool vch_pair_text_is_fit(struct vch_str text);

#endif
