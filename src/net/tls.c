#include "net/sockbio_priv.h"
#include "net/tls_library_priv.h"
#include "net/tls_priv.h"
#include "net/tls_verify_priv.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct host {
    char *name;
    SSL_CTX *ctx;
};

struct vch_tls {
    SSL_CTX *ctx;
    struct host *hosts;
    size_t host_count;
    unsigned char *alpn; /* protocols, each after its length */
    unsigned alpn_len;
    struct vch_tls_verify verify;
};

/* RFC 9325 4.2: forward secrecy and AEAD only. TLS 1.3 has nothing else. */
static const char suites12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                               "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                               "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char suites13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
/* X25519 costs the server a third of P-256; no P-521, whose cost a peer would choose. */
static const char groups[] = "X25519:P-256:P-384";
/* ecdsa_secp521r1 only verifies here: devices may have such keys. */
static const char signatures[] = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:"
                                 "rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512";

/* A client's chain is sent before anybody knows it: enough for three RSA-4096
 * certificates, no more. */
enum { CHAIN_BYTES_MAX = 16 * 1024 };

/* ---- ALPN -------------------------------------------------------------------- */

static enum vch_err alpn_wire(const char *const *names, struct vch_tls *tls) {
    size_t len = 0;
    for (size_t i = 0; names && names[i]; i++) {
        if (names[i][0] == '\0' || strlen(names[i]) > 255) return VCH_ERR_INVALID;
        len += strlen(names[i]) + 1;
    }
    if (len == 0) return VCH_OK;
    if (len > UINT16_MAX) return VCH_ERR_INVALID;
    unsigned char *at = tls->alpn = malloc(len);
    if (!at) return VCH_ERR_NOMEM;
    tls->alpn_len = (unsigned)len;
    for (size_t i = 0; names[i]; i++) {
        size_t one = strlen(names[i]);
        *at++ = (unsigned char)one;
        memcpy(at, names[i], one);
        at += one;
    }
    return VCH_OK;
}

static bool alpn_offers(const unsigned char *offered, unsigned len, const unsigned char *name) {
    for (unsigned at = 0; at < len; at += 1u + offered[at])
        if (offered[at] == name[0] && at + offered[at] < len && memcmp(offered + at + 1, name + 1, name[0]) == 0)
            return true;
    return false;
}

/* RFC 7301 3.2: the server's liking decides; nothing in common is fatal. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                   unsigned in_len, void *arg) {
    (void)ssl;
    const struct vch_tls *tls = arg;
    for (unsigned at = 0; at < tls->alpn_len; at += 1u + tls->alpn[at]) {
        if (!alpn_offers(in, in_len, tls->alpn + at)) continue;
        *out = tls->alpn + at + 1;
        *out_len = tls->alpn[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Counts what the peer says to TLS itself: key updates, attempts to renegotiate. */
static void on_message(int is_ours, int version, int type, const void *bytes, size_t len, SSL *ssl, void *arg) {
    (void)version;
    (void)bytes;
    (void)len;
    (void)arg;
    struct vch_tls_peer *peer = SSL_get_app_data(ssl);
    if (!is_ours && type == SSL3_RT_HANDSHAKE && peer) peer->messages++;
}

/* ---- the context --------------------------------------------------------------- */

static bool set_protocol(SSL_CTX *ctx) {
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Else one SSL_read goes on for as long as a peer sends messages without data. */
    (void)SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_msg_callback(ctx, on_message);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ctx, CHAIN_BYTES_MAX);
    SSL_CTX_set_read_ahead(ctx, 1);
    static const unsigned char name[] = "vouch";
    if (SSL_CTX_set_session_id_context(ctx, name, sizeof name - 1) != 1) return false;
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
           SSL_CTX_set_cipher_list(ctx, suites12) == 1 && SSL_CTX_set_ciphersuites(ctx, suites13) == 1 &&
           SSL_CTX_set1_groups_list(ctx, groups) == 1 && SSL_CTX_set1_sigalgs_list(ctx, signatures) == 1 &&
           SSL_CTX_set1_client_sigalgs_list(ctx, signatures) == 1;
}

