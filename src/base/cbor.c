#include <cbor.h>
#include <string.h>

#include "base/val.h"

/* libcbor reads one head at a time and allocates nothing; the tree, its bounds
 * and its refusals are ours. */

enum { FRAMES_MAX = 64 };

struct frame {
    struct vch_val *container;
    size_t left; /* items or members still due; SIZE_MAX: until the break */
    bool indefinite;
    bool key_next; /* maps */
};

struct decoding {
    struct vch_arena *arena;
    struct vch_val *root;
    struct frame frames[FRAMES_MAX];
    size_t depth, depth_max, values_left;
    bool done;
    enum vch_err err;
    /* an indefinite text string under way */
    bool in_text;
    struct vch_buf text;
    struct vch_member *pending; /* a key that waits for its value */
};

static void fail(struct decoding *d, enum vch_err err) {
    if (d->err == VCH_OK) d->err = err;
}

/* Where the next value goes; NULL after a failure. */
static struct vch_val *slot_for(struct decoding *d) {
    if (d->done) fail(d, VCH_ERR_MALFORMED);
    if (d->values_left == 0) fail(d, VCH_ERR_TOO_LARGE);
    if (d->err != VCH_OK) return NULL;
    d->values_left--;
    if (d->depth == 0) {
        d->root = VCH_ARENA_NEW(d->arena, struct vch_val);
        if (!d->root) fail(d, VCH_ERR_NOMEM);
        return d->root;
    }
    struct frame *f = &d->frames[d->depth - 1];
    struct vch_val *slot = NULL;
    if (f->container->type == VCH_VAL_MAP) {
        if (f->key_next || !d->pending) fail(d, VCH_ERR_MALFORMED);
        else slot = &d->pending->value;
        d->pending = NULL;
        f->key_next = true;
    } else {
        slot = vch_val_push(d->arena, f->container);
        if (!slot) fail(d, VCH_ERR_NOMEM);
    }
    return d->err == VCH_OK ? slot : NULL;
}

/* One item of the innermost container is whole; closes what that completes. */
static void item_done(struct decoding *d) {
    while (d->depth > 0) {
        struct frame *f = &d->frames[d->depth - 1];
        if (f->indefinite || --f->left > 0) return;
        d->depth--;
    }
    d->done = true;
}

static void scalar(struct decoding *d, struct vch_val value) {
    struct vch_val *slot = slot_for(d);
    if (!slot) return;
    *slot = value;
    item_done(d);
}

static void open_container(struct decoding *d, enum vch_val_type type, uint64_t count, bool indefinite) {
    if (d->depth >= d->depth_max || d->depth >= FRAMES_MAX) fail(d, VCH_ERR_TOO_LARGE);
    if (!indefinite && count > d->values_left) fail(d, VCH_ERR_TOO_LARGE);
    struct vch_val *slot = slot_for(d);
    if (!slot) return;
    slot->type = type;
    if (!indefinite && count == 0) {
        item_done(d);
        return;
    }
    d->frames[d->depth++] = (struct frame){slot, (size_t)count, indefinite, type == VCH_VAL_MAP};
}

static bool wants_key(const struct decoding *d) {
    return d->depth > 0 && d->frames[d->depth - 1].container->type == VCH_VAL_MAP && d->frames[d->depth - 1].key_next;
}

static void text_value(struct decoding *d, struct vch_str bytes) {
    if (!vch_utf8_valid(bytes) || vch_str_find(bytes, '\0', 0) != SIZE_MAX) {
        fail(d, VCH_ERR_MALFORMED);
        return;
    }
    struct vch_str copy = vch_arena_str(d->arena, bytes);
    if (!copy.ptr) {
        fail(d, VCH_ERR_NOMEM);
        return;
    }
    if (!wants_key(d)) {
        scalar(d, (struct vch_val){.type = VCH_VAL_STR, .str = copy});
        return;
    }
    struct frame *f = &d->frames[d->depth - 1];
    if (vch_val_get_str(f->container, copy) || d->values_left == 0) {
        fail(d, VCH_ERR_MALFORMED);
        return;
    }
    if (!vch_val_put_str_name(d->arena, f->container, copy)) {
        fail(d, VCH_ERR_NOMEM);
        return;
    }
    d->pending = &f->container->members[f->container->count - 1];
    f->key_next = false;
}

