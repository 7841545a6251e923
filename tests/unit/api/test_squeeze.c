/* Answers made smaller: whoever unpacks one has what was there, and nothing is sent that gains nothing. */
#include "support/cmocka_all.h"

#include <string.h>
#include <zlib.h>

#include "api/squeeze.h"
#include "base/digest.h"

static char text[200000], back[200000];

static size_t unpacked(struct vch_str packed) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.ptr, .avail_in = (uInt)packed.len, .next_out = (Bytef *)back, .avail_out = sizeof back};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    size_t len = sizeof back - z.avail_out;
    assert_int_equal(inflateEnd(&z), Z_OK);
    return len;
}

static void what_is_packed_comes_back(void **state) {
    (void)state;
    static const size_t sizes[] = {65, 100, 1023, 1024, 4096, 65535, 65536, 199999};
    for (size_t i = 0; i < sizeof text; i++) text[i] = "{\"thingName\":\"lamp\"},"[i % 21];
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct vch_buf packed;
        struct vch_str bytes;
        vch_buf_init_secret(&packed, 1 << 20);
        assert_true(vch_gzip(vch_str_of(text, sizes[i]), &packed));
        assert_int_equal(vch_buf_finish(&packed, &bytes), VCH_OK);
        assert_true(bytes.len < sizes[i]);
        assert_int_equal(unpacked(bytes), sizes[i]);
        assert_memory_equal(back, text, sizes[i]);
        vch_buf_deinit(&packed);
    }
}

static void nothing_gained_is_nothing_sent(void **state) {
    (void)state;
    struct vch_buf packed;
    struct vch_str bytes;
    vch_random(text, sizeof text);
    vch_buf_init(&packed, 1 << 20);
    assert_false(vch_gzip(vch_str_of(text, 50000), &packed));
    assert_false(vch_gzip(vch_str_of(text, 0), &packed));
    assert_false(vch_gzip(vch_str_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 36), &packed));
    assert_int_equal(vch_buf_finish(&packed, &bytes), VCH_OK);
    assert_int_equal(bytes.len, 0);
    vch_buf_deinit(&packed);
}

static void a_short_cap_is_no_harm(void **state) {
    (void)state;
    struct vch_buf packed;
    struct vch_str bytes;
    memset(text, 'a', 50000);
    vch_buf_init(&packed, 1000); /* the room for the worst case is more */
    assert_false(vch_gzip(vch_str_of(text, 50000), &packed));
    assert_int_equal(vch_buf_finish(&packed, &bytes), VCH_OK);
    assert_int_equal(bytes.len, 0);
    vch_buf_deinit(&packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_comes_back),
        cmocka_unit_test(nothing_gained_is_nothing_sent),
        cmocka_unit_test(a_short_cap_is_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
