/* Access keys: made here, found here. */
#ifndef VCH_SERVICE_ACCESS_KEY_H
#define VCH_SERVICE_ACCESS_KEY_H

#include "service/call.h"

struct vch_access_key {
    struct vch_str id;     /* "AKIA" and 16 characters */
    struct vch_str secret; /* 40 characters */
    struct vch_str sealed;
};
/* A fresh one, not yet stored; views into `arena`, which should wipe. */
enum vch_err vch_access_key_new(const struct vch_service *service, struct vch_arena *arena, struct vch_access_key *ret) VCH_MUST;

/* Whose key it is, and its secret. UNAUTHENTICATED with ACCESS_KEY_UNKNOWN for
 * one that does not exist or is not Active. Blocks for one point read. */
enum vch_err vch_access_key_find(struct vch_service *service, struct vch_str id, struct vch_arena *arena,
                                 struct vch_str *ret_user, struct vch_str *ret_secret, struct vch_diag *diag) VCH_MUST;

#endif
