/* What people see of a pairing: the half blocks back into modules, the address with its fingerprints, the lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pair_show.h"
#include "agent/qr_code.h"
#include "agent/qr_terminal.h"
#include "support/cmocka_all.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ROOT "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

enum { QUIET = 4 };

/* One character of a line: bit 0 the upper half is drawn, bit 1 the lower one. */
static const char *next_half(const char *at, unsigned *ret) {
    static const char *const halves[] = {" ", "\xE2\x96\x80", "\xE2\x96\x84", "\xE2\x96\x88"};
    for (unsigned i = 0; i < COUNT_OF(halves); i++) {
        if (strncmp(at, halves[i], strlen(halves[i])) != 0) continue;
        *ret = i;
        return at + strlen(halves[i]);
    }
    fail_msg("no half block: %.8s", at);
    return NULL;
}

static const char *past(const char *at, const char *escape) {
    assert_int_equal(strncmp(at, escape, strlen(escape)), 0);
    return at + strlen(escape);
}

static void assert_drawn(const char *text, bool escapes) {
    static struct vch_qr qr;
    struct vch_buf out;
    struct vch_str drawn;
    vch_buf_init(&out, 65536);
    assert_true(vch_qr_encode(vch_str_from(text), -1, &qr));
    assert_int_equal(vch_qr_draw(vch_str_from(text), escapes, 0, &out), VCH_OK);
    assert_int_equal(vch_buf_finish(&out, &drawn), VCH_OK);
    const char *at = drawn.ptr;
    for (int y = -QUIET; y < qr.size + QUIET; y += 2) {
        if (escapes) at = past(at, "\x1b[40;37;1m");
        for (int x = -QUIET; x < qr.size + QUIET; x++) {
            unsigned half = 0;
            at = next_half(at, &half);
            assert_int_equal(half & 1, !vch_qr_dark(&qr, x, y)); /* what is light is drawn */
            if (y + 1 < qr.size + QUIET) assert_int_equal(half >> 1, !vch_qr_dark(&qr, x, y + 1));
        }
        at = past(at, escapes ? "\x1b[0m\n" : "\n");
    }
    assert_int_equal(*at, '\0');
    vch_buf_deinit(&out);
}

static void half_blocks_are_the_code(void **state) {
    (void)state;
    assert_drawn("https://localhost:8443/install#c=BCDFGHJK&k=0123456789abcdef&r=" ROOT, false);
    assert_drawn("https://localhost:8443/install#c=BCDFGHJK&k=0123456789abcdef&r=" ROOT, true);
    assert_drawn("x", true);
}

static void a_narrow_terminal_gets_none(void **state) {
    (void)state;
    struct vch_buf out;
    vch_buf_init(&out, 65536);
    assert_int_equal(vch_qr_draw(VCH_STR("x"), false, 28, &out), VCH_ERR_NOT_FOUND);
    assert_int_equal(out.len, 0);
    assert_int_equal(vch_qr_draw(VCH_STR("x"), false, 29, &out), VCH_OK);
    static char text[VCH_QR_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    assert_int_equal(vch_qr_draw(vch_str_of(text, sizeof text), false, 0, &out), VCH_ERR_TOO_LARGE);
    vch_buf_deinit(&out);
}

static const struct vch_pairing pairing = {
    .serial = {"SN-1", 4},
    .model = {"Lamp", 4},
    .codes = {.user_code = {"BCDF-GHJK", 9},
              .uri = {"https://h/install", 17},
              .uri_complete = {"https://h/install#c=BCDFGHJK", 28}},
};

static struct vch_str draw(struct vch_buf *out, const struct vch_pair_screen *screen, unsigned columns) {
    struct vch_str text;
    vch_buf_clear(out);
    vch_pair_draw(screen, VCH_STR("https://h/install#c=BCDFGHJK"), columns, false, out);
    assert_int_equal(vch_buf_finish(out, &text), VCH_OK);
    return text;
}

static void the_lines(void **state) {
    (void)state;
    static const char *const words[] = {"https://h/install\n",
                                        " BCDF-GHJK\n",
                                        " 10 minutes\n",
                                        " SN-1\n",
                                        " Lamp\n",
                                        "0123 4567 89ab cdef",
                                        "fedc ba98 7654 3210",
                                        "met the server for the first time"};
    struct vch_buf out;
    vch_buf_init(&out, 65536);
    struct vch_pair_screen screen = {
        .pairing = &pairing, .key_fingerprint = KEY, .root_fingerprint = ROOT, .left_s = 599};
    struct vch_str text = draw(&out, &screen, 0);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (!strstr(text.ptr, words[i])) fail_msg("\"%s\" is missing:\n%s", words[i], text.ptr);
    assert_null(strstr(text.ptr, "\xE2\x96")); /* no square where no terminal is */
    assert_null(strchr(text.ptr, '\x1b'));
    assert_non_null(strstr(draw(&out, &screen, 80).ptr, "\xE2\x96\x88"));
    assert_non_null(strstr(draw(&out, &screen, 20).ptr, "too narrow"));
    screen.qr = VCH_PAIR_QR_NEVER;
    assert_null(strstr(draw(&out, &screen, 80).ptr, "\xE2\x96"));
    screen.qr = VCH_PAIR_QR_ALWAYS;
    assert_non_null(strstr(draw(&out, &screen, 0).ptr, "\xE2\x96\x88"));
    struct vch_pairing given = pairing;
    given.root_given = true;
    screen.pairing = &given;
    assert_null(strstr(draw(&out, &screen, 0).ptr, "first time"));
    vch_buf_deinit(&out);
}

static void the_address(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(65536, false);
    const struct vch_pair_screen screen = {.pairing = &pairing, .key_fingerprint = KEY, .root_fingerprint = ROOT};
    assert_true(vch_str_eq_c(vch_pair_uri(&screen, arena), "https://h/install#c=BCDFGHJK&k=0123456789abcdef&r=" ROOT));
    vch_arena_free(arena);
    enum vch_pair_qr qr;
    assert_true(vch_pair_qr_parse(VCH_STR("always"), &qr) && qr == VCH_PAIR_QR_ALWAYS);
    assert_true(vch_pair_qr_parse(VCH_STR("auto"), &qr) && qr == VCH_PAIR_QR_AUTO);
    assert_false(vch_pair_qr_parse(VCH_STR(""), &qr) || vch_pair_qr_parse(VCH_STR("Always"), &qr));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_blocks_are_the_code),
        cmocka_unit_test(a_narrow_terminal_gets_none),
        cmocka_unit_test(the_lines),
        cmocka_unit_test(the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
