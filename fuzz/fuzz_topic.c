/* Topics and filters: the checks, the match and the provisioning topics.
 * Input: a filter, and after 0x01 a topic. */
#include <stdint.h>

#include "core/claim.h"
#include "core/topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A topic name is also a filter, and matches itself alone. */
static void check_topic(struct vch_str topic) {
    if (vch_topic_check(topic, NULL) != VCH_OK) return;
    vch_assert(vch_topic_matches(topic, topic, false));
    vch_assert(vch_topic_matches(VCH_STR("#"), topic, false) != vch_topic_reserved(topic));
}

/* What a claim may do, and what it may not. */
static void check_claim(struct vch_str text) {
    struct vch_prov_topic parsed = vch_prov_topic_parse(text);
    bool publish = vch_claim_allows(VCH_STR("T"), VCH_CLAIM_PUBLISH, text);
    bool receive = vch_claim_allows(VCH_STR("T"), VCH_CLAIM_RECEIVE, text);
    bool subscribe = vch_claim_allows(VCH_STR("T"), VCH_CLAIM_SUBSCRIBE, text);
    vch_assert(!publish || parsed.leaf == VCH_PROV_REQUEST);
    vch_assert(!(publish && (receive || subscribe)));
    vch_assert(!receive || subscribe);
    vch_assert(parsed.op != VCH_PROV_NONE || !(publish || receive || subscribe));
    (void)vch_claim_allows(VCH_STR("T"), VCH_CLAIM_CONNECT, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_str filter = size ? vch_str_of(data, size) : VCH_STR("");
    struct vch_str topic = {"", 0};
    size_t half = vch_str_find(filter, '\x01', 0);
    if (half != SIZE_MAX) {
        topic = vch_str_sub(filter, half + 1, SIZE_MAX);
        filter.len = half;
    }
    check_topic(filter);
    check_topic(topic);
    check_claim(filter);
    if (vch_filter_check(filter, NULL) != VCH_OK || vch_topic_check(topic, NULL) != VCH_OK) return 0;
    vch_assert(!vch_topic_matches(filter, topic, false) || vch_topic_matches(filter, topic, true));
    return 0;
}
