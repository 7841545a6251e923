#include "agent/pair_url.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"

static enum vch_err refuse(struct vch_diag *diag, const char *why) {
    return vch_diag_set(diag, VCH_ERR_INVALID, "pair-url-invalid", "pair", "%s", why);
}

static bool is_host(struct vch_str s, bool bracketed) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!plain && c != '.' && c != '-' && c != '_' && !(bracketed && c == ':')) return false;
    }
    return s.len > 0;
}

/* "host", "host:port", "[address]", "[address]:port". */
static enum vch_err read_authority(struct vch_str text, struct vch_pair_url *ret, struct vch_diag *diag) {
    bool bracketed = text.len && text.ptr[0] == '[';
    size_t end = bracketed ? vch_str_find(text, ']', 0) : vch_str_find(text, ':', 0);
    struct vch_str host = bracketed ? vch_str_sub(text, 1, end == SIZE_MAX ? 0 : end - 1) : vch_str_sub(text, 0, end);
    struct vch_str tail = end == SIZE_MAX ? VCH_STR("") : vch_str_sub(text, end + bracketed, text.len);
    int64_t port = 443;
    if (!is_host(host, bracketed) || !vch_str_copy(ret->host, sizeof ret->host, host))
        return refuse(diag, "The address of the server has no host name.");
    if (tail.len && (tail.ptr[0] != ':' || vch_str_int(vch_str_sub(tail, 1, tail.len), &port) != VCH_OK || port < 1 ||
                     port > 65535))
        return refuse(diag, "The port in the address of the server is not valid.");
    ret->port = (uint16_t)port;
    return VCH_OK;
}

/* 64 digits, as openssl prints them with colons, too. */
static enum vch_err read_digest(struct vch_str text, struct vch_pair_url *ret, struct vch_diag *diag) {
    char digits[65];
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ':') continue;
        if (len == 64) return refuse(diag, "The digest of the root certificate is not SHA-256.");
        digits[len++] = text.ptr[i];
    }
    if (len != 64 || vch_unhex(vch_str_of(digits, len), ret->root_sha256, sizeof ret->root_sha256) != VCH_OK)
        return refuse(diag, "The digest of the root certificate is not SHA-256.");
    ret->pinned = true;
    return VCH_OK;
}

enum vch_err vch_pair_url_parse(struct vch_str text, struct vch_pair_url *ret, struct vch_diag *diag) {
    static const struct vch_str scheme = {"https://", 8}, digest = {"sha256=", 7};
    *ret = (struct vch_pair_url){.port = 443};
    if (!vch_str_starts(text, scheme)) return refuse(diag, "The address of the server does not begin with https://.");
    struct vch_str rest = vch_str_sub(text, scheme.len, text.len);
    size_t mark = vch_str_find(rest, '#', 0);
    struct vch_str fragment = mark == SIZE_MAX ? VCH_STR("") : vch_str_sub(rest, mark + 1, rest.len);
    rest = vch_str_sub(rest, 0, mark);
    size_t slash = vch_str_find(rest, '/', 0);
    struct vch_str path = slash == SIZE_MAX ? VCH_STR("") : vch_str_sub(rest, slash, rest.len);
    if (path.len && !vch_str_eq_c(path, "/") && !vch_str_eq_c(path, "/install"))
        return refuse(diag, "The address of the server has a path.");
    VCH_TRY(read_authority(vch_str_sub(rest, 0, slash), ret, diag));
    if (mark == SIZE_MAX) return VCH_OK;
    if (!vch_str_starts(fragment, digest)) return refuse(diag, "Behind # belongs sha256= and a digest.");
    return read_digest(vch_str_sub(fragment, digest.len, fragment.len), ret, diag);
}

struct vch_str vch_pair_url_page(const struct vch_pair_url *url, struct vch_arena *arena) {
    char port[8] = "";
    bool bare_v6 = strchr(url->host, ':') != NULL;
    if (url->port != 443) (void)snprintf(port, sizeof port, ":%u", url->port);
    return vch_arena_printf(arena, bare_v6 ? "https://[%s]%s/install" : "https://%s%s/install", url->host, port);
}
