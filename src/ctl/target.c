#include "ctl/target.h"

#include "core/names.h"

enum vch_ctl_exit vch_ctl_target(struct vch_ctl *ctl, const char *text, struct vch_str *ret) {
    const struct vch_val *out = NULL;
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    *ret = vch_str_from(text);
    if (!vch_certificate_id_valid(*ret)) return VCH_CTL_DONE;
    if (!inputs || !vch_ctl_put(ctl, VCH_OP_DESCRIBE_CERTIFICATE, inputs, "certificateId", *ret))
        return vch_ctl_fail(ctl, "out of memory");
    enum vch_ctl_exit exit = vch_ctl_call(ctl, VCH_OP_DESCRIBE_CERTIFICATE, inputs, &out);
    if (exit == VCH_CTL_DONE) *ret = vch_val_str_at(vch_val_get(out, "certificateDescription"), "certificateArn");
    return exit;
}

enum vch_ctl_exit vch_ctl_certificate_arn(struct vch_ctl *ctl, struct vch_str id, struct vch_str *ret) {
    struct vch_str account;
    enum vch_ctl_exit exit = vch_ctl_account(ctl, &account);
    if (exit != VCH_CTL_DONE) return exit;
    *ret = vch_arena_printf(ctl->arena, "arn:aws:iot:%.*s:%.*s:cert/%.*s", VCH_STR_ARG(ctl->site.region),
                            VCH_STR_ARG(account), VCH_STR_ARG(id));
    return ret->ptr ? VCH_CTL_DONE : vch_ctl_fail(ctl, "out of memory");
}

enum vch_ctl_exit vch_ctl_call_target(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, enum vch_op op,
                                      const char *name) {
    const struct vch_ctl_command *command = parsed->command;
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    struct vch_str target;
    enum vch_ctl_exit exit = vch_ctl_target(ctl, vch_ctl_arg(parsed, "TARGET"), &target);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_gather(ctl, parsed, op, &inputs);
    if (exit != VCH_CTL_DONE) return exit;
    if (!vch_ctl_put(ctl, op, inputs, name, target)) return vch_ctl_fail(ctl, "out of memory");
    exit = command->list ? vch_ctl_call_all(ctl, op, inputs, command->list, &out) : vch_ctl_call(ctl, op, inputs, &out);
    return exit == VCH_CTL_DONE ? vch_ctl_print(ctl, out, command->list, command->columns) : exit;
}
