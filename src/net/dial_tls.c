#include "net/dial_priv.h"

#include "net/resolve_priv.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

static enum vch_err credentials(struct vch_diag *diag, const char *field, const char *what) {
    unsigned long code = ERR_peek_last_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    return vch_diag_set(diag, VCH_ERR_INVALID, "credentials-invalid", field, "%s%s%s.", what, why ? ": " : "",
                        why ? why : "");
}

static BIO *reader(struct vch_str pem) {
    return pem.len <= INT_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
}

/* Without it OpenSSL would ask for a passphrase on the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg) {
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

/* PEM reading stops at the end of the input or at something broken; both give
 * NULL, and only the first is fine. */
static bool at_end_of_pem(void) {
    unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static enum vch_err add_roots(SSL_CTX *ctx, struct vch_str pem, struct vch_diag *diag) {
    if (pem.len == 0)
        return SSL_CTX_set_default_verify_paths(ctx) == 1
                   ? VCH_OK
                   : credentials(diag, "root", "The system's certificates cannot be read");
    BIO *bio = reader(pem);
    if (!bio) return VCH_ERR_NOMEM;
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    int count = 0;
    bool added = true;
    for (X509 *root = NULL; added && (root = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL; count++) {
        added = X509_STORE_add_cert(store, root) == 1;
        X509_free(root);
    }
    BIO_free(bio);
    if (!added || count == 0 || !at_end_of_pem())
        return credentials(diag, "root", "The root certificates cannot be read");
    ERR_clear_error(); /* the end of the input reads as an error */
    return VCH_OK;
}

X509 *vch_dial_pinned(const STACK_OF(X509) *sent, const uint8_t sha256[32]) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    for (int i = 0; sent && i < sk_X509_num(sent); i++) {
        X509 *certificate = sk_X509_value(sent, i);
        if (X509_digest(certificate, EVP_sha256(), digest, &len) == 1 && vch_ct_eq(digest, len, sha256, 32)) return certificate;
    }
    return NULL;
}

/* The whole check, names and times too, with this root as all that is trusted. */
static int verify_against(X509_STORE_CTX *store, X509 *root, int otherwise) {
    STACK_OF(X509) *trusted = root ? sk_X509_new_null() : NULL;
    int result = 0;
    if (!root) {
        X509_STORE_CTX_set_error(store, otherwise);
    } else if (!trusted || sk_X509_push(trusted, root) == 0) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_OUT_OF_MEM);
    } else {
        X509_STORE_CTX_set0_trusted_stack(store, trusted);
        result = X509_verify_cert(store) == 1;
    }
    sk_X509_free(trusted);
    return result;
}

static int verify_pinned(X509_STORE_CTX *store, void *arg) {
    return verify_against(store, vch_dial_pinned(X509_STORE_CTX_get0_untrusted(store), arg), VCH_DIAL_NOT_PINNED);
}

