#include <string.h>

#include "service/explain_priv.h"

static void tell_step(void *arg, const struct vch_policy_step *step) {
    struct vch_told *told = arg;
    if (told->step_count == told->step_room) {
        size_t room = told->step_room ? 2 * told->step_room : 32;
        struct vch_told_step *grown = vch_arena_array(told->arena, room, sizeof *grown);
        if (!grown) {
            told->err = VCH_ERR_NOMEM;
            return;
        }
        if (told->step_count) memcpy(grown, told->steps, told->step_count * sizeof *grown);
        told->steps = grown;
        told->step_room = room;
    }
    told->steps[told->step_count++] = (struct vch_told_step){step->index, step->statement, step->deny,
                                                             step->action, step->resource, step->condition};
}

static struct vch_str joined(struct vch_arena *arena, const struct vch_policy_values *values) {
    struct vch_buf buf;
    struct vch_str text, copy = {NULL, 0};
    if (values->count == 0) return vch_str_from(values->defined_empty ? "(an empty list)" : "undefined");
    vch_buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < values->count; i++) {
        if (i) vch_buf_c(&buf, ", ");
        vch_buf_str(&buf, values->value[i]);
    }
    if (vch_buf_finish(&buf, &text) == VCH_OK) copy = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return copy;
}

static void tell_value(void *arg, struct vch_str name, const struct vch_policy_values *values) {
    struct vch_told *told = arg;
    for (size_t i = 0; i < told->value_count; i++)
        if (vch_str_ieq(told->values[i].name, name)) return;
    if (told->value_count == VCH_TOLD_VALUES_MAX) return;
    struct vch_told_value *row = &told->values[told->value_count];
    row->name = vch_arena_str(told->arena, name);
    row->defined = values->count > 0 || values->defined_empty;
    row->text = joined(told->arena, values);
    if (row->name.ptr && row->text.ptr) told->value_count++;
    else told->err = VCH_ERR_NOMEM;
}

enum vch_err vch_told_ask(const struct vch_authz_ask *ask, struct vch_arena *arena, struct vch_told *ret) {
    *ret = (struct vch_told){.arena = arena};
    ret->values = vch_arena_array(arena, VCH_TOLD_VALUES_MAX, sizeof *ret->values);
    if (!ret->values) return VCH_ERR_NOMEM;
    const struct vch_policy_trace trace = {tell_step, tell_value, ret};
    ret->decision = vch_authz_decide(ask, &trace);
    return ret->err;
}

const char *vch_told_verdict(enum vch_verdict verdict) {
    static const char *const words[] = {
        [VCH_VERDICT_IMPLICIT_DENY] = "IMPLICIT_DENY",
        [VCH_VERDICT_ALLOW] = "ALLOWED",
        [VCH_VERDICT_EXPLICIT_DENY] = "EXPLICIT_DENY",
    };
    return words[verdict];
}
