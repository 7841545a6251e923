#include "service/totp.h"

#include <liboath/oath.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/digest.h"
#include "core/reason.h"
#include "service/seal.h"

enum { WINDOW = 1, URI_MAX = 1024 };

static int library = OATH_OK;

static void start_library(void) {
    library = oath_init();
}

static bool library_works(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, start_library);
    return library == OATH_OK;
}

enum vch_err vch_totp_secret_new(struct vch_arena *arena, struct vch_str *ret) {
    char *bytes = vch_arena_alloc(arena, VCH_TOTP_SECRET_LEN);
    if (!bytes) return VCH_ERR_NOMEM;
    vch_random(bytes, VCH_TOTP_SECRET_LEN);
    *ret = vch_str_of(bytes, VCH_TOTP_SECRET_LEN);
    return VCH_OK;
}

static void purpose_key(const struct vch_service *service, uint8_t out[VCH_SHA256_LEN]) {
    vch_hmac_sha256(vch_str_of(service->seal_key, sizeof service->seal_key), VCH_STR("totp secret"), out);
}

enum vch_err vch_totp_seal(const struct vch_service *service, struct vch_str user, struct vch_str secret, struct vch_arena *arena,
                           struct vch_str *ret) {
    uint8_t key[VCH_SHA256_LEN];
    purpose_key(service, key);
    enum vch_err err = vch_seal(key, user, secret, arena, ret);
    vch_wipe(key, sizeof key);
    return err;
}

enum vch_err vch_totp_unseal(const struct vch_service *service, struct vch_str user, struct vch_str sealed, struct vch_arena *arena,
                             struct vch_str *ret) {
    uint8_t key[VCH_SHA256_LEN];
    purpose_key(service, key);
    enum vch_err err = vch_unseal(key, user, sealed, arena, ret);
    vch_wipe(key, sizeof key);
    return err;
}

enum vch_err vch_totp_match(struct vch_str secret, struct vch_str code, int64_t now_ms, int64_t last_step, bool *ret,
                            int64_t *ret_step) {
    int64_t step = now_ms / 1000 / VCH_TOTP_STEP_S;
    *ret = false;
    if (!library_works()) return VCH_ERR_INTERNAL;
    for (int64_t at = step - WINDOW; at <= step + WINDOW; at++) {
        char want[VCH_TOTP_DIGITS + 1];
        if (at < 0 || oath_hotp_generate(secret.ptr, secret.len, (uint64_t)at, VCH_TOTP_DIGITS, false,
                                         OATH_HOTP_DYNAMIC_TRUNCATION, want) != OATH_OK)
            return VCH_ERR_INTERNAL;
        bool same = vch_ct_eq(want, VCH_TOTP_DIGITS, code.ptr, code.len);
        vch_wipe(want, sizeof want);
        if (!same || at <= last_step) continue;
        *ret = true;
        *ret_step = at;
    }
    return VCH_OK;
}

enum vch_err vch_totp_text(struct vch_str secret, struct vch_arena *arena, struct vch_str *ret) {
    char *text = NULL;
    size_t len = 0;
    if (oath_base32_encode(secret.ptr, secret.len, &text, &len) != OATH_OK) return VCH_ERR_NOMEM;
    *ret = vch_arena_str(arena, vch_str_of(text, len));
    vch_wipe(text, len);
    free(text);
    return ret->ptr ? VCH_OK : VCH_ERR_NOMEM;
}

static void uri_write(struct vch_buf *buf, struct vch_str host, struct vch_str user, struct vch_str secret_text) {
    vch_buf_c(buf, "otpauth://totp/vouch%20");
    vch_percent(host, false, buf);
    vch_buf_c(buf, ":");
    vch_percent(user, false, buf);
    vch_buf_c(buf, "?secret=");
    vch_buf_str(buf, secret_text);
    vch_buf_c(buf, "&issuer=vouch%20");
    vch_percent(host, false, buf);
}

enum vch_err vch_totp_uri(const struct vch_service *service, struct vch_str user, struct vch_str secret_text, struct vch_arena *arena,
                          struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    vch_buf_init_secret(&buf, URI_MAX);
    uri_write(&buf, service->endpoint_host, user, secret_text);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    if (err != VCH_OK) return err;
    return ret->ptr ? VCH_OK : VCH_ERR_NOMEM;
}
