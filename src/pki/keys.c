#include "pki/keys.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/reason.h"
#include "pki/pem_priv.h"

enum { PEM_CAP = 8192, AHEAD_MAX = 1024 };

struct vch_key_pool {
    enum vch_key_algorithm algorithm;
    EC_GROUP *group; /* shared by all threads, never written after start */
    size_t ahead, ready;
    struct vch_keypair *pairs;
    pthread_t maker;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    bool started, stopping;
};

enum vch_err vch_key_algorithm_parse(struct vch_str word, enum vch_key_algorithm *ret) {
    if (vch_str_eq_c(word, "ec-p256")) *ret = VCH_KEY_EC_P256;
    else if (vch_str_eq_c(word, "rsa-2048")) *ret = VCH_KEY_RSA_2048;
    else return VCH_ERR_MALFORMED;
    return VCH_OK;
}

void vch_keypair_deinit(struct vch_keypair *pair) {
    vch_buf_deinit(&pair->spki);
    vch_buf_deinit(&pair->public_pem);
    vch_buf_deinit(&pair->private_pem);
}

static void keypair_init(struct vch_keypair *pair) {
    vch_buf_init(&pair->spki, PEM_CAP);
    vch_buf_init(&pair->public_pem, PEM_CAP);
    vch_buf_init_secret(&pair->private_pem, PEM_CAP);
}

static enum vch_err keypair_finish(struct vch_keypair *pair, struct vch_diag *diag) {
    struct vch_str ignored;
    if (vch_buf_finish(&pair->spki, &ignored) == VCH_OK && vch_buf_finish(&pair->public_pem, &ignored) == VCH_OK &&
        vch_buf_finish(&pair->private_pem, &ignored) == VCH_OK && pair->private_pem.len)
        return VCH_OK;
    vch_keypair_deinit(pair);
    return VCH_REFUSE(diag, VCH_ERR_INTERNAL, INTERNAL, "", "A key pair could not be made.");
}

/* ---- P-256: the numbers by libcrypto, the DER around them by hand ------- */

enum { SCALAR = 32, POINT = 65 };
/* ECPrivateKey (RFC 5915) up to the scalar, and from there to the point. */
#define SEC1_HEAD "\x30\x77\x02\x01\x01\x04\x20"
#define SEC1_MIDDLE "\xA0\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07\xA1\x44\x03\x42\x00"
/* SubjectPublicKeyInfo (RFC 5480) up to the point. */
#define SPKI_HEAD "\x30\x59\x30\x13\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07\x03\x42\x00"

/* A scalar of [1, n-1] and its point. */
static bool ec_numbers(const EC_GROUP *group, uint8_t scalar[SCALAR], uint8_t point[POINT]) {
    BN_CTX *ctx = BN_CTX_secure_new();
    BIGNUM *d = BN_secure_new();
    EC_POINT *q = EC_POINT_new(group);
    bool ok = ctx && d && q;
    if (ok) BN_set_flags(d, BN_FLG_CONSTTIME);
    do ok = ok && BN_priv_rand_range_ex(d, EC_GROUP_get0_order(group), 0, ctx) == 1;
    while (ok && BN_is_zero(d));
    ok = ok && EC_POINT_mul(group, q, d, NULL, NULL, ctx) == 1 && BN_bn2binpad(d, scalar, SCALAR) == SCALAR &&
         EC_POINT_point2oct(group, q, POINT_CONVERSION_UNCOMPRESSED, point, POINT, ctx) == POINT;
    EC_POINT_free(q);
    BN_clear_free(d);
    BN_CTX_free(ctx);
    return ok;
}

static enum vch_err make_ec(const EC_GROUP *group, struct vch_keypair *pair, struct vch_diag *diag) {
    uint8_t private_der[sizeof SEC1_HEAD - 1 + SCALAR + sizeof SEC1_MIDDLE - 1 + POINT];
    uint8_t spki[sizeof SPKI_HEAD - 1 + POINT];
    uint8_t *scalar = private_der + sizeof SEC1_HEAD - 1, *point = private_der + sizeof private_der - POINT;
    keypair_init(pair);
    memcpy(private_der, SEC1_HEAD, sizeof SEC1_HEAD - 1);
    memcpy(scalar + SCALAR, SEC1_MIDDLE, sizeof SEC1_MIDDLE - 1);
    memcpy(spki, SPKI_HEAD, sizeof SPKI_HEAD - 1);
    if (ec_numbers(group, scalar, point)) {
        memcpy(spki + sizeof spki - POINT, point, POINT);
        vch_buf_bytes(&pair->spki, spki, sizeof spki);
        vch_pem_encode("PUBLIC KEY", vch_str_of(spki, sizeof spki), &pair->public_pem);
        vch_pem_encode("EC PRIVATE KEY", vch_str_of(private_der, sizeof private_der), &pair->private_pem);
    }
    vch_wipe(private_der, sizeof private_der);
    return keypair_finish(pair, diag);
}

