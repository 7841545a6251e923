/* The rows as an OpenAPI 3.1 document. */
#include <string.h>

#include "shape/field_priv.h"
#include "shape/shape.h"

/* A slot of a map or list moves when its parent grows: finish a child before
 * the next sibling. */
struct writing {
    struct vch_arena *arena;
    bool failed; /* memory */
};

static struct vch_val *map_at(struct writing *w, struct vch_val *map, const char *name) {
    struct vch_val *slot = map ? vch_val_put_map(w->arena, map, name) : NULL;
    if (!slot) w->failed = true;
    return slot;
}

static struct vch_val *list_at(struct writing *w, struct vch_val *map, const char *name) {
    struct vch_val *slot = map ? vch_val_put_list(w->arena, map, name) : NULL;
    if (!slot) w->failed = true;
    return slot;
}

static struct vch_val *map_into(struct writing *w, struct vch_val *list) {
    struct vch_val *slot = list ? vch_val_push_map(w->arena, list) : NULL;
    if (!slot) w->failed = true;
    return slot;
}

static void text_at(struct writing *w, struct vch_val *map, const char *name, const char *text) {
    if (!map || vch_val_put_str(w->arena, map, name, vch_str_from(text)) != VCH_OK) w->failed = true;
}

static void flag_at(struct writing *w, struct vch_val *map, const char *name, bool flag) {
    if (!map || vch_val_put_bool(w->arena, map, name, flag) != VCH_OK) w->failed = true;
}

static void int_at(struct writing *w, struct vch_val *map, const char *name, int64_t n) {
    if (!map || vch_val_put_int(w->arena, map, name, n) != VCH_OK) w->failed = true;
}

static void item_into(struct writing *w, struct vch_val *list, struct vch_str text) {
    if (!list || vch_val_push_str(w->arena, list, text) != VCH_OK) w->failed = true;
}

static void members_write(struct writing *w, struct vch_val *schema, const struct vch_op_field *fields, bool body_only);

static const char *type_name(enum vch_field_type type) {
    static const char *const names[] = {
        [VCH_FIELD_STR] = "string",  [VCH_FIELD_INT] = "integer", [VCH_FIELD_BOOL] = "boolean", [VCH_FIELD_TIME] = "number",
        [VCH_FIELD_MAP] = "object",  [VCH_FIELD_STRS] = "array",  [VCH_FIELD_OBJECT] = "object", [VCH_FIELD_OBJECTS] = "array",
        [VCH_FIELD_ANY] = NULL,
    };
    return names[type];
}

static void bounds_write(struct writing *w, struct vch_val *schema, const struct vch_op_field *field) {
    bool text = field->type == VCH_FIELD_STR, list = field->type == VCH_FIELD_STRS || field->type == VCH_FIELD_OBJECTS;
    if (field->min) int_at(w, schema, text ? "minLength" : list ? "minItems" : "minimum", field->min);
    if (field->max) int_at(w, schema, text ? "maxLength" : list ? "maxItems" : "maximum", field->max);
    if (!field->words) return;
    struct vch_val *words = list_at(w, schema, "enum");
    struct vch_str rest = vch_str_from(field->words), word;
    while (vch_str_split(&rest, ' ', &word)) item_into(w, words, word);
}

static void schema_write(struct writing *w, struct vch_val *schema, const struct vch_op_field *field) {
    if (type_name(field->type)) text_at(w, schema, "type", type_name(field->type));
    bounds_write(w, schema, field);
    if (field->type == VCH_FIELD_MAP) text_at(w, map_at(w, schema, "additionalProperties"), "type", "string");
    if (field->type == VCH_FIELD_STRS) text_at(w, map_at(w, schema, "items"), "type", "string");
    if (field->type == VCH_FIELD_OBJECT) members_write(w, schema, field->members, false);
    if (field->type == VCH_FIELD_OBJECTS) {
        struct vch_val *items = map_at(w, schema, "items");
        text_at(w, items, "type", "object");
        members_write(w, items, field->members, false);
    }
}

static bool shown(const struct vch_op_field *field, bool body_only) {
    return !body_only || field->in == VCH_IN_BODY;
}

static void members_write(struct writing *w, struct vch_val *schema, const struct vch_op_field *fields, bool body_only) {
    struct vch_val *properties = map_at(w, schema, "properties"), *required = NULL;
    for (const struct vch_op_field *f = fields; f->name; f++)
        if (shown(f, body_only)) schema_write(w, map_at(w, properties, f->name), f);
    for (const struct vch_op_field *f = fields; f->name; f++) {
        if (!shown(f, body_only) || !f->required) continue;
        if (!required) required = list_at(w, schema, "required");
        item_into(w, required, vch_str_from(f->name));
    }
}

static void parameters_write(struct writing *w, struct vch_val *operation, const struct vch_op_row *row) {
    static const char *const places[] = {[VCH_IN_PATH] = "path", [VCH_IN_QUERY] = "query", [VCH_IN_HEADER] = "header"};
    struct vch_val *list = NULL;
    for (const struct vch_op_field *f = row->in; f->name; f++) {
        if (f->in == VCH_IN_BODY || f->in == VCH_IN_PAYLOAD) continue;
        if (!list) list = list_at(w, operation, "parameters");
        struct vch_val *parameter = map_into(w, list);
        text_at(w, parameter, "name", vch_field_wire(f));
        text_at(w, parameter, "in", places[f->in]);
        flag_at(w, parameter, "required", f->required);
        schema_write(w, map_at(w, parameter, "schema"), f);
    }
}

