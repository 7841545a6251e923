/* Addresses for --pair, good and bad. */
#include <stdio.h>
#include <string.h>

#include "agent/pair_url.h"
#include "support/cmocka_all.h"

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define COLONS "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

static void good_addresses(void **state) {
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
        bool pinned;
    } rows[] = {
        {"https://vouch.example.org", "vouch.example.org", 443, false},
        {"https://vouch.example.org/", "vouch.example.org", 443, false},
        {"https://vouch.example.org:8443/install", "vouch.example.org", 8443, false},
        {"https://127.0.0.1:1", "127.0.0.1", 1, false},
        {"https://[::1]", "::1", 443, false},
        {"https://[fe80::1]:65535", "fe80::1", 65535, false},
        {"https://h#sha256=" DIGEST, "h", 443, true},
        {"https://h:8443/#sha256=" COLONS, "h", 8443, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vch_pair_url url;
        assert_int_equal(vch_pair_url_parse(vch_str_from(rows[i].text), &url, NULL), VCH_OK);
        assert_string_equal(url.host, rows[i].host);
        assert_int_equal(url.port, rows[i].port);
        assert_int_equal(url.pinned, rows[i].pinned);
        if (url.pinned) assert_true(url.root_sha256[1] == 0x11 && url.root_sha256[31] == 0xFF);
    }
}

static void bad_addresses(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "vouch.example.org",
        "http://vouch.example.org",
        "HTTPS://h",
        "https://",
        "https:///",
        "https://:8443",
        "https://h:",
        "https://h:0",
        "https://h:65536",
        "https://h:-1",
        "https://h: 1",
        "https://h:8443x",
        "https://h/console",
        "https://h/install/",
        "https://user@h",
        "https://h h",
        "https://h\r\nX:",
        "https://h?x=1",
        "https://[::1",
        "https://[::1]8443",
        "https://[]",
        "https://::1",
        "https://h#",
        "https://h#sha256=",
        "https://h#sha1=" DIGEST,
        "https://h#sha256=" DIGEST "0",
        "https://h#sha256=0011",
        "https://h#sha256=zz112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vch_pair_url url;
        struct vch_diag diag = {0};
        if (vch_pair_url_parse(vch_str_from(rows[i]), &url, &diag) == VCH_OK) fail_msg("\"%s\" was taken", rows[i]);
        assert_true(diag.message[0] != '\0');
    }
    char text[400];
    memset(text, 'a', sizeof text);
    memcpy(text, "https://", 8);
    struct vch_pair_url url;
    assert_int_equal(vch_pair_url_parse(vch_str_of(text, 8 + 255), &url, NULL), VCH_OK);
    assert_int_equal(vch_pair_url_parse(vch_str_of(text, 8 + 256), &url, NULL), VCH_ERR_INVALID);
}

static void its_page(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"https://h", "https://h/install"},
                                          {"https://h:443/install", "https://h/install"},
                                          {"https://h:8443/#sha256=" DIGEST, "https://h:8443/install"},
                                          {"https://[::1]:8443", "https://[::1]:8443/install"},
                                          {"https://[fe80::1]/", "https://[fe80::1]/install"}};
    struct vch_arena *arena = vch_arena_new(65536, false);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vch_pair_url url;
        assert_int_equal(vch_pair_url_parse(vch_str_from(rows[i][0]), &url, NULL), VCH_OK);
        assert_true(vch_str_eq_c(vch_pair_url_page(&url, arena), rows[i][1]));
    }
    vch_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(good_addresses), cmocka_unit_test(bad_addresses),
                                       cmocka_unit_test(its_page)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
