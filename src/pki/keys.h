/* Key pairs for devices and claims, made ahead of need when they are dear.
 * A pool is shared by all threads. Private keys are secrets: struct vch_keypair
 * is wiped by vch_keypair_deinit. */
#ifndef VCH_PKI_KEYS_H
#define VCH_PKI_KEYS_H

#include "base/buf.h"

enum vch_key_algorithm { VCH_KEY_EC_P256, VCH_KEY_RSA_2048 };
/* "ec-p256" | "rsa-2048" */
enum vch_err vch_key_algorithm_parse(struct vch_str word, enum vch_key_algorithm *ret) VCH_MUST;

struct vch_keypair {
    struct vch_buf spki;        /* DER SubjectPublicKeyInfo */
    struct vch_buf public_pem;  /* "PUBLIC KEY" */
    struct vch_buf private_pem; /* "EC PRIVATE KEY" (SEC 1) or "RSA PRIVATE KEY" (PKCS#1), as AWS writes */
};
void vch_keypair_deinit(struct vch_keypair *pair); /* zeroed memory is fine */

struct vch_key_pool;
/* For RSA a thread of its own keeps `ahead` pairs ready; for EC none is kept. */
enum vch_err vch_key_pool_new(enum vch_key_algorithm algorithm, size_t ahead, struct vch_key_pool **ret) VCH_MUST;
void vch_key_pool_free(struct vch_key_pool *pool);
enum vch_err vch_key_pool_take(struct vch_key_pool *pool, struct vch_keypair *ret, struct vch_diag *diag) VCH_MUST;

#endif
