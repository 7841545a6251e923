/* Authorities of others, the certificates they signed, and small values kept
 * beside them. */
#include "store/fixture.h"

static struct vch_rec_authority an_authority(struct vch_str id, const char *subject) {
    return (struct vch_rec_authority){.id = id, .pem = S("-----BEGIN CERTIFICATE-----\n"), .status = S("INACTIVE"),
                                      .mode = S("DEFAULT"), .subject = S(subject), .template_name = S("t"),
                                      .template_body = S(""), .role_arn = S("role"), .auto_registration = true,
                                      .not_before_ms = T0 - 5, .not_after_ms = T0 + HOUR_MS, .created_ms = T0,
                                      .modified_ms = T0 + 1, .customer_version = 1};
}

static void have_authority(struct fix *f, int n, const char *subject) {
    struct vch_rec_authority ca = an_authority(id_of(f, n), subject);
    ca.created_ms = T0 + n;
    DO(f, vch_plan_authority_insert, &ca);
}

static struct vch_rec_authority read_authority(struct fix *f, int n) {
    struct vch_rec_authority r;
    READ(f, vch_store_authority, id_of(f, n), &r);
    return r;
}

static void insert(void **state) {
    struct fix *f = *state;
    struct vch_rec_authority ca = an_authority(id_of(f, 1), "s"), r;
    READ_NOT(f, NOT_FOUND, CA_MISSING, vch_store_authority, id_of(f, 1), &r);
    DO(f, vch_plan_authority_insert, &ca);
    r = read_authority(f, 1);
    assert_true(vch_str_eq(r.id, ca.id));
    assert_str(r.pem, "-----BEGIN CERTIFICATE-----\n");
    assert_str(r.status, "INACTIVE");
    assert_str(r.mode, "DEFAULT");
    assert_str(r.subject, "s");
    assert_str(r.template_name, "t");
    assert_str(r.template_body, "");
    assert_str(r.role_arn, "role");
    assert_true(r.auto_registration);
    assert_int_equal(r.not_before_ms, T0 - 5);
    assert_int_equal(r.not_after_ms, T0 + HOUR_MS);
    assert_int_equal(r.created_ms, T0);
    assert_int_equal(r.modified_ms, T0 + 1);
    assert_int_equal(r.customer_version, 1);
    DO_NOT(f, EXISTS, CA_EXISTS, vch_plan_authority_insert, &ca);
}

static void so_many_of_a_subject(void **state) {
    struct fix *f = *state;
    struct vch_list_authority list;
    for (int i = 1; i <= VCH_AUTHORITIES_OF_SUBJECT_MAX; i++) have_authority(f, i, "s");
    struct vch_rec_authority more = an_authority(id_of(f, 50), "s");
    DO_NOT(f, LIMIT, CAS_FULL, vch_plan_authority_insert, &more);
    struct vch_rec_authority r;
    READ_NOT(f, NOT_FOUND, CA_MISSING, vch_store_authority, id_of(f, 50), &r);
    more.subject = S("other");
    DO(f, vch_plan_authority_insert, &more);
    READ(f, vch_store_authorities_of_subject, S("s"), &list);
    assert_int_equal(list.count, VCH_AUTHORITIES_OF_SUBJECT_MAX);
    assert_str(list.items[0].pem, "-----BEGIN CERTIFICATE-----\n");
    READ(f, vch_store_authorities_of_subject, S("other"), &list);
    assert_int_equal(list.count, 1);
    READ(f, vch_store_authorities_of_subject, S("nobody"), &list);
    assert_int_equal(list.count, 0);
}

static void update(void **state) {
    struct fix *f = *state;
    struct vch_authority_change change = {.id = id_of(f, 1), .status = S("ACTIVE"), .now_ms = T0 + 9};
    DO_NOT(f, NOT_FOUND, CA_MISSING, vch_plan_authority_update, &change);
    have_authority(f, 1, "s");
    DO(f, vch_plan_authority_update, &change);
    struct vch_rec_authority r = read_authority(f, 1);
    assert_str(r.status, "ACTIVE");
    assert_true(r.auto_registration);
    assert_str(r.template_name, "t");
    assert_str(r.role_arn, "role");
    assert_int_equal(r.modified_ms, T0 + 9);
    assert_int_equal(r.customer_version, 2);
    change = (struct vch_authority_change){.id = id_of(f, 1), .set_auto_registration = true, .set_registration = true,
                                           .template_body = S("{}"), .role_arn = S("r2"), .now_ms = T0 + 10};
    DO(f, vch_plan_authority_update, &change);
    r = read_authority(f, 1);
    assert_str(r.status, "ACTIVE");
    assert_false(r.auto_registration);
    assert_str(r.template_name, "");
    assert_str(r.template_body, "{}");
    assert_str(r.role_arn, "r2");
    change = (struct vch_authority_change){.id = id_of(f, 1), .set_auto_registration = true, .auto_registration = true,
                                           .now_ms = T0 + 11};
    DO(f, vch_plan_authority_update, &change);
    r = read_authority(f, 1);
    assert_true(r.auto_registration);
    assert_str(r.template_body, "{}");
}

