#include "ctl/run.h"

#include <string.h>

#include "ctl/output.h"

enum { ARENA_MAX = 256 << 20, OUTPUT_MAX = 256 << 20 };

enum vch_ctl_exit vch_ctl_print_text(struct vch_ctl *ctl, struct vch_str text) {
    if (text.len && fwrite(text.ptr, 1, text.len, ctl->out) != text.len)
        return vch_ctl_fail(ctl, "cannot write the answer");
    return fflush(ctl->out) == 0 ? VCH_CTL_DONE : vch_ctl_fail(ctl, "cannot write the answer");
}

enum vch_ctl_exit vch_ctl_print(struct vch_ctl *ctl, const struct vch_val *out, const char *list, const char *columns) {
    struct vch_buf buf;
    struct vch_str text;
    if (ctl->table && out->count == 0) return VCH_CTL_DONE;
    vch_buf_init_secret(&buf, OUTPUT_MAX);
    if (!ctl->table)
        vch_ctl_json(out, &buf);
    else if (list)
        vch_ctl_table(vch_val_get(out, list), columns, &buf);
    else
        vch_ctl_lines(out, &buf);
    enum vch_ctl_exit exit = VCH_CTL_DONE;
    if (vch_buf_finish(&buf, &text) == VCH_OK)
        exit = vch_ctl_print_text(ctl, text);
    else
        exit = vch_ctl_fail(ctl, "the answer is too large to print");
    vch_buf_deinit(&buf);
    return exit;
}

static enum vch_ctl_exit gather_one(struct vch_ctl *ctl, const struct vch_ctl_arg *arg, enum vch_op op,
                                    const char *value, struct vch_val *inputs) {
    struct vch_str text = vch_str_from(value);
    if ((arg->flags & VCH_CTL_FILE) && vch_ctl_read(value, ctl->arena, &text, ctl->err) != VCH_OK) return VCH_CTL_USAGE;
    if (vch_ctl_put(ctl, op, inputs, arg->input, text)) return VCH_CTL_DONE;
    return vch_ctl_fail(ctl, "%s is not a value for %s", value, arg->name);
}

/* All values of an argument that may be given again: the input is a list. */
static enum vch_ctl_exit gather_list(struct vch_ctl *ctl, const struct vch_ctl_arg *arg, const char *const *values, size_t count,
                                     struct vch_val *inputs) {
    struct vch_val *list = vch_val_put_list(ctl->arena, inputs, arg->input);
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < count; i++) ok = vch_val_push_str(ctl->arena, list, vch_str_from(values[i])) == VCH_OK;
    return ok ? VCH_CTL_DONE : vch_ctl_fail(ctl, "out of memory");
}

/* "input=value" of the row. */
static bool put_preset(struct vch_ctl *ctl, const struct vch_ctl_command *command, enum vch_op op,
                       struct vch_val *inputs) {
    struct vch_str preset = vch_str_from(command->preset);
    size_t equals = vch_str_find(preset, '=', 0);
    if (equals == SIZE_MAX) return true;
    struct vch_str name = vch_arena_str(ctl->arena, vch_str_sub(preset, 0, equals));
    return name.ptr && vch_ctl_put(ctl, op, inputs, name.ptr, vch_str_sub(preset, equals + 1, SIZE_MAX));
}

enum vch_ctl_exit vch_ctl_gather(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, enum vch_op op,
                                 struct vch_val **ret) {
    const struct vch_ctl_command *command = parsed->command;
    *ret = vch_ctl_inputs(ctl);
    if (!*ret || !put_preset(ctl, command, op, *ret)) return vch_ctl_fail(ctl, "out of memory");
    for (size_t i = 0; command->args[i].name; i++) {
        if (!command->args[i].input || parsed->counts[i] == 0) continue;
        const struct vch_ctl_arg *arg = &command->args[i];
        enum vch_ctl_exit exit = arg->flags & VCH_CTL_REPEAT ? gather_list(ctl, arg, parsed->values[i], parsed->counts[i], *ret)
                                                             : gather_one(ctl, arg, op, parsed->values[i][0], *ret);
        if (exit != VCH_CTL_DONE) return exit;
    }
    return VCH_CTL_DONE;
}

static enum vch_ctl_exit run_row(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    const struct vch_ctl_command *command = parsed->command;
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, command->op, &inputs);
    if (exit != VCH_CTL_DONE) return exit;
    exit = command->list ? vch_ctl_call_all(ctl, command->op, inputs, command->list, &out)
                         : vch_ctl_call(ctl, command->op, inputs, &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, command->list, command->columns) : exit;
}

enum vch_ctl_exit vch_ctl_run_command(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return parsed->command->run ? parsed->command->run(ctl, parsed) : run_row(ctl, parsed);
}

static enum vch_ctl_exit run_in(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    bool given = parsed->globals.data || parsed->globals.endpoint_url;
    if (parsed->command->apart || (parsed->command->offline && !given)) return vch_ctl_run_command(ctl, parsed);
    enum vch_ctl_exit exit = vch_ctl_site_load(&parsed->globals, ctl->arena, &ctl->site, ctl->err);
    if (exit != VCH_CTL_DONE) return exit;
    const struct vch_http_client_options options = {
        .ca_file = ctl->site.ca_file.len ? ctl->site.ca_file.ptr : NULL,
        .user_agent = "vouch/" VOUCH_VERSION,
        .direct = ctl->site.local,
    };
    ctl->client = vch_http_client_new(&options);
    if (!ctl->client) return vch_ctl_fail(ctl, "out of memory");
    exit = vch_ctl_run_command(ctl, parsed);
    vch_http_client_free(ctl->client);
    return exit;
}

enum vch_ctl_exit vch_ctl_run(const struct vch_ctl_parsed *parsed, FILE *out, FILE *err) {
    struct vch_ctl ctl = {.table = parsed->globals.table, .out = out, .err = err};
    ctl.arena = vch_arena_new(ARENA_MAX, true);
    if (!ctl.arena) return vch_ctl_fail(&ctl, "out of memory");
    enum vch_ctl_exit exit = run_in(&ctl, parsed);
    vch_arena_free(ctl.arena);
    return exit;
}
