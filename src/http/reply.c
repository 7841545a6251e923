#include "http/reply.h"

#include <string.h>

enum phase { PHASE_HEAD, PHASE_LENGTH, PHASE_UNTIL_END, PHASE_SIZE, PHASE_CHUNK, PHASE_TRAILER, PHASE_OVER };

enum { LINE_MAX = 128 }; /* of a chunk's size and of a trailer field */

void vch_reply_init(struct vch_reply *reply, size_t body_max) {
    *reply = (struct vch_reply){.phase = PHASE_HEAD};
    vch_buf_init_secret(&reply->body, body_max);
    vch_buf_init(&reply->head, VCH_REPLY_HEAD_MAX);
}

void vch_reply_deinit(struct vch_reply *reply) {
    vch_buf_deinit(&reply->body);
    vch_buf_deinit(&reply->head);
}

static enum vch_reply_read bad(struct vch_reply *reply, const char *why) {
    reply->phase = PHASE_OVER;
    reply->why = why;
    return VCH_REPLY_BAD;
}

static enum vch_reply_read done(struct vch_reply *reply) {
    reply->phase = PHASE_OVER;
    return VCH_REPLY_DONE;
}

/* ---- the head --------------------------------------------------------------------- */

struct framing {
    unsigned lengths, codings;
    uint64_t length;
    bool chunked, close, minor_1;
};

/* RFC 9112 5.1: a name is a token, and nothing stands before its colon. */
static bool is_token(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!plain && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c))) return false;
    }
    return s.len > 0;
}

static bool is_text(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.ptr[i] < 0x20 && s.ptr[i] != '\t') || s.ptr[i] == 0x7f) return false;
    return true;
}

static bool read_number(struct vch_str s, uint64_t *ret) {
    int64_t number;
    if (s.len == 0 || s.len > 18 || s.ptr[0] == '-' || vch_str_int(s, &number) != VCH_OK) return false;
    *ret = (uint64_t)number;
    return true;
}

/* "HTTP/1.1 200 OK"; the reason may be empty, and older servers leave out its space. */
static bool read_status(struct vch_str line, struct vch_reply *reply, struct framing *f) {
    if (line.len < 12 || !vch_str_starts(line, VCH_STR("HTTP/1.")) || line.ptr[8] != ' ') return false;
    if (line.len > 12 && line.ptr[12] != ' ') return false;
    f->minor_1 = line.ptr[7] == '1';
    uint64_t status = 0;
    if ((!f->minor_1 && line.ptr[7] != '0') || !read_number(vch_str_sub(line, 9, 3), &status)) return false;
    reply->status = (int)status;
    return status >= 100 && status <= 599 && is_text(line);
}

static bool read_field(struct vch_str line, struct vch_reply *reply, struct framing *f) {
    size_t colon = vch_str_find(line, ':', 0);
    if (colon == SIZE_MAX) return false;
    struct vch_str name = vch_str_sub(line, 0, colon);
    struct vch_str value = vch_str_trim(vch_str_sub(line, colon + 1, line.len));
    if (!is_token(name) || !is_text(value)) return false;
    if (vch_str_ieq(name, VCH_STR("Content-Length"))) {
        f->lengths++;
        return read_number(value, &f->length);
    }
    if (vch_str_ieq(name, VCH_STR("Transfer-Encoding"))) {
        f->codings++;
        f->chunked = vch_str_ieq(value, VCH_STR("chunked"));
        return f->chunked;
    }
    if (vch_str_ieq(name, VCH_STR("Connection")) && !vch_str_ieq(value, VCH_STR("keep-alive"))) f->close = true;
    uint64_t seconds;
    if (vch_str_ieq(name, VCH_STR("Retry-After")) && read_number(value, &seconds) && seconds <= 86400)
        reply->retry_after_s = (int64_t)seconds;
    return true;
}

