/* Programs that are hooks, and what they make: in a namespace of their own where this system allows it, and without. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "support/cmocka_all.h"
#include "support/folder.h"

#include "base/clock.h"
#include "daemon/hooks_priv.h"

enum { DEADLINE_MS = 10000 };

static char home[64], folder[80];
static char *folders[] = {folder};
static struct vch_config config = {.hook_memory = 4096, .hook_programs = 4, .hook_processes = 16};
static struct vch_hooks_process process = {.config = &config, .folders = folders, .folder_count = 1};

static struct vch_hooks_job *job_new(const char *name, const char *text) {
    static char path[120];
    (void)snprintf(path, sizeof path, "%s%s", folder, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0755);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
    struct vch_hooks_job *job = calloc(1, sizeof *job);
    assert_non_null(job);
    job->order = (struct vch_hook_order){.kind = VCH_HOOK_PROGRAM, .name = VCH_STR("n"), .target = vch_str_from(path), .body = VCH_STR("{}"), .timeout_ms = 20000};
    job->pidfd = job->in = job->out = job->err = job->report = -1;
    vch_buf_init(&job->answer, VCH_HOOK_ANSWER_MAX);
    assert_int_equal(vch_hooks_program_start(&process, job), VCH_HOOK_ANSWERED);
    process.running = job;
    return job;
}

static void job_free(struct vch_hooks_job *job) {
    process.running = NULL;
    vch_buf_deinit(&job->answer);
    free(job);
}

static bool step(struct vch_hooks_job *job, int timeout_ms, enum vch_hook_end *ret_end, int64_t *ret_code) {
    struct pollfd fds[VCH_HOOKS_PLACES] = {
        {.fd = job->in, .events = POLLOUT}, {.fd = job->out, .events = POLLIN}, {.fd = job->pidfd, .events = POLLIN}, {.fd = job->err, .events = POLLIN}};
    struct curl_waitfd events[VCH_HOOKS_PLACES];
    (void)poll(fds, VCH_HOOKS_PLACES, timeout_ms);
    for (size_t i = 0; i < VCH_HOOKS_PLACES; i++) events[i] = (struct curl_waitfd){.revents = fds[i].revents};
    return vch_hooks_program_step(job, events, ret_end, ret_code);
}

static enum vch_hook_end run(struct vch_hooks_job *job, int64_t *ret_code) {
    enum vch_hook_end end = VCH_HOOK_TIMEOUT;
    int64_t until = vch_mono_ms() + DEADLINE_MS;
    *ret_code = 0;
    while (!step(job, 200, &end, ret_code)) assert_true(vch_mono_ms() < until);
    (void)vch_hooks_program_gone(job);
    return end;
}

/* Of the program and whatever it made. */
static size_t marked(const char *mark) {
    char path[300], text[512];
    size_t count = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (const struct dirent *entry; (entry = readdir(proc)) != NULL;) {
        (void)snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        if (fd >= 0) (void)close(fd);
        for (ssize_t i = 0; i < len; i++) text[i] = text[i] ? text[i] : ' ';
        text[len > 0 ? len : 0] = '\0';
        count += strstr(text, mark) != NULL;
    }
    (void)closedir(proc);
    return count;
}

static void ends_and_answers_come_through(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum vch_hook_end end;
        int64_t code;
    } cases[] = {{"#!/bin/sh\ncat; echo yes\n", VCH_HOOK_ANSWERED, 0},
                 {"#!/bin/sh\nexit 3\n", VCH_HOOK_STATUS, 3},
                 {"#!/bin/sh\nkill -SEGV $$\n", VCH_HOOK_CRASHED, SIGSEGV},
                 {"#!/bin/sh\nkill -TERM $$\n", VCH_HOOK_CRASHED, SIGTERM},
                 {"#!/nowhere/at/all\n", VCH_HOOK_STATUS, 126},
                 {"#!/bin/sh\nhead -c 100000 /dev/zero\n", VCH_HOOK_TOO_LARGE, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t code;
        struct vch_hooks_job *job = job_new("ends", cases[i].text);
        assert_int_equal(run(job, &code), cases[i].end);
        assert_int_equal(code, cases[i].code);
        struct vch_str answer = {NULL, 0};
        if (i == 0) assert_true(vch_buf_finish(&job->answer, &answer) == VCH_OK && vch_str_eq_c(answer, "{}yes\n"));
        vch_hooks_program_kill(job);
        while (!vch_hooks_program_gone(job)) (void)poll(NULL, 0, 1);
        job_free(job);
    }
}

