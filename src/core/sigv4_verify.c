#include <stdlib.h>

#include "base/clock.h"
#include "core/reason.h"
#include "core/sigv4_priv.h"

enum { SKEW_MS = 5 * 60 * 1000 };

static bool in_list(const char *list, struct vch_str name) {
    struct vch_str rest = vch_str_from(list);
    struct vch_str part;
    while (vch_str_split(&rest, ',', &part))
        if (vch_str_eq(part, name)) return true;
    return false;
}

static enum vch_err check_scope(const struct vch_sigv4_claim *claim, const char *timestamp, struct vch_str region,
                                const char *services, struct vch_diag *diag) {
    const char *what = NULL;
    if (!vch_str_eq(claim->date, vch_str_of(timestamp, 8))) what = "date";
    if (!vch_str_eq(claim->region, region)) what = "region";
    if (!in_list(services, claim->service)) what = "service";
    if (!what) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, SIGNATURE_SCOPE, what, "The credential is scoped to another %s.",
                      what);
}

static enum vch_err check_time(const struct vch_sigv4_claim *claim, int64_t now_ms, struct vch_diag *diag) {
    int64_t life_ms = claim->presigned ? claim->expires_s * 1000 : SKEW_MS;
    if (now_ms >= claim->time_ms - SKEW_MS && now_ms <= claim->time_ms + life_ms) return VCH_OK;
    char said[17];
    char now[17];
    vch_time_basic(claim->time_ms, said);
    vch_time_basic(now_ms, now);
    const char *what = now_ms < claim->time_ms ? "Signature not yet current" : "Signature expired";
    return VCH_REFUSE(diag, VCH_ERR_EXPIRED, SIGNATURE_EXPIRED, "x-amz-date", "%s: signed at %s, the time here is %s.",
                      what, said, now);
}

static enum vch_err mismatch(struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, SIGNATURE_MISMATCH, "Signature",
                      "The signature is not that of this request under the secret of its access key.");
}

/* The header stands for the body in what was signed, so it must tell the truth.
 * UNSIGNED-PAYLOAD is the one documented exception: it is itself signed (parse
 * insists on it), and every listener that verifies speaks TLS. */
static enum vch_err check_body(const struct vch_sigv4_request *request, struct vch_diag *diag) {
    struct vch_str said;
    size_t count = vch_sigv4_header(request, "x-amz-content-sha256", &said);
    if (count == 0) return VCH_OK;
    char hex[VCH_SHA256_HEX];
    vch_sha256_hex(request->body, hex);
    if (count == 1 && (vch_str_eq_c(said, VCH_SIGV4_UNSIGNED) || vch_str_eq_c(said, hex))) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, SIGNATURE_MISMATCH, "x-amz-content-sha256",
                      "x-amz-content-sha256 is not the digest of the body.");
}

static enum vch_err try_one(const struct vch_sigv4_request *request, const struct vch_sigv4_claim *claim,
                            const char *timestamp, struct vch_str secret_key, enum vch_sigv4_query query,
                            bool *ret_same) {
    const struct vch_sigv4_scope scope = {claim->date, claim->region, claim->service};
    struct vch_arena *scratch = vch_arena_new(VCH_SIGV4_SCRATCH_MAX, false);
    if (!scratch) return VCH_ERR_NOMEM;
    struct vch_buf canonical;
    struct vch_str text;
    char expected[VCH_SHA256_HEX];
    vch_buf_init(&canonical, VCH_SIGV4_SCRATCH_MAX);
    enum vch_err err = vch_sigv4_canonical(request, query, claim->signed_headers, scratch, &canonical);
    if (err == VCH_OK) err = vch_buf_finish(&canonical, &text);
    if (err == VCH_OK) err = vch_sigv4_signature(&scope, secret_key, timestamp, text, expected);
    if (err == VCH_OK) *ret_same = vch_ct_eq(expected, VCH_SHA256_HEX - 1, claim->signature.ptr, claim->signature.len);
    vch_wipe(expected, sizeof expected);
    vch_buf_deinit(&canonical);
    vch_arena_free(scratch);
    return err;
}

enum vch_err vch_sigv4_verify(const struct vch_sigv4_request *request, const struct vch_sigv4_claim *claim,
                              struct vch_str secret_key, struct vch_str region, const char *services, int64_t now_ms,
                              struct vch_diag *diag) {
    char timestamp[17];
    vch_time_basic(claim->time_ms, timestamp);
    VCH_TRY(check_scope(claim, timestamp, region, services, diag));
    VCH_TRY(check_time(claim, now_ms, diag));
    VCH_TRY(check_body(request, diag));
    bool same = false;
    enum vch_sigv4_query query = claim->presigned ? VCH_SIGV4_QUERY_UNSIGNED : VCH_SIGV4_QUERY_WHOLE;
    enum vch_err err = try_one(request, claim, timestamp, secret_key, query, &same);
    if (err == VCH_OK && !same && claim->presigned && claim->session_token.len > 0)
        err = try_one(request, claim, timestamp, secret_key, VCH_SIGV4_QUERY_NO_TOKEN, &same);
    if (err == VCH_ERR_NOMEM) return err;
    return err == VCH_OK && same ? VCH_OK : mismatch(diag);
}