static bool next_line(struct vch_str *rest, struct vch_str *line) {
    size_t end = vch_str_find(*rest, '\n', 0);
    if (end == SIZE_MAX || end == 0 || rest->ptr[end - 1] != '\r') return false;
    *line = vch_str_sub(*rest, 0, end - 1);
    *rest = vch_str_sub(*rest, end + 1, rest->len);
    return true;
}

static bool read_lines(struct vch_str text, struct vch_reply *reply, struct framing *f) {
    struct vch_str line;
    unsigned fields = 0;
    if (!next_line(&text, &line) || !read_status(line, reply, f)) return false;
    while (next_line(&text, &line) && line.len)
        if (++fields > VCH_REPLY_FIELDS_MAX || !read_field(line, reply, f)) return false;
    return line.len == 0 && text.len == 0;
}

/* RFC 9112 6.3. */
static enum vch_reply_read choose_body(struct vch_reply *reply, const struct framing *f) {
    if (f->lengths > 1 || f->codings > 1 || (f->lengths && f->codings) || (f->codings && !f->minor_1))
        return bad(reply, "The length of the answer is ambiguous.");
    if (f->length > reply->body.cap) return bad(reply, "The answer is too large.");
    bool empty = reply->status == 204 || reply->status == 304;
    reply->left = empty ? 0 : f->length;
    reply->phase = f->codings ? PHASE_SIZE : f->lengths || empty ? PHASE_LENGTH : PHASE_UNTIL_END;
    if (empty && f->codings) return bad(reply, "The length of the answer is ambiguous.");
    reply->keep_alive = f->minor_1 && !f->close && reply->phase != PHASE_UNTIL_END;
    return VCH_REPLY_MORE;
}

static enum vch_reply_read accept_head(struct vch_reply *reply) {
    struct framing f = {0};
    if (!read_lines(vch_str_of(reply->head.ptr, reply->head.len), reply, &f))
        return bad(reply, "That is not an HTTP answer.");
    vch_buf_clear(&reply->head);
    if (reply->status >= 200) return choose_body(reply, &f);
    if (reply->status == 101 || f.lengths || f.codings || ++reply->interim > VCH_REPLY_INTERIM_MAX)
        return bad(reply, "The interim answer makes no sense.");
    return VCH_REPLY_MORE;
}

/* Up to and with the first empty line. */
static enum vch_reply_read read_head(struct vch_reply *reply, struct vch_str bytes, size_t *used) {
    static const char start[] = "HTTP/1.";
    struct vch_buf *head = &reply->head;
    for (*used = 0; *used < bytes.len;) {
        char c = bytes.ptr[(*used)++];
        if (head->len < sizeof start - 1 && c != start[head->len]) return bad(reply, "That is not an HTTP answer.");
        vch_buf_u8(head, (uint8_t)c);
        if (head->failed) return bad(reply, "The head of the answer is too large.");
        if (c == '\n' && head->len >= 4 && memcmp(head->ptr + head->len - 4, "\r\n\r\n", 4) == 0)
            return accept_head(reply);
    }
    return VCH_REPLY_MORE;
}

/* ---- the body ---------------------------------------------------------------------- */

static enum vch_reply_read take(struct vch_reply *reply, struct vch_str bytes, size_t *used) {
    *used = bytes.len < reply->left ? bytes.len : (size_t)reply->left;
    vch_buf_bytes(&reply->body, bytes.ptr, *used);
    reply->left -= *used;
    return reply->body.failed ? bad(reply, "The answer is too large.") : VCH_REPLY_MORE;
}