static enum vch_err set_identity(SSL_CTX *ctx, const struct vch_tls_host *options, struct vch_diag *diag) {
    if (SSL_CTX_use_certificate_chain_file(ctx, options->certificate_file) != 1)
        return vch_diag_set(diag, VCH_ERR_INVALID, "server-certificate", "certificate",
                            "Cannot use the certificate in %s: %s.", options->certificate_file,
                            ERR_reason_error_string(ERR_peek_last_error()));
    if (SSL_CTX_use_PrivateKey_file(ctx, options->key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1)
        return vch_diag_set(diag, VCH_ERR_INVALID, "server-key", "key", "Cannot use the key in %s: %s.",
                            options->key_file, ERR_reason_error_string(ERR_peek_last_error()));
    return VCH_OK;
}

static bool add_anchor(SSL_CTX *ctx, X509 *anchor) {
    STACK_OF(X509) *chain = NULL;
    (void)SSL_CTX_get0_chain_certs(ctx, &chain);
    int count = chain ? sk_X509_num(chain) : 0;
    X509 *last = count ? sk_X509_value(chain, count - 1) : SSL_CTX_get0_certificate(ctx);
    if (X509_cmp(anchor, last) == 0 || X509_check_issued(anchor, last) != X509_V_OK) return true;
    return SSL_CTX_add1_chain_cert(ctx, anchor) == 1;
}

static enum vch_err show_anchor(SSL_CTX *ctx, const char *file, struct vch_diag *diag) {
    BIO *bio = file ? BIO_new_file(file, "r") : NULL;
    X509 *anchor = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    bool shown = !file || (anchor && add_anchor(ctx, anchor));
    X509_free(anchor);
    BIO_free(bio);
    if (shown) return VCH_OK;
    return vch_diag_set(diag, VCH_ERR_INVALID, "server-certificate", "anchor", "Cannot use the root certificate in %s.", file);
}

static enum vch_err show_issuers(SSL_CTX *ctx, const char *file, struct vch_diag *diag) {
    STACK_OF(X509_NAME) *names = file ? SSL_load_client_CA_file(file) : NULL;
    if (file && !names)
        return vch_diag_set(diag, VCH_ERR_INVALID, "server-certificate", "clientCa", "Cannot read the certificates in %s.", file);
    if (names) SSL_CTX_set_client_CA_list(ctx, names); /* takes them */
    return VCH_OK;
}

/* The same in all but the certificate: SSL_set_SSL_CTX leaves half of the rest behind. */
static enum vch_err ctx_new(struct vch_tls *tls, const struct vch_tls_options *options, const struct vch_tls_host *host,
                            SSL_CTX **ret, struct vch_diag *diag) {
    SSL_CTX *ctx = *ret = vch_tls_context(TLS_server_method());
    if (!ctx) return VCH_ERR_NOMEM;
    if (!set_protocol(ctx))
        return vch_diag_set(diag, VCH_ERR_INTERNAL, "tls-settings", "",
                            "The TLS library does not know a needed setting: %s.",
                            ERR_reason_error_string(ERR_peek_last_error()));
    VCH_TRY(set_identity(ctx, host, diag));
    if (tls->alpn_len) SSL_CTX_set_alpn_select_cb(ctx, on_alpn, tls);
    vch_tls_verify_install(ctx, &tls->verify, options->client_cert);
    return options->client_cert == VCH_CLIENT_CERT_NONE ? VCH_OK : show_issuers(ctx, options->client_ca_file, diag);
}

/* RFC 6066 3: a name that is not known is served with the first certificate; a
 * client that verifies will see for itself. */
static int on_name(SSL *ssl, int *alert, void *arg) {
    const struct vch_tls *tls = arg;
    struct vch_str name = vch_str_from(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    (void)alert;
    for (size_t i = 0; i < tls->host_count && name.len; i++) {
        if (!vch_str_ieq(name, vch_str_from(tls->hosts[i].name))) continue;
        return SSL_set_SSL_CTX(ssl, tls->hosts[i].ctx) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_OK;
}

static enum vch_err hosts_init(struct vch_tls *tls, const struct vch_tls_options *options, struct vch_diag *diag) {
    if (options->host_count == 0) return VCH_OK;
    tls->hosts = calloc(options->host_count, sizeof *tls->hosts);
    if (!tls->hosts) return VCH_ERR_NOMEM;
    for (; tls->host_count < options->host_count; tls->host_count++) {
        struct host *host = &tls->hosts[tls->host_count];
        host->name = strdup(options->hosts[tls->host_count].name);
        enum vch_err err = host->name ? ctx_new(tls, options, &options->hosts[tls->host_count], &host->ctx, diag) : VCH_ERR_NOMEM;
        if (err == VCH_OK) continue;
        tls->host_count++; /* to be freed with the others */
        return err;
    }
    (void)SSL_CTX_set_tlsext_servername_arg(tls->ctx, tls);
    (void)SSL_CTX_set_tlsext_servername_callback(tls->ctx, on_name);
    return VCH_OK;
}

static enum vch_err tls_init(struct vch_tls *tls, const struct vch_tls_options *options, struct vch_diag *diag) {
    const struct vch_tls_host first = {"", options->certificate_file, options->key_file};
    if (options->client_cert != VCH_CLIENT_CERT_NONE && !options->verify)
        return vch_diag_set(diag, VCH_ERR_INVALID, "verify-missing", "verify",
                            "Client certificates are asked for but nobody judges them.");
    VCH_TRY(alpn_wire(options->alpn, tls));
    tls->verify = (struct vch_tls_verify){options->verify, options->verify_arg, options->stranger};
    VCH_TRY(ctx_new(tls, options, &first, &tls->ctx, diag));
    VCH_TRY(show_anchor(tls->ctx, options->anchor_file, diag));
    return hosts_init(tls, options, diag);
}

enum vch_err vch_tls_new(const struct vch_tls_options *options, struct vch_tls **ret, struct vch_diag *diag) {
    *ret = NULL;
    struct vch_tls *tls = calloc(1, sizeof *tls);
    if (!tls) return VCH_ERR_NOMEM;
    ERR_clear_error();
    enum vch_err err = tls_init(tls, options, diag);
    ERR_clear_error();
    if (err == VCH_OK)
        *ret = tls;
    else
        vch_tls_free(tls);
    return err;
}

void vch_tls_free(struct vch_tls *tls) {
    if (!tls) return;
    for (size_t i = 0; i < tls->host_count; i++) {
        SSL_CTX_free(tls->hosts[i].ctx);
        free(tls->hosts[i].name);
    }
    free(tls->hosts);
    SSL_CTX_free(tls->ctx);
    free(tls->alpn);
    free(tls);
}

/* ---- sessions -------------------------------------------------------------------- */

SSL *vch_tls_accept(struct vch_tls *tls, int fd, struct vch_tls_peer *peer) {
    SSL *ssl = SSL_new(tls->ctx);
    if (!ssl) return NULL;
    if (SSL_set_app_data(ssl, peer) != 1 || !vch_sockbio_set(ssl, fd)) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return ssl;
}

void vch_tls_peer_deinit(struct vch_tls_peer *peer) {
    free(peer->der);
    free(peer->diag);
    *peer = (struct vch_tls_peer){.id = ""};
}

void vch_tls_explain(const struct vch_tls_peer *peer, int saved_errno, struct vch_diag *diag) {
    unsigned long code = ERR_peek_error();
    ERR_clear_error();
    if (peer->diag && peer->diag->reason) {
        *diag = *peer->diag;
        return;
    }
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) code = 0;
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    if (code && ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET) {
        (void)vch_diag_set(diag, VCH_ERR_DENIED, "tls-alert", "", "The client refused: %s.",
                           SSL_alert_desc_string_long(ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET));
    } else if (text) {
        (void)vch_diag_set(diag, VCH_ERR_DENIED, "tls-failed", "", "TLS failed: %s.", text);
    } else {
        (void)vch_diag_set(diag, VCH_ERR_IO, "connection-lost", "", "The connection was lost: %s.",
                           saved_errno ? strerror(saved_errno) : "the client closed it");
    }
}
