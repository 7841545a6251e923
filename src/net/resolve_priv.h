/* Host names to addresses, with a deadline. A name that is not a number is
 * looked up on a thread of its own, because getaddrinfo cannot be told when to
 * stop; past the deadline that thread is left to end alone. Any thread. */
#ifndef VCH_NET_RESOLVE_PRIV_H
#define VCH_NET_RESOLVE_PRIV_H

#include "base/str.h"

struct addrinfo;

/* *ret is the caller's, for freeaddrinfo. INVALID (no such form of name), IO
 * (not resolved), TIMEOUT, NOMEM. */
enum vch_err vch_resolve(struct vch_str host, uint16_t port, int64_t deadline_ms, struct addrinfo **ret,
                         struct vch_diag *diag) VCH_MUST;
/* True when `host` is a literal IPv4 or IPv6 address. */
bool vch_host_is_address(const char *host);

#endif
