#include "core/claim_text.h"

#include <string.h>

#include "base/base45.h"
#include "base/crc32c.h"
#include "core/names.h"

#define PREFIX VCH_STR("VCH1:")

enum { FORMAT = 1, FLAGS_NONE = 0, CRC_LEN = 4, ENDPOINT_MAX = 253, ISSUER_MAX = 255, FIELD_VITAL = 0x80 };

bool vch_claim_text_is(struct vch_str text) {
    struct vch_str digit = vch_str_sub(text, 3, 1);
    return vch_str_ieq(vch_str_sub(text, 0, 3), VCH_STR("VCH")) && digit.len && digit.ptr[0] >= '0' && digit.ptr[0] <= '9' &&
           vch_str_eq_c(vch_str_sub(text, 4, 1), ":");
}

/* ---- what each part may be ---------------------------------------------- */

static bool host_valid(struct vch_str host) {
    if (host.len == 0 || host.len > ENDPOINT_MAX) return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && c != '.' && c != ':') return false;
    }
    return true;
}

/* One SEQUENCE of minimal length, and nothing behind it. */
static bool issuer_valid(struct vch_str name) {
    const unsigned char *p = (const unsigned char *)name.ptr;
    if (name.len < 2 || name.len > ISSUER_MAX || p[0] != 0x30) return false;
    return p[1] < 0x80 ? name.len == 2u + p[1] : p[1] == 0x81 && name.len > 2 && p[2] >= 0x80 && name.len == 3u + p[2];
}

static bool parts_valid(const struct vch_claim_text *claim) {
    return host_valid(claim->endpoint) && vch_template_name_valid(claim->template_name) && issuer_valid(claim->issuer) &&
           claim->not_before_s < claim->not_after_s;
}

/* ---- to text ------------------------------------------------------------ */

static void put_counted(struct vch_buf *buf, struct vch_str s) {
    vch_buf_u8(buf, (uint8_t)s.len);
    vch_buf_str(buf, s);
}

static void put_bytes(const struct vch_claim_text *claim, struct vch_buf *buf) {
    vch_buf_u8(buf, FORMAT);
    vch_buf_u8(buf, FLAGS_NONE);
    vch_buf_bytes(buf, claim->key, sizeof claim->key);
    vch_buf_bytes(buf, claim->root, sizeof claim->root);
    vch_buf_u32(buf, claim->not_before_s);
    vch_buf_u32(buf, claim->not_after_s);
    vch_buf_u16(buf, claim->mqtt_port);
    vch_buf_u16(buf, claim->edge_port);
    vch_buf_bytes(buf, claim->serial, sizeof claim->serial);
    vch_buf_bytes(buf, claim->subject, sizeof claim->subject);
    vch_buf_bytes(buf, claim->signature, sizeof claim->signature);
    put_counted(buf, claim->issuer);
    put_counted(buf, claim->endpoint);
    put_counted(buf, claim->template_name);
    vch_buf_u32(buf, vch_crc32c(vch_str_of(buf->ptr, buf->len)));
}

enum vch_err vch_claim_text_encode(const struct vch_claim_text *claim, struct vch_buf *text) {
    struct vch_buf buf;
    struct vch_str bytes;
    if (!parts_valid(claim)) return VCH_ERR_INVALID;
    vch_buf_init_secret(&buf, VCH_CLAIM_TEXT_MAX);
    put_bytes(claim, &buf);
    enum vch_err err = vch_buf_finish(&buf, &bytes);
    if (!err) {
        vch_buf_str(text, PREFIX);
        vch_base45(bytes, text);
    }
    vch_buf_deinit(&buf);
    return err || text->failed ? VCH_ERR_TOO_LARGE : VCH_OK;
}

/* ---- from text ---------------------------------------------------------- */

struct reader {
    struct vch_str left;
    bool failed;
};

static struct vch_str take(struct reader *r, size_t len) {
    struct vch_str part = vch_str_sub(r->left, 0, len);
    r->failed |= part.len != len;
    r->left = vch_str_sub(r->left, len, SIZE_MAX);
    return part;
}

static uint32_t take_number(struct reader *r, size_t len) {
    struct vch_str part = take(r, len);
    uint32_t n = 0;
    for (size_t i = 0; i < part.len; i++) n = n << 8 | (unsigned char)part.ptr[i];
    return n;
}