/* One line of the chunked coding into `head`, which is empty between them; MORE while it is not whole. */
static enum vch_reply_read gather_line(struct vch_reply *reply, struct vch_str bytes, size_t *used, bool *ret_whole) {
    struct vch_buf *line = &reply->head;
    *ret_whole = false;
    for (*used = 0; *used < bytes.len && !*ret_whole;) {
        char c = bytes.ptr[(*used)++];
        vch_buf_u8(line, (uint8_t)c);
        if (line->len > LINE_MAX || (c == '\n' && (line->len < 2 || line->ptr[line->len - 2] != '\r')))
            return bad(reply, "A chunk is malformed.");
        *ret_whole = c == '\n';
    }
    return VCH_REPLY_MORE;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Digits alone; extensions have no meaning here. The line behind a chunk's bytes is empty. */
static enum vch_reply_read read_size(struct vch_reply *reply, struct vch_str line) {
    uint64_t size = 0;
    if (line.len == 0 || line.len > 8) return bad(reply, "A chunk is malformed.");
    for (size_t i = 0; i < line.len; i++) {
        if (hex_digit(line.ptr[i]) < 0) return bad(reply, "A chunk is malformed.");
        size = size << 4 | (uint64_t)hex_digit(line.ptr[i]);
    }
    if (size > reply->body.cap - reply->body.len) return bad(reply, "The answer is too large.");
    reply->left = size + 2; /* and its CRLF */
    reply->phase = size ? PHASE_CHUNK : PHASE_TRAILER;
    return VCH_REPLY_MORE;
}

static enum vch_reply_read take_chunk(struct vch_reply *reply, struct vch_str bytes, size_t *used) {
    *used = 0;
    while (*used < bytes.len && reply->left) {
        size_t len = bytes.len - *used;
        if (reply->left > 2) {
            if (len > reply->left - 2) len = (size_t)(reply->left - 2);
            vch_buf_bytes(&reply->body, bytes.ptr + *used, len);
        } else {
            len = 1;
            if (bytes.ptr[*used] != (reply->left == 2 ? '\r' : '\n')) return bad(reply, "A chunk is malformed.");
        }
        *used += len;
        reply->left -= len;
    }
    if (reply->left == 0) reply->phase = PHASE_SIZE;
    return reply->body.failed ? bad(reply, "The answer is too large.") : VCH_REPLY_MORE;
}

static enum vch_reply_read take_line(struct vch_reply *reply, struct vch_str bytes, size_t *used) {
    bool whole;
    enum vch_reply_read read = gather_line(reply, bytes, used, &whole);
    if (read != VCH_REPLY_MORE || !whole) return read;
    struct vch_str line = vch_str_of(reply->head.ptr, reply->head.len - 2);
    if (reply->phase == PHASE_SIZE)
        read = read_size(reply, line);
    else /* trailers have no meaning here */
        read = line.len ? bad(reply, "A chunk is malformed.") : done(reply);
    vch_buf_clear(&reply->head);
    return read;
}

static enum vch_reply_read step(struct vch_reply *reply, struct vch_str bytes, size_t *used) {
    *used = 0;
    if (reply->phase == PHASE_LENGTH && reply->left == 0) return done(reply);
    if (bytes.len == 0) return VCH_REPLY_MORE;
    switch ((enum phase)reply->phase) {
    case PHASE_HEAD: return read_head(reply, bytes, used);
    case PHASE_LENGTH: return take(reply, bytes, used);
    case PHASE_SIZE:
    case PHASE_TRAILER: return take_line(reply, bytes, used);
    case PHASE_CHUNK: return take_chunk(reply, bytes, used);
    case PHASE_UNTIL_END: reply->left = bytes.len; return take(reply, bytes, used);
    case PHASE_OVER: break;
    }
    return bad(reply, "The answer was read already.");
}

enum vch_reply_read vch_reply_feed(struct vch_reply *reply, struct vch_str bytes, size_t *ret_used) {
    *ret_used = 0;
    for (;;) {
        size_t used;
        int before = reply->phase;
        enum vch_reply_read read = step(reply, vch_str_sub(bytes, *ret_used, bytes.len), &used);
        *ret_used += used;
        if (read != VCH_REPLY_MORE) return read;
        if (used == 0 && reply->phase == before) return VCH_REPLY_MORE;
    }
}

enum vch_reply_read vch_reply_end(struct vch_reply *reply) {
    if (reply->phase == PHASE_UNTIL_END) return done(reply);
    return bad(reply, "The answer ended before it was whole.");
}
