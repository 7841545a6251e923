/* Pre-provisioning hooks: who is asked before a device is registered. */
#include <string.h>

#include "ctl/csv.h"
#include "ctl/pairs.h"
#include "ctl/run.h"

/* A request holds so many serials, or so many bytes of them. */
enum { ROWS_MAX = 500, ROW_BYTES_MAX = 100000 };

/* ---- asking --------------------------------------------------------------- */

static enum vch_ctl_exit test(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_TEST_HOOK, &inputs);
    struct vch_val *parameters = exit == VCH_CTL_DONE ? vch_val_put_map(ctl->arena, inputs, "parameters") : NULL;
    if (exit == VCH_CTL_DONE) exit = parameters ? vch_ctl_pairs(ctl, parsed, "--parameter", parameters) : vch_ctl_fail(ctl, "out of memory");
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, VCH_OP_TEST_HOOK, inputs, &out);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_print(ctl, out, NULL, NULL);
    if (exit != VCH_CTL_DONE) return exit;
    return vch_val_bool_at(out, "allowed", false) ? VCH_CTL_DONE : VCH_CTL_REFUSED;
}

/* ---- importing ------------------------------------------------------------ */

struct import {
    struct vch_ctl *ctl;
    const char *hook;
    bool replace; /* with the next request */
    struct vch_csv_record header;
    struct vch_val *serials; /* of the next request */
    size_t bytes;
    int64_t done;
};

static enum vch_ctl_exit send_rows(struct import *im) {
    const struct vch_val *out = NULL;
    struct vch_val *inputs = vch_ctl_inputs(im->ctl);
    bool ok = inputs && vch_val_put_str(im->ctl->arena, inputs, "hookName", vch_str_from(im->hook)) == VCH_OK &&
              vch_val_put_bool(im->ctl->arena, inputs, "replaceAll", im->replace) == VCH_OK;
    struct vch_val *slot = ok ? vch_val_put(im->ctl->arena, inputs, "serials") : NULL;
    if (!slot) return vch_ctl_fail(im->ctl, "out of memory");
    *slot = *im->serials;
    im->done += (int64_t)im->serials->count;
    im->serials = vch_val_new_list(im->ctl->arena);
    im->bytes = 0;
    im->replace = false;
    if (!im->serials) return vch_ctl_fail(im->ctl, "out of memory");
    return vch_ctl_call(im->ctl, VCH_OP_PUT_HOOK_SERIALS, inputs, &out);
}

/* An empty cell overrides nothing. */
static bool put_row(struct import *im, const struct vch_csv_record *row) {
    struct vch_arena *arena = im->ctl->arena;
    struct vch_val *map = vch_val_push_map(arena, im->serials), *overrides = map ? vch_val_put_map(arena, map, "parameterOverrides") : NULL;
    if (!overrides || vch_val_put_str(arena, map, "serial", row->fields[0]) != VCH_OK) return false;
    for (size_t i = 1; i < row->count; i++) {
        if (!row->fields[i].len) continue;
        struct vch_val *slot = vch_val_put_str_name(arena, overrides, im->header.fields[i]);
        if (!slot) return false;
        *slot = (struct vch_val){.type = VCH_VAL_STR, .str = row->fields[i]};
        im->bytes += row->fields[i].len + im->header.fields[i].len + 8;
    }
    im->bytes += row->fields[0].len + 40;
    return true;
}

static enum vch_ctl_exit add_row(struct import *im, const struct vch_csv_record *row) {
    if (row->count > im->header.count || row->fields[0].len == 0)
        return vch_ctl_fail(im->ctl, "line %zu: %s", row->line, row->fields[0].len ? "more fields than the first line names" : "no serial");
    if (!put_row(im, row)) return vch_ctl_fail(im->ctl, "out of memory");
    return im->serials->count < ROWS_MAX && im->bytes < ROW_BYTES_MAX ? VCH_CTL_DONE : send_rows(im);
}

/* The first line names the columns, unless there is one column alone. */
static bool is_header(const struct vch_csv_record *first) {
    return first->count > 1 || vch_str_ieq(first->fields[0], VCH_STR("serial"));
}

static enum vch_ctl_exit import_text(struct import *im, struct vch_str text) {
    struct vch_csv csv = {.rest = text};
    struct vch_csv_record row;
    bool more = true;
    for (bool first = true;; first = false) {
        enum vch_err err = vch_csv_next(&csv, im->ctl->arena, &row, &more);
        if (err != VCH_OK) return vch_ctl_fail(im->ctl, "line %zu: %s", row.line, err == VCH_ERR_TOO_LARGE ? "too many fields" : "quotes do not match");
        if (!more) break;
        if (first) im->header = row;
        if (first && row.count > 1 && !vch_str_ieq(row.fields[0], VCH_STR("serial")))
            return vch_ctl_fail(im->ctl, "the first line names the columns, and the first of them is serial");
        if (first && is_header(&row)) continue;
        enum vch_ctl_exit exit = add_row(im, &row);
        if (exit != VCH_CTL_DONE) return exit;
    }
    return im->serials->count ? send_rows(im) : VCH_CTL_DONE;
}

