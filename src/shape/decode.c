/* From the wire to a checked map of inputs. */
#include "base/codec.h"
#include "core/names.h"
#include "core/reason.h"
#include "shape/field_priv.h"
#include "shape/shape.h"

enum { QUERY_VALUE_MAX = 8192, BODY_DEPTH_MAX = 16, BODY_VALUES_MAX = 2000 };

static enum vch_err text_decode(struct vch_str raw, struct vch_arena *arena, struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str plain = {NULL, 0};
    vch_buf_init(&buf, QUERY_VALUE_MAX);
    enum vch_err err = vch_unpercent(raw, &buf);
    if (err == VCH_OK) err = vch_buf_finish(&buf, &plain);
    if (err == VCH_OK && !vch_text_valid(plain, QUERY_VALUE_MAX)) err = VCH_ERR_MALFORMED;
    if (err == VCH_OK) {
        *ret = vch_arena_str(arena, plain);
        if (!ret->ptr) err = VCH_ERR_NOMEM;
    }
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_err put_copy(struct vch_arena *arena, struct vch_val *map, const struct vch_op_field *field,
                             struct vch_str value) {
    struct vch_val *slot = vch_val_put(arena, map, field->name);
    if (!slot) return VCH_ERR_NOMEM;
    *slot = (struct vch_val){.type = VCH_VAL_STR, .str = value};
    return VCH_OK;
}

static enum vch_err gather_captures(const struct vch_op_row *row, const struct vch_shape_wire *wire,
                                    struct vch_arena *arena, struct vch_val *map) {
    for (size_t i = 0; wire->captures && i < wire->captures->count; i++) {
        const struct vch_op_field *field = vch_field_find(row->in, vch_str_from(wire->captures->item[i].name));
        if (field) VCH_TRY(put_copy(arena, map, field, wire->captures->item[i].value));
    }
    return VCH_OK;
}

static enum vch_err gather_parameter(const struct vch_op_row *row, struct vch_str part, struct vch_arena *arena,
                                     struct vch_val *map, struct vch_diag *diag) {
    struct vch_str name, value = {NULL, 0};
    size_t eq = vch_str_find(part, '=', 0);
    if (text_decode(vch_str_sub(part, 0, eq), arena, &name) != VCH_OK ||
        (eq != SIZE_MAX && text_decode(vch_str_sub(part, eq + 1, part.len), arena, &value) != VCH_OK))
        return VCH_REFUSE(diag, VCH_ERR_MALFORMED, FIELD_INVALID, "query", "The query string is not valid.");
    const struct vch_op_field *field = vch_field_find(row->in, name);
    if (!field || field->in != VCH_IN_QUERY) return VCH_OK;
    if (vch_val_get(map, field->name))
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, field->name, "The parameter %s is given twice.", field->name);
    return put_copy(arena, map, field, value);
}

static enum vch_err gather_query(const struct vch_op_row *row, const struct vch_shape_wire *wire,
                                 struct vch_arena *arena, struct vch_val *map, struct vch_diag *diag) {
    struct vch_str rest = wire->query, part;
    while (vch_str_split(&rest, '&', &part))
        if (part.len) VCH_TRY(gather_parameter(row, part, arena, map, diag));
    return VCH_OK;
}

static enum vch_err gather_headers(const struct vch_op_row *row, const struct vch_shape_wire *wire,
                                   struct vch_arena *arena, struct vch_val *map) {
    for (const struct vch_op_field *f = row->in; f->name; f++) {
        for (size_t i = 0; f->in == VCH_IN_HEADER && i < wire->header_count; i++) {
            if (!vch_str_ieq(wire->headers[i].name, vch_str_from(f->wire))) continue;
            VCH_TRY(put_copy(arena, map, f, vch_str_trim(wire->headers[i].value)));
            break;
        }
    }
    return VCH_OK;
}

static enum vch_err gather_payload(const struct vch_op_row *row, const struct vch_shape_wire *wire,
                                   struct vch_arena *arena, struct vch_val *map) {
    for (const struct vch_op_field *f = row->in; f->name; f++)
        if (f->in == VCH_IN_PAYLOAD && wire->body.len) VCH_TRY(put_copy(arena, map, f, wire->body));
    return VCH_OK;
}

