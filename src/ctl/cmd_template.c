/* Provisioning templates: what a claim turns into. */
#include <string.h>

#include "ctl/cmd_template.h"
#include "ctl/run.h"
#include "ctl/warn.h"

/* The role of the workshop; this server keeps it and needs no role. */
#define ROLE_NAME "IoTFleetProvisioningRole"

static enum vch_ctl_exit role_arn(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, struct vch_str *ret) {
    struct vch_str account;
    const char *given = vch_ctl_arg(parsed, "--role");
    *ret = vch_str_from(given);
    if (given) return VCH_CTL_DONE;
    enum vch_ctl_exit exit = vch_ctl_account(ctl, &account);
    if (exit == VCH_CTL_DONE)
        *ret = vch_arena_printf(ctl->arena, "arn:aws:iam::%.*s:role/" ROLE_NAME, VCH_STR_ARG(account));
    return exit;
}

static enum vch_ctl_exit create(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, struct vch_str body,
                                const struct vch_val **out, struct vch_ctl_error *error) {
    const enum vch_op op = VCH_OP_CREATE_PROVISIONING_TEMPLATE;
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    const char *description = vch_ctl_arg(parsed, "--description");
    struct vch_str role;
    enum vch_ctl_exit exit = role_arn(ctl, parsed, &role);
    if (exit != VCH_CTL_DONE) {
        error->code[0] = '\0'; /* said already */
        return exit;
    }
    bool ok =
        inputs && vch_ctl_put(ctl, op, inputs, "templateName", vch_str_from(vch_ctl_arg(parsed, "NAME"))) &&
        vch_ctl_put(ctl, op, inputs, "templateBody", body) &&
        vch_ctl_put(ctl, op, inputs, "provisioningRoleArn", role) &&
        (!description || vch_ctl_put(ctl, op, inputs, "description", vch_str_from(description))) &&
        vch_ctl_put(ctl, op, inputs, "enabled", vch_str_from(vch_ctl_switch(parsed, "--disabled") ? "false" : "true"));
    return ok ? vch_ctl_try(ctl, op, inputs, out, error) : vch_ctl_fail(ctl, "out of memory");
}

static enum vch_ctl_exit add_version(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, struct vch_str body,
                                     const struct vch_val **out, struct vch_ctl_error *error) {
    const enum vch_op op = VCH_OP_CREATE_PROVISIONING_TEMPLATE_VERSION;
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    bool ok = inputs && vch_ctl_put(ctl, op, inputs, "templateName", vch_str_from(vch_ctl_arg(parsed, "NAME"))) &&
              vch_ctl_put(ctl, op, inputs, "templateBody", body) &&
              vch_ctl_put(ctl, op, inputs, "setAsDefault", VCH_STR("true"));
    return ok ? vch_ctl_try(ctl, op, inputs, out, error) : vch_ctl_fail(ctl, "out of memory");
}

/* A new template, or a new default version of one that is there. */
static enum vch_ctl_exit put(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_ctl_error error = {.code = ""};
    const struct vch_val *out = NULL;
    struct vch_str body;
    if (vch_ctl_read(vch_ctl_arg(parsed, "FILE"), ctl->arena, &body, ctl->err) != VCH_OK) return VCH_CTL_USAGE;
    enum vch_ctl_exit exit = create(ctl, parsed, body, &out, &error);
    if (exit == VCH_CTL_REFUSED && strcmp(error.code, "ResourceAlreadyExistsException") == 0)
        exit = add_version(ctl, parsed, body, &out, &error);
    if (exit == VCH_CTL_DONE) {
        vch_ctl_warn(ctl);
        return vch_ctl_print(ctl, out, NULL, NULL);
    }
    return error.code[0] ? vch_ctl_refused(ctl, exit, &error) : exit;
}

static enum vch_ctl_exit get(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    enum vch_op op = vch_ctl_arg(parsed, "--version-id") ? VCH_OP_DESCRIBE_PROVISIONING_TEMPLATE_VERSION
                                                         : VCH_OP_DESCRIBE_PROVISIONING_TEMPLATE;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, op, &inputs);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, op, inputs, &out);
    if (exit != VCH_CTL_DONE) return exit;
    if (!vch_ctl_switch(parsed, "--body")) return vch_ctl_print(ctl, out, NULL, NULL);
    return vch_ctl_print_text(ctl, vch_val_str_at(out, "templateBody"));
}

/* Nothing given is a question. */
static enum vch_ctl_exit settings(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    bool change = vch_ctl_arg(parsed, "--on-active") || vch_ctl_arg(parsed, "--rotation") || vch_ctl_arg(parsed, "--rotation-grace");
    enum vch_op op = change ? VCH_OP_PUT_TEMPLATE_SETTINGS : VCH_OP_GET_TEMPLATE_SETTINGS;
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, op, &inputs);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, op, inputs, &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, NULL, NULL) : exit;
}

