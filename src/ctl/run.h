/* From a parsed command line to the exit status. */
#ifndef VCH_CTL_RUN_H
#define VCH_CTL_RUN_H

#include "ctl/call.h"

/* Finds the server, opens the client, runs the command. */
enum vch_ctl_exit vch_ctl_run(const struct vch_ctl_parsed *parsed, FILE *out, FILE *err);

/* The same when server and client are known already. */
enum vch_ctl_exit vch_ctl_run_command(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed);

/* For commands with a `run` of their own. */
/* Inputs of the command's operation from its arguments. */
enum vch_ctl_exit vch_ctl_gather(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, enum vch_op op,
                                 struct vch_val **ret);
/* As --output says; `list` and `columns` as in the row. */
enum vch_ctl_exit vch_ctl_print(struct vch_ctl *ctl, const struct vch_val *out, const char *list, const char *columns);
/* Text as it is; on a terminal nobody but the server's own PEM files goes this way. */
enum vch_ctl_exit vch_ctl_print_text(struct vch_ctl *ctl, struct vch_str text);

/* Export lines for a POSIX shell: these credentials, this server. In cmd_site.c. */
enum vch_ctl_exit vch_ctl_print_environment(struct vch_ctl *ctl, const struct vch_ctl_site *site);

#endif
