#include "http/parse.h"

#include "http/head_priv.h"

#include <stdlib.h>

enum phase { PHASE_HEAD, PHASE_LENGTH, PHASE_CHUNK_SIZE, PHASE_CHUNK, PHASE_CHUNK_END, PHASE_LAST, PHASE_OVER };

struct vch_http_reader {
    enum phase phase;
    size_t body_max;
    size_t scanned;  /* of the head: looked at, and no end yet */
    size_t line_len; /* of the request line with its CRLF; 0: not there yet */
    size_t blank;    /* empty lines skipped before the request, in bytes */
    uint64_t left;   /* of the body, or of the chunk */
    bool told;       /* VCH_HTTP_CONTINUE was returned */
    int status;
    const char *why;
    struct vch_arena *arena;
    struct vch_http_head *head;
    struct vch_buf body;
    struct vch_http_request request;
};

enum {
    ARENA_MAX = 128 * 1024, /* a head, its table, and what the server adds */
    BLANK_MAX = 4,
    CHUNK_DIGITS_MAX = 8
};

struct vch_http_reader *vch_http_reader_new(size_t body_max) {
    struct vch_http_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->body_max = body_max;
    vch_buf_init_secret(&reader->body, body_max); /* bodies carry passwords */
    return reader;
}

void vch_http_reader_free(struct vch_http_reader *reader) {
    if (!reader) return;
    vch_buf_deinit(&reader->body);
    vch_arena_free(reader->arena);
    free(reader);
}

static enum vch_http_read refuse(struct vch_http_reader *reader, int status, const char *why) {
    reader->phase = PHASE_OVER;
    reader->status = status;
    reader->why = why;
    return VCH_HTTP_BAD;
}

/* ---- the head --------------------------------------------------------------------- */

/* RFC 9112 2.2: an empty line before the request line is ignored. */
static size_t skip_blank(struct vch_http_reader *reader, struct vch_str bytes) {
    size_t at = 0;
    while (at < bytes.len && reader->blank < BLANK_MAX && bytes.ptr[at] == (reader->blank % 2 ? '\n' : '\r'))
        at++, reader->blank++;
    return at;
}

static int head_too_large(const struct vch_http_reader *reader, size_t len) {
    if (reader->line_len == 0) return len > VCH_HTTP_LINE_MAX ? 414 : 0;
    if (reader->line_len > VCH_HTTP_LINE_MAX) return 414;
    return len - reader->line_len > VCH_HTTP_HEAD_MAX ? 431 : 0;
}

/* Looks at new bytes only. Zero: no end yet; else the length of the head, or
 * SIZE_MAX after a byte that no head has. */
static size_t find_end(struct vch_http_reader *reader, struct vch_str bytes) {
    for (size_t i = reader->scanned; i < bytes.len; i++) {
        char c = bytes.ptr[i];
        char before = i ? bytes.ptr[i - 1] : '\0';
        reader->scanned = i + 1;
        if ((c == '\n') != (before == '\r') || c == '\0') return SIZE_MAX; /* CR and LF only together */
        if (c != '\n') continue;
        if (reader->line_len == 0)
            reader->line_len = i + 1;
        else if (i >= 3 && bytes.ptr[i - 2] == '\n')
            return i + 1;
    }
    return 0;
}

static void split_target(struct vch_http_reader *reader) {
    struct vch_str target = reader->head->target;
    size_t mark = vch_str_find(target, '?', 0);
    reader->request.path = vch_str_sub(target, 0, mark);
    reader->request.query = mark == SIZE_MAX ? vch_str_of(NULL, 0) : vch_str_sub(target, mark + 1, target.len);
    reader->request.method = reader->head->method;
    reader->request.headers = reader->head->headers;
    reader->request.header_count = reader->head->header_count;
}

static enum vch_http_read accept_head(struct vch_http_reader *reader, struct vch_str text) {
    reader->arena = vch_arena_new(ARENA_MAX, true);
    struct vch_str copy = reader->arena ? vch_arena_str(reader->arena, text) : vch_str_of(NULL, 0);
    reader->head = copy.ptr ? VCH_ARENA_NEW(reader->arena, struct vch_http_head) : NULL;
    if (!reader->head) return refuse(reader, 503, "Memory is short.");
    const char *why = "";
    int status = vch_http_head_parse(copy, reader->head, &why);
    if (status) return refuse(reader, status, why);
    if (reader->head->content_length > reader->body_max) return refuse(reader, 413, "The body is too large.");
    split_target(reader);
    reader->left = reader->head->content_length;
    reader->phase = reader->head->chunked ? PHASE_CHUNK_SIZE : PHASE_LENGTH;
    return VCH_HTTP_MORE;
}

static enum vch_http_read read_head(struct vch_http_reader *reader, struct vch_str bytes, size_t *used) {
    *used = reader->scanned == 0 ? skip_blank(reader, bytes) : 0;
    struct vch_str text = vch_str_sub(bytes, *used, bytes.len);
    if (text.len == 0) return VCH_HTTP_MORE;
    if (text.ptr[0] < 'A' || text.ptr[0] > 'Z') return refuse(reader, 400, "That is not an HTTP request.");
    size_t end = find_end(reader, text);
    int too_large = head_too_large(reader, end && end != SIZE_MAX ? end : reader->scanned);
    if (too_large) return refuse(reader, too_large, "The head of the request is too large.");
    if (end == SIZE_MAX) return refuse(reader, 400, "A line of the request is malformed.");
    if (end == 0) return VCH_HTTP_MORE;
    *used += end;
    return accept_head(reader, vch_str_sub(text, 0, end));
}

