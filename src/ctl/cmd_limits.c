/* Limits of people who make claims, and what stands alone in the registry. */
#include "ctl/run.h"

#define OWNER                                                                                                          \
    {"KIND", NULL, "ownerKind", VCH_CTL_REQUIRED, "user, group or role"}, { "NAME", NULL, "ownerName", VCH_CTL_REQUIRED, "its name" }

const struct vch_ctl_command vch_ctl_limits_commands[] = {
    {.group = "limits",
     .verb = "put",
     .summary = "Set the limits of a user, a role, or a group of users together.",
     .args = VCH_CTL_ARGS(OWNER, {"--per-hour", "N", "claimsPerHour", 0, "claims an hour"},
                          {"--per-day", "N", "claimsPerDay", 0, "claims a day"},
                          {"--approval-above", "N", "approvalAbove", 0, "beyond so many a day a second person must agree"},
                          {"--template", "NAME", "templates", VCH_CTL_REPEAT, "a template that claims may be for"},
                          {"--window", "WINDOW", "windows", VCH_CTL_REPEAT, "when (UTC), such as \"Mon-Fri 08:00-18:00\""}),
     .op = VCH_OP_PUT_CLAIM_LIMITS},
    {.group = "limits", .verb = "get", .summary = "Show limits.", .args = VCH_CTL_ARGS(OWNER), .op = VCH_OP_GET_CLAIM_LIMITS},
    {.group = "limits",
     .verb = "list",
     .summary = "List all limits.",
     .args = (const struct vch_ctl_arg[]){{.name = NULL}},
     .op = VCH_OP_LIST_CLAIM_LIMITS,
     .list = "limits",
     .columns = "ownerKind ownerName claimsPerHour claimsPerDay approvalAbove templates windows"},
    {.group = "limits", .verb = "delete", .summary = "Take limits away.", .args = VCH_CTL_ARGS(OWNER), .op = VCH_OP_DELETE_CLAIM_LIMITS},
    {.group = NULL},
};

const struct vch_ctl_command vch_ctl_orphan_commands[] = {
    {.group = "orphans",
     .verb = "",
     .summary = "List certificates without a thing or not activated, and things without one.",
     .args = (const struct vch_ctl_arg[]){{.name = NULL}},
     .op = VCH_OP_LIST_ORPHANS,
     .list = "orphans",
     .columns = "kind id status claimId creationDate:time"},
    {.group = NULL},
};
