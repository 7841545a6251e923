/* A BIO over a non-blocking socket that never raises SIGPIPE (OpenSSL's own
 * calls write(2)). The descriptor stays the caller's. Any thread; one BIO is
 * one thread's at a time. */
#ifndef VCH_NET_SOCKBIO_PRIV_H
#define VCH_NET_SOCKBIO_PRIV_H

#include <openssl/ssl.h>
#include <stdbool.h>

/* Puts the socket under `ssl` for reading and writing; false when memory is out. */
bool vch_sockbio_set(SSL *ssl, int fd);

#endif
