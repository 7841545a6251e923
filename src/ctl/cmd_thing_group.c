/* What orders things: types, groups, billing groups, tags; and searching them. */
#include "ctl/pairs.h"
#include "ctl/run.h"

static enum vch_ctl_exit send(struct vch_ctl *ctl, enum vch_op op, const struct vch_val *inputs) {
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = vch_ctl_call(ctl, op, inputs, &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, NULL, NULL) : exit;
}

/* --tag K=V as AWS writes tags. */
static enum vch_ctl_exit put_tags(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, struct vch_val *inputs) {
    const char *const *values;
    if (vch_ctl_arg_all(parsed, "--tag", &values) == 0) return VCH_CTL_DONE;
    struct vch_val *pairs = vch_val_new_map(ctl->arena), *list = vch_val_put_list(ctl->arena, inputs, "tags");
    if (!pairs || !list) return vch_ctl_fail(ctl, "out of memory");
    enum vch_ctl_exit exit = vch_ctl_pairs(ctl, parsed, "--tag", pairs);
    if (exit != VCH_CTL_DONE) return exit;
    for (size_t i = 0; i < pairs->count; i++) {
        struct vch_val *tag = vch_val_push_map(ctl->arena, list);
        if (!tag || vch_val_put_str(ctl->arena, tag, "Key", pairs->members[i].name) != VCH_OK ||
            vch_val_put_str(ctl->arena, tag, "Value", pairs->members[i].value.str) != VCH_OK)
            return vch_ctl_fail(ctl, "out of memory");
    }
    return VCH_CTL_DONE;
}

/* The properties of a resource, an object named `properties` with its description. */
static enum vch_ctl_exit put_properties(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, const char *properties,
                                        const char *description, struct vch_val *inputs, struct vch_val **ret) {
    const char *text = vch_ctl_arg(parsed, "--description");
    *ret = vch_val_put_map(ctl->arena, inputs, properties);
    if (!*ret) return vch_ctl_fail(ctl, "out of memory");
    if (text && vch_val_put_str(ctl->arena, *ret, description, vch_str_from(text)) != VCH_OK)
        return vch_ctl_fail(ctl, "out of memory");
    return VCH_CTL_DONE;
}

static enum vch_ctl_exit put_list(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, const char *argument,
                                  const char *name, struct vch_val *map) {
    const char *const *values;
    size_t count = vch_ctl_arg_all(parsed, argument, &values);
    struct vch_val *list = count ? vch_val_put_list(ctl->arena, map, name) : NULL;
    for (size_t i = 0; i < count; i++)
        if (!list || vch_val_push_str(ctl->arena, list, vch_str_from(values[i])) != VCH_OK)
            return vch_ctl_fail(ctl, "out of memory");
    return VCH_CTL_DONE;
}

/* ---- types ---- */

static enum vch_ctl_exit type_write(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, enum vch_op op) {
    struct vch_val *inputs = NULL, *properties = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, op, &inputs);
    if (exit == VCH_CTL_DONE)
        exit = put_properties(ctl, parsed, "thingTypeProperties", "thingTypeDescription", inputs, &properties);
    if (exit == VCH_CTL_DONE) exit = put_list(ctl, parsed, "--searchable", "searchableAttributes", properties);
    if (exit == VCH_CTL_DONE && op == VCH_OP_CREATE_THING_TYPE) exit = put_tags(ctl, parsed, inputs);
    return exit == VCH_CTL_DONE ? send(ctl, op, inputs) : exit;
}

static enum vch_ctl_exit type_create(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return type_write(ctl, parsed, VCH_OP_CREATE_THING_TYPE);
}

static enum vch_ctl_exit type_update(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return type_write(ctl, parsed, VCH_OP_UPDATE_THING_TYPE);
}

/* ---- groups ---- */

static enum vch_ctl_exit group_write(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, enum vch_op op) {
    struct vch_val *inputs = NULL, *properties = NULL;
    const char *const *values;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, op, &inputs);
    if (exit == VCH_CTL_DONE)
        exit = put_properties(ctl, parsed, "thingGroupProperties", "thingGroupDescription", inputs, &properties);
    if (exit == VCH_CTL_DONE && vch_ctl_arg_all(parsed, "--attribute", &values)) {
        struct vch_val *payload = vch_val_put_map(ctl->arena, properties, "attributePayload");
        bool good = payload && vch_val_put_bool(ctl->arena, payload, "merge", true) == VCH_OK;
        struct vch_val *map = good ? vch_val_put_map(ctl->arena, payload, "attributes") : NULL;
        exit = map ? vch_ctl_pairs(ctl, parsed, "--attribute", map) : vch_ctl_fail(ctl, "out of memory");
    }
    if (exit == VCH_CTL_DONE && op == VCH_OP_CREATE_THING_GROUP) exit = put_tags(ctl, parsed, inputs);
    return exit == VCH_CTL_DONE ? send(ctl, op, inputs) : exit;
}

static enum vch_ctl_exit group_create(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return group_write(ctl, parsed, VCH_OP_CREATE_THING_GROUP);
}

