/* The registry as a whole: into a file, out of it, and a copy of a running
 * server's. Moving is vouchd's work; this only starts it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/run.h"

extern char **environ;

/* ---- moving ---- */

/* The one that stands beside this program, else that of the path. */
static void find_server(char out[PATH_MAX + 16]) {
    ssize_t len = readlink("/proc/self/exe", out, PATH_MAX);
    char *slash = NULL;
    out[len > 0 ? len : 0] = '\0';
    slash = strrchr(out, '/');
    if (slash) memcpy(slash + 1, "vouchd", sizeof "vouchd");
    if (!slash || access(out, X_OK) != 0) memcpy(out, "vouchd", sizeof "vouchd");
}

static enum vch_ctl_exit await(struct vch_ctl *ctl, pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return vch_ctl_fail(ctl, "vouchd: %s", strerror(errno));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? VCH_CTL_DONE : VCH_CTL_REFUSED;
}

static char *word(const char *text) {
    return (char *)(uintptr_t)text; /* posix_spawn changes none of them */
}

static const char *given(const struct vch_ctl_parsed *parsed, size_t arg) {
    return parsed->counts[arg] ? parsed->values[arg][0] : NULL;
}

static enum vch_ctl_exit start(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, const char *mode) {
    char server[PATH_MAX + 16];
    char *argv[12] = {word("vouchd")};
    size_t count = 1;
    const char *const pairs[][2] = {{mode, given(parsed, 0)}, {"--data", parsed->globals.data},
                                    {"--store", given(parsed, 1)}, {"--config", given(parsed, 2)}};
    pid_t pid = 0;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (!pairs[i][1]) continue;
        argv[count++] = word(pairs[i][0]);
        argv[count++] = word(pairs[i][1]);
    }
    find_server(server);
    if (fflush(ctl->out) != 0) return vch_ctl_fail(ctl, "cannot write");
    int rc = posix_spawnp(&pid, server, NULL, NULL, argv, environ);
    if (rc != 0) return vch_ctl_fail(ctl, "%s: %s", server, strerror(rc));
    return await(ctl, pid);
}

static enum vch_ctl_exit store_export(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return start(ctl, parsed, "--export-store");
}

static enum vch_ctl_exit store_import(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return start(ctl, parsed, "--import-store");
}

/* ---- copies ---- */

static bool copy_bytes(int in, int out) {
    char chunk[65536];
    for (;;) {
        ssize_t len = read(in, chunk, sizeof chunk);
        if (len <= 0) return len == 0 && fsync(out) == 0;
        for (ssize_t done = 0, put = 0; done < len; done += put) {
            put = write(out, chunk + done, (size_t)(len - done));
            if (put <= 0) return false;
        }
    }
}

/* The file appears whole or not at all. */
static bool take_file(const char *from, const char *part, const char *to) {
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int out = in >= 0 ? open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    bool ok = out >= 0 && copy_bytes(in, out);
    int error = errno;
    if (out >= 0) ok = close(out) == 0 && ok;
    if (in >= 0) (void)close(in);
    if (ok) ok = rename(part, to) == 0;
    else errno = error;
    if (!ok && out >= 0) (void)unlink(part);
    return ok;
}

static enum vch_ctl_exit fetch(struct vch_ctl *ctl, const char *data, struct vch_str name, const char *to) {
    if (name.len == 0 || vch_str_find(name, '/', 0) != SIZE_MAX) return vch_ctl_fail(ctl, "the server's answer is not understood");
    struct vch_str from = vch_arena_printf(ctl->arena, "%s/run/%.*s", data, VCH_STR_ARG(name));
    struct vch_str part = vch_arena_printf(ctl->arena, "%s.part", to);
    if (!from.ptr || !part.ptr) return vch_ctl_fail(ctl, "out of memory");
    (void)unlink(part.ptr);
    bool ok = take_file(from.ptr, part.ptr, to);
    int error = errno;
    (void)unlink(from.ptr);
    return ok ? VCH_CTL_DONE : vch_ctl_fail(ctl, "%s: %s", to, strerror(error));
}

static enum vch_ctl_exit backup(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    const struct vch_val *out = NULL;
    if (!parsed->globals.data) return vch_ctl_fail(ctl, "a backup is taken on the server's machine: give --data DIR");
    bool only = given(parsed, 1) != NULL;
    struct vch_str beside = vch_arena_printf(ctl->arena, "%s.messages", given(parsed, 0));
    if (!inputs || !beside.ptr || (only && !vch_ctl_put(ctl, VCH_OP_BACKUP_REGISTRY, inputs, "messagesOnly", VCH_STR("true"))))
        return vch_ctl_fail(ctl, "out of memory");
    enum vch_ctl_exit exit = vch_ctl_call(ctl, VCH_OP_BACKUP_REGISTRY, inputs, &out);
    if (exit != VCH_CTL_DONE) return exit;
    struct vch_str messages = vch_val_str_at(out, "messagesFileName");
    if (only) return fetch(ctl, parsed->globals.data, messages, given(parsed, 0));
    exit = fetch(ctl, parsed->globals.data, vch_val_str_at(out, "fileName"), given(parsed, 0));
    enum vch_ctl_exit other = fetch(ctl, parsed->globals.data, messages, beside.ptr); /* taken away in any case */
    return exit != VCH_CTL_DONE ? exit : other;
}

#define MOVE_ARGS                                                                                                      \
    VCH_CTL_ARGS({"FILE", NULL, NULL, VCH_CTL_REQUIRED, "the file"},                                                   \
                 {"--store", "URL", NULL, 0, "sqlite (of the data folder) or postgresql://..."},                       \
                 {"--config", "FILE", NULL, 0, "vouchd's configuration file, which may name the store"})

const struct vch_ctl_command vch_ctl_store_commands[] = {
    {.group = "store",
     .verb = "export",
     .summary = "Write the whole registry into a file; the server may run.",
     .args = MOVE_ARGS,
     .run = store_export,
     .apart = true},
    {.group = "store",
     .verb = "import",
     .summary = "Fill an empty registry from a file; the server must not run.",
     .args = MOVE_ARGS,
     .run = store_import,
     .apart = true},
    {.group = "backup",
     .verb = "",
     .summary = "Copy the registry of the running server of --data DIR, and what MQTT keeps, into new SQLite files.",
     .args = VCH_CTL_ARGS({"FILE", NULL, NULL, VCH_CTL_REQUIRED, "the registry's copy; the other's is FILE.messages"},
                          {"--messages-only", NULL, NULL, 0, "copy sessions and messages alone, into FILE"}),
     .op = VCH_OP_BACKUP_REGISTRY,
     .run = backup},
    {.group = NULL},
};
