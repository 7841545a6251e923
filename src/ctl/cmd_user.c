/* Users of the control plane: their keys and their IAM policies. */
#include "ctl/run.h"

static enum vch_ctl_exit call_for(struct vch_ctl *ctl, enum vch_op op, const char *user, const struct vch_val **out) {
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    if (!inputs || !vch_ctl_put(ctl, op, inputs, "userName", vch_str_from(user)))
        return vch_ctl_fail(ctl, "out of memory");
    return vch_ctl_call(ctl, op, inputs, out);
}

static enum vch_err put_resource(struct vch_ctl *ctl, struct vch_str account, const char *template_name,
                                 struct vch_val *list) {
    struct vch_str arn = vch_arena_printf(ctl->arena, "arn:aws:iot:%.*s:%.*s:provisioningtemplate/%s",
                                          VCH_STR_ARG(ctl->site.region), VCH_STR_ARG(account), template_name);
    return arn.ptr ? vch_val_push_str(ctl->arena, list, arn) : VCH_ERR_NOMEM;
}

/* {"Effect":"Allow","Action":…}: one action as a text, several, space-separated, as a list. */
static enum vch_err put_statement(struct vch_ctl *ctl, const char *actions, struct vch_val *list, struct vch_val **ret) {
    struct vch_str rest = vch_str_from(actions), action;
    struct vch_val *statement = vch_val_push_map(ctl->arena, list);
    if (!statement) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(ctl->arena, statement, "Effect", VCH_STR("Allow")));
    *ret = statement;
    if (vch_str_find(rest, ' ', 0) == SIZE_MAX) return vch_val_put_str(ctl->arena, statement, "Action", rest);
    struct vch_val *words = vch_val_put_list(ctl->arena, statement, "Action");
    if (!words) return VCH_ERR_NOMEM;
    while (vch_str_split(&rest, ' ', &action)) VCH_TRY(vch_val_push_str(ctl->arena, words, action));
    return VCH_OK;
}

/* What a user may do with templates, and what it may do at all (NULL: nothing beside). */
struct allowance {
    const char *flag, *policy, *of_templates, *of_all;
};

static const struct allowance allowances[] = {
    {"--allow-claims", "AllowClaims", "iot:CreateProvisioningClaim", NULL},
    {"--allow-pairing", "AllowPairing", "iot:CreateProvisioningClaim iot:DescribeProvisioningTemplate vouch:CreateClaim",
     "vouch:LookUpPairing vouch:GetPairing vouch:ApprovePairing vouch:DenyPairing"},
};

static enum vch_err allowance_document(struct vch_ctl *ctl, const struct allowance *allowance, struct vch_str account,
                                       const char *const *templates, size_t count, struct vch_buf *buf) {
    struct vch_val *document = vch_ctl_inputs(ctl), *statement = NULL;
    if (!document) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(ctl->arena, document, "Version", VCH_STR("2012-10-17")));
    struct vch_val *list = vch_val_put_list(ctl->arena, document, "Statement");
    VCH_TRY(put_statement(ctl, allowance->of_templates, list, &statement));
    struct vch_val *resources = vch_val_put_list(ctl->arena, statement, "Resource");
    if (!resources) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) VCH_TRY(put_resource(ctl, account, templates[i], resources));
    if (allowance->of_all) {
        VCH_TRY(put_statement(ctl, allowance->of_all, list, &statement));
        VCH_TRY(vch_val_put_str(ctl->arena, statement, "Resource", VCH_STR("*")));
    }
    vch_json_encode(document, buf);
    return VCH_OK;
}

static enum vch_ctl_exit put_policy(struct vch_ctl *ctl, const char *user, const char *name, struct vch_str document) {
    const enum vch_op op = VCH_OP_PUT_USER_POLICY;
    const struct vch_val *out = NULL;
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    bool ok = inputs && vch_ctl_put(ctl, op, inputs, "userName", vch_str_from(user)) &&
              vch_ctl_put(ctl, op, inputs, "policyName", vch_str_from(name)) &&
              vch_ctl_put(ctl, op, inputs, "policyDocument", document);
    return ok ? vch_ctl_call(ctl, op, inputs, &out) : vch_ctl_fail(ctl, "out of memory");
}

