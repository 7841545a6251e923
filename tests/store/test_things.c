#include "store/fixture.h"

static struct vch_rec_thing read_thing(struct fix *f, const char *name) {
    struct vch_rec_thing r;
    READ(f, vch_store_thing, S(name), &r);
    return r;
}

static void ensure(void **state) {
    struct fix *f = *state;
    bool created = false;
    struct vch_rec_thing thing = a_thing("t"), r;
    READ_NOT(f, NOT_FOUND, THING_MISSING, vch_store_thing, S("t"), &r);
    DO(f, vch_plan_thing_ensure, &thing, &created);
    assert_true(created);
    r = read_thing(f, "t");
    assert_str(r.name, "t");
    assert_str(r.id, "2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d");
    assert_str(r.type_name, "type");
    assert_str(r.billing_group, "group");
    assert_str(r.attributes, "{\"a\":\"1\"}");
    assert_int_equal(r.version, 1);
    assert_int_equal(r.created_ms, T0);
    assert_int_equal(r.modified_ms, T0 + 1);
    thing.attributes = S("{}");
    DO(f, vch_plan_thing_ensure, &thing, &created);
    assert_false(created);
    assert_str(read_thing(f, "t").attributes, "{\"a\":\"1\"}");
    changed(f, NULL);
}

static void update(void **state) {
    struct fix *f = *state;
    struct vch_rec_thing thing = a_thing("t");
    thing.attributes = S("{}");
    thing.type_name = S("");
    thing.billing_group = S("g2");
    thing.modified_ms = T0 + 50;
    DO_NOT(f, NOT_FOUND, THING_MISSING, vch_plan_thing_update, &thing);
    have_thing(f, "t");
    DO(f, vch_plan_thing_update, &thing);
    changed(f, NULL);
    struct vch_rec_thing r = read_thing(f, "t");
    assert_str(r.attributes, "{}");
    assert_str(r.type_name, "");
    assert_str(r.billing_group, "g2");
    assert_int_equal(r.version, 2);
    assert_int_equal(r.created_ms, T0);
    assert_int_equal(r.modified_ms, T0 + 50);
    for (int i = 1; i <= 2; i++) {
        have_certificate(f, i, "ACTIVE");
        DO(f, vch_plan_thing_attach, S("t"), id_of(f, i), false);
    }
    f->change_count = 0;
    DO(f, vch_plan_thing_update, &thing);
    assert_int_equal(f->change_count, 2); /* policy variables of both */
}

static void create(void **state) {
    struct fix *f = *state;
    struct vch_rec_thing thing = a_thing("t");
    DO(f, vch_plan_thing_create, &thing);
    assert_int_equal(read_thing(f, "t").version, 1);
    thing.attributes = S("{}");
    DO_NOT(f, EXISTS, THING_EXISTS, vch_plan_thing_create, &thing);
    assert_str(read_thing(f, "t").attributes, "{\"a\":\"1\"}");
}

/* Type and attributes of one version alone; the billing group is not touched. */
static void change(void **state) {
    struct fix *f = *state;
    struct vch_rec_thing thing = a_thing("t");
    thing.type_name = S("other");
    thing.billing_group = S("not this way");
    thing.attributes = S("{}");
    thing.modified_ms = T0 + 7;
    DO_NOT(f, NOT_FOUND, THING_MISSING, vch_plan_thing_change, &thing);
    DO_NOT(f, NOT_FOUND, THING_MISSING, vch_plan_need_thing_version, S("t"), 1);
    have_thing(f, "t");
    have_certificate(f, 1, "ACTIVE");
    DO(f, vch_plan_thing_attach, S("t"), id_of(f, 1), false);
    f->change_count = 0;
    DO(f, vch_plan_need_thing_version, S("t"), 1);
    DO(f, vch_plan_thing_change, &thing);
    assert_int_equal(f->change_count, 1);
    struct vch_rec_thing r = read_thing(f, "t");
    assert_str(r.type_name, "other");
    assert_str(r.billing_group, "group");
    assert_str(r.attributes, "{}");
    assert_int_equal(r.version, 2);
    assert_int_equal(r.modified_ms, T0 + 7);
    thing.attributes = S("{\"late\":\"1\"}");
    DO_NOT(f, CONFLICT, THING_VERSION, vch_plan_thing_change, &thing);
    DO_NOT(f, CONFLICT, THING_VERSION, vch_plan_need_thing_version, S("t"), 1);
    assert_str(read_thing(f, "t").attributes, "{}");
}

