#include "http/answer_priv.h"

#include "base/clock.h"
#include "http/head_priv.h"

#include <http_parser.h>
#include <stdio.h>

static bool headers_are_sound(const struct vch_http_header *headers, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!vch_http_is_token(headers[i].name) || !vch_http_is_field_value(headers[i].value)) return false;
    return true;
}

/* RFC 9110 5.6.7; 1970-01-01 was a Thursday. */
static void put_date(int64_t now_ms, struct vch_buf *buf) {
    static const char days[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct vch_utc t = vch_time_to_utc(now_ms);
    vch_buf_printf(buf, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[now_ms / 86400000 % 7], t.day,
                   months[t.month - 1], t.year, t.hour, t.minute, t.second);
}

static void put_header(struct vch_str name, struct vch_str value, struct vch_buf *buf) {
    vch_buf_str(buf, name);
    vch_buf_c(buf, ": ");
    vch_buf_str(buf, value);
    vch_buf_c(buf, "\r\n");
}

bool vch_http_answer_has_body(const struct vch_http_answer *answer) {
    return answer->status != 204 && answer->status != 304;
}

/* `framing`: the line that says where the body ends, or "". */
static bool put_head(const struct vch_http_answer *answer, const char *framing, const char *server_name, int64_t now_ms,
                     struct vch_buf *buf) {
    if (!vch_http_is_field_value(vch_str_from(answer->content_type))) return false;
    if (!headers_are_sound(answer->headers, answer->header_count)) return false;
    vch_buf_printf(buf, "HTTP/1.1 %d %s\r\n", answer->status, http_status_str((enum http_status)answer->status));
    put_date(now_ms, buf);
    if (server_name) put_header(VCH_STR("Server"), vch_str_from(server_name), buf);
    if (answer->content_type) put_header(VCH_STR("Content-Type"), vch_str_from(answer->content_type), buf);
    vch_buf_c(buf, framing);
    for (size_t i = 0; i < answer->header_count; i++)
        put_header(answer->headers[i].name, answer->headers[i].value, buf);
    return true;
}

bool vch_http_answer_head(const struct vch_http_answer *answer, bool keep_alive, const char *server_name,
                          int64_t now_ms, struct vch_buf *buf) {
    char framing[48] = "";
    if (vch_http_answer_has_body(answer)) (void)snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", answer->body.len);
    if (!put_head(answer, framing, server_name, now_ms, buf)) return false;
    vch_buf_c(buf, keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
    return true;
}

bool vch_http_stream_head(const struct vch_http_answer *answer, bool chunked, const char *server_name, int64_t now_ms,
                          struct vch_buf *buf) {
    if (!put_head(answer, chunked ? "Transfer-Encoding: chunked\r\n" : "", server_name, now_ms, buf)) return false;
    vch_buf_c(buf, "Connection: close\r\n\r\n");
    return true;
}

bool vch_http_upgrade_head(const struct vch_http_header *headers, size_t count, int64_t now_ms, struct vch_buf *buf) {
    if (!headers_are_sound(headers, count)) return false;
    vch_buf_c(buf, "HTTP/1.1 101 Switching Protocols\r\n");
    put_date(now_ms, buf);
    for (size_t i = 0; i < count; i++) put_header(headers[i].name, headers[i].value, buf);
    vch_buf_c(buf, "Connection: Upgrade\r\n\r\n");
    return true;
}