static enum vch_ctl_exit group_update(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    return group_write(ctl, parsed, VCH_OP_UPDATE_THING_GROUP);
}

/* ---- billing groups ---- */

static enum vch_ctl_exit billing_create(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL, *properties = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_CREATE_BILLING_GROUP, &inputs);
    if (exit == VCH_CTL_DONE)
        exit = put_properties(ctl, parsed, "billingGroupProperties", "billingGroupDescription", inputs, &properties);
    if (exit == VCH_CTL_DONE) exit = put_tags(ctl, parsed, inputs);
    return exit == VCH_CTL_DONE ? send(ctl, VCH_OP_CREATE_BILLING_GROUP, inputs) : exit;
}

/* ---- tags ---- */

static enum vch_ctl_exit tag_set(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_TAG_RESOURCE, &inputs);
    if (exit == VCH_CTL_DONE) exit = put_tags(ctl, parsed, inputs);
    return exit == VCH_CTL_DONE ? send(ctl, VCH_OP_TAG_RESOURCE, inputs) : exit;
}

static enum vch_ctl_exit tag_remove(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_UNTAG_RESOURCE, &inputs);
    if (exit == VCH_CTL_DONE) exit = put_list(ctl, parsed, "--key", "tagKeys", inputs);
    return exit == VCH_CTL_DONE ? send(ctl, VCH_OP_UNTAG_RESOURCE, inputs) : exit;
}

/* ---- the rows ---- */

#define TYPE                                                                                                           \
    { "NAME", NULL, "thingTypeName", VCH_CTL_REQUIRED, "name of the thing type" }
#define GROUP                                                                                                          \
    { "NAME", NULL, "thingGroupName", VCH_CTL_REQUIRED, "name of the thing group" }
#define BILLING                                                                                                        \
    { "NAME", NULL, "billingGroupName", VCH_CTL_REQUIRED, "name of the billing group" }
#define THING                                                                                                          \
    { "THING", NULL, "thingName", VCH_CTL_REQUIRED, "name of the thing" }
#define RESOURCE                                                                                                       \
    { "ARN", NULL, "resourceArn", VCH_CTL_REQUIRED, "the resource" }
#define DESCRIPTION                                                                                                    \
    { "--description", "TEXT", NULL, 0, "what it is for" }
#define SEARCHABLE                                                                                                     \
    { "--searchable", "ATTRIBUTE", NULL, VCH_CTL_REPEAT, "an attribute to search by; at most three" }
#define ATTRIBUTE                                                                                                      \
    { "--attribute", "NAME=VALUE", NULL, VCH_CTL_REPEAT, "an attribute; may be given again" }
#define TAG                                                                                                            \
    { "--tag", "KEY=VALUE", NULL, VCH_CTL_REPEAT, "a tag; may be given again" }
static const struct vch_ctl_arg none[] = {{.name = NULL}};