/* ---- RSA-2048 ------------------------------------------------------------ */

static void take_bio(BIO *bio, struct vch_buf *buf) {
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    if (len > 0) vch_buf_bytes(buf, bytes, (size_t)len);
}

static enum vch_err make_rsa(struct vch_keypair *pair, struct vch_diag *diag) {
    keypair_init(pair);
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *pem = BIO_new(BIO_s_secmem()); /* cleared when freed */
    uint8_t *spki = NULL;
    int len = key ? i2d_PUBKEY(key, &spki) : 0;
    if (len > 0 && pem && PEM_write_bio_PrivateKey_traditional(pem, key, NULL, NULL, 0, NULL, NULL) == 1) {
        vch_buf_bytes(&pair->spki, spki, (size_t)len);
        vch_pem_encode("PUBLIC KEY", vch_str_of(spki, (size_t)len), &pair->public_pem);
        take_bio(pem, &pair->private_pem);
    }
    OPENSSL_free(spki);
    BIO_free(pem);
    EVP_PKEY_free(key);
    return keypair_finish(pair, diag);
}

/* ---- the pool ------------------------------------------------------------- */

static void keep(struct vch_key_pool *pool, struct vch_keypair *pair) {
    (void)pthread_mutex_lock(&pool->lock);
    pool->pairs[pool->ready++] = *pair;
    (void)pthread_mutex_unlock(&pool->lock);
}

/* False: stop. */
static bool await_want(struct vch_key_pool *pool) {
    (void)pthread_mutex_lock(&pool->lock);
    while (!pool->stopping && pool->ready >= pool->ahead) (void)pthread_cond_wait(&pool->wanted, &pool->lock);
    bool go = !pool->stopping;
    (void)pthread_mutex_unlock(&pool->lock);
    return go;
}

static void *make_ahead(void *arg) {
    struct vch_key_pool *pool = arg;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), 10); /* this thread: what is asked for now goes first */
    while (await_want(pool)) {
        struct vch_keypair pair;
        if (make_rsa(&pair, NULL) == VCH_OK) keep(pool, &pair);
        else (void)usleep(100000);
    }
    return NULL;
}

static enum vch_err start_maker(struct vch_key_pool *pool) {
    pool->pairs = calloc(pool->ahead, sizeof *pool->pairs);
    if (!pool->pairs) return VCH_ERR_NOMEM;
    pool->started = pthread_create(&pool->maker, NULL, make_ahead, pool) == 0;
    return pool->started ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_key_pool_new(enum vch_key_algorithm algorithm, size_t ahead, struct vch_key_pool **ret) {
    struct vch_key_pool *pool = calloc(1, sizeof *pool);
    if (!pool) return VCH_ERR_NOMEM;
    enum vch_err err = VCH_OK;
    pool->algorithm = algorithm;
    pool->ahead = ahead < AHEAD_MAX ? ahead : AHEAD_MAX;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->wanted, NULL);
    if (algorithm == VCH_KEY_EC_P256) {
        pool->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        if (!pool->group) err = VCH_ERR_NOMEM;
    } else if (pool->ahead) {
        err = start_maker(pool);
    }
    if (err) vch_key_pool_free(pool);
    else *ret = pool;
    return err;
}

void vch_key_pool_free(struct vch_key_pool *pool) {
    if (!pool) return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    (void)pthread_cond_signal(&pool->wanted);
    (void)pthread_mutex_unlock(&pool->lock);
    if (pool->started) (void)pthread_join(pool->maker, NULL);
    while (pool->ready) vch_keypair_deinit(&pool->pairs[--pool->ready]);
    free(pool->pairs);
    EC_GROUP_free(pool->group);
    (void)pthread_cond_destroy(&pool->wanted);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static bool take_ready(struct vch_key_pool *pool, struct vch_keypair *ret) {
    (void)pthread_mutex_lock(&pool->lock);
    bool found = pool->ready > 0;
    if (found) *ret = pool->pairs[--pool->ready];
    (void)pthread_cond_signal(&pool->wanted);
    (void)pthread_mutex_unlock(&pool->lock);
    return found;
}

enum vch_err vch_key_pool_take(struct vch_key_pool *pool, struct vch_keypair *ret, struct vch_diag *diag) {
    if (pool->algorithm == VCH_KEY_EC_P256) return make_ec(pool->group, ret, diag);
    return take_ready(pool, ret) ? VCH_OK : make_rsa(ret, diag);
}
