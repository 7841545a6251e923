/* Passwords of people: Argon2id as OWASP's password storage advice has it. Each
 * computation takes 19 MiB and some tens of milliseconds: callers bound how
 * many run at once (sign_in_guard.h). Any thread.
 */
#ifndef VCH_SERVICE_PASSWORD_H
#define VCH_SERVICE_PASSWORD_H

#include "base/arena.h"

enum { VCH_PASSWORD_MIN = 10, VCH_PASSWORD_MAX = 256 }; /* bytes, of new ones */

/* The encoded hash with a fresh salt. */
enum vch_err vch_password_hash(struct vch_str password, struct vch_arena *arena, struct vch_str *ret) VCH_MUST;
/* Is it the password of this hash? Without a hash the same work is done and the answer is no. */
enum vch_err vch_password_is(struct vch_str password, struct vch_str hash, bool *ret) VCH_MUST;
/* Twenty random characters. `arena` should wipe. */
enum vch_err vch_password_new(struct vch_arena *arena, struct vch_str *ret) VCH_MUST;
/* May a user of this name choose it? INVALID with PASSWORD_WEAK; `field` names it in the diagnosis. */
enum vch_err vch_password_check(struct vch_str password, struct vch_str user_name, const char *field, struct vch_diag *diag) VCH_MUST;

#endif
