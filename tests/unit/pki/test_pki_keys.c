#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "make.h"
#include "pki/keys.h"

static void words(void **state) {
    (void)state;
    enum vch_key_algorithm a;
    assert_int_equal(vch_key_algorithm_parse(VCH_STR("ec-p256"), &a), VCH_OK);
    assert_int_equal(a, VCH_KEY_EC_P256);
    assert_int_equal(vch_key_algorithm_parse(VCH_STR("rsa-2048"), &a), VCH_OK);
    assert_int_equal(a, VCH_KEY_RSA_2048);
    assert_int_equal(vch_key_algorithm_parse(VCH_STR("EC-P256"), &a), VCH_ERR_MALFORMED);
    assert_int_equal(vch_key_algorithm_parse(VCH_STR(""), &a), VCH_ERR_MALFORMED);
}

static EVP_PKEY *read_private(const struct vch_keypair *pair) {
    BIO *bio = BIO_new_mem_buf(pair->private_pem.ptr, (int)pair->private_pem.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return key;
}

/* All three texts are of one key, which is sound, in libcrypto's own encoding. */
static void expect_sound(const struct vch_keypair *pair, const char *label) {
    EVP_PKEY *key = read_private(pair);
    assert_non_null(key);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_pairwise_check(ctx), 1);
    EVP_PKEY_CTX_free(ctx);
    struct vch_str spki = make_spki(key);
    assert_true(vch_str_eq(spki, vch_str_of(pair->spki.ptr, pair->spki.len)));
    OPENSSL_free((void *)(uintptr_t)spki.ptr);
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    assert_true(PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL));
    long len = BIO_get_mem_data(bio, &bytes);
    assert_true(vch_str_eq(vch_str_of(bytes, (size_t)len), vch_str_of(pair->private_pem.ptr, pair->private_pem.len)));
    assert_non_null(strstr(pair->private_pem.ptr, label));
    BIO_free(bio);
    bio = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio_PUBKEY(bio, key));
    len = BIO_get_mem_data(bio, &bytes);
    assert_true(vch_str_eq(vch_str_of(bytes, (size_t)len), vch_str_of(pair->public_pem.ptr, pair->public_pem.len)));
    BIO_free(bio);
    EVP_PKEY_free(key);
    assert_true(pair->private_pem.wipe);
}

static void elliptic_pairs_are_sound_and_differ(void **state) {
    (void)state;
    struct vch_key_pool *pool = NULL;
    struct vch_keypair last = {.spki = {.len = 0}}, pair;
    assert_int_equal(vch_key_pool_new(VCH_KEY_EC_P256, 4, &pool), VCH_OK);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(vch_key_pool_take(pool, &pair, NULL), VCH_OK);
        expect_sound(&pair, "-----BEGIN EC PRIVATE KEY-----\n");
        assert_false(vch_str_eq(vch_str_of(pair.spki.ptr, pair.spki.len), vch_str_of(last.spki.ptr, last.spki.len)));
        vch_keypair_deinit(&last);
        last = pair;
    }
    vch_keypair_deinit(&last);
    vch_keypair_deinit(&last); /* harmless */
    vch_key_pool_free(pool);
    vch_key_pool_free(NULL);
}

static void rsa_pairs_come_from_the_pool_and_beyond_it(void **state) {
    (void)state;
    struct vch_key_pool *pool = NULL;
    assert_int_equal(vch_key_pool_new(VCH_KEY_RSA_2048, 1, &pool), VCH_OK);
    for (int i = 0; i < 3; i++) {
        struct vch_keypair pair;
        assert_int_equal(vch_key_pool_take(pool, &pair, NULL), VCH_OK);
        expect_sound(&pair, "-----BEGIN RSA PRIVATE KEY-----\n");
        vch_keypair_deinit(&pair);
    }
    vch_key_pool_free(pool); /* with the maker under way */
}

static void *take_many(void *arg) {
    for (int i = 0; i < 100; i++) {
        struct vch_keypair pair;
        if (vch_key_pool_take(arg, &pair, NULL) != VCH_OK) return arg;
        vch_keypair_deinit(&pair);
    }
    return NULL;
}

static void threads_share_a_pool(void **state) {
    (void)state;
    struct vch_key_pool *pool = NULL;
    pthread_t threads[4];
    assert_int_equal(vch_key_pool_new(VCH_KEY_EC_P256, 0, &pool), VCH_OK);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, take_many, pool), 0);
    for (int i = 0; i < 4; i++) {
        void *failed = pool;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    vch_key_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(elliptic_pairs_are_sound_and_differ),
        cmocka_unit_test(rsa_pairs_come_from_the_pool_and_beyond_it),
        cmocka_unit_test(threads_share_a_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
