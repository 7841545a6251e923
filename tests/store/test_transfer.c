/* A registry out of one database and into another: the same bytes come out
 * again, and a file that is not whole changes nothing. */
#include "store/registration.h"

#include <stdlib.h>
#include <string.h>

#include "store/transfer.h"

/* ---- a registry with something of everything that plans can make ---- */

static void fill(struct fix *f) {
    have_site(f);
    for (int n = 0; n < 40; n++) {
        const struct names names = names_of(f->arena, n);
        PLAN(f, p);
        plan_claim(p, &names, T0);
        plan_certificate(p, &names, S("claim"), T0);
        if (n % 2) plan_registration(p, &names, T0);
        plan_ok(f, p);
    }
    have_policy(f, "policy \xC3\xA4\xF0\x9F\x90\x98 \"quoted\"\n\t\\");
    const struct vch_rec_user user = {.name = S("u"), .password_hash = S("$argon2id$x"), .created_ms = T0};
    const struct vch_rec_access_key key = {.id = S("AKIA"), .user_name = S("u"), .sealed_secret = vch_str_of("\0\xff\x80\n", 4),
                                           .status = S("Active"), .created_ms = T0};
    DO(f, vch_plan_user_create, &user);
    DO(f, vch_plan_access_key_insert, &key);
    DO(f, vch_plan_meta_put, S("account"), S("123456789012"));
    DO(f, vch_plan_meta_put, S("empty"), S(""));
}

/* ---- files in memory ---- */

struct text {
    char *ptr;
    size_t len;
};

static struct text export(struct fix *f, struct vch_transfer_stats *stats) {
    struct text text = {NULL, 0};
    FILE *out = open_memstream(&text.ptr, &text.len);
    assert_non_null(out);
    vch_diag_clear(&f->diag);
    read_ok(f, vch_store_export(f->url, out, stats, &f->diag));
    (void)fclose(out);
    return text;
}

static enum vch_err import(struct fix *f, const char *ptr, size_t len, struct vch_transfer_stats *stats) {
    FILE *in = fmemopen((char *)(uintptr_t)ptr, len, "r");
    assert_non_null(in);
    vch_diag_clear(&f->diag);
    enum vch_err err = vch_store_import(f->url, in, stats, &f->diag);
    (void)fclose(in);
    return err;
}

static void import_ok(struct fix *f, struct text text, struct vch_transfer_stats *stats) {
    read_ok(f, import(f, text.ptr, text.len, stats));
}

static void same(struct text a, struct text b) {
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.ptr, b.ptr, a.len);
}

static void whole(struct fix *f) {
    int64_t rows = 0;
    read_ok(f, fix_open(f));
    read_ok(f, vch_store_ledger_verify(f->store, &rows, &f->diag));
    assert_true(rows > 80);
    for (int n = 0; n < 40; n++) {
        const struct names names = names_of(f->arena, n);
        assert_int_equal(registration_state(f, &names), n % 2 ? WHOLE : NOTHING);
    }
    struct vch_rec_access_key key;
    READ(f, vch_store_access_key, S("AKIA"), &key);
    assert_int_equal(key.sealed_secret.len, 4);
    assert_memory_equal(key.sealed_secret.ptr, "\0\xff\x80\n", 4);
}

/* What the database numbers goes on behind what came. */
static void goes_on(struct fix *f) {
    have_policy(f, "later");
    have_thing(f, "later");
    have_certificate(f, 999999, "ACTIVE");
    DO(f, vch_plan_policy_attach, S("later"), id_of(f, 999999));
    struct vch_list_str list;
    READ(f, vch_store_attached_policies, id_of(f, 999999), (struct vch_page){.limit = 10}, &list);
    assert_int_equal(list.count, 1);
    const struct vch_rec_ledger row = a_row("later");
    DO(f, vch_plan_ledger, &row);
    int64_t rows = 0;
    read_ok(f, vch_store_ledger_verify(f->store, &rows, &f->diag));
}

/* ---- */

static void there_and_back(void **state) {
    struct fix *f = *state, *other = fix_new(), *third = fix_new_in("sqlite");
    struct vch_transfer_stats out, in;
    fill(f);
    struct text first = export(f, &out); /* while it is open */
    assert_true(out.rows > 200 && out.tables > 10);
    import_ok(other, first, &in);
    assert_int_equal(in.rows, out.rows);
    assert_int_equal(in.tables, out.tables);
    assert_int_equal(in.schema, out.schema);
    struct text second = export(other, &out);
    same(first, second);
    import_ok(third, second, &in);
    struct text last = export(third, &out);
    same(first, last);
    whole(other);
    goes_on(other);
    whole(third);
    goes_on(third);
    free(first.ptr);
    free(second.ptr);
    free(last.ptr);
    fix_free(other);
    fix_free(third);
}

static void an_empty_registry(void **state) {
    struct fix *f = *state, *other = fix_new();
    struct vch_transfer_stats stats;
    struct text text = export(f, &stats);
    assert_int_equal(stats.rows, 0);
    import_ok(other, text, &stats);
    read_ok(other, fix_open(other));
    goes_on(other);
    free(text.ptr);
    fix_free(other);
}

