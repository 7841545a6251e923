#include "agent/pkcs11_make.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <string.h>

#include "base/digest.h"

enum { SLOTS_MAX = 64 };

struct token {
    void *library;
    CK_FUNCTION_LIST *f;
    CK_SESSION_HANDLE session;
    bool initialized, open, logged_in; /* by us: undone at the end */
    struct vch_diag *diag;
};

static enum vch_err fail(const struct token *t, enum vch_err err, const char *doing, CK_RV rv) {
    return vch_diag_set(t->diag, err, "token-failed", "key", "The token failed while %s (PKCS#11 error 0x%lx).", doing,
                        (unsigned long)rv);
}

static enum vch_err open_module(struct token *t, const char *module) {
    CK_C_GetFunctionList get = NULL;
    t->library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    if (t->library) *(void **)&get = dlsym(t->library, "C_GetFunctionList");
    if (!get || get(&t->f) != CKR_OK || !t->f)
        return vch_diag_set(t->diag, VCH_ERR_NOT_FOUND, "token-failed", "key", "The PKCS#11 module %s cannot be loaded.",
                            module);
    CK_RV rv = t->f->C_Initialize(NULL);
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) return fail(t, VCH_ERR_IO, "starting", rv);
    t->initialized = rv == CKR_OK;
    return VCH_OK;
}

static void close_module(struct token *t) {
    if (t->logged_in) (void)t->f->C_Logout(t->session);
    if (t->open) (void)t->f->C_CloseSession(t->session);
    if (t->initialized) (void)t->f->C_Finalize(NULL);
    if (t->library) (void)dlclose(t->library);
}

/* ---- finding ------------------------------------------------------------ */

/* Labels are padded with spaces to 32 bytes. */
static bool label_is(const unsigned char label[32], const char *wanted) {
    size_t len = strlen(wanted);
    if (len > 32 || memcmp(label, wanted, len) != 0) return false;
    while (len < 32 && label[len] == ' ') len++;
    return len == 32;
}

static bool fits(const struct token *t, CK_SLOT_ID slot, const struct vch_pkcs11_name *name) {
    CK_TOKEN_INFO info;
    if (name->slot >= 0 && (CK_SLOT_ID)name->slot != slot) return false;
    if (t->f->C_GetTokenInfo(slot, &info) != CKR_OK || !(info.flags & CKF_TOKEN_INITIALIZED)) return false;
    return !name->token[0] || label_is(info.label, name->token);
}

static enum vch_err open_token(struct token *t, const struct vch_pkcs11_name *name) {
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX, i = 0;
    CK_RV rv = t->f->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK) return fail(t, VCH_ERR_IO, "listing slots", rv);
    while (i < count && !fits(t, slots[i], name)) i++;
    if (i == count)
        return vch_diag_set(t->diag, VCH_ERR_NOT_FOUND, "token-missing", "key", "There is no token \"%s\".", name->token);
    rv = t->f->C_OpenSession(slots[i], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &t->session);
    if (rv != CKR_OK) return fail(t, VCH_ERR_IO, "opening it", rv);
    t->open = true;
    return VCH_OK;
}

static enum vch_err log_in(struct token *t, struct vch_str pin) {
    if (pin.len == 0) return VCH_OK;
    CK_RV rv = t->f->C_Login(t->session, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)pin.ptr, pin.len);
    t->logged_in = rv == CKR_OK;
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) return VCH_OK;
    if (rv != CKR_PIN_INCORRECT && rv != CKR_PIN_LOCKED && rv != CKR_PIN_LEN_RANGE)
        return fail(t, VCH_ERR_IO, "logging in", rv);
    return vch_diag_set(t->diag, VCH_ERR_DENIED, "token-pin", "key", "The token does not take the PIN%s.",
                        rv == CKR_PIN_LOCKED ? ": it is locked" : "");
}

