#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/proxy.h"

static struct vch_arena *arena;

static int make_arena(void **state) {
    (void)state;
    arena = vch_arena_new(1 << 20, true);
    return arena ? 0 : -1;
}

static int free_arena(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

static void assert_proxy(const struct vch_proxy *proxy, const char *host, int port, const char *user,
                         const char *password) {
    assert_true(vch_str_eq_c(proxy->host, host));
    assert_int_equal(proxy->port, port);
    assert_true(vch_str_eq_c(proxy->user, user));
    assert_true(vch_str_eq_c(proxy->password, password));
}

static void urls(void **state) {
    (void)state;
    static const struct {
        const char *url, *host;
        int port;
        const char *user, *password;
    } good[] = {
        {"http://gate:8080", "gate", 8080, "", ""},
        {"gate:8080", "gate", 8080, "", ""},
        {"HTTP://gate.example.org/", "gate.example.org", 3128, "", ""},
        {"http://10.0.0.1:1", "10.0.0.1", 1, "", ""},
        {"http://[fd00::1]:8080/", "fd00::1", 8080, "", ""},
        {"[fd00::1]", "fd00::1", 3128, "", ""},
        {"http://lamp:s%40cret@gate:80", "gate", 80, "lamp", "s@cret"},
        {"http://lamp:a@b:c@gate:80", "gate", 80, "lamp", "a@b:c"},
        {"http://lamp@gate", "gate", 3128, "lamp", ""},
        {"  gate:65535  ", "gate", 65535, "", ""},
    };
    static const char *const bad[] = {"",       "http://",       "https://gate:1", "socks5://gate:1", "gate:0",
                                      "gate:x", "gate:65536",    "[fd00::1",       "[fd00::1]x",      "gate/path",
                                      "a:b:c",  "http://u%zz@g", "http://u:p%0@g", "http://@",        "gate:"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct vch_proxy proxy;
        struct vch_outcome outcome = {0};
        assert_int_equal(vch_proxy_parse(vch_str_from(good[i].url), "V", arena, &proxy, &outcome), VCH_EXIT_OK);
        assert_proxy(&proxy, good[i].host, good[i].port, good[i].user, good[i].password);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct vch_proxy proxy;
        struct vch_outcome outcome = {0};
        if (vch_proxy_parse(vch_str_from(bad[i]), "HTTPS_PROXY", arena, &proxy, &outcome) != VCH_EXIT_CONFIG)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_int_equal(proxy.host.len, 0);
        assert_non_null(strstr(outcome.sentence, "HTTPS_PROXY"));
    }
}

static enum vch_exit read_file(const char *json, struct vch_proxy *ret, struct vch_outcome *outcome) {
    struct vch_val *document;
    assert_int_equal(vch_json_decode(vch_str_from(json), NULL, arena, &document, NULL), VCH_OK);
    return vch_proxy_read(document, ret, outcome);
}

#define ON "{\"http-proxy-enabled\": true, "

static void files(void **state) {
    (void)state;
    struct vch_proxy proxy;
    struct vch_outcome outcome = {0};
    assert_int_equal(read_file(ON "\"http-proxy-host\": \"10.1.2.3\", \"http-proxy-port\": \"8888\", "
                                  "\"http-proxy-auth-method\": \"UserNameAndPassword\", "
                                  "\"http-proxy-username\": \"u\", \"http-proxy-password\": \"p\"}",
                               &proxy, &outcome),
                     VCH_EXIT_OK);
    assert_proxy(&proxy, "10.1.2.3", 8888, "u", "p");
    assert_int_equal(read_file(ON "\"http-proxy-host\": \"gate\", \"http-proxy-port\": 80, "
                                  "\"http-proxy-auth-method\": \"None\", \"http-proxy-username\": \"u\"}",
                               &proxy, &outcome),
                     VCH_EXIT_OK);
    assert_proxy(&proxy, "gate", 80, "", "");
    assert_int_equal(read_file("{\"http-proxy-enabled\": false, \"http-proxy-port\": \"x\"}", &proxy, &outcome),
                     VCH_EXIT_OK);
    assert_int_equal(proxy.host.len, 0);
    static const char *const bad[] = {
        ON "\"http-proxy-port\": \"1\"}",
        ON "\"http-proxy-host\": \"gate\"}",
        ON "\"http-proxy-host\": \"gate\", \"http-proxy-port\": \"0\"}",
        ON "\"http-proxy-host\": \"gate\", \"http-proxy-port\": \"1\", \"http-proxy-auth-method\": \"Digest\"}",
        ON "\"http-proxy-host\": \"gate\", \"http-proxy-port\": \"1\", \"http-proxy-auth-method\": "
           "\"UserNameAndPassword\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(read_file(bad[i], &proxy, &outcome), VCH_EXIT_CONFIG);
        assert_int_equal(proxy.host.len, 0);
    }
}

static void first_variable_wins(void **state) {
    (void)state;
    static const char *const names[] = {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"};
    struct vch_proxy proxy;
    struct vch_outcome outcome = {0};
    for (size_t i = 0; i < 4; i++) (void)unsetenv(names[i]);
    assert_int_equal(vch_proxy_from_environment(arena, &proxy, &outcome), VCH_EXIT_OK);
    assert_int_equal(proxy.host.len, 0);
    for (size_t i = 4; i-- > 0;) {
        char url[40];
        (void)snprintf(url, sizeof url, "http://gate%zu:1", i);
        (void)setenv(names[i], url, 1);
        assert_int_equal(vch_proxy_from_environment(arena, &proxy, &outcome), VCH_EXIT_OK);
        assert_true(vch_str_eq(proxy.host, vch_str_sub(vch_str_from(url), 7, 5)));
    }
    (void)setenv("HTTPS_PROXY", "", 1); /* empty: as if it were not set */
    assert_int_equal(vch_proxy_from_environment(arena, &proxy, &outcome), VCH_EXIT_OK);
    assert_true(vch_str_eq_c(proxy.host, "gate1"));
    for (size_t i = 0; i < 4; i++) (void)unsetenv(names[i]);
}

static void exceptions(void **state) {
    (void)state;
    static const struct {
        const char *list, *host;
        bool bypassed;
    } cases[] = {
        {"", "iot.example.org", false},
        {"*", "iot.example.org", true},
        {"example.org", "iot.example.org", true},
        {".example.org", "iot.example.org", true},
        {"*.example.org", "iot.example.org", true},
        {"EXAMPLE.org", "iot.example.ORG", true},
        {"example.org", "example.org", true},
        {"example.org", "badexample.org", false},
        {"example.org", "example.org.evil", false},
        {"other, example.org", "iot.example.org", true},
        {"other example.org", "iot.example.org.", true},
        {"other,,example.com", "iot.example.org", false},
        {"127.0.0.1,localhost", "127.0.0.1", true},
        {"[::1]", "::1", true},
        {".", "iot.example.org", false},
        {"org.", "iot.example.org", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (vch_proxy_is_bypassed(vch_str_from(cases[i].list), vch_str_from(cases[i].host)) != cases[i].bypassed)
            fail_msg("\"%s\" and \"%s\"", cases[i].list, cases[i].host);
    (void)unsetenv("NO_PROXY");
    (void)setenv("no_proxy", "localhost", 1);
    assert_true(vch_proxy_is_unwanted(VCH_STR("localhost")));
    (void)setenv("NO_PROXY", "elsewhere", 1);
    assert_false(vch_proxy_is_unwanted(VCH_STR("localhost")));
    (void)unsetenv("NO_PROXY");
    (void)unsetenv("no_proxy");
    assert_false(vch_proxy_is_unwanted(VCH_STR("localhost")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test(files),
        cmocka_unit_test(first_variable_wins),
        cmocka_unit_test(exceptions),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
