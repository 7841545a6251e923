/* The stable codes of reason.def. A struct vch_diag carries the text. */
#ifndef VCH_CORE_REASON_H
#define VCH_CORE_REASON_H

enum vch_reason {
#define VCH_X(name, code) VCH_REASON_##name,
#include "core/reason.def"
#undef VCH_X
    VCH_REASON_COUNT
};

/* Static string. */
const char *vch_reason_code(enum vch_reason reason);

/* vch_diag_set with a listed reason: VCH_REFUSE(diag, VCH_ERR_DENIED, CLAIM_SPENT, "", "..."). */
#define VCH_REFUSE(diag, err, name, field, ...)                                                                        \
    vch_diag_set((diag), (err), vch_reason_code(VCH_REASON_##name), (field), __VA_ARGS__)

#endif
