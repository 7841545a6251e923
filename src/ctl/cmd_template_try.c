/* Templates tried out and compared. */
#include <stdio.h>

#include "ctl/cmd_template.h"
#include "ctl/diff.h"
#include "ctl/pairs.h"

enum { LINES_MAX = 4 << 20 };

enum vch_ctl_exit vch_ctl_template_try(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *inputs = NULL;
    const struct vch_val *out = NULL;
    enum vch_ctl_exit exit = vch_ctl_gather(ctl, parsed, VCH_OP_TRY_TEMPLATE, &inputs);
    struct vch_val *parameters = exit == VCH_CTL_DONE ? vch_val_put_map(ctl->arena, inputs, "parameters") : NULL;
    if (exit == VCH_CTL_DONE) exit = parameters ? vch_ctl_pairs(ctl, parsed, "--parameter", parameters) : vch_ctl_fail(ctl, "out of memory");
    if (exit == VCH_CTL_DONE && vch_ctl_switch(parsed, "--no-hook") && vch_val_put_bool(ctl->arena, inputs, "askHook", false) != VCH_OK)
        exit = vch_ctl_fail(ctl, "out of memory");
    if (exit == VCH_CTL_DONE) exit = vch_ctl_call(ctl, VCH_OP_TRY_TEMPLATE, inputs, &out);
    if (exit == VCH_CTL_DONE) exit = vch_ctl_print(ctl, out, NULL, NULL);
    if (exit != VCH_CTL_DONE) return exit;
    return vch_str_eq_c(vch_val_str_at(out, "outcome"), "ok") ? VCH_CTL_DONE : VCH_CTL_REFUSED;
}

static enum vch_ctl_exit read_version(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, const char *which, struct vch_val **ret) {
    const enum vch_op op = VCH_OP_DESCRIBE_PROVISIONING_TEMPLATE_VERSION;
    struct vch_val *inputs = vch_ctl_inputs(ctl);
    const struct vch_val *out = NULL;
    const char *number = vch_ctl_arg(parsed, which);
    if (!inputs || !vch_ctl_put(ctl, op, inputs, "templateName", vch_str_from(vch_ctl_arg(parsed, "NAME"))))
        return vch_ctl_fail(ctl, "out of memory");
    if (!vch_ctl_put(ctl, op, inputs, "versionId", vch_str_from(number))) return vch_ctl_fail(ctl, "%s is no version's number", number);
    enum vch_ctl_exit exit = vch_ctl_call(ctl, op, inputs, &out);
    if (exit != VCH_CTL_DONE) return exit;
    const struct vch_val_limits limits = {.depth = 100, .values = 100000};
    enum vch_err err = vch_json_decode(vch_val_str_at(out, "templateBody"), &limits, ctl->arena, ret, NULL);
    return err == VCH_OK ? VCH_CTL_DONE : vch_ctl_fail(ctl, "version %s is not JSON", number);
}

static enum vch_ctl_exit print_lines(struct vch_ctl *ctl, const struct vch_val *list) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, LINES_MAX);
    vch_ctl_diff_lines(list, &buf);
    enum vch_ctl_exit exit = vch_buf_finish(&buf, &text) == VCH_OK ? vch_ctl_print_text(ctl, text) : vch_ctl_fail(ctl, "too much to print");
    vch_buf_deinit(&buf);
    return exit;
}

enum vch_ctl_exit vch_ctl_template_diff(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed) {
    struct vch_val *from = NULL, *to = NULL, *out = vch_ctl_inputs(ctl);
    struct vch_val *list = out ? vch_val_put_list(ctl->arena, out, "differences") : NULL;
    enum vch_ctl_exit exit = list ? read_version(ctl, parsed, "FROM", &from) : vch_ctl_fail(ctl, "out of memory");
    if (exit == VCH_CTL_DONE) exit = read_version(ctl, parsed, "TO", &to);
    if (exit != VCH_CTL_DONE) return exit;
    if (vch_ctl_diff(from, to, ctl->arena, list) != VCH_OK) return vch_ctl_fail(ctl, "out of memory");
    return ctl->table ? print_lines(ctl, list) : vch_ctl_print(ctl, out, NULL, NULL);
}
