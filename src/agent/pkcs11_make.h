/* Makes a key pair on a PKCS#11 token when it has none of that name. Speaks to
 * the module directly (PKCS #11 2.40), as engines load keys and make none. */
#ifndef VCH_AGENT_PKCS11_MAKE_H
#define VCH_AGENT_PKCS11_MAKE_H

#include "agent/keystore.h"

/* What of an RFC 7512 URI says where a key is. Terminated, percent-decoded. */
struct vch_pkcs11_name {
    char token[33], object[128], module[512]; /* empty: not said */
    int64_t slot;                             /* -1: not said */
};
/* INVALID when it is no pkcs11 URI, a value does not fit, or it holds pin-value. */
enum vch_err vch_pkcs11_parse(struct vch_str uri, struct vch_pkcs11_name *ret, struct vch_diag *diag) VCH_MUST;

/* `module` is a shared object; `ret_made` tells a new key from one that was there. The key is marked sensitive and
 * not extractable. DENIED for a wrong PIN (tried once), NOT_FOUND for no such token, IO for the rest. */
enum vch_err vch_pkcs11_ensure(const char *module, const struct vch_pkcs11_name *name, struct vch_str pin,
                               enum vch_key_type type, bool *ret_made, struct vch_diag *diag) VCH_MUST;

#endif
