/* docs/operations.md, printed from the rows of shape/op.h. With --pairs: what the tests must have seen, a line each: an
 * operation and "-", or an error that it declares; "*" and each error that is common to all. */
#include <stdio.h>
#include <string.h>

#include "shape/quota.h"

static const struct section {
    enum vch_op_scope scope;
    const char *title, *text;
} sections[] = {
    {VCH_SCOPE_IOT, "AWS IoT operations", "Requests and answers as the AWS CLI and SDKs make them, signed for the service `iot`."},
    {VCH_SCOPE_DATA, "AWS IoT data plane",
     "Requests and answers as `iot-data` clients make them, signed for `iotdata` or `iotdevicegateway`, or with a client certificate, then judged "
     "by its IoT policies. Who may not gets `ForbiddenException` (403), whatever is missing; ThrottlingException has status 429 here. An error is "
     "`{message, traceId}`."},
    {VCH_SCOPE_STS, "AWS STS operations", "Query protocol (`Action=NAME&Version=2011-06-15` as a form), answers in XML, signed for the service `sts`."},
    {VCH_SCOPE_VOUCH, "Our own operations", "JSON under `/_vouch/`, signed for the service `iot`."},
    {VCH_SCOPE_OPEN, "Our own open operations", "JSON under `/_vouch/`, unsigned: what the body holds is the proof."},
    {VCH_SCOPE_PUBLIC, "Public pages", "Unsigned; they answer with a page, not with a document."},
};

static const char *type_word(const struct vch_op_field *field) {
    static const char *const words[] = {
        [VCH_FIELD_STR] = "text",           [VCH_FIELD_INT] = "number",    [VCH_FIELD_BOOL] = "true or false",
        [VCH_FIELD_TIME] = "time",          [VCH_FIELD_MAP] = "texts by name", [VCH_FIELD_STRS] = "list of texts",
        [VCH_FIELD_OBJECT] = "object",      [VCH_FIELD_OBJECTS] = "list of objects", [VCH_FIELD_ANY] = "any",
    };
    return words[field->type];
}

static void print_place(const struct vch_op_field *field) {
    static const char *const places[] = {
        [VCH_IN_PATH] = "path", [VCH_IN_QUERY] = "query", [VCH_IN_HEADER] = "header", [VCH_IN_BODY] = "body",
        [VCH_IN_PAYLOAD] = "the body itself"};
    (void)printf("%s", places[field->in]);
    if (field->wire) (void)printf(" `%s`", field->wire);
}

static void print_bounds(const struct vch_op_field *field) {
    const char *unit = field->type == VCH_FIELD_STR ? " bytes" : "";
    if (field->words) (void)printf("; one of `%s`", field->words);
    if (field->min && field->max) (void)printf("; %lld to %lld%s", (long long)field->min, (long long)field->max, unit);
    else if (field->max) (void)printf("; at most %lld%s", (long long)field->max, unit);
}

/* "a, b {c, d}, [e]" on one line; what may be missing ends in "?". */
static void print_members(const struct vch_op_field *fields) {
    for (const struct vch_op_field *f = fields; f->name; f++) {
        bool list = f->type == VCH_FIELD_OBJECTS || f->type == VCH_FIELD_STRS;
        (void)printf("%s%s%s", f == fields ? "" : ", ", f->name, f->required ? "" : "?");
        if (list) (void)printf(" [");
        if (f->members && f->members->name) {
            (void)printf(list ? "{" : " {");
            print_members(f->members);
            (void)printf("}");
        }
        if (list) (void)printf("]");
    }
}

static void print_inputs(const struct vch_op_row *row) {
    for (const struct vch_op_field *f = row->in; f->name; f++) {
        (void)printf("- `%s`: %s", f->name, f->required ? "" : "optional, ");
        print_place(f);
        (void)printf(", %s", type_word(f));
        print_bounds(f);
        if (f->members) {
            (void)printf(" {");
            print_members(f->members);
            (void)printf("}");
        }
        (void)printf("\n");
    }
}

