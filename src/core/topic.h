/* MQTT topic names and filters (MQTT 3.1.1 section 4.7) with AWS IoT's limits:
 * 256 bytes, 7 slashes, and "a/#" that does not match "a". Pure. */
#ifndef VCH_CORE_TOPIC_H
#define VCH_CORE_TOPIC_H

#include "base/str.h"

/* UTF-8, no NUL, no wildcard, not empty, within the limits. */
enum vch_err vch_topic_check(struct vch_str topic, struct vch_diag *diag) VCH_MUST;
/* The same for filters: '+' and '#' alone in their level, '#' last. */
enum vch_err vch_filter_check(struct vch_str filter, struct vch_diag *diag) VCH_MUST;
/* `parent_too`: "a/#" matches "a", as the OASIS text has it. A filter that
 * starts with a wildcard never matches a topic that starts with '$'. */
bool vch_topic_matches(struct vch_str filter, struct vch_str topic, bool parent_too);
bool vch_topic_reserved(struct vch_str topic); /* starts with '$' */

/* The operations that the provisioning topics name. */
enum vch_prov_op { VCH_PROV_NONE, VCH_PROV_CREATE_KEYS, VCH_PROV_CREATE_FROM_CSR, VCH_PROV_REGISTER_THING };
enum vch_prov_format { VCH_PROV_JSON, VCH_PROV_CBOR };
enum vch_prov_leaf { VCH_PROV_REQUEST, VCH_PROV_ACCEPTED, VCH_PROV_REJECTED, VCH_PROV_ANY_ANSWER /* "…/+" in a filter */ };
struct vch_prov_topic {
    enum vch_prov_op op;
    enum vch_prov_format format;
    enum vch_prov_leaf leaf;
    struct vch_str template_name; /* view into the topic; REGISTER_THING only */
};
/* op is NONE when `topic` is not exactly one of them. Filters parse too. */
struct vch_prov_topic vch_prov_topic_parse(struct vch_str topic);

#endif