static enum vch_err find_key(const struct token *t, const char *label, bool *ret_found) {
    CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &private_key, sizeof private_key},
                             {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
    CK_OBJECT_HANDLE found;
    CK_ULONG count = 0;
    CK_RV rv = t->f->C_FindObjectsInit(t->session, wanted, 2);
    if (rv == CKR_OK) {
        rv = t->f->C_FindObjects(t->session, &found, 1, &count);
        (void)t->f->C_FindObjectsFinal(t->session);
    }
    *ret_found = count > 0;
    return rv == CKR_OK ? VCH_OK : fail(t, VCH_ERR_IO, "looking for the key", rv);
}

/* ---- making ------------------------------------------------------------- */

/* RFC 5480 2.1.1.1: prime256v1, secp384r1. */
static unsigned char oid_p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
static unsigned char oid_p384[] = {0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};

static enum vch_err make_key(const struct token *t, const char *label, enum vch_key_type type) {
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    unsigned char id[16], exponent[] = {1, 0, 1};
    CK_ULONG bits = type == VCH_KEY_TYPE_RSA3072 ? 3072 : 2048;
    bool rsa = type == VCH_KEY_TYPE_RSA2048 || type == VCH_KEY_TYPE_RSA3072;
    CK_MECHANISM mechanism = {rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public[6] = {{CKA_TOKEN, &yes, sizeof yes},
                              {CKA_VERIFY, &yes, sizeof yes},
                              {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
                              {CKA_ID, id, sizeof id}};
    CK_ATTRIBUTE private[] = {{CKA_TOKEN, &yes, sizeof yes},
                              {CKA_PRIVATE, &yes, sizeof yes},
                              {CKA_SENSITIVE, &yes, sizeof yes},
                              {CKA_EXTRACTABLE, &no, sizeof no},
                              {CKA_SIGN, &yes, sizeof yes},
                              {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
                              {CKA_ID, id, sizeof id}};
    CK_ULONG count = 5;
    CK_OBJECT_HANDLE made[2];
    if (rsa) {
        public[4] = (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof bits};
        public[5] = (CK_ATTRIBUTE){CKA_PUBLIC_EXPONENT, exponent, sizeof exponent};
        count = 6;
    } else if (type == VCH_KEY_TYPE_P384) {
        public[4] = (CK_ATTRIBUTE){CKA_EC_PARAMS, oid_p384, sizeof oid_p384};
    } else {
        public[4] = (CK_ATTRIBUTE){CKA_EC_PARAMS, oid_p256, sizeof oid_p256};
    }
    vch_random(id, sizeof id);
    CK_RV rv = t->f->C_GenerateKeyPair(t->session, &mechanism, public, count, private,
                                       sizeof private / sizeof *private, &made[0], &made[1]);
    return rv == CKR_OK ? VCH_OK : fail(t, VCH_ERR_IO, "making a key", rv);
}

static enum vch_err ensure(struct token *t, const char *module, const struct vch_pkcs11_name *name, struct vch_str pin,
                           enum vch_key_type type, bool *ret_made) {
    bool found;
    VCH_TRY(open_module(t, module));
    VCH_TRY(open_token(t, name));
    VCH_TRY(log_in(t, pin));
    VCH_TRY(find_key(t, name->object, &found));
    *ret_made = !found;
    return found ? VCH_OK : make_key(t, name->object, type);
}

enum vch_err vch_pkcs11_ensure(const char *module, const struct vch_pkcs11_name *name, struct vch_str pin,
                               enum vch_key_type type, bool *ret_made, struct vch_diag *diag) {
    struct token t = {.diag = diag};
    *ret_made = false;
    if (!name->object[0])
        return vch_diag_set(diag, VCH_ERR_INVALID, "key-uri-invalid", "key",
                            "The key's URI names no object, so no key can be made.");
    enum vch_err err = ensure(&t, module, name, pin, type, ret_made);
    close_module(&t);
    return err;
}
