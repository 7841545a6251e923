/* The ledger: who did what, in a chain of hashes with signed checkpoints. */
#include <string.h>

#include "base/file.h"
#include "ctl/ledger_file.h"
#include "ctl/run.h"

enum { FILE_MAX = 1 << 30, PAGE_ARENA = 64 << 20 };

static const struct vch_ctl_arg none[] = {{.name = NULL}};

/* ---- export ---- */

struct exporting {
    struct vch_ctl *ctl;
    enum vch_op op;
    const char *list, *kind; /* of the answer; of the file */
    int64_t until;           /* 0: to the end */
    struct vch_buf *buf;
};

static enum vch_err put_items(const struct exporting *e, const struct vch_val *list) {
    for (size_t i = 0; list && i < list->count; i++) {
        int64_t seq = vch_val_int_at(&list->items[i], "sequence", 0);
        if (e->until == 0 || seq <= e->until) VCH_TRY(vch_ledger_file_line(e->kind, &list->items[i], e->ctl->arena, e->buf));
    }
    return VCH_OK;
}

/* One page; *after is where the next one begins, empty at the end. */
static enum vch_ctl_exit put_page(const struct exporting *e, char after[32]) {
    struct vch_val *inputs = vch_ctl_inputs(e->ctl);
    const struct vch_val *out = NULL;
    bool ok = inputs && vch_ctl_put(e->ctl, e->op, inputs, "maxResults", VCH_STR("250")) &&
              (!after[0] || vch_ctl_put(e->ctl, e->op, inputs, "nextToken", vch_str_from(after)));
    enum vch_ctl_exit exit = ok ? vch_ctl_call(e->ctl, e->op, inputs, &out) : vch_ctl_fail(e->ctl, "out of memory");
    if (exit != VCH_CTL_DONE) return exit;
    if (put_items(e, vch_val_get(out, e->list)) != VCH_OK) return vch_ctl_fail(e->ctl, "out of memory");
    if (!vch_str_copy(after, 32, vch_val_str_at(out, "nextToken"))) return vch_ctl_fail(e->ctl, "the server's answer cannot be read");
    return VCH_CTL_DONE;
}

/* Each page has memory of its own: a ledger may be long. */
static enum vch_ctl_exit put_all(const struct exporting *e) {
    struct vch_arena *whole = e->ctl->arena, *page = vch_arena_new(PAGE_ARENA, false);
    enum vch_ctl_exit exit = page ? VCH_CTL_DONE : vch_ctl_fail(e->ctl, "out of memory");
    char after[32] = "";
    int64_t at = 0;
    while (exit == VCH_CTL_DONE) {
        vch_arena_reset(page);
        e->ctl->arena = page;
        exit = put_page(e, after);
        e->ctl->arena = whole;
        bool beyond = e->until && vch_str_int(vch_str_from(after), &at) == VCH_OK && at >= e->until;
        if (!after[0] || beyond) break;
    }
    vch_arena_free(page);
    return exit;
}

static enum vch_ctl_exit gather_file(struct vch_ctl *ctl, int64_t until, struct vch_buf *buf) {
    const struct exporting rows = {ctl, VCH_OP_LIST_LEDGER, "entries", "entry", until, buf};
    struct vch_str account;
    enum vch_ctl_exit exit = vch_ctl_account(ctl, &account);
    if (exit != VCH_CTL_DONE) return exit;
    struct vch_buf signed_ones;
    struct vch_str text = {NULL, 0};
    vch_buf_init(&signed_ones, FILE_MAX);
    const struct exporting checkpoints = {ctl, VCH_OP_LIST_LEDGER_CHECKPOINTS, "checkpoints", "checkpoint", until, &signed_ones};
    vch_ledger_file_head(account, buf);
    /* Asked for before the rows, so that each of them is of a row that comes; written behind them. */
    exit = put_all(&checkpoints);
    if (exit == VCH_CTL_DONE) exit = put_all(&rows);
    if (exit == VCH_CTL_DONE && vch_buf_finish(&signed_ones, &text) == VCH_OK) vch_buf_str(buf, text);
    vch_buf_deinit(&signed_ones);
    return exit;
}

static enum vch_ctl_exit write_out(struct vch_ctl *ctl, const char *path, struct vch_buf *buf) {
    struct vch_diag diag = {0};
    struct vch_str text;
    if (vch_buf_finish(buf, &text) != VCH_OK) return vch_ctl_fail(ctl, "the ledger is too large for one file; use --until");
    if (!path || strcmp(path, "-") == 0) return vch_ctl_print_text(ctl, text);
    if (vch_file_write(path, text, 0600, &diag) != VCH_OK) return vch_ctl_fail(ctl, "%s", diag.message);
    return VCH_CTL_DONE;
}

static enum vch_ctl_exit export_ledger(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    const char *until = vch_ctl_arg(parsed, "--until");
    struct vch_buf buf;
    int64_t last = 0;
    if (until && (vch_str_int(vch_str_from(until), &last) != VCH_OK || last < 1)) return vch_ctl_fail(ctl, "%s is not a value for --until", until);
    vch_buf_init(&buf, FILE_MAX);
    enum vch_ctl_exit exit = gather_file(ctl, last, &buf);
    if (exit == VCH_CTL_DONE) exit = write_out(ctl, vch_ctl_arg(parsed, "--out"), &buf);
    vch_buf_deinit(&buf);
    return exit;
}

/* ---- verify ---- */

