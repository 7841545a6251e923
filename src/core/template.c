#include "core/template.h"

#include <stdio.h>

#include "core/names.h"
#include "core/reason.h"
#include "core/template_priv.h"

struct vch_tpath vch_tpath_key(const struct vch_tpath *up, struct vch_str key) {
    if (!key.ptr) key.ptr = "";
    return (struct vch_tpath){.up = up, .key = key};
}

struct vch_tpath vch_tpath_item(const struct vch_tpath *up, size_t index) {
    return (struct vch_tpath){.up = up, .index = index};
}

/* RFC 6901 section 3: '~' is "~0" and '/' is "~1". */
void vch_tpath_put(const struct vch_tpath *at, struct vch_buf *buf) {
    if (!at) return;
    vch_tpath_put(at->up, buf);
    vch_buf_c(buf, "/");
    if (!at->key.ptr) vch_buf_printf(buf, "%zu", at->index);
    for (size_t i = 0; i < at->key.len; i++) {
        if (at->key.ptr[i] == '~')
            vch_buf_c(buf, "~0");
        else if (at->key.ptr[i] == '/')
            vch_buf_c(buf, "~1");
        else
            vch_buf_bytes(buf, &at->key.ptr[i], 1);
    }
}

static enum vch_err refuse(const struct vch_template *t, const struct vch_tpath *at, const char *reason,
                           const char *fmt, va_list args) VCH_PRINTF(4, 0);

static enum vch_err refuse(const struct vch_template *t, const struct vch_tpath *at, const char *reason,
                           const char *fmt, va_list args) {
    char message[sizeof t->diag->message];
    struct vch_buf pointer;
    struct vch_str text;
    if (!t->diag || t->diag->reason) return VCH_ERR_INVALID;
    vch_buf_init(&pointer, 65536);
    vch_tpath_put(at, &pointer);
    (void)vsnprintf(message, sizeof message, fmt, args);
    const char *field = vch_buf_finish(&pointer, &text) == VCH_OK ? text.ptr : "";
    (void)vch_diag_set(t->diag, VCH_ERR_INVALID, reason, field, "%s", message);
    vch_buf_deinit(&pointer);
    return VCH_ERR_INVALID;
}

enum vch_err vch_template_bad(const struct vch_template *t, const struct vch_tpath *at, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    enum vch_err err = refuse(t, at, vch_reason_code(VCH_REASON_TEMPLATE_INVALID), fmt, args);
    va_end(args);
    return err;
}

enum vch_err vch_template_bad_value(const struct vch_template *t, const struct vch_tpath *at, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    enum vch_err err = refuse(t, at, vch_reason_code(VCH_REASON_PARAMETER_INVALID), fmt, args);
    va_end(args);
    return err;
}

size_t vch_template_characters(struct vch_str utf8) {
    size_t count = 0;
    for (size_t i = 0; i < utf8.len; i++) count += (utf8.ptr[i] & 0xC0) != 0x80;
    return count;
}

enum vch_err vch_template_load(enum vch_template_type type, struct vch_str body, struct vch_arena *arena,
                               struct vch_diag *diag, struct vch_template *ret) {
    /* Sixteen functions of three containers each, inside a policy document. */
    static const struct vch_val_limits limits = {.depth = 80, .values = VCH_TEMPLATE_BODY_MAX};
    struct vch_val *root = NULL;
    struct vch_diag inner = {0};
    *ret = (struct vch_template){.type = type, .arena = arena, .diag = diag};
    if (vch_template_characters(body) > VCH_TEMPLATE_BODY_MAX)
        return vch_template_bad(ret, NULL, "The template is longer than %d characters.", VCH_TEMPLATE_BODY_MAX);
    enum vch_err err = vch_json_decode(body, &limits, arena, &root, &inner);
    if (err == VCH_ERR_NOMEM) return err;
    if (err != VCH_OK) return vch_template_bad(ret, NULL, "The template is not valid JSON: %s", inner.message);
    if (root->type != VCH_VAL_MAP) return vch_template_bad(ret, NULL, "The template is not a JSON object.");
    for (size_t i = 0; i < root->count; i++) {
        const struct vch_member *member = &root->members[i];
        struct vch_tpath at = vch_tpath_key(NULL, member->name);
        if (vch_str_eq_c(member->name, "Parameters"))
            ret->parameters = &member->value;
        else if (vch_str_eq_c(member->name, "Mappings"))
            ret->mappings = &member->value;
        else if (vch_str_eq_c(member->name, "Resources"))
            ret->resources = &member->value;
        else if (vch_str_eq_c(member->name, "DeviceConfiguration"))
            ret->device_configuration = &member->value;
        else if (!vch_str_eq_c(member->name, "Description") && !vch_str_eq_c(member->name, "AWSTemplateFormatVersion"))
            return vch_template_bad(ret, &at, "A template has no section %.*s.", VCH_STR_ARG(member->name));
    }
    return VCH_OK;
}

/* Policy documents are evaluated with harmless values and parsed. */
static enum vch_err rehearse_documents(struct vch_template *t) {
    struct vch_tpath top = vch_tpath_key(NULL, VCH_STR("Resources"));
    t->rehearsal = true;
    for (size_t i = 0; i < t->resources->count; i++) {
        const struct vch_member *resource = &t->resources->members[i];
        const struct vch_val *document = vch_val_get(vch_val_get(&resource->value, "Properties"), "PolicyDocument");
        struct vch_tpath at = vch_tpath_key(&top, resource->name);
        struct vch_tpath inside = vch_tpath_key(&at, VCH_STR("Properties"));
        struct vch_tpath place = vch_tpath_key(&inside, VCH_STR("PolicyDocument"));
        struct vch_str text;
        if (document) VCH_TRY(vch_template_document(t, document, &place, &text));
    }
    return VCH_OK;
}

enum vch_err vch_template_check(enum vch_template_type type, struct vch_str body, struct vch_diag *diag) {
    struct vch_template t;
    struct vch_arena *arena = vch_arena_new(16 << 20, false);
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = vch_template_load(type, body, arena, diag, &t);
    if (err == VCH_OK) err = vch_template_check_tree(&t);
    if (err == VCH_OK) err = rehearse_documents(&t);
    vch_arena_free(arena);
    return err;
}
