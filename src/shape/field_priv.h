/* Whether one value has the form that its field asks for. */
#ifndef VCH_SHAPE_FIELD_PRIV_H
#define VCH_SHAPE_FIELD_PRIV_H

#include "shape/op.h"

const char *vch_field_wire(const struct vch_op_field *field);
/* The field of `fields` named `name`, or NULL. */
const struct vch_op_field *vch_field_find(const struct vch_op_field *fields, struct vch_str name);
/* Type, bounds, words, predicate; FIELD_INVALID and its kind. `val` may be folded in place. */
enum vch_err vch_field_check(const struct vch_op_field *field, struct vch_val *val, struct vch_arena *arena,
                             struct vch_diag *diag) VCH_MUST;
/* The type alone. */
bool vch_field_typed(const struct vch_op_field *field, const struct vch_val *val);
enum vch_err vch_field_missing(const struct vch_op_field *field, struct vch_diag *diag) VCH_MUST;

#endif