static enum vch_ctl_exit print_verdict(struct vch_ctl *ctl, const struct vch_ledger_verdict *v) {
    struct vch_val *map = vch_ctl_inputs(ctl);
    bool ok = map && vch_val_put_bool(ctl->arena, map, "verified", true) == VCH_OK &&
              vch_val_put_int(ctl->arena, map, "entries", v->entries) == VCH_OK &&
              vch_val_put_int(ctl->arena, map, "first", v->first) == VCH_OK &&
              vch_val_put_int(ctl->arena, map, "last", v->last) == VCH_OK &&
              vch_val_put_int(ctl->arena, map, "checkpoints", v->checkpoints) == VCH_OK &&
              vch_val_put_int(ctl->arena, map, "signedUpTo", v->vouched) == VCH_OK;
    return ok ? vch_ctl_print(ctl, map, NULL, NULL) : vch_ctl_fail(ctl, "out of memory");
}

static enum vch_err read_into(const char *path, struct vch_buf *buf, struct vch_str *ret, struct vch_diag *diag) {
    VCH_TRY(vch_file_read(path, buf, diag));
    return vch_buf_finish(buf, ret);
}

/* Nobody is asked: the file, and the public key of the ledger. */
static enum vch_ctl_exit verify_file(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    const char *file = vch_ctl_arg(parsed, "FILE"), *key = vch_ctl_arg(parsed, "KEY");
    struct vch_buf rows, key_text;
    struct vch_str text, public_key;
    struct vch_ledger_verdict verdict = {.entries = 0};
    struct vch_diag diag = {0};
    vch_buf_init(&rows, FILE_MAX);
    vch_buf_init(&key_text, 65536);
    enum vch_err err = read_into(key, &key_text, &public_key, &diag);
    bool readable = err == VCH_OK && (err = read_into(file, &rows, &text, &diag)) == VCH_OK;
    if (readable) err = vch_ledger_file_verify(text, public_key, &verdict, &diag);
    vch_buf_deinit(&key_text);
    vch_buf_deinit(&rows);
    if (err == VCH_OK && verdict.vouched >= verdict.first && verdict.vouched) return print_verdict(ctl, &verdict);
    if (err == VCH_OK) (void)vch_diag_set(&diag, VCH_ERR_CONFLICT, NULL, "", "No checkpoint signs a row of this file, so anybody could have written it; ask for one, then export.");
    enum vch_ctl_exit exit = vch_ctl_fail(ctl, "%s", diag.message[0] ? diag.message : vch_err_word(err));
    return readable ? VCH_CTL_REFUSED : exit;
}

const struct vch_ctl_command vch_ctl_ledger_commands[] = {
    {.group = "ledger",
     .verb = "list",
     .summary = "Print the ledger, oldest rows first.",
     .args = VCH_CTL_ARGS({"NAME", NULL, "any", 0, "only of this thing, client, claim, certificate, template, address or user"},
                          {"--event", "EVENT", "event", 0, "only this event, such as thing-registered"},
                          {"--outcome", "OUTCOME", "outcome", 0, "only with this outcome: ok, or a reason"},
                          {"--newest", NULL, "newestFirst", 0, "newest rows first"}),
     .op = VCH_OP_LIST_LEDGER,
     .list = "entries",
     .columns = "sequence time:time event actor thingName templateName outcome"},
    {.group = "ledger",
     .verb = "show",
     .summary = "Show one row with all that it holds.",
     .args = VCH_CTL_ARGS({"SEQUENCE", NULL, "sequence", VCH_CTL_REQUIRED, "number of the row"}),
     .op = VCH_OP_GET_LEDGER_ENTRY},
    {.group = "ledger",
     .verb = "verify",
     .summary = "Recompute the ledger's chain of hashes, and check its signatures.",
     .args = none,
     .op = VCH_OP_VERIFY_LEDGER},
    {.group = "ledger",
     .verb = "verify-file",
     .summary = "Verify an exported ledger; asks no server.",
     .args = VCH_CTL_ARGS({"FILE", NULL, NULL, VCH_CTL_REQUIRED, "the exported ledger"},
                          {"KEY", NULL, NULL, VCH_CTL_REQUIRED, "the ledger's public key, such as DIR/ledger.pub.pem"}),
     .run = verify_file,
     .apart = true},
    {.group = "ledger",
     .verb = "checkpoint",
     .summary = "Sign the end of the ledger as it is now.",
     .args = none,
     .op = VCH_OP_CHECKPOINT_LEDGER},
    {.group = "ledger",
     .verb = "checkpoints",
     .summary = "List the signed checkpoints.",
     .args = none,
     .op = VCH_OP_LIST_LEDGER_CHECKPOINTS,
     .list = "checkpoints",
     .columns = "sequence time:time hash"},
    {.group = "ledger",
     .verb = "export",
     .summary = "Write the ledger and its checkpoints, to be kept and verified elsewhere.",
     .args = VCH_CTL_ARGS({"--until", "SEQUENCE", NULL, 0, "up to this row"}, {"--out", "FILE", NULL, 0, "into this file (600); - is standard output"}),
     .run = export_ledger},
    {.group = "ledger",
     .verb = "prune",
     .summary = "Take away the rows up to a signed checkpoint; export them first.",
     .args = VCH_CTL_ARGS({"SEQUENCE", NULL, "until", VCH_CTL_REQUIRED, "row of the checkpoint"}),
     .op = VCH_OP_PRUNE_LEDGER},
    {.group = NULL},
};
