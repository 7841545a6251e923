/* Documents looked at before they are stored; asks no server, unless one is
 * named, which then tells whether what a template names is there. */
#include "core/lint_report.h"

#include "ctl/run.h"

/* The mended document on its own, and what was done to it as complaints. */
static enum vch_ctl_exit mend(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, struct vch_str text) {
    struct vch_diag diag = {0};
    struct vch_lint lint = {.count = 0};
    struct vch_str document;
    const char *account = vch_ctl_arg(parsed, "--account");
    enum vch_err err = vch_lint_mend(text, vch_str_from(account), ctl->arena, &document, &lint, &diag);
    if (err != VCH_OK) return vch_ctl_fail(ctl, "%s", diag.message[0] ? diag.message : vch_err_word(err));
    for (size_t i = 0; i < lint.count; i++)
        (void)vch_ctl_fail(ctl, "%s: %.*s", lint.findings[i].rule, VCH_STR_ARG(lint.findings[i].sentence));
    enum vch_ctl_exit exit = vch_ctl_print_text(ctl, document);
    return exit == VCH_CTL_DONE ? vch_ctl_print_text(ctl, VCH_STR("\n")) : exit;
}

static enum vch_lint_kind kind_of(const struct vch_ctl_parsed *parsed) {
    return vch_ctl_switch(parsed, "--iam") ? VCH_LINT_KIND_IAM : VCH_LINT_KIND_GUESS;
}

static enum vch_ctl_exit ask_server(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, struct vch_str text,
                                    const struct vch_val **ret) {
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    bool iam = kind_of(parsed) == VCH_LINT_KIND_IAM;
    bool ok = inputs && vch_ctl_put(ctl, VCH_OP_LINT_DOCUMENT, inputs, "document", text) &&
              (!iam || vch_ctl_put(ctl, VCH_OP_LINT_DOCUMENT, inputs, "kind", VCH_STR("iam"))) &&
              vch_val_put_bool(ctl->arena, inputs, "hook", vch_ctl_switch(parsed, "--hook")) == VCH_OK;
    return ok ? vch_ctl_call(ctl, VCH_OP_LINT_DOCUMENT, inputs, ret) : vch_ctl_fail(ctl, "out of memory");
}

static enum vch_ctl_exit look_here(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, struct vch_str text,
                                   const struct vch_val **ret) {
    const struct vch_lint_template_options options = {.hook = vch_ctl_switch(parsed, "--hook")};
    struct vch_val *out = vch_ctl_inputs(ctl);
    *ret = out;
    if (!out || vch_lint_report(kind_of(parsed), text, &options, ctl->arena, out) != VCH_OK)
        return vch_ctl_fail(ctl, "out of memory");
    return VCH_CTL_DONE;
}

static enum vch_ctl_exit lint(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_str text;
    const struct vch_val *out = NULL;
    if (vch_ctl_read(vch_ctl_arg(parsed, "FILE"), ctl->arena, &text, ctl->err) != VCH_OK) return VCH_CTL_USAGE;
    if (vch_ctl_switch(parsed, "--mend")) return mend(ctl, parsed, text);
    enum vch_ctl_exit exit = ctl->client ? ask_server(ctl, parsed, text, &out) : look_here(ctl, parsed, text, &out);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_print(ctl, out, "findings", "rule field sentence");
    return exit == VCH_CTL_DONE && !vch_val_bool_at(out, "valid", false) ? VCH_CTL_USAGE : exit;
}

const struct vch_ctl_command vch_ctl_lint_commands[] = {
    {.group = "lint",
     .verb = "",
     .summary = "Check a policy or a template before it is stored; status 1 when it would be refused.",
     .args = VCH_CTL_ARGS({"FILE", NULL, NULL, VCH_CTL_REQUIRED, "the document (JSON); - is standard input"},
                          {"--iam", NULL, NULL, 0, "it is an IAM policy, for users"},
                          {"--hook", NULL, NULL, 0, "the template will have a pre-provisioning hook"},
                          {"--mend", NULL, NULL, 0, "print a policy with its obvious faults mended"},
                          {"--account", "ID", NULL, 0, "with --mend: put this for a placeholder account"}),
     .run = lint,
     .offline = true},
    {.group = NULL},
};
