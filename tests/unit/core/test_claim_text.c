#include "base/codec.h"
#include "core/claim_text.h"
#include "support/cmocka_all.h"
#include "support/golden.h"

#include <string.h>

static struct vch_arena *arena;
static const struct vch_val *vectors;

static int load(void **state) {
    (void)state;
    arena = vch_arena_new(8 << 20, true);
    if (arena) vectors = golden_json(arena, "tests/vectors/claim-qr/vectors.json");
    return arena ? 0 : -1;
}

static int unload(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

static struct vch_str unhexed(const struct vch_val *vector, const char *member) {
    struct vch_str hex = vch_val_str_at(vector, member);
    char *bytes = vch_arena_alloc(arena, hex.len / 2 + 1);
    assert_non_null(bytes);
    assert_int_equal(vch_unhex(hex, bytes, hex.len / 2), VCH_OK);
    return vch_str_of(bytes, hex.len / 2);
}

static void assert_same(struct vch_str a, struct vch_str b) {
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.ptr, b.ptr, a.len);
}

static void assert_parts(const struct vch_val *v, const struct vch_claim_text *claim) {
    assert_same(unhexed(v, "privateKey"), vch_str_of(claim->key, sizeof claim->key));
    assert_same(unhexed(v, "rootSha256"), vch_str_of(claim->root, sizeof claim->root));
    assert_int_equal(claim->not_before_s, vch_val_int_at(v, "notBefore", -1));
    assert_int_equal(claim->not_after_s, vch_val_int_at(v, "notAfter", -1));
    assert_int_equal(claim->mqtt_port, vch_val_int_at(v, "mqttPort", -1));
    assert_int_equal(claim->edge_port, vch_val_int_at(v, "edgePort", -1));
    assert_same(vch_val_str_at(v, "endpoint"), claim->endpoint);
    assert_same(vch_val_str_at(v, "templateName"), claim->template_name);
}

static const struct vch_val *list(const char *name, size_t *ret_count) {
    const struct vch_val *val = vch_val_get(vectors, name);
    assert_true(vch_val_is(val, VCH_VAL_LIST));
    *ret_count = val->count;
    return val->items;
}

static void good_ones_are_read(void **state) {
    (void)state;
    size_t count;
    const struct vch_val *good = list("good", &count);
    assert_in_range(count, 8, 100);
    for (size_t i = 0; i < count; i++) {
        struct vch_claim_text claim;
        struct vch_diag diag = {0};
        struct vch_buf der;
        struct vch_str point = unhexed(&good[i], "publicKey");
        vch_buf_init(&der, 4096);
        if (vch_claim_text_decode(vch_val_str_at(&good[i], "text"), arena, &claim, &diag) != VCH_OK)
            fail_msg("%s: %s", vch_val_str_at(&good[i], "name").ptr, diag.message);
        assert_parts(&good[i], &claim);
        assert_int_equal(point.len, VCH_CLAIM_POINT);
        assert_int_equal(vch_claim_text_certificate(&claim, (const uint8_t *)point.ptr, &der), VCH_OK);
        assert_same(unhexed(&good[i], "certificate"), vch_str_of(der.ptr, der.len));
        vch_buf_deinit(&der);
    }
}

/* From what a server has, a certificate and a key: the very text of the vector. */
static void good_ones_are_written(void **state) {
    (void)state;
    size_t count;
    const struct vch_val *good = list("good", &count);
    for (size_t i = 0; i < count; i++) {
        struct vch_claim_text claim = {.endpoint = vch_val_str_at(&good[i], "endpoint"),
                                       .template_name = vch_val_str_at(&good[i], "templateName"),
                                       .mqtt_port = (uint16_t)vch_val_int_at(&good[i], "mqttPort", 0),
                                       .edge_port = (uint16_t)vch_val_int_at(&good[i], "edgePort", 0)};
        struct vch_buf text;
        vch_buf_init(&text, 4096);
        memcpy(claim.key, unhexed(&good[i], "privateKey").ptr, sizeof claim.key);
        memcpy(claim.root, unhexed(&good[i], "rootSha256").ptr, sizeof claim.root);
        assert_int_equal(vch_claim_text_describe(unhexed(&good[i], "certificate"), &claim), VCH_OK);
        assert_int_equal(vch_claim_text_encode(&claim, &text), VCH_OK);
        /* This writer writes no field that may be left out. */
        if (!strstr(vch_val_str_at(&good[i], "name").ptr, "left out"))
            assert_same(vch_val_str_at(&good[i], "text"), vch_str_of(text.ptr, text.len));
        vch_buf_deinit(&text);
    }
}

static void bad_ones_are_refused(void **state) {
    (void)state;
    size_t count;
    const struct vch_val *bad = list("bad", &count);
    assert_in_range(count, 30, 100);
    for (size_t i = 0; i < count; i++) {
        struct vch_claim_text claim;
        struct vch_diag diag = {0};
        struct vch_str words = vch_val_str_at(&bad[i], "words");
        enum vch_err err = vch_claim_text_decode(vch_val_str_at(&bad[i], "text"), arena, &claim, &diag);
        if (err != VCH_ERR_MALFORMED && err != VCH_ERR_TOO_LARGE) fail_msg("%s: %s", vch_val_str_at(&bad[i], "name").ptr, vch_err_word(err));
        if (words.len == 0 || !strstr(diag.message, words.ptr))
            fail_msg("%s: \"%s\" lacks \"%s\"", vch_val_str_at(&bad[i], "name").ptr, diag.message, words.ptr);
        assert_string_equal(diag.reason, "claim-text");
    }
}

