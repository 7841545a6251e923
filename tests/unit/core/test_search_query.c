#include "support/cmocka_all.h"

#include <string.h>

#include "core/reason.h"
#include "core/search_query.h"

static struct vch_arena *arena;

static int setup(void **state) {
    (void)state;
    arena = vch_arena_new(1 << 20, false);
    return arena ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

static enum vch_err parse(const char *text, struct vch_search_query *ret, struct vch_diag *diag) {
    vch_arena_reset(arena);
    return vch_search_query_parse(vch_str_from(text), arena, ret, diag);
}

/* A thing of the tests: fields and values that hold. */
static const char *const facts[][2] = {{"thingName", "dev-17"}, {"attributes.x", "1"}, {"attributes.site", "north wing"},
                                       {"thingTypeName", "lamp"}, {"thingGroupNames", "a:b"}, {"attributes.star", "a*b"}};

static bool holds(void *arg, const struct vch_query_term *term) {
    (*(size_t *)arg)++;
    if (term->field.len == 0) return true;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (vch_str_eq_c(term->field, facts[i][0]) && vch_query_term_matches(term, vch_str_from(facts[i][1]))) return true;
    return false;
}

static void verdicts(void **state) {
    (void)state;
    static const struct {
        const char *query;
        bool found;
    } cases[] = {
        {"thingName:dev-17", true},
        {"thingName:dev*", true},
        {"thingName:*17", true},
        {"thingName:d*-*7", true},
        {"thingName:dev-1?", true},
        {"thingName:dev-?", false},
        {"thingName:DEV*", false},
        {"thingName:dev", false},
        {"*", true},
        {"NOT *", false},
        {"thingName:dev* AND attributes.x:1", true},
        {"thingName:dev* attributes.x:1", true},
        {"thingName:dev* attributes.x:2", false},
        {"thingName:no OR attributes.x:1", true},
        {"thingName:no OR attributes.x:2", false},
        {"NOT thingName:no", true},
        {"NOT NOT thingName:no", false},
        {"NOT thingName:no AND attributes.x:1", true},
        {"NOT (thingName:no OR attributes.x:1)", false},
        {"thingName:no AND attributes.x:2 OR attributes.x:1", true},
        {"thingName:no AND (attributes.x:2 OR attributes.x:1)", false},
        {"attributes.x:1 OR thingName:no AND thingName:no", true},
        {"(((attributes.x:1)))", true},
        {"( attributes.x:1 )", true},
        {"attributes.site:\"north wing\"", true},
        {"attributes.site:\"north*\"", false},
        {"attributes.site:north*", true},
        {"attributes.site:north\\ wing", true},
        {"attributes.star:a\\*b", true},
        {"attributes.star:\"a*b\"", true},
        {"attributes.star:a\\**", true},
        {"thingName:dev\\*", false},
        {"thingGroupNames:a:b", true},
        {"NOTE:x", false},
        {"ANDROID:x OR attributes.x:1", true},
        {"  attributes.x:1  ", true},
        {"attributes.x:1 AND(thingName:dev*)", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_search_query query;
        struct vch_diag diag = {0};
        size_t asked = 0;
        if (parse(cases[i].query, &query, &diag) != VCH_OK) fail_msg("%s: %s", cases[i].query, diag.message);
        if (vch_search_query_eval(&query, holds, &asked) != cases[i].found) fail_msg("%s", cases[i].query);
        assert_int_equal(asked, query.term_count);
    }
}

static void refusals(void **state) {
    (void)state;
    static const char *const cases[] = {
        "", " ", "AND", "NOT", "dev*", "thingName", "thingName:", "thingName: x:y:", ":x", "thingName:a AND",
        "AND thingName:a", "thingName:a OR", "thingName:a AND OR thingName:b", "(thingName:a", "thingName:a)", "()",
        "(thingName:a))", "thingName:\"a", "thingName:\"a\"b", "thingName:a\"b\"", "thingName:a\\", "thingName:\"\"",
        "thingName:[a TO b]", "attributes.x:>5", "attributes.x:<5", "attributes.x:{1 TO 2}", "thing*:a", "a:1 b:1 c:1 d:1 e:1 f:1",
        "a:1\tb:1", "a:\x01", "a:1\nb:2", "a:\xff", "((((((((((((((((((a:1))))))))))))))))))",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_search_query query;
        struct vch_diag diag = {0};
        if (parse(cases[i], &query, &diag) != VCH_ERR_INVALID) fail_msg("accepted: %s", cases[i]);
        assert_string_equal(diag.reason, vch_reason_code(VCH_REASON_QUERY_INVALID));
        assert_string_equal(diag.field, "queryString");
        assert_true(diag.message[0]);
    }
}

static void bounds(void **state) {
    (void)state;
    struct vch_search_query query;
    static char text[1100];
    assert_int_equal(parse("a:1 b:1 c:1 d:1 e:1", &query, NULL), VCH_OK);
    assert_int_equal(query.term_count, 5);
    memset(text, 'v', 1000);
    memcpy(text, "a:", 2);
    assert_int_equal(parse(text, &query, NULL), VCH_OK);
    text[1000] = 'v';
    assert_int_equal(parse(text, &query, NULL), VCH_ERR_INVALID);
    /* Many NOTs cost nothing. */
    memset(text, 0, sizeof text);
    for (int i = 0; i < 240; i++) memcpy(text + 4 * i, "NOT ", 4);
    memcpy(text + 960, "a:1", 4);
    assert_int_equal(parse(text, &query, NULL), VCH_OK);
    assert_int_equal(query.step_count, 1);
}

static void ways_in(void **state) {
    (void)state;
    static const struct {
        const char *query, *value; /* of the term of thingName that is needed; NULL: none */
    } cases[] = {
        {"thingName:a", "a"},
        {"thingName:a AND attributes.x:1", "a"},
        {"attributes.x:1 AND (thingName:a AND NOT thingTypeName:b)", "a"},
        {"thingName:a OR attributes.x:1", NULL},
        {"NOT thingName:a", NULL},
        {"attributes.x:1 AND NOT thingName:a", NULL},
        {"(thingName:a OR thingName:b) AND thingName:c", "c"},
        {"*", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_search_query query;
        assert_int_equal(parse(cases[i].query, &query, NULL), VCH_OK);
        const struct vch_query_term *term = vch_search_query_needs(&query, "thingName");
        if (!cases[i].value != !term) fail_msg("%s", cases[i].query);
        if (term) assert_true(vch_str_eq_c(term->value, cases[i].value));
    }
}

static void wildcards(void **state) {
    (void)state;
    struct vch_search_query query;
    assert_int_equal(parse("a:pre*fix?", &query, NULL), VCH_OK);
    assert_true(vch_query_term_wild(&query.terms[0]));
    assert_int_equal(query.terms[0].plain, 3);
    assert_int_equal(parse("a:\"pre*fix\"", &query, NULL), VCH_OK);
    assert_false(vch_query_term_wild(&query.terms[0]));
    assert_int_equal(parse("a:*", &query, NULL), VCH_OK);
    assert_true(vch_query_term_matches(&query.terms[0], VCH_STR("")));
    assert_int_equal(parse("a:?", &query, NULL), VCH_OK);
    assert_false(vch_query_term_matches(&query.terms[0], VCH_STR("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts), cmocka_unit_test(refusals), cmocka_unit_test(bounds),
        cmocka_unit_test(ways_in),  cmocka_unit_test(wildcards),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
