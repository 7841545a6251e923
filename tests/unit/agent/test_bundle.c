/* Claim bundles, and certificate and key files in every state of repair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/bundle.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/file.h"
#include "material.h"
#include "support/golden.h"

struct fixture {
    char dir[64], cert_path[96], key_path[96];
    struct vch_arena *arena;
    struct vch_options options;
    struct vch_credentials credentials;
    struct vch_bundle bundle;
    struct vch_outcome outcome;
    struct vch_report report;
    char *said; /* what the report has */
    size_t said_len;
};

static struct fixture f;
static struct material own, other;

static int setup(void **state) {
    (void)state;
    memset(&f, 0, sizeof f);
    strcpy(f.dir, "/tmp/vouch-bundle-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    (void)snprintf(f.cert_path, sizeof f.cert_path, "%s/cert", f.dir);
    (void)snprintf(f.key_path, sizeof f.key_path, "%s/key", f.dir);
    f.arena = vch_arena_new(1 << 20, true);
    f.report = (struct vch_report){.out = open_memstream(&f.said, &f.said_len)};
    vch_options_init(&f.options, f.arena);
    vch_credentials_init(&f.credentials);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    char command[96];
    vch_credentials_deinit(&f.credentials);
    vch_arena_free(f.arena);
    (void)fclose(f.report.out);
    free(f.said);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f.dir);
    return system(command);
}

static void put(const char *path, const char *text, unsigned mode) {
    assert_int_equal(vch_file_write(path, vch_str_from(text), mode, NULL), VCH_OK);
}

static unsigned mode_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

/* A JSON object of the given members, strings encoded. */
static void put_bundle(const char *const (*members)[2], size_t count, const char *tail) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 65536);
    vch_buf_c(&buf, "{");
    for (size_t i = 0; i < count; i++) {
        vch_buf_printf(&buf, "%s\"%s\":", i ? "," : "", members[i][0]);
        vch_json_encode_str(vch_str_from(members[i][1]), &buf);
    }
    vch_buf_c(&buf, tail);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    put(f.key_path, text.ptr, 0600);
    vch_buf_deinit(&buf);
}

static enum vch_exit load_bundle(void) {
    return vch_bundle_load(f.key_path, &f.options, &f.credentials, &f.bundle, &f.report, &f.outcome);
}

static void test_whole_bundle(void **state) {
    (void)state;
    const char *const members[][2] = {
        {"templateName", "T"},   {"certificateId", "x"},        {"certificatePem", own.certificate},
        {"privateKey", own.key}, {"rootCa", other.certificate}, {"endpoint", "host"}};
    put_bundle(members, 6,
               ",\"mqttPort\":8884,\"edgePort\":444,\"expiration\":1.5,\"issuedAt\":1,\"parameters\":{\"a\":\"b\"}}");
    assert_int_equal(load_bundle(), VCH_EXIT_OK);
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_ENDPOINT), "host");
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_TEMPLATE), "T");
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_PARAMETERS), "{\"a\":\"b\"}");
    assert_true(vch_options_on(&f.options, VCH_OPT_FLEET));
    assert_int_equal(f.bundle.mqtt_port, 8884);
    assert_int_equal(f.bundle.edge_port, 444);
    assert_true(f.bundle.has_root);
    assert_true(vch_str_eq_c(vch_str_of(f.credentials.root.ptr, f.credentials.root.len), other.certificate));
    assert_true(f.credentials.validity.not_after_ms > vch_now_ms());
}

static void test_flags_are_stronger_than_the_bundle(void **state) {
    (void)state;
    const char *const members[][2] = {
        {"templateName", "T"}, {"certificatePem", own.certificate}, {"privateKey", own.key}, {"endpoint", "host"}};
    vch_options_set(&f.options, VCH_OPT_ENDPOINT, VCH_STR("cli"), VCH_SOURCE_CLI);
    vch_options_set(&f.options, VCH_OPT_TEMPLATE, VCH_STR("file"), VCH_SOURCE_FILE);
    put_bundle(members, 4, ",\"mqttPort\":0,\"edgePort\":70000}");
    assert_int_equal(load_bundle(), VCH_EXIT_OK);
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_ENDPOINT), "cli");
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_TEMPLATE), "T");
    assert_int_equal(f.bundle.mqtt_port, 0);
    assert_int_equal(f.bundle.edge_port, 0);
    assert_false(f.bundle.has_root);
}

