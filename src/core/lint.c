#include "core/lint.h"

#include <stdio.h>

#include "core/lint_priv.h"
#include "core/reason.h"

enum { COMPARED_BYTES_MAX = 10240 };

void vch_lint_add(struct vch_lint *lint, const char *rule, struct vch_str field, const char *sentence) {
    if (lint->count == VCH_LINT_MAX || !field.ptr) {
        lint->more = true;
        return;
    }
    lint->findings[lint->count++] = (struct vch_lint_finding){rule, field, vch_str_from(sentence)};
}

enum vch_err vch_lint_decode(struct vch_str text, struct vch_arena *arena, struct vch_val **ret,
                             struct vch_diag *diag) {
    struct vch_diag cause = {0};
    enum vch_err err = vch_json_decode(text, NULL, arena, ret, &cause);
    if (err == VCH_OK) return VCH_OK;
    return VCH_REFUSE(diag, err, POLICY_MALFORMED, "", "%s", cause.message);
}

/* ---- what a rule looks at ---- */

struct statement {
    size_t index;
    bool deny, not_action, not_resource;
    const struct vch_val *actions, *resources; /* a string, a list, or NULL */
};

struct document {
    enum vch_policy_kind kind;
    const struct vch_val *statements; /* a list, or one map */
    const char *pointer;              /* of `statements` */
    struct vch_arena *arena;
    struct vch_lint *lint;
};

static size_t item_count(const struct vch_val *val) {
    if (vch_val_is(val, VCH_VAL_STR)) return 1;
    return vch_val_is(val, VCH_VAL_LIST) ? val->count : 0;
}

static struct vch_str item(const struct vch_val *val, size_t i) {
    const struct vch_val *one = val->type == VCH_VAL_LIST ? &val->items[i] : val;
    return vch_val_is(one, VCH_VAL_STR) ? one->str : VCH_STR("");
}

static size_t statement_count(const struct document *document) {
    return document->statements->type == VCH_VAL_LIST ? document->statements->count : 1;
}

static struct statement statement_at(const struct document *document, size_t i) {
    bool list = document->statements->type == VCH_VAL_LIST;
    const struct vch_val *val = list ? &document->statements->items[i] : document->statements;
    struct statement st = {
        .index = i, .actions = vch_val_get(val, "Action"), .resources = vch_val_get(val, "Resource")};
    st.deny = vch_str_eq_c(vch_val_str_at(val, "Effect"), "Deny");
    st.not_action = vch_val_get(val, "NotAction") != NULL;
    st.not_resource = vch_val_get(val, "NotResource") != NULL;
    if (st.not_resource) st.resources = vch_val_get(val, "NotResource");
    return st;
}

static void find(const struct document *document, const struct statement *st, size_t resource, const char *rule,
                 const char *sentence) {
    char index[32] = "";
    char item_index[32] = "";
    if (document->statements->type == VCH_VAL_LIST) (void)snprintf(index, sizeof index, "/%zu", st->index);
    if (st->resources->type == VCH_VAL_LIST) (void)snprintf(item_index, sizeof item_index, "/%zu", resource);
    struct vch_str field = vch_arena_printf(document->arena, "%s%s/%s%s", document->pointer, index,
                                            st->not_resource ? "NotResource" : "Resource", item_index);
    vch_lint_add(document->lint, rule, field, sentence);
}

/* Says the statement this action by its own name? */
static bool names_action(const struct statement *st, const char *action) {
    for (size_t i = 0; i < item_count(st->actions); i++)
        if (vch_str_ieq(item(st->actions, i), vch_str_from(action))) return true;
    return false;
}

static bool covers_action(const struct statement *st, const char *action) {
    if (names_action(st, action)) return true;
    for (size_t i = 0; i < item_count(st->actions); i++) {
        struct vch_str pattern = item(st->actions, i);
        bool wild = vch_str_find(pattern, '*', 0) != SIZE_MAX || vch_str_find(pattern, '?', 0) != SIZE_MAX;
        if (wild && vch_glob_match(pattern, vch_str_from(action))) return true;
    }
    return false;
}

