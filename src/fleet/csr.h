/* A P-256 key and its signing request, as PEM in the arena. */
#ifndef VCH_FLEET_CSR_H
#define VCH_FLEET_CSR_H

#include "base/arena.h"

enum vch_err vch_fleet_make_request(struct vch_arena *arena, struct vch_str *ret_key,
                                    struct vch_str *ret_request) VCH_MUST;

#endif