/* The last certificate of the chain, when it is its own issuer. */
static int verify_unknown(X509_STORE_CTX *store, void *arg) {
    const STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
    int count = sent ? sk_X509_num(sent) : 0;
    X509 *last = count ? sk_X509_value(sent, count - 1) : NULL;
    (void)arg;
    return verify_against(store, last && X509_self_signed(last, 1) == 1 ? last : NULL,
                          X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

/* The first certificate is the client's own; what follows is its chain. */
static enum vch_err use_certificate(SSL_CTX *ctx, struct vch_str pem, struct vch_diag *diag) {
    BIO *bio = reader(pem);
    if (!bio) return VCH_ERR_NOMEM;
    X509 *leaf = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
    bool used = leaf && SSL_CTX_use_certificate(ctx, leaf) == 1;
    X509_free(leaf);
    for (X509 *next = NULL; used && (next = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL;) {
        used = SSL_CTX_add0_chain_cert(ctx, next) == 1;
        if (!used) X509_free(next);
    }
    BIO_free(bio);
    if (!used || !at_end_of_pem()) return credentials(diag, "certificate", "The client certificate cannot be used");
    ERR_clear_error();
    return VCH_OK;
}

static EVP_PKEY *read_key(struct vch_str pem) {
    BIO *bio = reader(pem);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    return key;
}

static enum vch_err use_key(SSL_CTX *ctx, const struct vch_dial_options *options, struct vch_diag *diag) {
    EVP_PKEY *read = options->key ? NULL : read_key(options->key_pem);
    EVP_PKEY *key = options->key ? options->key : read;
    bool used = key && SSL_CTX_use_PrivateKey(ctx, key) == 1;
    EVP_PKEY_free(read);
    if (!used) return credentials(diag, "key", "The private key cannot be used");
    if (SSL_CTX_check_private_key(ctx) == 1) return VCH_OK;
    return credentials(diag, "key", "The private key does not belong to the certificate");
}

static enum vch_err fill_context(SSL_CTX *ctx, const struct vch_dial_options *options, struct vch_diag *diag) {
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) return VCH_ERR_NOMEM;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                    SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    if (options->root_sha256)
        SSL_CTX_set_cert_verify_callback(ctx, verify_pinned, (void *)(uintptr_t)options->root_sha256);
    else if (options->root_unknown)
        SSL_CTX_set_cert_verify_callback(ctx, verify_unknown, NULL);
    else
        VCH_TRY(add_roots(ctx, options->root_pem, diag));
    if (options->certificate_pem.len == 0 && options->key_pem.len == 0 && !options->key) return VCH_OK;
    VCH_TRY(use_certificate(ctx, options->certificate_pem, diag));
    return use_key(ctx, options, diag);
}

enum vch_err vch_dial_tls_context(const struct vch_dial_options *options, SSL_CTX **ret, struct vch_diag *diag) {
    ERR_clear_error();
    *ret = SSL_CTX_new_ex(NULL, options->properties, TLS_client_method());
    if (!*ret) return VCH_ERR_NOMEM;
    if (options->on_stage) options->on_stage();
    enum vch_err err = fill_context(*ret, options, diag);
    ERR_clear_error();
    if (err == VCH_OK) return VCH_OK;
    SSL_CTX_free(*ret);
    *ret = NULL;
    return err;
}

/* RFC 6066 3: no SNI for literal addresses; those are checked against the
 * certificate's IP names. */
static bool set_name(SSL *ssl, const char *host) {
    if (vch_host_is_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
}

/* A clock that is only known to be late enough cannot say that something begins too late. */
static int allow_not_yet(int ok, X509_STORE_CTX *store) {
    if (ok || X509_STORE_CTX_get_error(store) != X509_V_ERR_CERT_NOT_YET_VALID) return ok;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

static void set_time(SSL *ssl, int64_t floor_ms) {
    if (floor_ms == 0) return;
    X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl), (time_t)(floor_ms / 1000));
    SSL_set_verify(ssl, SSL_VERIFY_PEER, allow_not_yet);
}

static bool set_alpn(SSL *ssl, const char *alpn) {
    unsigned char wire[256];
    size_t len = strlen(alpn);
    if (len == 0 || len > 255) return false;
    wire[0] = (unsigned char)len;
    memcpy(wire + 1, alpn, len);
    return SSL_set_alpn_protos(ssl, wire, (unsigned)(len + 1)) == 0;
}

enum vch_err vch_dial_tls_session(const struct vch_dial_options *options, SSL_CTX *ctx, SSL **ret,
                                  struct vch_diag *diag) {
    char host[256];
    if (!vch_str_copy(host, sizeof host, options->host)) return VCH_ERR_INVALID;
    SSL *ssl = SSL_new(ctx);
    if (!ssl) return VCH_ERR_NOMEM;
    enum vch_err err = VCH_OK;
    set_time(ssl, options->time_floor_ms);
    if (!set_name(ssl, host))
        err = vch_diag_set(diag, VCH_ERR_INVALID, "host-invalid", "host", "The host is not a name that TLS can check.");
    else if (options->alpn && !set_alpn(ssl, options->alpn))
        err = vch_diag_set(diag, VCH_ERR_INVALID, "alpn-invalid", "alpn", "The protocol name is empty or too long.");
    if (err == VCH_OK)
        *ret = ssl;
    else
        SSL_free(ssl);
    return err;
}
