/* Certificates of an installation's own: root, issuers, server. Made once, so
 * by the X509 calls. Any thread. */
#ifndef VCH_PKI_AUTHORITY_PRIV_H
#define VCH_PKI_AUTHORITY_PRIV_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"

enum { VCH_SERVER_DAYS = 825 };

struct vch_authority {
    EVP_PKEY *key;
    X509 *certificate;
};
void vch_authority_deinit(struct vch_authority *authority); /* zeroed memory is fine */

EVP_PKEY *vch_authority_keygen(void); /* P-256, or NULL */
/* A new CA with a key of its own, signed by `parent`, or by itself when that
 * is NULL; until 2049-12-31. False when libcrypto fails. */
bool vch_authority_make(const char *common_name, const struct vch_authority *parent, struct vch_authority *ret);
/* From `now_ms` for VCH_SERVER_DAYS (never beyond its issuer), for serverAuth
 * and these names: DNS names and IP literals. NULL when libcrypto fails or a
 * name is not one. */
X509 *vch_authority_server(const struct vch_authority *issuer, EVP_PKEY *key, const char *const *names, size_t count,
                           int64_t now_ms);
/* Covers every name by subjectAltName. */
bool vch_authority_covers(X509 *certificate, const char *const *names, size_t count);

void vch_authority_put_key(EVP_PKEY *key, struct vch_buf *buf);         /* SEC 1 PEM; failure shows at finish */
void vch_authority_put_public(EVP_PKEY *key, struct vch_buf *buf);      /* PEM of its public half */
void vch_authority_put_certificate(X509 *certificate, struct vch_buf *buf);
EVP_PKEY *vch_authority_parse_key(struct vch_str pem);
X509 *vch_authority_parse_certificate(struct vch_str pem);

#endif