static void on_uint(void *ctx, uint64_t v) {
    if (v > INT64_MAX) fail(ctx, VCH_ERR_MALFORMED);
    else scalar(ctx, (struct vch_val){.type = VCH_VAL_INT, .integer = (int64_t)v});
}

static void on_uint8(void *ctx, uint8_t v) {
    on_uint(ctx, v);
}

static void on_uint16(void *ctx, uint16_t v) {
    on_uint(ctx, v);
}

static void on_uint32(void *ctx, uint32_t v) {
    on_uint(ctx, v);
}

static void on_negint(void *ctx, uint64_t v) {
    if (v > INT64_MAX) fail(ctx, VCH_ERR_MALFORMED);
    else scalar(ctx, (struct vch_val){.type = VCH_VAL_INT, .integer = -1 - (int64_t)v});
}

static void on_negint8(void *ctx, uint8_t v) {
    on_negint(ctx, v);
}

static void on_negint16(void *ctx, uint16_t v) {
    on_negint(ctx, v);
}

static void on_negint32(void *ctx, uint32_t v) {
    on_negint(ctx, v);
}

static void on_string(void *ctx, cbor_data data, size_t len) {
    struct decoding *d = ctx;
    if (d->in_text) vch_buf_bytes(&d->text, data, len);
    else text_value(d, vch_str_of(data, len));
}

static void on_string_start(void *ctx) {
    struct decoding *d = ctx;
    if (d->in_text) fail(d, VCH_ERR_MALFORMED);
    d->in_text = true;
    vch_buf_clear(&d->text);
}

static void on_array(void *ctx, size_t count) {
    open_container(ctx, VCH_VAL_LIST, count, false);
}

static void on_array_start(void *ctx) {
    open_container(ctx, VCH_VAL_LIST, 0, true);
}

static void on_map(void *ctx, size_t count) {
    open_container(ctx, VCH_VAL_MAP, count, false);
}

static void on_map_start(void *ctx) {
    open_container(ctx, VCH_VAL_MAP, 0, true);
}

static void end_text(struct decoding *d) {
    d->in_text = false;
    struct vch_str text;
    enum vch_err err = vch_buf_finish(&d->text, &text);
    if (err == VCH_OK) text_value(d, text);
    else fail(d, err);
}

static void on_break(void *ctx) {
    struct decoding *d = ctx;
    if (d->in_text) {
        end_text(d);
        return;
    }
    if (d->depth == 0 || !d->frames[d->depth - 1].indefinite || d->pending) {
        fail(d, VCH_ERR_MALFORMED);
        return;
    }
    d->depth--;
    item_done(d);
}

static void on_bool(void *ctx, bool v) {
    scalar(ctx, (struct vch_val){.type = VCH_VAL_BOOL, .boolean = v});
}

static void on_null(void *ctx) {
    scalar(ctx, (struct vch_val){.type = VCH_VAL_NULL});
}

static void on_double(void *ctx, double v) {
    scalar(ctx, (struct vch_val){.type = VCH_VAL_REAL, .real = v});
}

static void on_float(void *ctx, float v) {
    on_double(ctx, (double)v);
}

static void refuse(void *ctx) {
    fail(ctx, VCH_ERR_MALFORMED);
}

static void refuse_bytes(void *ctx, cbor_data data, size_t len) {
    (void)data;
    (void)len;
    refuse(ctx);
}

static void refuse_tag(void *ctx, uint64_t tag) {
    (void)tag;
    refuse(ctx);
}

static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint,
    .negint8 = on_negint8,
    .negint16 = on_negint16,
    .negint32 = on_negint32,
    .negint64 = on_negint,
    .byte_string_start = refuse,
    .byte_string = refuse_bytes,
    .string = on_string,
    .string_start = on_string_start,
    .indef_array_start = on_array_start,
    .array_start = on_array,
    .indef_map_start = on_map_start,
    .map_start = on_map,
    .tag = refuse_tag,
    .float2 = on_float,
    .float4 = on_float,
    .float8 = on_double,
    .undefined = refuse,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = on_break,
};