#define NAME                                                                                                           \
    { "NAME", NULL, "templateName", VCH_CTL_REQUIRED, "name of the template" }
#define VERSION(input)                                                                                                 \
    { "VERSION", NULL, input, VCH_CTL_REQUIRED, "number of the version" }

const struct vch_ctl_command vch_ctl_template_commands[] = {
    {.group = "template",
     .verb = "put",
     .summary = "Store a template, enabled, or a new default version of it.",
     .args = VCH_CTL_ARGS({"NAME", NULL, NULL, VCH_CTL_REQUIRED, "name of the template"},
                          {"FILE", NULL, NULL, VCH_CTL_REQUIRED, "its body (JSON); - is standard input"},
                          {"--role", "ARN", NULL, 0, "role of a new template (role/" ROLE_NAME ")"},
                          {"--description", "TEXT", NULL, 0, "description of a new template"},
                          {"--disabled", NULL, NULL, 0, "leave a new template disabled"}),
     .run = put},
    {.group = "template",
     .verb = "get",
     .summary = "Show a template.",
     .args = VCH_CTL_ARGS(NAME, {"--version-id", "VERSION", "versionId", 0, "another version than the default"},
                          {"--body", NULL, NULL, 0, "print the body alone"}),
     .run = get},
    {.group = "template",
     .verb = "list",
     .summary = "List all templates.",
     .args = (const struct vch_ctl_arg[]){{.name = NULL}},
     .op = VCH_OP_LIST_PROVISIONING_TEMPLATES,
     .list = "templates",
     .columns = "templateName enabled type lastModifiedDate:time description"},
    {.group = "template",
     .verb = "enable",
     .summary = "Let a template provision.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_UPDATE_PROVISIONING_TEMPLATE,
     .preset = "enabled=true"},
    {.group = "template",
     .verb = "disable",
     .summary = "Stop a template from provisioning.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_UPDATE_PROVISIONING_TEMPLATE,
     .preset = "enabled=false"},
    {.group = "template",
     .verb = "versions",
     .summary = "List the versions of a template.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_LIST_PROVISIONING_TEMPLATE_VERSIONS,
     .list = "versions",
     .columns = "versionId isDefaultVersion creationDate:time"},
    {.group = "template",
     .verb = "set-default",
     .summary = "Put a version in force.",
     .args = VCH_CTL_ARGS(NAME, VERSION("defaultVersionId")),
     .op = VCH_OP_UPDATE_PROVISIONING_TEMPLATE},
    {.group = "template",
     .verb = "try",
     .summary = "Show what a registration would make and what its hook says; writes nothing.",
     .args = VCH_CTL_ARGS(NAME, {"--parameter", "NAME=VALUE", NULL, VCH_CTL_REPEAT, "a parameter of the device; may be repeated"},
                          {"--version-id", "VERSION", "versionId", 0, "another version than the default"},
                          {"--certificate-id", "ID", "certificateId", 0, "a registered certificate in place of an imagined one"},
                          {"--client-id", "ID", "clientId", 0, "the device's client id, for the hook"},
                          {"--no-hook", NULL, NULL, 0, "do not ask the hook"}),
     .run = vch_ctl_template_try},
    {.group = "template",
     .verb = "diff",
     .summary = "Compare two versions of a template.",
     .args = VCH_CTL_ARGS(NAME, {"FROM", NULL, NULL, VCH_CTL_REQUIRED, "number of the one version"},
                          {"TO", NULL, NULL, VCH_CTL_REQUIRED, "number of the other"}),
     .run = vch_ctl_template_diff},
    {.group = "template",
     .verb = "settings",
     .summary = "Show or change what a template does beyond AWS.",
     .args = VCH_CTL_ARGS(NAME,
                          {"--on-active", "WORD", "onActive", 0,
                           "when the thing has a certificate in force: default, deny, keep, replace-after-connect, replace-now"},
                          {"--rotation", "BOOL", "rotation", 0, "true: devices may ask for their successor"},
                          {"--rotation-grace", "SECONDS", "rotationGraceSeconds", 0,
                           "how long the old certificate stays after the new one has connected"}),
     .run = settings},
    {.group = "template",
     .verb = "delete",
     .summary = "Delete a template that has no other versions.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_DELETE_PROVISIONING_TEMPLATE},
    {.group = "template",
     .verb = "delete-version",
     .summary = "Delete a version that is not the default.",
     .args = VCH_CTL_ARGS(NAME, VERSION("versionId")),
     .op = VCH_OP_DELETE_PROVISIONING_TEMPLATE_VERSION},
    {.group = NULL},
};