/* What stands behind "topic/" and the like; .ptr NULL for another type. "*",
 * and an ARN whose wildcard swallows the type, give "*". */
static struct vch_str name_of_type(struct vch_str resource, const char *type) {
    struct vch_lint_arn arn = vch_lint_arn(resource);
    struct vch_str prefix = vch_str_from(type);
    struct vch_str last = arn.field[arn.count - 1];
    if (vch_str_eq_c(last, "*")) return last;
    if (arn.count < VCH_LINT_FIELDS || !vch_str_starts(last, prefix)) return (struct vch_str){NULL, 0};
    return vch_str_of(last.ptr + prefix.len, last.len - prefix.len);
}

static bool has_type(const struct statement *st, const char *type) {
    for (size_t i = 0; i < item_count(st->resources); i++)
        if (!item(st->resources, i).len || name_of_type(item(st->resources, i), type).ptr) return true;
    return false;
}

/* ---- L1, L2: the type of ARN that an action is matched against ---- */

static void check_type(const struct document *document, const struct statement *st, const char *wanted,
                       const char *given, const char *rule, const char *sentence) {
    if (st->not_resource || has_type(st, wanted)) return;
    for (size_t i = 0; i < item_count(st->resources); i++)
        if (name_of_type(item(st->resources, i), given).ptr) find(document, st, i, rule, sentence);
}

static void check_types(const struct document *document, const struct statement *st) {
    if (names_action(st, "iot:Subscribe"))
        check_type(document, st, "topicfilter/", "topic/", "L1",
                   "iot:Subscribe is matched against topicfilter/ ARNs; a topic/ ARN never covers a subscription.");
    if (names_action(st, "iot:Publish") || names_action(st, "iot:Receive") || names_action(st, "iot:RetainPublish"))
        check_type(
            document, st, "topic/", "topicfilter/", "L2",
            "iot:Publish and iot:Receive are matched against topic/ ARNs; a topicfilter/ ARN never covers a message.");
}

/* ---- L3: subscriptions and deliveries that miss each other ---- */

/* The topic patterns of a resource as the action would want them, also when
 * L1 or L2 already says that the type is wrong. */
static struct vch_str topic_pattern(struct vch_str resource) {
    struct vch_str name = name_of_type(resource, "topicfilter/");
    return name.ptr ? name : name_of_type(resource, "topic/");
}

/* Is there an allowed `action` whose pattern meets `pattern`? */
static bool is_met(const struct document *document, const char *action, struct vch_str pattern,
                   bool pattern_is_filter) {
    for (size_t s = 0; s < statement_count(document); s++) {
        struct statement st = statement_at(document, s);
        if (st.deny || !covers_action(&st, action)) continue;
        for (size_t i = 0; i < item_count(st.resources); i++) {
            struct vch_str other = topic_pattern(item(st.resources, i));
            if (!other.ptr) continue;
            if (pattern_is_filter ? vch_lint_overlap(pattern, other) : vch_lint_overlap(other, pattern)) return true;
        }
    }
    return false;
}

static void check_met(const struct document *document, const struct statement *st) {
    bool subscribe = covers_action(st, "iot:Subscribe");
    bool receive = covers_action(st, "iot:Receive");
    if (st->deny || subscribe == receive) return;
    for (size_t i = 0; i < item_count(st->resources); i++) {
        struct vch_str pattern = topic_pattern(item(st->resources, i));
        if (!pattern.ptr || is_met(document, subscribe ? "iot:Receive" : "iot:Subscribe", pattern, subscribe)) continue;
        find(document, st, i, "L3",
             subscribe ? "What this lets a device subscribe to, no iot:Receive of this policy lets it receive."
                       : "What this lets a device receive, no iot:Subscribe of this policy lets it subscribe to.");
    }
}

