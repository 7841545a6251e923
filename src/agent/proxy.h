/* The HTTP proxy between device and server: from the AWS client's
 * http-proxy.conf, else from the environment as other programs read it. */
#ifndef VCH_AGENT_PROXY_H
#define VCH_AGENT_PROXY_H

#include "agent/outcome.h"
#include "base/val.h"

struct vch_proxy {
    struct vch_str host; /* name or address; empty: no proxy */
    int port;
    struct vch_str user, password; /* in a wiping arena; user empty: none */
};

/* The document's proxy, or none when it is not switched on. Names are fine where
 * the AWS client wants an address. CONFIG when a member has no sense. */
enum vch_exit vch_proxy_read(const struct vch_val *document, struct vch_proxy *ret,
                             struct vch_outcome *outcome) VCH_MUST;
/* "[http://][user:password@]host[:port][/]", percent-decoded; `variable` for the words. CONFIG when it is
 * something else, such as a proxy that wants TLS or SOCKS. */
enum vch_exit vch_proxy_parse(struct vch_str url, const char *variable, struct vch_arena *arena, struct vch_proxy *ret,
                              struct vch_outcome *outcome) VCH_MUST;
/* HTTPS_PROXY, https_proxy, ALL_PROXY, all_proxy: the first that is set. */
enum vch_exit vch_proxy_from_environment(struct vch_arena *arena, struct vch_proxy *ret,
                                         struct vch_outcome *outcome) VCH_MUST;

/* Whether a NO_PROXY list (commas or spaces; "*", names with everything below
 * them, addresses) says that `host` is reached without a proxy. */
bool vch_proxy_is_bypassed(struct vch_str list, struct vch_str host);
/* The same with NO_PROXY or no_proxy of the environment. */
bool vch_proxy_is_unwanted(struct vch_str host);

#endif
