#include "base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static _Atomic int lowest = VCH_LOG_INFO;
static const char *process_name = "vouch";

void vch_log_set_level(enum vch_log_level level) {
    atomic_store(&lowest, (int)level);
}

bool vch_log_enabled(enum vch_log_level level) {
    return (int)level >= atomic_load_explicit(&lowest, memory_order_relaxed);
}

void vch_log_set_name(const char *process) {
    process_name = process;
}

struct line {
    char text[4096];
    size_t len;
};

static void add(struct line *line, const char *bytes, size_t len) {
    size_t room = sizeof line->text - 1 - line->len; /* one byte stays for the newline */
    if (len > room) len = room;
    memcpy(line->text + line->len, bytes, len);
    line->len += len;
}

static bool plain(char c) {
    return c > ' ' && c < 127 && c != '"' && c != '\\' && c != '=';
}

static void add_quoted(struct line *line, struct vch_str s) {
    add(line, "\"", 1);
    for (size_t i = 0; i < s.len; i++) {
        char escaped[8];
        char c = s.ptr[i];
        if (c == '"' || c == '\\') add(line, (char[]){'\\', c}, 2);
        else if (c >= ' ' && c < 127) add(line, &c, 1);
        else add(line, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned)(unsigned char)c));
    }
    add(line, "\"", 1);
}

static void add_value(struct line *line, struct vch_str s) {
    s = vch_str_sub(s, 0, 512);
    bool all_plain = s.len > 0;
    for (size_t i = 0; i < s.len && all_plain; i++) all_plain = plain(s.ptr[i]);
    if (all_plain) add(line, s.ptr, s.len);
    else add_quoted(line, s);
}

void vch_log_write(enum vch_log_level level, const char *event, const struct vch_log_field *fields, size_t count) {
    static const char *const names[] = {"debug", "info", "warn", "error"};
    struct line line = {.len = 0};
    char text[64];
    vch_time_iso(vch_now_ms(), text);
    add(&line, text, 24);
    add(&line, text, (size_t)snprintf(text, sizeof text, " %s %s ", names[level], process_name));
    add(&line, event, strlen(event));
    for (size_t i = 0; i < count; i++) {
        add(&line, " ", 1);
        add(&line, fields[i].name, strlen(fields[i].name));
        add(&line, "=", 1);
        if (fields[i].is_number) add(&line, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)fields[i].number));
        else add_value(&line, fields[i].value);
    }
    line.text[line.len++] = '\n';
    ssize_t ignored = write(STDERR_FILENO, line.text, line.len);
    (void)ignored; /* a log that cannot be written must not stop the server */
}
