/* The cookie header, as browsers and others write it. */
#include "api/browser_priv.h"
#include "support/cmocka_all.h"

#include <string.h>

enum { HEADERS_MAX = 3 };

static struct vch_str get(const char *const *cookies, const char *name) {
    struct vch_http_header headers[HEADERS_MAX + 1] = {{VCH_STR("x-cookie"), VCH_STR("a=no")}};
    size_t count = 1;
    for (; count <= HEADERS_MAX && cookies[count - 1]; count++)
        headers[count] = (struct vch_http_header){count % 2 ? VCH_STR("Cookie") : VCH_STR("cookie"), vch_str_from(cookies[count - 1])};
    const struct vch_http_request request = {.headers = headers, .header_count = count};
    return vch_cookie_get(&request, name);
}

static void table(void **state) {
    (void)state;
    static const struct {
        const char *cookies[HEADERS_MAX + 1];
        const char *want; /* NULL: none, or not one */
    } cases[] = {
        {{NULL}, NULL},
        {{"a=1"}, "1"},
        {{"a="}, ""},
        {{"a=1; b=2"}, "1"},
        {{"b=2; a=1"}, "1"},
        {{"b=2;a=1"}, "1"},
        {{"  a  =  1  "}, "1"},
        {{"b=2", "a=1"}, "1"},
        {{"a=x=y"}, "x=y"},
        {{"a=\"q\""}, "\"q\""},
        {{";;a=1;;"}, "1"},
        {{"b; a=1; c"}, "1"},
        /* Absent. */
        {{""}, NULL},
        {{"a"}, NULL},
        {{"A=1"}, NULL},
        {{"aa=1"}, NULL},
        {{"=1"}, NULL},
        {{"b=a=1"}, NULL},
        {{"ab=1; ba=2"}, NULL},
        {{";"}, NULL},
        {{"====="}, NULL},
        /* Twice. */
        {{"a=1; a=1"}, NULL},
        {{"a=1; a=2"}, NULL},
        {{"a=1", "a=1"}, NULL},
        {{"a=; a=1"}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_str got = get(cases[i].cookies, "a");
        bool good = cases[i].want ? vch_str_eq_c(got, cases[i].want) : !got.ptr;
        if (!good) fail_msg("case %zu: %.*s", i, VCH_STR_ARG(got));
    }
}

/* Any bytes: nothing but what stands between '=' and ';' is ever given. */
static void any_bytes(void **state) {
    (void)state;
    char text[256];
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)(round % 200);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1103515245u + 12345u;
            text[i] = "a=; bx\t\"\xff"[seed >> 16 & 7];
        }
        const struct vch_http_header header = {VCH_STR("cookie"), vch_str_of(text, len)};
        const struct vch_http_request request = {.headers = &header, .header_count = 1};
        struct vch_str got = vch_cookie_get(&request, "a");
        if (!got.ptr) continue;
        assert_true(got.ptr >= text && got.ptr + got.len <= text + len);
        assert_int_equal(vch_str_find(got, ';', 0), SIZE_MAX);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(any_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
