#include "net/tls_verify_priv.h"

#include "base/digest.h"
#include "net/tls_priv.h"

#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdlib.h>

/* Upper bound: verifying with a key of 16,384 bits costs a millisecond. */
enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192 };

static bool curve_is_allowed(EVP_PKEY *key) {
    char name[64];
    size_t len = 0;
    if (EVP_PKEY_get_group_name(key, name, sizeof name, &len) != 1) return false;
    int nid = OBJ_txt2nid(name);
    return nid == NID_X9_62_prime256v1 || nid == NID_secp384r1 || nid == NID_secp521r1;
}

static bool key_is_allowed(EVP_PKEY *key) {
    if (!key) return false;
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN && EVP_PKEY_get_bits(key) <= RSA_BITS_MAX;
    case EVP_PKEY_EC: return curve_is_allowed(key);
    default: return false;
    }
}

/* OpenSSL turns these into the alerts that the header promises; the last has no
 * row of its own in its table, which gives certificate_unknown. */
static int verdict_error(enum vch_err err) {
    switch (err) {
    case VCH_ERR_NOT_FOUND: return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    case VCH_ERR_EXPIRED: return X509_V_ERR_CERT_HAS_EXPIRED;
    case VCH_ERR_DENIED: return X509_V_ERR_CERT_REVOKED;
    case VCH_OK: return X509_V_OK;
    default: return X509_V_ERR_INVALID_EXTENSION;
    }
}

static bool remember(struct vch_tls_peer *peer, X509 *leaf) {
    unsigned char *der = NULL;
    int len = i2d_X509(leaf, NULL);
    if (len <= 0) return false;
    free(peer->der);
    peer->der = malloc((size_t)len);
    if (!peer->der) return false;
    der = (unsigned char *)peer->der;
    peer->der_len = (unsigned)i2d_X509(leaf, &der);
    vch_sha256_hex(vch_str_of(peer->der, peer->der_len), peer->id);
    return true;
}

/* An X509_V code. */
static int judge(const struct vch_tls_verify *verify, struct vch_tls_peer *peer, X509 *leaf) {
    if (!peer->diag) peer->diag = calloc(1, sizeof *peer->diag);
    if (!peer->diag || !leaf || !remember(peer, leaf)) return X509_V_ERR_OUT_OF_MEM;
    if (!key_is_allowed(X509_get0_pubkey(leaf))) {
        (void)vch_diag_set(peer->diag, VCH_ERR_INVALID, "certificate-weak-key", "",
                           "The client certificate's key is of a kind or size that is not accepted.");
        return X509_V_ERR_EE_KEY_TOO_SMALL; /* bad_certificate */
    }
    enum vch_err err = verify->fn(verify->arg, peer->id, peer->diag);
    if (err == VCH_ERR_NOT_FOUND && verify->stranger && verify->stranger(verify->arg, vch_str_of(peer->der, peer->der_len))) return X509_V_OK;
    if (err != VCH_OK)
        (void)vch_diag_set(peer->diag, err, "certificate-refused", "", "The client certificate is refused: %s.",
                           vch_err_word(err));
    return verdict_error(err);
}

static int on_verify(X509_STORE_CTX *store, void *arg) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct vch_tls_peer *peer = SSL_get_app_data(ssl);
    int error = judge(arg, peer, X509_STORE_CTX_get0_cert(store));
    X509_STORE_CTX_set_error(store, error);
    if (error != X509_V_OK) return 0;
    free(peer->diag);
    peer->diag = NULL;
    return 1;
}

void vch_tls_verify_install(SSL_CTX *ctx, struct vch_tls_verify *verify, enum vch_client_cert client_cert) {
    if (client_cert == VCH_CLIENT_CERT_NONE) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        return;
    }
    int mode = SSL_VERIFY_PEER | (client_cert == VCH_CLIENT_CERT_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    SSL_CTX_set_verify(ctx, mode, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, on_verify, verify);
}