static enum vch_ctl_exit allow(struct vch_ctl *ctl, const char *user, const struct allowance *allowance, const char *const *templates,
                               size_t count) {
    struct vch_str account;
    struct vch_buf buf;
    struct vch_str document;
    enum vch_ctl_exit exit = vch_ctl_account(ctl, &account);
    if (exit != VCH_CTL_DONE) return exit;
    vch_buf_init(&buf, 65536);
    if (allowance_document(ctl, allowance, account, templates, count, &buf) == VCH_OK && vch_buf_finish(&buf, &document) == VCH_OK)
        exit = put_policy(ctl, user, allowance->policy, document);
    else
        exit = vch_ctl_fail(ctl, "out of memory");
    vch_buf_deinit(&buf);
    return exit;
}

/* User, policies, then the key: what is printed is complete and works. */
static enum vch_ctl_exit create(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    const char *user = vch_ctl_arg(parsed, "NAME");
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = call_for(ctl, VCH_OP_CREATE_USER, user, &out);
    for (size_t i = 0; exit == VCH_CTL_DONE && i < sizeof allowances / sizeof *allowances; i++) {
        const char *const *templates;
        size_t count = vch_ctl_arg_all(parsed, allowances[i].flag, &templates);
        if (count > 0) exit = allow(ctl, user, &allowances[i], templates, count);
    }
    if (exit == VCH_CTL_DONE) exit = call_for(ctl, VCH_OP_CREATE_ACCESS_KEY, user, &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, NULL, NULL) : exit;
}

/* A file that an editor wrote ends with a line end, which is no part of the password. */
static void chomp(struct vch_val *inputs) {
    for (size_t i = 0; i < inputs->count; i++) {
        struct vch_str *text = &inputs->members[i].value.str;
        if (!vch_str_eq_c(inputs->members[i].name, "password")) continue;
        if (vch_str_ends(*text, VCH_STR("\n"))) text->len--;
        if (vch_str_ends(*text, VCH_STR("\r"))) text->len--;
    }
}

static enum vch_ctl_exit set_password(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_SET_USER_PASSWORD, &inputs);
    if (exit != VCH_CTL_DONE) return exit;
    chomp(inputs);
    exit = vch_ctl_call(ctl, VCH_OP_SET_USER_PASSWORD, inputs, &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, NULL, NULL) : exit;
}

static const struct vch_ctl_arg none[] = {{.name = NULL}};
#define NAME                                                                                                           \
    { "NAME", NULL, "userName", VCH_CTL_REQUIRED, "name of the user" }
#define POLICY                                                                                                         \
    { "POLICY", NULL, "policyName", VCH_CTL_REQUIRED, "name of the policy" }

#define KEY                                                                                                            \
    { "KEY", NULL, "accessKeyId", VCH_CTL_REQUIRED, "id of the access key" }

