/* Rules that every change of a thing keeps, by whatever operation it comes.
 * Source: AWS IoT "Managing things", the API's AttributePayload. */
#ifndef VCH_SERVICE_THING_RULES_H
#define VCH_SERVICE_THING_RULES_H

#include "service/call.h"

enum { VCH_THING_ATTRIBUTES_MAX = 50, VCH_THING_ATTRIBUTES_UNTYPED_MAX = 3 };

enum vch_err vch_thing_attributes_decode(struct vch_call *call, const struct vch_rec_thing *thing, struct vch_val **ret) VCH_MUST;
enum vch_err vch_thing_attributes_encode(struct vch_call *call, const struct vch_val *attributes, struct vch_str *ret) VCH_MUST;
/* `old` (NULL: none) overlaid with `given` (NULL: none); an empty value takes an
 * attribute away. */
enum vch_err vch_thing_attributes_merge(struct vch_call *call, const struct vch_val *old, const struct vch_val *given,
                                        struct vch_val **ret) VCH_MUST;
/* Names, values and how many. FIELD_INVALID. */
enum vch_err vch_thing_attributes_check(struct vch_call *call, const struct vch_val *attributes, bool typed) VCH_MUST;
/* Guards: type and billing group (empty: none) exist, the type is in use. The
 * plan is refused with THING_TYPE_MISSING, THING_TYPE_DEPRECATED,
 * BILLING_GROUP_MISSING. */
void vch_thing_references_need(struct vch_plan *plan, struct vch_str type, struct vch_str billing_group);
/* The input expectedVersion, when there is one: THING_VERSION. */
enum vch_err vch_thing_version_check(struct vch_call *call, const struct vch_rec_thing *thing) VCH_MUST;

#endif
