/* AWS "Create a signed AWS API request", steps 1 to 4; where that text leaves
 * room (duplicate slashes, white space in headers) botocore.auth decides. */
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "core/sigv4_priv.h"

size_t vch_sigv4_header(const struct vch_sigv4_request *request, const char *name, struct vch_str *ret_value) {
    size_t count = 0;
    *ret_value = (struct vch_str){NULL, 0};
    for (size_t i = 0; i < request->header_count; i++) {
        if (!vch_str_ieq(request->headers[i].name, vch_str_from(name))) continue;
        if (count++ == 0) *ret_value = vch_str_trim(request->headers[i].value);
    }
    return count;
}

/* Keeps the segments that count: "" and "." go, ".." takes one back. */
static size_t resolve_segments(struct vch_str path, struct vch_str *segments) {
    size_t count = 0;
    struct vch_str part;
    while (vch_str_split(&path, '/', &part)) {
        if (part.len == 0 || vch_str_eq_c(part, ".")) continue;
        if (!vch_str_eq_c(part, ".."))
            segments[count++] = part;
        else if (count > 0)
            count--;
    }
    return count;
}

/* The path as sent is already percent-encoded; every service but S3 encodes it
 * once more, so "%3A" becomes "%253A". */
static enum vch_err canonical_path(struct vch_str path, struct vch_arena *scratch, struct vch_buf *out) {
    size_t slashes = 0;
    for (size_t i = 0; i < path.len; i++) slashes += path.ptr[i] == '/';
    struct vch_str *segments = vch_arena_array(scratch, slashes + 1, sizeof *segments);
    if (!segments) return VCH_ERR_TOO_LARGE;
    size_t count = resolve_segments(path, segments);
    if (path.len == 0 || path.ptr[0] == '/') vch_buf_c(out, "/");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) vch_buf_c(out, "/");
        vch_percent(segments[i], false, out);
    }
    if (count > 0 && path.ptr[path.len - 1] == '/') vch_buf_c(out, "/");
    return VCH_OK;
}

struct pair {
    struct vch_str name, value; /* encoded */
};

static int by_name_then_value(const void *a, const void *b) {
    const struct pair *x = a;
    const struct pair *y = b;
    int order = vch_str_cmp(x->name, y->name);
    return order != 0 ? order : vch_str_cmp(x->value, y->value);
}

/* Decoded and encoded again: clients differ in what they escape. */
static enum vch_err recode(struct vch_str raw, struct vch_arena *scratch, struct vch_str *ret) {
    struct vch_buf plain;
    struct vch_buf coded;
    struct vch_str bytes;
    vch_buf_init(&plain, VCH_SIGV4_SCRATCH_MAX);
    vch_buf_init(&coded, VCH_SIGV4_SCRATCH_MAX);
    enum vch_err err = vch_unpercent(raw, &plain);
    if (err == VCH_OK) err = vch_buf_finish(&plain, &bytes);
    if (err == VCH_OK) {
        vch_percent(bytes, false, &coded);
        err = vch_buf_finish(&coded, &bytes);
    }
    if (err == VCH_OK) {
        *ret = vch_arena_str(scratch, bytes);
        if (!ret->ptr) err = VCH_ERR_TOO_LARGE;
    }
    vch_buf_deinit(&plain);
    vch_buf_deinit(&coded);
    return err;
}

static bool left_out(struct vch_str name, enum vch_sigv4_query query) {
    if (query == VCH_SIGV4_QUERY_WHOLE) return false;
    if (vch_str_eq_c(name, "X-Amz-Signature")) return true;
    return query == VCH_SIGV4_QUERY_NO_TOKEN && vch_str_eq_c(name, "X-Amz-Security-Token");
}

static enum vch_err split_pair(struct vch_str raw, struct vch_arena *scratch, struct pair *ret) {
    size_t at = vch_str_find(raw, '=', 0);
    struct vch_str value = {NULL, 0};
    if (at != SIZE_MAX) value = vch_str_sub(raw, at + 1, SIZE_MAX);
    VCH_TRY(recode(at == SIZE_MAX ? raw : vch_str_sub(raw, 0, at), scratch, &ret->name));
    return recode(value, scratch, &ret->value);
}

static enum vch_err canonical_query(struct vch_str query, enum vch_sigv4_query kind, struct vch_arena *scratch,
                                    struct vch_buf *out) {
    if (query.len == 0) return VCH_OK;
    struct pair *pairs = vch_arena_array(scratch, VCH_SIGV4_PAIRS_MAX, sizeof *pairs);
    if (!pairs) return VCH_ERR_TOO_LARGE;
    size_t count = 0;
    struct vch_str part;
    while (vch_str_split(&query, '&', &part)) {
        if (count == VCH_SIGV4_PAIRS_MAX) return VCH_ERR_TOO_LARGE;
        VCH_TRY(split_pair(part, scratch, &pairs[count]));
        if (!left_out(pairs[count].name, kind)) count++;
    }
    if (count > 1) qsort(pairs, count, sizeof *pairs, by_name_then_value);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) vch_buf_c(out, "&");
        vch_buf_str(out, pairs[i].name);
        vch_buf_c(out, "=");
        vch_buf_str(out, pairs[i].value);
    }
    return VCH_OK;
}

