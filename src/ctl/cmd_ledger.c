/* The ledger: who did what, in a chain of hashes. */
#include "ctl/run.h"

static const struct vch_ctl_arg none[] = {{.name = NULL}};

const struct vch_ctl_command vch_ctl_ledger_commands[] = {
    {.group = "ledger",
     .verb = "list",
     .summary = "Print the ledger, oldest rows first.",
     .args = none,
     .op = VCH_OP_LIST_LEDGER,
     .list = "entries",
     .columns = "sequence time:time event actor thingName templateName outcome"},
    {.group = "ledger",
     .verb = "verify",
     .summary = "Recompute the ledger's chain of hashes.",
     .args = none,
     .op = VCH_OP_VERIFY_LEDGER},
    {.group = NULL},
};
