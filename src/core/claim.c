#include "core/claim.h"

#include "core/names.h"
#include "core/topic.h"

/* A claim may take any id that a device would: it does not know its final
 * name yet. What could act as a pattern in somebody's policy stays out. */
static bool client_id_allowed(struct vch_str id) {
    if (id.len == 0 || id.len > VCH_CLIENT_ID_MAX || !vch_text_valid(id, VCH_CLIENT_ID_MAX)) return false;
    for (size_t i = 0; i < id.len; i++)
        if (vch_str_find(VCH_STR("+#*?$"), id.ptr[i], 0) != SIZE_MAX) return false;
    return true;
}

static bool leaf_allowed(enum vch_claim_action action, enum vch_prov_leaf leaf) {
    bool answer = leaf == VCH_PROV_ACCEPTED || leaf == VCH_PROV_REJECTED;
    switch (action) {
    case VCH_CLAIM_PUBLISH: return leaf == VCH_PROV_REQUEST;
    case VCH_CLAIM_SUBSCRIBE: return answer || leaf == VCH_PROV_ANY_ANSWER;
    case VCH_CLAIM_RECEIVE: return answer;
    case VCH_CLAIM_CONNECT: break;
    }
    return false;
}

bool vch_claim_allows(struct vch_str template_name, enum vch_claim_action action, struct vch_str target) {
    if (action == VCH_CLAIM_CONNECT) return client_id_allowed(target);
    struct vch_prov_topic topic = vch_prov_topic_parse(target);
    if (topic.op == VCH_PROV_NONE) return false;
    if (topic.op == VCH_PROV_REGISTER_THING && !vch_str_eq(topic.template_name, template_name)) return false;
    return leaf_allowed(action, topic.leaf);
}
