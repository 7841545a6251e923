/* Names and limits of AWS IoT, as predicates. Source: the service's API model
 * (patterns) and its published limits. Pure; any thread. */
#ifndef VCH_CORE_NAMES_H
#define VCH_CORE_NAMES_H

#include "base/str.h"

enum {
    VCH_THING_NAME_MAX = 128,
    VCH_POLICY_NAME_MAX = 128,
    VCH_TEMPLATE_NAME_MAX = 36,
    VCH_TEMPLATE_BODY_MAX = 10240,
    VCH_TEMPLATE_VERSIONS_MAX = 5,
    VCH_POLICY_VERSIONS_MAX = 5,
    VCH_POLICY_DOCUMENT_MAX = 2048, /* characters that are not white space */
    VCH_POLICIES_PER_CERTIFICATE_MAX = 10,
    VCH_POLICIES_PER_GROUP_MAX = 2,
    VCH_GROUP_DEPTH_MAX = 7,
    VCH_GROUP_CHILDREN_MAX = 100,
    VCH_GROUPS_PER_THING_MAX = 10,
    VCH_TAGS_MAX = 50,
    VCH_THING_TYPE_WAIT_MS = 300000, /* from deprecation to deletion */
    VCH_DESCRIPTION_MAX = 500,
    VCH_CERTIFICATE_ID_LEN = 64,
    VCH_CSR_MAX = 4096,
    VCH_PEM_MAX = 65536,
    VCH_CLIENT_ID_MAX = 128, /* bytes */
    VCH_TOPIC_MAX = 256,     /* bytes */
    VCH_TOPIC_SLASHES_MAX = 7,
    VCH_PAYLOAD_MAX = 131072,
    VCH_PARAMETER_NAME_MAX = 2048,
    VCH_PARAMETER_VALUE_MAX = 4096,
    VCH_TOKEN_MAX = 500
};

bool vch_thing_name_valid(struct vch_str s);    /* [a-zA-Z0-9:_-]{1,128}; types and groups too */
bool vch_policy_name_valid(struct vch_str s);   /* [\w+=,.@-]{1,128} */
bool vch_template_name_valid(struct vch_str s); /* [0-9A-Za-z_-]{1,36} */
bool vch_certificate_id_valid(struct vch_str s); /* 64 hexadecimal digits, either case */
bool vch_attribute_name_valid(struct vch_str s);
bool vch_attribute_value_valid(struct vch_str s);
bool vch_role_arn_valid(struct vch_str s);      /* arn:…:iam::<12 digits>:role/…, 20 to 2048 */
bool vch_tag_key_valid(struct vch_str s);        /* 1 to 128 characters: letters, digits, spaces, _.:/=+-@; not "aws:..." */
bool vch_tag_value_valid(struct vch_str s);      /* 0 to 256 of them */
bool vch_user_name_valid(struct vch_str s);     /* [\w+=,.@-]{1,64} */
bool vch_account_valid(struct vch_str s);       /* 12 digits */
bool vch_region_valid(struct vch_str s);        /* [a-z0-9-]{1,32} */
bool vch_text_valid(struct vch_str s, size_t max); /* UTF-8, at most max characters, no control characters */
/* The bytes of the sign at `at` when people do not see it, or it turns the text beside it (controls, zero widths, marks
 * of direction), as a terminal would obey them; else 0. The same signs as console/dom.js, and the marks LRM, RLM and ALM. */
size_t vch_text_unseen(struct vch_str s, size_t at);
bool vch_text_seen(struct vch_str s, size_t max); /* valid, and without any of them */

#endif
