#include "core/sigv4.h"

#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "core/reason.h"
#include "core/sigv4_priv.h"

enum { EXPIRES_DEFAULT_S = 300 };

static enum vch_err incomplete(struct vch_diag *diag, const char *field, const char *what) {
    return VCH_REFUSE(diag, VCH_ERR_MALFORMED, SIGNATURE_INCOMPLETE, field, "%s", what);
}

/* KEYID/YYYYMMDD/REGION/SERVICE/aws4_request */
static enum vch_err parse_credential(struct vch_str text, struct vch_sigv4_claim *ret, struct vch_diag *diag) {
    struct vch_str parts[5];
    size_t count = 0;
    struct vch_str part;
    while (vch_str_split(&text, '/', &part)) {
        if (count == 5 || part.len == 0 || part.len > 128)
            return incomplete(diag, "Credential", "The credential of the signature does not have five parts.");
        parts[count++] = part;
    }
    if (count != 5 || !vch_str_eq_c(parts[4], "aws4_request"))
        return incomplete(diag, "Credential", "The credential of the signature does not end with aws4_request.");
    ret->access_key_id = parts[0];
    ret->date = parts[1];
    ret->region = parts[2];
    ret->service = parts[3];
    return VCH_OK;
}

static enum vch_err check_signature_text(struct vch_str text, struct vch_diag *diag) {
    uint8_t bytes[VCH_SHA256_LEN];
    if (vch_unhex(text, bytes, sizeof bytes) == VCH_OK) return VCH_OK;
    return incomplete(diag, "Signature", "The signature is not 64 hexadecimal digits.");
}

/* "GMT" of RFC 9110; "-0000" and "+0000" of RFC 5322, which botocore writes. */
static bool is_utc(struct vch_str zone) {
    return vch_str_eq_c(zone, " GMT") || vch_str_eq_c(zone, " -0000") || vch_str_eq_c(zone, " +0000");
}

/* IMF-fixdate (RFC 9110 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". */
static enum vch_err parse_http_date(struct vch_str s, int64_t *ret_ms) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const struct { size_t at, len; } fields[] = {{5, 2}, {12, 4}, {17, 2}, {20, 2}, {23, 2}};
    int64_t n[5];
    if (!is_utc(vch_str_sub(s, 25, SIZE_MAX))) return VCH_ERR_MALFORMED;
    for (size_t i = 0; i < 5; i++) {
        struct vch_str digits = vch_str_sub(s, fields[i].at, fields[i].len);
        if (digits.ptr[0] == '-') return VCH_ERR_MALFORMED;
        VCH_TRY(vch_str_int(digits, &n[i]));
    }
    for (int month = 0; month < 12; month++) {
        if (memcmp(months + 3 * month, s.ptr + 8, 3) != 0) continue;
        if (n[0] < 1 || n[0] > 31 || n[1] < 1970 || n[2] > 23 || n[3] > 59 || n[4] > 60) return VCH_ERR_MALFORMED;
        *ret_ms = vch_time_from_utc((int)n[1], month + 1, (int)n[0], (int)n[2], (int)n[3], (int)n[4]);
        return VCH_OK;
    }
    return VCH_ERR_MALFORMED;
}

static bool lists(struct vch_str signed_headers, struct vch_str name) {
    struct vch_str part;
    while (vch_str_split(&signed_headers, ';', &part))
        if (vch_str_ieq(part, name)) return true;
    return false;
}

/* x-amz-date; else Date, which must then be signed itself. */
static enum vch_err parse_header_time(const struct vch_sigv4_request *request, struct vch_sigv4_claim *ret,
                                      struct vch_diag *diag) {
    struct vch_str text;
    size_t count = vch_sigv4_header(request, "x-amz-date", &text);
    if (count == 1 && vch_time_parse_basic(text, &ret->time_ms) == VCH_OK) return VCH_OK;
    if (count > 0) return incomplete(diag, "x-amz-date", "The header x-amz-date is not of the form YYYYMMDDTHHMMSSZ.");
    if (vch_sigv4_header(request, "date", &text) != 1 || !lists(ret->signed_headers, VCH_STR("date")))
        return incomplete(diag, "x-amz-date",
                          "The request names no date: it has neither x-amz-date nor a signed Date.");
    if (vch_time_parse_basic(text, &ret->time_ms) == VCH_OK) return VCH_OK;
    if (parse_http_date(text, &ret->time_ms) == VCH_OK) return VCH_OK;
    return incomplete(diag, "date", "The header Date is not a date.");
}

static bool token_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool lower_token(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!token_char(s.ptr[i])) return false;
    return s.len > 0;
}

