#include "shape/op.h"

#include <string.h>

#include "base/codec.h"
#include "core/names.h"

enum { SEGMENT_MAX = 8192 };

bool vch_op_may_answer(enum vch_op op, enum vch_aws_error error) {
    const uint32_t common = 1u << VCH_AWS_INTERNAL | 1u << VCH_AWS_INVALID_REQUEST | 1u << VCH_AWS_THROTTLING |
                            1u << VCH_AWS_UNAUTHORIZED | 1u << VCH_AWS_SERVICE_UNAVAILABLE |
                            1u << VCH_AWS_ACCESS_DENIED | 1u << VCH_AWS_UNRECOGNIZED_CLIENT |
                            1u << VCH_AWS_INVALID_SIGNATURE | 1u << VCH_AWS_INCOMPLETE_SIGNATURE |
                            1u << VCH_AWS_MISSING_TOKEN | 1u << VCH_AWS_EXPIRED_TOKEN | 1u << VCH_AWS_PAYLOAD_TOO_LARGE;
    return ((common | vch_op_row(op)->errors) >> error & 1u) != 0;
}

/* ---- routing ---- */

static bool is_placeholder(struct vch_str segment) {
    return segment.len > 2 && segment.ptr[0] == '{';
}

static bool is_dots(struct vch_str segment) {
    return vch_str_eq_c(segment, ".") || vch_str_eq_c(segment, "..");
}

/* How well the raw path fits the template: the count of fixed words plus one,
 * or 0 when it does not. Raw segments of the placeholders go to `ret`. */
static size_t fit(const char *template, struct vch_str raw, struct vch_op_captures *ret) {
    struct vch_str want = vch_str_from(template), got = raw;
    size_t fixed = 1;
    ret->count = 0;
    if (!vch_str_starts(got, VCH_STR("/"))) return 0;
    if (want.len == 1 || got.len == 1) return want.len == got.len ? 1 : 0;
    if (got.ptr[got.len - 1] == '/') return 0;
    want = vch_str_sub(want, 1, want.len);
    got = vch_str_sub(got, 1, got.len);
    while (true) {
        struct vch_str want_part, got_part;
        bool more = vch_str_split(&want, '/', &want_part);
        if (vch_str_split(&got, '/', &got_part) != more) return 0;
        if (!more) return fixed;
        if (got_part.len == 0 || is_dots(got_part)) return 0;
        if (!is_placeholder(want_part)) {
            if (!vch_str_eq(want_part, got_part)) return 0;
            fixed++;
            continue;
        }
        vch_assert(ret->count < VCH_OP_CAPTURES_MAX);
        ret->item[ret->count].name = want_part.ptr;
        ret->item[ret->count++].value = got_part;
    }
}

static bool segment_decode(struct vch_arena *arena, struct vch_str *segment) {
    struct vch_buf buf;
    struct vch_str plain = {NULL, 0};
    vch_buf_init(&buf, SEGMENT_MAX);
    bool good = vch_unpercent(*segment, &buf) == VCH_OK && vch_buf_finish(&buf, &plain) == VCH_OK &&
                vch_text_valid(plain, SEGMENT_MAX);
    if (good) *segment = vch_arena_str(arena, plain);
    vch_buf_deinit(&buf);
    return good && segment->ptr;
}

/* A capture's name points into the template, at "{name}": give it the name of
 * the input instead. */
static const char *input_named(const struct vch_op_row *row, const char *placeholder) {
    size_t len = strcspn(placeholder + 1, "}");
    for (const struct vch_op_field *f = row->in; f->name; f++)
        if (strlen(f->name) == len && strncmp(f->name, placeholder + 1, len) == 0) return f->name;
    vch_assert_failed("a placeholder of ops.def names no input", __FILE__, __LINE__);
}

static bool captures_decode(enum vch_op op, struct vch_arena *arena, struct vch_op_captures *captures) {
    for (size_t i = 0; i < captures->count; i++) {
        captures->item[i].name = input_named(vch_op_row(op), captures->item[i].name);
        if (!segment_decode(arena, &captures->item[i].value)) return false;
    }
    return true;
}

enum vch_op vch_op_route(struct vch_str method, struct vch_str raw_path, struct vch_arena *arena,
                         struct vch_op_captures *ret) {
    enum vch_op best = VCH_OP_NONE;
    size_t best_fit = 0;
    ret->count = 0;
    for (enum vch_op op = VCH_OP_NONE + 1; op < VCH_OP_COUNT; op++) {
        const struct vch_op_row *row = vch_op_row(op);
        struct vch_op_captures found;
        if (raw_path.len > 1 && raw_path.ptr[1] != row->path[1]) continue; /* most rows end here */
        if (row->scope == VCH_SCOPE_STS || !vch_str_eq_c(method, row->method)) continue;
        size_t score = fit(row->path, raw_path, &found);
        if (score <= best_fit) continue;
        best = op;
        best_fit = score;
        *ret = found;
    }
    if (best != VCH_OP_NONE && !captures_decode(best, arena, ret)) best = VCH_OP_NONE;
    return best;
}

enum vch_op vch_op_by_name(struct vch_str name) {
    for (enum vch_op op = VCH_OP_NONE + 1; op < VCH_OP_COUNT; op++)
        if (vch_str_eq_c(name, vch_op_row(op)->name)) return op;
    return VCH_OP_NONE;
}

enum vch_op vch_op_route_query(struct vch_str action, struct vch_str version) {
    enum vch_op op = vch_op_by_name(action);
    if (op == VCH_OP_NONE || vch_op_row(op)->scope != VCH_SCOPE_STS) return VCH_OP_NONE;
    return vch_str_eq_c(version, "2011-06-15") ? op : VCH_OP_NONE;
}

/* ---- the resource of a permission ---- */

struct vch_str vch_op_resource(enum vch_op op, const struct vch_site *site, const struct vch_val *inputs,
                               struct vch_arena *arena) {
    struct vch_str template = vch_str_from(vch_op_row(op)->resource);
    size_t open = vch_str_find(template, '{', 0);
    if (open == SIZE_MAX) return template;
    struct vch_str value = {NULL, 0};
    const struct vch_val *input =
        vch_val_get_str(inputs, vch_str_sub(template, open + 1, template.len - open - 2));
    if (vch_val_is(input, VCH_VAL_STR)) value = input->str;
    if (value.len == 0) return VCH_STR("*");
    if (open == 0) return value;
    char type[40];
    vch_assert(vch_str_copy(type, sizeof type, vch_str_sub(template, 0, open - 1)));
    return strcmp(type, "user") == 0 ? vch_iam_arn(site, type, value, arena) : vch_arn(site, type, value, arena);
}
