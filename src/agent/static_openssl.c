/* For the agent with everything inside one file: what of OpenSSL's archive no device of ours negotiates. A table of
 * algorithms that stands here, empty, leaves its member in the archive and the code behind it; OpenSSL then finds the
 * algorithm unsupported and does not offer what needs it. A member with one table that is needed stays whole.
 * The names are those of OpenSSL 3.0; where they change, the link fails, or the file grows. */
#include <openssl/core.h>
#include <openssl/evp.h>

#define VCH_X(name)                                                                                                    \
    extern const OSSL_DISPATCH ossl_##name##_functions[];                                                              \
    const OSSL_DISPATCH ossl_##name##_functions[] = {{0, NULL}};
#include "agent/static_openssl.def"
#undef VCH_X

/* MAC-then-encrypt in one pass, for servers of TLS 1.2 that are older than any we may meet. */
int ossl_cipher_capable_aes_cbc_hmac_sha1(void);
int ossl_cipher_capable_aes_cbc_hmac_sha256(void);
int ossl_cipher_capable_aes_cbc_hmac_sha1(void) {
    return 0;
}
int ossl_cipher_capable_aes_cbc_hmac_sha256(void) {
    return 0;
}

/* Names of algorithms from before providers: certificates are looked up by their digests, nothing by its cipher. */
void openssl_add_all_ciphers_int(void);
void openssl_add_all_digests_int(void);
void openssl_add_all_ciphers_int(void) {
}
void openssl_add_all_digests_int(void) {
    const EVP_MD *const digests[] = {EVP_md5_sha1(), EVP_sha1(),   EVP_sha224(),
                                     EVP_sha256(),   EVP_sha384(), EVP_sha512()};
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) (void)EVP_add_digest(digests[i]);
}
