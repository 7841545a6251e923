#include "service/password.h"

#include <argon2.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/digest.h"
#include "core/reason.h"

enum { RANDOM_BYTES = 15, SALT_LEN = 16, HASH_LEN = 32, MEMORY_KIB = 19456, PASSES = 2, ENCODED_MAX = 256 };

enum vch_err vch_password_new(struct vch_arena *arena, struct vch_str *ret) {
    uint8_t bytes[RANDOM_BYTES];
    struct vch_buf buf;
    struct vch_str text;
    vch_random(bytes, sizeof bytes);
    vch_buf_init_secret(&buf, 64);
    vch_base64url(vch_str_of(bytes, sizeof bytes), &buf);
    vch_wipe(bytes, sizeof bytes);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    if (err != VCH_OK) return err;
    return ret->ptr ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err told(int code) {
    if (code == ARGON2_OK) return VCH_OK;
    return code == ARGON2_MEMORY_ALLOCATION_ERROR ? VCH_ERR_NOMEM : VCH_ERR_INTERNAL;
}

enum vch_err vch_password_hash(struct vch_str password, struct vch_arena *arena, struct vch_str *ret) {
    uint8_t salt[SALT_LEN];
    char *encoded = vch_arena_alloc(arena, ENCODED_MAX);
    if (!encoded) return VCH_ERR_NOMEM;
    vch_random(salt, sizeof salt);
    VCH_TRY(told(argon2id_hash_encoded(PASSES, MEMORY_KIB, 1, password.ptr, password.len, salt, sizeof salt, HASH_LEN, encoded,
                                       ENCODED_MAX)));
    *ret = vch_str_from(encoded);
    return VCH_OK;
}

/* What a user without a password costs is what one with a password does. */
static enum vch_err pretend(struct vch_str password) {
    static const uint8_t salt[SALT_LEN] = {0};
    uint8_t hash[HASH_LEN];
    enum vch_err err = told(argon2id_hash_raw(PASSES, MEMORY_KIB, 1, password.ptr, password.len, salt, sizeof salt, hash, sizeof hash));
    vch_wipe(hash, sizeof hash);
    return err;
}

enum vch_err vch_password_is(struct vch_str password, struct vch_str hash, bool *ret) {
    char encoded[ENCODED_MAX];
    *ret = false;
    if (hash.len == 0 || !vch_str_copy(encoded, sizeof encoded, hash)) return pretend(password);
    int code = argon2id_verify(encoded, password.ptr, password.len);
    *ret = code == ARGON2_OK;
    return code == ARGON2_VERIFY_MISMATCH ? VCH_OK : told(code);
}

enum vch_err vch_password_check(struct vch_str password, struct vch_str user_name, const char *field, struct vch_diag *diag) {
    if (password.len < VCH_PASSWORD_MIN || password.len > VCH_PASSWORD_MAX)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, PASSWORD_WEAK, field, "A password has %d to %d characters.", VCH_PASSWORD_MIN, VCH_PASSWORD_MAX);
    if (vch_str_ieq(password, user_name))
        return VCH_REFUSE(diag, VCH_ERR_INVALID, PASSWORD_WEAK, field, "The password must not be the user's name.");
    return VCH_OK;
}
