/* For the agent with everything inside one file: what of OpenSSL's archive no device of ours negotiates. A table of
 * algorithms that stands here, empty, leaves its member in the archive and the code behind it; OpenSSL then finds the
 * algorithm unsupported and does not offer what needs it. A member with one table that is needed stays whole.
 * The names are those of OpenSSL 3.0; where they change, the link fails, or the file grows. */
#include <openssl/core.h>
#include <openssl/evp.h>

#define TABLES(X)                                                                                                      \
    X(aes128cbc_hmac_sha1)                                                                                             \
    X(aes128cbc_hmac_sha256) X(aes128ocb) X(aes128siv) X(aes128wrap) X(aes128wrapinv) X(aes128wrappad) X(              \
        aes128wrappadinv) X(aes128xts) X(aes192ocb) X(aes192siv) X(aes192wrap) X(aes192wrapinv) X(aes192wrappad)       \
        X(aes192wrappadinv) X(aes256cbc_hmac_sha1) X(aes256cbc_hmac_sha256) X(aes256ocb) X(aes256siv) X(aes256wrap) X( \
            aes256wrapinv) X(aes256wrappad) X(aes256wrappadinv) X(aes256xts) X(aria128cbc) X(aria128ccm)               \
            X(aria128cfb1) X(aria128cfb8) X(aria128cfb) X(aria128ctr) X(aria128ecb) X(aria128gcm) X(aria128ofb) X(     \
                aria192cbc) X(aria192ccm) X(aria192cfb1) X(aria192cfb8) X(aria192cfb) X(aria192ctr) X(aria192ecb)      \
                X(aria192gcm) X(aria192ofb) X(aria256cbc) X(aria256ccm) X(aria256cfb1) X(aria256cfb8) X(aria256cfb) X( \
                    aria256ctr) X(aria256ecb) X(aria256gcm) X(aria256ofb) X(blake2b512) X(blake2bmac) X(blake2s256)    \
                    X(blake2smac) X(camellia128cbc_cts) X(camellia128cbc) X(camellia128cfb1) X(camellia128cfb8)        \
                        X(camellia128cfb) X(camellia128ctr) X(camellia128ecb) X(camellia128ofb) X(camellia192cbc_cts)  \
                            X(camellia192cbc) X(camellia192cfb1) X(camellia192cfb8) X(camellia192cfb)                  \
                                X(camellia192ctr) X(camellia192ecb) X(camellia192ofb) X(camellia256cbc_cts) X(         \
                                    camellia256cbc) X(camellia256cfb1)                                                 \
                                    X(camellia256cfb8) X(camellia256cfb) X(camellia256ctr) X(camellia256ecb) X(        \
                                        camellia256ofb) X(cmac) X(cmac_legacy_keymgmt) X(dh_keyexch)                   \
                                        X(dh_keymgmt) X(dhx_keymgmt) X(drbg_hash) X(drbg_ossl_hmac) X(dsa_keymgmt) X(  \
                                            dsa_signature) X(file_store) X(gmac) X(kdf_kbkdf)                          \
                                            X(kdf_krb5kdf) X(kdf_pbkdf2) X(kdf_pkcs12) X(kdf_scrypt) X(kdf_sshkdf) X(  \
                                                kdf_sskdf) X(kdf_x942_kdf) X(kdf_x963_kdf) X(keccak_kmac_128)          \
                                                X(keccak_kmac_256) X(kmac128) X(kmac256) X(mac_legacy_cmac_signature)  \
                                                    X(mac_legacy_hmac_signature) X(mac_legacy_keymgmt) X(              \
                                                        mac_legacy_poly1305_signature) X(mac_legacy_siphash_signature) \
                                                        X(nullmd) X(poly1305)                                          \
                                                            X(ripemd160) X(rsa_asym_kem) X(sha3_224) X(sha3_256) X(    \
                                                                sha3_384) X(sha3_512)                                  \
                                                                X(shake_128) X(shake_256) X(siphash) X(                \
                                                                    sm2_asym_cipher) X(sm2_signature) X(sm3)           \
                                                                    X(sm4128cbc) X(sm4128cfb128) X(sm4128ctr)          \
                                                                        X(sm4128ecb) X(sm4128ofb128) X(tdes_ede2_cbc)  \
                                                                            X(tdes_ede2_cfb) X(tdes_ede2_ecb)          \
                                                                                X(tdes_ede2_ofb) X(tdes_ede3_cbc) X(   \
                                                                                    tdes_ede3_cfb1) X(tdes_ede3_cfb8)  \
                                                                                    X(tdes_ede3_cfb) X(tdes_ede3_ecb)  \
                                                                                        X(tdes_ede3_ofb)               \
                                                                                            X(tdes_wrap_cbc)           \
                                                                                                X(test_rng)

/* clang-format off */
#define DECLARE(name) extern const OSSL_DISPATCH ossl_##name##_functions[];
#define DEFINE(name) const OSSL_DISPATCH ossl_##name##_functions[] = {{0, NULL}};
/* clang-format on */
TABLES(DECLARE)
TABLES(DEFINE)

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
