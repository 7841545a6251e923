#include "agent/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/file.h"

static const char free_space[] = "Check that the folder may be written and the disk is not full.";

const char *vch_state_path(const struct vch_state *state, const char *fmt, ...) {
    char name[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    struct vch_str path = vch_arena_printf(state->arena, "%.*s/%s", VCH_STR_ARG(state->dir), name);
    return path.ptr ? path.ptr : "";
}

static enum vch_exit take_lock(struct vch_state *state, struct vch_outcome *outcome) {
    const char *path = vch_state_path(state, ".lock");
    state->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (state->lock_fd < 0)
        return vch_outcome_set(outcome, VCH_EXIT_LOCAL, free_space, "Could not open %s: %s.", path, strerror(errno));
    if (flock(state->lock_fd, LOCK_EX | LOCK_NB) == 0) return VCH_EXIT_OK;
    return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Stop it, or give this one another --state-dir.",
                           "Another agent is using the state folder %.*s.", VCH_STR_ARG(state->dir));
}

/* NAME.<16 hexadecimal digits>.tmp: a file that a crash kept from its place. */
static bool is_leftover(struct vch_str name) {
    struct vch_str tail = vch_str_sub(name, name.len < 21 ? name.len : name.len - 21, 21);
    uint8_t random[8];
    return tail.len == 21 && tail.ptr[0] == '.' && vch_str_ends(tail, VCH_STR(".tmp")) &&
           vch_unhex(vch_str_sub(tail, 1, 16), random, sizeof random) == VCH_OK;
}

static void sweep(const char *folder) {
    DIR *dir = opendir(folder);
    if (!dir) return;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        if (is_leftover(vch_str_from(entry->d_name))) (void)unlinkat(dirfd(dir), entry->d_name, 0);
    (void)closedir(dir);
}

enum vch_exit vch_state_open(struct vch_state *state, struct vch_str dir, struct vch_arena *arena,
                             struct vch_outcome *outcome) {
    struct vch_diag diag = {0};
    while (dir.len > 1 && dir.ptr[dir.len - 1] == '/') dir.len--;
    *state = (struct vch_state){.arena = arena, .dir = vch_arena_str(arena, dir), .lock_fd = -1};
    if (dir.len == 0)
        return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Set HOME, or give --state-dir.",
                               "The state folder has no name.");
    if (vch_dir_make(state->dir.ptr, 0700, &diag) != VCH_OK ||
        vch_dir_make(vch_state_path(state, "keys"), 0700, &diag) != VCH_OK)
        return vch_outcome_diag(outcome, VCH_EXIT_LOCAL, free_space, &diag);
    VCH_STEP(take_lock(state, outcome));
    sweep(state->dir.ptr);
    sweep(vch_state_path(state, "keys"));
    return VCH_EXIT_OK;
}

void vch_state_close(struct vch_state *state) {
    if (state->lock_fd >= 0) (void)close(state->lock_fd);
    state->lock_fd = -1;
}

enum vch_exit vch_state_write(const char *path, struct vch_str bytes, unsigned mode, struct vch_outcome *outcome) {
    struct vch_diag diag = {0};
    if (vch_file_write(path, bytes, mode, &diag) == VCH_OK) return VCH_EXIT_OK;
    return vch_outcome_diag(outcome, VCH_EXIT_LOCAL, free_space, &diag);
}

/* ---- runtime file ------------------------------------------------------- */

static int port_at(const struct vch_val *map, const char *name) {
    int64_t port = vch_val_int_at(map, name, 0);
    return port > 0 && port < 65536 ? (int)port : 0;
}

void vch_runtime_read(const struct vch_val *document, struct vch_runtime *ret) {
    const struct vch_val *map = vch_val_get(document, "runtime-config");
    *ret = (struct vch_runtime){
        .cert = vch_val_str_at(map, "cert"),
        .key = vch_val_str_at(map, "key"),
        .thing_name = vch_val_str_at(map, "thing-name"),
        .endpoint = vch_val_str_at(map, "endpoint"),
        .root_ca = vch_val_str_at(map, "root-ca"),
        .template_name = vch_val_str_at(map, "template-name"),
        .mqtt_port = port_at(map, "mqtt-port"),
        .edge_port = port_at(map, "edge-port"),
    };
    ret->completed =
        vch_val_bool_at(map, "completed-fp", false) && ret->cert.len && ret->key.len && ret->thing_name.len;
}

