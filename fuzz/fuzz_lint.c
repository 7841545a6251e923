/* The lint and the mending of policies. What was mended once needs no second
 * mending, and findings stay within the document. */
#include <stdint.h>

#include "core/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_findings(const struct vch_lint *lint) {
    vch_assert(lint->count <= VCH_LINT_MAX);
    for (size_t i = 0; i < lint->count; i++) {
        const struct vch_lint_finding *finding = &lint->findings[i];
        vch_assert(finding->rule && finding->sentence.len > 0);
        vch_assert(finding->field.len == 0 || finding->field.ptr[0] == '/');
    }
}

/* At most as long as asked for, and printable. */
static void check_header(const struct vch_lint *lint) {
    struct vch_buf buf;
    struct vch_str line;
    vch_buf_init(&buf, 4096);
    vch_lint_header(lint, 600, &buf);
    vch_assert(vch_buf_finish(&buf, &line) == VCH_OK && line.len <= 600);
    for (size_t i = 0; i < line.len; i++) vch_assert(line.ptr[i] >= 0x20 && line.ptr[i] < 0x7F);
    vch_buf_deinit(&buf);
}

static void mend(struct vch_str text, struct vch_arena *arena) {
    struct vch_lint lint;
    struct vch_str once;
    struct vch_str twice;
    if (vch_lint_mend(text, VCH_STR("123456789012"), arena, &once, &lint, NULL) != VCH_OK) return;
    check_findings(&lint);
    bool complete = !lint.more;
    if (vch_lint_mend(once, VCH_STR("123456789012"), arena, &twice, &lint, NULL) != VCH_OK) return;
    vch_assert(!complete || (lint.count == 0 && vch_str_eq(once, twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_str text = size ? vch_str_of(data, size) : VCH_STR("");
    struct vch_arena *arena = vch_arena_new(4u << 20, false);
    if (!arena) return 0;
    struct vch_lint lint;
    if (vch_lint_policy(VCH_POLICY_IOT, text, arena, &lint, NULL) == VCH_OK) check_findings(&lint);
    if (vch_lint_policy(VCH_POLICY_IAM, text, arena, &lint, NULL) == VCH_OK) check_findings(&lint);
    if (vch_lint_template(text, NULL, arena, &lint, NULL) == VCH_OK) check_findings(&lint);
    check_header(&lint);
    mend(text, arena);
    vch_arena_free(arena);
    return 0;
}
