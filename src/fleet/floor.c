#include "fleet/floor.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 101, FLIGHTS_MAX = 16, DAY_S = 86400 };

static int64_t cpu_ns(void) {
    struct timespec t;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0) return 0;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t median(int64_t samples[ROUNDS]) {
    qsort(samples, ROUNDS, sizeof samples[0], compare);
    return samples[ROUNDS / 2];
}

/* ---- keys and signatures -------------------------------------------------- */

static bool digest_sign(EVP_PKEY *key, const uint8_t *text, size_t len, uint8_t *sig, size_t *sig_len) {
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 && EVP_DigestSign(md, sig, sig_len, text, len) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}

static bool digest_verify(EVP_PKEY *key, const uint8_t *text, size_t len, const uint8_t *sig, size_t sig_len) {
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 && EVP_DigestVerify(md, sig, sig_len, text, len) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}

static bool measure_keys(struct vch_floor *ret) {
    static const uint8_t text[600] = {1}; /* so much as a certificate's */
    int64_t keys[ROUNDS], signs[ROUNDS], verifies[ROUNDS];
    bool ok = true;
    for (int i = 0; ok && i < ROUNDS; i++) {
        uint8_t sig[128];
        size_t len = sizeof sig;
        int64_t at = cpu_ns();
        EVP_PKEY *key = EVP_EC_gen("P-256");
        keys[i] = cpu_ns() - at;
        at = cpu_ns();
        ok = key && digest_sign(key, text, sizeof text, sig, &len);
        signs[i] = cpu_ns() - at;
        at = cpu_ns();
        ok = ok && digest_verify(key, text, sizeof text, sig, len);
        verifies[i] = cpu_ns() - at;
        EVP_PKEY_free(key);
    }
    if (!ok) return false;
    ret->key_ns = median(keys);
    ret->sign_ns = median(signs);
    ret->verify_ns = median(verifies);
    return true;
}

/* ---- handshakes ------------------------------------------------------------ */

static X509 *certificate(EVP_PKEY *key) {
    static const unsigned char name[] = "floor";
    X509 *made = X509_new();
    bool ok = made && X509_set_version(made, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(made), 1) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(made), -DAY_S) && X509_gmtime_adj(X509_getm_notAfter(made), DAY_S) &&
              X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC, name, -1, -1, 0) == 1 &&
              X509_set_issuer_name(made, X509_get_subject_name(made)) == 1 && X509_set_pubkey(made, key) == 1 &&
              X509_sign(made, key, EVP_sha256()) > 0;
    if (ok) return made;
    X509_free(made);
    return NULL;
}

/* Known by its fingerprint: no chain. */
static int accept_any(X509_STORE_CTX *store, void *arg) {
    (void)store;
    (void)arg;
    return 1;
}

static SSL_CTX *context(const SSL_METHOD *method) {
    SSL_CTX *ctx = SSL_CTX_new(method);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *own = key ? certificate(key) : NULL;
    bool ok = ctx && own && SSL_CTX_use_certificate(ctx, own) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
              SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 && SSL_CTX_set1_groups_list(ctx, "X25519") == 1 &&
              SSL_CTX_set_num_tickets(ctx, 0) == 1;
    X509_free(own);
    EVP_PKEY_free(key);
    if (!ok) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
    return ctx;
}

/* Over memory; the pair shares both. */
static bool join(SSL *server, SSL *client) {
    BIO *up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());
    if (!server || !client || !up || !down || BIO_up_ref(up) != 1 || BIO_up_ref(down) != 1) return false;
    SSL_set_bio(server, up, down);
    SSL_set_bio(client, down, up);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    return true;
}

static bool shake(SSL_CTX *server_ctx, SSL_CTX *client_ctx, int64_t *ret_ns) {
    int64_t begun = cpu_ns();
    SSL *server = SSL_new(server_ctx);
    int64_t spent = cpu_ns() - begun;
    SSL *client = SSL_new(client_ctx);
    bool ok = join(server, client), done = false;
    for (int i = 0; ok && !done && i < FLIGHTS_MAX; i++) {
        bool client_done = SSL_do_handshake(client) == 1;
        int64_t at = cpu_ns();
        done = SSL_do_handshake(server) == 1 && client_done;
        spent += cpu_ns() - at;
    }
    SSL_free(client);
    begun = cpu_ns();
    SSL_free(server);
    *ret_ns = spent + cpu_ns() - begun;
    return done;
}

static bool measure_handshake(struct vch_floor *ret) {
    SSL_CTX *server = context(TLS_server_method()), *client = context(TLS_client_method());
    int64_t samples[ROUNDS];
    bool ok = server && client;
    for (int i = 0; ok && i < ROUNDS; i++) ok = shake(server, client, &samples[i]);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    if (ok) ret->handshake_ns = median(samples);
    return ok;
}

enum vch_err vch_floor_measure(struct vch_floor *ret) {
    *ret = (struct vch_floor){0};
    return measure_keys(ret) && measure_handshake(ret) ? VCH_OK : VCH_ERR_INTERNAL;
}

int64_t vch_floor_total_ns(const struct vch_floor *floor, bool csr) {
    return 2 * (floor->handshake_ns + floor->sign_ns) + (csr ? floor->key_ns + floor->verify_ns : 2 * floor->key_ns);
}
