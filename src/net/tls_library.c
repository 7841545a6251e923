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

enum { SHOWN_MAX = 64 };

static OSSL_PROVIDER *whole; /* OpenSSL's default provider in its default context: holds the code and its state */
static OSSL_LIB_CTX *library;
static OSSL_ALGORITHM keys[SHOWN_MAX + 1], decoders[SHOWN_MAX + 1]; /* ended by NULL names */

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

/* Those that keep the order of the provider, or nothing when there are too many. */
static bool choose(int operation, const char *const *names, bool (*fits)(const OSSL_ALGORITHM *algorithm), OSSL_ALGORITHM *ret) {
    int no_store = 0;
    size_t count = 0;
    const OSSL_ALGORITHM *at = OSSL_PROVIDER_query_operation(whole, operation, &no_store);
    for (; at && at->algorithm_names; at++) {
        if (!is_named(at, names) || (fits && !fits(at))) continue;
        if (count == SHOWN_MAX) return false;
        ret[count++] = *at;
    }
    return count > 0 && !no_store;
}

/* HMAC, HKDF and TLS1-PRF are key types to OpenSSL, and TLS uses them. */
static bool choose_all(void) {
    static const char *const key_names[] = {"EC", "RSA", "RSA-PSS", "X25519", "HMAC", "HKDF", "TLS1-PRF", NULL};
    static const char *const decoder_names[] = {"EC", "RSA", "RSA-PSS", NULL};
    return choose(OSSL_OP_KEYMGMT, key_names, NULL, keys) && choose(OSSL_OP_DECODER, decoder_names, is_of_certificates, decoders);
}

/* ---- the provider -------------------------------------------------------------- */

static const OSSL_ALGORITHM *query(void *context, int operation, int *ret_no_store) {
    (void)context;
    *ret_no_store = 0;
    switch (operation) {
    case OSSL_OP_KEYMGMT: return keys;
    case OSSL_OP_DECODER: return decoders;
    case OSSL_OP_ENCODER: return NULL;
    default: return OSSL_PROVIDER_query_operation(whole, operation, ret_no_store);
    }
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
