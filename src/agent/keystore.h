/* Where a private key is: in a PEM text, or behind a URI on a token that it
 * never leaves: "pkcs11:..." (RFC 7512; engine pkcs11) or "handle:0x81..." (a
 * persistent key of a TPM 2.0; provider tpm2). Keys of a URI sign on the token,
 * for requests and for TLS. Errors come with a sentence. One thread. */
#ifndef VCH_AGENT_KEYSTORE_H
#define VCH_AGENT_KEYSTORE_H

#include <openssl/types.h>

#include "base/buf.h"

/* "ec-p256", "ec-p384", "rsa-2048", "rsa-3072". */
enum vch_key_type { VCH_KEY_TYPE_P256, VCH_KEY_TYPE_P384, VCH_KEY_TYPE_RSA2048, VCH_KEY_TYPE_RSA3072 };
enum vch_err vch_key_type_parse(struct vch_str word, enum vch_key_type *ret) VCH_MUST;

bool vch_key_is_uri(struct vch_str text);
/* What OpenSSL must prefer for the key's signatures, or NULL. Else it would look in its own provider first, and find
 * there the public half of a TPM's key. Digests stay out of the TPM. */
const char *vch_key_properties(struct vch_str text);
/* A URI that names its PIN is refused, INVALID: others see it. */
enum vch_err vch_key_uri_check(struct vch_str uri, struct vch_diag *diag) VCH_MUST;

/* The module for pkcs11 (NULL: that of the engine's own choice, p11-kit's) and the
 * PIN, copied and wiped by vch_keystore_close. Once, before the first key. */
void vch_keystore_open(const char *pkcs11_module, struct vch_str pin);
void vch_keystore_close(void);

/* PEM text or URI. MALFORMED for PEM, NOT_FOUND or IO for tokens. The caller frees. */
enum vch_err vch_key_load(struct vch_str text, EVP_PKEY **ret, struct vch_diag *diag) VCH_MUST;

/* A key and its signing request. Without a URI the key is new and goes to
 * `key_pem`. With one it is the token's; when a pkcs11 token has none of that
 * name it is made there, never to be taken out. `key_pem` then gets the URI. */
enum vch_err vch_key_request(enum vch_key_type type, struct vch_str uri, struct vch_buf *key_pem,
                             struct vch_buf *request_pem, struct vch_diag *diag) VCH_MUST;

#endif
