#include "net/tls_memory.h"

#include "base/sanitized.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* LEAST to MOST: the buffers of records, which are all made MOST long, so that
 * one is as good as another. No other block of OpenSSL's is that long. */
enum { LEAST = 16 * 1024, MOST = 17 * 1024, SLACK = 64, KEPT = 8 };

struct shelf {
    void *blocks[KEPT];
    unsigned count;
    bool known; /* to the key, which empties it when the thread ends */
};

static _Thread_local struct shelf shelf;
static pthread_key_t key;

static void empty(void *arg) {
    struct shelf *mine = arg;
    while (mine->count) free(mine->blocks[--mine->count]);
}

static void *take(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    if (size < LEAST || size > MOST) return malloc(size);
    return shelf.count ? shelf.blocks[--shelf.count] : malloc(MOST);
}

static bool keep(void *block) {
    size_t size = malloc_usable_size(block);
    if (size < MOST || size > MOST + SLACK || shelf.count == KEPT) return false;
    if (!shelf.known) shelf.known = pthread_setspecific(key, &shelf) == 0;
    if (shelf.known) shelf.blocks[shelf.count++] = block;
    return shelf.known;
}

static void give(void *block, const char *file, int line) {
    (void)file;
    (void)line;
    if (block && !keep(block)) free(block);
}

static void *resize(void *block, size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    return realloc(block, size);
}

void vch_tls_memory_install(void) {
    if (VCH_SANITIZED || pthread_key_create(&key, empty) != 0) return;
    (void)CRYPTO_set_mem_functions(take, resize, give);
}
