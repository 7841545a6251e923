/* Golden vectors: a JSON file under tests/vectors, decoded into an arena. */
#ifndef VCH_TESTS_SUPPORT_GOLDEN_H
#define VCH_TESTS_SUPPORT_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/val.h"

/* The text of a file below the source folder, in the arena. Ends the program
 * when it is not there. */
static inline struct vch_str golden_text(struct vch_arena *arena, const char *path) {
    char full[1024];
    struct vch_buf buf;
    struct vch_str text;
    (void)snprintf(full, sizeof full, "%s/%s", VOUCH_SOURCE_DIR, path);
    vch_buf_init(&buf, 1 << 20);
    if (vch_file_read(full, &buf, NULL) != VCH_OK || vch_buf_finish(&buf, &text) != VCH_OK) {
        (void)fprintf(stderr, "cannot read %s\n", full);
        exit(1);
    }
    struct vch_str copy = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return copy;
}

static inline const struct vch_val *golden_json(struct vch_arena *arena, const char *path) {
    static const struct vch_val_limits limits = {.depth = 128, .values = 200000};
    struct vch_val *val = NULL;
    struct vch_diag diag = {0};
    if (vch_json_decode(golden_text(arena, path), &limits, arena, &val, &diag) != VCH_OK) {
        (void)fprintf(stderr, "%s: %s\n", path, diag.message);
        exit(1);
    }
    return val;
}

#endif
