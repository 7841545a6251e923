/* An input is a profile file of the AWS CLI. */
#include "ctl/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct vch_str text, struct vch_str value) {
    if (!value.len) return;
    vch_assert(value.ptr >= text.ptr && value.ptr + value.len <= text.ptr + text.len);
    vch_assert(vch_str_eq(value, vch_str_trim(value)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_str text = vch_str_of(data, size);
    check(text, vch_profile_get(text, "default", NULL, "region"));
    check(text, vch_profile_get(text, "profile work", NULL, "aws_access_key_id"));
    check(text, vch_profile_get(text, "services mine", "iot", "endpoint_url"));
    return 0;
}