static void not_into_a_full_one(void **state) {
    struct fix *f = *state, *other = fix_new();
    struct vch_transfer_stats stats;
    fill(f);
    struct text text = export(f, &stats);
    read_ok(other, fix_open(other));
    have_policy(other, "mine");
    fix_close(other);
    read_refused(other, import(other, text.ptr, text.len, &stats), VCH_ERR_STATE, VCH_REASON_STORE_FAILED);
    read_ok(other, fix_open(other));
    struct vch_list_policy list;
    READ(other, vch_store_policies, (struct vch_page){.limit = 10}, &list);
    assert_int_equal(list.count, 1);
    free(text.ptr);
    fix_free(other);
}

/* The registry is as empty as before, and takes the good file then. */
static void refused_whole(struct fix *f, const char *ptr, size_t len, const struct text *good) {
    struct vch_transfer_stats stats;
    struct fix *other = fix_new();
    enum vch_err err = import(other, ptr, len, &stats);
    if (err == VCH_OK) fail_msg("taken: %.*s", (int)(len < 200 ? len : 200), ptr);
    assert_true(err == VCH_ERR_MALFORMED || err == VCH_ERR_STATE);
    assert_non_null(other->diag.reason);
    import_ok(other, *good, &stats);
    struct text back = export(other, &stats);
    same(back, *good);
    free(back.ptr);
    fix_free(other);
    (void)f;
}

static char *line_at(struct text text, size_t number) {
    char *at = text.ptr;
    for (size_t i = 0; at && i < number; i++) {
        at = memchr(at, '\n', (size_t)(text.ptr + text.len - at));
        if (at) at++;
    }
    assert_non_null(at);
    return at;
}

static void files_that_are_not_whole(void **state) {
    struct fix *f = *state;
    struct vch_transfer_stats stats;
    fill(f);
    struct text good = export(f, &stats);
    refused_whole(f, "x\n", 2, &good);
    refused_whole(f, "{\"vouch\":\"registry\",\"format\":1,\"schema\":999999}\n", 50, &good);
    refused_whole(f, "{\"vouch\":\"registry\",\"format\":9,\"schema\":1}\n", 45, &good);
    refused_whole(f, good.ptr, good.len - 1, &good);
    refused_whole(f, good.ptr, good.len / 2, &good);
    refused_whole(f, good.ptr, (size_t)(line_at(good, 9) - good.ptr), &good);
    free(good.ptr);
}

static void replace(struct fix *f, struct text good, const char *from, const char *to) {
    struct text bad = {malloc(good.len + 1), good.len};
    assert_int_equal(strlen(from), strlen(to));
    memcpy(bad.ptr, good.ptr, good.len);
    bad.ptr[bad.len] = '\0';
    char *at = strstr(bad.ptr, from);
    assert_non_null(at);
    memcpy(at, to, strlen(to));
    refused_whole(f, bad.ptr, bad.len, &good);
    free(bad.ptr);
}

static void files_that_were_changed(void **state) {
    struct fix *f = *state;
    struct vch_transfer_stats stats;
    fill(f);
    struct text good = export(f, &stats);
    replace(f, good, "\"ACTIVE\"", "\"REVOKE\"");     /* the digest */
    replace(f, good, "\"digest\":\"", "\"digets\":\""); /* no digest */
    replace(f, good, "\"rows\":", "\"rowz\":");
    replace(f, good, "\"table\":\"meta\"", "\"table\":\"beta\"");
    replace(f, good, "\"columns\":[\"key t\"", "\"columns\":[\"key b\"");
    replace(f, good, "[\"account\",", "[100000000,");   /* a number for a text */
    replace(f, good, "[\"account\",\"M", "[\"account\",\"?"); /* no base64 */
    free(good.ptr);
}

static void copies(void **state) {
    struct fix *f = *state;
    char path[160];
    (void)snprintf(path, sizeof path, "%s/copy.db", f->folder);
    fill(f);
    vch_diag_clear(&f->diag);
    enum vch_err err = vch_store_backup(f->store, path, &f->diag);
    if (strncmp(f->url, "sqlite:", 7) != 0) {
        read_refused(f, err, VCH_ERR_INVALID, VCH_REASON_FIELD_INVALID);
        return;
    }
    read_ok(f, err);
    have_policy(f, "after the copy");
    struct vch_rec_policy r;
    struct fix *copy = fix_new_in("sqlite");
    (void)snprintf(copy->url, sizeof copy->url, "sqlite:%s", path);
    whole(copy);
    READ_NOT(copy, NOT_FOUND, POLICY_MISSING, vch_store_policy, S("after the copy"), 0, &r);
    fix_free(copy);
    vch_diag_clear(&f->diag);
    assert_int_not_equal(vch_store_backup(f->store, "/nonexistent/copy.db", &f->diag), VCH_OK);
    assert_non_null(f->diag.reason);
}

STORE_SUITE(STORE_TEST(there_and_back), STORE_TEST(an_empty_registry), STORE_TEST(not_into_a_full_one),
            STORE_TEST(files_that_are_not_whole), STORE_TEST(files_that_were_changed), STORE_TEST(copies))
