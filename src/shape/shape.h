/* Inputs and outputs of operations between the wire and documents, both ways,
 * by the rows of op.h. Pure; results live in the caller's arena and borrow from
 * what was passed in.
 */
#ifndef VCH_SHAPE_SHAPE_H
#define VCH_SHAPE_SHAPE_H

#include "shape/op.h"

struct vch_shape_header {
    struct vch_str name, value;
};

/* A request as it arrived. */
struct vch_shape_wire {
    const struct vch_op_captures *captures;
    struct vch_str query; /* raw, without '?' */
    const struct vch_shape_header *headers;
    size_t header_count;
    struct vch_str body;
};

/* Server side, in two steps, because permission is asked before form.
 * gather collects the declared inputs, unchecked: strings from path, query and
 * header, anything from the body; members that are not declared are dropped,
 * null means absent. PAYLOAD_INVALID for a body that is no JSON object (empty
 * counts as {}), FIELD_INVALID for a query parameter that is
 * doubled, broken, or holds control characters. Should
 * it fail, *ret holds what was found so far.
 * check converts and validates: FIELD_MISSING, FIELD_INVALID, FIELD_TOO_LONG,
 * NAME_INVALID, with diag->field. */
enum vch_err vch_shape_gather(enum vch_op op, const struct vch_shape_wire *wire, struct vch_arena *arena,
                              struct vch_val **ret, struct vch_diag *diag) VCH_MUST;
enum vch_err vch_shape_check(enum vch_op op, const struct vch_val *gathered, struct vch_arena *arena,
                             struct vch_val **ret, struct vch_diag *diag) VCH_MUST;
/* Both at once. */
enum vch_err vch_shape_decode_input(enum vch_op op, const struct vch_shape_wire *wire, struct vch_arena *arena,
                                    struct vch_val **ret, struct vch_diag *diag) VCH_MUST;

/* Client side: the request that carries `inputs` (a map). FIELD_MISSING and
 * FIELD_INVALID (unknown names too). Views into `arena`. */
enum { VCH_SHAPE_HEADERS_MAX = 4 };
struct vch_shape_request {
    const char *method;
    struct vch_str path;  /* percent-encoded */
    struct vch_str query; /* encoded, without '?' */
    struct vch_shape_header headers[VCH_SHAPE_HEADERS_MAX]; /* content-type among them when there is a body */
    size_t header_count;
    struct vch_str body;
};
enum vch_err vch_shape_request(enum vch_op op, const struct vch_val *inputs, struct vch_arena *arena,
                               struct vch_shape_request *ret, struct vch_diag *diag) VCH_MUST;

/* Does `out` hold what the row promises, and nothing else? INVALID naming the
 * member. For tests. */
enum vch_err vch_shape_check_output(enum vch_op op, const struct vch_val *out, struct vch_diag *diag) VCH_MUST;

/* An OpenAPI 3.1 description of every operation, as a document. */
enum vch_err vch_shape_openapi(const char *version, struct vch_arena *arena, struct vch_val **ret) VCH_MUST;

#endif