static struct vch_str device_config(const struct vch_state *state, const struct vch_val *document) {
    struct vch_buf buf;
    struct vch_str text = VCH_STR("");
    const struct vch_val *map = vch_val_get(vch_val_get(document, "runtime-config"), "device-config");
    if (!vch_val_is(map, VCH_VAL_MAP)) return text;
    vch_buf_init(&buf, 262144);
    vch_json_encode(map, &buf);
    text = vch_buf_finish(&buf, &text) == VCH_OK ? vch_arena_str(state->arena, text) : VCH_STR("");
    vch_buf_deinit(&buf);
    return text;
}

void vch_runtime_load(const struct vch_state *state, struct vch_runtime *ret, struct vch_report *report) {
    struct vch_buf text;
    struct vch_diag diag = {0};
    struct vch_val *document = NULL;
    const char *path = vch_state_path(state, VCH_RUNTIME_FILE);
    *ret = (struct vch_runtime){0};
    vch_buf_init(&text, 262144);
    enum vch_err err = vch_file_read(path, &text, &diag);
    if (err == VCH_OK) err = vch_json_decode(vch_str_of(text.ptr, text.len), NULL, state->arena, &document, &diag);
    vch_buf_deinit(&text);
    if (err == VCH_OK) {
        vch_runtime_read(document, ret);
        ret->device_config = device_config(state, document);
    }
    if (err != VCH_OK && err != VCH_ERR_NOT_FOUND)
        vch_report_line(report, VCH_REPORT_ERROR, "runtime", "The runtime file %s is not used: %s", path, diag.message);
    else if (err == VCH_OK && !ret->completed &&
             vch_val_bool_at(vch_val_get(document, "runtime-config"), "completed-fp", false))
        vch_report_line(report, VCH_REPORT_ERROR, "runtime",
                        "The runtime file %s lacks cert, key or thing-name and is not used.", path);
}

static void member(struct vch_buf *buf, const char *name, struct vch_str value) {
    if (value.ptr == NULL) return;
    vch_buf_printf(buf, ", \"%s\": ", name);
    vch_json_encode_str(value, buf);
}

enum vch_exit vch_runtime_save(const struct vch_state *state, const struct vch_runtime *runtime,
                               struct vch_outcome *outcome) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 262144);
    vch_buf_printf(&buf, "{\"runtime-config\": {\"completed-fp\": %s", runtime->completed ? "true" : "false");
    member(&buf, "cert", runtime->cert);
    member(&buf, "key", runtime->key);
    member(&buf, "thing-name", runtime->thing_name);
    member(&buf, "endpoint", runtime->endpoint);
    member(&buf, "root-ca", runtime->root_ca);
    member(&buf, "template-name", runtime->template_name);
    if (runtime->mqtt_port) vch_buf_printf(&buf, ", \"mqtt-port\": %d", runtime->mqtt_port);
    if (runtime->edge_port) vch_buf_printf(&buf, ", \"edge-port\": %d", runtime->edge_port);
    vch_buf_c(&buf, ", \"device-config\": ");
    vch_buf_str(&buf, runtime->device_config.len ? runtime->device_config : VCH_STR("{}"));
    vch_buf_c(&buf, "}}\n");
    enum vch_exit exit = vch_buf_finish(&buf, &text) == VCH_OK
                             ? vch_state_write(vch_state_path(state, VCH_RUNTIME_FILE), text, 0640, outcome)
                             : vch_outcome_set(outcome, VCH_EXIT_LOCAL, NULL, "The runtime file would be too large.");
    vch_buf_deinit(&buf);
    return exit;
}
