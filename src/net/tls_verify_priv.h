/* Judging a client certificate: key strength here, identity by its fingerprint
 * through the server's own function; no chain is built. */
#ifndef VCH_NET_TLS_VERIFY_PRIV_H
#define VCH_NET_TLS_VERIFY_PRIV_H

#include "net/conn.h"

#include <openssl/ssl.h>

struct vch_tls_verify {
    vch_verify_peer *fn;
    void *arg;
    vch_verify_stranger *stranger; /* NULL: refused */
};

/* `verify` outlives the context. */
void vch_tls_verify_install(SSL_CTX *ctx, struct vch_tls_verify *verify, enum vch_client_cert client_cert);

#endif