static enum vch_err decode_all(struct decoding *d, struct vch_str bytes) {
    /* A scalar inside an indefinite text string is nobody's: only chunks may stand there. */
    for (size_t at = 0; at < bytes.len;) {
        unsigned char head = (unsigned char)bytes.ptr[at];
        if (d->in_text && head != 0xFF && (head >> 5 != 3 || head == 0x7F)) return VCH_ERR_MALFORMED;
        struct cbor_decoder_result result =
            cbor_stream_decode((cbor_data)(bytes.ptr + at), bytes.len - at, &callbacks, d);
        if (result.status != CBOR_DECODER_FINISHED) return VCH_ERR_MALFORMED;
        if (d->err != VCH_OK) return d->err;
        at += result.read;
        if (d->done && at < bytes.len) return VCH_ERR_MALFORMED;
    }
    return d->done ? VCH_OK : VCH_ERR_MALFORMED;
}

enum vch_err vch_cbor_decode(struct vch_str bytes, const struct vch_val_limits *limits, struct vch_arena *arena,
                             struct vch_val **ret, struct vch_diag *diag) {
    *ret = NULL;
    struct vch_val_limits bounds = limits ? *limits : VCH_VAL_LIMITS_DEFAULT;
    struct decoding d = {.arena = arena, .depth_max = bounds.depth, .values_left = bounds.values};
    vch_buf_init_secret(&d.text, bytes.len);
    enum vch_err err = decode_all(&d, bytes);
    vch_buf_deinit(&d.text);
    if (err == VCH_ERR_TOO_LARGE)
        return vch_diag_set(diag, err, "cbor-too-large", "", "The CBOR document nests too deep or holds too many values.");
    if (err != VCH_OK) return vch_diag_set(diag, err, "cbor-malformed", "", "Not a CBOR document of the accepted form.");
    *ret = d.root;
    return VCH_OK;
}

static void put_head(struct vch_buf *buf, size_t (*encode)(size_t, unsigned char *, size_t), size_t count) {
    unsigned char head[9];
    vch_buf_bytes(buf, head, encode(count, head, sizeof head));
}

static void encode_text(struct vch_str s, struct vch_buf *buf) {
    put_head(buf, cbor_encode_string_start, s.len);
    vch_buf_str(buf, s);
}

static void encode_int(int64_t v, struct vch_buf *buf) {
    unsigned char head[9];
    size_t len = v >= 0 ? cbor_encode_uint((uint64_t)v, head, sizeof head)
                        : cbor_encode_negint((uint64_t)(-1 - v), head, sizeof head);
    vch_buf_bytes(buf, head, len);
}

static void encode_double(double v, struct vch_buf *buf) {
    unsigned char head[9];
    vch_buf_bytes(buf, head, cbor_encode_double(v, head, sizeof head));
}

void vch_cbor_encode(const struct vch_val *val, struct vch_buf *buf) {
    switch (val->type) {
    case VCH_VAL_NULL: vch_buf_u8(buf, 0xF6); return;
    case VCH_VAL_BOOL: vch_buf_u8(buf, val->boolean ? 0xF5 : 0xF4); return;
    case VCH_VAL_INT: encode_int(val->integer, buf); return;
    case VCH_VAL_REAL: encode_double(val->real, buf); return;
    case VCH_VAL_STR: encode_text(val->str, buf); return;
    case VCH_VAL_LIST:
        put_head(buf, cbor_encode_array_start, val->count);
        for (size_t i = 0; i < val->count; i++) vch_cbor_encode(&val->items[i], buf);
        return;
    case VCH_VAL_MAP:
        put_head(buf, cbor_encode_map_start, val->count);
        for (size_t i = 0; i < val->count; i++) {
            encode_text(val->members[i].name, buf);
            vch_cbor_encode(&val->members[i].value, buf);
        }
        return;
    }
}
