/* The golden vectors of tests/vectors/policy: each file a list of cases.
 *
 * {"name", "kind": "iot"|"iam", "documents": [object | "file:PATH"], "context": {key: value | [values]},
 *  "requests": [[action, resource, verdict], [action, resource, verdict, {more context}]]}
 * or, for a document that is refused,
 * {"name", "kind", "document": object | "text": string, "reason", "field"}
 *
 * `subject`, `thing` and `groups` say what a context stands for; tests over a
 * whole server make it so.
 *
 * A resource that is neither "*" nor an ARN is short for one of account
 * 123456789012 in us-east-1. A file's placeholder ":account:" becomes that
 * account. A context value of null takes the key away. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/val.h"
#include "core/policy.h"

enum { DOCUMENTS_MAX = 8 };

static const char *verdict_word(enum vch_verdict verdict) {
    static const char *const words[] = {
        [VCH_VERDICT_IMPLICIT_DENY] = "implicit-deny",
        [VCH_VERDICT_ALLOW] = "allow",
        [VCH_VERDICT_EXPLICIT_DENY] = "explicit-deny",
    };
    return words[verdict];
}

struct context {
    const struct vch_val *own, *common;
};

static const struct vch_val *context_find(const struct vch_val *map, struct vch_str name) {
    for (size_t i = 0; map && i < map->count; i++)
        if (vch_str_ieq(map->members[i].name, name)) return &map->members[i].value;
    return NULL;
}

static void lookup(void *arg, struct vch_str name, struct vch_policy_values *ret) {
    const struct context *context = arg;
    const struct vch_val *val = context_find(context->own, name);
    if (!val) val = context_find(context->common, name);
    if (vch_val_is(val, VCH_VAL_STR)) ret->value[ret->count++] = val->str;
    if (!vch_val_is(val, VCH_VAL_LIST)) return;
    ret->defined_empty = val->count == 0;
    for (size_t i = 0; i < val->count; i++) ret->value[ret->count++] = val->items[i].str;
}

static struct vch_str read_whole(const char *path, struct vch_buf *buf) {
    struct vch_diag diag = {0};
    struct vch_str text;
    if (vch_file_read(path, buf, &diag) != VCH_OK) fail_msg("%s: %s", path, diag.message);
    assert_int_equal(vch_buf_finish(buf, &text), VCH_OK);
    return text;
}

static struct vch_str with_account(struct vch_str text, struct vch_arena *arena) {
    const struct vch_str placeholder = VCH_STR(":account:");
    struct vch_buf buf;
    struct vch_str done;
    vch_buf_init(&buf, 1 << 16);
    for (size_t i = 0; i < text.len; i++) {
        if (vch_str_starts(vch_str_sub(text, i, SIZE_MAX), placeholder)) {
            vch_buf_c(&buf, ":123456789012:");
            i += placeholder.len - 1;
        } else {
            vch_buf_u8(&buf, (uint8_t)text.ptr[i]);
        }
    }
    assert_int_equal(vch_buf_finish(&buf, &done), VCH_OK);
    done = vch_arena_str(arena, done);
    vch_buf_deinit(&buf);
    return done;
}

static struct vch_str file_text(struct vch_str name, struct vch_arena *arena) {
    char path[512];
    struct vch_buf buf;
    (void)snprintf(path, sizeof path, "%s/%.*s", VOUCH_SOURCE_DIR, VCH_STR_ARG(name));
    vch_buf_init(&buf, 1 << 16);
    struct vch_str text = with_account(read_whole(path, &buf), arena);
    vch_buf_deinit(&buf);
    return text;
}

static struct vch_str document_text(const struct vch_val *val, struct vch_arena *arena) {
    struct vch_buf buf;
    struct vch_str text;
    if (val->type == VCH_VAL_STR) return file_text(vch_str_sub(val->str, 5, SIZE_MAX), arena);
    vch_buf_init(&buf, 1 << 20);
    vch_json_encode(val, &buf);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    text = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return text;
}

static enum vch_policy_kind kind_of(const struct vch_val *test) {
    return vch_str_eq_c(vch_val_str_at(test, "kind"), "iam") ? VCH_POLICY_IAM : VCH_POLICY_IOT;
}

static struct vch_str whole_resource(struct vch_str s, struct vch_arena *arena) {
    if (vch_str_eq_c(s, "*") || vch_str_starts(s, VCH_STR("arn:"))) return s;
    return vch_arena_printf(arena, "arn:aws:iot:us-east-1:123456789012:%.*s", VCH_STR_ARG(s));
}

/* ---- the trace tells what the verdict came from ---- */

struct story {
    size_t steps;
    bool allowed, denied;
    struct vch_policy_decision first[2]; /* the first that allows, the first that denies */
};

static void tell_step(void *arg, const struct vch_policy_step *step) {
    struct story *story = arg;
    bool *seen = step->deny ? &story->denied : &story->allowed;
    story->steps++;
    if (!step->action || !step->resource || !step->condition) return;
    if (!*seen) story->first[step->deny] = (struct vch_policy_decision){VCH_VERDICT_ALLOW, step->policy, step->statement};
    *seen = true;
}

static void tell_value(void *arg, struct vch_str name, const struct vch_policy_values *values) {
    (void)arg;
    assert_true(name.len > 0 && values->count <= VCH_POLICY_VALUES_MAX);
}

/* Once without a trace, once with: the same decision; and the statements as
 * they were told give it too. */