const struct vch_ctl_command vch_ctl_user_commands[] = {
    {.group = "user",
     .verb = "create",
     .summary = "Make a user with an access key; the secret is told only now.",
     .args = VCH_CTL_ARGS(
         {"NAME", NULL, NULL, VCH_CTL_REQUIRED, "name of the user"},
         {"--allow-claims", "TEMPLATE", NULL, VCH_CTL_REPEAT, "let the user make claims of this template"},
         {"--allow-pairing", "TEMPLATE", NULL, VCH_CTL_REPEAT, "let the user vouch for devices that show a code, with this template"}),
     .run = create},
    {.group = "user",
     .verb = "list",
     .summary = "List users.",
     .args = none,
     .op = VCH_OP_LIST_USERS,
     .list = "users",
     .columns = "userName userArn creationDate:time"},
    {.group = "user",
     .verb = "delete",
     .summary = "Delete a user with keys and policies.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_DELETE_USER},
    {.group = "user",
     .verb = "policies",
     .summary = "List the IAM policies of a user.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_LIST_USER_POLICIES,
     .list = "policies",
     .columns = "policyName policyDocument"},
    {.group = "user",
     .verb = "put-policy",
     .summary = "Give a user an IAM policy, or replace it.",
     .args = VCH_CTL_ARGS(
         NAME, POLICY,
         {"FILE", NULL, "policyDocument", VCH_CTL_REQUIRED | VCH_CTL_FILE, "its document (JSON); - is standard input"}),
     .op = VCH_OP_PUT_USER_POLICY},
    {.group = "user",
     .verb = "delete-policy",
     .summary = "Take an IAM policy from a user.",
     .args = VCH_CTL_ARGS(NAME, POLICY),
     .op = VCH_OP_DELETE_USER_POLICY},
    {.group = "user",
     .verb = "attach",
     .summary = "Give a user a managed IAM policy.",
     .args = VCH_CTL_ARGS(NAME, POLICY),
     .op = VCH_OP_ATTACH_USER_POLICY},
    {.group = "user",
     .verb = "detach",
     .summary = "Take a managed IAM policy from a user.",
     .args = VCH_CTL_ARGS(NAME, POLICY),
     .op = VCH_OP_DETACH_USER_POLICY},
    {.group = "user",
     .verb = "attached",
     .summary = "List the managed IAM policies of a user.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_LIST_ATTACHED_USER_POLICIES,
     .list = "policies",
     .columns = "policyName policyArn"},
    {.group = "user",
     .verb = "groups",
     .summary = "List the groups that a user is in.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_LIST_GROUPS_FOR_USER,
     .list = "groups",
     .columns = "groupName"},
    {.group = "user",
     .verb = "keys",
     .summary = "List the access keys of a user.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_LIST_ACCESS_KEYS,
     .list = "accessKeys",
     .columns = "accessKeyId status creationDate:time lastUsedDate:time"},
    {.group = "user",
     .verb = "create-key",
     .summary = "Make an access key; the secret is told only now.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_CREATE_ACCESS_KEY},
    {.group = "user",
     .verb = "disable-key",
     .summary = "Disable an access key.",
     .args = VCH_CTL_ARGS(NAME, KEY),
     .op = VCH_OP_UPDATE_ACCESS_KEY,
     .preset = "status=Inactive"},
    {.group = "user",
     .verb = "enable-key",
     .summary = "Enable a disabled access key.",
     .args = VCH_CTL_ARGS(NAME, KEY),
     .op = VCH_OP_UPDATE_ACCESS_KEY,
     .preset = "status=Active"},
    {.group = "user",
     .verb = "delete-key",
     .summary = "Delete an access key.",
     .args = VCH_CTL_ARGS(NAME, KEY),
     .op = VCH_OP_DELETE_ACCESS_KEY},
    {.group = "user",
     .verb = "password",
     .summary = "Set a user's password for the console, or make one; end the user's sessions.",
     .args = VCH_CTL_ARGS(
         NAME, {"--password-file", "FILE", "password", VCH_CTL_FILE, "the password; - is standard input; without it one is made and told"}),
     .run = set_password},
    {.group = "user",
     .verb = "totp-remove",
     .summary = "Take away a user's second factor.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_REMOVE_USER_TOTP},
    {.group = "user",
     .verb = "sessions",
     .summary = "List the sessions of a user in browsers.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_LIST_USER_SESSIONS,
     .list = "sessions",
     .columns = "sessionId how sourceIp creationDate:time lastUsedDate:time expiration:time"},
    {.group = "user",
     .verb = "sign-out",
     .summary = "End every session of a user.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_END_USER_SESSIONS},
    {.group = "user",
     .verb = "unlock",
     .summary = "Forget a user's failed attempts to sign in.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_UNLOCK_USER},
    {.group = "user",
     .verb = "whoami",
     .summary = "Show who signs these requests.",
     .args = none,
     .op = VCH_OP_GET_CALLER_IDENTITY},
    {.group = NULL},
};
