/* OpenSSL's algorithms, as few as TLS here needs.
 *
 * To read a certificate's public key OpenSSL 3 builds, each time, a chain out of
 * all decoders and key types that its library context knows, and walks all other
 * algorithms besides: a quarter of what a mutual handshake costs a server. This
 * context has those of EC and RSA, and what the suites of tls.c use.
 * It is the default provider's code, seen through a provider of ours that does
 * not show the rest.
 */
#ifndef VCH_NET_TLS_LIBRARY_PRIV_H
#define VCH_NET_TLS_LIBRARY_PRIV_H

#include <openssl/ssl.h>

/* SSL_CTX_new in that context. In OpenSSL's own default where it cannot be
 * made, where the site's configuration asks for FIPS, which is not for us to
 * choose, and with libraries that have no providers. Any thread. */
SSL_CTX *vch_tls_context(const SSL_METHOD *method);

#endif
