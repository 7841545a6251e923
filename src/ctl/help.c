#include <string.h>

#include "ctl/command.h"

static const struct vch_ctl_command *const lists[] = {
    vch_ctl_site_commands,  vch_ctl_policy_commands, vch_ctl_template_commands, vch_ctl_hook_commands,
    vch_ctl_claim_commands, vch_ctl_pair_commands, vch_ctl_thing_commands, vch_ctl_thing_group_commands,  vch_ctl_cert_commands, vch_ctl_authority_commands,
    vch_ctl_user_commands,  vch_ctl_group_commands,  vch_ctl_role_commands,
    vch_ctl_iam_policy_commands, vch_ctl_limits_commands, vch_ctl_orphan_commands, vch_ctl_ledger_commands, vch_ctl_store_commands, vch_ctl_lint_commands, vch_ctl_data_commands, vch_ctl_explain_commands, vch_ctl_why_commands,
};

const struct vch_ctl_command *vch_ctl_command_at(size_t index) {
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const struct vch_ctl_command *row = lists[i]; row->group; row++)
            if (index-- == 0) return row;
    return NULL;
}

const struct vch_ctl_command *vch_ctl_command_find(const char *group, const char *verb) {
    const struct vch_ctl_command *row;
    for (size_t i = 0; (row = vch_ctl_command_at(i)) != NULL; i++)
        if (strcmp(row->group, group) == 0 && strcmp(row->verb, verb) == 0) return row;
    return NULL;
}

bool vch_ctl_group_exists(const char *group) {
    const struct vch_ctl_command *row;
    for (size_t i = 0; (row = vch_ctl_command_at(i)) != NULL; i++)
        if (strcmp(row->group, group) == 0) return true;
    return false;
}

static const char globals_help[] = "  --data DIR            speak to the server of this folder, as its admin\n"
                                   "  --endpoint-url URL    the server's API, such as https://host:8443\n"
                                   "  --ca-bundle FILE      root certificates to trust\n"
                                   "  --profile NAME        profile of ~/.aws/credentials and ~/.aws/config\n"
                                   "  --region NAME         region that requests are signed for\n"
                                   "  --output json|table   form of answers (json)\n"
                                   "  --help, --version\n";

static void print_row(const struct vch_ctl_command *row, FILE *to) {
    char name[64];
    (void)snprintf(name, sizeof name, "%s%s%s", row->group, row->verb[0] ? " " : "", row->verb);
    (void)fprintf(to, "  %-25s %s\n", name, row->summary);
}

void vch_ctl_help(FILE *to) {
    const struct vch_ctl_command *row;
    (void)fputs("usage: vouch [OPTION]... COMMAND [ARGUMENT]...\n\ncommands:\n", to);
    for (size_t i = 0; (row = vch_ctl_command_at(i)) != NULL; i++) print_row(row, to);
    (void)fprintf(to,
                  "\noptions, before or after the command:\n%s\n"
                  "Without --data the AWS_* variables and profiles count, as for the AWS CLI.\n"
                  "Exit status: 0 done, 1 usage, 2 refused by the server, 3 not reachable.\n",
                  globals_help);
}

void vch_ctl_help_group(const char *group, FILE *to) {
    const struct vch_ctl_command *row;
    (void)fprintf(to, "usage: vouch [OPTION]... %s COMMAND [ARGUMENT]...\n\ncommands:\n", group);
    for (size_t i = 0; (row = vch_ctl_command_at(i)) != NULL; i++)
        if (strcmp(row->group, group) == 0) print_row(row, to);
}

static void print_synopsis(const struct vch_ctl_arg *arg, FILE *to) {
    bool required = (arg->flags & VCH_CTL_REQUIRED) != 0;
    (void)fprintf(to, " %s%s%s%s%s%s", required ? "" : "[", arg->name, arg->value ? " " : "",
                  arg->value ? arg->value : "", required ? "" : "]", arg->flags & VCH_CTL_REPEAT ? "..." : "");
}

static void print_arg(const struct vch_ctl_arg *arg, FILE *to) {
    char name[64];
    (void)snprintf(name, sizeof name, "%s%s%s", arg->name, arg->value ? " " : "", arg->value ? arg->value : "");
    (void)fprintf(to, "  %-21s %s\n", name, arg->help);
}

void vch_ctl_help_command(const struct vch_ctl_command *command, FILE *to) {
    (void)fprintf(to, "usage: vouch [OPTION]... %s%s%s", command->group, command->verb[0] ? " " : "", command->verb);
    for (const struct vch_ctl_arg *arg = command->args; arg->name; arg++) print_synopsis(arg, to);
    (void)fprintf(to, "\n\n%s\n\n", command->summary);
    for (const struct vch_ctl_arg *arg = command->args; arg->name; arg++) print_arg(arg, to);
    (void)fputs(globals_help, to);
}
