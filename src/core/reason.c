#include "core/reason.h"

#include "base/err.h"

static const char *const codes[] = {
#define VCH_X(name, code) [VCH_REASON_##name] = (code),
#include "core/reason.def"
#undef VCH_X
};

const char *vch_reason_code(enum vch_reason reason) {
    vch_assert((unsigned)reason < VCH_REASON_COUNT);
    return codes[reason];
}
