/* Server TLS, seen from a connection. [loop] */
#ifndef VCH_NET_TLS_PRIV_H
#define VCH_NET_TLS_PRIV_H

#include "net/conn.h"

#include <openssl/ssl.h>

/* What the handshake learns about the other side; lives in the connection. */
struct vch_tls_peer {
    char id[65]; /* "" without a certificate */
    unsigned der_len;
    char *der;         /* owned by the connection */
    unsigned messages; /* of TLS itself since the last of the protocol above */
    struct vch_diag
        *diag; /* why the certificate was refused; set during the handshake only, freed with the connection */
};

/* One server-side session over `fd`. NULL when memory is out. */
SSL *vch_tls_accept(struct vch_tls *tls, int fd, struct vch_tls_peer *peer);
void vch_tls_peer_deinit(struct vch_tls_peer *peer);
/* Says why the last call failed, from OpenSSL's queue, which it empties. */
void vch_tls_explain(const struct vch_tls_peer *peer, int saved_errno, struct vch_diag *diag);

#endif