static void attachments_by_kind(void **state) {
    struct fix *f = *state;
    struct vch_list_attachment list;
    const struct vch_page page = {.limit = 2};
    READ_NOT(f, NOT_FOUND, THING_MISSING, vch_store_thing_attachments, S("a"), VCH_ATTACHMENT_ANY, page, &list);
    READ_NOT(f, NOT_FOUND, CERTIFICATE_MISSING, vch_store_principal_attachments, id_of(f, 1), VCH_ATTACHMENT_ANY, page, &list);
    have_thing(f, "a");
    have_thing(f, "b");
    for (int i = 1; i <= 3; i++) {
        have_certificate(f, i, "ACTIVE");
        DO(f, vch_plan_thing_attach, S("a"), id_of(f, i), i == 2);
    }
    DO(f, vch_plan_thing_attach, S("b"), id_of(f, 1), false);
    READ(f, vch_store_thing_attachments, S("a"), VCH_ATTACHMENT_ANY, page, &list);
    assert_int_equal(list.count, 2);
    assert_true(list.more && !list.items[0].exclusive && list.items[1].exclusive);
    assert_true(vch_str_eq(list.items[1].key, id_of(f, 2)));
    READ(f, vch_store_thing_attachments, S("a"), VCH_ATTACHMENT_ANY, ((struct vch_page){.after = id_of(f, 2), .limit = 2}), &list);
    assert_int_equal(list.count, 1);
    assert_false(list.more);
    READ(f, vch_store_thing_attachments, S("a"), VCH_ATTACHMENT_EXCLUSIVE, page, &list);
    assert_int_equal(list.count, 1);
    READ(f, vch_store_thing_attachments, S("a"), VCH_ATTACHMENT_NON_EXCLUSIVE, page, &list);
    assert_int_equal(list.count, 2);
    READ(f, vch_store_thing_attachments, S("b"), VCH_ATTACHMENT_EXCLUSIVE, page, &list);
    assert_int_equal(list.count, 0);
    READ(f, vch_store_principal_attachments, id_of(f, 1), VCH_ATTACHMENT_ANY, page, &list);
    assert_int_equal(list.count, 2);
    assert_str(list.items[0].key, "a");
    assert_str(list.items[1].key, "b");
    READ(f, vch_store_principal_attachments, id_of(f, 2), VCH_ATTACHMENT_NON_EXCLUSIVE, page, &list);
    assert_int_equal(list.count, 0);
}

static void attach(void **state) {
    struct fix *f = *state;
    struct vch_list_str list;
    const struct vch_page page = {.limit = 10};
    have_certificate(f, 1, "ACTIVE");
    DO_NOT(f, NOT_FOUND, THING_MISSING, vch_plan_thing_attach, S("t"), id_of(f, 1), false);
    have_thing(f, "t");
    DO_NOT(f, NOT_FOUND, CERTIFICATE_MISSING, vch_plan_thing_attach, S("t"), id_of(f, 2), false);
    DO(f, vch_plan_thing_attach, S("t"), id_of(f, 1), false);
    assert_int_equal(f->change_count, 1);
    DO(f, vch_plan_thing_attach, S("t"), id_of(f, 1), false);
    assert_int_equal(f->change_count, 1);
    READ(f, vch_store_thing_principals, S("t"), page, &list);
    assert_int_equal(list.count, 1);
    assert_true(vch_str_eq(list.items[0], id_of(f, 1)));
    READ(f, vch_store_principal_things, id_of(f, 1), page, &list);
    assert_int_equal(list.count, 1);
    assert_str(list.items[0], "t");
}

static void exclusive(void **state) {
    struct fix *f = *state;
    have_thing(f, "a");
    have_thing(f, "b");
    for (int i = 1; i <= 3; i++) have_certificate(f, i, "ACTIVE");
    /* 1: exclusively on a, so nowhere else. */
    DO(f, vch_plan_thing_attach, S("a"), id_of(f, 1), true);
    DO(f, vch_plan_thing_attach, S("a"), id_of(f, 1), true);
    DO(f, vch_plan_thing_attach, S("a"), id_of(f, 1), false); /* stays exclusive */
    DO_NOT(f, CONFLICT, THING_CONFLICT, vch_plan_thing_attach, S("b"), id_of(f, 1), false);
    DO_NOT(f, CONFLICT, THING_CONFLICT, vch_plan_thing_attach, S("b"), id_of(f, 1), true);
    DO(f, vch_plan_thing_detach, S("a"), id_of(f, 1));
    DO(f, vch_plan_thing_attach, S("b"), id_of(f, 1), false);
    /* 2: on a, so not exclusively on b; it may become exclusive where it is. */
    DO(f, vch_plan_thing_attach, S("a"), id_of(f, 2), false);
    DO_NOT(f, CONFLICT, THING_CONFLICT, vch_plan_thing_attach, S("b"), id_of(f, 2), true);
    f->change_count = 0;
    DO(f, vch_plan_thing_attach, S("a"), id_of(f, 2), true);
    assert_int_equal(f->change_count, 1); /* policy variables change */
    DO_NOT(f, CONFLICT, THING_CONFLICT, vch_plan_thing_attach, S("b"), id_of(f, 2), false);
    /* 3: on both, so exclusive on neither. */
    DO(f, vch_plan_thing_attach, S("a"), id_of(f, 3), false);
    DO(f, vch_plan_thing_attach, S("b"), id_of(f, 3), false);
    DO_NOT(f, CONFLICT, THING_CONFLICT, vch_plan_thing_attach, S("b"), id_of(f, 3), true);
}

