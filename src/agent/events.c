#include "agent/events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { TICK_MS = 50, VARIABLES = 9, VARIABLE_MAX = 512 };

const char *vch_event_word(enum vch_event event) {
    static const char *const words[] = {
        [VCH_EVENT_PROVISIONED] = "provisioned", [VCH_EVENT_CONNECTED] = "connected", [VCH_EVENT_ROTATED] = "rotated",
        [VCH_EVENT_REVOKED] = "revoked",         [VCH_EVENT_REFUSED] = "refused",
    };
    _Static_assert(sizeof words / sizeof *words == VCH_EVENT_COUNT, "one word an event");
    return words[event];
}

enum vch_exit vch_events_check(const char *program, struct vch_outcome *outcome) {
    static const char next[] = "Give the absolute path of an executable file that only its owner may write.";
    struct stat st;
    if (program[0] != '/' || stat(program, &st) != 0 || !S_ISREG(st.st_mode) || access(program, X_OK) != 0)
        return vch_outcome_set(outcome, VCH_EXIT_CONFIG, next, "The program %.200s for events cannot be run.", program);
    if ((st.st_mode & 0022) == 0 && (st.st_uid == 0 || st.st_uid == geteuid())) return VCH_EXIT_OK;
    return vch_outcome_set(outcome, VCH_EXIT_CONFIG, next, "Others may change the program %.200s for events.", program);
}

void vch_events_raise(struct vch_events *events, enum vch_event event, const char *certificate_id,
                      const char *message) {
    if (!events->program) return;
    if (events->count == VCH_EVENT_QUEUE) {
        vch_report_line(events->report, VCH_REPORT_WARN, "hook", "Too many events wait; \"%s\" is not told.",
                        vch_event_word(event));
        return;
    }
    struct vch_event_note *note = &events->queue[events->count++];
    *note = (struct vch_event_note){.event = event};
    (void)vch_str_copy(note->certificate_id, sizeof note->certificate_id, vch_str_from(certificate_id));
    (void)vch_str_copy(note->message, sizeof note->message,
                       vch_str_sub(vch_str_from(message), 0, sizeof note->message - 1));
}

/* ---- running ------------------------------------------------------------ */

struct environment {
    char text[VARIABLES][VARIABLE_MAX];
    char *list[VARIABLES + 1];
    size_t count;
};

static void put(struct environment *env, const char *name, const char *value) {
    if (!value) return;
    int len = snprintf(env->text[env->count], VARIABLE_MAX, "%s=%s", name, value);
    if (len <= 0 || len >= VARIABLE_MAX) return; /* a value cut short would be another value */
    env->list[env->count] = env->text[env->count];
    env->count++;
}

static void fill(struct environment *env, const struct vch_events *events, const struct vch_event_note *note) {
    *env = (struct environment){0};
    put(env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    put(env, "HOME", events->state_dir);
    put(env, "VOUCH_EVENT", vch_event_word(note->event));
    put(env, "VOUCH_THING_NAME", events->thing_name);
    put(env, "VOUCH_CERTIFICATE_ID", note->certificate_id);
    put(env, "VOUCH_CERTIFICATE", events->certificate);
    put(env, "VOUCH_STATE_DIR", events->state_dir);
    put(env, "VOUCH_DEVICE_CONFIG", events->device_config);
    put(env, "VOUCH_MESSAGE", note->message);
}

/* Between fork and exec: async-signal-safe calls alone. */
static void become(const struct vch_events *events, char *const *words, char *const *env) {
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t none;
    (void)setpgid(0, 0);
    (void)sigemptyset(&none);
    for (int number = 1; number < 32; number++) (void)sigaction(number, &usual, NULL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0) _exit(127);
    if (close_range(3, ~0U, 0) != 0) /* before Linux 5.9 */
        for (int fd = 3; fd < 1024; fd++) (void)close(fd);
    (void)execve(events->program, words, env);
    _exit(127);
}

static void start(struct vch_events *events, int64_t mono_ms) {
    struct vch_event_note note = events->queue[0];
    struct environment env;
    char program[4096], word[16];
    char *words[] = {program, word, NULL};
    memmove(events->queue, events->queue + 1, --events->count * sizeof *events->queue);
    if (!vch_str_copy(program, sizeof program, vch_str_from(events->program))) return;
    (void)vch_str_copy(word, sizeof word, vch_str_from(vch_event_word(note.event)));
    fill(&env, events, &note);
    pid_t pid = fork();
    if (pid == 0) become(events, words, env.list);
    if (pid < 0) {
        vch_report_line(events->report, VCH_REPORT_WARN, "hook", "The program for \"%s\" was not started: %s.", word,
                        strerror(errno));
        return;
    }
    (void)setpgid(pid, pid); /* whichever of the two comes first */
    events->pid = pid;
    events->running = note.event;
    events->until_ms = mono_ms + events->limit_ms;
}

static void ended(struct vch_events *events, int status) {
    const char *word = vch_event_word(events->running);
    (void)kill(-events->pid, SIGKILL); /* what it left behind */
    events->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        vch_report_line(events->report, VCH_REPORT_DEBUG, "hook", "The program for \"%s\" has ended.", word);
    else if (WIFEXITED(status))
        vch_report_line(events->report, VCH_REPORT_WARN, "hook", "The program for \"%s\" ended with status %d.", word,
                        WEXITSTATUS(status));
    else
        vch_report_line(events->report, VCH_REPORT_WARN, "hook", "The program for \"%s\" was ended by signal %d.", word,
                        WTERMSIG(status));
}

static void look_after(struct vch_events *events, int64_t mono_ms) {
    int status;
    pid_t pid = waitpid(events->pid, &status, WNOHANG);
    if (pid == events->pid) {
        ended(events, status);
    } else if (pid < 0 && errno == ECHILD) {
        events->pid = 0;
    } else if (mono_ms >= events->until_ms) {
        vch_report_line(events->report, VCH_REPORT_WARN, "hook", "The program for \"%s\" took longer than %lld ms.",
                        vch_event_word(events->running), (long long)events->limit_ms);
        (void)kill(-events->pid, SIGKILL);
        (void)kill(events->pid, SIGKILL);
        events->until_ms = INT64_MAX;
    }
}

int64_t vch_events_turn(struct vch_events *events, int64_t mono_ms) {
    if (events->pid) look_after(events, mono_ms);
    if (!events->pid && events->count) start(events, mono_ms);
    return events->pid || events->count ? TICK_MS : INT64_MAX;
}

void vch_events_drain(struct vch_events *events) {
    while (vch_events_turn(events, vch_mono_ms()) != INT64_MAX) (void)poll(NULL, 0, TICK_MS);
}
