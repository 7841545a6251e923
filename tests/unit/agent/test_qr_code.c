/* Our QR codes against libqrencode's, module by module, under the mask that it chose. */
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/qr_code.h"
#include "support/cmocka_all.h"

/* ISO/IEC 18004 7.9: bits 10 to 12 of the format say the mask; read beside the upper left finder. */
static int mask_of(const QRcode *code) {
    int bits = 0;
    for (int x = 2; x <= 4; x++) bits = bits << 1 | (code->data[8 * code->width + x] & 1);
    return bits ^ 5;
}

static void assert_same(const char *text, size_t len) {
    QRcode *theirs = QRcode_encodeData((int)len, (const unsigned char *)text, 0, QR_ECLEVEL_L);
    static struct vch_qr ours;
    assert_non_null(theirs);
    assert_true(vch_qr_encode(vch_str_of(text, len), mask_of(theirs), &ours));
    assert_int_equal(ours.version, theirs->version);
    assert_int_equal(ours.size, theirs->width);
    for (int y = 0; y < ours.size; y++)
        for (int x = 0; x < ours.size; x++)
            if (vch_qr_dark(&ours, x, y) != (theirs->data[y * theirs->width + x] & 1))
                fail_msg("%zu bytes, version %d: module %d,%d differs", len, ours.version, x, y);
    QRcode_free(theirs);
}

static void every_length_is_the_librarys(void **state) {
    (void)state;
    char text[VCH_QR_TEXT_MAX];
    unsigned seed = 20261123;
    for (size_t len = 1; len <= sizeof text; len++) {
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = (char)(0x80 | seed >> 24); /* in mode "byte" for the library, too */
        }
        assert_same(text, len);
    }
}

static void a_pairings_address(void **state) {
    (void)state;
    char text[256];
    (void)snprintf(text, sizeof text, "https://vouch.example.org:8443/install#c=BCDF-GHJK&k=0123456789abcdef&r=%064d",
                   7);
    QRcode *theirs = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    static struct vch_qr ours;
    assert_non_null(theirs);
    assert_true(vch_qr_encode(vch_str_from(text), mask_of(theirs), &ours));
    assert_int_equal(ours.size, theirs->width);
    for (int i = 0; i < ours.size * ours.size; i++)
        assert_int_equal(vch_qr_dark(&ours, i % ours.size, i / ours.size), theirs->data[i] & 1);
    QRcode_free(theirs);
}

/* The mask that is chosen is one of the eight, the same each time, and outside all is light. */
static void the_mask_is_chosen(void **state) {
    (void)state;
    static struct vch_qr chosen, again, each;
    unsigned matches = 0;
    assert_true(vch_qr_encode(VCH_STR("https://localhost:8443/install"), -1, &chosen));
    assert_true(vch_qr_encode(VCH_STR("https://localhost:8443/install"), -1, &again));
    assert_memory_equal(chosen.cells, again.cells, sizeof chosen.cells);
    for (int mask = 0; mask < 8; mask++) {
        assert_true(vch_qr_encode(VCH_STR("https://localhost:8443/install"), mask, &each));
        matches += memcmp(each.cells, chosen.cells, sizeof each.cells) == 0;
    }
    assert_int_equal(matches, 1);
    assert_true(vch_qr_dark(&chosen, 0, 0));
    assert_false(vch_qr_dark(&chosen, -1, 0) || vch_qr_dark(&chosen, 0, -1) || vch_qr_dark(&chosen, chosen.size, 0) ||
                 vch_qr_dark(&chosen, 0, chosen.size));
}

static void too_long_is_refused(void **state) {
    (void)state;
    static struct vch_qr qr;
    static char text[VCH_QR_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    assert_true(vch_qr_encode(vch_str_of(text, sizeof text - 1), -1, &qr));
    assert_int_equal(qr.version, VCH_QR_VERSION_MAX);
    assert_false(vch_qr_encode(vch_str_of(text, sizeof text), -1, &qr));
    assert_true(vch_qr_encode(VCH_STR(""), -1, &qr));
    assert_int_equal(qr.version, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_is_the_librarys),
        cmocka_unit_test(a_pairings_address),
        cmocka_unit_test(the_mask_is_chosen),
        cmocka_unit_test(too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
