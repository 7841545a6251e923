/* The message store's file: damaged, foreign, of a newer program, on a full
 * disk, and killed in the middle. */
#include "messages_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define KEEP_TEST(function) cmocka_unit_test_setup_teardown(function, keep_up, keep_down)

static void fill(struct keep *k, uint64_t from, uint64_t to, struct ticket *ticket) {
    static char payload[400];
    memset(payload, 'x', sizeof payload - 1);
    put_session(k, 1, "dev");
    for (uint64_t seq = from; seq <= to; seq++) put_entry(k, 1, seq, seq, payload, ticket);
}

static void refused(struct keep *k, enum vch_err err, const char *word) {
    struct stat before, after;
    assert_int_equal(stat(k->path, &before), 0);
    assert_int_equal(keep_try(k), err);
    assert_null(k->m);
    assert_string_equal(k->diag.reason, "store-failed");
    if (!strstr(k->diag.message, word)) fail_msg("'%s' is not in: %s", word, k->diag.message);
    if (!strstr(k->diag.message, k->path)) fail_msg("the file is not named: %s", k->diag.message);
    assert_int_equal(stat(k->path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void test_mode(void **state) {
    struct keep *k = *state;
    struct stat st;
    keep_open(k);
    assert_int_equal(stat(k->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_newer_program(void **state) {
    struct keep *k = *state;
    keep_open(k);
    keep_close(k);
    keep_run(k, "PRAGMA user_version = 2");
    refused(k, VCH_ERR_STATE, "version 2");
    keep_run(k, "PRAGMA user_version = 1");
    keep_open(k);
}

static void test_foreign_file(void **state) {
    struct keep *k = *state;
    keep_run(k, "CREATE TABLE t (a)");
    refused(k, VCH_ERR_MALFORMED, "not a message store");
}

static void overwrite(struct keep *k, off_t at, const void *bytes, size_t len) {
    int fd = open(k->path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

static void test_damaged_head(void **state) {
    struct keep *k = *state;
    keep_open(k);
    fill(k, 1, 100, NULL);
    keep_close(k);
    overwrite(k, 0, "not a database at all", 21);
    refused(k, VCH_ERR_MALFORMED, "damaged");
}

static void test_damaged_page(void **state) {
    struct keep *k = *state;
    char garbage[3000];
    keep_open(k);
    fill(k, 1, 100, NULL);
    keep_close(k);
    memset(garbage, 0xA5, sizeof garbage);
    overwrite(k, 5 * 4096, garbage, sizeof garbage);
    refused(k, VCH_ERR_MALFORMED, "damaged");
}

static void test_cut_file(void **state) {
    struct keep *k = *state;
    keep_open(k);
    fill(k, 1, 100, NULL);
    keep_close(k);
    assert_int_equal(truncate(k->path, 5 * 4096), 0);
    refused(k, VCH_ERR_MALFORMED, "damaged");
}

static enum vch_err pass(void *arg, const struct vch_row_message *row) {
    (void)arg;
    (void)row;
    return VCH_OK;
}

static void test_missing_rows(void **state) {
    struct keep *k = *state;
    const struct vch_messages_reader reader = {.message = pass};
    keep_open(k);
    fill(k, 1, 3, NULL);
    keep_close(k);
    keep_run(k, "DELETE FROM messages WHERE id = 2");
    keep_open(k);
    assert_int_equal(vch_messages_read(k->m, &reader, &k->diag), VCH_ERR_MALFORMED);
    assert_non_null(strstr(k->diag.message, "damaged"));
}

static enum vch_err refuse(void *arg, const struct vch_row_message *row) {
    (void)row;
    ++*(int *)arg;
    return VCH_ERR_NOMEM;
}

static void test_reader_may_refuse(void **state) {
    struct keep *k = *state;
    int calls = 0;
    const struct vch_messages_reader reader = {.message = refuse, .arg = &calls};
    keep_open(k);
    fill(k, 1, 3, NULL);
    keep_again(k);
    assert_int_equal(vch_messages_read(k->m, &reader, &k->diag), VCH_ERR_NOMEM);
    assert_int_equal(calls, 1);
}

/* The reader of a restart says of each session that it is not connected any more. */
static struct keep *kept_by;
static struct ticket said;

static enum vch_err say_away(void *arg, const struct vch_row_session *row) {
    (void)arg;
    struct vch_row_session away = *row;
    away.disconnected_ms = 77;
    vch_messages_session_put(kept_by->m, &away, ticket_of(&said));
    (void)usleep(20000); /* the writer has been woken */
    return atomic_load(&said.left) == (int)row->key ? VCH_OK : VCH_ERR_INTERNAL;
}

static void test_nothing_is_written_while_it_is_read(void **state) {
    struct keep *k = kept_by = *state;
    const struct vch_messages_reader reader = {.session = say_away};
    keep_open(k);
    for (uint64_t key = 1; key <= 10; key++) put_session(k, key, "dev");
    keep_again(k);
    assert_int_equal(vch_messages_read(k->m, &reader, &k->diag), VCH_OK);
    ticket_wait(&said);
    assert_int_equal(said.failed, 0);
    keep_close(k);
    assert_int_equal(keep_ask(k, "SELECT COUNT(*) FROM sessions WHERE disconnected_ms = 77"), 10);
}

/* ---- copies ------------------------------------------------------------------------------------ */

static void read_copy(struct keep *k, const char *path, char *ret, size_t size) {
    struct keep other = *k;
    assert_true(vch_str_copy(other.path, sizeof other.path, vch_str_from(path)));
    other.options.path = other.path;
    keep_open(&other);
    assert_true(vch_str_copy(ret, size, vch_str_from(keep_read(&other))));
    keep_close(&other);
}

static void test_copy(void **state) {
    struct keep *k = *state;
    static char copied[65536], own[65536];
    char path[128];
    struct ticket ok = {0, 0};
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/copy", k->folder);
    keep_open(k);
    fill(k, 1, 20, &ok);
    put_retained(k, 21, "lamp", "on", &ok);
    ticket_wait(&ok);
    assert_int_equal(vch_messages_copy(k->m, path, &k->diag), VCH_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    put_retained(k, 22, "lamp", "off", &ok); /* too late for it */
    ticket_wait(&ok);
    keep_close(k);
    read_copy(k, path, copied, sizeof copied);
    read_copy(k, k->path, own, sizeof own);
    assert_non_null(strstr(copied, "lamp=on"));
    assert_non_null(strstr(own, "lamp=off"));
    assert_null(strstr(copied, "lamp=off"));
    assert_non_null(strstr(copied, "session 1 dev of cert"));
    assert_non_null(strstr(copied, "entry 20 of 20"));
}

struct busy {
    struct keep *k;
    atomic_bool over;
    uint64_t last; /* written */
    struct ticket ticket;
};

static void *keep_busy(void *arg) {
    struct busy *busy = arg;
    while (!atomic_load(&busy->over)) {
        fill(busy->k, busy->last + 1, busy->last + 20, &busy->ticket);
        busy->last += 20;
        ticket_wait(&busy->ticket);
    }
    return NULL;
}

/* While it is written to: what is in the copy is a beginning of what was written, without holes. */
static void test_copy_under_load(void **state) {
    struct keep *k = *state;
    struct busy busy = {.k = k};
    struct ticket ok = {0, 0};
    pthread_t thread;
    char path[128];
    keep_open(k);
    fill(k, 1, 3000, &ok); /* some parts' worth */
    ticket_wait(&ok);
    busy.last = 3000;
    assert_int_equal(pthread_create(&thread, NULL, keep_busy, &busy), 0);
    for (int i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/copy-%d", k->folder, i);
        assert_int_equal(vch_messages_copy(k->m, path, &k->diag), VCH_OK);
    }
    atomic_store(&busy.over, true);
    (void)pthread_join(thread, NULL);
    assert_int_equal(busy.ticket.failed, 0);
    keep_close(k);
    assert_int_equal(keep_ask(k, "SELECT COUNT(*) FROM entries"), (int64_t)busy.last);
    struct keep other = *k;
    assert_true(vch_str_copy(other.path, sizeof other.path, vch_str_from(path)));
    int64_t count = keep_ask(&other, "SELECT COUNT(*) FROM entries");
    assert_in_range(count, 3000, busy.last);
    assert_int_equal(keep_ask(&other, "SELECT MAX(seq) FROM entries"), count);
    assert_int_equal(keep_ask(&other, "SELECT COUNT(*) FROM entries e JOIN messages m ON m.id = e.message"), count);
    assert_int_equal(keep_ask(&other, "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
}

static void test_copy_to_nowhere(void **state) {
    struct keep *k = *state;
    struct ticket ok = {0, 0};
    keep_open(k);
    put_session(k, 1, "dev");
    assert_int_not_equal(vch_messages_copy(k->m, "/nonexistent/copy", &k->diag), VCH_OK);
    fill(k, 1, 5, &ok); /* nothing is held any more */
    ticket_wait(&ok);
    assert_int_equal(ok.failed, 0);
    keep_close(k);
}

/* ---- a full disk: a limit on the size of files stands for it -------------------------------- */

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static bool failing(struct keep *k) {
    struct vch_messages_stats stats;
    vch_messages_stats(k->m, &stats);
    return stats.failing;
}

static void test_full_disk(void **state) {
    struct keep *k = *state;
    struct ticket ok = {0, 0}, refused_ones = {0, 0}, later = {0, 0};
    (void)signal(SIGXFSZ, SIG_IGN);
    keep_open(k);
    fill(k, 1, 100, &ok);
    ticket_wait(&ok);
    assert_int_equal(ok.failed, 0);
    limit_files(120000); /* it was more than this before */
    fill(k, 101, 300, &refused_ones);
    ticket_wait(&refused_ones);
    assert_true(refused_ones.failed > 0);
    assert_true(failing(k));
    vch_messages_entry_drop(k->m, 1, 7);
    fill(k, 301, 301, &refused_ones);
    ticket_wait(&refused_ones);
    limit_files(RLIM_INFINITY);
    fill(k, 302, 302, &later);
    ticket_wait(&later); /* told within one retry, whatever it found */
    for (int i = 0; i < 5000 && failing(k); i++) (void)usleep(1000);
    assert_false(failing(k));
    keep_close(k);
    /* Nothing that was told to be durable is missing, and what waited has come too. */
    assert_int_equal(keep_ask(k, "SELECT COUNT(*) FROM entries"), 301);
    assert_int_equal(keep_ask(k, "SELECT COUNT(*) FROM entries WHERE seq = 7"), 0);
    assert_int_equal(keep_ask(k, "SELECT COUNT(*) FROM messages"), 301);
}

/* While nothing can be written nobody is asked to wait for it; what may wait stays bounded. */
static void test_nobody_waits_for_a_full_disk(void **state) {
    struct keep *k = *state;
    struct ticket ok = {0, 0}, late = {0, 0};
    (void)signal(SIGXFSZ, SIG_IGN);
    k->options.backlog_bytes_max = 40000;
    keep_open(k);
    fill(k, 1, 10, &ok);
    ticket_wait(&ok);
    limit_files(4096);
    fill(k, 11, 11, &late);
    ticket_wait(&late);
    assert_true(failing(k) && !vch_messages_full(k->m));
    fill(k, 12, 400, &late);
    assert_true(vch_messages_full(k->m));
    assert_false(vch_messages_behind(k->m));
    ticket_wait(&late);
    assert_int_equal(late.failed, 390);
    struct vch_messages_stats stats;
    vch_messages_stats(k->m, &stats);
    assert_true(stats.waiting_bytes < 50000);
    limit_files(RLIM_INFINITY);
    for (int i = 0; i < 5000 && failing(k); i++) (void)usleep(1000);
    assert_false(failing(k) || vch_messages_full(k->m));
}

static void test_closed_on_a_full_disk(void **state) {
    struct keep *k = *state;
    (void)signal(SIGXFSZ, SIG_IGN);
    keep_open(k);
    fill(k, 1, 100, NULL);
    keep_again(k);
    limit_files(4096);
    fill(k, 101, 400, NULL);
    struct vch_messages *m = k->m;
    k->m = NULL;
    vch_diag_clear(&k->diag);
    assert_int_equal(vch_messages_close(m, &k->diag), VCH_ERR_IO);
    limit_files(RLIM_INFINITY);
    assert_non_null(strstr(k->diag.message, "not written"));
    keep_open(k);
    assert_null(strstr(keep_read(k), " entry 101 "));
    assert_non_null(strstr(k->text, " entry 99 "));
}

/* ---- killed ---------------------------------------------------------------------------------- */

static int acknowledged_fd;

static void write_seq(void *arg, enum vch_err err) {
    const uint64_t seq = (uint64_t)(uintptr_t)arg;
    if (err == VCH_OK && write(acknowledged_fd, &seq, sizeof seq) != (ssize_t)sizeof seq) _exit(1);
}

static _Noreturn void child(struct keep *k, uint64_t from) {
    keep_open(k);
    put_session(k, 1, "dev");
    for (uint64_t seq = from;; seq++) {
        char *owner = malloc(1);
        const struct vch_row_message message = {.id = seq, .topic = VCH_STR("t"), .payload = VCH_STR("x")};
        const struct vch_row_entry row = {.seq = seq, .qos = 1};
        vch_messages_entry_put(k->m, 1, &row, &message, owner, (struct vch_messages_wait){write_seq, (void *)(uintptr_t)seq});
        if (seq % 3 == 0) vch_messages_entry_drop(k->m, 1, seq);
        if (seq % 16 == 0) (void)usleep(200);
    }
}

/* What was told to be durable is there, though the process did not end in order. */
static void test_killed(void **state) {
    struct keep *k = *state;
    uint64_t from = 1, last = 0;
    int64_t told = 0;
    for (int round = 0; round < 8; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            acknowledged_fd = fds[1];
            child(k, from);
        }
        assert_int_equal(close(fds[1]), 0);
        uint64_t seq, count = 0;
        while (read(fds[0], &seq, sizeof seq) == (ssize_t)sizeof seq) {
            if (seq > last) last = seq;
            told += seq % 3 != 0;
            if (++count == 200 + (uint64_t)round * 37) assert_int_equal(kill(pid, SIGKILL), 0);
        }
        assert_int_equal(close(fds[0]), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        char sql[160];
        (void)snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM entries WHERE seq %% 3 <> 0 AND seq <= %llu",
                       (unsigned long long)last);
        assert_true(keep_ask(k, sql) >= told);
        from = last + 10000; /* what was on its way was perhaps written */
        told = 0;
        keep_run(k, "DELETE FROM entries; DELETE FROM messages");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KEEP_TEST(test_mode),         KEEP_TEST(test_newer_program), KEEP_TEST(test_foreign_file),
        KEEP_TEST(test_damaged_head), KEEP_TEST(test_damaged_page),  KEEP_TEST(test_cut_file),
        KEEP_TEST(test_missing_rows), KEEP_TEST(test_reader_may_refuse),
        KEEP_TEST(test_nothing_is_written_while_it_is_read),
        KEEP_TEST(test_copy),         KEEP_TEST(test_copy_under_load), KEEP_TEST(test_copy_to_nowhere),
        KEEP_TEST(test_full_disk),    KEEP_TEST(test_closed_on_a_full_disk), KEEP_TEST(test_killed),
        KEEP_TEST(test_nobody_waits_for_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
