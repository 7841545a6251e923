/* AWS IoT policies: what devices may do. */
#include <string.h>

#include "ctl/placeholder.h"
#include "ctl/run.h"
#include "ctl/target.h"
#include "ctl/warn.h"

static enum vch_ctl_exit with_account(struct vch_ctl *ctl, struct vch_str document, struct vch_str *ret) {
    struct vch_str account;
    struct vch_buf buf;
    struct vch_str text;
    enum vch_ctl_exit exit = vch_ctl_account(ctl, &account);
    if (exit != VCH_CTL_DONE) return exit;
    vch_buf_init(&buf, 4 << 20);
    vch_ctl_substitute(document, account, &buf);
    if (vch_buf_finish(&buf, &text) == VCH_OK)
        *ret = vch_arena_str(ctl->arena, text);
    else
        exit = vch_ctl_fail(ctl, "the document is too large");
    vch_buf_deinit(&buf);
    return exit;
}

/* A new policy, or a new default version of one that is there. */
static enum vch_ctl_exit store(struct vch_ctl *ctl, struct vch_str name, struct vch_str document) {
    struct vch_ctl_error error;
    const struct vch_val *out = NULL;
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    if (!inputs || !vch_ctl_put(ctl, VCH_OP_CREATE_POLICY, inputs, "policyName", name) ||
        !vch_ctl_put(ctl, VCH_OP_CREATE_POLICY, inputs, "policyDocument", document))
        return vch_ctl_fail(ctl, "out of memory");
    enum vch_ctl_exit exit = vch_ctl_try(ctl, VCH_OP_CREATE_POLICY, inputs, &out, &error);
    if (exit == VCH_CTL_REFUSED && strcmp(error.code, "ResourceAlreadyExistsException") == 0) {
        if (!vch_ctl_put(ctl, VCH_OP_CREATE_POLICY_VERSION, inputs, "setAsDefault", VCH_STR("true")))
            return vch_ctl_fail(ctl, "out of memory");
        exit = vch_ctl_try(ctl, VCH_OP_CREATE_POLICY_VERSION, inputs, &out, &error);
    }
    if (exit != VCH_CTL_DONE) return vch_ctl_refused(ctl, exit, &error);
    vch_ctl_warn(ctl);
    return vch_ctl_print(ctl, out, NULL, NULL);
}

static enum vch_ctl_exit put(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_str document;
    if (vch_ctl_read(vch_ctl_arg(parsed, "FILE"), ctl->arena, &document, ctl->err) != VCH_OK) return VCH_CTL_USAGE;
    if (vch_ctl_switch(parsed, "--substitute-account")) {
        enum vch_ctl_exit exit = with_account(ctl, document, &document);
        if (exit != VCH_CTL_DONE) return exit;
    }
    return store(ctl, vch_str_from(vch_ctl_arg(parsed, "NAME")), document);
}

static enum vch_ctl_exit get(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    enum vch_op op = vch_ctl_arg(parsed, "--version-id") ? VCH_OP_GET_POLICY_VERSION : VCH_OP_GET_POLICY;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, op, &inputs);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, op, inputs, &out);
    if (exit != VCH_CTL_DONE) return exit;
    if (!vch_ctl_switch(parsed, "--document")) return vch_ctl_print(ctl, out, NULL, NULL);
    return vch_ctl_print_text(ctl, vch_val_str_at(out, "policyDocument"));
}

static enum vch_ctl_exit attach(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return vch_ctl_call_target(ctl, parsed, VCH_OP_ATTACH_POLICY, "target");
}

static enum vch_ctl_exit detach(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return vch_ctl_call_target(ctl, parsed, VCH_OP_DETACH_POLICY, "target");
}

static enum vch_ctl_exit effective(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return vch_ctl_call_target(ctl, parsed, VCH_OP_GET_EFFECTIVE_POLICIES, "principal");
}

#define NAME                                                                                                           \
    { "NAME", NULL, "policyName", VCH_CTL_REQUIRED, "name of the policy" }
#define VERSION                                                                                                        \
    { "VERSION", NULL, "policyVersionId", VCH_CTL_REQUIRED, "number of the version" }
#define TARGET                                                                                                         \
    { "TARGET", NULL, NULL, VCH_CTL_REQUIRED, "a certificate's ARN or id" }

const struct vch_ctl_command vch_ctl_policy_commands[] = {
    {.group = "policy",
     .verb = "put",
     .summary = "Store a policy, or a new default version of it.",
     .args =
         VCH_CTL_ARGS({"NAME", NULL, NULL, VCH_CTL_REQUIRED, "name of the policy"},
                      {"FILE", NULL, NULL, VCH_CTL_REQUIRED, "its document (JSON); - is standard input"},
                      {"--substitute-account", NULL, NULL, 0, "put the account's number for the word account in ARNs"}),
     .run = put},
    {.group = "policy",
     .verb = "get",
     .summary = "Show a policy.",
     .args = VCH_CTL_ARGS(NAME, {"--version-id", "VERSION", "policyVersionId", 0, "another version than the default"},
                          {"--document", NULL, NULL, 0, "print the document alone"}),
     .run = get},
    {.group = "policy",
     .verb = "list",
     .summary = "List all policies.",
     .args = (const struct vch_ctl_arg[]){{.name = NULL}},
     .op = VCH_OP_LIST_POLICIES,
     .list = "policies",
     .columns = "policyName policyArn"},
    {.group = "policy",
     .verb = "delete",
     .summary = "Delete a policy that is attached to nothing.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_DELETE_POLICY},
    {.group = "policy",
     .verb = "versions",
     .summary = "List the versions of a policy.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_LIST_POLICY_VERSIONS,
     .list = "policyVersions",
     .columns = "versionId isDefaultVersion createDate:time"},
    {.group = "policy",
     .verb = "set-default",
     .summary = "Put a version in force.",
     .args = VCH_CTL_ARGS(NAME, VERSION),
     .op = VCH_OP_SET_DEFAULT_POLICY_VERSION},
    {.group = "policy",
     .verb = "delete-version",
     .summary = "Delete a version that is not the default.",
     .args = VCH_CTL_ARGS(NAME, VERSION),
     .op = VCH_OP_DELETE_POLICY_VERSION},
    {.group = "policy",
     .verb = "attach",
     .summary = "Attach a policy to a certificate.",
     .args = VCH_CTL_ARGS(NAME, TARGET),
     .run = attach},
    {.group = "policy",
     .verb = "detach",
     .summary = "Detach a policy from a certificate.",
     .args = VCH_CTL_ARGS(NAME, TARGET),
     .run = detach},
    {.group = "policy",
     .verb = "targets",
     .summary = "List what a policy is attached to.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_LIST_TARGETS_FOR_POLICY,
     .list = "targets",
     .columns = "target"},
    {.group = "policy",
     .verb = "effective",
     .summary = "List the policies that count for a certificate.",
     .args = VCH_CTL_ARGS(TARGET, {"--thing", "NAME", "thingName", 0, "with those of this thing's groups"}),
     .run = effective,
     .list = "effectivePolicies",
     .columns = "policyName policyArn"},
    {.group = NULL},
};