/* A function of a template may become anything. */
static bool is_plain(const struct vch_val *val, size_t i) {
    return vch_val_is(val->type == VCH_VAL_LIST ? &val->items[i] : val, VCH_VAL_STR);
}

/* NotAction and NotResource may allow what no pattern shows; and each pattern
 * is held against each, which only a document of lawful size may ask for. */
static bool is_comparable(const struct document *document) {
    size_t bytes = 0;
    for (size_t s = 0; s < statement_count(document); s++) {
        struct statement st = statement_at(document, s);
        if (!st.deny && (st.not_action || st.not_resource)) return false;
        for (size_t i = 0; i < item_count(st.resources); i++) {
            if (!is_plain(st.resources, i)) return false;
            bytes += item(st.resources, i).len + 1;
        }
    }
    return bytes <= COMPARED_BYTES_MAX;
}

/* ---- L4: a claim and its thing ---- */

static bool mentions(const struct statement *st, const char *part) {
    for (size_t r = 0; r < item_count(st->resources); r++) {
        struct vch_str resource = item(st->resources, r);
        for (size_t i = 0; i < resource.len; i++)
            if (vch_str_starts(vch_str_sub(resource, i, SIZE_MAX), vch_str_from(part))) return true;
    }
    return false;
}

static bool provisions(const struct document *document) {
    for (size_t s = 0; s < statement_count(document); s++) {
        struct statement st = statement_at(document, s);
        if (mentions(&st, ":topic/$aws/certificates/create") || mentions(&st, ":topic/$aws/provisioning-templates/"))
            return true;
    }
    return false;
}

static void check_claim(const struct document *document, const struct statement *st) {
    if (st->deny || !covers_action(st, "iot:Connect") || !mentions(st, "${iot:Connection.Thing.")) return;
    find(document, st, 0, "L4",
         "A claim is attached to no thing, so that a variable of the thing has no value and this admits no claim.");
}

/* ---- L5 to L9: one resource at a time ---- */

static void check_breadth(const struct document *document, const struct statement *st) {
    bool iot = names_action(st, "iot:*");
    bool all = document->kind == VCH_POLICY_IOT && names_action(st, "*");
    if (st->deny || st->not_resource || !(iot || all)) return;
    for (size_t i = 0; i < item_count(st->resources); i++)
        if (vch_str_eq_c(item(st->resources, i), "*"))
            find(document, st, i, "L5", "This allows every action on every resource.");
}

static void check_arn(const struct document *document, const struct statement *st, size_t i) {
    struct vch_str resource = item(st->resources, i);
    struct vch_lint_arn arn = vch_lint_arn(resource);
    bool lacks = vch_lint_lacks_service(&arn);
    size_t region = lacks ? 2 : 3;
    if (!vch_str_starts(resource, VCH_STR("arn:"))) return;
    if (lacks || (arn.count < VCH_LINT_FIELDS && !vch_str_ends(resource, VCH_STR("*"))))
        find(document, st, i, "L8",
             lacks ? "The ARN lacks its service: arn:aws:iot:REGION:ACCOUNT:TYPE/NAME."
                   : "An ARN has six fields, arn:aws:iot:REGION:ACCOUNT:TYPE/NAME.");
    if (arn.count > region && vch_lint_is_placeholder_region(arn.field[region]))
        find(document, st, i, "L6", "The region of this ARN is a placeholder.");
    if (arn.count > region + 2 && vch_lint_is_placeholder_account(arn.field[region + 1]))
        find(document, st, i, "L6",
             "The account of this ARN is a placeholder; it has to be the 12 digits of the account.");
}

static bool has_wildcard_level(struct vch_str topic) {
    struct vch_str rest = topic;
    struct vch_str level;
    while (vch_str_split(&rest, '/', &level))
        if (vch_str_eq_c(level, "+") || vch_str_eq_c(level, "#")) return true;
    return false;
}