static struct vch_str usual(void) {
    size_t count;
    return vch_val_str_at(&list("good", &count)[0], "text");
}

static void every_truncation_is_refused(void **state) {
    (void)state;
    struct vch_claim_text claim;
    struct vch_str text = usual();
    for (size_t len = 0; len < text.len; len++)
        assert_int_not_equal(vch_claim_text_decode(vch_str_sub(text, 0, len), arena, &claim, NULL), VCH_OK);
    assert_int_equal(vch_claim_text_decode(text, arena, &claim, NULL), VCH_OK);
}

/* CRC-32C finds every change of up to 32 bits in a row, so of one character. */
static void every_wrong_character_is_refused(void **state) {
    (void)state;
    char text[1024];
    struct vch_str good = usual();
    assert_true(good.len < sizeof text);
    memcpy(text, good.ptr, good.len);
    for (size_t i = 0; i < good.len; i++) {
        struct vch_arena *own = vch_arena_new(8192, true);
        struct vch_claim_text claim;
        assert_non_null(own);
        text[i] = text[i] == '0' ? '1' : '0';
        assert_int_not_equal(vch_claim_text_decode(vch_str_of(text, good.len), own, &claim, NULL), VCH_OK);
        text[i] = good.ptr[i];
        vch_arena_free(own);
    }
}

static void line_ends_are_fine(void **state) {
    (void)state;
    struct vch_claim_text claim;
    struct vch_str text = usual();
    static const char *const ends[] = {"\n", "\r\n", "\n\n"}, *const junk[] = {" ", "\t", "\n ", "\nVCH1:"};
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        assert_int_equal(vch_claim_text_decode(vch_arena_printf(arena, "%s%s", text.ptr, ends[i]), arena, &claim, NULL), VCH_OK);
    for (size_t i = 0; i < COUNT_OF(junk); i++)
        assert_int_not_equal(vch_claim_text_decode(vch_arena_printf(arena, "%s%s", text.ptr, junk[i]), arena, &claim, NULL), VCH_OK);
}

/* What differs from the profile in one place cannot be left out, so there is no text of it. */
static void other_certificates_are_not_described(void **state) {
    (void)state;
    size_t count;
    const struct vch_val *good = list("good", &count);
    struct vch_str der = unhexed(&good[0], "certificate");
    /* Heads, version, algorithms, forms of names, key type, extensions: not what is carried along. */
    static const size_t places[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 14, 35, 40, 46};
    struct vch_claim_text claim;
    assert_int_equal(vch_claim_text_describe(der, &claim), VCH_OK);
    char *copy = vch_arena_alloc(arena, der.len);
    assert_non_null(copy);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        memcpy(copy, der.ptr, der.len);
        copy[places[i]] ^= 1;
        assert_int_equal(vch_claim_text_describe(vch_str_of(copy, der.len), &claim), VCH_ERR_INVALID);
    }
    for (size_t len = 0; len < der.len; len++)
        assert_int_equal(vch_claim_text_describe(vch_str_sub(der, 0, len), &claim), VCH_ERR_INVALID);
    char longer[2048] = {0};
    memcpy(longer, der.ptr, der.len);
    assert_int_equal(vch_claim_text_describe(vch_str_of(longer, der.len + 1), &claim), VCH_ERR_INVALID);
}

static void parts_that_cannot_be_are_not_written(void **state) {
    (void)state;
    struct vch_claim_text good, bad;
    struct vch_buf text;
    uint8_t point[VCH_CLAIM_POINT] = {4};
    vch_buf_init(&text, 4096);
    assert_int_equal(vch_claim_text_decode(usual(), arena, &good, NULL), VCH_OK);
    assert_int_equal(vch_claim_text_encode(&good, &text), VCH_OK);
    bad = good;
    bad.endpoint = VCH_STR("a b");
    assert_int_equal(vch_claim_text_encode(&bad, &text), VCH_ERR_INVALID);
    bad = good;
    bad.template_name = VCH_STR("");
    assert_int_equal(vch_claim_text_encode(&bad, &text), VCH_ERR_INVALID);
    bad = good;
    bad.issuer = VCH_STR("\x30\x01");
    assert_int_equal(vch_claim_text_encode(&bad, &text), VCH_ERR_INVALID);
    assert_int_equal(vch_claim_text_certificate(&good, point, &text), VCH_OK);
    bad = good;
    bad.not_after_s = 2524608000u; /* 2050: written in another form */
    assert_int_equal(vch_claim_text_certificate(&bad, point, &text), VCH_ERR_INVALID);
    vch_buf_deinit(&text);
}

static void it_is_told_from_json(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is;
    } rows[] = {{"VCH1:", true}, {"vch1:", true}, {"VCH9:ABC", true}, {"", false}, {"VCH1", false}, {"{\"a\":1}", false}, {"VCHX:", false}, {" VCH1:", false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) assert_int_equal(vch_claim_text_is(vch_str_from(rows[i].text)), rows[i].is);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_read),
        cmocka_unit_test(good_ones_are_written),
        cmocka_unit_test(bad_ones_are_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_wrong_character_is_refused),
        cmocka_unit_test(line_ends_are_fine),
        cmocka_unit_test(other_certificates_are_not_described),
        cmocka_unit_test(parts_that_cannot_be_are_not_written),
        cmocka_unit_test(it_is_told_from_json),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
