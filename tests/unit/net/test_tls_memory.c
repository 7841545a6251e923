/* OpenSSL's record buffers are used again, and only they. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <pthread.h>

#include "base/sanitized.h"
#include "net/tls_memory.h"

enum { RECORD = 16709, MANY = 20 };

static void test_a_record_buffer_is_used_again(void **state) {
    (void)state;
    void *first = OPENSSL_malloc(RECORD);
    assert_non_null(first);
    memset(first, 1, RECORD);
    OPENSSL_free(first);
    void *second = OPENSSL_malloc(17 * 1024); /* a longer one fits in as well */
    assert_non_null(second);
    memset(second, 2, 17 * 1024);
    if (!VCH_SANITIZED) assert_ptr_equal(first, second);
    OPENSSL_free(second);
}

static void test_other_sizes_are_malloc_s(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 16, 4096, 16383, 16384, 17408, 17409, 18000, 65536, 1 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *block = OPENSSL_malloc(sizes[i]);
        assert_non_null(block);
        memset(block, 3, sizes[i]);
        block = OPENSSL_realloc(block, sizes[i] * 2);
        assert_non_null(block);
        assert_int_equal(block[sizes[i] - 1], 3);
        memset(block, 4, sizes[i] * 2);
        OPENSSL_free(block);
    }
    OPENSSL_free(NULL);
}

static void *work(void *arg) {
    void **blocks = arg;
    for (int i = 0; i < MANY; i++) OPENSSL_free(blocks[i]);
    for (int i = 0; i < MANY; i++) {
        blocks[i] = OPENSSL_malloc(RECORD);
        if (blocks[i]) memset(blocks[i], 5, RECORD);
    }
    return NULL;
}

/* A thread keeps what another took, no more than a few, and none when it ends. */
static void test_threads(void **state) {
    (void)state;
    void *blocks[MANY];
    pthread_t thread;
    for (int i = 0; i < MANY; i++) blocks[i] = OPENSSL_malloc(RECORD);
    assert_int_equal(pthread_create(&thread, NULL, work, blocks), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (int i = 0; i < MANY; i++) {
        assert_non_null(blocks[i]);
        for (int j = 0; j < i; j++) assert_ptr_not_equal(blocks[i], blocks[j]);
    }
    for (int i = 0; i < MANY; i++) OPENSSL_free(blocks[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_buffer_is_used_again),
        cmocka_unit_test(test_other_sizes_are_malloc_s),
        cmocka_unit_test(test_threads),
    };
    vch_tls_memory_install(); /* before OpenSSL takes any */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
