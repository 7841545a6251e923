#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/reason.h"
#include "service/oidc_priv.h"

/* FIRSTS: states that came back lately; the registry has the last word. */
enum { FIRSTS = 4096, DOCUMENT_DEPTH = 8, DOCUMENT_VALUES = 4000 };

struct first {
    uint8_t hash[VCH_SHA256_LEN];
    int64_t until_ms;
};

struct vch_oidc {
    struct vch_oidc_settings settings;
    pthread_mutex_t lock; /* of what follows; short */
    struct vch_arena *arena; /* of `provider` */
    struct vch_oidc_provider provider;
    bool known;
    int64_t provider_ms, keys_ms, keys_asked_ms, failed_ms; /* 0: never; the last monotonic */
    struct vch_buf keys;
    size_t waiting, next_first;
    struct first firsts[FIRSTS];
};

enum vch_err vch_oidc_new(const struct vch_oidc_settings *settings, struct vch_oidc **ret) {
    struct vch_oidc *oidc = calloc(1, sizeof *oidc);
    struct vch_arena *arena = vch_arena_new(64 * 1024, false);
    if (!oidc || !arena) {
        free(oidc);
        vch_arena_free(arena);
        return VCH_ERR_NOMEM;
    }
    oidc->settings = *settings;
    oidc->arena = arena;
    vch_buf_init(&oidc->keys, VCH_HOOK_ANSWER_MAX + 1);
    (void)pthread_mutex_init(&oidc->lock, NULL);
    *ret = oidc;
    return VCH_OK;
}

void vch_oidc_free(struct vch_oidc *oidc) {
    if (!oidc) return;
    vch_buf_deinit(&oidc->keys);
    vch_arena_free(oidc->arena);
    (void)pthread_mutex_destroy(&oidc->lock);
    free(oidc);
}

const struct vch_oidc_settings *vch_oidc_settings(const struct vch_oidc *oidc) {
    return &oidc->settings;
}

enum vch_err vch_oidc_unavailable(struct vch_diag *diag, const char *why) {
    return VCH_REFUSE(diag, VCH_ERR_UNAVAILABLE, OIDC_UNAVAILABLE, "", "The sign-in provider cannot be used now: %s.", why);
}

/* ---- its description ---- */

static bool copy_provider(const struct vch_oidc_provider *from, struct vch_arena *arena, struct vch_oidc_provider *to) {
    *to = *from;
    to->authorize_url = vch_arena_str(arena, from->authorize_url);
    to->token_url = vch_arena_str(arena, from->token_url);
    to->keys_url = vch_arena_str(arena, from->keys_url);
    return to->authorize_url.ptr && to->token_url.ptr && to->keys_url.ptr;
}

/* A clock that went back makes everything old. */
static bool is_older(int64_t since_ms, int64_t age_ms) {
    int64_t now_ms = vch_now_ms();
    return since_ms == 0 || now_ms < since_ms || now_ms - since_ms >= age_ms;
}

bool vch_oidc_provider_known(struct vch_oidc *oidc, struct vch_arena *arena, struct vch_oidc_provider *ret) {
    (void)pthread_mutex_lock(&oidc->lock);
    bool fresh = oidc->known && !is_older(oidc->provider_ms, VCH_OIDC_PROVIDER_MS);
    fresh = fresh && copy_provider(&oidc->provider, arena, ret);
    (void)pthread_mutex_unlock(&oidc->lock);
    return fresh;
}

/* What the browser is sent to, and secrets are sent to. */
static bool is_https(struct vch_str url) {
    static const char prefix[] = "https://";
    if (!vch_str_starts(url, vch_str_from(prefix)) || url.len == sizeof prefix - 1 || url.len > VCH_OIDC_URL_MAX) return false;
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || strchr("#\"\\<>`", url.ptr[i])) return false;
    size_t slash = vch_str_find(url, '/', sizeof prefix - 1), at = vch_str_find(url, '@', 0);
    return at == SIZE_MAX || at > slash;
}

static bool lists(const struct vch_val *list, const char *word) {
    for (size_t i = 0; vch_val_is(list, VCH_VAL_LIST) && i < list->count; i++)
        if (vch_val_is(&list->items[i], VCH_VAL_STR) && vch_str_eq_c(list->items[i].str, word)) return true;
    return false;
}

static enum vch_err decode(struct vch_str text, struct vch_arena *arena, struct vch_val **ret, struct vch_diag *diag) {
    static const struct vch_val_limits limits = {.depth = DOCUMENT_DEPTH, .values = DOCUMENT_VALUES};
    enum vch_err err = vch_json_decode(text, &limits, arena, ret, NULL);
    if (err == VCH_ERR_NOMEM) return err;
    return err == VCH_OK && vch_val_is(*ret, VCH_VAL_MAP) ? VCH_OK : vch_oidc_unavailable(diag, "its answer is no document");
}

static enum vch_err read_provider(const struct vch_oidc *oidc, const struct vch_val *document, struct vch_oidc_provider *ret,
                                  struct vch_diag *diag) {
    const struct vch_val *methods = vch_val_get(document, "token_endpoint_auth_methods_supported");
    /* Discovery 1.0 4.3: whoever answers for another issuer is not it. */
    if (!vch_str_eq(vch_val_str_at(document, "issuer"), oidc->settings.issuer))
        return vch_oidc_unavailable(diag, "it calls itself by another name than the configured issuer");
    *ret = (struct vch_oidc_provider){.authorize_url = vch_val_str_at(document, "authorization_endpoint"),
                                      .token_url = vch_val_str_at(document, "token_endpoint"),
                                      .keys_url = vch_val_str_at(document, "jwks_uri"),
                                      .basic = !methods || lists(methods, "client_secret_basic"),
                                      .issuer_back = vch_val_bool_at(document, "authorization_response_iss_parameter_supported", false)};
    if (is_https(ret->authorize_url) && is_https(ret->token_url) && is_https(ret->keys_url)) return VCH_OK;
    return vch_oidc_unavailable(diag, "it names no https endpoints");
}