/* Lower case, in order, none twice, each there in the request. */
static enum vch_err check_signed_list(const struct vch_sigv4_request *request, struct vch_str list,
                                      struct vch_diag *diag) {
    struct vch_str last = {NULL, 0};
    struct vch_str part;
    while (vch_str_split(&list, ';', &part)) {
        if (!lower_token(part) || vch_str_cmp(last, part) >= 0)
            return incomplete(diag, "SignedHeaders", "SignedHeaders is not a sorted list of lower-case header names.");
        bool there = false;
        for (size_t i = 0; i < request->header_count && !there; i++)
            there = vch_str_ieq(request->headers[i].name, part);
        if (!there)
            return incomplete(diag, "SignedHeaders", "SignedHeaders names a header that the request does not have.");
        last = part;
    }
    return VCH_OK;
}

static bool must_be_signed(struct vch_str name) {
    return vch_str_ieq(name, VCH_STR("host")) || vch_str_ieq(name, VCH_STR("content-type")) ||
           vch_str_ieq(vch_str_sub(name, 0, 6), VCH_STR("x-amz-"));
}

static enum vch_err check_signed_headers(const struct vch_sigv4_request *request, struct vch_str list,
                                         struct vch_diag *diag) {
    struct vch_str value;
    if (vch_sigv4_header(request, "host", &value) != 1 || value.len == 0)
        return incomplete(diag, "host", "The request does not name one host.");
    if (list.len == 0) return incomplete(diag, "SignedHeaders", "The signature covers no header.");
    VCH_TRY(check_signed_list(request, list, diag));
    for (size_t i = 0; i < request->header_count; i++) {
        struct vch_str name = request->headers[i].name;
        if (must_be_signed(name) && !lists(list, name))
            return VCH_REFUSE(diag, VCH_ERR_MALFORMED, SIGNATURE_INCOMPLETE, "SignedHeaders",
                              "The header %.*s is not signed.", VCH_STR_ARG(name));
    }
    return VCH_OK;
}

/* Takes "Name=value" once. */
static enum vch_err take_part(struct vch_str part, struct vch_str *credential, struct vch_sigv4_claim *ret,
                              struct vch_diag *diag) {
    const struct {
        struct vch_str name;
        struct vch_str *to;
    } slots[] = {{VCH_STR("Credential="), credential},
                 {VCH_STR("SignedHeaders="), &ret->signed_headers},
                 {VCH_STR("Signature="), &ret->signature}};
    for (size_t i = 0; i < 3; i++) {
        if (!vch_str_starts(part, slots[i].name)) continue;
        if (slots[i].to->ptr) break;
        *slots[i].to = vch_str_of(part.ptr + slots[i].name.len, part.len - slots[i].name.len);
        return VCH_OK;
    }
    return incomplete(diag, "Authorization", "Authorization has a part that does not belong there, or one twice.");
}

static enum vch_err parse_authorization(const struct vch_sigv4_request *request, struct vch_str text,
                                        struct vch_sigv4_claim *ret, struct vch_diag *diag) {
    struct vch_str credential = {NULL, 0};
    struct vch_str part;
    while (vch_str_split(&text, ',', &part)) VCH_TRY(take_part(vch_str_trim(part), &credential, ret, diag));
    if (!credential.len || !ret->signed_headers.len || !ret->signature.len)
        return incomplete(diag, "Authorization", "Authorization lacks Credential, SignedHeaders or Signature.");
    VCH_TRY(parse_credential(credential, ret, diag));
    VCH_TRY(check_signature_text(ret->signature, diag));
    VCH_TRY(parse_header_time(request, ret, diag));
    if (vch_sigv4_header(request, "x-amz-security-token", &ret->session_token) > 1)
        return incomplete(diag, "x-amz-security-token", "The request has more than one session token.");
    return VCH_OK;
}

struct query_slot {
    const char *name;
    struct vch_str value;
    bool found;
};
enum { Q_ALGORITHM, Q_CREDENTIAL, Q_DATE, Q_EXPIRES, Q_SIGNED_HEADERS, Q_SIGNATURE, Q_TOKEN, Q_COUNT };

static enum vch_err decode(struct vch_str raw, struct vch_arena *arena, struct vch_str *ret) {
    struct vch_buf plain;
    struct vch_str bytes;
    vch_buf_init(&plain, 16384);
    enum vch_err err = vch_unpercent(raw, &plain);
    if (err == VCH_OK) err = vch_buf_finish(&plain, &bytes);
    if (err == VCH_OK) {
        *ret = vch_arena_str(arena, bytes);
        if (!ret->ptr) err = VCH_ERR_NOMEM;
    }
    vch_buf_deinit(&plain);
    return err;
}

