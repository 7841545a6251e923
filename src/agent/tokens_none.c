#include "agent/tokens.h"

void vch_keystore_open(const char *pkcs11_module, struct vch_str pin) {
    (void)pkcs11_module, (void)pin;
}

void vch_keystore_close(void) {
}

static enum vch_err none(struct vch_diag *diag) {
    return vch_diag_set(diag, VCH_ERR_NOT_FOUND, "token-failed", "key",
                        "This agent is one file with everything inside, which cannot load what reaches tokens.");
}

enum vch_err vch_token_load(struct vch_str uri, EVP_PKEY **ret, struct vch_diag *diag) {
    (void)uri, (void)ret;
    return none(diag);
}

enum vch_err vch_token_ensure(struct vch_str uri, enum vch_key_type type, struct vch_diag *diag) {
    (void)uri, (void)type;
    return none(diag);
}
