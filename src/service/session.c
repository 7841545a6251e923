#include "service/session.h"

#include "base/codec.h"
#include "base/digest.h"
#include "core/reason.h"
#include "service/access_key.h"
#include "service/seal.h"
#include "store/iam.h"

/* version, expiry, then texts, each with its length in two bytes */
enum { TOKEN_VERSION = 2, PLAIN_MAX = 4096, TOKEN_TEXT_MAX = 8192, TEXT_COUNT = 6 };

static void purpose_key(const struct vch_service *service, uint8_t out[VCH_SHA256_LEN]) {
    vch_hmac_sha256(vch_str_of(service->seal_key, sizeof service->seal_key), VCH_STR("session token"), out);
}

static void texts_of(struct vch_session *s, struct vch_str *texts[TEXT_COUNT]) {
    texts[0] = &s->secret;
    texts[1] = &s->role_name;
    texts[2] = &s->role_id;
    texts[3] = &s->session_name;
    texts[4] = &s->policy;
    texts[5] = &s->person;
}

static void plain_write(struct vch_session *s, struct vch_buf *buf) {
    struct vch_str *texts[TEXT_COUNT];
    texts_of(s, texts);
    vch_buf_u8(buf, TOKEN_VERSION);
    vch_buf_u64(buf, (uint64_t)s->expires_ms);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        vch_buf_u16(buf, (uint16_t)texts[i]->len);
        vch_buf_str(buf, *texts[i]);
    }
}

static bool take_number(struct vch_str *rest, size_t len, uint64_t *ret) {
    if (rest->len < len) return false;
    *ret = 0;
    for (size_t i = 0; i < len; i++) *ret = *ret << 8 | (unsigned char)rest->ptr[i];
    *rest = vch_str_sub(*rest, len, SIZE_MAX);
    return true;
}

static bool plain_read(struct vch_str rest, struct vch_session *s) {
    struct vch_str *texts[TEXT_COUNT];
    uint64_t version, expires, len;
    texts_of(s, texts);
    if (!take_number(&rest, 1, &version) || version != TOKEN_VERSION || !take_number(&rest, 8, &expires)) return false;
    s->expires_ms = (int64_t)expires;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (!take_number(&rest, 2, &len) || rest.len < len) return false;
        *texts[i] = vch_str_sub(rest, 0, (size_t)len);
        rest = vch_str_sub(rest, (size_t)len, SIZE_MAX);
    }
    return rest.len == 0;
}

static enum vch_err seal_plain(const struct vch_service *service, struct vch_session *s, struct vch_str key_id,
                               struct vch_arena *arena, struct vch_str *ret) {
    uint8_t key[VCH_SHA256_LEN];
    struct vch_buf buf;
    struct vch_str plain;
    vch_buf_init_secret(&buf, PLAIN_MAX);
    plain_write(s, &buf);
    enum vch_err err = vch_buf_finish(&buf, &plain);
    purpose_key(service, key);
    if (err == VCH_OK) err = vch_seal(key, key_id, plain, arena, ret);
    vch_wipe(key, sizeof key);
    vch_buf_deinit(&buf);
    return err;
}

enum vch_err vch_session_seal(const struct vch_service *service, struct vch_session *session, struct vch_arena *arena,
                              struct vch_str *ret_key_id, struct vch_str *ret_token) {
    struct vch_buf buf;
    struct vch_str sealed, text;
    *ret_key_id = vch_access_key_id_new("ASIA", arena);
    if (!ret_key_id->ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_access_key_secret_new(arena, &session->secret));
    VCH_TRY(seal_plain(service, session, *ret_key_id, arena, &sealed));
    vch_buf_init_secret(&buf, TOKEN_TEXT_MAX);
    vch_base64(sealed, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret_token = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    if (err != VCH_OK) return err;
    return ret_token->ptr ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err unseal_text(const struct vch_service *service, struct vch_str key_id, struct vch_str token,
                                struct vch_arena *arena, struct vch_str *ret) {
    uint8_t key[VCH_SHA256_LEN];
    struct vch_buf buf;
    struct vch_str sealed;
    vch_buf_init_secret(&buf, TOKEN_TEXT_MAX);
    enum vch_err err = vch_unbase64(token, &buf);
    if (err == VCH_OK) err = vch_buf_finish(&buf, &sealed);
    purpose_key(service, key);
    if (err == VCH_OK) err = vch_unseal(key, key_id, sealed, arena, ret);
    vch_wipe(key, sizeof key);
    vch_buf_deinit(&buf);
    return err;
}

enum vch_err vch_session_open(const struct vch_service *service, struct vch_str key_id, struct vch_str token, int64_t now_ms,
                              struct vch_arena *arena, struct vch_session *ret, struct vch_diag *diag) {
    struct vch_str plain;
    *ret = (struct vch_session){.expires_ms = 0};
    enum vch_err err = token.len > TOKEN_TEXT_MAX ? VCH_ERR_MALFORMED : unseal_text(service, key_id, token, arena, &plain);
    if (err == VCH_ERR_NOMEM) return err;
    if (err != VCH_OK || !plain_read(plain, ret)) return vch_access_key_refuse(diag);
    if (now_ms < ret->expires_ms) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_EXPIRED, SESSION_EXPIRED, "", "The security token included in the request is expired");
}

enum vch_err vch_session_check(const struct vch_service *service, const struct vch_session *session, struct vch_arena *arena,
                               struct vch_diag *diag) {
    struct vch_rec_role role;
    enum vch_err err = vch_store_role(service->store, session->role_name, &role, arena, diag);
    if (err != VCH_OK && err != VCH_ERR_NOT_FOUND) return err;
    return err == VCH_OK && vch_str_eq(role.id, session->role_id) ? VCH_OK : vch_access_key_refuse(diag);
}