static enum vch_err take_pair(struct vch_str pair, struct vch_arena *arena, struct query_slot slots[Q_COUNT],
                              struct vch_diag *diag) {
    size_t at = vch_str_find(pair, '=', 0);
    struct vch_str name = vch_str_sub(pair, 0, at);
    struct vch_str value = at == SIZE_MAX ? VCH_STR("") : vch_str_of(pair.ptr + at + 1, pair.len - at - 1);
    if (vch_str_find(name, '%', 0) != SIZE_MAX && decode(name, arena, &name) != VCH_OK)
        return incomplete(diag, "query", "The query string has a broken percent escape.");
    for (size_t i = 0; i < Q_COUNT; i++) {
        if (!vch_str_eq_c(name, slots[i].name)) continue;
        if (slots[i].found)
            return incomplete(diag, slots[i].name, "A field of the signature stands twice in the query string.");
        slots[i].found = true;
        if (decode(value, arena, &slots[i].value) != VCH_OK)
            return incomplete(diag, slots[i].name, "A field of the signature has a broken percent escape.");
    }
    return VCH_OK;
}

static enum vch_err take_query(struct vch_str query, struct vch_arena *arena, struct query_slot slots[Q_COUNT],
                               struct vch_diag *diag) {
    static const char *const names[Q_COUNT] = {[Q_ALGORITHM] = "X-Amz-Algorithm",
                                               [Q_CREDENTIAL] = "X-Amz-Credential",
                                               [Q_DATE] = "X-Amz-Date",
                                               [Q_EXPIRES] = "X-Amz-Expires",
                                               [Q_SIGNED_HEADERS] = "X-Amz-SignedHeaders",
                                               [Q_SIGNATURE] = "X-Amz-Signature",
                                               [Q_TOKEN] = "X-Amz-Security-Token"};
    for (size_t i = 0; i < Q_COUNT; i++) slots[i] = (struct query_slot){.name = names[i]};
    struct vch_str pair;
    while (vch_str_split(&query, '&', &pair)) VCH_TRY(take_pair(pair, arena, slots, diag));
    return VCH_OK;
}

static enum vch_err parse_presigned(const struct query_slot slots[Q_COUNT], struct vch_sigv4_claim *ret,
                                    struct vch_diag *diag) {
    for (size_t i = 0; i < Q_TOKEN; i++)
        if (slots[i].value.len == 0 && (slots[i].found || i != Q_EXPIRES))
            return incomplete(diag, slots[i].name, "The presigned query string lacks a field.");
    if (!vch_str_eq_c(slots[Q_ALGORITHM].value, VCH_SIGV4_ALGORITHM))
        return incomplete(diag, "X-Amz-Algorithm", "Only AWS4-HMAC-SHA256 is known.");
    VCH_TRY(parse_credential(slots[Q_CREDENTIAL].value, ret, diag));
    VCH_TRY(check_signature_text(slots[Q_SIGNATURE].value, diag));
    if (vch_time_parse_basic(slots[Q_DATE].value, &ret->time_ms) != VCH_OK)
        return incomplete(diag, "X-Amz-Date", "X-Amz-Date is not of the form YYYYMMDDTHHMMSSZ.");
    ret->expires_s = EXPIRES_DEFAULT_S;
    if (slots[Q_EXPIRES].found && vch_str_int(slots[Q_EXPIRES].value, &ret->expires_s) != VCH_OK) ret->expires_s = 0;
    if (ret->expires_s < 1 || ret->expires_s > 604800)
        return incomplete(diag, "X-Amz-Expires", "X-Amz-Expires is not a number from 1 to 604800.");
    ret->presigned = true;
    ret->signed_headers = slots[Q_SIGNED_HEADERS].value;
    ret->signature = slots[Q_SIGNATURE].value;
    ret->session_token = slots[Q_TOKEN].value;
    return VCH_OK;
}

enum vch_err vch_sigv4_parse(const struct vch_sigv4_request *request, struct vch_arena *arena,
                             struct vch_sigv4_claim *ret, struct vch_diag *diag) {
    struct query_slot slots[Q_COUNT];
    struct vch_str text;
    const struct vch_str scheme = VCH_STR(VCH_SIGV4_ALGORITHM " ");
    *ret = (struct vch_sigv4_claim){0};
    if (request->header_count > VCH_SIGV4_HEADERS_MAX)
        return incomplete(diag, "headers", "The request has too many headers.");
    size_t count = vch_sigv4_header(request, "authorization", &text);
    VCH_TRY(take_query(request->query, arena, slots, diag));
    bool query_signed = slots[Q_SIGNATURE].found || slots[Q_ALGORITHM].found;
    if (count == 0 && !query_signed)
        return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, SIGNATURE_MISSING, "Authorization",
                          "The request is not signed.");
    if (count > 1 || (count == 1 && query_signed))
        return incomplete(diag, "Authorization", "The request is signed more than once.");
    if (count == 1 && !vch_str_starts(text, scheme))
        return incomplete(diag, "Authorization", "Authorization is not of the scheme AWS4-HMAC-SHA256.");
    if (query_signed)
        VCH_TRY(parse_presigned(slots, ret, diag));
    else
        VCH_TRY(parse_authorization(request, vch_str_sub(text, scheme.len, SIZE_MAX), ret, diag));
    return check_signed_headers(request, ret->signed_headers, diag);
}
