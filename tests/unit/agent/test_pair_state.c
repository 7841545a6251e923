/* A pairing in the state folder: written, read, refused when it is not whole; who the device says it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/pair_device.h"
#include "agent/pair_state.h"
#include "base/file.h"
#include "support/cmocka_all.h"

static char folder[64];
static struct vch_arena *arena;
static struct vch_state kept;
static struct vch_report report;
static struct vch_outcome outcome;

static int setup(void **state) {
    (void)state;
    strcpy(folder, "/tmp/vouch-pair-XXXXXX");
    assert_non_null(mkdtemp(folder));
    arena = vch_arena_new(4 << 20, true);
    report = (struct vch_report){.out = fopen("/dev/null", "w"), .owned = true};
    outcome = (struct vch_outcome){0};
    return (int)vch_state_open(&kept, vch_str_from(folder), arena, &outcome);
}

static int teardown(void **state) {
    (void)state;
    char command[128];
    vch_state_close(&kept);
    vch_arena_free(arena);
    vch_report_close(&report);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static struct vch_pairing sample(void) {
    return (struct vch_pairing){
        .server = VCH_STR("https://h:8443 "),
        .serial = VCH_STR("S \"1\""),
        .model = VCH_STR(""),
        .suggested = VCH_STR("{\"a\": \"b\"}"),
        .key_source = VCH_STR("ec-p256 "),
        .key = VCH_STR("-----BEGIN PRIVATE KEY-----\nx\n"),
        .request = VCH_STR("-----BEGIN CERTIFICATE REQUEST-----\n"),
        .root_pem = VCH_STR("-----BEGIN CERTIFICATE-----\n"),
        .root_given = true,
        .codes = {.pairing_id = VCH_STR("p"),
                  .device_code = VCH_STR("0123456789abcdef"),
                  .user_code = VCH_STR("BCDF-GHJK"),
                  .uri = VCH_STR("https://h:8443/install"),
                  .uri_complete = VCH_STR("https://h:8443/install#c=BCDFGHJK"),
                  .interval_s = 7},
        .expires_ms = 1795478226757,
    };
}

static void save(const struct vch_pairing *pairing) {
    assert_int_equal(vch_pairing_save(&kept, pairing, &outcome), VCH_EXIT_OK);
}

static bool load(struct vch_pairing *ret) {
    bool found;
    assert_int_equal(vch_pairing_load(&kept, ret, &found, &report, &outcome), VCH_EXIT_OK);
    return found;
}

static const char *file(void) {
    return vch_state_path(&kept, "keys/pairing.json");
}

static void reads_back(void **state) {
    (void)state;
    struct vch_pairing in = sample(), out;
    struct stat st;
    assert_false(load(&out));
    save(&in);
    assert_int_equal(stat(file(), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(load(&out));
    assert_true(vch_pairing_same(&in, &out));
    assert_true(vch_str_eq(out.key, in.key) && vch_str_eq(out.codes.device_code, in.codes.device_code));
    assert_true(vch_str_eq(out.codes.uri_complete, in.codes.uri_complete) && vch_str_eq(out.root_pem, in.root_pem));
    assert_true(out.root_given && !out.has_claim && out.expires_ms == in.expires_ms && out.codes.interval_s == 7);
    in.has_claim = true;
    in.claim = (struct vch_pair_claim){.certificate_pem = VCH_STR("C"),
                                       .template_name = VCH_STR("T"),
                                       .parameters = VCH_STR("{}"),
                                       .endpoint = VCH_STR("h"),
                                       .root_pem = VCH_STR("R"),
                                       .mqtt_port = 8883};
    save(&in);
    assert_true(load(&out) && out.has_claim && out.claim.mqtt_port == 8883);
    vch_pairing_remove(&kept);
    assert_false(load(&out));
}

/* A key alone is a pairing that has not begun. */
static void half_a_pairing_is_none(void **state) {
    (void)state;
    struct vch_pairing in = sample(), out;
    in.codes = (struct vch_pair_start){0};
    save(&in);
    assert_true(load(&out) && out.codes.device_code.len == 0);
    static const size_t needed[] = {offsetof(struct vch_pairing, server),
                                    offsetof(struct vch_pairing, key),
                                    offsetof(struct vch_pairing, request),
                                    offsetof(struct vch_pairing, root_pem),
                                    offsetof(struct vch_pairing, codes.user_code),
                                    offsetof(struct vch_pairing, codes.uri),
                                    offsetof(struct vch_pairing, codes.uri_complete)};
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        in = sample();
        *(struct vch_str *)(void *)((char *)&in + needed[i]) = VCH_STR("");
        save(&in);
        if (load(&out)) fail_msg("without member %zu it was taken", i);
    }
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "{\"server\": 1}",
                                        "{\"server\": \"a\", \"key\": \"b\", \"request\": \"c\", \"interval\": 0}",
                                        "{\"server\": \"a\", \"key\": \"b\", \"request\": \"c\", \"claim\": {}}"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_int_equal(vch_file_write(file(), vch_str_from(texts[i]), 0600, NULL), VCH_OK);
        assert_false(load(&out));
    }
}