static void need_and_delete(void **state) {
    struct fix *f = *state;
    const struct vch_authority_change on = {.id = id_of(f, 1), .status = S("ACTIVE"), .now_ms = T0};
    const struct vch_authority_change off = {.id = id_of(f, 1), .status = S("INACTIVE"), .now_ms = T0};
    DO_NOT(f, NOT_FOUND, CA_MISSING, vch_plan_need_authority, id_of(f, 1));
    DO_NOT(f, NOT_FOUND, CA_MISSING, vch_plan_authority_delete, id_of(f, 1));
    have_authority(f, 1, "s");
    DO_NOT(f, STATE, CERTIFICATE_STATE, vch_plan_need_authority, id_of(f, 1));
    DO(f, vch_plan_authority_update, &on);
    DO(f, vch_plan_need_authority, id_of(f, 1));
    DO_NOT(f, STATE, CERTIFICATE_STATE, vch_plan_authority_delete, id_of(f, 1));
    DO(f, vch_plan_authority_update, &off);
    DO(f, vch_plan_authority_delete, id_of(f, 1));
    struct vch_rec_authority r;
    READ_NOT(f, NOT_FOUND, CA_MISSING, vch_store_authority, id_of(f, 1), &r);
}

/* The ids of a walk, as the numbers they end in. */
static size_t walk(struct fix *f, const char *template_name, bool descending, int64_t out[8]) {
    struct vch_page page = {.limit = 2, .descending = descending};
    struct vch_list_authority list = {.more = true};
    size_t count = 0;
    while (list.more) {
        READ(f, vch_store_authorities, S(template_name), page, &list);
        assert_true(list.count <= 2);
        for (size_t i = 0; i < list.count; i++) {
            page.after = list.items[i].id;
            assert_true(count < 8);
            assert_int_equal(vch_str_int(vch_str_sub(page.after, 63, 64), &out[count++]), VCH_OK);
        }
    }
    return count;
}

static void pages(void **state) {
    struct fix *f = *state;
    int64_t n[8];
    for (int i = 1; i <= 5; i++) have_authority(f, i, "s");
    const struct vch_authority_change other = {.id = id_of(f, 3), .set_registration = true, .template_name = S("u"), .now_ms = T0};
    DO(f, vch_plan_authority_update, &other);
    assert_int_equal(walk(f, "", false, n), 5);
    for (int i = 0; i < 5; i++) assert_int_equal(n[i], i + 1);
    assert_int_equal(walk(f, "", true, n), 5);
    for (int i = 0; i < 5; i++) assert_int_equal(n[i], 5 - i);
    assert_int_equal(walk(f, "u", true, n), 1);
    assert_int_equal(n[0], 3);
    assert_int_equal(walk(f, "t", true, n), 4);
    assert_int_equal(walk(f, "v", true, n), 0);
    struct vch_list_authority list;
    READ_NOT(f, INVALID, PAGE_TOKEN_INVALID, vch_store_authorities, S(""), ((struct vch_page){.after = S("gone"), .limit = 1}), &list);
}

static void certificates_of_one(void **state) {
    struct fix *f = *state;
    struct vch_list_certificate list;
    const struct vch_page page = {.limit = 3};
    for (int i = 1; i <= 6; i++) {
        struct vch_rec_certificate c = a_certificate(id_of(f, i), "ACTIVE");
        c.ca_id = i == 6 ? S("") : id_of(f, 100 + i % 2);
        c.created_ms = T0 + i;
        DO(f, vch_plan_certificate_insert, &c);
    }
    READ(f, vch_store_certificates_of_ca, id_of(f, 101), page, &list);
    assert_int_equal(list.count, 3);
    assert_false(list.more);
    assert_true(vch_str_eq(list.items[0].id, id_of(f, 1)));
    assert_true(vch_str_eq(list.items[2].id, id_of(f, 5)));
    READ(f, vch_store_certificates_of_ca, id_of(f, 101), ((struct vch_page){.limit = 2, .descending = true, .after = id_of(f, 5)}), &list);
    assert_int_equal(list.count, 2);
    assert_true(vch_str_eq(list.items[0].id, id_of(f, 3)));
    READ(f, vch_store_certificates_of_ca, S(""), page, &list);
    assert_int_equal(list.count, 0);
    READ(f, vch_store_certificates_of_ca, id_of(f, 102), page, &list);
    assert_int_equal(list.count, 0);
}

static void small_values(void **state) {
    struct fix *f = *state;
    struct vch_str value;
    bool created = false;
    DO_NOT(f, NOT_FOUND, RESOURCE_MISSING, vch_plan_meta_delete, S("k"));
    DO(f, vch_plan_meta_ensure, S("k"), S("one"), &created);
    assert_true(created);
    DO(f, vch_plan_meta_ensure, S("k"), S("two"), &created);
    assert_false(created);
    READ(f, vch_store_meta, S("k"), &value);
    assert_str(value, "one");
    DO(f, vch_plan_meta_delete, S("k"));
    DO(f, vch_plan_meta_ensure, S("k"), S("three"), NULL);
    READ(f, vch_store_meta, S("k"), &value);
    assert_str(value, "three");
}

STORE_SUITE(STORE_TEST(insert), STORE_TEST(so_many_of_a_subject), STORE_TEST(update), STORE_TEST(need_and_delete),
            STORE_TEST(pages), STORE_TEST(certificates_of_one), STORE_TEST(small_values))