static enum vch_ctl_exit import_file(struct vch_ctl *ctl, const char *hook, const char *file, bool replace) {
    struct import *im = VCH_ARENA_NEW(ctl->arena, struct import);
    struct vch_val *out = vch_ctl_inputs(ctl);
    struct vch_str text;
    if (vch_ctl_read(file, ctl->arena, &text, ctl->err) != VCH_OK) return VCH_CTL_USAGE;
    if (!im || !out) return vch_ctl_fail(ctl, "out of memory");
    *im = (struct import){.ctl = ctl, .hook = hook, .replace = replace, .serials = vch_val_new_list(ctl->arena)};
    enum vch_ctl_exit exit = im->serials ? import_text(im, text) : vch_ctl_fail(ctl, "out of memory");
    if (exit != VCH_CTL_DONE) return exit;
    if (vch_val_put_int(ctl->arena, out, "imported", im->done) != VCH_OK) return vch_ctl_fail(ctl, "out of memory");
    return vch_ctl_print(ctl, out, NULL, NULL);
}

/* ---- other things that are done with lists ---------------------------------- */

static enum vch_ctl_exit list_rows(struct vch_ctl *ctl, const char *hook) {
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    const struct vch_val *out = NULL;
    if (!inputs || vch_val_put_str(ctl->arena, inputs, "hookName", vch_str_from(hook)) != VCH_OK) return vch_ctl_fail(ctl, "out of memory");
    enum vch_ctl_exit exit = vch_ctl_call_all(ctl, VCH_OP_LIST_HOOK_SERIALS, inputs, "serials", &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, "serials", "serial") : exit;
}

static enum vch_ctl_exit remove_row(struct vch_ctl *ctl, const char *hook, const char *serial) {
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    const struct vch_val *out = NULL;
    bool ok = inputs && vch_val_put_str(ctl->arena, inputs, "hookName", vch_str_from(hook)) == VCH_OK &&
              vch_val_put_str(ctl->arena, inputs, "serial", vch_str_from(serial)) == VCH_OK;
    return ok ? vch_ctl_call(ctl, VCH_OP_DELETE_HOOK_SERIAL, inputs, &out) : vch_ctl_fail(ctl, "out of memory");
}

static enum vch_ctl_exit allowlist(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    const char *action = vch_ctl_arg(parsed, "ACTION"), *hook = vch_ctl_arg(parsed, "HOOK"), *what = vch_ctl_arg(parsed, "FILE");
    if (strcmp(action, "list") == 0 && !what) return list_rows(ctl, hook);
    if (strcmp(action, "import") == 0 && what) return import_file(ctl, hook, what, vch_ctl_switch(parsed, "--replace"));
    if (strcmp(action, "remove") == 0 && what) return remove_row(ctl, hook, what);
    return vch_ctl_fail(ctl, "hook allowlist takes import HOOK FILE, list HOOK or remove HOOK SERIAL");
}

#define NAME                                                                                                           \
    { "NAME", NULL, "hookName", VCH_CTL_REQUIRED, "name of the hook" }

const struct vch_ctl_command vch_ctl_hook_commands[] = {
    {.group = "hook",
     .verb = "put",
     .summary = "Put a target behind a hook's ARN, or replace it.",
     .args = VCH_CTL_ARGS(NAME, {"KIND", NULL, "kind", VCH_CTL_REQUIRED, "https, program or allowlist"},
                          {"TARGET", NULL, "target", 0, "a URL, an absolute path, or the parameter that holds the serial (SerialNumber)"},
                          {"--target-arn", "ARN", "targetArn", 0, "what templates name (a Lambda function NAME of this account)"},
                          {"--timeout", "MS", "timeoutMs", 0, "until the answer must be there"},
                          {"--ca", "FILE", "caPem", VCH_CTL_FILE, "https: the only authorities to trust (PEM)"},
                          {"--certificate", "FILE", "certificatePem", VCH_CTL_FILE, "https: the server's client certificate (PEM)"},
                          {"--key", "FILE", "privateKeyPem", VCH_CTL_FILE, "https: its private key (PEM)"},
                          {"--secret", "FILE", "secret", VCH_CTL_FILE, "https: the key that requests are signed with"}),
     .op = VCH_OP_PUT_HOOK},
    {.group = "hook", .verb = "get", .summary = "Show a hook, without its secrets.", .args = VCH_CTL_ARGS(NAME), .op = VCH_OP_GET_HOOK},
    {.group = "hook",
     .verb = "list",
     .summary = "List all hooks.",
     .args = (const struct vch_ctl_arg[]){{.name = NULL}},
     .op = VCH_OP_LIST_HOOKS,
     .list = "hooks",
     .columns = "hookName kind target targetArn"},
    {.group = "hook",
     .verb = "delete",
     .summary = "Delete a hook; its templates provision nothing from then on.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_DELETE_HOOK},
    {.group = "hook",
     .verb = "test",
     .summary = "Ask a hook as a registration would.",
     .args = VCH_CTL_ARGS(NAME, {"--parameter", "NAME=VALUE", NULL, VCH_CTL_REPEAT, "a parameter of the device; may be repeated"},
                          {"--template", "NAME", "templateName", 0, "the template that it is asked for"},
                          {"--certificate-id", "ID", "certificateId", 0, "the certificate that it is asked about"},
                          {"--client-id", "ID", "clientId", 0, "the device's client id"}),
     .run = test},
    {.group = "hook",
     .verb = "allowlist",
     .summary = "Import, list or remove the serials of an allow-list.",
     .args = VCH_CTL_ARGS({"ACTION", NULL, NULL, VCH_CTL_REQUIRED, "import, list or remove"},
                          {"HOOK", NULL, NULL, VCH_CTL_REQUIRED, "name of the hook"},
                          {"FILE", NULL, NULL, 0, "import: lines of serial,PARAMETER,... (CSV); remove: the serial"},
                          {"--replace", NULL, NULL, 0, "import: what was there goes"}),
     .run = allowlist},
    {.group = NULL},
};