/* ---- the body ---------------------------------------------------------------------- */

static enum vch_http_read finish(struct vch_http_reader *reader) {
    if (vch_buf_finish(&reader->body, &reader->request.body) != VCH_OK)
        return refuse(reader, 413, "The body is too large.");
    reader->phase = PHASE_OVER;
    return VCH_HTTP_DONE;
}

/* Takes what there is of `left`. */
static size_t take_body(struct vch_http_reader *reader, struct vch_str bytes) {
    size_t len = bytes.len < reader->left ? bytes.len : (size_t)reader->left;
    vch_buf_bytes(&reader->body, bytes.ptr, len);
    reader->left -= len;
    return len;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Digits and CRLF, nothing else. */
static enum vch_http_read read_chunk_size(struct vch_http_reader *reader, struct vch_str bytes, size_t *used) {
    uint64_t size = 0;
    size_t at = 0;
    for (; at < bytes.len && hex_digit(bytes.ptr[at]) >= 0; at++) {
        if (at == CHUNK_DIGITS_MAX) return refuse(reader, 413, "The body is too large.");
        size = size * 16 + (uint64_t)hex_digit(bytes.ptr[at]);
    }
    if (at < bytes.len && (at == 0 || bytes.ptr[at] != '\r')) return refuse(reader, 400, "A chunk is malformed.");
    if (at + 1 < bytes.len && bytes.ptr[at + 1] != '\n') return refuse(reader, 400, "A chunk is malformed.");
    if (at + 1 >= bytes.len) return VCH_HTTP_MORE;
    *used = at + 2;
    if (size > reader->body_max - reader->body.len) return refuse(reader, 413, "The body is too large.");
    reader->left = size;
    reader->phase = size ? PHASE_CHUNK : PHASE_LAST;
    return VCH_HTTP_MORE;
}

/* The CRLF after a chunk, or after the last one, where a trailer could be. */
static enum vch_http_read read_crlf(struct vch_http_reader *reader, struct vch_str bytes, size_t *used,
                                    enum phase next) {
    if (bytes.ptr[0] != '\r' || (bytes.len > 1 && bytes.ptr[1] != '\n'))
        return refuse(reader, 400, "A chunk is malformed.");
    if (bytes.len < 2) return VCH_HTTP_MORE;
    *used = 2;
    reader->phase = next;
    return VCH_HTTP_MORE;
}

/* One step; it has ended when it used nothing and the phase stayed. */
static enum vch_http_read step(struct vch_http_reader *reader, struct vch_str bytes, size_t *used) {
    *used = 0;
    if (reader->phase == PHASE_LENGTH && reader->left == 0) return finish(reader);
    if (bytes.len == 0) return VCH_HTTP_MORE;
    switch (reader->phase) {
    case PHASE_HEAD: return read_head(reader, bytes, used);
    case PHASE_CHUNK_SIZE: return read_chunk_size(reader, bytes, used);
    case PHASE_CHUNK_END: return read_crlf(reader, bytes, used, PHASE_CHUNK_SIZE);
    case PHASE_LAST: {
        enum vch_http_read read = read_crlf(reader, bytes, used, PHASE_LENGTH);
        reader->left = 0;
        return read;
    }
    case PHASE_LENGTH: *used = take_body(reader, bytes); return VCH_HTTP_MORE;
    case PHASE_CHUNK:
        *used = take_body(reader, bytes);
        if (reader->left == 0) reader->phase = PHASE_CHUNK_END;
        return VCH_HTTP_MORE;
    case PHASE_OVER: break;
    }
    return refuse(reader, 400, "The request was read already.");
}

static bool must_tell(struct vch_http_reader *reader) {
    if (reader->told || reader->phase == PHASE_HEAD || reader->phase == PHASE_OVER) return false;
    reader->told = true;
    return reader->head->expects_continue;
}

enum vch_http_read vch_http_reader_feed(struct vch_http_reader *reader, struct vch_str bytes, size_t *ret_consumed) {
    *ret_consumed = 0;
    for (;;) {
        size_t used = 0;
        enum phase before = reader->phase;
        enum vch_http_read read = step(reader, vch_str_sub(bytes, *ret_consumed, bytes.len), &used);
        *ret_consumed += used;
        if (read != VCH_HTTP_MORE) return read;
        if (must_tell(reader)) return VCH_HTTP_CONTINUE;
        if (used == 0 && reader->phase == before) return VCH_HTTP_MORE;
    }
}

/* ---- what was read -------------------------------------------------------------------- */

int vch_http_reader_status(const struct vch_http_reader *reader) {
    return reader->status;
}

const char *vch_http_reader_why(const struct vch_http_reader *reader) {
    return reader->why ? reader->why : "";
}

struct vch_http_request *vch_http_reader_request(struct vch_http_reader *reader) {
    return &reader->request;
}

struct vch_arena *vch_http_reader_arena(struct vch_http_reader *reader) {
    return reader->arena;
}

bool vch_http_reader_keep_alive(const struct vch_http_reader *reader) {
    return reader->head && reader->head->keep_alive;
}

bool vch_http_reader_is_11(const struct vch_http_reader *reader) {
    return reader->head && reader->head->is_11;
}

struct vch_str vch_http_header_get(const struct vch_http_request *request, const char *name) {
    for (size_t i = 0; i < request->header_count; i++)
        if (vch_str_ieq(request->headers[i].name, vch_str_from(name))) return request->headers[i].value;
    return vch_str_of(NULL, 0);
}
