/* The operations of the control plane, each a row: where it lives, what it
 * takes, what it gives, what it may refuse. The server routes, authorises,
 * checks and documents by these rows; the command line builds requests from
 * them. A further operation is a further row of ops.def and a use case.
 *
 * All rows are static and immutable; any thread. Sources: the service's API
 * model; our own operations live under /_vouch/.
 */
#ifndef VCH_SHAPE_OP_H
#define VCH_SHAPE_OP_H

#include "base/val.h"
#include "core/arn.h"
#include "shape/aws_error.h"

enum vch_op {
    VCH_OP_NONE,
#define VCH_OP_ROW(id, ...) VCH_OP_##id,
#include "shape/ops.def"
#undef VCH_OP_ROW
    VCH_OP_COUNT
};

enum vch_op_scope {
    VCH_SCOPE_IOT,    /* rest-json, signed for "iot" */
    VCH_SCOPE_DATA,   /* rest-json, signed for "iotdata" or "iotdevicegateway", or by client certificate */
    VCH_SCOPE_STS,    /* query protocol, signed for "sts" */
    VCH_SCOPE_VOUCH,  /* ours: rest-json, signed for "iot" */
    VCH_SCOPE_OPEN,   /* ours: rest-json, unsigned: what the body holds is the proof, and the use case its judge */
    VCH_SCOPE_PUBLIC  /* unsigned; answers are pages, not documents */
};

enum vch_field_in { VCH_IN_PATH, VCH_IN_QUERY, VCH_IN_HEADER, VCH_IN_BODY, VCH_IN_PAYLOAD /* the whole body as it is */ };
enum vch_field_type {
    VCH_FIELD_STR,
    VCH_FIELD_INT,
    VCH_FIELD_BOOL,
    VCH_FIELD_TIME,    /* seconds since the epoch with decimals */
    VCH_FIELD_MAP,     /* of strings */
    VCH_FIELD_STRS,    /* a list of strings */
    VCH_FIELD_OBJECT,  /* `members` */
    VCH_FIELD_OBJECTS, /* a list of objects with `members` */
    VCH_FIELD_ANY      /* a document of its own */
};
/* A form beyond the type; predicates of core/names.h. */
enum vch_field_check {
    VCH_CHECK_NONE,
    VCH_CHECK_POLICY_NAME,
    VCH_CHECK_TEMPLATE_NAME,
    VCH_CHECK_THING_NAME,
    VCH_CHECK_CERTIFICATE_ID, /* input is folded to lower case */
    VCH_CHECK_DIGITS,
    VCH_CHECK_ROLE_ARN,
    VCH_CHECK_USER_NAME,
    VCH_CHECK_TEXT, /* UTF-8 without control characters */
    VCH_CHECK_ARN,
    VCH_CHECK_HOOK_VERSION, /* [0-9-] */
    VCH_CHECK_ATTRIBUTE_NAME,
    VCH_CHECK_TAG_KEY,
    VCH_CHECK_TAG_VALUE,
    VCH_CHECK_ACTION, /* "iot:Publish" */
    VCH_CHECK_COUNT
};

struct vch_op_field {
    const char *name; /* as inputs and outputs spell it; NULL ends a list */
    const char *wire; /* header name; NULL: the same as name */
    enum vch_field_in in;
    enum vch_field_type type;
    bool required; /* in outputs: always there */
    enum vch_field_check check; /* of a list of strings: each */
    int64_t min, max;  /* bytes of a string, value of a number, items of a list; 0, 0: none */
    const char *words; /* allowed values, space-separated; NULL: any */
    const struct vch_op_field *members;
};

struct vch_op_row {
    const char *name; /* "CreatePolicy" */
    enum vch_op_scope scope;
    const char *method, *path; /* "/policies/{policyName}" */
    const char *action;   /* "iot:CreatePolicy"; "" needs a signature alone */
    /* "*", "policy/{policyName}", "{target}" (an ARN), "user/{userName}" (of iam). Several, space-separated, must all
     * be covered. In braces: an input, a list of names; "name|arn", whichever is given; "name=default". */
    const char *resource;
    const char *summary;
    const struct vch_op_field *in, *out; /* never NULL */
    uint32_t errors; /* bit per enum vch_aws_error, beside those common to all */
};

/* `op` is a listed operation, not NONE. */
const struct vch_op_row *vch_op_row(enum vch_op op);
bool vch_op_may_answer(enum vch_op op, enum vch_aws_error error); /* the common ones too */

/* What the path's placeholders held, percent-decoded. */
enum { VCH_OP_CAPTURES_MAX = 4 };
struct vch_op_captures {
    struct vch_op_capture {
        const char *name;
        struct vch_str value;
    } item[VCH_OP_CAPTURES_MAX];
    size_t count;
};

/* The operation of a request line, or NONE. Fixed words win over placeholders;
 * empty, dot and broken segments (escapes, UTF-8, control characters) match
 * nothing. Never finds operations of the query protocol. */
enum vch_op vch_op_route(struct vch_str method, struct vch_str raw_path, struct vch_arena *arena,
                         struct vch_op_captures *ret);
/* Query protocol: the operation whose name and version these are, or NONE. */
enum vch_op vch_op_route_query(struct vch_str action, struct vch_str version);
enum vch_op vch_op_by_name(struct vch_str name); /* NONE when there is none */

/* The ARNs that a permission must cover, each of them, from gathered inputs: at
 * least one. "*" when the input of the first is missing; the others are left
 * out then. TOO_LARGE when a name or ARN is longer than any may be; NOMEM. */
enum { VCH_OP_RESOURCES_MAX = 32 };
struct vch_op_resources {
    struct vch_str item[VCH_OP_RESOURCES_MAX];
    size_t count;
};
enum vch_err vch_op_resources(enum vch_op op, const struct vch_site *site, const struct vch_val *inputs,
                              struct vch_arena *arena, struct vch_op_resources *ret) VCH_MUST;
/* What the ARNs of the row's first resource begin with, up to the name. A row
 * whose resource is whole ("*") gives it, and *ret_whole. .ptr NULL: memory. */
struct vch_str vch_op_resource_prefix(enum vch_op op, const struct vch_site *site, struct vch_arena *arena, bool *ret_whole);
/* The first of them. .ptr NULL: memory. */
struct vch_str vch_op_resource(enum vch_op op, const struct vch_site *site, const struct vch_val *inputs,
                               struct vch_arena *arena);

#endif
