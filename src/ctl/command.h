/* What `vouch` can do, as rows: one command a row, grouped by file. The rows
 * feed parsing, help and the request itself. Static and immutable. */
#ifndef VCH_CTL_COMMAND_H
#define VCH_CTL_COMMAND_H

#include <stdio.h>

#include "base/val.h"
#include "shape/op.h"

/* Scripts rely on the numbers. */
enum vch_ctl_exit { VCH_CTL_DONE, VCH_CTL_USAGE, VCH_CTL_REFUSED, VCH_CTL_UNREACHABLE };

enum { VCH_CTL_ARGS_MAX = 16, VCH_CTL_REPEAT_MAX = 32 };

enum vch_ctl_arg_flag {
    VCH_CTL_REQUIRED = 1,
    VCH_CTL_REPEAT = 2,
    VCH_CTL_FILE = 4 /* the input is the file's text; "-" is standard input */
};

struct vch_ctl_arg {
    const char *name;  /* "NAME", by position; "--template", an option. NULL ends a list */
    const char *value; /* what follows an option: "FILE"; NULL: a switch */
    const char *input; /* the operation's input that it fills; NULL: `run` looks at it */
    unsigned flags;
    const char *help;
};

struct vch_ctl;
struct vch_ctl_parsed;

struct vch_ctl_command {
    const char *group, *verb; /* verb "" stands alone: "vouch ca". group NULL ends a list */
    const char *summary;
    const struct vch_ctl_arg *args;
    enum vch_op op;     /* NONE: `run` does it all */
    const char *preset; /* "input=value" that the command fixes; NULL: none */
    enum vch_ctl_exit (*run)(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed); /* NULL: send `op`, print */
    bool offline; /* asks no server, unless the command line names one */
    bool apart;   /* nor looks for one, whatever was given */
    const char *list;    /* the output's list that a table shows; NULL: the whole as lines */
    const char *columns; /* space-separated members; "name:time" shows a date */
};

#define VCH_CTL_ARGS(...)                                                                                              \
    (const struct vch_ctl_arg[]) {                                                                                     \
        __VA_ARGS__, {                                                                                                 \
            .name = NULL                                                                                               \
        }                                                                                                              \
    }

extern const struct vch_ctl_command vch_ctl_site_commands[], vch_ctl_policy_commands[], vch_ctl_template_commands[],
    vch_ctl_lint_commands[], vch_ctl_explain_commands[], vch_ctl_why_commands[], vch_ctl_data_commands[], vch_ctl_claim_commands[], vch_ctl_thing_commands[], vch_ctl_thing_group_commands[], vch_ctl_cert_commands[], vch_ctl_authority_commands[],
    vch_ctl_user_commands[], vch_ctl_store_commands[], vch_ctl_group_commands[], vch_ctl_role_commands[], vch_ctl_iam_policy_commands[],
    vch_ctl_ledger_commands[], vch_ctl_limits_commands[], vch_ctl_orphan_commands[], vch_ctl_hook_commands[],
    vch_ctl_pair_commands[];

/* In the order of help; NULL after the last. */
const struct vch_ctl_command *vch_ctl_command_at(size_t index);
const struct vch_ctl_command *vch_ctl_command_find(const char *group, const char *verb);
bool vch_ctl_group_exists(const char *group);

void vch_ctl_help(FILE *to);
void vch_ctl_help_group(const char *group, FILE *to);
void vch_ctl_help_command(const struct vch_ctl_command *command, FILE *to);

#endif
