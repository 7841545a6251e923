#include "core/names.h"

#include "core/arn.h"

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Letters, digits and the characters of `more`, within the bounds. */
static bool made_of(struct vch_str s, const char *more, size_t min, size_t max) {
    if (s.len < min || s.len > max) return false;
    struct vch_str extra = vch_str_from(more);
    for (size_t i = 0; i < s.len; i++)
        if (!is_alnum(s.ptr[i]) && vch_str_find(extra, s.ptr[i], 0) == SIZE_MAX) return false;
    return true;
}

bool vch_thing_name_valid(struct vch_str s) {
    return made_of(s, ":_-", 1, VCH_THING_NAME_MAX);
}

bool vch_policy_name_valid(struct vch_str s) {
    return made_of(s, "_+=,.@-", 1, VCH_POLICY_NAME_MAX);
}

bool vch_template_name_valid(struct vch_str s) {
    return made_of(s, "_-", 1, VCH_TEMPLATE_NAME_MAX);
}

bool vch_certificate_id_valid(struct vch_str s) {
    if (s.len != VCH_CERTIFICATE_ID_LEN) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_hex(s.ptr[i])) return false;
    return true;
}

bool vch_attribute_name_valid(struct vch_str s) {
    return made_of(s, "_.,@/:#-", 1, 128);
}

bool vch_attribute_value_valid(struct vch_str s) {
    return made_of(s, "_.,@/:#=[]-", 0, 800);
}

bool vch_role_arn_valid(struct vch_str s) {
    struct vch_arn_parts parts;
    if (s.len < 20 || s.len > 2048 || !vch_text_valid(s, 2048)) return false;
    if (vch_arn_parse(s, &parts) != VCH_OK) return false;
    return vch_str_eq_c(parts.service, "iam") && parts.region.len == 0 && vch_account_valid(parts.account) &&
           vch_str_starts(parts.resource, VCH_STR("role/")) && parts.resource.len > 5;
}

/* Letters of other scripts count as letters. */
static bool tag_text(struct vch_str s, size_t max) {
    if (!vch_text_valid(s, max)) return false;
    struct vch_str extra = VCH_STR(" _.:/=+-@");
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x80 && !is_alnum(s.ptr[i]) && vch_str_find(extra, s.ptr[i], 0) == SIZE_MAX) return false;
    return true;
}

bool vch_tag_key_valid(struct vch_str s) {
    bool reserved = vch_str_ieq(vch_str_sub(s, 0, 4), VCH_STR("aws:"));
    return s.len > 0 && !reserved && tag_text(s, 128);
}

bool vch_tag_value_valid(struct vch_str s) {
    return tag_text(s, 256);
}

bool vch_user_name_valid(struct vch_str s) {
    return made_of(s, "_+=,.@-", 1, 64);
}

bool vch_account_valid(struct vch_str s) {
    if (s.len != 12) return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_digit(s.ptr[i])) return false;
    return true;
}

bool vch_region_valid(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z') return false;
    return made_of(s, "-", 1, 32);
}

/* C0, DEL, and C1, which UTF-8 writes as C2 80 to C2 9F. */
static bool is_control(struct vch_str s, size_t i) {
    unsigned char c = (unsigned char)s.ptr[i];
    if (c < 0x20 || c == 0x7F) return true;
    return c == 0xC2 && (unsigned char)s.ptr[i + 1] < 0xA0;
}

static bool within(uint32_t c, uint32_t first, uint32_t last) {
    return c >= first && c <= last;
}

static bool is_unseen(uint32_t c) {
    return c == 0x061C || c == 0x200B || within(c, 0x200E, 0x200F) || within(c, 0x2028, 0x202E) || within(c, 0x2060, 0x2064) ||
           within(c, 0x2066, 0x2069) || c == 0xFEFF;
}

size_t vch_text_unseen(struct vch_str s, size_t at) {
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    size_t left = s.len - at;
    if (*p < 0x20 || *p == 0x7F) return 1;
    if (left >= 2 && within(*p, 0xC2, 0xDF)) {
        uint32_t c = (*p & 0x1Fu) << 6 | (p[1] & 0x3Fu);
        return within(c, 0x80, 0x9F) || is_unseen(c) ? 2 : 0;
    }
    if (left < 3 || (*p & 0xF0) != 0xE0) return 0;
    return is_unseen((*p & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu)) ? 3 : 0;
}

bool vch_text_seen(struct vch_str s, size_t max) {
    for (size_t i = 0; i < s.len; i++)
        if (vch_text_unseen(s, i)) return false;
    return vch_text_valid(s, max);
}

bool vch_text_valid(struct vch_str s, size_t max) {
    if (!vch_utf8_valid(s)) return false;
    size_t characters = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (((unsigned char)s.ptr[i] & 0xC0) == 0x80) continue;
        if (is_control(s, i)) return false;
        characters++;
    }
    return characters <= max;
}