/* Runs of blanks become one space; none at the ends. */
static void fold(struct vch_str value, struct vch_buf *out) {
    value = vch_str_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        bool blank = value.ptr[i] == ' ' || value.ptr[i] == '\t';
        bool again = blank && (value.ptr[i - 1] == ' ' || value.ptr[i - 1] == '\t');
        if (!again) vch_buf_bytes(out, blank ? " " : &value.ptr[i], 1);
    }
}

static void canonical_header(const struct vch_sigv4_request *request, struct vch_str name, struct vch_buf *out) {
    vch_buf_str(out, name);
    bool first = true;
    for (size_t i = 0; i < request->header_count; i++) {
        if (!vch_str_ieq(request->headers[i].name, name)) continue;
        vch_buf_c(out, first ? ":" : ",");
        fold(request->headers[i].value, out);
        first = false;
    }
    vch_buf_c(out, first ? ":\n" : "\n");
}

static void payload_hash(const struct vch_sigv4_request *request, struct vch_buf *out) {
    struct vch_str said;
    if (vch_sigv4_header(request, "x-amz-content-sha256", &said) > 0) {
        vch_buf_str(out, said);
        return;
    }
    char hex[VCH_SHA256_HEX];
    vch_sha256_hex(request->body, hex);
    vch_buf_c(out, hex);
}

enum vch_err vch_sigv4_canonical(const struct vch_sigv4_request *request, enum vch_sigv4_query query,
                                 struct vch_str signed_headers, struct vch_arena *scratch, struct vch_buf *out) {
    vch_buf_str(out, request->method);
    vch_buf_c(out, "\n");
    VCH_TRY(canonical_path(request->path, scratch, out));
    vch_buf_c(out, "\n");
    VCH_TRY(canonical_query(request->query, query, scratch, out));
    vch_buf_c(out, "\n");
    struct vch_str rest = signed_headers;
    struct vch_str name;
    while (vch_str_split(&rest, ';', &name)) canonical_header(request, name, out);
    vch_buf_c(out, "\n");
    vch_buf_str(out, signed_headers);
    vch_buf_c(out, "\n");
    payload_hash(request, out);
    return VCH_OK;
}

static void derive_key(const struct vch_sigv4_scope *scope, struct vch_str seed, uint8_t key[VCH_SHA256_LEN]) {
    const struct vch_str steps[] = {scope->region, scope->service, VCH_STR("aws4_request")};
    uint8_t next[VCH_SHA256_LEN];
    vch_hmac_sha256(seed, scope->date, key);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        vch_hmac_sha256(vch_str_of(key, VCH_SHA256_LEN), steps[i], next);
        memcpy(key, next, sizeof next);
    }
    vch_wipe(next, sizeof next);
}

static void string_to_sign(const struct vch_sigv4_scope *scope, const char *timestamp, struct vch_str canonical,
                           struct vch_buf *out) {
    char hex[VCH_SHA256_HEX];
    vch_sha256_hex(canonical, hex);
    vch_buf_c(out, VCH_SIGV4_ALGORITHM "\n");
    vch_buf_c(out, timestamp);
    vch_buf_c(out, "\n");
    vch_buf_str(out, scope->date);
    vch_buf_c(out, "/");
    vch_buf_str(out, scope->region);
    vch_buf_c(out, "/");
    vch_buf_str(out, scope->service);
    vch_buf_c(out, "/aws4_request\n");
    vch_buf_c(out, hex);
}

static enum vch_err sign_text(const struct vch_sigv4_scope *scope, struct vch_str seed, struct vch_str text,
                              char ret[VCH_SHA256_HEX]) {
    uint8_t key[VCH_SHA256_LEN];
    uint8_t mac[VCH_SHA256_LEN];
    derive_key(scope, seed, key);
    vch_hmac_sha256(vch_str_of(key, sizeof key), text, mac);
    vch_hex(mac, sizeof mac, ret);
    vch_wipe(key, sizeof key);
    return VCH_OK;
}

enum vch_err vch_sigv4_signature(const struct vch_sigv4_scope *scope, struct vch_str secret_key,
                                 const char timestamp[17], struct vch_str canonical, char ret[VCH_SHA256_HEX]) {
    struct vch_buf seed;
    struct vch_buf text;
    struct vch_str seed_bytes;
    struct vch_str text_bytes;
    vch_buf_init_secret(&seed, 1024);
    vch_buf_init(&text, 4096);
    vch_buf_c(&seed, "AWS4");
    vch_buf_str(&seed, secret_key);
    string_to_sign(scope, timestamp, canonical, &text);
    enum vch_err err = vch_buf_finish(&seed, &seed_bytes);
    if (err == VCH_OK) err = vch_buf_finish(&text, &text_bytes);
    if (err == VCH_OK) err = sign_text(scope, seed_bytes, text_bytes, ret);
    vch_buf_deinit(&seed);
    vch_buf_deinit(&text);
    return err;
}