static int by_name(const void *a, const void *b) {
    return vch_str_cmp(*(const struct vch_str *)a, *(const struct vch_str *)b);
}

static struct vch_str lower(struct vch_str s, struct vch_arena *arena) {
    char *copy = vch_arena_alloc(arena, s.len + 1);
    if (!copy) return (struct vch_str){NULL, 0};
    for (size_t i = 0; i < s.len; i++)
        copy[i] = (char)(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] + ('a' - 'A') : s.ptr[i]);
    return vch_str_of(copy, s.len);
}

/* All header names, lower case, sorted, each once, with ';' between. */
static enum vch_err list_headers(const struct vch_sigv4_request *request, struct vch_arena *scratch,
                                 struct vch_buf *out) {
    struct vch_str names[VCH_SIGV4_HEADERS_MAX];
    if (request->header_count > VCH_SIGV4_HEADERS_MAX) return VCH_ERR_TOO_LARGE;
    for (size_t i = 0; i < request->header_count; i++) {
        names[i] = lower(request->headers[i].name, scratch);
        if (!names[i].ptr) return VCH_ERR_NOMEM;
    }
    qsort(names, request->header_count, sizeof *names, by_name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (i > 0 && vch_str_eq(names[i], names[i - 1])) continue;
        if (i > 0) vch_buf_c(out, ";");
        vch_buf_str(out, names[i]);
    }
    return VCH_OK;
}

struct signing {
    struct vch_sigv4_scope scope;
    struct vch_str access_key_id, secret_key;
    const char *timestamp;
};

static enum vch_err sign_with(const struct vch_sigv4_request *request, const struct signing *s,
                              struct vch_arena *scratch, struct vch_buf *names, struct vch_buf *canonical,
                              struct vch_buf *out) {
    struct vch_str list;
    struct vch_str text;
    char hex[VCH_SHA256_HEX];
    VCH_TRY(list_headers(request, scratch, names));
    VCH_TRY(vch_buf_finish(names, &list));
    VCH_TRY(vch_sigv4_canonical(request, VCH_SIGV4_QUERY_WHOLE, list, scratch, canonical));
    VCH_TRY(vch_buf_finish(canonical, &text));
    VCH_TRY(vch_sigv4_signature(&s->scope, s->secret_key, s->timestamp, text, hex));
    vch_buf_printf(out,
                   VCH_SIGV4_ALGORITHM " Credential=%.*s/%.*s/%.*s/%.*s/aws4_request, SignedHeaders=%.*s, Signature=%s",
                   VCH_STR_ARG(s->access_key_id), VCH_STR_ARG(s->scope.date), VCH_STR_ARG(s->scope.region),
                   VCH_STR_ARG(s->scope.service), VCH_STR_ARG(list), hex);
    return VCH_OK;
}

enum vch_err vch_sigv4_sign(const struct vch_sigv4_request *request, struct vch_str access_key_id,
                            struct vch_str secret_key, struct vch_str region, struct vch_str service, int64_t now_ms,
                            struct vch_buf *buf) {
    char timestamp[17];
    struct vch_str value;
    vch_time_basic(now_ms, timestamp);
    if (vch_sigv4_header(request, "host", &value) != 1) return VCH_ERR_INVALID;
    if (vch_sigv4_header(request, "x-amz-date", &value) != 1 || !vch_str_eq_c(value, timestamp)) return VCH_ERR_INVALID;
    struct vch_arena *scratch = vch_arena_new(VCH_SIGV4_SCRATCH_MAX, false);
    if (!scratch) return VCH_ERR_NOMEM;
    const struct signing s = {{vch_str_of(timestamp, 8), region, service}, access_key_id, secret_key, timestamp};
    struct vch_buf names;
    struct vch_buf canonical;
    vch_buf_init(&names, 4096); /* as much as VCH_STR_ARG prints */
    vch_buf_init(&canonical, VCH_SIGV4_SCRATCH_MAX);
    enum vch_err err = sign_with(request, &s, scratch, &names, &canonical, buf);
    vch_buf_deinit(&names);
    vch_buf_deinit(&canonical);
    vch_arena_free(scratch);
    return err;
}
