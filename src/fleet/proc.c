#include "fleet/proc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCESSES_MAX = 8192 };

struct row {
    int64_t pid, parent, ticks;
    bool ours;
};

static size_t read_text(int64_t pid, const char *file, char *out, size_t size) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%lld/%s", (long long)pid, file);
    FILE *stream = fopen(path, "re");
    size_t len = stream ? fread(out, 1, size - 1, stream) : 0;
    if (stream) (void)fclose(stream);
    out[len] = '\0';
    return len;
}

bool vch_stat_parse(struct vch_str text, int64_t *ret_parent, int64_t *ret_ticks) {
    int64_t numbers[13] = {0}; /* from field 4, ppid, to field 15, stime */
    size_t end = text.len;
    while (end > 0 && text.ptr[end - 1] != ')') end--;
    struct vch_str rest = vch_str_trim(vch_str_sub(text, end, SIZE_MAX)), part;
    if (end == 0 || !vch_str_split(&rest, ' ', &part)) return false; /* state */
    for (size_t i = 0; i < 12; i++)
        if (!vch_str_split(&rest, ' ', &part) || vch_str_int(part, &numbers[i]) != VCH_OK) return false;
    *ret_parent = numbers[0];
    *ret_ticks = numbers[10] + numbers[11];
    return true;
}

static size_t list(struct row *rows) {
    DIR *dir = opendir("/proc");
    size_t count = 0;
    char text[1024];
    if (!dir) return 0;
    for (const struct dirent *entry = readdir(dir); entry && count < PROCESSES_MAX; entry = readdir(dir)) {
        struct row *row = &rows[count];
        if (vch_str_int(vch_str_from(entry->d_name), &row->pid) != VCH_OK) continue;
        size_t len = read_text(row->pid, "stat", text, sizeof text);
        row->ours = false;
        if (vch_stat_parse(vch_str_of(text, len), &row->parent, &row->ticks)) count++;
    }
    (void)closedir(dir);
    return count;
}

static bool is_ours(const struct row *rows, size_t count, int64_t pid) {
    for (size_t i = 0; i < count; i++)
        if (rows[i].pid == pid) return rows[i].ours;
    return false;
}

static void mark(struct row *rows, size_t count, int64_t pid) {
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < count; i++) {
            if (rows[i].ours || (rows[i].pid != pid && !is_ours(rows, count, rows[i].parent))) continue;
            rows[i].ours = more = true;
        }
    }
}

static int64_t kib_of(const char *status, const char *name) {
    const char *at = strstr(status, name);
    return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

void vch_usage_read(int64_t pid, struct vch_usage *ret) {
    struct row *rows = malloc(PROCESSES_MAX * sizeof *rows);
    char status[4096];
    *ret = (struct vch_usage){0};
    if (!rows || pid <= 0) {
        free(rows);
        return;
    }
    size_t count = list(rows);
    mark(rows, count, pid);
    int64_t ticks_per_s = sysconf(_SC_CLK_TCK);
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].ours || read_text(rows[i].pid, "status", status, sizeof status) == 0) continue;
        ret->processes++;
        ret->cpu_ms += rows[i].ticks * 1000 / (ticks_per_s > 0 ? ticks_per_s : 100);
        ret->rss_kib += kib_of(status, "\nVmRSS:");
        ret->peak_kib += kib_of(status, "\nVmHWM:");
    }
    free(rows);
}
