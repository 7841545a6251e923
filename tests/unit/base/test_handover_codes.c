#include "base/base45.h"
#include "base/blocks.h"
#include "base/crc32c.h"
#include "support/cmocka_all.h"

#include <string.h>

static void assert_text(const struct vch_buf *buf, const char *text) {
    assert_int_equal(buf->len, strlen(text));
    if (buf->len) assert_memory_equal(buf->ptr, text, buf->len);
}

/* RFC 9285 4.3 and 4.4, and both ends. */
static void base45_both_ways(void **state) {
    (void)state;
    static const struct {
        struct vch_str bytes;
        const char *text;
    } rows[] = {{VCH_STR(""), ""},           {VCH_STR("AB"), "BB8"},      {VCH_STR("Hello!!"), "%69 VD92EX0"}, {VCH_STR("base-45"), "UJCLQE7W581"},
                {VCH_STR("ietf!"), "QED8WEX0"}, {VCH_STR("\x00"), "00"}, {VCH_STR("\xFF"), "U5"},             {VCH_STR("\xFF\xFF"), "FGW"},
                {VCH_STR("\x00\x00\x01"), "00010"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vch_buf text, bytes;
        vch_buf_init(&text, 64);
        vch_buf_init(&bytes, 64);
        vch_base45(rows[i].bytes, &text);
        assert_text(&text, rows[i].text);
        assert_int_equal(vch_unbase45(vch_str_from(rows[i].text), &bytes), VCH_OK);
        assert_int_equal(bytes.len, rows[i].bytes.len);
        if (bytes.len) assert_memory_equal(bytes.ptr, rows[i].bytes.ptr, bytes.len);
        vch_buf_deinit(&text);
        vch_buf_deinit(&bytes);
    }
}

static void base45_is_strict(void **state) {
    (void)state;
    /* One character alone; past 0xFFFF and past 0xFF; small letters; no digits. RFC 9285 6 has "::: " and "GGW". */
    static const char *const rows[] = {"A", "BB8A", "GGW", ":::", "V5", "BB8::", "bb8", "BB\n", "B_8", "AB\xC3", "!!!"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vch_buf bytes;
        vch_buf_init(&bytes, 64);
        assert_int_equal(vch_unbase45(vch_str_from(rows[i]), &bytes), VCH_ERR_MALFORMED);
        vch_buf_deinit(&bytes);
    }
    struct vch_buf bytes;
    vch_buf_init(&bytes, 64);
    assert_int_equal(vch_unbase45(VCH_STR("BB\0"), &bytes), VCH_ERR_MALFORMED);
    vch_buf_deinit(&bytes);
}

static void every_byte_comes_back(void **state) {
    (void)state;
    unsigned char all[256];
    struct vch_buf text, bytes;
    for (size_t i = 0; i < sizeof all; i++) all[i] = (unsigned char)(i * 7 + 3);
    vch_buf_init(&text, 1024);
    vch_buf_init(&bytes, 1024);
    vch_base45(vch_str_of(all, sizeof all), &text);
    assert_int_equal(text.len, sizeof all / 2 * 3);
    assert_int_equal(vch_unbase45(vch_str_of(text.ptr, text.len), &bytes), VCH_OK);
    assert_int_equal(bytes.len, sizeof all);
    assert_memory_equal(bytes.ptr, all, sizeof all);
    vch_buf_deinit(&text);
    vch_buf_deinit(&bytes);
}

/* RFC 3720 B.4, and the check value of the catalogues. */
static void crc32c_of_the_standard(void **state) {
    (void)state;
    unsigned char bytes[32];
    assert_int_equal(vch_crc32c(VCH_STR("")), 0);
    assert_int_equal(vch_crc32c(VCH_STR("123456789")), 0xE3069283u);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(vch_crc32c(vch_str_of(bytes, sizeof bytes)), 0x8A9136AAu);
    memset(bytes, 0xFF, sizeof bytes);
    assert_int_equal(vch_crc32c(vch_str_of(bytes, sizeof bytes)), 0x62A8AB43u);
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)i;
    assert_int_equal(vch_crc32c(vch_str_of(bytes, sizeof bytes)), 0x46DD794Eu);
}

static bool letter_of(const void *arg, size_t row, size_t column) {
    const char *const *rows = arg;
    return rows[row][column] == '1';
}

static void assert_drawn(const struct vch_blocks *blocks, const char *picture) {
    struct vch_buf buf;
    vch_buf_init(&buf, 4096);
    vch_blocks_draw(blocks, &buf);
    assert_text(&buf, picture);
    vch_buf_deinit(&buf);
}

static void squares_are_half_blocks(void **state) {
    (void)state;
    static const char *const two[] = {"10", "01"}, *const three[] = {"111", "101", "111"};
    assert_drawn(&(struct vch_blocks){.size = 2, .dark = letter_of, .arg = two}, "▄▀\n");
    assert_drawn(&(struct vch_blocks){.size = 2, .quiet = 1, .dark = letter_of, .arg = two}, "█▀██\n██▄█\n");
    /* Of an odd height the last line is half empty. */
    assert_drawn(&(struct vch_blocks){.size = 3, .dark = letter_of, .arg = three}, " ▄ \n   \n");
    assert_drawn(&(struct vch_blocks){.size = 3, .quiet = 1, .dark = letter_of, .arg = three}, "█▀▀▀█\n█ ▀ █\n▀▀▀▀▀\n");
    assert_drawn(&(struct vch_blocks){.size = 2, .colours = true, .dark = letter_of, .arg = two},
                 "\033[38;5;231;48;5;16m▄▀\033[0m\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base45_both_ways),       cmocka_unit_test(base45_is_strict),        cmocka_unit_test(every_byte_comes_back),
        cmocka_unit_test(crc32c_of_the_standard), cmocka_unit_test(squares_are_half_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
