#include "shape/op.h"

#include <string.h>

#include "base/codec.h"
#include "core/names.h"

enum { SEGMENT_MAX = 8192 };

bool vch_op_may_answer(enum vch_op op, enum vch_aws_error error) {
    const uint32_t every = 1u << VCH_AWS_INTERNAL | 1u << VCH_AWS_INVALID_REQUEST | 1u << VCH_AWS_THROTTLING |
                           1u << VCH_AWS_SERVICE_UNAVAILABLE | 1u << VCH_AWS_PAYLOAD_TOO_LARGE;
    /* The data plane says FORBIDDEN to all of them. */
    const uint32_t access = 1u << VCH_AWS_UNAUTHORIZED | 1u << VCH_AWS_ACCESS_DENIED | 1u << VCH_AWS_UNRECOGNIZED_CLIENT |
                            1u << VCH_AWS_INVALID_SIGNATURE | 1u << VCH_AWS_INCOMPLETE_SIGNATURE |
                            1u << VCH_AWS_MISSING_TOKEN | 1u << VCH_AWS_EXPIRED_TOKEN;
    const uint32_t common = vch_op_row(op)->scope == VCH_SCOPE_DATA ? every : every | access;
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

/* Of our own operations, these are IAM's: without a region. */
static bool is_iam_type(enum vch_op op, const char *type) {
    static const char *const types[] = {"user", "group", "role", "policy"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i]) == 0) return vch_op_row(op)->scope == VCH_SCOPE_VOUCH;
    return false;
}

struct resolving {
    enum vch_op op;
    const struct vch_site *site;
    const struct vch_val *inputs;
    struct vch_arena *arena;
    struct vch_op_resources *ret;
};

static enum vch_err add(struct resolving *r, struct vch_str arn) {
    if (!arn.ptr) return VCH_ERR_NOMEM;
    /* More than any list may have: the request is refused for its form. */
    if (r->ret->count < VCH_OP_RESOURCES_MAX) r->ret->item[r->ret->count++] = arn;
    return VCH_OK;
}

/* Longer than any name or ARN that a row lets pass; a shortened one must not be judged in its place. */
enum { NAME_MAX_BYTES = 4096 };

/* `kind` is what stands before the braces; empty when the value is an ARN. */
static enum vch_err add_named(struct resolving *r, struct vch_str kind, struct vch_str value) {
    char type[40];
    if (value.len == 0) return VCH_OK;
    if (value.len > NAME_MAX_BYTES) return VCH_ERR_TOO_LARGE;
    if (kind.len == 0) return add(r, value);
    vch_assert(vch_str_copy(type, sizeof type, kind));
    return add(r, is_iam_type(r->op, type) ? vch_iam_arn(r->site, type, value, r->arena) : vch_arn(r->site, type, value, r->arena));
}

static enum vch_err add_input(struct resolving *r, struct vch_str kind, const struct vch_val *input) {
    if (vch_val_is(input, VCH_VAL_STR)) return add_named(r, kind, input->str);
    for (size_t i = 0; vch_val_is(input, VCH_VAL_LIST) && i < input->count; i++)
        if (input->items[i].type == VCH_VAL_STR) VCH_TRY(add_named(r, kind, input->items[i].str));
    return VCH_OK;
}

/* "kind/{name}", "kind/{name|arn}", "kind/{name=default}", "{arn}" */
static enum vch_err add_word(struct resolving *r, struct vch_str word) {
    size_t open = vch_str_find(word, '{', 0), before = r->ret->count;
    if (open == SIZE_MAX) return add(r, word);
    struct vch_str kind = vch_str_sub(word, 0, open ? open - 1 : 0), inside = vch_str_sub(word, open + 1, word.len - open - 2);
    size_t bar = vch_str_find(inside, '|', 0), equals = vch_str_find(inside, '=', 0);
    struct vch_str name = vch_str_sub(inside, 0, bar < equals ? bar : equals);
    VCH_TRY(add_input(r, kind, vch_val_get_str(r->inputs, name)));
    if (r->ret->count > before) return VCH_OK;
    if (bar != SIZE_MAX)
        return add_input(r, VCH_STR(""), vch_val_get_str(r->inputs, vch_str_sub(inside, bar + 1, SIZE_MAX)));
    return equals == SIZE_MAX ? VCH_OK : add_named(r, kind, vch_str_sub(inside, equals + 1, SIZE_MAX));
}

enum vch_err vch_op_resources(enum vch_op op, const struct vch_site *site, const struct vch_val *inputs,
                              struct vch_arena *arena, struct vch_op_resources *ret) {
    struct resolving r = {op, site, inputs, arena, ret};
    struct vch_str rest = vch_str_from(vch_op_row(op)->resource), word;
    ret->count = 0;
    for (bool first = true; vch_str_split(&rest, ' ', &word); first = false) {
        VCH_TRY(add_word(&r, word));
        if (first && ret->count == 0) VCH_TRY(add(&r, VCH_STR("*")));
    }
    return VCH_OK;
}

struct vch_str vch_op_resource_prefix(enum vch_op op, const struct vch_site *site, struct vch_arena *arena, bool *ret_whole) {
    struct vch_str rest = vch_str_from(vch_op_row(op)->resource), word = {NULL, 0};
    char type[40];
    (void)vch_str_split(&rest, ' ', &word);
    size_t open = vch_str_find(word, '{', 0);
    *ret_whole = open == SIZE_MAX;
    if (*ret_whole) return word;
    if (open == 0) return VCH_STR("arn:");
    vch_assert(vch_str_copy(type, sizeof type, vch_str_sub(word, 0, open - 1)));
    return is_iam_type(op, type) ? vch_iam_arn(site, type, VCH_STR(""), arena) : vch_arn(site, type, VCH_STR(""), arena);
}

struct vch_str vch_op_resource(enum vch_op op, const struct vch_site *site, const struct vch_val *inputs,
                               struct vch_arena *arena) {
    struct vch_op_resources all;
    if (vch_op_resources(op, site, inputs, arena, &all) != VCH_OK) return (struct vch_str){NULL, 0};
    return all.item[0];
}
