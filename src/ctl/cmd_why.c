/* Why clients were refused. */
#include "ctl/command.h"

const struct vch_ctl_command vch_ctl_why_commands[] = {
    {.group = "why",
     .verb = "",
     .summary = "Tell why a client was refused, newest first, and what to do about it.",
     .args = VCH_CTL_ARGS({"NAME", NULL, "any", 0, "client id, serial, certificate id or address; without it: everybody"},
                          {"--client", "ID", "client", 0, "of this client id"},
                          {"--certificate", "ID", "certificate", 0, "of this certificate, by id or ARN"},
                          {"--serial", "SERIAL", "serial", 0, "of the certificate, in hex, or the SerialNumber a device gave"},
                          {"--max", "N", "maxResults", 0, "at most so many (32)"}),
     .op = VCH_OP_WHY,
     .list = "refusals",
     .columns = "time:time count what reason clientId sourceIp message suggestion"},
    {.group = NULL},
};
