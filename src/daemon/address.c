#include <arpa/inet.h>

#include "daemon/config.h"

struct parts {
    char host[64];
    int64_t port;
    bool v6;
};

static bool split(struct vch_str address, struct parts *parts) {
    parts->v6 = address.len && address.ptr[0] == '[';
    size_t colon = address.len;
    while (colon > 0 && address.ptr[colon - 1] != ':') colon--;
    if (!colon) return false;
    struct vch_str host = vch_str_sub(address, 0, colon - 1), port = vch_str_sub(address, colon, SIZE_MAX);
    if (parts->v6) {
        if (host.len < 2 || host.ptr[host.len - 1] != ']') return false;
        host = vch_str_sub(host, 1, host.len - 2);
    }
    return port.len <= 5 && vch_str_int(port, &parts->port) == VCH_OK && parts->port >= 0 && parts->port <= 65535 &&
           vch_str_copy(parts->host, sizeof parts->host, host);
}

bool vch_address_valid(struct vch_str address) {
    struct parts parts;
    unsigned char ip[16];
    return split(address, &parts) && inet_pton(parts.v6 ? AF_INET6 : AF_INET, parts.host, ip) == 1;
}

bool vch_address_is_loopback(struct vch_str address) {
    struct parts parts;
    struct in_addr v4;
    struct in6_addr v6;
    if (!split(address, &parts)) return false;
    if (parts.v6) return inet_pton(AF_INET6, parts.host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
    return inet_pton(AF_INET, parts.host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}
