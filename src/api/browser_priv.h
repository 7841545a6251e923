/* Requests of browsers: the session cookie in place of a signature, the token
 * and the headers that keep other sites from using it, and the cookie in the
 * answer. */
#ifndef VCH_API_BROWSER_PRIV_H
#define VCH_API_BROWSER_PRIV_H

#include "api/http_job_priv.h"

/* Does the request come from somebody who may have signed in: has it the cookie,
 * or does a browser send it? Never for STS, pages and WebSockets. */
bool vch_browser_wanted(const struct vch_http_job *job);

/* The caller is the session's user. UNAUTHENTICATED with SESSION_ENDED; DENIED
 * with CSRF_REFUSED for another site's request, or a change without the token. */
enum vch_err vch_browser_authenticate(struct vch_http_job *job, int64_t now_ms) VCH_MUST;

/* A page of another site must not send it: Origin and Sec-Fetch-Site, as far as
 * they are there. DENIED with CSRF_REFUSED. */
enum vch_err vch_browser_check_site(struct vch_http_job *job) VCH_MUST;
/* The session that the browser has already, when it has one: a sign-in ends it. */
void vch_browser_look(struct vch_http_job *job, int64_t now_ms);

/* The cookie that says who signed in there before, unopened; empty: there is none. */
struct vch_str vch_browser_known(const struct vch_http_job *job);

/* Adds Set-Cookie and Retry-After as the use case left them in job->grant, and
 * takes away a cookie that stands for nothing. After the answer is filled. */
void vch_browser_answer(struct vch_http_job *job);

/* cookie.c: the value of the cookie `name`; empty: without one, absent, or there more
 * than once (RFC 6265 5.4 leaves open which counts). */
struct vch_str vch_cookie_get(const struct vch_http_request *request, const char *name);

#endif
