#include "agent/proxy.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/codec.h"

enum { USUAL_PORT = 3128, PART_MAX = 512 };

/* ---- the AWS client's file ---------------------------------------------- */

static enum vch_exit wrong(const char *member, const char *wanted, struct vch_outcome *outcome) {
    return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Correct the HTTP proxy file.",
                           "The member %s of the HTTP proxy file must be %s.", member, wanted);
}

/* The AWS client wants the number as a text. */
static bool port_of(const struct vch_val *val, int *ret) {
    int64_t port = 0;
    if (vch_val_is(val, VCH_VAL_INT))
        port = val->integer;
    else if (!vch_val_is(val, VCH_VAL_STR) || vch_str_int(val->str, &port) != VCH_OK)
        return false;
    *ret = (int)port;
    return port > 0 && port < 65536;
}

enum vch_exit vch_proxy_read(const struct vch_val *document, struct vch_proxy *ret, struct vch_outcome *outcome) {
    *ret = (struct vch_proxy){.port = 0};
    if (!vch_val_bool_at(document, "http-proxy-enabled", false)) return VCH_EXIT_OK;
    struct vch_str method = vch_val_str_at(document, "http-proxy-auth-method");
    struct vch_str host = vch_val_str_at(document, "http-proxy-host");
    if (host.len == 0) return wrong("http-proxy-host", "a host name or an address", outcome);
    if (!port_of(vch_val_get(document, "http-proxy-port"), &ret->port))
        return wrong("http-proxy-port", "a port", outcome);
    bool named = vch_str_eq_c(method, "UserNameAndPassword");
    if (!named && method.len && !vch_str_eq_c(method, "None"))
        return wrong("http-proxy-auth-method", "UserNameAndPassword or None", outcome);
    if (named || method.len == 0) {
        ret->user = vch_val_str_at(document, "http-proxy-username");
        ret->password = vch_val_str_at(document, "http-proxy-password");
    }
    if (named && ret->user.len == 0) return wrong("http-proxy-username", "a user name", outcome);
    ret->host = host;
    return VCH_EXIT_OK;
}

/* ---- URLs --------------------------------------------------------------- */

static bool decode(struct vch_str text, struct vch_arena *arena, struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str plain;
    vch_buf_init_secret(&buf, PART_MAX);
    bool ok = vch_unpercent(text, &buf) == VCH_OK && vch_buf_finish(&buf, &plain) == VCH_OK;
    if (ok) *ret = vch_arena_str(arena, plain);
    vch_buf_deinit(&buf);
    return ok;
}

static bool take_credentials(struct vch_str *rest, struct vch_arena *arena, struct vch_proxy *ret) {
    size_t at = SIZE_MAX;
    for (size_t i = 0; i < rest->len; i++)
        if (rest->ptr[i] == '@') at = i; /* the last: people write passwords as they are */
    if (at == SIZE_MAX) return true;
    struct vch_str pair = vch_str_sub(*rest, 0, at);
    size_t colon = vch_str_find(pair, ':', 0);
    *rest = vch_str_sub(*rest, at + 1, SIZE_MAX);
    if (colon == SIZE_MAX) return decode(pair, arena, &ret->user);
    return decode(vch_str_sub(pair, 0, colon), arena, &ret->user) &&
           decode(vch_str_sub(pair, colon + 1, SIZE_MAX), arena, &ret->password);
}

/* "host", "host:port", "[v6]", "[v6]:port". */
static bool take_host(struct vch_str text, struct vch_arena *arena, struct vch_proxy *ret) {
    int64_t port = USUAL_PORT;
    struct vch_str host = text, tail = VCH_STR("");
    if (text.len && text.ptr[0] == '[') {
        size_t close = vch_str_find(text, ']', 0);
        if (close == SIZE_MAX) return false;
        host = vch_str_sub(text, 1, close - 1);
        tail = vch_str_sub(text, close + 1, SIZE_MAX);
    } else if (vch_str_find(text, ':', 0) != SIZE_MAX) {
        size_t colon = vch_str_find(text, ':', 0);
        host = vch_str_sub(text, 0, colon);
        tail = vch_str_sub(text, colon, SIZE_MAX);
    }
    if (tail.len && (tail.ptr[0] != ':' || vch_str_int(vch_str_sub(tail, 1, SIZE_MAX), &port) != VCH_OK)) return false;
    ret->host = vch_arena_str(arena, host);
    ret->port = (int)port;
    return host.len > 0 && host.len < 256 && port > 0 && port < 65536 && vch_str_find(host, '/', 0) == SIZE_MAX;
}

static bool parse(struct vch_str url, struct vch_arena *arena, struct vch_proxy *ret) {
    static const struct vch_str http = {"http://", 7};
    *ret = (struct vch_proxy){.port = 0};
    url = vch_str_trim(url);
    if (vch_str_ieq(vch_str_sub(url, 0, http.len), http)) url = vch_str_sub(url, http.len, SIZE_MAX);
    if (!take_credentials(&url, arena, ret)) return false;
    while (url.len && url.ptr[url.len - 1] == '/') url.len--;
    return take_host(url, arena, ret);
}

/* The value is not repeated: it may hold a password. */
enum vch_exit vch_proxy_parse(struct vch_str url, const char *variable, struct vch_arena *arena, struct vch_proxy *ret,
                              struct vch_outcome *outcome) {
    if (parse(url, arena, ret)) return VCH_EXIT_OK;
    *ret = (struct vch_proxy){.port = 0};
    return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Give it as http://USER:PASSWORD@HOST:PORT, or as HOST:PORT.",
                           "The variable %s does not name an HTTP proxy.", variable);
}

enum vch_exit vch_proxy_from_environment(struct vch_arena *arena, struct vch_proxy *ret, struct vch_outcome *outcome) {
    static const char *const names[] = {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"};
    *ret = (struct vch_proxy){.port = 0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *url = getenv(names[i]);
        if (url && *url) return vch_proxy_parse(vch_str_from(url), names[i], arena, ret, outcome);
    }
    return VCH_EXIT_OK;
}

/* ---- exceptions --------------------------------------------------------- */

static bool covers(struct vch_str entry, struct vch_str host) {
    while (entry.len && (entry.ptr[0] == '.' || (entry.len > 1 && entry.ptr[0] == '*')))
        entry = vch_str_sub(entry, 1, SIZE_MAX);
    if (entry.len > 1 && entry.ptr[0] == '[' && entry.ptr[entry.len - 1] == ']')
        entry = vch_str_sub(entry, 1, entry.len - 2);
    if (entry.len == 0 || entry.len > host.len) return false;
    size_t before = host.len - entry.len;
    if (vch_str_eq_c(entry, "*") || !vch_str_ieq(vch_str_sub(host, before, SIZE_MAX), entry))
        return vch_str_eq_c(entry, "*");
    return before == 0 || host.ptr[before - 1] == '.';
}

bool vch_proxy_is_bypassed(struct vch_str list, struct vch_str host) {
    struct vch_str word, entry;
    while (host.len && host.ptr[host.len - 1] == '.') host.len--;
    while (vch_str_split(&list, ',', &word))
        for (struct vch_str rest = word; vch_str_split(&rest, ' ', &entry);)
            if (covers(vch_str_trim(entry), host)) return true;
    return false;
}

bool vch_proxy_is_unwanted(struct vch_str host) {
    const char *list = getenv("NO_PROXY");
    if (!list || !*list) list = getenv("no_proxy");
    return vch_proxy_is_bypassed(vch_str_from(list), host);
}