static void take_into(struct reader *r, uint8_t *to, size_t len) {
    struct vch_str part = take(r, len);
    if (part.len == len) memcpy(to, part.ptr, len);
}

static struct vch_str take_counted(struct reader *r) {
    return take(r, take_number(r, 1));
}

/* Fields of later writers: those that may be left out, are. False: one may not. */
static bool skip_fields(struct reader *r) {
    while (r->left.len && !r->failed) {
        uint32_t type = take_number(r, 1);
        (void)take_counted(r);
        if (type & FIELD_VITAL) return false;
    }
    return true;
}

static enum vch_err broken(struct vch_diag *diag, const char *why) {
    return vch_diag_set(diag, VCH_ERR_MALFORMED, "claim-text", "claim", "The claim text %s.", why);
}

static enum vch_err read_parts(struct vch_str bytes, struct vch_claim_text *ret, struct vch_diag *diag) {
    struct reader r = {.left = bytes};
    if (take_number(&r, 1) != FORMAT || take_number(&r, 1) != FLAGS_NONE)
        return broken(diag, "is of a later form than this program knows");
    take_into(&r, ret->key, sizeof ret->key);
    take_into(&r, ret->root, sizeof ret->root);
    ret->not_before_s = take_number(&r, 4);
    ret->not_after_s = take_number(&r, 4);
    ret->mqtt_port = (uint16_t)take_number(&r, 2);
    ret->edge_port = (uint16_t)take_number(&r, 2);
    take_into(&r, ret->serial, sizeof ret->serial);
    take_into(&r, ret->subject, sizeof ret->subject);
    take_into(&r, ret->signature, sizeof ret->signature);
    ret->issuer = take_counted(&r);
    ret->endpoint = take_counted(&r);
    ret->template_name = take_counted(&r);
    if (!skip_fields(&r)) return broken(diag, "asks for something that this program does not know");
    if (r.failed) return broken(diag, "is cut off");
    return parts_valid(ret) ? VCH_OK : broken(diag, "holds a part that cannot be");
}

/* The same words for every damage: which it was helps nobody who holds a camera. */
static enum vch_err read_bytes(struct vch_str bytes, struct vch_claim_text *ret, struct vch_diag *diag) {
    struct reader end = {.left = vch_str_sub(bytes, bytes.len < CRC_LEN ? 0 : bytes.len - CRC_LEN, CRC_LEN)};
    struct vch_str body = vch_str_sub(bytes, 0, bytes.len < CRC_LEN ? 0 : bytes.len - CRC_LEN);
    if (take_number(&end, CRC_LEN) != vch_crc32c(body) || end.failed) return broken(diag, "is damaged: its check does not hold");
    return read_parts(body, ret, diag);
}

static enum vch_err decode(struct vch_str text, struct vch_arena *arena, struct vch_claim_text *ret, struct vch_diag *diag) {
    struct vch_buf buf;
    vch_buf_init_secret(&buf, VCH_CLAIM_TEXT_MAX);
    enum vch_err err = vch_unbase45(vch_str_sub(text, PREFIX.len, SIZE_MAX), &buf);
    struct vch_str bytes = vch_arena_str(arena, vch_str_of(buf.ptr, buf.len));
    bool whole = !buf.failed && bytes.ptr;
    vch_buf_deinit(&buf);
    if (err) return broken(diag, "is damaged, or not in the letters it was written in");
    return whole ? read_bytes(bytes, ret, diag) : VCH_ERR_NOMEM;
}

enum vch_err vch_claim_text_decode(struct vch_str text, struct vch_arena *arena, struct vch_claim_text *ret,
                                   struct vch_diag *diag) {
    *ret = (struct vch_claim_text){.mqtt_port = 0};
    while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r')) text.len--;
    if (text.len > VCH_CLAIM_TEXT_MAX)
        return vch_diag_set(diag, VCH_ERR_TOO_LARGE, "claim-text", "claim", "The claim text is longer than %d characters.",
                            VCH_CLAIM_TEXT_MAX);
    if (!vch_claim_text_is(text)) return broken(diag, "does not begin as one");
    if (!vch_str_starts(text, VCH_STR("VCH"))) return broken(diag, "is in small letters, and was written in capital ones");
    if (!vch_str_starts(text, PREFIX)) return broken(diag, "is of a later form than this program knows");
    return decode(text, arena, ret, diag);
}
