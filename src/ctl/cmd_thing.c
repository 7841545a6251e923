/* Things: the devices of the registry. */
#include "ctl/target.h"

static enum vch_ctl_exit detach(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return vch_ctl_call_target(ctl, parsed, VCH_OP_DETACH_THING_PRINCIPAL, "principal");
}

static enum vch_ctl_exit of(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return vch_ctl_call_target(ctl, parsed, VCH_OP_LIST_PRINCIPAL_THINGS, "principal");
}

#define NAME                                                                                                           \
    { "NAME", NULL, "thingName", VCH_CTL_REQUIRED, "name of the thing" }
#define TARGET                                                                                                         \
    { "TARGET", NULL, NULL, VCH_CTL_REQUIRED, "a certificate's ARN or id" }

const struct vch_ctl_command vch_ctl_thing_commands[] = {
    {.group = "thing",
     .verb = "list",
     .summary = "List things.",
     .args = VCH_CTL_ARGS({"--type", "NAME", "thingTypeName", 0, "things of this type only"},
                          {"--attribute-name", "NAME", "attributeName", 0, "things with this attribute only"},
                          {"--attribute-value", "VALUE", "attributeValue", 0, "and this value"}),
     .op = VCH_OP_LIST_THINGS,
     .list = "things",
     .columns = "thingName thingTypeName version attributes"},
    {.group = "thing",
     .verb = "get",
     .summary = "Show a thing.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_DESCRIBE_THING},
    {.group = "thing",
     .verb = "delete",
     .summary = "Delete a thing that has no certificates.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_DELETE_THING},
    {.group = "thing",
     .verb = "principals",
     .summary = "List the certificates of a thing.",
     .args = VCH_CTL_ARGS(NAME),
     .op = VCH_OP_LIST_THING_PRINCIPALS,
     .list = "principals",
     .columns = "principal"},
    {.group = "thing",
     .verb = "detach",
     .summary = "Detach a certificate from a thing.",
     .args = VCH_CTL_ARGS(NAME, TARGET),
     .run = detach},
    {.group = "thing",
     .verb = "of",
     .summary = "List the things of a certificate.",
     .args = VCH_CTL_ARGS(TARGET),
     .run = of,
     .list = "things",
     .columns = "thingName"},
    {.group = NULL},
};
