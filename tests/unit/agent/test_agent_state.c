/* State folder, runtime file, journal, lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/enroll.h"
#include "agent/journal.h"
#include "agent/lock.h"
#include "base/file.h"

struct fixture {
    char dir[64];
    struct vch_arena *arena;
    struct vch_state state;
    struct vch_report report;
    struct vch_outcome outcome;
};

static struct fixture f;

static int setup(void **state) {
    (void)state;
    memset(&f, 0, sizeof f);
    strcpy(f.dir, "/tmp/vouch-state-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    f.arena = vch_arena_new(1 << 20, true);
    f.report = (struct vch_report){.out = fopen("/dev/null", "w"), .owned = true};
    struct vch_str dir = vch_arena_printf(f.arena, "%s/a/b/", f.dir);
    assert_int_equal(vch_state_open(&f.state, dir, f.arena, &f.outcome), VCH_EXIT_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    char command[128];
    vch_state_close(&f.state);
    vch_arena_free(f.arena);
    vch_report_close(&f.report);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f.dir);
    return system(command);
}

static unsigned mode_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void write_text(const char *path, const char *text) {
    assert_int_equal(vch_file_write(path, vch_str_from(text), 0600, NULL), VCH_OK);
}

static void test_folders(void **state) {
    (void)state;
    assert_int_equal(mode_of(vch_state_path(&f.state, "keys")), 0700);
    assert_int_equal(mode_of(f.state.dir.ptr), 0700);
    struct vch_state other;
    assert_int_equal(vch_state_open(&other, f.state.dir, f.arena, &f.outcome), VCH_EXIT_CONFIG);
    vch_state_close(&other);
    assert_int_equal(vch_state_open(&other, VCH_STR("/dev/null/x"), f.arena, &f.outcome), VCH_EXIT_LOCAL);
    assert_int_equal(vch_state_open(&other, VCH_STR(""), f.arena, &f.outcome), VCH_EXIT_CONFIG);
}

static void test_runtime_round_trip(void **state) {
    (void)state;
    struct vch_runtime back, runtime = {.completed = true,
                                        .cert = VCH_STR("/a \"b\"\\c"),
                                        .key = VCH_STR("/k\n"),
                                        .thing_name = VCH_STR("t"),
                                        .device_config = VCH_STR("{\"x\":\"y\"}"),
                                        .endpoint = VCH_STR("e"),
                                        .edge_port = 443};
    vch_runtime_load(&f.state, &back, &f.report);
    assert_false(back.completed);
    assert_int_equal(vch_runtime_save(&f.state, &runtime, &f.outcome), VCH_EXIT_OK);
    assert_int_equal(mode_of(vch_state_path(&f.state, "aws-iot-device-client-runtime.conf")), 0640);
    vch_runtime_load(&f.state, &back, &f.report);
    assert_true(back.completed);
    assert_true(vch_str_eq(back.cert, runtime.cert));
    assert_true(vch_str_eq(back.key, runtime.key));
    assert_true(vch_str_eq(back.endpoint, runtime.endpoint));
    assert_int_equal(back.edge_port, 443);
    assert_int_equal(back.mqtt_port, 0);
}

static void test_runtime_that_does_not_hold(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "{",
        "[]",
        "{\"runtime-config\":7}",
        "{\"runtime-config\":{\"completed-fp\":false,\"cert\":\"a\",\"key\":\"b\",\"thing-name\":\"c\"}}",
        "{\"runtime-config\":{\"completed-fp\":true,\"cert\":\"a\",\"key\":\"\",\"thing-name\":\"c\"}}",
        "{\"runtime-config\":{\"completed-fp\":true,\"cert\":\"a\",\"thing-name\":\"c\"}}",
        "{\"runtime-config\":{\"completed-fp\":\"true\",\"cert\":\"a\",\"key\":\"b\",\"thing-name\":\"c\"}}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_runtime runtime;
        write_text(vch_state_path(&f.state, "aws-iot-device-client-runtime.conf"), cases[i]);
        vch_runtime_load(&f.state, &runtime, &f.report);
        assert_false(runtime.completed);
    }
    /* As the AWS client writes it. */
    struct vch_runtime runtime;
    write_text(vch_state_path(&f.state, "aws-iot-device-client-runtime.conf"),
               "{\n\"runtime-config\": {\n\"completed-fp\": true,\n\"cert\": \"/c\",\n\"key\": "
               "\"/k\",\n\"thing-name\": \"n\",\n\"device-config\": {\n}\n}\n}");
    vch_runtime_load(&f.state, &runtime, &f.report);
    assert_true(runtime.completed);
}

