/* The client's TLS settings, apart from its sockets. */
#ifndef VCH_NET_DIAL_PRIV_H
#define VCH_NET_DIAL_PRIV_H

#include "net/dial.h"

#include <openssl/ssl.h>

/* TLS 1.2 or newer, trust, client certificate. The caller frees the context. INVALID, NOMEM. */
enum vch_err vch_dial_tls_context(const struct vch_dial_options *options, SSL_CTX **ret,
                                  struct vch_diag *diag) VCH_MUST;
/* One connection of it: name to check, SNI, ALPN. It holds its own reference to the context. */
enum vch_err vch_dial_tls_session(const struct vch_dial_options *options, SSL_CTX *ctx, SSL **ret,
                                  struct vch_diag *diag) VCH_MUST;

#endif
