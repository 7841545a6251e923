/* Numbers, dates, truth values and networks, as conditions write them. */
#include <arpa/inet.h>
#include <string.h>

#include "base/clock.h"
#include "core/policy_priv.h"

/* Up to 15 digits in all, so that a double holds them exactly; no exponent. */
enum vch_err vch_pol_number(struct vch_str s, double *ret) {
    size_t i = s.len > 0 && s.ptr[0] == '-' ? 1 : 0;
    size_t start = i;
    double value = 0;
    double scale = 0;
    for (; i < s.len; i++) {
        char c = s.ptr[i];
        bool point = c == '.' && scale < 1 && i > start && i + 1 < s.len;
        if (point)
            scale = 1;
        else if (c < '0' || c > '9')
            return VCH_ERR_MALFORMED;
        else
            value = value * 10 + (c - '0');
        if (!point) scale *= 10;
    }
    if (i == start || i - start - (scale >= 1) > 15) return VCH_ERR_MALFORMED;
    if (scale >= 1) value /= scale;
    *ret = start ? -value : value;
    return VCH_OK;
}

enum vch_err vch_pol_bool(struct vch_str s, bool *ret) {
    *ret = vch_str_ieq(s, VCH_STR("true"));
    return *ret || vch_str_ieq(s, VCH_STR("false")) ? VCH_OK : VCH_ERR_MALFORMED;
}

/* ---- dates: W3C's profile of ISO 8601 ---- */

/* Exactly `digits` digits, moved past. */
static bool take_digits(struct vch_str *s, size_t digits, int *ret) {
    int value = 0;
    if (s->len < digits) return false;
    for (size_t i = 0; i < digits; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9') return false;
        value = value * 10 + (s->ptr[i] - '0');
    }
    *s = vch_str_of(s->ptr + digits, s->len - digits);
    *ret = value;
    return true;
}

static bool take_char(struct vch_str *s, char c) {
    if (s->len == 0 || s->ptr[0] != c) return false;
    *s = vch_str_of(s->ptr + 1, s->len - 1);
    return true;
}

static bool take_fraction(struct vch_str *s, int *ret_ms) {
    int digit;
    int weight = 100;
    if (!take_char(s, '.')) return true;
    if (!take_digits(s, 1, &digit)) return false;
    do {
        *ret_ms += digit * weight;
        weight /= 10;
    } while (take_digits(s, 1, &digit));
    return true;
}

static bool take_zone(struct vch_str *s, int *ret_minutes) {
    int hours;
    int minutes;
    if (take_char(s, 'Z')) return true;
    int sign = take_char(s, '+') ? 1 : take_char(s, '-') ? -1 : 0;
    if (sign == 0 || !take_digits(s, 2, &hours) || !take_char(s, ':') || !take_digits(s, 2, &minutes)) return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return hours < 24 && minutes < 60;
}

static bool take_day(struct vch_str *s, struct vch_utc *utc) {
    if (!take_digits(s, 4, &utc->year)) return false;
    if (take_char(s, '-') && !take_digits(s, 2, &utc->month)) return false;
    if (utc->month && take_char(s, '-') && !take_digits(s, 2, &utc->day)) return false;
    return true;
}

static bool take_time(struct vch_str *s, struct vch_utc *utc, int *zone_minutes) {
    if (!take_char(s, 'T')) return true;
    if (!take_digits(s, 2, &utc->hour) || !take_char(s, ':') || !take_digits(s, 2, &utc->minute)) return false;
    if (take_char(s, ':') && (!take_digits(s, 2, &utc->second) || !take_fraction(s, &utc->ms))) return false;
    return take_zone(s, zone_minutes);
}

static bool in_range(const struct vch_utc *utc) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (utc->year % 4 == 0 && utc->year % 100 != 0) || utc->year % 400 == 0;
    if (utc->month < 1 || utc->month > 12 || utc->hour > 23 || utc->minute > 59 || utc->second > 59) return false;
    return utc->day >= 1 && utc->day <= days[utc->month - 1] + (utc->month == 2 && leap ? 1 : 0);
}

static enum vch_err parse_epoch(struct vch_str s, int64_t *ret_ms) {
    int64_t seconds;
    VCH_TRY(vch_str_int(s, &seconds));
    if (seconds < 0 || seconds > INT64_C(253402300799)) return VCH_ERR_MALFORMED; /* the end of 9999 */
    *ret_ms = seconds * 1000;
    return VCH_OK;
}

enum vch_err vch_pol_date(struct vch_str s, int64_t *ret_ms) {
    struct vch_utc utc = {.month = 1, .day = 1};
    int zone_minutes = 0;
    struct vch_str rest = s;
    if (s.len > 4 && parse_epoch(s, ret_ms) == VCH_OK) return VCH_OK;
    if (!take_day(&rest, &utc) || !take_time(&rest, &utc, &zone_minutes) || rest.len != 0 || !in_range(&utc))
        return VCH_ERR_MALFORMED;
    *ret_ms = vch_time_from_utc(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second) + utc.ms -
              (int64_t)zone_minutes * 60000;
    return VCH_OK;
}

/* ---- networks ---- */

/* An IPv4 address inside IPv6 (RFC 4291 2.5.5.2) is an IPv4 address. */
static void unmap(struct vch_pol_net *net) {
    static const uint8_t prefix[12] = {[10] = 0xFF, [11] = 0xFF};
    if (net->v4 || memcmp(net->bytes, prefix, sizeof prefix) != 0) return;
    memmove(net->bytes, net->bytes + 12, 4);
    memset(net->bytes + 4, 0, 12);
    net->v4 = true;
}

static bool parse_address(struct vch_str s, struct vch_pol_net *net) {
    char text[INET6_ADDRSTRLEN];
    if (vch_str_find(s, '\0', 0) != SIZE_MAX || !vch_str_copy(text, sizeof text, s)) return false;
    net->v4 = inet_pton(AF_INET, text, net->bytes) == 1;
    return net->v4 || inet_pton(AF_INET6, text, net->bytes) == 1;
}

enum vch_err vch_pol_net(struct vch_str s, struct vch_pol_net *ret) {
    struct vch_pol_net net;
    size_t slash = vch_str_find(s, '/', 0);
    struct vch_str address = vch_str_sub(s, 0, slash);
    memset(&net, 0, sizeof net);
    if (!parse_address(address, &net)) return VCH_ERR_MALFORMED;
    int64_t bits = net.v4 ? 32 : 128;
    int64_t max = bits;
    if (slash != SIZE_MAX) VCH_TRY(vch_str_int(vch_str_sub(s, slash + 1, SIZE_MAX), &bits));
    if (bits < 0 || bits > max) return VCH_ERR_MALFORMED;
    if (max == 128 && bits >= 96) unmap(&net);
    net.bits = (uint8_t)(max == 128 && net.v4 ? bits - 96 : bits);
    *ret = net;
    return VCH_OK;
}

bool vch_pol_net_holds(const struct vch_pol_net *net, const struct vch_pol_net *address) {
    if (net->v4 != address->v4) return false;
    size_t whole = net->bits / 8u;
    unsigned rest = net->bits % 8u;
    if (memcmp(net->bytes, address->bytes, whole) != 0) return false;
    return rest == 0 || (net->bytes[whole] ^ address->bytes[whole]) >> (8u - rest) == 0;
}