static void another_setting_is_another_pairing(void **state) {
    (void)state;
    struct vch_pairing in = sample();
    static const size_t members[] = {offsetof(struct vch_pairing, server), offsetof(struct vch_pairing, serial),
                                     offsetof(struct vch_pairing, model), offsetof(struct vch_pairing, suggested),
                                     offsetof(struct vch_pairing, key_source)};
    assert_true(vch_pairing_same(&in, &in));
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        struct vch_pairing other = sample();
        *(struct vch_str *)(void *)((char *)&other + members[i]) = VCH_STR("other");
        assert_false(vch_pairing_same(&in, &other));
    }
}

/* It holds the key: a mode that is too open is mended, a folder that others may write to is not. */
static void modes_are_checked(void **state) {
    (void)state;
    struct vch_pairing in = sample(), out;
    struct stat st;
    bool found;
    save(&in);
    assert_int_equal(chmod(file(), 0644), 0);
    assert_true(load(&out));
    assert_int_equal(stat(file(), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chmod(vch_state_path(&kept, "keys"), 0777), 0);
    assert_int_equal(vch_pairing_load(&kept, &out, &found, &report, &outcome), VCH_EXIT_CREDENTIALS);
    assert_false(found);
}

static void a_file_that_cannot_be_written(void **state) {
    (void)state;
    struct vch_pairing in = sample();
    assert_int_equal(mkdir(file(), 0700), 0);
    assert_int_equal(vch_pairing_save(&kept, &in, &outcome), VCH_EXIT_LOCAL);
    assert_true(outcome.next[0] != '\0');
    assert_int_equal(rmdir(file()), 0);
}

/* ---- who the device is ------------------------------------------------------------- */

static void put_source(const char *name, const char *bytes, size_t len) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s%s", folder, name);
    *strrchr(path, '/') = '\0';
    assert_int_equal(vch_dir_make(path, 0700, NULL), VCH_OK);
    path[strlen(path)] = '/';
    assert_int_equal(vch_file_write(path, vch_str_of(bytes, len), 0600, NULL), VCH_OK);
}

static void the_machine_names_itself(void **state) {
    (void)state;
    char host[129] = "";
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    assert_true(vch_str_eq_c(vch_pair_serial(folder, arena), host));
    assert_int_equal(vch_pair_model(folder, arena).len, 0);
    put_source("/sys/class/dmi/id/product_serial", "To Be Filled By O.E.M.\n", 23);
    put_source("/sys/class/dmi/id/product_name", "Lamp 9\n", 7);
    assert_true(vch_str_eq_c(vch_pair_serial(folder, arena), host));
    assert_true(vch_str_eq_c(vch_pair_model(folder, arena), "Lamp 9"));
    put_source("/sys/class/dmi/id/product_serial", " 4711 \n", 7);
    assert_true(vch_str_eq_c(vch_pair_serial(folder, arena), "4711"));
    put_source("/sys/firmware/devicetree/base/serial-number", "10000000abcd\0", 13);
    assert_true(vch_str_eq_c(vch_pair_serial(folder, arena), "10000000abcd"));
    put_source("/sys/firmware/devicetree/base/model", "\033[2Jevil\0", 9);
    assert_true(vch_str_eq_c(vch_pair_model(folder, arena), "Lamp 9"));
}

static void readable_text(void **state) {
    (void)state;
    char text[130];
    memset(text, 'x', sizeof text);
    assert_true(vch_pair_text_is_fit(vch_str_of(text, 128)));
    assert_false(vch_pair_text_is_fit(vch_str_of(text, 129)));
    assert_true(vch_pair_text_is_fit(VCH_STR("L\xC3\xA4mp")));
    assert_false(vch_pair_text_is_fit(VCH_STR("")) || vch_pair_text_is_fit(VCH_STR("a\nb")) ||
                 vch_pair_text_is_fit(VCH_STR("a\x7f")) || vch_pair_text_is_fit(VCH_STR("\xFF")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_back, setup, teardown),
        cmocka_unit_test_setup_teardown(half_a_pairing_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(another_setting_is_another_pairing, setup, teardown),
        cmocka_unit_test_setup_teardown(modes_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_written, setup, teardown),
        cmocka_unit_test_setup_teardown(the_machine_names_itself, setup, teardown),
        cmocka_unit_test(readable_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
