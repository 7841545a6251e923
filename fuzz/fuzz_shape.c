/* One request, four lines: method, raw path, raw query, then the body. What is
 * decoded must also be encodable, route back and decode to the same inputs. */
#include <stdint.h>
#include <stdlib.h>

#include "shape/shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void there_and_back(enum vch_op op, const struct vch_val *in, struct vch_arena *arena) {
    struct vch_shape_request request;
    struct vch_op_captures captures;
    struct vch_val *back = NULL;
    if (vch_shape_request(op, in, arena, &request, NULL) != VCH_OK) return;
    if (vch_op_route(vch_str_from(request.method), request.path, arena, &captures) != op) return; /* a name such as ".." */
    const struct vch_shape_wire wire = {.captures = &captures,
                                        .query = request.query,
                                        .headers = request.headers,
                                        .header_count = request.header_count,
                                        .body = request.body};
    enum vch_err err = vch_shape_decode_input(op, &wire, arena, &back, NULL);
    if (err == VCH_ERR_NOMEM) return;
    if (err != VCH_OK || !vch_val_eq(in, back)) abort();
}

static void one(struct vch_str text, struct vch_arena *arena) {
    struct vch_str method = {NULL, 0}, path = {NULL, 0}, query = {NULL, 0};
    struct vch_op_captures captures;
    struct vch_val *in = NULL;
    (void)vch_str_split(&text, '\n', &method);
    (void)vch_str_split(&text, '\n', &path);
    (void)vch_str_split(&text, '\n', &query);
    enum vch_op op = vch_op_route(method, path, arena, &captures);
    if (op == VCH_OP_NONE) return;
    const struct vch_shape_header header = {VCH_STR("x-amzn-principal"), query};
    const struct vch_shape_wire wire = {.captures = &captures, .query = query, .headers = &header, .header_count = 1, .body = text};
    struct vch_diag diag = {0};
    enum vch_err err = vch_shape_decode_input(op, &wire, arena, &in, &diag);
    if (err == VCH_OK) there_and_back(op, in, arena);
    else if (err != VCH_ERR_NOMEM && !diag.reason) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_arena *arena = vch_arena_new(4 << 20, false);
    if (arena) one(vch_str_of(data, size), arena);
    vch_arena_free(arena);
    return 0;
}