static void check_resource(const struct document *document, const struct statement *st, size_t i) {
    struct vch_str resource = item(st->resources, i);
    struct vch_str topic = name_of_type(resource, "topic/");
    check_arn(document, st, i);
    if (topic.ptr && has_wildcard_level(topic))
        find(document, st, i, "L7",
             "'+' and '#' are plain characters in a policy; a message's topic never holds them. Use '*'.");
    if (st->deny && !st->not_resource && vch_glob_match(VCH_STR("*${?*:*}*"), resource))
        find(document, st, i, "L9", "While the variable has no value, this Deny matches nothing and denies nothing.");
}

static void check_statement(const struct document *document, size_t index, bool claim, bool comparable) {
    struct statement st = statement_at(document, index);
    if (item_count(st.resources) == 0) return;
    if (!st.deny) check_types(document, &st);
    if (comparable) check_met(document, &st);
    if (claim) check_claim(document, &st);
    check_breadth(document, &st);
    for (size_t i = 0; i < item_count(st.resources); i++) check_resource(document, &st, i);
}

void vch_lint_document(enum vch_policy_kind kind, const struct vch_val *root, const char *pointer,
                       struct vch_arena *arena, struct vch_lint *lint) {
    struct document doc = {kind, vch_val_get(root, "Statement"), pointer, arena, lint};
    struct vch_str inside = vch_arena_printf(arena, "%s/Statement", pointer);
    if (!inside.ptr) {
        lint->more = true;
        return;
    }
    if (doc.statements) doc.pointer = inside.ptr;
    else doc.statements = root; /* a bare statement */
    bool claim = provisions(&doc);
    bool comparable = is_comparable(&doc);
    for (size_t i = 0; i < statement_count(&doc); i++) check_statement(&doc, i, claim, comparable);
}

enum vch_err vch_lint_policy(enum vch_policy_kind kind, struct vch_str document, struct vch_arena *arena,
                             struct vch_lint *ret, struct vch_diag *diag) {
    struct vch_val *root = NULL;
    ret->count = 0;
    ret->more = false;
    VCH_TRY(vch_lint_decode(document, arena, &root, diag));
    vch_lint_document(kind, root, "", arena, ret);
    return VCH_OK;
}

/* ---- one line of it ---- */

/* JSON takes care of quotes and backslashes; UTF-8 is not for headers. */
static struct vch_str plain(struct vch_str s, struct vch_buf *buf) {
    struct vch_str text = {NULL, 0};
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c > 0x7E || c == '%') vch_buf_printf(buf, "%%%02X", c);
        else vch_buf_u8(buf, c);
    }
    return vch_buf_finish(buf, &text) == VCH_OK ? text : VCH_STR("");
}

static void put_finding(const struct vch_lint_finding *finding, bool first, struct vch_buf *buf) {
    struct vch_buf field;
    vch_buf_init(&field, 65536);
    vch_buf_printf(buf, "%s{\"rule\":\"%s\",\"field\":", first ? "" : ",", finding->rule);
    vch_json_encode_str(plain(finding->field, &field), buf);
    vch_buf_c(buf, ",\"sentence\":");
    vch_json_encode_str(finding->sentence, buf);
    vch_buf_c(buf, "}");
    vch_buf_deinit(&field);
}

void vch_lint_header(const struct vch_lint *lint, size_t max, struct vch_buf *buf) {
    size_t written = 0;
    for (size_t i = 0; i < lint->count; i++) {
        struct vch_buf one;
        struct vch_str text;
        vch_buf_init(&one, max);
        put_finding(&lint->findings[i], written == 0, &one);
        if (vch_buf_finish(&one, &text) == VCH_OK && buf->len + text.len + 2 <= max) {
            if (written++ == 0) vch_buf_u8(buf, '[');
            vch_buf_str(buf, text);
        }
        vch_buf_deinit(&one);
    }
    if (written) vch_buf_u8(buf, ']');
}
