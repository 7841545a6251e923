/* Roles, and taking one. */
#include "ctl/run.h"

/* An ARN as it is, a name with the account around it. */
static enum vch_ctl_exit role_arn(struct vch_ctl *ctl, const char *text, struct vch_str *ret) {
    struct vch_str account;
    *ret = vch_str_from(text);
    if (vch_str_starts(*ret, VCH_STR("arn:"))) return VCH_CTL_DONE;
    enum vch_ctl_exit exit = vch_ctl_account(ctl, &account);
    if (exit != VCH_CTL_DONE) return exit;
    *ret = vch_arena_printf(ctl->arena, "arn:aws:iam::%.*s:role/%s", VCH_STR_ARG(account), text);
    return ret->ptr ? VCH_CTL_DONE : vch_ctl_fail(ctl, "out of memory");
}

static enum vch_ctl_exit print_environment(struct vch_ctl *ctl, const struct vch_val *credentials) {
    struct vch_ctl_site site = ctl->site;
    site.access_key_id = vch_val_str_at(credentials, "AccessKeyId");
    site.secret_access_key = vch_val_str_at(credentials, "SecretAccessKey");
    site.session_token = vch_val_str_at(credentials, "SessionToken");
    return vch_ctl_print_environment(ctl, &site);
}

static enum vch_ctl_exit assume(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    struct vch_str arn;
    const struct vch_val *out = NULL;
    const char *session = vch_ctl_arg(parsed, "--session-name");
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_ASSUME_ROLE, &inputs);
    if (exit == VCH_CTL_DONE) exit = role_arn(ctl, vch_ctl_arg(parsed, "NAME"), &arn);
    if (exit != VCH_CTL_DONE) return exit;
    if (!vch_ctl_put(ctl, VCH_OP_ASSUME_ROLE, inputs, "RoleArn", arn) ||
        !vch_ctl_put(ctl, VCH_OP_ASSUME_ROLE, inputs, "RoleSessionName", vch_str_from(session ? session : "vouch")))
        return vch_ctl_fail(ctl, "out of memory");
    exit = vch_ctl_call(ctl, VCH_OP_ASSUME_ROLE, inputs, &out);
    if (exit != VCH_CTL_DONE) return exit;
    if (vch_ctl_switch(parsed, "--env")) return print_environment(ctl, vch_val_get(out, "Credentials"));
    return vch_ctl_print(ctl, out, NULL, NULL);
}

static const struct vch_ctl_arg none[] = {{.name = NULL}};
#define NAME                                                                                                           \
    { "NAME", NULL, "roleName", VCH_CTL_REQUIRED, "name of the role" }
#define POLICY                                                                                                         \
    { "POLICY", NULL, "policyName", VCH_CTL_REQUIRED, "name of the policy" }
#define DESCRIPTION                                                                                                    \
    { "--description", "TEXT", "description", 0, "what it is for" }
#define LONGEST                                                                                                        \
    { "--max-session", "SECONDS", "maxSessionDuration", 0, "longest session, 3600 to 43200" }

const struct vch_ctl_command vch_ctl_role_commands[] = {
    {.group = "role",
     .verb = "create",
     .summary = "Make a role.",
     .args = VCH_CTL_ARGS(NAME,
                          {"TRUST", NULL, "assumeRolePolicyDocument", VCH_CTL_REQUIRED | VCH_CTL_FILE,
                           "file with its trust document (JSON); - is standard input"},
                          DESCRIPTION, LONGEST),
     .op = VCH_OP_CREATE_ROLE},
    {.group = "role",
     .verb = "list",
     .summary = "List roles.",
     .args = none,
     .op = VCH_OP_LIST_ROLES,
     .list = "roles",
     .columns = "roleName roleArn maxSessionDuration creationDate:time"},
    {.group = "role", .verb = "get", .summary = "Show a role.", .args = VCH_CTL_ARGS(NAME), .op = VCH_OP_GET_ROLE},
    {.group = "role",
     .verb = "update",
     .summary = "Change a role.",
     .args = VCH_CTL_ARGS(NAME,
                          {"--trust", "FILE", "assumeRolePolicyDocument", VCH_CTL_FILE, "its new trust document (JSON)"},
                          DESCRIPTION, LONGEST),
     .op = VCH_OP_UPDATE_ROLE},
    {.group = "role",
     .verb = "delete",
     .summary = "Delete a role; its sessions end.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_DELETE_ROLE},
    {.group = "role",
     .verb = "policies",
     .summary = "List a role's own IAM policies.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_LIST_ROLE_POLICIES,
     .list = "policies",
     .columns = "policyName policyDocument"},
    {.group = "role",
     .verb = "put-policy",
     .summary = "Give a role an IAM policy of its own, or replace it.",
     .args = VCH_CTL_ARGS(
         NAME, POLICY,
         {"FILE", NULL, "policyDocument", VCH_CTL_REQUIRED | VCH_CTL_FILE, "its document (JSON); - is standard input"}),
     .op = VCH_OP_PUT_ROLE_POLICY},
    {.group = "role",
     .verb = "delete-policy",
     .summary = "Take an IAM policy from a role.",
     .args = VCH_CTL_ARGS(NAME, POLICY),
     .op = VCH_OP_DELETE_ROLE_POLICY},
    {.group = "role",
     .verb = "attach",
     .summary = "Give a role a managed IAM policy.",
     .args = VCH_CTL_ARGS(NAME, POLICY),
     .op = VCH_OP_ATTACH_ROLE_POLICY},
    {.group = "role",
     .verb = "detach",
     .summary = "Take a managed IAM policy from a role.",
     .args = VCH_CTL_ARGS(NAME, POLICY),
     .op = VCH_OP_DETACH_ROLE_POLICY},
    {.group = "role",
     .verb = "attached",
     .summary = "List the managed IAM policies of a role.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_LIST_ATTACHED_ROLE_POLICIES,
     .list = "policies",
     .columns = "policyName policyArn"},
    {.group = "role",
     .verb = "assume",
     .summary = "Take a role: temporary credentials.",
     .args = VCH_CTL_ARGS({"NAME", NULL, NULL, VCH_CTL_REQUIRED, "name or ARN of the role"},
                          {"--session-name", "NAME", NULL, 0, "name of the session (vouch)"},
                          {"--duration", "SECONDS", "DurationSeconds", 0, "life of the credentials, 900 to 43200 (3600)"},
                          {"--policy", "FILE", "Policy", VCH_CTL_FILE, "policy that narrows this session (JSON)"},
                          {"--external-id", "TEXT", "ExternalId", 0, "what the role's trust asks for"},
                          {"--env", NULL, NULL, 0, "print export lines, as aws-env does"}),
     .op = VCH_OP_ASSUME_ROLE,
     .run = assume},
    {.group = NULL},
};
