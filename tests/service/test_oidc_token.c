/* ID tokens and keys by golden vectors: each says which claim refuses it. */
#include <string.h>

#include "core/reason.h"
#include "service/oidc.h"
#include "service/oidc_token.h"
#include "support/cmocka_all.h"
#include "support/golden.h"

static enum vch_err judge(struct vch_str token, const struct vch_val *jwks, const struct vch_oidc_expect *expect, struct vch_arena *arena,
                          struct vch_diag *diag) {
    struct vch_oidc_head head;
    const struct vch_val *claims = NULL;
    VCH_TRY(vch_oidc_token_head(token, arena, &head, diag));
    VCH_TRY(vch_oidc_token_check(token, &head, vch_oidc_key_for(jwks, &head), expect, arena, &claims, diag));
    assert_true(vch_val_is(claims, VCH_VAL_MAP));
    return VCH_OK;
}

static struct vch_oidc_expect expect_of(const struct vch_val *file) {
    return (struct vch_oidc_expect){vch_val_str_at(file, "issuer"), vch_val_str_at(file, "clientId"), vch_val_str_at(file, "nonce"),
                                    vch_val_int_at(file, "nowSeconds", 0) * 1000};
}

static void vectors(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(8 << 20, false);
    const struct vch_val *file = golden_json(arena, "tests/vectors/oidc/tokens.json"), *cases = vch_val_get(file, "cases");
    const struct vch_oidc_expect expect = expect_of(file);
    assert_true(cases->count > 60);
    for (size_t i = 0; i < cases->count; i++) {
        const struct vch_val *c = &cases->items[i];
        struct vch_diag diag = {0};
        const char *name = vch_val_str_at(c, "name").ptr, *field = vch_val_str_at(c, "field").ptr;
        enum vch_err err = judge(vch_val_str_at(c, "token"), vch_val_get(c, "keys") ? c : file, &expect, arena, &diag);
        if (strcmp(field, "-") == 0) {
            if (err != VCH_OK) fail_msg("%s: %s", name, diag.message);
            continue;
        }
        if (err != VCH_ERR_UNAUTHENTICATED || strcmp(diag.field, field) != 0) fail_msg("%s: %d, %s: %s", name, (int)err, diag.field, diag.message);
        assert_string_equal(diag.reason, vch_reason_code(VCH_REASON_OIDC_TOKEN));
    }
    vch_arena_free(arena);
}

/* Every byte of a good token counts. */
static void one_changed_byte(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(256 << 20, false);
    const struct vch_val *file = golden_json(arena, "tests/vectors/oidc/tokens.json");
    const struct vch_oidc_expect expect = expect_of(file);
    struct vch_str token = vch_arena_str(arena, vch_val_str_at(&vch_val_get(file, "cases")->items[0], "token"));
    char *bytes = (char *)(uintptr_t)token.ptr;
    for (size_t i = 0; i < token.len; i++) {
        struct vch_diag diag = {0};
        char kept = bytes[i];
        bytes[i] = kept == 'A' ? 'E' : 'A';
        if (judge(token, file, &expect, arena, &diag) == VCH_OK) fail_msg("byte %zu of %zu does not count", i, token.len);
        bytes[i] = kept;
    }
    assert_int_equal(judge(token, file, &expect, arena, NULL), VCH_OK);
    vch_arena_free(arena);
}

static void nonce_must_be_expected(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(8 << 20, false);
    const struct vch_val *file = golden_json(arena, "tests/vectors/oidc/tokens.json");
    struct vch_oidc_expect expect = expect_of(file);
    struct vch_diag diag = {0};
    expect.nonce = VCH_STR("");
    assert_int_equal(judge(vch_val_str_at(&vch_val_get(file, "cases")->items[0], "token"), file, &expect, arena, &diag), VCH_ERR_UNAUTHENTICATED);
    assert_string_equal(diag.field, "nonce");
    vch_arena_free(arena);
}

static void where_a_browser_may_go(void **state) {
    (void)state;
    static const char *const good[] = {"/", "/console", "/console#/things", "/install#c=AB&k=1", "/a?b=//c", "/a//b", "/%2f"};
    static const char *const bad[] = {"", "console", "//evil", "/\\evil", "\\/evil", "/a\\b", "https://evil", "/a b", "/a\nb", "/\x7f", "/\xC3\xA9", "/_vouch/session", "/_vouch"};
    char longest[514];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!vch_oidc_return_valid(vch_str_from(good[i]))) fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (vch_oidc_return_valid(vch_str_from(bad[i]))) fail_msg("taken: %s", bad[i]);
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    assert_true(vch_oidc_return_valid(vch_str_of(longest, 512)));
    assert_false(vch_oidc_return_valid(vch_str_of(longest, 513)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(one_changed_byte),
        cmocka_unit_test(nonce_must_be_expected),
        cmocka_unit_test(where_a_browser_may_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
