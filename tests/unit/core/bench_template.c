/* What it costs to plan a template of 40 resources, from its text and decoded
 * before; prints, and fails past a bound that only a mistake reaches. */
#include <stdio.h>

#include "base/clock.h"
#include "core/template.h"

enum { POLICIES = 38, ROUNDS = 2000, ATTEMPTS = 5, BOUND_US = 1000 };

#define ID "abababababababababababababababababababababababababababababababab"

static void put_policy(struct vch_buf *buf, int i) {
    if (i % 8)
        vch_buf_printf(buf, ",\"named%d\":{\"Type\":\"AWS::IoT::Policy\",\"Properties\":{\"PolicyName\":{\"Fn::Join\":[\"-\",[\"fleet\",\"%d\"]]}}}", i, i);
    else
        vch_buf_printf(buf,
                       ",\"written%d\":{\"Type\":\"AWS::IoT::Policy\",\"Properties\":{\"PolicyDocument\":{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":"
                       "\"Allow\",\"Action\":\"iot:Publish\",\"Resource\":{\"Fn::Sub\":\"arn:aws:iot:us-east-1:123456789012:topic/${Name}/%d\"}}]}}}",
                       i, i);
}

static void put_body(struct vch_buf *buf) {
    vch_buf_c(buf, "{\"Parameters\":{\"Name\":{\"Type\":\"String\"},\"Place\":{\"Type\":\"String\",\"Default\":\"Oslo\"}},"
                   "\"Mappings\":{\"Url\":{\"Oslo\":{\"U\":\"https://oslo.example\"},\"Rome\":{\"U\":\"https://rome.example\"}}},"
                   "\"Resources\":{\"thing\":{\"Type\":\"AWS::IoT::Thing\",\"Properties\":{\"ThingName\":{\"Fn::Join\":[\"\",[\"dev-\",{\"Ref\":\"Name\"}]]},"
                   "\"AttributePayload\":{\"place\":{\"Ref\":\"Place\"},\"model\":\"m1\"},\"ThingGroups\":[\"all\",{\"Ref\":\"Place\"}]}},"
                   "\"certificate\":{\"Type\":\"AWS::IoT::Certificate\",\"Properties\":{\"CertificateId\":{\"Ref\":\"AWS::IoT::Certificate::Id\"}}}");
    for (int i = 0; i < POLICIES; i++) put_policy(buf, i);
    vch_buf_c(buf, "},\"DeviceConfiguration\":{\"url\":{\"Fn::FindInMap\":[\"Url\",{\"Ref\":\"Place\"},\"U\"]}}}");
}

/* Microseconds of one plan, on average over a round; -1 when it does not plan. */
static double one_round(const struct vch_template_ready *ready, struct vch_str body, const struct vch_val *parameters, struct vch_arena *arena) {
    static struct vch_template_plan plan;
    int64_t begun_us = vch_mono_us();
    for (int i = 0; i < ROUNDS; i++) {
        struct vch_diag diag = {.reason = NULL};
        vch_arena_reset(arena);
        enum vch_err err = ready ? vch_template_ready_plan(ready, parameters, VCH_STR(ID), arena, &plan, &diag)
                                 : vch_template_plan(VCH_TEMPLATE_FLEET, body, parameters, VCH_STR(ID), arena, &plan, &diag);
        if (err != VCH_OK) {
            (void)printf("refused: %s %s\n", diag.field, diag.message);
            return -1;
        }
    }
    return (double)(vch_mono_us() - begun_us) / ROUNDS;
}

/* The least of some rounds. */
static double measure(const struct vch_template_ready *ready, struct vch_str body, const struct vch_val *parameters, struct vch_arena *arena) {
    double best = one_round(ready, body, parameters, arena);
    for (int i = 1; i < ATTEMPTS && best >= 0; i++) {
        double us = one_round(ready, body, parameters, arena);
        if (us < best) best = us;
    }
    return best;
}

int main(void) {
    struct vch_arena *own = vch_arena_new(1 << 20, false), *arena = vch_arena_new(4 << 20, false);
    struct vch_val *parameters = own ? vch_val_new_map(own) : NULL;
    struct vch_buf buf;
    struct vch_str body;
    struct vch_template_ready *ready = NULL;
    vch_buf_init(&buf, 65536);
    put_body(&buf);
    if (!parameters || !arena || vch_val_put_str(own, parameters, "Name", VCH_STR("0042")) != VCH_OK || vch_buf_finish(&buf, &body) != VCH_OK) return 1;
    if (vch_template_ready_new(VCH_TEMPLATE_FLEET, body, &ready, NULL) != VCH_OK) return 1;
    double whole = measure(NULL, body, parameters, arena), decoded = measure(ready, body, parameters, arena);
    (void)printf("a template of %d resources and %zu bytes plans in %.1f us, from its text in %.1f us\n", POLICIES + 2, body.len, decoded, whole);
    vch_template_ready_free(ready);
    vch_buf_deinit(&buf);
    vch_arena_free(own);
    vch_arena_free(arena);
    return decoded >= 0 && whole >= 0 && decoded < BOUND_US ? 0 : 1;
}
