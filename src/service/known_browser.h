/* Browsers in which somebody has signed in with a password: each holds a sealed
 * cookie that says so, whose attempts are counted apart (sign_in_guard.h), so
 * that nobody locks people out of where they work. It proves nothing else, and
 * the registry knows nothing of it. Any thread.
 * Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
 */
#ifndef VCH_SERVICE_KNOWN_BROWSER_H
#define VCH_SERVICE_KNOWN_BROWSER_H

#include "service/call.h"

enum { VCH_KNOWN_ID_LEN = 16, VCH_KNOWN_LIFE_S = 90 * 24 * 3600, VCH_KNOWN_TEXT_MAX = 128 };

/* The cookie's value, of a fresh id, terminated; "" when memory is out: the browser is a stranger then. */
void vch_known_browser_make(const struct vch_service *service, struct vch_str user, int64_t now_ms, struct vch_arena *arena,
                            char out[VCH_KNOWN_TEXT_MAX]);
/* The id in it; empty: it is none of ours, another user's, or too old. */
struct vch_str vch_known_browser_id(const struct vch_service *service, struct vch_str user, struct vch_str cookie, int64_t now_ms,
                                    struct vch_arena *arena);

#endif