static bool takes_body(const struct vch_op_row *row) {
    for (const struct vch_op_field *f = row->in; f->name; f++)
        if (f->in == VCH_IN_BODY) return true;
    return false;
}

static enum vch_err gather_body(const struct vch_op_row *row, const struct vch_shape_wire *wire,
                                struct vch_arena *arena, struct vch_val *map, struct vch_diag *diag) {
    const struct vch_val_limits limits = {.depth = BODY_DEPTH_MAX, .values = BODY_VALUES_MAX};
    struct vch_val *body = NULL;
    struct vch_diag where = {0};
    if (!takes_body(row) || vch_str_trim(wire->body).len == 0) return VCH_OK;
    enum vch_err err = vch_json_decode(wire->body, &limits, arena, &body, &where);
    if (err == VCH_ERR_NOMEM) return err;
    if (err != VCH_OK || body->type != VCH_VAL_MAP)
        return VCH_REFUSE(diag, VCH_ERR_MALFORMED, PAYLOAD_INVALID, "", "The body is not a valid JSON object%s%.200s",
                          where.message[0] ? ": " : ".", where.message);
    for (size_t i = 0; i < body->count; i++) {
        const struct vch_op_field *field = vch_field_find(row->in, body->members[i].name);
        if (!field || field->in != VCH_IN_BODY || body->members[i].value.type == VCH_VAL_NULL) continue;
        struct vch_val *slot = vch_val_put(arena, map, field->name);
        if (!slot) return VCH_ERR_NOMEM;
        *slot = body->members[i].value;
    }
    return VCH_OK;
}

enum vch_err vch_shape_gather(enum vch_op op, const struct vch_shape_wire *wire, struct vch_arena *arena,
                              struct vch_val **ret, struct vch_diag *diag) {
    const struct vch_op_row *row = vch_op_row(op);
    struct vch_val *map = *ret = vch_val_new_map(arena);
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(gather_captures(row, wire, arena, map));
    VCH_TRY(gather_headers(row, wire, arena, map));
    VCH_TRY(gather_payload(row, wire, arena, map));
    enum vch_err query = gather_query(row, wire, arena, map, diag);
    enum vch_err body = gather_body(row, wire, arena, map, diag);
    return query != VCH_OK ? query : body;
}

/* Text of path and query to the field's type; left alone when it is not one. */
static void convert(const struct vch_op_field *field, struct vch_val *val) {
    int64_t number;
    if (field->in == VCH_IN_BODY || val->type != VCH_VAL_STR) return;
    if (field->type == VCH_FIELD_INT && vch_str_int(val->str, &number) == VCH_OK)
        *val = (struct vch_val){.type = VCH_VAL_INT, .integer = number};
    else if (field->type == VCH_FIELD_BOOL && (vch_str_eq_c(val->str, "true") || vch_str_eq_c(val->str, "false")))
        *val = (struct vch_val){.type = VCH_VAL_BOOL, .boolean = val->str.len == 4};
}

enum vch_err vch_shape_check(enum vch_op op, const struct vch_val *gathered, struct vch_arena *arena,
                             struct vch_val **ret, struct vch_diag *diag) {
    struct vch_val *map = vch_val_new_map(arena);
    if (!map) return VCH_ERR_NOMEM;
    for (const struct vch_op_field *f = vch_op_row(op)->in; f->name; f++) {
        const struct vch_val *given = vch_val_get(gathered, f->name);
        if (!given && f->required) return vch_field_missing(f, diag);
        if (!given) continue;
        struct vch_val *slot = vch_val_put(arena, map, f->name);
        if (!slot) return VCH_ERR_NOMEM;
        *slot = *given;
        convert(f, slot);
        VCH_TRY(vch_field_check(f, slot, arena, diag));
    }
    *ret = map;
    return VCH_OK;
}

enum vch_err vch_shape_decode_input(enum vch_op op, const struct vch_shape_wire *wire, struct vch_arena *arena,
                                    struct vch_val **ret, struct vch_diag *diag) {
    struct vch_val *gathered;
    VCH_TRY(vch_shape_gather(op, wire, arena, &gathered, diag));
    return vch_shape_check(op, gathered, arena, ret, diag);
}
