#include "base/codec.h"
#include "http/websocket.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

static size_t count_of(const struct vch_http_request *request, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++)
        count += vch_str_ieq(request->headers[i].name, vch_str_from(name));
    return count;
}

/* A member of a comma-separated list that may stand in several headers of the name. */
static bool lists(const struct vch_http_request *request, const char *name, const char *wanted, bool fold) {
    for (size_t i = 0; i < request->header_count; i++) {
        if (!vch_str_ieq(request->headers[i].name, vch_str_from(name))) continue;
        struct vch_str rest = request->headers[i].value, part;
        while (vch_str_split(&rest, ',', &part)) {
            part = vch_str_trim(part);
            if (fold ? vch_str_ieq(part, vch_str_from(wanted)) : vch_str_eq_c(part, wanted)) return true;
        }
    }
    return false;
}

/* RFC 6455 4.2.1: sixteen bytes in base64, once. */
static bool key_is_sound(const struct vch_http_request *request) {
    struct vch_str key = vch_http_header_get(request, "Sec-WebSocket-Key");
    struct vch_buf bytes;
    vch_buf_init(&bytes, 64);
    bool sound = count_of(request, "Sec-WebSocket-Key") == 1 && key.len == 24 &&
                 vch_unbase64(key, &bytes) == VCH_OK && bytes.len == 16 && !bytes.failed;
    vch_buf_deinit(&bytes);
    return sound;
}

/* RFC 6455 4.2.2: no secret, only proof that the key was understood. */
static bool accept_value(struct vch_str key, char ret[VCH_WS_ACCEPT]) {
    char text[64];
    unsigned char digest[SHA_DIGEST_LENGTH];
    struct vch_buf buf;
    struct vch_str value;
    int len = snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", VCH_STR_ARG(key));
    (void)SHA1((const unsigned char *)text, (size_t)len, digest);
    vch_buf_init(&buf, VCH_WS_ACCEPT);
    vch_base64(vch_str_of(digest, sizeof digest), &buf);
    bool ok = vch_buf_finish(&buf, &value) == VCH_OK && vch_str_copy(ret, VCH_WS_ACCEPT, value);
    vch_buf_deinit(&buf);
    return ok;
}

static int refuse(int status, const char *why, const char **ret_why) {
    *ret_why = why;
    return status;
}

int vch_ws_check(const struct vch_http_request *request, const char *protocol, char ret_accept[VCH_WS_ACCEPT],
                 const char **ret_why) {
    if (!vch_str_eq_c(request->method, "GET")) return refuse(405, "A WebSocket begins with GET.", ret_why);
    if (!lists(request, "Upgrade", "websocket", true) || !lists(request, "Connection", "upgrade", true))
        return refuse(426, "This address serves WebSockets.", ret_why);
    if (count_of(request, "Sec-WebSocket-Version") != 1 ||
        !vch_str_eq_c(vch_http_header_get(request, "Sec-WebSocket-Version"), "13"))
        return refuse(426, "WebSocket version 13 is needed.", ret_why);
    if (!request->http11) return refuse(400, "A WebSocket begins with HTTP/1.1.", ret_why);
    /* Whoever disagrees about where this request ends would see frames as requests, or requests as frames. */
    if (request->body.len || count_of(request, "Content-Length") || count_of(request, "Transfer-Encoding"))
        return refuse(400, "The request for a WebSocket has no body.", ret_why);
    if (!key_is_sound(request)) return refuse(400, "Sec-WebSocket-Key is not sixteen bytes in base64.", ret_why);
    if (!lists(request, "Sec-WebSocket-Protocol", protocol, false))
        return refuse(400, "The subprotocol is not offered.", ret_why); /* [MQTT-6.0.0-3] */
    if (accept_value(vch_http_header_get(request, "Sec-WebSocket-Key"), ret_accept)) return 0;
    return refuse(503, "Memory is short.", ret_why);
}

size_t vch_ws_refusal_headers(int status, struct vch_http_header ret[2]) {
    if (status == 405) {
        ret[0] = (struct vch_http_header){VCH_STR("Allow"), VCH_STR("GET")};
        return 1;
    }
    if (status != 426) return 0;
    ret[0] = (struct vch_http_header){VCH_STR("Upgrade"), VCH_STR("websocket")};
    ret[1] = (struct vch_http_header){VCH_STR("Sec-WebSocket-Version"), VCH_STR("13")};
    return 2;
}

struct vch_conn *vch_ws_accept(struct vch_http_exchange *x, const char *accept, const char *protocol, size_t frame_max) {
    const struct vch_http_header headers[] = {{VCH_STR("Upgrade"), VCH_STR("websocket")},
                                              {VCH_STR("Sec-WebSocket-Accept"), vch_str_from(accept)},
                                              {VCH_STR("Sec-WebSocket-Protocol"), vch_str_from(protocol)}};
    struct vch_ws *ws = NULL;
    if (vch_ws_new(frame_max, &ws) != VCH_OK) {
        const struct vch_http_answer busy = {.status = 503, .close = true};
        vch_http_reply(x, &busy);
        return NULL;
    }
    struct vch_conn *conn = vch_http_upgrade(x, headers, sizeof headers / sizeof *headers, &vch_ws_filter, ws);
    if (!conn) vch_ws_filter.free(ws);
    return conn;
}
