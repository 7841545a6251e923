/* Keys and requests over OpenSSL, file modes, routes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keystore.h"
#include "agent/link.h"
#include "base/file.h"

static struct vch_report quiet;
static struct vch_outcome outcome;

static struct vch_str text_of(const struct vch_buf *buf) {
    return vch_str_of(buf->ptr, buf->len);
}

static void test_request_and_key(void **state) {
    (void)state;
    struct vch_buf key[2], request[2];
    for (int i = 0; i < 2; i++) {
        vch_buf_init_secret(&key[i], 8192);
        vch_buf_init(&request[i], 8192);
        assert_int_equal(vch_key_request(VCH_KEY_TYPE_P256, VCH_STR(""), &key[i], &request[i], NULL), VCH_OK);
    }
    assert_int_equal(vch_x509_check_request(text_of(&request[0]), text_of(&key[0])), VCH_OK);
    assert_int_equal(vch_x509_check_request(text_of(&request[0]), text_of(&key[1])), VCH_ERR_CONFLICT);
    assert_int_equal(vch_x509_check_request(VCH_STR("x"), text_of(&key[1])), VCH_ERR_MALFORMED);
    assert_int_equal(vch_x509_check_pair(text_of(&request[0]), text_of(&key[0])), VCH_ERR_MALFORMED);
    assert_true(vch_str_starts(text_of(&key[0]), VCH_STR("-----BEGIN PRIVATE KEY-----\n")));
    assert_true(vch_str_starts(text_of(&request[0]), VCH_STR("-----BEGIN CERTIFICATE REQUEST-----\n")));
    for (int i = 0; i < 2; i++) {
        vch_buf_deinit(&key[i]);
        vch_buf_deinit(&request[i]);
    }
}

static const struct {
    unsigned before, after;
    bool secret;
} modes[] = {
    {0600, 0600, true},  {0400, 0400, true},  {0644, 0600, true},  {0660, 0600, true},  {0777, 0700, true},
    {0644, 0644, false}, {0400, 0400, false}, {0664, 0644, false}, {0666, 0644, false}, {0600, 0600, false},
};

static void test_modes_are_tightened(void **state) {
    (void)state;
    char folder[] = "/tmp/vouch-modes-XXXXXX", path[64];
    struct stat st;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/file", folder);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(vch_file_write(path, VCH_STR("x"), modes[i].before, NULL), VCH_OK);
        assert_int_equal(vch_mode_check(path, modes[i].secret, &quiet, &outcome), VCH_EXIT_OK);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, modes[i].after);
    }
    assert_int_equal(chmod(folder, 0770), 0);
    assert_int_equal(vch_mode_check(path, true, &quiet, &outcome), VCH_EXIT_CREDENTIALS);
    assert_non_null(strstr(outcome.next, "chmod 700"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(vch_mode_check(path, true, &quiet, &outcome), VCH_EXIT_CREDENTIALS);
    assert_int_equal(rmdir(folder), 0);
}

static const struct {
    const char *endpoint;
    int port, edge, mqtt;
    const char *host; /* NULL: refused */
    size_t count;
    uint16_t first, second;
    bool first_alpn;
} routes[] = {
    {"h", 0, 0, 0, "h", 2, 443, 8883, true},      {"h", 7, 0, 0, "h", 1, 7, 0, true},
    {"h", 8883, 1, 2, "h", 1, 8883, 0, false},    {"h:99", 0, 0, 0, "h", 1, 99, 0, true},
    {"h:99", 98, 0, 0, "h", 1, 98, 0, true},      {"h", 0, 5, 6, "h", 2, 5, 6, true},
    {"h", 0, 0, 6, "h", 1, 6, 0, false},          {"::1", 0, 0, 0, "::1", 2, 443, 8883, true},
    {"[::1]:77", 0, 0, 0, "::1", 1, 77, 0, true}, {"[::1]", 0, 0, 0, "::1", 2, 443, 8883, true},
    {"", 0, 0, 0, NULL, 0, 0, 0, false},          {":1", 0, 0, 0, NULL, 0, 0, 0, false},
    {"h:x", 0, 0, 0, NULL, 0, 0, 0, false},       {"h:70000", 0, 0, 0, NULL, 0, 0, 0, false},
    {"[::1", 0, 0, 0, NULL, 0, 0, 0, false},      {"[::1]x", 0, 0, 0, NULL, 0, 0, 0, false},
    {"https://h", 0, 0, 0, NULL, 0, 0, 0, false}, {"h", 70000, 0, 0, NULL, 0, 0, 0, false},
};

static void test_routes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        struct vch_link link;
        enum vch_exit exit =
            vch_link_init(&link, &quiet, routes[i].endpoint, routes[i].port, routes[i].edge, routes[i].mqtt, &outcome);
        assert_int_equal(exit, routes[i].host ? VCH_EXIT_OK : VCH_EXIT_CONFIG);
        if (!routes[i].host) continue;
        assert_string_equal(link.host, routes[i].host);
        assert_int_equal(link.route_count, routes[i].count);
        assert_int_equal(link.routes[0].port, routes[i].first);
        assert_int_equal(link.routes[1].port, routes[i].second);
        assert_int_equal(link.routes[0].alpn != NULL, routes[i].first_alpn);
        vch_link_deinit(&link);
    }
}

static void test_outcomes(void **state) {
    (void)state;
    struct vch_outcome o = {.again = true};
    assert_int_equal(vch_outcome_set(&o, VCH_EXIT_REJECTED, "do\nthis", "said %s", "\"a\tb\""), VCH_EXIT_REJECTED);
    assert_string_equal(o.sentence, "said \"a b\"");
    assert_string_equal(o.next, "do this");
    assert_false(o.again);
    assert_string_equal(vch_exit_word(VCH_EXIT_EXPIRED), "expired");
    assert_string_equal(vch_exit_word((enum vch_exit)77), "unknown");
}

int main(void) {
    quiet = (struct vch_report){.out = fopen("/dev/null", "w"), .lowest = VCH_REPORT_DEBUG};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_and_key),
        cmocka_unit_test(test_modes_are_tightened),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_outcomes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)fclose(quiet.out);
    return failed;
}
