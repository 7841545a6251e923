/* What the use cases of types, groups and billing groups have in common. */
#ifndef VCH_SERVICE_GROUP_NAMES_H
#define VCH_SERVICE_GROUP_NAMES_H

#include "service/page.h"
#include "store/groups.h"

/* A resource that the request names by name or by ARN. FIELD_MISSING without
 * either, TARGET_INVALID for another site's or type's ARN, FIELD_INVALID when
 * they disagree. */
struct vch_named_input {
    const char *name, *arn; /* inputs: "thingName", "thingArn" */
    const char *type;       /* of the ARN: "thing" */
};
enum vch_err vch_named_input(struct vch_call *call, const struct vch_named_input *input, struct vch_str *ret) VCH_MUST;

/* A page of names as objects of groupName and groupArn, with the next token. */
enum vch_err vch_put_named_page(struct vch_call *call, const struct vch_paging *paging, const char *name, const char *type,
                                const struct vch_list_str *list) VCH_MUST;
/* The same as strings. */
enum vch_err vch_put_name_page(struct vch_call *call, const struct vch_paging *paging, const char *name,
                               const struct vch_list_str *list) VCH_MUST;
/* One such object at the end of a list. */
enum vch_err vch_push_named(struct vch_call *call, struct vch_val *list, const char *type, struct vch_str name) VCH_MUST;

/* A new UUID in the call's arena. */
enum vch_err vch_new_uuid(struct vch_call *call, struct vch_str *ret) VCH_MUST;
/* "NAME", "ARN" and "ID" members of a creation's answer: prefix "thingGroup", type "thinggroup". */
enum vch_err vch_put_created(struct vch_call *call, const char *prefix, const char *type, struct vch_str name,
                             struct vch_str id) VCH_MUST;

#endif