static void print_errors(const struct vch_op_row *row) {
    const char *before = "\nRefuses with ";
    for (enum vch_aws_error e = 0; e < VCH_AWS_ERROR_COUNT; e++) {
        if (!(row->errors & (1u << e))) continue;
        (void)printf("%s`%s` (%d)", before, vch_aws_error_name(e), vch_aws_error_status(e));
        before = ", ";
    }
    if (row->errors) (void)printf(".\n");
}

static void print_quota(enum vch_op op) {
    if (vch_op_quota(op)) (void)printf("\nWith `--limits aws`: %u a second.\n", vch_op_quota(op));
}

static void print_row(enum vch_op op) {
    const struct vch_op_row *row = vch_op_row(op);
    (void)printf("\n### %s\n\n`%s %s`", row->name, row->method, row->path);
    if (row->action[0]) (void)printf(" · needs `%s` on `%s`", row->action, row->resource);
    (void)printf("\n\n%s\n", row->summary);
    if (row->in->name) (void)printf("\n");
    print_inputs(row);
    if (row->out->in == VCH_IN_PAYLOAD && row->out->name) {
        (void)printf("\nGives a stream of `%s`.\n", row->out->wire);
    } else if (row->out->name) {
        (void)printf("\nGives ");
        print_members(row->out);
        (void)printf(".\n");
    }
    print_errors(row);
    print_quota(op);
}

static bool is_common(enum vch_aws_error e) {
    bool own = (vch_op_row(VCH_OP_LIST_POLICIES)->errors & (1u << e)) != 0;
    return !own && vch_op_may_answer(VCH_OP_LIST_POLICIES, e);
}

static void print_common(void) {
    const char *before = "Beside the errors listed, every signed operation may refuse with ";
    for (enum vch_aws_error e = 0; e < VCH_AWS_ERROR_COUNT; e++) {
        if (!is_common(e)) continue;
        (void)printf("%s`%s` (%d)", before, vch_aws_error_name(e), vch_aws_error_status(e));
        before = ", ";
    }
    (void)printf(".\n");
}

static void print_pairs(void) {
    for (enum vch_op op = VCH_OP_NONE + 1; op < VCH_OP_COUNT; op++) {
        const struct vch_op_row *row = vch_op_row(op);
        (void)printf("%s -\n", row->name);
        for (enum vch_aws_error e = 0; e < VCH_AWS_ERROR_COUNT; e++)
            if (row->errors & (1u << e)) (void)printf("%s %s\n", row->name, vch_aws_error_name(e));
    }
    for (enum vch_aws_error e = 0; e < VCH_AWS_ERROR_COUNT; e++)
        if (is_common(e)) (void)printf("* %s\n", vch_aws_error_name(e));
}

static void print_document(void) {
    (void)printf("# Operations\n\n"
                 "<!-- Made by tools/make-operations from src/shape/ops.def. Change it there. -->\n\n"
                 "What the server answers over HTTPS. The same rows are served as OpenAPI at `/_vouch/openapi.json`.\n"
                 "A resource without `arn:` is the last part of an ARN of this account; `{x}` is the input x. A member with `?` may be\n"
                 "missing. Times are seconds since 1970.\n\n");
    print_common();
    (void)printf("\nWith `--limits aws` an operation has the quota that AWS grants an account by default, where it is known; beside it, all\n"
                 "operations that register a device certificate together have %d a second. Each server counts for itself.\n",
                 VCH_QUOTA_CERTIFICATES);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        (void)printf("\n## %s\n\n%s\n", sections[i].title, sections[i].text);
        for (enum vch_op op = VCH_OP_NONE + 1; op < VCH_OP_COUNT; op++)
            if (vch_op_row(op)->scope == sections[i].scope) print_row(op);
    }
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--pairs") == 0)
        print_pairs();
    else
        print_document();
    return ferror(stdout) || fflush(stdout) != 0 ? 1 : 0;
}
