#include "service/page.h"

#include <string.h>

#include "base/codec.h"
#include "base/digest.h"
#include "core/reason.h"

enum { CODE_LEN = 16, TOKEN_MAX = 1024, MARKER_DEFAULT = 25, TOKEN_DEFAULT = 250 };

static const char *in_name(const struct vch_paging *p) {
    return p->marker ? "marker" : "nextToken";
}

static enum vch_err bad_token(struct vch_call *call, const struct vch_paging *p) {
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PAGE_TOKEN_INVALID, in_name(p),
                      "The value of %s is not one that this list gave.", in_name(p));
}

/* Everything the token is bound to, under a key of its own purpose. */
static enum vch_err code_of(const struct vch_call *call, const struct vch_paging *p, struct vch_str key,
                            uint8_t out[VCH_SHA256_LEN]) {
    uint8_t purpose[VCH_SHA256_LEN];
    struct vch_buf buf;
    struct vch_str bytes;
    vch_hmac_sha256(vch_str_of(call->service->seal_key, sizeof call->service->seal_key), VCH_STR("page token"), purpose);
    vch_buf_init(&buf, 16384);
    vch_buf_printf(&buf, "%s %d %zu ", p->list, p->page.descending ? 1 : 0, p->scope.len);
    vch_buf_str(&buf, p->scope);
    vch_buf_str(&buf, key);
    enum vch_err err = vch_buf_finish(&buf, &bytes);
    if (err == VCH_OK) vch_hmac_sha256(vch_str_of(purpose, sizeof purpose), bytes, out);
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_err token_open(struct vch_call *call, struct vch_paging *p, struct vch_str token) {
    struct vch_buf buf;
    struct vch_str plain = {NULL, 0};
    uint8_t code[VCH_SHA256_LEN];
    vch_buf_init(&buf, TOKEN_MAX);
    bool good = vch_unbase64(token, &buf) == VCH_OK && vch_buf_finish(&buf, &plain) == VCH_OK && plain.len > CODE_LEN;
    struct vch_str key = vch_str_sub(plain, CODE_LEN, plain.len);
    good = good && code_of(call, p, key, code) == VCH_OK && vch_ct_eq(code, CODE_LEN, plain.ptr, CODE_LEN);
    if (good) p->page.after = vch_arena_str(call->arena, key);
    vch_buf_deinit(&buf);
    if (!good) return bad_token(call, p);
    return p->page.after.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_paging_open(struct vch_call *call, struct vch_paging *p) {
    struct vch_str token = vch_val_str_at(call->in, in_name(p));
    int64_t size = vch_val_int_at(call->in, p->marker ? "pageSize" : "maxResults", p->marker ? MARKER_DEFAULT : TOKEN_DEFAULT);
    p->page.limit = (size_t)size;
    return token.len ? token_open(call, p, token) : VCH_OK;
}

enum vch_err vch_paging_close(struct vch_call *call, const struct vch_paging *p, bool more, struct vch_str last) {
    uint8_t code[VCH_SHA256_LEN];
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    if (!more || last.len == 0) return VCH_OK;
    VCH_TRY(code_of(call, p, last, code));
    struct vch_str plain = vch_arena_printf(call->arena, "%*s%.*s", CODE_LEN, "", VCH_STR_ARG(last));
    char *room = plain.ptr ? vch_arena_alloc(call->arena, plain.len) : NULL;
    if (!room) return VCH_ERR_NOMEM;
    memcpy(room, plain.ptr, plain.len);
    memcpy(room, code, CODE_LEN);
    vch_buf_init(&buf, TOKEN_MAX);
    vch_base64(vch_str_of(room, plain.len), &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) text = vch_arena_str(call->arena, text);
    vch_buf_deinit(&buf);
    if (err != VCH_OK || !text.ptr) return err != VCH_OK ? err : VCH_ERR_NOMEM;
    return vch_val_put_str(call->arena, call->out, p->marker ? "nextMarker" : "nextToken", text);
}
