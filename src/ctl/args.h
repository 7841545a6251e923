/* The command line, parsed by the rows of command.h. Pure but for what it says
 * on `err`. Views into argv. */
#ifndef VCH_CTL_ARGS_H
#define VCH_CTL_ARGS_H

#include "ctl/command.h"

/* Options of the program itself; they may stand anywhere. NULL: not given. */
struct vch_ctl_globals {
    const char *data, *endpoint_url, *ca_bundle, *profile, *region;
    bool table;
};

struct vch_ctl_parsed {
    struct vch_ctl_globals globals;
    const struct vch_ctl_command *command; /* NULL: nothing to run, help was printed */
    const char *values[VCH_CTL_ARGS_MAX][VCH_CTL_REPEAT_MAX];
    size_t counts[VCH_CTL_ARGS_MAX];
};

/* DONE with a command to run, or with command NULL after --help or --version on
 * `out`; USAGE with a line on `err`. */
enum vch_ctl_exit vch_ctl_args_parse(int argc, char **argv, struct vch_ctl_parsed *ret, FILE *out, FILE *err);

/* By the name of the row, such as "NAME" or "--out". */
const char *vch_ctl_arg(const struct vch_ctl_parsed *parsed, const char *name); /* the first; NULL when not given */
size_t vch_ctl_arg_all(const struct vch_ctl_parsed *parsed, const char *name, const char *const **ret);
bool vch_ctl_switch(const struct vch_ctl_parsed *parsed, const char *name);

#endif
