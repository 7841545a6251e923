/* Things: the devices of the registry. */
#include "ctl/pairs.h"
#include "ctl/target.h"

static enum vch_ctl_exit detach(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return vch_ctl_call_target(ctl, parsed, VCH_OP_DETACH_THING_PRINCIPAL, "principal");
}

static enum vch_ctl_exit of(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return vch_ctl_call_target(ctl, parsed, VCH_OP_LIST_PRINCIPAL_THINGS, "principal");
}

/* Attributes are merged into what is there unless they replace it. */
static enum vch_ctl_exit put_attributes(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, bool replace,
                                        struct vch_val *inputs) {
    const char *const *values;
    if (vch_ctl_arg_all(parsed, "--attribute", &values) == 0 && !replace) return VCH_CTL_DONE;
    struct vch_val *payload = vch_val_put_map(ctl->arena, inputs, "attributePayload");
    struct vch_val *map = payload ? vch_val_put_map(ctl->arena, payload, "attributes") : NULL;
    if (!map || vch_val_put_bool(ctl->arena, payload, "merge", !replace) != VCH_OK) return vch_ctl_fail(ctl, "out of memory");
    return vch_ctl_pairs(ctl, parsed, "--attribute", map);
}

static enum vch_ctl_exit write_thing(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, enum vch_op op,
                                     bool replace) {
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, op, &inputs);
    if (exit == VCH_CTL_DONE) exit = put_attributes(ctl, parsed, replace, inputs);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, op, inputs, &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, NULL, NULL) : exit;
}

static enum vch_ctl_exit create(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return write_thing(ctl, parsed, VCH_OP_CREATE_THING, false);
}

static enum vch_ctl_exit update(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return write_thing(ctl, parsed, VCH_OP_UPDATE_THING, vch_ctl_switch(parsed, "--replace-attributes"));
}

static enum vch_ctl_exit attach(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    const char *kind = vch_ctl_switch(parsed, "--exclusive") ? "EXCLUSIVE_THING" : "NON_EXCLUSIVE_THING";
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    struct vch_str target;
    enum vch_ctl_exit exit = vch_ctl_target(ctl, vch_ctl_arg(parsed, "TARGET"), &target);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_gather(ctl, parsed, VCH_OP_ATTACH_THING_PRINCIPAL, &inputs);
    if (exit != VCH_CTL_DONE) return exit;
    if (!vch_ctl_put(ctl, VCH_OP_ATTACH_THING_PRINCIPAL, inputs, "principal", target) ||
        !vch_ctl_put(ctl, VCH_OP_ATTACH_THING_PRINCIPAL, inputs, "thingPrincipalType", vch_str_from(kind)))
        return vch_ctl_fail(ctl, "out of memory");
    exit = vch_ctl_call(ctl, VCH_OP_ATTACH_THING_PRINCIPAL, inputs, &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, NULL, NULL) : exit;
}

static enum vch_ctl_exit register_one(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_REGISTER_THING, &inputs);
    if (exit != VCH_CTL_DONE) return exit;
    struct vch_val *parameters = vch_val_put_map(ctl->arena, inputs, "parameters");
    if (!parameters) return vch_ctl_fail(ctl, "out of memory");
    exit = vch_ctl_pairs(ctl, parsed, "--parameter", parameters);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, VCH_OP_REGISTER_THING, inputs, &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, NULL, NULL) : exit;
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
     .verb = "create",
     .summary = "Make a thing.",
     .args = VCH_CTL_ARGS(NAME, {"--type", "NAME", "thingTypeName", 0, "its type"},
                          {"--attribute", "NAME=VALUE", NULL, VCH_CTL_REPEAT, "an attribute; may be given again"},
                          {"--billing-group", "NAME", "billingGroupName", 0, "its billing group"}),
     .run = create},
    {.group = "thing",
     .verb = "update",
     .summary = "Change attributes and type of a thing.",
     .args = VCH_CTL_ARGS(NAME, {"--type", "NAME", "thingTypeName", 0, "its new type"},
                          {"--remove-type", NULL, "removeThingType", 0, "take its type away"},
                          {"--attribute", "NAME=VALUE", NULL, VCH_CTL_REPEAT, "set an attribute, or with no value remove it"},
                          {"--replace-attributes", NULL, NULL, 0, "and drop all others"},
                          {"--expected-version", "N", "expectedVersion", 0, "only if this is still its version"}),
     .run = update},
    {.group = "thing",
     .verb = "register",
     .summary = "Carry out a template: thing, certificate and policies.",
     .args = VCH_CTL_ARGS({"FILE", NULL, "templateBody", VCH_CTL_REQUIRED | VCH_CTL_FILE, "the template's text; - for standard input"},
                          {"--parameter", "NAME=VALUE", NULL, VCH_CTL_REPEAT, "a parameter; may be given again"}),
     .run = register_one},
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
     .verb = "attach",
     .summary = "Attach a certificate to a thing.",
     .args = VCH_CTL_ARGS(NAME, TARGET, {"--exclusive", NULL, NULL, 0, "and let the certificate have no other"}),
     .run = attach},
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
