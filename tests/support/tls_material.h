/* Keys and certificates made for a test. Programmer errors abort. */
#ifndef VCH_TESTS_TLS_MATERIAL_H
#define VCH_TESTS_TLS_MATERIAL_H

#include "base/str.h"

enum tls_key_kind { TLS_P256, TLS_P384, TLS_P521, TLS_SECP256K1, TLS_ED25519, TLS_RSA_1024, TLS_RSA_2048 };

struct tls_material {
    char certificate_pem[4096]; /* for a server: leaf and nothing else */
    char key_pem[4096];
    char id[65]; /* hex SHA-256 of the DER */
};

/* Self-signed. `names` is an OpenSSL subjectAltName such as
 * "DNS:localhost,IP:127.0.0.1", or NULL. Valid from an hour ago for `days`
 * (negative: expired). */
void tls_make(struct tls_material *ret, enum tls_key_kind kind, const char *cn, const char *names, int days);
/* Both parts as files in `folder`; the paths are written to the two buffers. */
void tls_save(const struct tls_material *material, const char *folder, char certificate_file[128], char key_file[128]);

#endif
