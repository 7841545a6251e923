/* Provisioning templates inside: a decoded document, places in it, and the
 * functions of its language. One thread per struct vch_template. */
#ifndef VCH_CORE_TEMPLATE_PRIV_H
#define VCH_CORE_TEMPLATE_PRIV_H

#include "core/template.h"

enum { VCH_TEMPLATE_DEPTH_MAX = 16 }; /* functions inside functions */

#define VCH_TEMPLATE_CERTIFICATE "AWS::IoT::Certificate::"
#define VCH_TEMPLATE_CERTIFICATE_ID VCH_TEMPLATE_CERTIFICATE "Id"

struct vch_template {
    enum vch_template_type type;
    const struct vch_val *parameters, *mappings, *resources, *device_configuration; /* NULL when absent */
    struct vch_arena *arena;
    struct vch_diag *diag;
    /* Evaluation only. */
    const struct vch_val *given;
    struct vch_str certificate_id;
    bool in_policy; /* inside PolicyDocument: no value may widen the policy */
    bool in_pem;    /* inside a request or certificate in PEM: values have lines */
    bool rehearsal; /* no parameters yet: each is a harmless word */
};

/* A place in the document; lives on the stack of who walks it. */
struct vch_tpath {
    const struct vch_tpath *up; /* NULL: the document */
    struct vch_str key;         /* .ptr NULL: an item of a list */
    size_t index;
};
struct vch_tpath vch_tpath_key(const struct vch_tpath *up, struct vch_str key);
struct vch_tpath vch_tpath_item(const struct vch_tpath *up, size_t index);

void vch_tpath_put(const struct vch_tpath *at, struct vch_buf *buf); /* as a JSON pointer (RFC 6901) */

/* Refusals: TEMPLATE_INVALID and PARAMETER_INVALID with the place as JSON
 * pointer (RFC 6901). Both return VCH_ERR_INVALID. */
enum vch_err vch_template_bad(const struct vch_template *t, const struct vch_tpath *at, const char *fmt, ...)
    VCH_PRINTF(3, 4);
enum vch_err vch_template_bad_value(const struct vch_template *t, const struct vch_tpath *at, const char *fmt, ...)
    VCH_PRINTF(3, 4);

/* Decodes `body` and finds its sections, nothing more. */
enum vch_err vch_template_load(enum vch_template_type type, struct vch_str body, struct vch_arena *arena,
                               struct vch_diag *diag, struct vch_template *ret) VCH_MUST;
/* All static rules but those of policy documents. */
enum vch_err vch_template_check_tree(const struct vch_template *t) VCH_MUST;

enum vch_tfn {
    VCH_TFN_NONE,
    VCH_TFN_REF,
    VCH_TFN_JOIN,
    VCH_TFN_SELECT,
    VCH_TFN_FIND_IN_MAP,
    VCH_TFN_SPLIT,
    VCH_TFN_SUB,
    VCH_TFN_UNKNOWN,  /* "Fn::" and something else */
    VCH_TFN_NOT_ALONE /* beside other members */
};
enum vch_tfn vch_tfn_of(const struct vch_val *val, struct vch_str *ret_name, const struct vch_val **ret_arg);

/* What a value has to become. TREE is any JSON with functions in it. */
enum vch_tkind { VCH_TKIND_TEXT, VCH_TKIND_LIST, VCH_TKIND_MAP, VCH_TKIND_TREE };
enum vch_err vch_template_check_value(const struct vch_template *t, const struct vch_val *val, enum vch_tkind kind,
                                      const struct vch_tpath *at) VCH_MUST;

/* The pieces of a Fn::Sub string. */
enum vch_tsub { VCH_TSUB_END, VCH_TSUB_LITERAL, VCH_TSUB_VARIABLE, VCH_TSUB_BROKEN };
enum vch_tsub vch_tsub_next(struct vch_str *rest, struct vch_str *ret_text);
/* "${iot:…}", "${aws:…}" and IAM's escapes: left for the policy engine. */
bool vch_tsub_opaque(struct vch_str name);

enum vch_err vch_template_text(const struct vch_template *t, const struct vch_val *val, const struct vch_tpath *at,
                               struct vch_str *ret) VCH_MUST;
/* A list of strings. */
enum vch_err vch_template_list(const struct vch_template *t, const struct vch_val *val, const struct vch_tpath *at,
                               const struct vch_val **ret) VCH_MUST;
enum vch_err vch_template_tree(const struct vch_template *t, const struct vch_val *val, const struct vch_tpath *at,
                               struct vch_val *ret) VCH_MUST;
/* JSON text of PolicyDocument, which parses under the policy grammar. */
enum vch_err vch_template_document(const struct vch_template *t, const struct vch_val *val, const struct vch_tpath *at,
                                   struct vch_str *ret) VCH_MUST;

/* Rows of OverrideSettings. */
enum vch_tover { VCH_TOVER_ATTRIBUTES, VCH_TOVER_TYPE, VCH_TOVER_GROUPS, VCH_TOVER_STATUS, VCH_TOVER_COUNT };
/* DEFAULT when absent. `resource` has been checked. */
enum vch_override vch_template_override(const struct vch_val *resource, enum vch_tover which);

size_t vch_template_characters(struct vch_str utf8);

#endif
