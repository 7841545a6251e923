/* From a map of inputs to the request that carries them. */
#include <inttypes.h>

#include "base/codec.h"
#include "core/reason.h"
#include "shape/field_priv.h"
#include "shape/shape.h"

enum { REQUEST_MAX = 1 << 20 };

/* What a path, query or header shows of a value. */
static void scalar_text(const struct vch_val *val, struct vch_buf *buf) {
    if (val->type == VCH_VAL_BOOL) vch_buf_c(buf, val->boolean ? "true" : "false");
    if (val->type == VCH_VAL_INT) vch_buf_printf(buf, "%" PRId64, val->integer);
    if (val->type == VCH_VAL_STR) vch_buf_str(buf, val->str);
}

static void scalar_escaped(const struct vch_val *val, struct vch_buf *buf) {
    if (val->type == VCH_VAL_STR)
        vch_percent(val->str, false, buf);
    else
        scalar_text(val, buf);
}

static void path_write(const char *template, const struct vch_val *inputs, struct vch_buf *buf) {
    struct vch_str path = vch_str_from(template);
    for (size_t at = 0; at < path.len;) {
        size_t close = path.ptr[at] == '{' ? vch_str_find(path, '}', at) : SIZE_MAX;
        if (close == SIZE_MAX) {
            vch_buf_bytes(buf, path.ptr + at++, 1);
            continue;
        }
        const struct vch_val *val = vch_val_get_str(inputs, vch_str_sub(path, at + 1, close - at - 1));
        vch_assert(val);
        scalar_escaped(val, buf);
        at = close + 1;
    }
}

/* Parameters; behind what the buffer holds, when it holds something. */
static void query_write(const struct vch_op_row *row, const struct vch_val *inputs, struct vch_buf *buf) {
    for (const struct vch_op_field *f = row->in; f->name; f++) {
        const struct vch_val *val = vch_val_get(inputs, f->name);
        if (f->in != VCH_IN_QUERY || !val) continue;
        if (buf->len) vch_buf_c(buf, "&");
        vch_buf_printf(buf, "%s=", vch_field_wire(f));
        scalar_escaped(val, buf);
    }
}

static bool payload_write(const struct vch_op_row *row, const struct vch_val *inputs, struct vch_buf *buf) {
    for (const struct vch_op_field *f = row->in; f->name; f++) {
        const struct vch_val *val = f->in == VCH_IN_PAYLOAD ? vch_val_get(inputs, f->name) : NULL;
        if (val) vch_buf_str(buf, val->str);
        if (val) return true;
    }
    return false;
}

static bool body_write(const struct vch_op_row *row, const struct vch_val *inputs, struct vch_buf *buf) {
    bool any = false;
    for (const struct vch_op_field *f = row->in; f->name; f++) {
        const struct vch_val *val = vch_val_get(inputs, f->name);
        if (f->in != VCH_IN_BODY || !val) continue;
        vch_buf_c(buf, any ? "," : "{");
        vch_json_encode_str(vch_str_from(vch_field_wire(f)), buf);
        vch_buf_c(buf, ":");
        vch_json_encode(val, buf);
        any = true;
    }
    if (any) vch_buf_c(buf, "}");
    return any;
}

static enum vch_err taken(struct vch_buf *buf, struct vch_arena *arena, struct vch_str *ret) {
    struct vch_str bytes;
    VCH_TRY(vch_buf_finish(buf, &bytes));
    *ret = vch_arena_str(arena, bytes);
    vch_buf_clear(buf);
    return ret->ptr ? VCH_OK : VCH_ERR_NOMEM;
}

static void header_add(struct vch_shape_request *request, const char *name, struct vch_str value) {
    vch_assert(request->header_count < VCH_SHAPE_HEADERS_MAX);
    request->headers[request->header_count++] = (struct vch_shape_header){vch_str_from(name), value};
}

static enum vch_err headers_write(const struct vch_op_row *row, const struct vch_val *inputs, struct vch_arena *arena,
                                  struct vch_buf *buf, struct vch_shape_request *ret) {
    for (const struct vch_op_field *f = row->in; f->name; f++) {
        const struct vch_val *val = vch_val_get(inputs, f->name);
        struct vch_str text;
        if (f->in != VCH_IN_HEADER || !val) continue;
        scalar_text(val, buf);
        VCH_TRY(taken(buf, arena, &text));
        header_add(ret, f->wire, text);
    }
    return VCH_OK;
}

static enum vch_err write_all(const struct vch_op_row *row, const struct vch_val *inputs, struct vch_arena *arena,
                              struct vch_buf *buf, struct vch_shape_request *ret) {
    *ret = (struct vch_shape_request){.method = row->method};
    path_write(row->path, inputs, buf);
    VCH_TRY(taken(buf, arena, &ret->path));
    if (row->scope != VCH_SCOPE_STS) query_write(row, inputs, buf);
    VCH_TRY(taken(buf, arena, &ret->query));
    VCH_TRY(headers_write(row, inputs, arena, buf, ret));
    if (row->scope == VCH_SCOPE_STS) {
        vch_buf_printf(buf, "Action=%s&Version=2011-06-15", row->name);
        query_write(row, inputs, buf);
        header_add(ret, "content-type", VCH_STR("application/x-www-form-urlencoded; charset=utf-8"));
    } else if (payload_write(row, inputs, buf)) {
        header_add(ret, "content-type", VCH_STR("application/octet-stream"));
    } else if (body_write(row, inputs, buf)) {
        header_add(ret, "content-type", VCH_STR("application/json"));
    }
    return taken(buf, arena, &ret->body);
}

static enum vch_err inputs_check(const struct vch_op_row *row, const struct vch_val *inputs, struct vch_diag *diag) {
    for (const struct vch_op_field *f = row->in; f->name; f++)
        if (f->required && !vch_val_get(inputs, f->name)) return vch_field_missing(f, diag);
    for (size_t i = 0; i < inputs->count; i++) {
        const struct vch_op_field *f = vch_field_find(row->in, inputs->members[i].name);
        if (!f || !vch_field_typed(f, &inputs->members[i].value))
            return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "", "%s has no such input: %.*s", row->name,
                              VCH_STR_ARG(inputs->members[i].name));
    }
    return VCH_OK;
}

enum vch_err vch_shape_request(enum vch_op op, const struct vch_val *inputs, struct vch_arena *arena,
                               struct vch_shape_request *ret, struct vch_diag *diag) {
    const struct vch_op_row *row = vch_op_row(op);
    struct vch_buf buf;
    VCH_TRY(inputs_check(row, inputs, diag));
    vch_buf_init_secret(&buf, REQUEST_MAX);
    enum vch_err err = write_all(row, inputs, arena, &buf, ret);
    vch_buf_deinit(&buf);
    return err;
}