/* ---- the text of a QR code ---------------------------------------------- */

static const struct vch_val *vector(size_t i) {
    const struct vch_val *good = vch_val_get(golden_json(f.arena, "tests/vectors/claim-qr/vectors.json"), "good");
    assert_true(vch_val_is(good, VCH_VAL_LIST) && i < good->count);
    return &good->items[i];
}

static struct vch_str pem_body(const struct vch_buf *pem, struct vch_buf *der) {
    struct vch_str text = vch_str_of(pem->ptr, pem->len);
    size_t begin = vch_str_find(text, '\n', 0) + 1;
    for (size_t end; (end = vch_str_find(text, '\n', begin)) != SIZE_MAX && text.ptr[begin] != '-'; begin = end + 1)
        assert_int_equal(vch_unbase64(vch_str_sub(text, begin, end - begin), der), VCH_OK);
    return vch_str_of(der->ptr, der->len);
}

static void assert_certificate(const struct vch_val *v) {
    struct vch_buf der;
    char hex[4096];
    vch_buf_init(&der, 2048);
    struct vch_str body = pem_body(&f.credentials.certificate, &der);
    assert_true(2 * body.len < sizeof hex);
    vch_hex(body.ptr, body.len, hex);
    assert_true(vch_str_eq_c(vch_val_str_at(v, "certificate"), hex));
    vch_buf_deinit(&der);
}

static void test_a_code_says_all_of_a_bundle(void **state) {
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        const struct vch_val *v = vector(i);
        char hex[65];
        vch_options_init(&f.options, f.arena);
        put(f.key_path, vch_arena_printf(f.arena, "%s\n", vch_val_str_at(v, "text").ptr).ptr, 0600);
        assert_int_equal(load_bundle(), VCH_EXIT_OK);
        assert_string_equal(vch_options_text(&f.options, VCH_OPT_ENDPOINT), vch_val_str_at(v, "endpoint").ptr);
        assert_string_equal(vch_options_text(&f.options, VCH_OPT_TEMPLATE), vch_val_str_at(v, "templateName").ptr);
        assert_true(vch_options_on(&f.options, VCH_OPT_FLEET));
        assert_int_equal(f.bundle.mqtt_port, vch_val_int_at(v, "mqttPort", -1));
        assert_int_equal(f.bundle.edge_port, vch_val_int_at(v, "edgePort", -1));
        assert_true(f.bundle.is_pinned && !f.bundle.has_root);
        assert_int_equal(f.credentials.root.len, 0);
        vch_hex(f.bundle.root_sha256, 32, hex);
        assert_true(vch_str_eq_c(vch_val_str_at(v, "rootSha256"), hex));
        assert_int_equal(f.credentials.validity.not_before_ms, 1000 * vch_val_int_at(v, "notBefore", -1));
        assert_int_equal(f.credentials.validity.not_after_ms, 1000 * vch_val_int_at(v, "notAfter", -1));
        assert_certificate(v);
    }
}

static void test_spoiled_codes(void **state) {
    (void)state;
    const struct vch_val *bad = vch_val_get(golden_json(f.arena, "tests/vectors/claim-qr/vectors.json"), "bad");
    for (size_t i = 0; i < bad->count; i++) {
        struct vch_str text = vch_val_str_at(&bad->items[i], "text");
        put(f.key_path, text.ptr, 0600);
        assert_int_equal(load_bundle(), VCH_EXIT_CREDENTIALS);
        assert_false(f.bundle.is_pinned);
        assert_false(vch_options_has(&f.options, VCH_OPT_ENDPOINT));
        assert_int_equal(f.credentials.key.len, 0);
        /* A part of the text is a part of the key. */
        if (text.len > 100) assert_null(strstr(f.outcome.sentence, vch_arena_str(f.arena, vch_str_sub(text, 20, 12)).ptr));
    }
}

static void test_flags_are_stronger_than_a_code(void **state) {
    (void)state;
    vch_options_set(&f.options, VCH_OPT_ENDPOINT, VCH_STR("cli"), VCH_SOURCE_CLI);
    put(f.key_path, vch_val_str_at(vector(0), "text").ptr, 0600);
    assert_int_equal(load_bundle(), VCH_EXIT_OK);
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_ENDPOINT), "cli");
}