static struct vch_journal sample(void) {
    return (struct vch_journal){.certificate_id = VCH_STR("0a"),
                                .token = VCH_STR("tok\"en"),
                                .cert = vch_str_from(vch_state_path(&f.state, "keys/c")),
                                .key = vch_str_from(vch_state_path(&f.state, "keys/k")),
                                .endpoint = VCH_STR("e"),
                                .template_name = VCH_STR("T"),
                                .parameters = VCH_STR("{\"a\":\"b\"}"),
                                .claim_id = VCH_STR("cl"),
                                .cert_pem = VCH_STR("certificate text\n"),
                                .key_pem = VCH_STR("key text\n"),
                                .created_ms = 1000000};
}

static void test_journal_round_trip(void **state) {
    (void)state;
    struct vch_journal back, journal = sample();
    assert_false(vch_journal_load(&f.state, &back));
    assert_int_equal(vch_journal_save(&f.state, &journal, &f.outcome), VCH_EXIT_OK);
    assert_int_equal(mode_of(vch_state_path(&f.state, "keys/journal.json")), 0600);
    assert_true(vch_journal_load(&f.state, &back));
    assert_true(vch_str_eq(back.token, journal.token));
    assert_true(vch_str_eq(back.parameters, journal.parameters));
    assert_true(vch_journal_resumes(&back, &journal, journal.created_ms + 1));
    vch_journal_remove(&f.state);
    assert_false(vch_journal_load(&f.state, &back));
}

/* Killed after the journal and before the files: the journal makes them. */
static void test_a_journal_restores_its_files(void **state) {
    (void)state;
    struct vch_journal back, journal = sample();
    assert_int_equal(vch_journal_save(&f.state, &journal, &f.outcome), VCH_EXIT_OK);
    assert_true(vch_journal_load(&f.state, &back));
    assert_int_equal(vch_journal_put_files(&back, &f.outcome), VCH_EXIT_OK);
    assert_int_equal(mode_of(journal.key.ptr), 0600);
    assert_int_equal(mode_of(journal.cert.ptr), 0644);
    struct vch_buf text;
    vch_buf_init(&text, 100);
    assert_int_equal(vch_file_read(journal.key.ptr, &text, NULL), VCH_OK);
    assert_true(vch_str_eq(vch_str_of(text.ptr, text.len), journal.key_pem));
    vch_buf_deinit(&text);
    /* A key of the user's own is never written. */
    (void)unlink(journal.key.ptr);
    back.own_key = true;
    assert_int_equal(vch_journal_put_files(&back, &f.outcome), VCH_EXIT_OK);
    assert_int_not_equal(access(journal.key.ptr, F_OK), 0);
    (void)unlink(journal.cert.ptr);
    vch_journal_remove(&f.state);
}

/* What a crash kept from its place goes; nothing else does. */
static void test_leftovers_are_swept(void **state) {
    (void)state;
    static const char *const names[] = {"keys/a.pem.0123456789abcdef.tmp", "keys/a.tmp", "keys/b.0123456789abcdeg.tmp", "b.ffffffffffffffff.tmp"};
    static const bool stays[] = {false, true, true, false};
    for (size_t i = 0; i < 4; i++) write_text(vch_state_path(&f.state, "%s", names[i]), "x");
    struct vch_str dir = f.state.dir;
    vch_state_close(&f.state);
    assert_int_equal(vch_state_open(&f.state, dir, f.state.arena, &f.outcome), VCH_EXIT_OK);
    for (size_t i = 0; i < 4; i++) assert_int_equal(access(vch_state_path(&f.state, "%s", names[i]), F_OK) == 0, stays[i]);
    for (size_t i = 0; i < 4; i++) (void)unlink(vch_state_path(&f.state, "%s", names[i]));
}

/* The whole passes; each cut of it does not. */
static void test_half_a_journal_is_none(void **state) {
    (void)state;
    struct vch_journal back, journal = sample();
    struct vch_buf whole;
    const char *path = vch_state_path(&f.state, "keys/journal.json");
    vch_buf_init(&whole, 65536);
    assert_int_equal(vch_journal_save(&f.state, &journal, &f.outcome), VCH_EXIT_OK);
    assert_int_equal(vch_file_read(path, &whole, NULL), VCH_OK);
    for (size_t cut = 0; cut + 2 < whole.len; cut += 7) {
        assert_int_equal(vch_file_write(path, vch_str_of(whole.ptr, cut), 0600, NULL), VCH_OK);
        assert_false(vch_journal_load(&f.state, &back));
    }
    write_text(path, "{\"stage\":\"register\",\"createdAt\":1}");
    assert_false(vch_journal_load(&f.state, &back));
    vch_buf_deinit(&whole);
}