static void what_is_said_beside_is_kept_from_its_beginning(void **state) {
    (void)state;
    int64_t code;
    struct vch_hooks_job *job = job_new("says", "#!/bin/sh\necho first >&2; head -c 300000 /dev/zero | tr '\\0' x >&2; exit 1\n");
    assert_int_equal(run(job, &code), VCH_HOOK_STATUS); /* and is not held up by what it says */
    assert_int_equal(job->said_len, VCH_HOOK_SAID_MAX);
    assert_memory_equal(job->said, "first\nxxx", 9);
    job_free(job);
}

static void nothing_outlives_its_program(void **state) {
    (void)state;
    int64_t code;
    struct vch_hooks_job *job =
        job_new("leaves", "#!/bin/sh\nfor i in 1 2 3; do setsid sh -c 'setsid sleep 7391 & sleep 7392' </dev/null >/dev/null 2>&1 & done; sleep 0.2; echo x\n");
    assert_int_equal(run(job, &code), VCH_HOOK_ANSWERED);
    process.running = NULL;
    vch_hooks_strays_end(&process);
    assert_int_equal(marked("sleep 739"), 0);
    job_free(job);
}

/* Ever more of them, each in a session of its own, so many as it may; a hundred are enough where nothing bounds it. */
#define BOMB                                                                                                           \
    "#!/usr/bin/perl\nuse POSIX; $0='bomb 7393'; $SIG{CHLD}='IGNORE'; my $end = time + 20;\n"                          \
    "for (my $n = 0; time < $end; ) { my $p = $n < 6 ? fork : undef; if (!defined $p) { select undef, undef, undef, 0.005 }\n" \
    " elsif (!$p) { POSIX::setsid; $n += 1 } else { $n++ } }\n"

static void one_that_only_multiplies_is_ended(void **state) {
    (void)state;
    enum vch_hook_end end;
    int64_t code, until = vch_mono_ms() + DEADLINE_MS;
    struct vch_hooks_job *job = job_new("bomb", BOMB);
    while (marked("bomb 7393") < 12) {
        assert_true(vch_mono_ms() < until && !step(job, 20, &end, &code));
    }
    vch_hooks_program_kill(job);
    while (!vch_hooks_program_gone(job)) (void)poll(NULL, 0, 1);
    process.running = NULL;
    vch_hooks_strays_end(&process);
    assert_int_equal(marked("bomb 7393"), 0);
    job_free(job);
}

static int begin(void **state) {
    (void)state;
    folder_make(home);
    (void)snprintf(folder, sizeof folder, "%s/", home);
    process.owner = geteuid();
    vch_hooks_strays_adopt();
    return chmod(home, 0755);
}

static int finish(void **state) {
    (void)state;
    folder_remove(home);
    return 0;
}

static int together(void **state) {
    (void)state;
    process.bound = VCH_HOOKS_BOUND_NONE;
    return 0;
}

static int apart(void **state) {
    (void)state;
    vch_hooks_bound_choose(&process, false);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ends_and_answers_come_through, together),
        cmocka_unit_test_setup(what_is_said_beside_is_kept_from_its_beginning, together),
        cmocka_unit_test_setup(nothing_outlives_its_program, together),
        cmocka_unit_test_setup(one_that_only_multiplies_is_ended, together),
        cmocka_unit_test_setup(ends_and_answers_come_through, apart),
        cmocka_unit_test_setup(what_is_said_beside_is_kept_from_its_beginning, apart),
        cmocka_unit_test_setup(nothing_outlives_its_program, apart),
        cmocka_unit_test_setup(one_that_only_multiplies_is_ended, apart),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