static void check_story(const struct vch_policy *const *policies, size_t count, const struct vch_policy_request *request,
                        struct vch_policy_decision plain) {
    struct story story = {0};
    struct vch_policy_trace trace = {tell_step, tell_value, &story};
    struct vch_policy_decision traced = vch_policy_eval_traced(policies, count, request, &trace);
    size_t statements = 0;
    for (size_t i = 0; i < count; i++) statements += vch_policy_statement_count(policies[i]);
    assert_int_equal(traced.verdict, plain.verdict);
    assert_ptr_equal(traced.policy, plain.policy);
    assert_int_equal(traced.statement, plain.statement);
    assert_int_equal(story.steps, statements);
    enum vch_verdict want = story.denied    ? VCH_VERDICT_EXPLICIT_DENY
                            : story.allowed ? VCH_VERDICT_ALLOW
                                            : VCH_VERDICT_IMPLICIT_DENY;
    assert_int_equal(plain.verdict, want);
    assert_ptr_equal(plain.policy, story.first[story.denied].policy);
    assert_int_equal(plain.statement, story.first[story.denied].statement);
}

static void run_request(const struct vch_val *test, const struct vch_val *row, const struct vch_policy *const *policies,
                        size_t count, struct vch_arena *arena) {
    assert_true(row->type == VCH_VAL_LIST && row->count >= 3);
    struct context context = {row->count > 3 ? &row->items[3] : NULL, vch_val_get(test, "context")};
    struct vch_policy_request request = {row->items[0].str, whole_resource(row->items[1].str, arena), lookup, &context};
    struct vch_policy_decision decision = vch_policy_eval(policies, count, &request);
    const char *have = verdict_word(decision.verdict);
    if (!vch_str_eq_c(row->items[2].str, have))
        fail_msg("%.*s: %.*s on %.*s is %s, not %.*s", VCH_STR_ARG(vch_val_str_at(test, "name")),
                 VCH_STR_ARG(request.action), VCH_STR_ARG(request.resource), have, VCH_STR_ARG(row->items[2].str));
    assert_true((decision.policy == NULL) == (decision.verdict == VCH_VERDICT_IMPLICIT_DENY));
    check_story(policies, count, &request, decision);
}

static void run_allowing(const struct vch_val *test, struct vch_arena *arena) {
    struct vch_policy *policies[DOCUMENTS_MAX] = {NULL};
    const struct vch_val *documents = vch_val_get(test, "documents");
    const struct vch_val *requests = vch_val_get(test, "requests");
    assert_true(documents->count <= DOCUMENTS_MAX && requests->count > 0);
    for (size_t i = 0; i < documents->count; i++) {
        struct vch_diag diag = {0};
        struct vch_str text = document_text(&documents->items[i], arena);
        if (vch_policy_parse(kind_of(test), VCH_STR("p"), text, &policies[i], &diag) != VCH_OK)
            fail_msg("%.*s: %s: %s", VCH_STR_ARG(vch_val_str_at(test, "name")), diag.field, diag.message);
    }
    for (size_t i = 0; i < requests->count; i++)
        run_request(test, &requests->items[i], (const struct vch_policy *const *)policies, documents->count, arena);
    for (size_t i = 0; i < documents->count; i++) vch_policy_unref(policies[i]);
}

static void run_refusal(const struct vch_val *test, struct vch_arena *arena) {
    struct vch_policy *policy = NULL;
    struct vch_diag diag = {0};
    const struct vch_val *document = vch_val_get(test, "document");
    struct vch_str text = document ? document_text(document, arena) : vch_val_str_at(test, "text");
    struct vch_str name = vch_val_str_at(test, "name");
    if (vch_policy_parse(kind_of(test), VCH_STR("p"), text, &policy, &diag) == VCH_OK)
        fail_msg("%.*s: taken", VCH_STR_ARG(name));
    assert_null(policy);
    if (!vch_str_eq_c(vch_val_str_at(test, "reason"), diag.reason) ||
        !vch_str_eq_c(vch_val_str_at(test, "field"), diag.field))
        fail_msg("%.*s: %s at \"%s\": %s", VCH_STR_ARG(name), diag.reason, diag.field, diag.message);
    assert_true(diag.message[0] != '\0');
}

static size_t run_file(const char *path) {
    struct vch_arena *arena = vch_arena_new(16 << 20, false);
    struct vch_buf buf;
    struct vch_val *file = NULL;
    struct vch_diag diag = {0};
    vch_buf_init(&buf, 1 << 20);
    if (vch_json_decode(read_whole(path, &buf), NULL, arena, &file, &diag) != VCH_OK)
        fail_msg("%s: %s", path, diag.message);
    const struct vch_val *cases = vch_val_get(file, "cases");
    assert_non_null(cases);
    for (size_t i = 0; i < cases->count; i++) {
        if (vch_val_get(&cases->items[i], "reason"))
            run_refusal(&cases->items[i], arena);
        else
            run_allowing(&cases->items[i], arena);
    }
    size_t count = cases->count;
    vch_buf_deinit(&buf);
    vch_arena_free(arena);
    return count;
}

static void test_vectors(void **state) {
    (void)state;
    DIR *dir = opendir(VOUCH_SOURCE_DIR "/tests/vectors/policy");
    size_t cases = 0;
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char path[512];
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/tests/vectors/policy/%.200s", VOUCH_SOURCE_DIR, entry->d_name);
        cases += run_file(path);
    }
    (void)closedir(dir);
    print_message("%zu cases\n", cases);
    assert_true(cases >= 300);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
