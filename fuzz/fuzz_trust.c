/* Trust documents. What is accepted can be asked; what nobody is named in
 * trusts nobody. */
#include <stdint.h>

#include "service/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct vch_site site = {VCH_STR("aws"), VCH_STR("us-east-1"), VCH_STR("123456789012")};

static void no_values(void *arg, struct vch_str name, struct vch_policy_values *ret) {
    (void)arg;
    (void)name;
    (void)ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_str text = size ? vch_str_of(data, size) : VCH_STR("");
    struct vch_diag diag = {0};
    const struct vch_caller caller = {.kind = VCH_CALLER_ROLE,
                                      .arn = VCH_STR("arn:aws:sts::123456789012:assumed-role/r/s"),
                                      .role_arn = VCH_STR("arn:aws:iam::123456789012:role/r"),
                                      .role_name = VCH_STR("r")};
    const struct vch_policy_request request = {.action = VCH_STR("sts:AssumeRole"), .lookup = no_values};
    enum vch_trust trust = VCH_TRUST_NONE;
    if (vch_trust_check(&site, text, &diag) != VCH_OK) {
        vch_assert(diag.reason && diag.message[0]);
        return 0;
    }
    vch_assert(vch_trust_eval(&site, text, &caller, &request, &trust, &diag) == VCH_OK);
    bool allows = trust == VCH_TRUST_ACCOUNT || trust == VCH_TRUST_DIRECT;
    vch_assert(!allows || vch_str_find(text, '{', 0) != SIZE_MAX);
    return 0;
}