enum vch_err vch_oidc_provider_keep(struct vch_oidc *oidc, struct vch_str text, struct vch_arena *arena, struct vch_diag *diag) {
    struct vch_val *document = NULL;
    struct vch_oidc_provider read;
    VCH_TRY(decode(text, arena, &document, diag));
    VCH_TRY(read_provider(oidc, document, &read, diag));
    (void)pthread_mutex_lock(&oidc->lock);
    vch_arena_reset(oidc->arena);
    oidc->known = copy_provider(&read, oidc->arena, &oidc->provider);
    oidc->provider_ms = vch_now_ms();
    bool kept = oidc->known;
    (void)pthread_mutex_unlock(&oidc->lock);
    return kept ? VCH_OK : VCH_ERR_NOMEM;
}

/* ---- its keys ---- */

enum vch_err vch_oidc_keys(struct vch_oidc *oidc, struct vch_arena *arena, struct vch_val **ret) {
    struct vch_str text = {NULL, 0};
    *ret = NULL;
    (void)pthread_mutex_lock(&oidc->lock);
    if (oidc->keys_ms) text = vch_arena_str(arena, vch_str_of(oidc->keys.ptr, oidc->keys.len));
    bool none = !oidc->keys_ms;
    (void)pthread_mutex_unlock(&oidc->lock);
    if (none) return VCH_OK;
    return text.ptr ? decode(text, arena, ret, NULL) : VCH_ERR_NOMEM;
}

/* Who comes while somebody else asks asks too: what that one gets is not waited for. */
static bool lacks_keys(const struct vch_oidc *oidc) {
    return oidc->keys_ms < oidc->keys_asked_ms || is_older(oidc->keys_asked_ms, VCH_OIDC_KEYS_PAUSE_MS);
}

bool vch_oidc_keys_due(struct vch_oidc *oidc, bool there) {
    (void)pthread_mutex_lock(&oidc->lock);
    bool due = there ? is_older(oidc->keys_ms, VCH_OIDC_PROVIDER_MS) : lacks_keys(oidc);
    if (due) oidc->keys_asked_ms = vch_now_ms();
    (void)pthread_mutex_unlock(&oidc->lock);
    return due;
}

enum vch_err vch_oidc_keys_keep(struct vch_oidc *oidc, struct vch_str text, struct vch_arena *arena, struct vch_diag *diag) {
    struct vch_val *document = NULL;
    struct vch_str kept;
    VCH_TRY(decode(text, arena, &document, diag));
    if (!vch_val_is(vch_val_get(document, "keys"), VCH_VAL_LIST)) return vch_oidc_unavailable(diag, "its key set holds no keys");
    (void)pthread_mutex_lock(&oidc->lock);
    vch_buf_clear(&oidc->keys);
    vch_buf_str(&oidc->keys, text);
    enum vch_err err = vch_buf_finish(&oidc->keys, &kept);
    oidc->keys_ms = err == VCH_OK ? vch_now_ms() : 0;
    (void)pthread_mutex_unlock(&oidc->lock);
    return err == VCH_OK ? VCH_OK : VCH_ERR_NOMEM;
}

/* ---- who waits for it ---- */

enum vch_err vch_oidc_enter(struct vch_oidc *oidc, struct vch_diag *diag) {
    (void)pthread_mutex_lock(&oidc->lock);
    bool pause = oidc->failed_ms && vch_mono_ms() - oidc->failed_ms < VCH_OIDC_PAUSE_MS;
    bool room = oidc->waiting < VCH_OIDC_WAITING_MAX;
    if (!pause && room) oidc->waiting++;
    (void)pthread_mutex_unlock(&oidc->lock);
    if (pause) return vch_oidc_unavailable(diag, "it did not answer a moment ago");
    if (room) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_THROTTLED, OIDC_BUSY, "", "Many people are signing in; try again in a moment.");
}

void vch_oidc_leave(struct vch_oidc *oidc, bool answered) {
    (void)pthread_mutex_lock(&oidc->lock);
    oidc->waiting--;
    oidc->failed_ms = answered ? 0 : vch_mono_ms();
    (void)pthread_mutex_unlock(&oidc->lock);
}

bool vch_oidc_first(struct vch_oidc *oidc, struct vch_str state, int64_t now_ms) {
    uint8_t hash[VCH_SHA256_LEN];
    bool first = true;
    vch_sha256(state, hash);
    (void)pthread_mutex_lock(&oidc->lock);
    for (size_t i = 0; i < FIRSTS && first; i++)
        first = oidc->firsts[i].until_ms <= now_ms || memcmp(oidc->firsts[i].hash, hash, sizeof hash) != 0;
    if (first) {
        struct first *slot = &oidc->firsts[oidc->next_first++ % FIRSTS];
        memcpy(slot->hash, hash, sizeof hash);
        slot->until_ms = now_ms + VCH_OIDC_LIFE_MS;
    }
    (void)pthread_mutex_unlock(&oidc->lock);
    return first;
}
