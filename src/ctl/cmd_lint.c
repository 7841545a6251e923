/* Documents looked at before they are stored; asks no server, unless one is
 * named, which then tells whether what a template names is there. */
#include "core/lint.h"

#include <string.h>

#include "core/template.h"
#include "ctl/run.h"

struct report {
    struct vch_ctl *ctl;
    struct vch_val *findings;
    bool valid, failed; /* failed: memory */
};

static void add(struct report *r, const char *rule, struct vch_str field, struct vch_str sentence) {
    struct vch_val *row = vch_val_push_map(r->ctl->arena, r->findings);
    bool ok = row && vch_val_put_str(r->ctl->arena, row, "rule", vch_str_from(rule)) == VCH_OK &&
              vch_val_put_str(r->ctl->arena, row, "field", field) == VCH_OK &&
              vch_val_put_str(r->ctl->arena, row, "sentence", sentence) == VCH_OK;
    if (!ok) r->failed = true;
}

static void add_all(struct report *r, const struct vch_lint *lint) {
    for (size_t i = 0; i < lint->count; i++)
        add(r, lint->findings[i].rule, lint->findings[i].field, lint->findings[i].sentence);
}

/* What the server would refuse. */
static void add_refusal(struct report *r, const struct vch_diag *diag) {
    r->valid = false;
    struct vch_str field = vch_arena_str(r->ctl->arena, vch_str_from(diag->field));
    struct vch_str message = vch_arena_str(r->ctl->arena, vch_str_from(diag->message));
    add(r, diag->reason ? diag->reason : "invalid", field, message);
}

static const struct {
    enum vch_op op;
    const char *input;
} lookups[] = {
    [VCH_LINT_POLICY] = {VCH_OP_GET_POLICY, "policyName"},
    [VCH_LINT_THING_TYPE] = {VCH_OP_DESCRIBE_THING_TYPE, "thingTypeName"},
    [VCH_LINT_THING_GROUP] = {VCH_OP_DESCRIBE_THING_GROUP, "thingGroupName"},
    [VCH_LINT_BILLING_GROUP] = {VCH_OP_DESCRIBE_BILLING_GROUP, "billingGroupName"},
};

/* Only what the server says is not there is missing. */
static bool exists(void *arg, enum vch_lint_name kind, struct vch_str name) {
    struct vch_ctl *ctl = arg;
    struct vch_ctl_error error = {.code = ""};
    const struct vch_val *out = NULL;
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    if (!inputs || !vch_ctl_put(ctl, lookups[kind].op, inputs, lookups[kind].input, name)) return true;
    return vch_ctl_try(ctl, lookups[kind].op, inputs, &out, &error) != VCH_CTL_REFUSED ||
           strcmp(error.code, "ResourceNotFoundException") != 0;
}

static void check_template(struct report *r, struct vch_str text, bool hook) {
    struct vch_diag diag = {0};
    struct vch_lint lint = {.count = 0};
    const struct vch_lint_template_options options = {
        .hook = hook, .exists = r->ctl->client ? exists : NULL, .arg = r->ctl};
    if (vch_template_check(VCH_TEMPLATE_FLEET, text, &diag) != VCH_OK) add_refusal(r, &diag);
    else if (vch_lint_template(text, &options, r->ctl->arena, &lint, NULL) == VCH_OK) add_all(r, &lint);
}

static void check_policy(struct report *r, enum vch_policy_kind kind, struct vch_str text) {
    struct vch_diag diag = {0};
    struct vch_policy *policy = NULL;
    struct vch_lint lint = {.count = 0};
    if (vch_policy_parse(kind, VCH_STR("policy"), text, &policy, &diag) != VCH_OK) add_refusal(r, &diag);
    vch_policy_unref(policy);
    if (vch_lint_policy(kind, text, r->ctl->arena, &lint, NULL) == VCH_OK) add_all(r, &lint);
}

static bool is_template(struct vch_ctl *ctl, struct vch_str text) {
    struct vch_val *val = NULL;
    if (vch_json_decode(text, &VCH_VAL_LIMITS_DEFAULT, ctl->arena, &val, NULL) != VCH_OK) return false;
    return vch_val_get(val, "Resources") != NULL;
}

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

/* A document that is refused for faults with one obvious remedy: the remedies
 * as findings, and the document as it would be taken. */
static void offer_mended(struct report *r, struct vch_str text, struct vch_val *out) {
    struct vch_lint lint = {.count = 0};
    struct vch_str document;
    struct vch_val *mended = NULL;
    if (vch_lint_mend(text, VCH_STR(""), r->ctl->arena, &document, &lint, NULL) != VCH_OK || lint.count == 0) return;
    if (vch_json_decode(document, NULL, r->ctl->arena, &mended, NULL) != VCH_OK) return;
    add_all(r, &lint);
    struct vch_val *slot = vch_val_put(r->ctl->arena, out, "mended");
    if (slot) *slot = *mended;
    else r->failed = true;
}

static enum vch_ctl_exit lint(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_str text;
    struct vch_val *out = vch_ctl_inputs(ctl);
    if (vch_ctl_read(vch_ctl_arg(parsed, "FILE"), ctl->arena, &text, ctl->err) != VCH_OK) return VCH_CTL_USAGE;
    if (vch_ctl_switch(parsed, "--mend")) return mend(ctl, parsed, text);
    struct report r = {.ctl = ctl, .findings = vch_val_put_list(ctl->arena, out, "findings"), .valid = true};
    enum vch_policy_kind kind = vch_ctl_switch(parsed, "--iam") ? VCH_POLICY_IAM : VCH_POLICY_IOT;
    if (!r.findings) return vch_ctl_fail(ctl, "out of memory");
    if (is_template(ctl, text))
        check_template(&r, text, vch_ctl_switch(parsed, "--hook"));
    else
        check_policy(&r, kind, text);
    if (!r.valid) offer_mended(&r, text, out);
    if (r.failed || vch_val_put_bool(ctl->arena, out, "valid", r.valid) != VCH_OK)
        return vch_ctl_fail(ctl, "out of memory");
    enum vch_ctl_exit exit = vch_ctl_print(ctl, out, "findings", "rule field sentence");
    return exit == VCH_CTL_DONE && !r.valid ? VCH_CTL_USAGE : exit;
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