static void exclusive_is_told(void **state) {
    struct fix *f = *state;
    struct vch_rec_authz authz;
    have_thing(f, "a");
    have_certificate(f, 1, "ACTIVE");
    DO(f, vch_plan_thing_attach, S("a"), id_of(f, 1), false);
    READ(f, vch_store_authz, id_of(f, 1), &authz);
    assert_int_equal(authz.thing_count, 1);
    assert_null(authz.exclusive);
    DO(f, vch_plan_thing_attach, S("a"), id_of(f, 1), true);
    READ(f, vch_store_authz, id_of(f, 1), &authz);
    assert_ptr_equal(authz.exclusive, &authz.things[0]);
    assert_str(authz.exclusive->name, "a");
}

static void detach(void **state) {
    struct fix *f = *state;
    struct vch_list_str list;
    have_thing(f, "t");
    have_certificate(f, 1, "ACTIVE");
    DO_NOT(f, NOT_FOUND, THING_MISSING, vch_plan_thing_detach, S("u"), id_of(f, 1));
    DO(f, vch_plan_thing_detach, S("t"), id_of(f, 1));
    changed(f, NULL);
    DO(f, vch_plan_thing_attach, S("t"), id_of(f, 1), false);
    f->change_count = 0;
    DO(f, vch_plan_thing_detach, S("t"), id_of(f, 1));
    assert_int_equal(f->change_count, 1);
    READ(f, vch_store_thing_principals, S("t"), (struct vch_page){.limit = 1}, &list);
    assert_int_equal(list.count, 0);
}

static void delete(void **state) {
    struct fix *f = *state;
    struct vch_rec_thing r;
    DO_NOT(f, NOT_FOUND, THING_MISSING, vch_plan_thing_delete, S("t"));
    have_thing(f, "t");
    have_certificate(f, 1, "INACTIVE");
    DO(f, vch_plan_thing_attach, S("t"), id_of(f, 1), false);
    DO_NOT(f, CONFLICT, DELETE_CONFLICT, vch_plan_thing_delete, S("t"));
    DO(f, vch_plan_thing_detach, S("t"), id_of(f, 1));
    DO(f, vch_plan_thing_delete, S("t"));
    READ_NOT(f, NOT_FOUND, THING_MISSING, vch_store_thing, S("t"), &r);
}

static void need_free(void **state) {
    struct fix *f = *state;
    DO(f, vch_plan_need_thing_free, S("t"), id_of(f, 1)); /* not there: free */
    have_thing(f, "t");
    DO(f, vch_plan_need_thing_free, S("t"), id_of(f, 1));
    have_certificate(f, 1, "INACTIVE");
    have_certificate(f, 2, "PENDING_ACTIVATION");
    DO(f, vch_plan_thing_attach, S("t"), id_of(f, 1), false);
    DO(f, vch_plan_need_thing_free, S("t"), id_of(f, 2));
    DO(f, vch_plan_certificate_status, id_of(f, 1), S(""), S("ACTIVE"), T0);
    DO_NOT(f, CONFLICT, THING_TAKEN, vch_plan_need_thing_free, S("t"), id_of(f, 2));
    DO(f, vch_plan_need_thing_free, S("t"), id_of(f, 1));
    DO_NOT(f, CONFLICT, THING_TAKEN, vch_plan_need_thing_free, S("t"), S(""));
    DO(f, vch_plan_certificate_status, id_of(f, 1), S(""), S("REVOKED"), T0);
    DO(f, vch_plan_need_thing_free, S("t"), id_of(f, 2));
}

static void owners_that_are_not_there(void **state) {
    struct fix *f = *state;
    struct vch_list_str list;
    const struct vch_page page = {.limit = 5};
    READ_NOT(f, NOT_FOUND, THING_MISSING, vch_store_thing_principals, S("t"), page, &list);
    READ_NOT(f, NOT_FOUND, CERTIFICATE_MISSING, vch_store_principal_things, id_of(f, 1), page, &list);
}

STORE_SUITE(STORE_TEST(ensure), STORE_TEST(update), STORE_TEST(create), STORE_TEST(change), STORE_TEST(attachments_by_kind),
            STORE_TEST(attach), STORE_TEST(exclusive),
            STORE_TEST(exclusive_is_told), STORE_TEST(detach),
            STORE_TEST(delete), STORE_TEST(need_free), STORE_TEST(owners_that_are_not_there))
