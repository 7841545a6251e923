#include "core/topic.h"

#include "core/names.h"
#include "core/reason.h"

enum { SHARE_NAME_MAX = 128 };

static enum vch_err refuse(struct vch_diag *diag, const char *what) {
    return VCH_REFUSE(diag, VCH_ERR_INVALID, TOPIC_INVALID, "topic", "%s", what);
}

/* What the limits are counted on: without "$aws/rules/NAME/", AWS's basic
 * ingest prefix. */
static struct vch_str counted_part(struct vch_str topic) {
    const struct vch_str prefix = VCH_STR("$aws/rules/");
    if (!vch_str_starts(topic, prefix)) return topic;
    size_t slash = vch_str_find(topic, '/', prefix.len);
    return slash == SIZE_MAX ? topic : vch_str_sub(topic, slash + 1, SIZE_MAX);
}

static enum vch_err check_limits(struct vch_str topic, struct vch_diag *diag) {
    struct vch_str counted = counted_part(topic);
    size_t slashes = 0;
    for (size_t at = vch_str_find(counted, '/', 0); at != SIZE_MAX; at = vch_str_find(counted, '/', at + 1)) slashes++;
    if (counted.len > VCH_TOPIC_MAX || topic.len > 2 * VCH_TOPIC_MAX)
        return refuse(diag, "A topic has at most 256 bytes.");
    if (slashes > VCH_TOPIC_SLASHES_MAX) return refuse(diag, "A topic has at most 7 slashes.");
    return VCH_OK;
}

/* [MQTT-4.7.3-1] to [MQTT-4.7.3-3] and [MQTT-1.5.3-1]. */
static enum vch_err check_text(struct vch_str topic, struct vch_diag *diag) {
    if (topic.len == 0) return refuse(diag, "A topic has at least one character.");
    if (vch_str_find(topic, '\0', 0) != SIZE_MAX) return refuse(diag, "A topic holds no NUL character.");
    if (topic.len <= (size_t)2 * VCH_TOPIC_MAX && !vch_utf8_valid(topic))
        return refuse(diag, "A topic is well-formed UTF-8.");
    return check_limits(topic, diag);
}

static bool has_wildcard(struct vch_str s) {
    return vch_str_find(s, '+', 0) != SIZE_MAX || vch_str_find(s, '#', 0) != SIZE_MAX;
}

enum vch_err vch_topic_check(struct vch_str topic, struct vch_diag *diag) {
    VCH_TRY(check_text(topic, diag));
    return has_wildcard(topic) ? refuse(diag, "A topic name holds no wildcard.") : VCH_OK; /* [MQTT-3.3.2-2] */
}

/* [MQTT-4.7.1-2] and [MQTT-4.7.1-3]. */
static enum vch_err check_wildcards(struct vch_str filter, struct vch_diag *diag) {
    struct vch_str rest = filter;
    struct vch_str level;
    while (vch_str_split(&rest, '/', &level)) {
        if (has_wildcard(level) && level.len != 1) return refuse(diag, "A wildcard stands alone in its level.");
        if (vch_str_eq_c(level, "#") && rest.ptr) return refuse(diag, "'#' is the last level of a filter.");
    }
    return VCH_OK;
}

/* The filter behind "$share/NAME/" (MQTT 5 section 4.8.2), or all of it. */
static enum vch_err shared_part(struct vch_str filter, struct vch_str *ret, struct vch_diag *diag) {
    const struct vch_str prefix = VCH_STR("$share/");
    *ret = filter;
    if (!vch_str_starts(filter, prefix)) return VCH_OK;
    size_t slash = vch_str_find(filter, '/', prefix.len);
    if (slash == SIZE_MAX) return refuse(diag, "A shared subscription names a group and a filter.");
    struct vch_str group = vch_str_sub(filter, prefix.len, slash - prefix.len);
    if (group.len == 0 || group.len > SHARE_NAME_MAX || has_wildcard(group) || !vch_utf8_valid(group))
        return refuse(diag, "The group of a shared subscription has 1 to 128 bytes and no wildcard.");
    *ret = vch_str_sub(filter, slash + 1, SIZE_MAX);
    return VCH_OK;
}

