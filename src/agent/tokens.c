/* Engines are the only way to PKCS#11 keys on Debian 12; OpenSSL 3 deprecates their interface. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "agent/tokens.h"

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

#include "agent/pkcs11_make.h"

enum { PIN_MAX = 256 };

/* The one token of this process: what engines and providers keep is global, too. */
static struct {
    char module[512], pin[PIN_MAX + 1];
    size_t pin_len;
    ENGINE *engine;
    OSSL_PROVIDER *tpm, *usual;
} token;

void vch_keystore_open(const char *pkcs11_module, struct vch_str pin) {
    (void)vch_str_copy(token.module, sizeof token.module, vch_str_from(pkcs11_module));
    if (vch_str_copy(token.pin, sizeof token.pin, pin)) token.pin_len = pin.len;
}

void vch_keystore_close(void) {
    if (token.engine) {
        (void)ENGINE_finish(token.engine);
        (void)ENGINE_free(token.engine);
    }
    if (token.tpm) (void)OSSL_PROVIDER_unload(token.tpm);
    if (token.usual) (void)OSSL_PROVIDER_unload(token.usual);
    vch_wipe(&token, sizeof token);
}

static enum vch_err refused(struct vch_diag *diag, enum vch_err err, const char *what) {
    unsigned long code = ERR_peek_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    return vch_diag_set(diag, err, "token-failed", "key", "%s%s%s.", what, why ? ": " : "", why ? why : "");
}

/* ---- PKCS#11 ------------------------------------------------------------ */

static const char *module_for(const struct vch_pkcs11_name *name) {
    if (name->module[0]) return name->module;
    return token.module[0] ? token.module : "p11-kit-proxy.so";
}

static enum vch_err open_engine(const struct vch_pkcs11_name *name, struct vch_diag *diag) {
    if (token.engine) return VCH_OK;
    ENGINE_load_dynamic();
    ENGINE *engine = ENGINE_by_id("pkcs11");
    if (!engine)
        return refused(diag, VCH_ERR_NOT_FOUND, "OpenSSL's engine pkcs11 (libengine-pkcs11-openssl) is not here");
    bool ready = ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", module_for(name), 0) == 1 &&
                 (token.pin_len == 0 || ENGINE_ctrl_cmd_string(engine, "PIN", token.pin, 0) == 1) &&
                 ENGINE_init(engine) == 1;
    if (ready) {
        token.engine = engine;
        return VCH_OK;
    }
    enum vch_err err = refused(diag, VCH_ERR_IO, "The PKCS#11 module cannot be used");
    (void)ENGINE_free(engine);
    return err;
}

/* Without a PIN the engine would ask the terminal. */
static int no_words(UI *ui, UI_STRING *string) {
    (void)ui, (void)string;
    return 0;
}

static enum vch_err load_pkcs11(struct vch_str uri, EVP_PKEY **ret, struct vch_diag *diag) {
    struct vch_pkcs11_name name;
    char text[1024];
    VCH_TRY(vch_pkcs11_parse(uri, &name, diag));
    VCH_TRY(open_engine(&name, diag));
    if (!vch_str_copy(text, sizeof text, uri)) return VCH_ERR_TOO_LARGE;
    UI_METHOD *silent = UI_create_method("silent");
    if (silent) (void)UI_method_set_reader(silent, no_words);
    *ret = silent ? ENGINE_load_private_key(token.engine, text, silent, NULL) : NULL;
    UI_destroy_method(silent);
    if (*ret) return VCH_OK;
    return vch_diag_set(diag, VCH_ERR_NOT_FOUND, "token-failed", "key",
                        "The token gives no private key for the URI: the name or the PIN may be wrong.");
}

/* ---- TPM 2.0 ------------------------------------------------------------ */

static int give_pin(char *buf, int size, int writing, void *arg) {
    (void)writing, (void)arg;
    if (size <= 0 || token.pin_len > (size_t)size) return 0;
    memcpy(buf, token.pin, token.pin_len);
    return (int)token.pin_len;
}

static enum vch_err open_tpm(struct vch_diag *diag) {
    if (token.tpm) return VCH_OK;
    token.usual = OSSL_PROVIDER_load(NULL, "default"); /* loading another one ends its being implied */
    token.tpm = OSSL_PROVIDER_load(NULL, "tpm2");
    if (token.tpm) return VCH_OK;
    return refused(diag, VCH_ERR_NOT_FOUND, "OpenSSL's provider tpm2 (tpm2-openssl) or the TPM cannot be used");
}

static EVP_PKEY *load_stored(const char *uri, const UI_METHOD *ui) {
    EVP_PKEY *key = NULL;
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, NULL, "?provider=tpm2", ui, NULL, NULL, NULL, NULL);
    while (store && !key && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        if (!info) break;
        if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY) key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    (void)OSSL_STORE_close(store);
    return key;
}

static enum vch_err load_handle(struct vch_str uri, EVP_PKEY **ret, struct vch_diag *diag) {
    char text[32];
    VCH_TRY(vch_key_uri_check(uri, diag));
    VCH_TRY(open_tpm(diag));
    if (!vch_str_copy(text, sizeof text, uri)) return VCH_ERR_TOO_LARGE;
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give_pin, 0);
    *ret = load_stored(text, ui);
    UI_destroy_method(ui);
    return *ret ? VCH_OK : refused(diag, VCH_ERR_NOT_FOUND, "The TPM gives no key for the handle");
}

enum vch_err vch_token_load(struct vch_str uri, EVP_PKEY **ret, struct vch_diag *diag) {
    return vch_str_starts(uri, VCH_STR("pkcs11:")) ? load_pkcs11(uri, ret, diag) : load_handle(uri, ret, diag);
}

enum vch_err vch_token_ensure(struct vch_str uri, enum vch_key_type type, struct vch_diag *diag) {
    struct vch_pkcs11_name name;
    bool made;
    if (!vch_str_starts(uri, VCH_STR("pkcs11:"))) return VCH_OK; /* a handle is of a key that is there */
    VCH_TRY(vch_pkcs11_parse(uri, &name, diag));
    return vch_pkcs11_ensure(module_for(&name), &name, vch_str_of(token.pin, token.pin_len), type, &made, diag);
}
