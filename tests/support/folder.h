/* A folder of its own for a test, removed with all that is in it. */
#ifndef VCH_TESTS_FOLDER_H
#define VCH_TESTS_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void folder_make(char path[64]) {
    (void)snprintf(path, 64, "%s", "/tmp/vouch-test-XXXXXX");
    if (!mkdtemp(path)) abort();
}

static inline void folder_remove(const char *path) {
    (void)nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