static void payload_write(struct writing *w, struct vch_val *operation) {
    struct vch_val *content = map_at(w, map_at(w, operation, "requestBody"), "content");
    struct vch_val *schema = map_at(w, map_at(w, content, "application/octet-stream"), "schema");
    text_at(w, schema, "type", "string");
    text_at(w, schema, "format", "binary");
}

static void body_write(struct writing *w, struct vch_val *operation, const struct vch_op_row *row) {
    bool any = false, required = false;
    for (const struct vch_op_field *f = row->in; f->name; f++) {
        if (f->in == VCH_IN_PAYLOAD) payload_write(w, operation);
        if (f->in != VCH_IN_BODY) continue;
        any = true;
        required = required || f->required;
    }
    if (!any) return;
    struct vch_val *body = map_at(w, operation, "requestBody");
    flag_at(w, body, "required", required);
    struct vch_val *schema = map_at(w, map_at(w, map_at(w, body, "content"), "application/json"), "schema");
    text_at(w, schema, "type", "object");
    members_write(w, schema, row->in, true);
}

static void answers_write(struct writing *w, struct vch_val *operation, enum vch_op op) {
    const struct vch_op_row *row = vch_op_row(op);
    struct vch_val *answers = map_at(w, operation, "responses"), *good = map_at(w, answers, "200");
    text_at(w, good, "description", row->summary);
    if (row->scope == VCH_SCOPE_PUBLIC || row->scope == VCH_SCOPE_STS) return;
    bool stream = row->out->name && row->out->in == VCH_IN_PAYLOAD;
    struct vch_val *content = map_at(w, map_at(w, good, "content"), stream ? row->out->wire : "application/json");
    struct vch_val *schema = map_at(w, content, "schema");
    text_at(w, schema, "type", stream ? "string" : "object");
    if (!stream) members_write(w, schema, row->out, false);
    text_at(w, map_at(w, answers, "default"), "description",
            "Refused: header x-amzn-ErrorType names the error, the body's message explains it.");
    struct vch_val *errors = list_at(w, operation, "x-errors");
    for (enum vch_aws_error e = 0; e < VCH_AWS_ERROR_COUNT; e++)
        if (vch_op_may_answer(op, e)) item_into(w, errors, vch_str_from(vch_aws_error_name(e)));
}

/* Operations of the query protocol share a method and a path; what tells them
 * apart stands behind '#'. */
static const char *path_of(struct writing *w, const struct vch_op_row *row) {
    if (row->scope != VCH_SCOPE_STS) return row->path;
    struct vch_str path = vch_arena_printf(w->arena, "%s#Action=%s", row->path, row->name);
    w->failed = w->failed || !path.ptr;
    return path.ptr ? path.ptr : row->path;
}

static void operation_write(struct writing *w, struct vch_val *paths, enum vch_op op) {
    const struct vch_op_row *row = vch_op_row(op);
    char method[12];
    const char *name = path_of(w, row);
    struct vch_val *path = paths ? (struct vch_val *)(uintptr_t)vch_val_get(paths, name) : NULL;
    if (!path) path = map_at(w, paths, name);
    (void)vch_str_copy(method, sizeof method, vch_str_from(row->method));
    for (char *at = method; *at; at++) *at = (char)(*at | 0x20);
    struct vch_str key = vch_arena_str(w->arena, vch_str_from(method));
    struct vch_val *operation = key.ptr ? map_at(w, path, key.ptr) : NULL;
    text_at(w, operation, "operationId", row->name);
    text_at(w, operation, "summary", row->summary);
    if (row->scope == VCH_SCOPE_PUBLIC || row->scope == VCH_SCOPE_OPEN) (void)list_at(w, operation, "security");
    if (row->scope == VCH_SCOPE_STS) (void)list_at(w, map_into(w, list_at(w, operation, "security")), "sigv4");
    if (row->action[0]) text_at(w, operation, "x-iam-action", row->action);
    parameters_write(w, operation, row);
    body_write(w, operation, row);
    answers_write(w, operation, op);
}

static void scheme_write(struct writing *w, struct vch_val *schemes, const char *id, const char *in, const char *name, const char *description) {
    struct vch_val *scheme = map_at(w, schemes, id);
    text_at(w, scheme, "type", "apiKey");
    text_at(w, scheme, "name", name);
    text_at(w, scheme, "in", in);
    text_at(w, scheme, "description", description);
}

static void frame_write(struct writing *w, struct vch_val *root, const char *version) {
    text_at(w, root, "openapi", "3.1.0");
    struct vch_val *info = map_at(w, root, "info");
    text_at(w, info, "title", "vouch");
    text_at(w, info, "version", version);
    struct vch_val *schemes = map_at(w, map_at(w, root, "components"), "securitySchemes");
    scheme_write(w, schemes, "sigv4", "header", "Authorization", "AWS Signature Version 4, service iot");
    scheme_write(w, schemes, "session", "cookie", "__Host-vouch", "Session of SignIn; all but GET need the header X-Vouch-CSRF with its csrfToken");
    struct vch_val *either = list_at(w, root, "security");
    (void)list_at(w, map_into(w, either), "sigv4");
    (void)list_at(w, map_into(w, either), "session");
}

enum vch_err vch_shape_openapi(const char *version, struct vch_arena *arena, struct vch_val **ret) {
    struct writing w = {.arena = arena};
    *ret = vch_val_new_map(arena);
    if (!*ret) return VCH_ERR_NOMEM;
    frame_write(&w, *ret, version);
    struct vch_val *paths = map_at(&w, *ret, "paths");
    for (enum vch_op op = VCH_OP_NONE + 1; op < VCH_OP_COUNT; op++) operation_write(&w, paths, op);
    return w.failed ? VCH_ERR_NOMEM : VCH_OK;
}
