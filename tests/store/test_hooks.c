/* Hooks, the serials of allow-lists, and plans that are only tried. */
#include "store/fixture.h"
#include "store/hooks.h"

static struct vch_rec_hook a_hook(const char *name, const char *arn) {
    return (struct vch_rec_hook){.name = S(name), .target_arn = S(arn), .kind = S("https"), .target = S("https://x/"), .ca_pem = S("ca"),
                                 .certificate_pem = S("cert"), .sealed_key = {"k\0y", 3}, .sealed_secret = {"\xff\0", 2}, .timeout_ms = 7,
                                 .created_ms = T0, .modified_ms = T0};
}

static void hooks_are_put_found_and_deleted(void **state) {
    struct fix *f = *state;
    struct vch_rec_hook hook = a_hook("h", "arn:h"), r;
    READ_NOT(f, NOT_FOUND, HOOK_MISSING, vch_store_hook, S("h"), &r);
    READ_NOT(f, NOT_FOUND, HOOK_UNKNOWN, vch_store_hook_of_target, S("arn:h"), &r);
    DO(f, vch_plan_hook_put, &hook);
    READ(f, vch_store_hook_of_target, S("arn:h"), &r);
    assert_str(r.name, "h");
    assert_str(r.kind, "https");
    assert_str(r.target, "https://x/");
    assert_str(r.ca_pem, "ca");
    assert_str(r.certificate_pem, "cert");
    assert_true(vch_str_eq(r.sealed_key, hook.sealed_key) && vch_str_eq(r.sealed_secret, hook.sealed_secret));
    assert_true(r.timeout_ms == 7 && r.created_ms == T0 && r.modified_ms == T0);
    hook = a_hook("h", "arn:other");
    hook.kind = S("program");
    hook.modified_ms = T0 + 9;
    DO(f, vch_plan_hook_put, &hook);
    READ(f, vch_store_hook, S("h"), &r);
    assert_str(r.kind, "program");
    assert_true(r.created_ms == T0 && r.modified_ms == T0 + 9);
    READ_NOT(f, NOT_FOUND, HOOK_UNKNOWN, vch_store_hook_of_target, S("arn:h"), &r);
    DO(f, vch_plan_hook_delete, S("h"));
    READ_NOT(f, NOT_FOUND, HOOK_MISSING, vch_store_hook, S("h"), &r);
    PLAN(f, p);
    vch_plan_hook_delete(p, S("h"));
    REFUSED(f, p, NOT_FOUND, HOOK_MISSING);
}

static void a_target_has_one_hook(void **state) {
    struct fix *f = *state;
    struct vch_rec_hook first = a_hook("a", "arn:x"), second = a_hook("b", "arn:x");
    struct vch_list_hook list;
    DO(f, vch_plan_hook_put, &first);
    PLAN(f, p);
    vch_plan_hook_put(p, &second);
    REFUSED(f, p, EXISTS, HOOK_TAKEN);
    second.target_arn = S("arn:y");
    DO(f, vch_plan_hook_put, &second);
    READ(f, vch_store_hooks, ((struct vch_page){.limit = 1}), &list);
    assert_true(list.count == 1 && list.more);
    assert_str(list.items[0].name, "a");
    READ(f, vch_store_hooks, ((struct vch_page){.limit = 5, .after = S("a")}), &list);
    assert_true(list.count == 1 && !list.more);
    assert_str(list.items[0].name, "b");
}

static void serials_belong_to_their_hook(void **state) {
    struct fix *f = *state;
    struct vch_rec_hook first = a_hook("a", "arn:a"), second = a_hook("b", "arn:b");
    const struct vch_rec_serial rows[] = {{S("2"), S("{\"p\":\"x\"}")}, {S("1"), S("{}")}, {S("2"), S("{\"p\":\"y\"}")}};
    struct vch_list_serial list;
    struct vch_rec_serial row;
    bool found = true;
    PLAN(f, early);
    vch_plan_hook_serials_put(early, S("a"), rows, 1);
    REFUSED(f, early, NOT_FOUND, HOOK_MISSING);
    DO(f, vch_plan_hook_put, &first);
    DO(f, vch_plan_hook_put, &second);
    DO(f, vch_plan_hook_serials_put, S("a"), rows, 3);
    READ(f, vch_store_hook_serials, S("a"), ((struct vch_page){.limit = 9}), &list);
    assert_int_equal(list.count, 2);
    assert_str(list.items[0].serial, "1");
    assert_str(list.items[1].overrides, "{\"p\":\"y\"}"); /* the later row won */
    READ(f, vch_store_hook_serial, S("b"), S("1"), &row, &found);
    assert_false(found);
    READ(f, vch_store_hook_serial, S("a"), S("1"), &row, &found);
    assert_true(found);
    DO(f, vch_plan_hook_serial_delete, S("a"), S("1"));
    PLAN(f, again);
    vch_plan_hook_serial_delete(again, S("a"), S("1"));
    REFUSED(f, again, NOT_FOUND, RESOURCE_MISSING);
    DO(f, vch_plan_hook_delete, S("a"));
    READ_NOT(f, NOT_FOUND, HOOK_MISSING, vch_store_hook_serials, S("a"), ((struct vch_page){.limit = 9}), &list);
    DO(f, vch_plan_hook_put, &first);
    READ(f, vch_store_hook_serials, S("a"), ((struct vch_page){.limit = 9}), &list);
    assert_int_equal(list.count, 0); /* what was deleted does not come back */
    DO(f, vch_plan_hook_serials_put, S("a"), rows, 2);
    DO(f, vch_plan_hook_serials_clear, S("a"));
    READ(f, vch_store_hook_serials, S("a"), ((struct vch_page){.limit = 9}), &list);
    assert_int_equal(list.count, 0);
}

static void what_is_only_tried_leaves_nothing(void **state) {
    struct fix *f = *state;
    struct vch_rec_hook hook = a_hook("h", "arn:h"), r;
    const struct vch_rec_ledger row = {.event = S("never"), .actor = S("nobody"), .outcome = S("ok"), .detail = S("{}")};
    size_t told = f->change_count;
    int64_t before = 0, after = 0;
    assert_int_equal(vch_store_ledger_verify(f->store, &before, &f->diag), VCH_OK);
    PLAN(f, p);
    vch_plan_hook_put(p, &hook);
    vch_plan_ledger(p, &row);
    vch_plan_rehearse(p);
    REFUSED(f, p, STATE, REHEARSED);
    READ_NOT(f, NOT_FOUND, HOOK_MISSING, vch_store_hook, S("h"), &r);
    assert_int_equal(vch_store_ledger_verify(f->store, &after, &f->diag), VCH_OK);
    assert_true(before == after && f->change_count == told);
    /* A guard before the end speaks for itself. */
    PLAN(f, q);
    vch_plan_hook_delete(q, S("h"));
    vch_plan_rehearse(q);
    REFUSED(f, q, NOT_FOUND, HOOK_MISSING);
}

STORE_SUITE(STORE_TEST(hooks_are_put_found_and_deleted), STORE_TEST(a_target_has_one_hook), STORE_TEST(serials_belong_to_their_hook),
            STORE_TEST(what_is_only_tried_leaves_nothing))
