#include "net/dial_priv.h"

#include "base/buf.h"
#include "base/codec.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { REQUEST_MAX = 2048, ANSWER_MAX = 8192 };

/* The proxy reads lines: what would end one has no place in it. */
static bool is_line_safe(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7F) return false;
    return true;
}

static void write_host(const struct vch_dial_options *options, struct vch_buf *buf) {
    bool bare_v6 = vch_str_find(options->host, ':', 0) != SIZE_MAX;
    vch_buf_printf(buf, bare_v6 ? "[%.*s]:%u" : "%.*s:%u", VCH_STR_ARG(options->host), (unsigned)options->port);
}

static void write_credentials(const struct vch_dial_proxy *proxy, struct vch_buf *buf) {
    struct vch_buf pair;
    vch_buf_init_secret(&pair, REQUEST_MAX);
    vch_buf_str(&pair, proxy->user);
    vch_buf_u8(&pair, ':');
    vch_buf_str(&pair, proxy->password);
    vch_buf_c(buf, "\r\nProxy-Authorization: Basic ");
    vch_base64(vch_str_of(pair.ptr, pair.len), buf);
    if (pair.failed) buf->failed = true;
    vch_buf_deinit(&pair);
}

static enum vch_err write_request(const struct vch_dial_options *options, struct vch_buf *buf, struct vch_diag *diag) {
    struct vch_str text;
    const struct vch_dial_proxy *proxy = &options->proxy;
    vch_buf_c(buf, "CONNECT ");
    write_host(options, buf);
    vch_buf_c(buf, " HTTP/1.1\r\nHost: ");
    write_host(options, buf);
    if (proxy->user.len) write_credentials(proxy, buf);
    vch_buf_c(buf, "\r\n\r\n");
    if (is_line_safe(options->host) && is_line_safe(proxy->user) && is_line_safe(proxy->password) &&
        vch_str_find(proxy->user, ':', 0) == SIZE_MAX && vch_buf_finish(buf, &text) == VCH_OK)
        return VCH_OK;
    return vch_diag_set(diag, VCH_ERR_INVALID, "proxy-invalid", "proxy",
                        "The proxy's user name or password, or the host, cannot be sent to a proxy.");
}

static enum vch_err late(struct vch_diag *diag) {
    return vch_diag_set(diag, VCH_ERR_TIMEOUT, "proxy-timeout", "proxy", "The HTTP proxy did not answer in time.");
}

static enum vch_err lost(struct vch_diag *diag, const char *why) {
    return vch_diag_set(diag, VCH_ERR_IO, "proxy-lost", "proxy", "The HTTP proxy closed the connection%s%s.",
                        why ? ": " : "", why ? why : "");
}

static enum vch_err send_all(int fd, struct vch_str bytes, int64_t deadline_ms, struct vch_diag *diag) {
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n > 0)
            bytes = vch_str_sub(bytes, (size_t)n, bytes.len);
        else if (errno != EAGAIN && errno != EINTR)
            return lost(diag, strerror(errno));
        else if (!vch_dial_wait(fd, POLLOUT, deadline_ms))
            return late(diag);
    }
    return VCH_OK;
}

/* Up to the empty line and not a byte more: what follows belongs to the server. */
static enum vch_err read_head(int fd, char *head, size_t *ret_len, int64_t deadline_ms, struct vch_diag *diag) {
    size_t len = 0;
    while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0) {
        if (len == ANSWER_MAX)
            return vch_diag_set(diag, VCH_ERR_UNAVAILABLE, "proxy-answer", "proxy",
                                "The HTTP proxy's answer is longer than 8 KiB.");
        ssize_t n = recv(fd, head + len, 1, 0);
        if (n > 0)
            len += (size_t)n;
        else if (n == 0)
            return lost(diag, NULL);
        else if (errno != EAGAIN && errno != EINTR)
            return lost(diag, strerror(errno));
        else if (!vch_dial_wait(fd, POLLIN, deadline_ms))
            return late(diag);
    }
    *ret_len = len;
    return VCH_OK;
}

/* RFC 9112 4: "HTTP/1.1 200 words"; zero when it is something else. */
static int status_of(struct vch_str head, struct vch_str *ret_words) {
    struct vch_str line, version, number;
    int64_t status = 0;
    if (!vch_str_split(&head, '\r', &line) || !vch_str_split(&line, ' ', &version)) return 0;
    if (!vch_str_starts(version, VCH_STR("HTTP/1.")) || !vch_str_split(&line, ' ', &number)) return 0;
    *ret_words = is_line_safe(line) ? line : VCH_STR("");
    return number.len == 3 && vch_str_int(number, &status) == VCH_OK && status >= 100 ? (int)status : 0;
}

static enum vch_err judge(struct vch_str head, const struct vch_dial_options *options, struct vch_diag *diag) {
    struct vch_str words = VCH_STR("");
    int status = status_of(head, &words);
    if (status >= 200 && status < 300) return VCH_OK;
    if (status == 0)
        return vch_diag_set(diag, VCH_ERR_UNAVAILABLE, "proxy-answer", "proxy",
                            "What answers at the proxy's address is not an HTTP proxy.");
    if (status == 407)
        return vch_diag_set(diag, VCH_ERR_UNAUTHENTICATED, "proxy-credentials", "proxy",
                            options->proxy.user.len ? "The HTTP proxy does not accept these credentials."
                                                    : "The HTTP proxy wants a user name and password.");
    return vch_diag_set(diag, status >= 500 ? VCH_ERR_IO : VCH_ERR_UNAVAILABLE, "proxy-refused", "proxy",
                        "The HTTP proxy does not connect to %.*s port %u: %d %.*s.", VCH_STR_ARG(options->host),
                        (unsigned)options->port, status, (int)(words.len > 60 ? 60 : words.len), words.ptr);
}

enum vch_err vch_dial_through(int fd, const struct vch_dial_options *options, struct vch_diag *diag) {
    struct vch_buf request;
    char head[ANSWER_MAX];
    size_t len = 0;
    vch_buf_init_secret(&request, REQUEST_MAX);
    enum vch_err err = write_request(options, &request, diag);
    if (err == VCH_OK) err = send_all(fd, vch_str_of(request.ptr, request.len), options->deadline_ms, diag);
    vch_buf_deinit(&request);
    if (err == VCH_OK) err = read_head(fd, head, &len, options->deadline_ms, diag);
    return err == VCH_OK ? judge(vch_str_of(head, len), options, diag) : err;
}