static void test_what_resumes(void **state) {
    (void)state;
    struct vch_journal journal = sample(), wanted = sample();
    const int64_t t = journal.created_ms;
    assert_true(vch_journal_resumes(&journal, &wanted, t));
    assert_true(vch_journal_resumes(&journal, &wanted, t + VCH_JOURNAL_LIFE_MS - 1));
    assert_false(vch_journal_resumes(&journal, &wanted, t + VCH_JOURNAL_LIFE_MS));
    assert_false(vch_journal_resumes(&journal, &wanted, t - 1));
    struct vch_str *const fields[] = {&wanted.endpoint, &wanted.template_name, &wanted.parameters, &wanted.claim_id};
    for (size_t i = 0; i < 4; i++) {
        struct vch_str old = *fields[i];
        *fields[i] = VCH_STR("other");
        assert_false(vch_journal_resumes(&journal, &wanted, t));
        *fields[i] = old;
    }
}

static void test_abandoning(void **state) {
    (void)state;
    struct vch_journal journal = sample();
    for (int own = 0; own < 2; own++) {
        write_text(journal.cert.ptr, "c");
        write_text(journal.key.ptr, "k");
        journal.own_key = own == 1;
        assert_int_equal(vch_journal_save(&f.state, &journal, &f.outcome), VCH_EXIT_OK);
        vch_journal_abandon(&f.state, &journal);
        assert_int_not_equal(access(journal.cert.ptr, F_OK), 0);
        assert_int_equal(access(journal.key.ptr, F_OK) == 0, own == 1);
        assert_int_not_equal(access(vch_state_path(&f.state, "keys/journal.json"), F_OK), 0);
    }
}

static void test_lock(void **state) {
    (void)state;
    struct vch_lock lock, other;
    char text[64];
    pid_t child = fork();
    if (child == 0) {
        (void)pause();
        _exit(0);
    }
    (void)setenv("LOCK_FILE_PATH", f.dir, 1);
    (void)snprintf(text, sizeof text, "lamp\n%d\n", (int)child);
    write_text(vch_arena_printf(f.arena, "%s/devicecl.lock", f.dir).ptr, text);
    assert_int_equal(vch_lock_take(&lock, "lamp", &f.report, &f.outcome), VCH_EXIT_CONFIG);
    assert_non_null(strstr(f.outcome.sentence, "already running"));
    assert_int_equal(vch_lock_take(&other, "fan", &f.report, &f.outcome), VCH_EXIT_OK);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    write_text(other.path, text); /* the dead one's */
    vch_lock_release(&other);     /* not ours any more: stays */
    assert_int_equal(vch_lock_take(&lock, "lamp", &f.report, &f.outcome), VCH_EXIT_OK);
    vch_lock_release(&lock);
    assert_int_not_equal(access(vch_arena_printf(f.arena, "%s/devicecl.lock", f.dir).ptr, F_OK), 0);
    (void)setenv("LOCK_FILE_PATH", "/dev/null/x", 1);
    assert_int_equal(vch_lock_take(&lock, "lamp", &f.report, &f.outcome), VCH_EXIT_LOCAL);
}

static void test_backoff(void **state) {
    (void)state;
    static const int64_t most[] = {1000, 2000, 4000, 8000, 15000, 15000};
    for (unsigned tries = 0; tries < 6; tries++) {
        for (int i = 0; i < 200; i++) {
            int64_t wait = vch_backoff_ms(tries, 1000, 15000);
            assert_in_range(wait, most[tries] / 2, most[tries]);
        }
    }
    assert_in_range(vch_backoff_ms(4000000000u, 1000, 60000), 30000, 60000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folders, setup, teardown),
        cmocka_unit_test_setup_teardown(test_runtime_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_runtime_that_does_not_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_journal_restores_its_files, setup, teardown), cmocka_unit_test_setup_teardown(test_leftovers_are_swept, setup, teardown), cmocka_unit_test_setup_teardown(test_half_a_journal_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_resumes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_abandoning, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lock, setup, teardown),
        cmocka_unit_test(test_backoff),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
