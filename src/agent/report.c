#include "agent/report.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/val.h"

static const char *const names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

bool vch_report_level_parse(struct vch_str word, enum vch_report_level *ret) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!vch_str_ieq(word, vch_str_from(names[i]))) continue;
        *ret = (enum vch_report_level)i;
        return true;
    }
    return false;
}

static FILE *open_log(const char *path) {
    char folder[4096];
    if (!vch_str_copy(folder, sizeof folder, vch_str_from(path))) return NULL;
    if (vch_dir_make(dirname(folder), 0745, NULL) != VCH_OK) return NULL;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return NULL;
    (void)fchmod(fd, 0600);
    FILE *file = fdopen(fd, "a");
    if (!file) (void)close(fd);
    return file;
}

void vch_report_to_file(struct vch_report *report, const char *path) {
    FILE *file = open_log(path);
    if (!file) {
        vch_report_line(report, VCH_REPORT_WARN, "log",
                        "The log file %s cannot be written; logging to standard output.", path);
        return;
    }
    report->out = file;
    report->owned = true;
}

void vch_report_close(struct vch_report *report) {
    if (report->owned) (void)fclose(report->out);
    report->owned = false;
    report->out = stdout;
}

static void say_json(const struct vch_report *report, const char *time, const char *level, const char *event,
                     const char *members, const char *text) {
    struct vch_buf buf;
    struct vch_str line;
    vch_buf_init(&buf, 16384);
    vch_buf_printf(&buf, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"%s,\"message\":", time, level, event,
                   members);
    vch_json_encode_str(vch_str_from(text), &buf);
    vch_buf_c(&buf, "}\n");
    if (vch_buf_finish(&buf, &line) == VCH_OK) (void)fwrite(line.ptr, 1, line.len, report->out);
    vch_buf_deinit(&buf);
}

VCH_PRINTF(5, 0)
static void say(const struct vch_report *report, enum vch_report_level level, const char *event, const char *members,
                const char *fmt, va_list args) {
    char time[25], text[1024];
    (void)vsnprintf(text, sizeof text, fmt, args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = ' ';
    if (level < report->lowest) return;
    vch_time_iso(vch_now_ms(), time);
    if (report->json)
        say_json(report, time, names[level], event, members, text);
    else
        (void)fprintf(report->out, "%s [%s]%*s %s\n", time, names[level], (int)(5 - strlen(names[level])), "", text);
    (void)fflush(report->out);
}

void vch_report_line(struct vch_report *report, enum vch_report_level level, const char *event, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(report, level, event, "", fmt, args);
    va_end(args);
}

void vch_report_event(struct vch_report *report, enum vch_report_level level, const char *event, const char *members,
                      const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    say(report, level, event, members, fmt, args);
    va_end(args);
}

static void failure_json(const struct vch_report *report, const struct vch_outcome *o) {
    struct vch_buf buf;
    struct vch_str line;
    char time[25];
    vch_time_iso(vch_now_ms(), time);
    vch_buf_init(&buf, 16384);
    vch_buf_printf(
        &buf,
        "{\"time\":\"%s\",\"level\":\"ERROR\",\"event\":\"failed\",\"exit\":%d,\"cause\":\"%s\",\"message\":", time,
        (int)o->exit, vch_exit_word(o->exit));
    vch_json_encode_str(vch_str_from(o->sentence), &buf);
    vch_buf_c(&buf, ",\"next\":");
    vch_json_encode_str(vch_str_from(o->next), &buf);
    vch_buf_c(&buf, "}\n");
    if (vch_buf_finish(&buf, &line) == VCH_OK) (void)fwrite(line.ptr, 1, line.len, report->out);
    (void)fflush(report->out);
    vch_buf_deinit(&buf);
}

void vch_report_failure(struct vch_report *report, const struct vch_outcome *outcome) {
    if (report->json)
        failure_json(report, outcome);
    else if (report->owned)
        vch_report_line(report, VCH_REPORT_ERROR, "failed", "%s", outcome->sentence);
    (void)fprintf(stderr, "vouch-agent: %s\n", outcome->sentence);
    if (outcome->next[0]) (void)fprintf(stderr, "vouch-agent: next: %s\n", outcome->next);
}