enum vch_err vch_filter_check(struct vch_str filter, struct vch_diag *diag) {
    struct vch_str inner;
    VCH_TRY(shared_part(filter, &inner, diag));
    VCH_TRY(check_text(inner, diag));
    if (inner.ptr != filter.ptr && vch_str_find(filter, '\0', 0) != SIZE_MAX)
        return refuse(diag, "A topic holds no NUL character.");
    return check_wildcards(inner, diag);
}

bool vch_topic_reserved(struct vch_str topic) {
    return topic.len > 0 && topic.ptr[0] == '$';
}

static bool levels_match(struct vch_str filter, struct vch_str topic, bool parent_too) {
    struct vch_str want;
    struct vch_str have;
    while (vch_str_split(&filter, '/', &want)) {
        if (vch_str_eq_c(want, "#")) return topic.ptr != NULL || parent_too;
        if (!vch_str_split(&topic, '/', &have)) return false;
        if (!vch_str_eq_c(want, "+") && !vch_str_eq(want, have)) return false;
    }
    return topic.ptr == NULL;
}

bool vch_topic_matches(struct vch_str filter, struct vch_str topic, bool parent_too) {
    if (filter.len == 0 || topic.len == 0) return false;
    bool wild_start = filter.ptr[0] == '+' || filter.ptr[0] == '#';
    if (wild_start && vch_topic_reserved(topic)) return false; /* [MQTT-4.7.2-1] */
    return levels_match(filter, topic, parent_too);
}

static bool take(struct vch_str *rest, struct vch_str prefix) {
    if (!vch_str_starts(*rest, prefix)) return false;
    *rest = vch_str_of(rest->ptr + prefix.len, rest->len - prefix.len);
    return true;
}

static bool take_operation(struct vch_str *rest, struct vch_prov_topic *topic) {
    if (take(rest, VCH_STR("$aws/certificates/create/"))) {
        topic->op = VCH_PROV_CREATE_KEYS;
        return true;
    }
    if (take(rest, VCH_STR("$aws/certificates/create-from-csr/"))) {
        topic->op = VCH_PROV_CREATE_FROM_CSR;
        return true;
    }
    if (!take(rest, VCH_STR("$aws/provisioning-templates/"))) return false;
    size_t slash = vch_str_find(*rest, '/', 0);
    topic->op = VCH_PROV_REGISTER_THING;
    topic->template_name = vch_str_sub(*rest, 0, slash);
    return slash != SIZE_MAX && vch_template_name_valid(topic->template_name) && take(rest, topic->template_name) &&
           take(rest, VCH_STR("/provision/"));
}

static bool take_format(struct vch_str *rest, enum vch_prov_format *format) {
    *format = vch_str_starts(*rest, VCH_STR("json")) ? VCH_PROV_JSON : VCH_PROV_CBOR;
    return take(rest, VCH_STR("json")) || take(rest, VCH_STR("cbor"));
}

static bool leaf_of(struct vch_str rest, enum vch_prov_leaf *leaf) {
    static const char *const leaves[] = {
        [VCH_PROV_REQUEST] = "",
        [VCH_PROV_ACCEPTED] = "/accepted",
        [VCH_PROV_REJECTED] = "/rejected",
        [VCH_PROV_ANY_ANSWER] = "/+",
    };
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        *leaf = (enum vch_prov_leaf)i;
        if (vch_str_eq_c(rest, leaves[i])) return true;
    }
    return false;
}

struct vch_prov_topic vch_prov_topic_parse(struct vch_str topic) {
    const struct vch_prov_topic none = {.op = VCH_PROV_NONE};
    struct vch_prov_topic found = none;
    struct vch_str rest = topic;
    if (!take_operation(&rest, &found) || !take_format(&rest, &found.format) || !leaf_of(rest, &found.leaf))
        return none;
    return found;
}
