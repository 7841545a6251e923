/* An input is a template, and after the first line break that is followed by
 * '{' the parameters as JSON. */
#include "core/names.h"
#include "core/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void split(struct vch_str input, struct vch_str *body, struct vch_str *parameters) {
    *body = input;
    *parameters = VCH_STR("{}");
    for (size_t i = 0; i + 1 < input.len; i++) {
        if (input.ptr[i] != '\n' || input.ptr[i + 1] != '{') continue;
        *body = vch_str_sub(input, 0, i);
        *parameters = vch_str_sub(input, i + 1, SIZE_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    struct vch_arena *arena = vch_arena_new(16 << 20, false);
    struct vch_val *parameters = NULL;
    struct vch_template_plan plan;
    struct vch_diag diag = {0};
    struct vch_str body;
    struct vch_str text;
    if (!arena || size > 65536) {
        vch_arena_free(arena);
        return 0;
    }
    split(vch_str_of(data, size), &body, &text);
    enum vch_template_type type = size % 4 == 3 ? VCH_TEMPLATE_JITP : size % 4 == 2 ? VCH_TEMPLATE_REST : VCH_TEMPLATE_FLEET;
    enum vch_err checked = vch_template_check(type, body, &diag);
    vch_assert(checked == VCH_OK || diag.reason || checked == VCH_ERR_NOMEM);
    if (vch_json_decode(text, &VCH_VAL_LIMITS_DEFAULT, arena, &parameters, NULL) == VCH_OK &&
        vch_template_plan(type, body, parameters,
                          VCH_STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), arena, &plan,
                          NULL) == VCH_OK) {
        vch_assert(type == VCH_TEMPLATE_REST || vch_str_eq_c(plan.certificate_id, id));
        vch_assert(!plan.has_thing || vch_thing_name_valid(plan.thing_name));
        vch_assert(plan.device_configuration && plan.device_configuration->type == VCH_VAL_MAP);
        for (size_t i = 0; i < plan.policy_count; i++)
            vch_assert((plan.policies[i].name.len == 0) != (plan.policies[i].document.len == 0));
    }
    vch_arena_free(arena);
    return 0;
}
