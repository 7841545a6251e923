/* Every paged list, walked up and down: all items, in order, once. */
#include "store/fixture.h"

#include <string.h>

enum { ITEMS = 7, KEY = 96 };

struct walk {
    char keys[ITEMS * 2][KEY];
    size_t count;
    bool more;
};

static void note(struct walk *w, struct vch_str key) {
    assert_true(w->count < COUNT_OF(w->keys));
    assert_true(vch_str_copy(w->keys[w->count++], KEY, key));
}

typedef void read_page(struct fix *f, struct vch_page page, struct walk *w);

#define PAGE_OF(name, list_type, key, ...)                                                                             \
    static void name(struct fix *f, struct vch_page page, struct walk *w) {                                            \
        struct list_type list;                                                                                         \
        READ(f, __VA_ARGS__, page, &list);                                                                             \
        assert_true(list.count <= page.limit);                                                                         \
        for (size_t i = 0; i < list.count; i++) note(w, key);                                                          \
        w->more = list.more;                                                                                           \
    }
PAGE_OF(policies, vch_list_policy, list.items[i].name, vch_store_policies)
PAGE_OF(templates, vch_list_template, list.items[i].name, vch_store_templates)
PAGE_OF(certificates, vch_list_certificate, list.items[i].id, vch_store_certificates)
PAGE_OF(claims, vch_list_claim, list.items[i].id, vch_store_claims)
PAGE_OF(things, vch_list_thing, list.items[i].name, vch_store_things)
PAGE_OF(users, vch_list_user, list.items[i].name, vch_store_users)
PAGE_OF(thing_principals, vch_list_str, list.items[i], vch_store_thing_principals, S("name-0"))
PAGE_OF(principal_things, vch_list_str, list.items[i], vch_store_principal_things, id_of(f, 0))
PAGE_OF(attached_policies, vch_list_str, list.items[i], vch_store_attached_policies, id_of(f, 0))
PAGE_OF(policy_targets, vch_list_str, list.items[i], vch_store_policy_targets, S("name-0"))

static void template_versions(struct fix *f, struct vch_page page, struct walk *w) {
    struct vch_list_version list;
    READ(f, vch_store_template_versions, S("versions"), page, &list);
    for (size_t i = 0; i < list.count; i++) note(w, vch_arena_printf(f->arena, "%d", (int)list.items[i].version));
    w->more = list.more;
}

static void fill_item(struct fix *f, struct vch_plan *p, int n) {
    struct vch_rec_policy policy = a_policy("");
    struct vch_rec_template template = a_template("");
    struct vch_rec_thing thing = a_thing("");
    struct vch_rec_user user = {.password_hash = S("")};
    struct vch_rec_certificate certificate = a_certificate(id_of(f, n), "ACTIVE");
    struct vch_rec_claim claim = a_claim(id_of(f, n + 100), "t");
    struct vch_str name = vch_arena_printf(f->arena, "name-%d", n);
    policy.name = template.name = thing.name = user.name = name;
    /* Pairs share their time; the later ids are the earlier certificates. */
    certificate.created_ms = claim.created_ms = T0 - n / 2;
    vch_plan_policy_create(p, &policy);
    vch_plan_template_create(p, &template);
    vch_plan_thing_ensure(p, &thing, NULL);
    vch_plan_user_create(p, &user);
    vch_plan_certificate_insert(p, &certificate);
    vch_plan_claim_insert(p, &claim);
    if (n > 0) vch_plan_policy_attach(p, name, id_of(f, 0));
    if (n > 0) vch_plan_thing_attach(p, name, id_of(f, 0), false);
    vch_plan_policy_attach(p, S("name-0"), certificate.id);
    vch_plan_thing_attach(p, S("name-0"), certificate.id, false);
}

static int fill(void **state) {
    if (fix_up(state) != 0) return -1;
    struct fix *f = *state;
    PLAN(f, p);
    for (int i = 0; i < ITEMS; i++) fill_item(f, p, i);
    plan_ok(f, p);
    return 0;
}

static struct walk walk(struct fix *f, read_page *read, size_t limit, bool descending) {
    struct walk w = {.more = true};
    struct vch_page page = {.limit = limit, .descending = descending};
    while (w.more) {
        size_t before = w.count;
        read(f, page, &w);
        assert_true(!w.more || w.count - before == limit);
        if (w.count) page.after = S(w.keys[w.count - 1]);
    }
    return w;
}

