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

/* "AKIA" or another four letters and 16 random characters; .ptr NULL: memory. */
struct vch_str vch_access_key_id_new(const char *kind, struct vch_arena *arena);
enum vch_err vch_access_key_secret_new(struct vch_arena *arena, struct vch_str *ret) VCH_MUST;
/* Says what is said of every credential that is not known here. */
enum vch_err vch_access_key_refuse(struct vch_diag *diag) VCH_MUST;

/* Whose key it is, and its secret. UNAUTHENTICATED with ACCESS_KEY_UNKNOWN for
 * one that does not exist or is not Active. Blocks for one point read. */
enum vch_err vch_access_key_find(struct vch_service *service, struct vch_str id, struct vch_arena *arena,
                                 struct vch_str *ret_user, struct vch_str *ret_secret, struct vch_diag *diag) VCH_MUST;
/* The same, telling also when a use of it was last remembered. */
enum vch_err vch_access_key_load(struct vch_service *service, struct vch_str id, struct vch_arena *arena,
                                 struct vch_rec_access_key *ret, struct vch_str *ret_secret, struct vch_diag *diag) VCH_MUST;
enum { VCH_KEY_USE_REMEMBERED_MS = 60000 };
/* Remembers that a key was used, at most once a minute: a commit. For after the
 * answer; a store that cannot is asked again by a later use. */
void vch_access_key_used(struct vch_service *service, struct vch_str id, int64_t now_ms);

#endif