/* SEC 2 2.4.2: the number 1 gives the base point; 0 and the order give none. */
static void test_keys_of_numbers(void **state) {
    (void)state;
    uint8_t number[32] = {0}, point[65];
    char hex[131];
    struct vch_buf pem;
    vch_buf_init_secret(&pem, 4096);
    number[31] = 1;
    assert_int_equal(vch_x509_key_of_number(number, &pem, point), VCH_OK);
    vch_hex(point, sizeof point, hex);
    assert_string_equal(hex, "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                             "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    number[31] = 0;
    assert_int_equal(vch_x509_key_of_number(number, &pem, point), VCH_ERR_INVALID);
    assert_int_equal(vch_unhex(VCH_STR("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"), number, 32), VCH_OK);
    assert_int_equal(vch_x509_key_of_number(number, &pem, point), VCH_ERR_INVALID);
    number[31]--;
    assert_int_equal(vch_x509_key_of_number(number, &pem, point), VCH_OK);
    memset(number, 0xFF, sizeof number);
    assert_int_equal(vch_x509_key_of_number(number, &pem, point), VCH_ERR_INVALID);
    vch_buf_deinit(&pem);
}

static void test_one_of_several_roots(void **state) {
    (void)state;
    struct vch_validity validity;
    uint8_t digest[32];
    struct vch_str both = vch_arena_printf(f.arena, "%s%s", own.certificate, other.certificate);
    assert_int_equal(vch_x509_describe(vch_str_from(other.certificate), &validity), VCH_OK);
    assert_int_equal(vch_unhex(vch_str_from(validity.id), digest, 32), VCH_OK);
    assert_true(vch_x509_holds(both, digest));
    assert_true(vch_x509_holds(vch_str_from(other.certificate), digest));
    assert_false(vch_x509_holds(vch_str_from(own.certificate), digest));
    assert_false(vch_x509_holds(VCH_STR(""), digest));
    digest[31] ^= 1;
    assert_false(vch_x509_holds(both, digest));
}

/* The good one passes above; each of these lacks or spoils one thing. */
static void test_spoiled_bundles(void **state) {
    (void)state;
    const char *const no_key[][2] = {{"certificatePem", own.certificate}};
    const char *const no_certificate[][2] = {{"privateKey", own.key}};
    const char *const foreign_key[][2] = {{"certificatePem", own.certificate}, {"privateKey", other.key}};
    const char *const bad_root[][2] = {
        {"certificatePem", own.certificate}, {"privateKey", own.key}, {"rootCa", "nothing"}};
    const char *const bad_certificate[][2] = {
        {"certificatePem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}, {"privateKey", own.key}};
    put_bundle(no_key, 1, "}");
    assert_int_equal(load_bundle(), VCH_EXIT_CREDENTIALS);
    put_bundle(no_certificate, 1, "}");
    assert_int_equal(load_bundle(), VCH_EXIT_CREDENTIALS);
    put_bundle(foreign_key, 2, "}");
    assert_int_equal(load_bundle(), VCH_EXIT_CREDENTIALS);
    assert_non_null(strstr(f.outcome.sentence, "does not belong"));
    put_bundle(bad_root, 3, "}");
    assert_int_equal(load_bundle(), VCH_EXIT_CREDENTIALS);
    put_bundle(bad_certificate, 2, "}");
    assert_int_equal(load_bundle(), VCH_EXIT_CREDENTIALS);
    put_bundle(foreign_key, 2, "");
    assert_int_equal(load_bundle(), VCH_EXIT_CREDENTIALS);
    put(f.key_path, "[]", 0600);
    assert_int_equal(load_bundle(), VCH_EXIT_CREDENTIALS);
    assert_int_equal(unlink(f.key_path), 0);
    assert_int_equal(load_bundle(), VCH_EXIT_CREDENTIALS);
    assert_null(strstr(f.outcome.sentence, "PRIVATE KEY"));
}

/* ---- files --------------------------------------------------------------- */

static enum vch_exit load_files(void) {
    enum vch_exit exit = vch_credentials_load(&f.credentials, f.cert_path, f.key_path, &f.report, &f.outcome);
    (void)fflush(f.report.out);
    return exit;
}

static void check_loaded(void) {
    assert_true(
        vch_str_eq_c(vch_str_of(f.credentials.certificate.ptr, f.credentials.certificate.len), own.certificate));
    assert_true(vch_str_eq_c(vch_str_of(f.credentials.key.ptr, f.credentials.key.len), own.key));
}

static void test_files_as_they_should_be(void **state) {
    (void)state;
    put(f.cert_path, own.certificate, 0644);
    put(f.key_path, own.key, 0600);
    assert_int_equal(load_files(), VCH_EXIT_OK);
    check_loaded();
    assert_string_equal(f.said, "");
}

static void test_swapped_files(void **state) {
    (void)state;
    put(f.cert_path, own.key, 0644);
    put(f.key_path, own.certificate, 0600);
    assert_int_equal(load_files(), VCH_EXIT_OK);
    check_loaded();
    assert_int_equal(mode_of(f.cert_path), 0600);
    assert_non_null(strstr(f.said, "holds the private key"));
}

static void test_both_in_one_file(void **state) {
    (void)state;
    char both[8192];
    (void)snprintf(both, sizeof both, "%s%s", own.certificate, own.key);
    put(f.cert_path, both, 0600);
    put(f.key_path, both, 0600);
    assert_int_equal(load_files(), VCH_EXIT_OK);
    check_loaded();
}

static void test_files_that_do_not_serve(void **state) {
    (void)state;
    const struct {
        const char *cert, *key, *words;
    } cases[] = {
        {own.certificate, other.key, "does not belong"},
        {own.certificate, own.certificate, "no private key"},
        {own.key, own.key, "no certificate"},
        {"", own.key, "no certificate"},
        {own.certificate, "", "no private key"},
        {own.certificate, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be read"},
        {own.certificate, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
         "password"},
        {own.certificate, "-----BEGIN PRIVATE KEY-----\nA?AA\n-----END PRIVATE KEY-----\n", "damaged"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(f.cert_path, cases[i].cert, 0644);
        put(f.key_path, cases[i].key, 0600);
        assert_int_equal(load_files(), VCH_EXIT_CREDENTIALS);
        if (!strstr(f.outcome.sentence, cases[i].words)) fail_msg("%zu: %s", i, f.outcome.sentence);
        assert_true(strlen(f.outcome.next) > 0);
    }
}

static void test_forgetting(void **state) {
    (void)state;
    put(f.cert_path, own.certificate, 0644);
    put(f.key_path, own.key, 0600);
    assert_int_equal(load_files(), VCH_EXIT_OK);
    vch_credentials_forget(&f.credentials);
    assert_int_equal(f.credentials.key.len, 0);
    assert_int_equal(load_files(), VCH_EXIT_OK);
    check_loaded();
}

static void test_roots(void **state) {
    (void)state;
    char two[8192], path[96];
    (void)snprintf(path, sizeof path, "%s/root", f.dir);
    assert_int_equal(vch_credentials_load_root(&f.credentials, path, &f.report, &f.outcome), VCH_EXIT_OK);
    (void)fflush(f.report.out);
    assert_non_null(strstr(f.said, "trusting the system's"));
    assert_int_equal(f.credentials.root.len, 0);
    (void)snprintf(two, sizeof two, "%s\n%s", own.certificate, other.certificate);
    put(path, two, 0666);
    assert_int_equal(vch_credentials_load_root(&f.credentials, path, &f.report, &f.outcome), VCH_EXIT_OK);
    assert_int_equal(f.credentials.root.len, strlen(own.certificate) + strlen(other.certificate));
    assert_int_equal(mode_of(path), 0644);
    put(path, "nothing", 0644);
    assert_int_equal(vch_credentials_load_root(&f.credentials, path, &f.report, &f.outcome), VCH_EXIT_CREDENTIALS);
}

static int make_material(void **state) {
    (void)state;
    material_make(&own, 300);
    material_make(&other, 300);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole_bundle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flags_are_stronger_than_the_bundle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_code_says_all_of_a_bundle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spoiled_codes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flags_are_stronger_than_a_code, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_of_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_of_several_roots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spoiled_bundles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_as_they_should_be, setup, teardown),
        cmocka_unit_test_setup_teardown(test_swapped_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_both_in_one_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_that_do_not_serve, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forgetting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_roots, setup, teardown),
    };
    return cmocka_run_group_tests(tests, make_material, NULL);
}