static void check_both_ways(struct fix *f, read_page *read, size_t items) {
    struct walk all = walk(f, read, 100, false);
    assert_int_equal(all.count, items);
    for (size_t limit = 1; limit <= items + 1; limit++) {
        struct walk up = walk(f, read, limit, false), down = walk(f, read, limit, true);
        assert_int_equal(up.count, items);
        assert_int_equal(down.count, items);
        for (size_t i = 0; i < items; i++) {
            assert_string_equal(up.keys[i], all.keys[i]);
            assert_string_equal(down.keys[i], all.keys[items - 1 - i]);
        }
    }
    struct walk none = {0};
    read(f, (struct vch_page){.limit = 0}, &none);
    assert_int_equal(none.count, 0);
    assert_true(none.more);
}

static void all_lists(void **state) {
    read_page *const lists[] = {policies,         templates,        certificates,      claims,        things,
                                users,            thing_principals, principal_things,  attached_policies,
                                policy_targets};
    for (size_t i = 0; i < COUNT_OF(lists); i++) check_both_ways(*state, lists[i], ITEMS);
}

static void versions_of_a_template(void **state) {
    struct fix *f = *state;
    have_template(f, "versions");
    for (int i = 0; i < 4; i++) DO(f, vch_plan_template_version_add, S("versions"), S("b"), false, T0, NULL);
    check_both_ways(f, template_versions, 5);
    assert_string_equal(walk(f, template_versions, 2, true).keys[0], "5");
}

static void names_are_in_order_of_bytes(void **state) {
    struct fix *f = *state;
    struct walk w = walk(f, things, 3, false);
    for (size_t i = 1; i < w.count; i++) assert_true(strcmp(w.keys[i - 1], w.keys[i]) < 0);
}

static void certificates_are_in_order_of_creation(void **state) {
    struct fix *f = *state;
    struct walk w = walk(f, certificates, 3, false);
    const int order[ITEMS] = {6, 4, 5, 2, 3, 0, 1};
    for (size_t i = 0; i < ITEMS; i++) assert_true(vch_str_eq(S(w.keys[i]), id_of(f, order[i])));
}

/* A reader that deletes what it has read can go on. */
static void pages_after_an_item_that_is_gone(void **state) {
    struct fix *f = *state;
    struct vch_list_certificate list;
    struct vch_str place = vch_arena_printf(f->arena, "%d/%.*s", T0 - 2, VCH_STR_ARG(id_of(f, 5)));
    DO(f, vch_plan_certificate_delete, id_of(f, 5));
    READ_NOT(f, INVALID, PAGE_TOKEN_INVALID, vch_store_certificates, (struct vch_page){.after = id_of(f, 5), .limit = 1},
             &list);
    READ_NOT(f, INVALID, PAGE_TOKEN_INVALID, vch_store_certificates, (struct vch_page){.after = S("x/y"), .limit = 1},
             &list);
    READ(f, vch_store_certificates, (struct vch_page){.after = place, .limit = 1}, &list);
    assert_int_equal(list.count, 1);
    assert_true(vch_str_eq(list.items[0].id, id_of(f, 2)));
    READ(f, vch_store_certificates, (struct vch_page){.after = place, .limit = 1, .descending = true}, &list);
    assert_true(vch_str_eq(list.items[0].id, id_of(f, 4)));
}

static void lists_leave_out_what_is_long(void **state) {
    struct fix *f = *state;
    struct vch_list_certificate certs;
    struct vch_list_template temps;
    const struct vch_page page = {.limit = 2};
    READ(f, vch_store_certificates, page, &certs);
    assert_int_equal(certs.items[0].pem.len, 0);
    assert_str(certs.items[0].status, "ACTIVE");
    READ(f, vch_store_templates, page, &temps);
    assert_int_equal(temps.items[0].body.len, 0);
    assert_int_equal(temps.items[0].default_version, 1);
    assert_true(temps.items[0].enabled);
}

#define PAGE_TEST(function) cmocka_unit_test_setup_teardown(function, fill, fix_down)
STORE_SUITE(PAGE_TEST(all_lists), PAGE_TEST(versions_of_a_template), PAGE_TEST(names_are_in_order_of_bytes),
            PAGE_TEST(certificates_are_in_order_of_creation), PAGE_TEST(pages_after_an_item_that_is_gone),
            PAGE_TEST(lists_leave_out_what_is_long))
