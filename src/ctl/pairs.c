#include "ctl/pairs.h"

static enum vch_ctl_exit pair(struct vch_ctl *ctl, const char *option, const char *text, struct vch_val *map) {
    struct vch_str whole = vch_str_from(text);
    size_t equals = vch_str_find(whole, '=', 0);
    struct vch_str name = vch_str_sub(whole, 0, equals);
    if (equals == SIZE_MAX || name.len == 0) return vch_ctl_fail(ctl, "%s takes NAME=VALUE, not %s", option, text);
    if (vch_val_get_str(map, name)) return vch_ctl_fail(ctl, "%s names %.*s twice", option, VCH_STR_ARG(name));
    struct vch_val *slot = vch_val_put_str_name(ctl->arena, map, name);
    if (!slot) return vch_ctl_fail(ctl, "out of memory");
    *slot = (struct vch_val){.type = VCH_VAL_STR, .str = vch_str_sub(whole, equals + 1, SIZE_MAX)};
    return VCH_CTL_DONE;
}

enum vch_ctl_exit vch_ctl_pairs(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, const char *name,
                                struct vch_val *ret) {
    const char *const *values;
    size_t count = vch_ctl_arg_all(parsed, name, &values);
    enum vch_ctl_exit exit = VCH_CTL_DONE;
    for (size_t i = 0; i < count && exit == VCH_CTL_DONE; i++) exit = pair(ctl, name, values[i], ret);
    return exit;
}
