/* Whether an output is what its row promises. */
#include "core/reason.h"
#include "shape/field_priv.h"
#include "shape/shape.h"

static enum vch_err wrong(const char *what, const char *name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, name, "The output member %s is %s.", name, what);
}

static enum vch_err members_check(const struct vch_op_field *fields, const struct vch_val *map, struct vch_diag *diag);

static enum vch_err member_check(const struct vch_op_field *field, const struct vch_val *val, struct vch_diag *diag) {
    if (!vch_field_typed(field, val)) return wrong("of the wrong type", field->name, diag);
    if (field->type == VCH_FIELD_OBJECT) return members_check(field->members, val, diag);
    for (size_t i = 0; field->type == VCH_FIELD_OBJECTS && i < val->count; i++)
        VCH_TRY(members_check(field->members, &val->items[i], diag));
    return VCH_OK;
}

static enum vch_err members_check(const struct vch_op_field *fields, const struct vch_val *map, struct vch_diag *diag) {
    for (const struct vch_op_field *f = fields; f->name; f++)
        if (f->required && !vch_val_get(map, f->name)) return wrong("missing", f->name, diag);
    for (size_t i = 0; i < map->count; i++) {
        const struct vch_op_field *field = vch_field_find(fields, map->members[i].name);
        if (!field) return wrong("not declared", map->members[i].name.ptr, diag);
        VCH_TRY(member_check(field, &map->members[i].value, diag));
    }
    return VCH_OK;
}

enum vch_err vch_shape_check_output(enum vch_op op, const struct vch_val *out, struct vch_diag *diag) {
    if (!vch_val_is(out, VCH_VAL_MAP)) return wrong("not a map", "", diag);
    return members_check(vch_op_row(op)->out, out, diag);
}
