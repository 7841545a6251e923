/* A sign-in under way, sealed into the browser's own cookie: any server that
 * shares the sealing key can go on with it, and none has to remember it. */
#include "base/codec.h"
#include "service/oidc_priv.h"
#include "service/seal.h"

static const char label[] = "oidc sign-in";

static void purpose_key(const struct vch_service *service, uint8_t out[VCH_SHA256_LEN]) {
    vch_hmac_sha256(vch_str_of(service->seal_key, sizeof service->seal_key), VCH_STR("oidc cookie"), out);
}

static enum vch_err write_plain(const struct vch_oidc_flow *flow, struct vch_arena *arena, struct vch_buf *buf) {
    struct vch_val *map = vch_val_new_map(arena);
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(arena, map, "state", flow->state));
    VCH_TRY(vch_val_put_str(arena, map, "nonce", flow->nonce));
    VCH_TRY(vch_val_put_str(arena, map, "verifier", flow->verifier));
    VCH_TRY(vch_val_put_str(arena, map, "redirect", flow->redirect_uri));
    VCH_TRY(vch_val_put_str(arena, map, "return", flow->return_path));
    VCH_TRY(vch_val_put_int(arena, map, "expires", flow->expires_ms));
    vch_json_encode(map, buf);
    return VCH_OK;
}

static enum vch_err encode(struct vch_str sealed, struct vch_arena *arena, struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init_secret(&buf, VCH_OIDC_COOKIE_MAX);
    vch_base64url(sealed, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return err == VCH_OK && !ret->ptr ? VCH_ERR_NOMEM : err;
}

enum vch_err vch_oidc_cookie_seal(const struct vch_service *service, struct vch_oidc_flow *flow, struct vch_arena *arena) {
    uint8_t key[VCH_SHA256_LEN];
    struct vch_buf buf;
    struct vch_str plain, sealed = {NULL, 0};
    vch_buf_init_secret(&buf, VCH_OIDC_COOKIE_MAX);
    enum vch_err err = write_plain(flow, arena, &buf);
    if (err == VCH_OK) err = vch_buf_finish(&buf, &plain);
    purpose_key(service, key);
    if (err == VCH_OK) err = vch_seal(key, vch_str_from(label), plain, arena, &sealed);
    vch_wipe(key, sizeof key);
    vch_buf_deinit(&buf);
    return err == VCH_OK ? encode(sealed, arena, &flow->set_cookie) : err;
}

static bool unseal(const struct vch_service *service, struct vch_str cookie, struct vch_arena *arena, struct vch_str *ret) {
    uint8_t key[VCH_SHA256_LEN];
    struct vch_buf buf;
    struct vch_str sealed;
    if (cookie.len == 0 || cookie.len > VCH_OIDC_COOKIE_MAX) return false;
    vch_buf_init_secret(&buf, VCH_OIDC_COOKIE_MAX);
    bool good = vch_unbase64url(cookie, &buf) == VCH_OK && vch_buf_finish(&buf, &sealed) == VCH_OK;
    purpose_key(service, key);
    good = good && vch_unseal(key, vch_str_from(label), sealed, arena, ret) == VCH_OK;
    vch_wipe(key, sizeof key);
    vch_buf_deinit(&buf);
    return good;
}

bool vch_oidc_cookie_open(const struct vch_service *service, struct vch_oidc_flow *flow, struct vch_arena *arena, struct vch_str *ret_state) {
    const struct vch_val_limits limits = VCH_VAL_LIMITS_DEFAULT;
    struct vch_val *map = NULL;
    struct vch_str plain;
    if (!unseal(service, flow->cookie, arena, &plain) || vch_json_decode(plain, &limits, arena, &map, NULL) != VCH_OK) return false;
    *ret_state = vch_val_str_at(map, "state");
    flow->nonce = vch_val_str_at(map, "nonce");
    flow->verifier = vch_val_str_at(map, "verifier");
    flow->redirect_uri = vch_val_str_at(map, "redirect");
    flow->return_path = vch_val_str_at(map, "return");
    flow->expires_ms = vch_val_int_at(map, "expires", 0);
    return ret_state->len && flow->nonce.len && flow->verifier.len && flow->redirect_uri.len;
}