const struct vch_ctl_command vch_ctl_thing_group_commands[] = {
    {.group = "thing",
     .verb = "connectivity",
     .summary = "Show whether a thing is connected.",
     .args = VCH_CTL_ARGS(THING),
     .op = VCH_OP_GET_THING_CONNECTIVITY_DATA},
    {.group = "type",
     .verb = "list",
     .summary = "List thing types.",
     .args = none,
     .op = VCH_OP_LIST_THING_TYPES,
     .list = "thingTypes",
     .columns = "thingTypeName thingTypeArn thingTypeMetadata"},
    {.group = "type", .verb = "get", .summary = "Show a thing type.", .args = VCH_CTL_ARGS(TYPE), .op = VCH_OP_DESCRIBE_THING_TYPE},
    {.group = "type", .verb = "create", .summary = "Make a thing type.", .args = VCH_CTL_ARGS(TYPE, DESCRIPTION, SEARCHABLE, TAG), .run = type_create},
    {.group = "type", .verb = "update", .summary = "Change a thing type.", .args = VCH_CTL_ARGS(TYPE, DESCRIPTION, SEARCHABLE), .run = type_update},
    {.group = "type",
     .verb = "deprecate",
     .summary = "Let no new thing have the type, or take that back.",
     .args = VCH_CTL_ARGS(TYPE, {"--undo", NULL, "undoDeprecate", 0, "put the type in use again"}),
     .op = VCH_OP_DEPRECATE_THING_TYPE},
    {.group = "type",
     .verb = "delete",
     .summary = "Delete a thing type, five minutes after it was deprecated.",
     .args = VCH_CTL_ARGS(TYPE),
     .op = VCH_OP_DELETE_THING_TYPE},
    {.group = "thing-group",
     .verb = "list",
     .summary = "List thing groups.",
     .args = VCH_CTL_ARGS({"--parent", "NAME", "parentGroup", 0, "those below this group only"},
                          {"--prefix", "TEXT", "namePrefixFilter", 0, "those whose name begins so"}),
     .op = VCH_OP_LIST_THING_GROUPS,
     .list = "thingGroups",
     .columns = "groupName groupArn"},
    {.group = "thing-group", .verb = "get", .summary = "Show a thing group.", .args = VCH_CTL_ARGS(GROUP), .op = VCH_OP_DESCRIBE_THING_GROUP},
    {.group = "thing-group",
     .verb = "create",
     .summary = "Make a thing group.",
     .args = VCH_CTL_ARGS(GROUP, {"--parent", "NAME", "parentGroupName", 0, "the group above it"}, DESCRIPTION, ATTRIBUTE, TAG),
     .run = group_create},
    {.group = "thing-group",
     .verb = "update",
     .summary = "Change description and attributes of a thing group.",
     .args = VCH_CTL_ARGS(GROUP, DESCRIPTION, ATTRIBUTE),
     .run = group_update},
    {.group = "thing-group",
     .verb = "delete",
     .summary = "Delete a thing group without child groups.",
     .args = VCH_CTL_ARGS(GROUP),
     .op = VCH_OP_DELETE_THING_GROUP},
    {.group = "thing-group",
     .verb = "add",
     .summary = "Put a thing into a group.",
     .args = VCH_CTL_ARGS(GROUP, THING),
     .op = VCH_OP_ADD_THING_TO_THING_GROUP},
    {.group = "thing-group",
     .verb = "remove",
     .summary = "Take a thing out of a group.",
     .args = VCH_CTL_ARGS(GROUP, THING),
     .op = VCH_OP_REMOVE_THING_FROM_THING_GROUP},
    {.group = "thing-group",
     .verb = "things",
     .summary = "List the things of a group.",
     .args = VCH_CTL_ARGS(GROUP, {"--recursive", NULL, "recursive", 0, "and of all groups below it"}),
     .op = VCH_OP_LIST_THINGS_IN_THING_GROUP,
     .list = "things",
     .columns = "thingName"},
    {.group = "thing-group",
     .verb = "of",
     .summary = "List the groups of a thing.",
     .args = VCH_CTL_ARGS(THING),
     .op = VCH_OP_LIST_THING_GROUPS_FOR_THING,
     .list = "thingGroups",
     .columns = "groupName groupArn"},
    {.group = "billing-group",
     .verb = "list",
     .summary = "List billing groups.",
     .args = VCH_CTL_ARGS({"--prefix", "TEXT", "namePrefixFilter", 0, "those whose name begins so"}),
     .op = VCH_OP_LIST_BILLING_GROUPS,
     .list = "billingGroups",
     .columns = "groupName groupArn"},
    {.group = "billing-group", .verb = "get", .summary = "Show a billing group.", .args = VCH_CTL_ARGS(BILLING), .op = VCH_OP_DESCRIBE_BILLING_GROUP},
    {.group = "billing-group", .verb = "create", .summary = "Make a billing group.", .args = VCH_CTL_ARGS(BILLING, DESCRIPTION, TAG), .run = billing_create},
    {.group = "billing-group",
     .verb = "delete",
     .summary = "Delete a billing group without things.",
     .args = VCH_CTL_ARGS(BILLING),
     .op = VCH_OP_DELETE_BILLING_GROUP},
    {.group = "billing-group",
     .verb = "add",
     .summary = "Put a thing into a billing group, out of another.",
     .args = VCH_CTL_ARGS(BILLING, THING),
     .op = VCH_OP_ADD_THING_TO_BILLING_GROUP},
    {.group = "billing-group",
     .verb = "remove",
     .summary = "Take a thing out of a billing group.",
     .args = VCH_CTL_ARGS(BILLING, THING),
     .op = VCH_OP_REMOVE_THING_FROM_BILLING_GROUP},
    {.group = "billing-group",
     .verb = "things",
     .summary = "List the things of a billing group.",
     .args = VCH_CTL_ARGS(BILLING),
     .op = VCH_OP_LIST_THINGS_IN_BILLING_GROUP,
     .list = "things",
     .columns = "thingName"},
    {.group = "tag",
     .verb = "list",
     .summary = "List the tags of a resource.",
     .args = VCH_CTL_ARGS(RESOURCE),
     .op = VCH_OP_LIST_TAGS_FOR_RESOURCE,
     .list = "tags",
     .columns = "Key Value"},
    {.group = "tag", .verb = "set", .summary = "Give a resource tags.", .args = VCH_CTL_ARGS(RESOURCE, TAG), .run = tag_set},
    {.group = "tag",
     .verb = "remove",
     .summary = "Take tags off a resource.",
     .args = VCH_CTL_ARGS(RESOURCE, {"--key", "KEY", NULL, VCH_CTL_REPEAT, "a tag's key; may be given again"}),
     .run = tag_remove},
    {.group = "search",
     .verb = "",
     .summary = "Find things by a query, such as 'thingName:dev* AND attributes.site:north'.",
     .args = VCH_CTL_ARGS({"QUERY", NULL, "queryString", VCH_CTL_REQUIRED, "terms field:value with AND, OR, NOT and parentheses"}),
     .op = VCH_OP_SEARCH_INDEX,
     .list = "things",
     .columns = "thingName thingTypeName thingGroupNames attributes connectivity"},
    {.group = NULL},
};
