#include "net/tls_library_priv.h"

#if defined OPENSSL_IS_BORINGSSL || defined OPENSSL_IS_AWSLC

SSL_CTX *vch_tls_context(const SSL_METHOD *method) {
    return SSL_CTX_new(method);
}

#else

#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 32 };

static OSSL_PROVIDER *whole; /* OpenSSL's default provider in its default context: holds the code and its state */
static OSSL_LIB_CTX *library;

/* ---- what is shown ---------------------------------------------------------- */

/* The first of "EC:id-ecPublicKey:1.2.840.10045.2.1". */
static bool is_named(const OSSL_ALGORITHM *algorithm, const char *const *names) {
    for (; *names; names++) {
        size_t len = strlen(*names);
        const char *rest = algorithm->algorithm_names + len;
        if (strncmp(algorithm->algorithm_names, *names, len) == 0 && (*rest == '\0' || *rest == ':')) return true;
    }
    return false;
}

/* A peer's certificate holds its key in this one form; keys of our own are decoded elsewhere. */
static bool is_of_certificates(const OSSL_ALGORITHM *algorithm) {
    const char *p = algorithm->property_definition;
    return strstr(p, "input=der") && strstr(p, "structure=SubjectPublicKeyInfo");
}

struct shown {
    int operation;
    const char *const *names;
    bool (*fits)(const OSSL_ALGORITHM *algorithm);
    OSSL_ALGORITHM list[SHOWN_MAX + 1]; /* ended by NULL names */
};

#define NAMES(...)                                                                                                     \
    (const char *const[]) {                                                                                            \
        __VA_ARGS__, NULL                                                                                              \
    }
/* HMAC, HKDF and TLS1-PRF are key types to OpenSSL, and TLS uses them. SSL_CTX_new asks for MD5 and MD5-SHA1. */
static struct shown shown[] = {
    {.operation = OSSL_OP_DIGEST,
     .names = NAMES("SHA1", "SHA2-224", "SHA2-256", "SHA2-384", "SHA2-512", "MD5", "MD5-SHA1")},
    {.operation = OSSL_OP_CIPHER, .names = NAMES("AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305", "AES-256-CBC")},
    {.operation = OSSL_OP_MAC, .names = NAMES("HMAC")},
    {.operation = OSSL_OP_KDF, .names = NAMES("HKDF", "TLS13-KDF", "TLS1-PRF")},
    {.operation = OSSL_OP_RAND, .names = NAMES("CTR-DRBG", "SEED-SRC")},
    {.operation = OSSL_OP_KEYEXCH, .names = NAMES("ECDH", "X25519", "HKDF", "TLS1-PRF")},
    {.operation = OSSL_OP_SIGNATURE, .names = NAMES("ECDSA", "RSA", "HMAC")},
    {.operation = OSSL_OP_KEYMGMT, .names = NAMES("EC", "RSA", "RSA-PSS", "X25519", "HMAC", "HKDF", "TLS1-PRF")},
    {.operation = OSSL_OP_DECODER, .names = NAMES("EC", "RSA", "RSA-PSS"), .fits = is_of_certificates},
};

/* Those that keep the order of the provider; false when there are none, or too many. */
static bool choose(struct shown *s) {
    int no_store = 0;
    size_t count = 0;
    const OSSL_ALGORITHM *at = OSSL_PROVIDER_query_operation(whole, s->operation, &no_store);
    for (; at && at->algorithm_names; at++) {
        if (!is_named(at, s->names) || (s->fits && !s->fits(at))) continue;
        if (count == SHOWN_MAX) return false;
        s->list[count++] = *at;
    }
    return count > 0 && !no_store;
}

static bool choose_all(void) {
    bool all = true;
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) all = all && choose(&shown[i]);
    return all;
}

/* ---- the provider -------------------------------------------------------------- */

static const OSSL_ALGORITHM *query(void *context, int operation, int *ret_no_store) {
    (void)context;
    *ret_no_store = 0;
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (shown[i].operation == operation) return shown[i].list;
    return NULL;
}

/* The groups that TLS may use are asked for here. */
static int capabilities(void *context, const char *capability, OSSL_CALLBACK *callback, void *arg) {
    (void)context;
    return OSSL_PROVIDER_get_capabilities(whole, capability, callback, arg);
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                         void **context) {
    static const OSSL_DISPATCH functions[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
                                              {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))capabilities},
                                              {0, NULL}};
    (void)handle;
    (void)in;
    *out = functions;
    *context = OSSL_PROVIDER_get0_provider_ctx(whole);
    return *context != NULL;
}

static bool make(void) {
    if (EVP_default_properties_is_fips_enabled(NULL)) return false;
    whole = OSSL_PROVIDER_load(NULL, "default");
    library = whole && choose_all() ? OSSL_LIB_CTX_new() : NULL;
    return library && OSSL_PROVIDER_add_builtin(library, "vouch", provider_init) == 1 &&
           OSSL_PROVIDER_load(library, "vouch") != NULL;
}

static void make_once(void) {
    if (make()) return;
    OSSL_LIB_CTX_free(library);
    library = NULL;
    ERR_clear_error();
}

SSL_CTX *vch_tls_context(const SSL_METHOD *method) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_once);
    return SSL_CTX_new_ex(library, NULL, method);
}

#endif
