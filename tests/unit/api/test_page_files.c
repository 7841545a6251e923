/* The files of the console as they are carried, and which form of one a reader gets. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "api/page_files.h"
#include "base/digest.h"

static const struct vch_page_file *sheet(void) {
    const struct vch_page_file *file = vch_page_file_find(VCH_STR("style.css"));
    assert_non_null(file);
    return file;
}

static void every_page_is_there(void **state) {
    (void)state;
    static const char *const names[] = {"console.html", "install.html", "sign-in.html", "app.js", "install.js", "sign-in.js", "style.css", "icon.svg"};
    for (size_t i = 0; i < COUNT_OF(names); i++) assert_non_null(vch_page_file_find(vch_str_from(names[i])));
}

static void other_names_find_nothing(void **state) {
    (void)state;
    static const char *const names[] = {"", "app", "app.js ", "APP.JS", "../app.js", "./app.js", "app.js/", "console/app.js", "app.js.gz", "/etc/passwd"};
    for (size_t i = 0; i < COUNT_OF(names); i++) assert_null(vch_page_file_find(vch_str_from(names[i])));
    assert_null(vch_page_file_find(vch_str_of("app.js\0x", 8)));
}

static void files_are_what_their_rows_say(void **state) {
    (void)state;
    static const struct {
        const char *ending, *type;
    } types[] = {{".js", "text/javascript; charset=utf-8"}, {".css", "text/css; charset=utf-8"}, {".html", "text/html; charset=utf-8"}, {".svg", "image/svg+xml"}};
    size_t i = 0;
    for (const struct vch_page_file *file; (file = vch_page_file_at(i)); i++) {
        char hash[VCH_SHA256_HEX];
        const char *want = NULL;
        vch_sha256_hex(file->plain, hash);
        assert_int_equal(strlen(file->hash), 32);
        assert_memory_equal(hash, file->hash, 32);
        for (size_t k = 0; k < COUNT_OF(types); k++)
            if (vch_str_ends(vch_str_from(file->name), vch_str_from(types[k].ending))) want = types[k].type;
        assert_non_null(want);
        assert_string_equal(file->type, want);
        /* RFC 1952 2.3.1: the magic, deflate, no name and no time in it. */
        assert_true(file->gzip.len > 18);
        assert_memory_equal(file->gzip.ptr, "\x1f\x8b\x08\x00\x00\x00\x00\x00", 8);
        const unsigned char *end = (const unsigned char *)file->gzip.ptr + file->gzip.len - 4;
        assert_int_equal(end[0] | end[1] << 8 | end[2] << 16, file->plain.len);
    }
    assert_true(i > 10);
}

/* No word of a script stands in a page, and no page asks another server. */
static void pages_bring_nothing_inline_and_nothing_foreign(void **state) {
    (void)state;
    static const char *const forbidden[] = {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "style=\"", "onclick=\""};
    static char text[1 << 18];
    for (size_t i = 0; vch_page_file_at(i); i++) {
        const struct vch_page_file *file = vch_page_file_at(i);
        assert_true(vch_str_copy(text, sizeof text, file->plain));
        for (size_t k = 0; k < COUNT_OF(forbidden); k++)
            if (strstr(text, forbidden[k])) fail_msg("%s has %s", file->name, forbidden[k]);
        for (const char *at = text; (at = strstr(at, "://")); at += 3)
            if (at > text + 4 && strncmp(at - 4, "http", 4) == 0 && strncmp(at - 4, "http://www.w3.org/2000/svg", 26) != 0)
                fail_msg("%s names another server: %.60s", file->name, at - 4);
    }
}

static void the_reader_chooses_the_form(void **state) {
    (void)state;
    static const struct {
        const char *accept;
        bool gzip;
    } cases[] = {
        {"", false},          {"gzip", true},           {"GZIP", true},        {"x-gzip", true},          {"br, gzip, deflate", true},
        {"gzip;q=0", false},  {"gzip; q=0.000", false}, {"gzip;q=0.001", true}, {"*", true},              {"*;q=0", false},
        {"*, gzip;q=0", false}, {"identity", false},    {"gzipped", false},    {",,gzip", true},          {"br;q=1.0, *;q=0.5", true},
        {";", false},         {" gzip ; q=1", true},    {"gzip;Q=0", false},   {"deflate;q=0, br", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vch_page_choice choice;
        vch_page_choose(sheet(), vch_str_from(cases[i].accept), VCH_STR(""), &choice);
        if (choice.gzip != cases[i].gzip) fail_msg("Accept-Encoding: %s", cases[i].accept);
        assert_false(choice.unchanged);
        assert_int_equal(vch_str_ends(vch_str_from(choice.etag), VCH_STR("-gz\"")), cases[i].gzip);
    }
}

static void who_has_it_gets_nothing(void **state) {
    (void)state;
    struct vch_page_choice choice;
    char plain[40], zipped[40], text[256];
    vch_page_choose(sheet(), VCH_STR(""), VCH_STR(""), &choice);
    memcpy(plain, choice.etag, sizeof plain);
    vch_page_choose(sheet(), VCH_STR("gzip"), VCH_STR(""), &choice);
    memcpy(zipped, choice.etag, sizeof zipped);
    assert_string_not_equal(plain, zipped);
    const struct {
        const char *before, *behind, *accept;
        bool unchanged;
    } cases[] = {
        {"", "", "", true},          {"", "", "gzip", false},  {"W/", "", "", true},  {"\"x\", ", "", "", true},
        {"\"x\",", " ,\"y\"", "", true}, {"*,", "", "", true}, {"x", "", "", false}, {"\"\"", "", "", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        (void)snprintf(text, sizeof text, "%s%s%s", cases[i].before, plain, cases[i].behind);
        vch_page_choose(sheet(), vch_str_from(cases[i].accept), vch_str_from(text), &choice);
        if (choice.unchanged != cases[i].unchanged) fail_msg("If-None-Match: %s (%s)", text, cases[i].accept);
    }
    struct vch_str open_ended = vch_str_of(plain, strlen(plain) - 1); /* its closing quote is missing */
    vch_page_choose(sheet(), VCH_STR(""), open_ended, &choice);
    assert_false(choice.unchanged);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_is_there),
        cmocka_unit_test(other_names_find_nothing),
        cmocka_unit_test(files_are_what_their_rows_say),
        cmocka_unit_test(pages_bring_nothing_inline_and_nothing_foreign),
        cmocka_unit_test(the_reader_chooses_the_form),
        cmocka_unit_test(who_has_it_gets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
