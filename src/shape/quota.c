#include "shape/quota.h"

static const unsigned quotas[VCH_OP_COUNT] = {
#define VCH_QUOTA(id, per_second) [VCH_OP_##id] = (per_second),
#include "shape/quota.def"
#undef VCH_QUOTA
};

unsigned vch_op_quota(enum vch_op op) {
    vch_assert(op > VCH_OP_NONE && op < VCH_OP_COUNT);
    return quotas[op];
}

bool vch_op_registers_certificate(enum vch_op op) {
    return op == VCH_OP_CREATE_KEYS_AND_CERTIFICATE || op == VCH_OP_CREATE_CERTIFICATE_FROM_CSR ||
           op == VCH_OP_REGISTER_CERTIFICATE || op == VCH_OP_REGISTER_CERTIFICATE_WITHOUT_CA;
}
