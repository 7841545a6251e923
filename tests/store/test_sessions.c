/* Sessions of people, and their second factors. */
#include "store/fixture.h"

#include <stdlib.h>
#include <string.h>

#include "store/sessions.h"
#include "store/transfer.h"

static void have_user(struct fix *f, const char *name) {
    const struct vch_rec_user user = {.name = S(name), .password_hash = S("hash"), .created_ms = T0};
    DO(f, vch_plan_user_create, &user);
}

static struct vch_rec_web_session a_session(struct vch_str hash, const char *user, int64_t created_ms) {
    return (struct vch_rec_web_session){.hash = hash, .user_name = S(user), .how = S("totp"), .source_ip = S("10.0.0.9"),
                                        .created_ms = created_ms, .used_ms = created_ms + 1, .expires_ms = created_ms + HOUR_MS};
}

static void have_session(struct fix *f, int n, const char *user, int64_t created_ms) {
    const struct vch_rec_web_session session = a_session(hash_of(f, n), user, created_ms);
    DO(f, vch_plan_web_session_insert, &session);
}

static bool is_there(struct fix *f, int n) {
    struct vch_rec_web_session r;
    enum vch_err err = vch_store_web_session(f->store, hash_of(f, n), &r, R(f));
    if (err != VCH_OK) assert_string_equal(f->diag.reason, vch_reason_code(VCH_REASON_SESSION_ENDED));
    return err == VCH_OK;
}

static size_t count_of(struct fix *f, const char *user) {
    struct vch_list_web_session list;
    READ(f, vch_store_web_sessions, S(user), &list);
    return list.count;
}

static void kept_and_read(void **state) {
    struct fix *f = *state;
    struct vch_rec_web_session r, orphan = a_session(hash_of(f, 1), "nobody", T0);
    READ_NOT(f, NOT_FOUND, SESSION_ENDED, vch_store_web_session, hash_of(f, 1), &r);
    DO_NOT(f, NOT_FOUND, USER_MISSING, vch_plan_web_session_insert, &orphan);
    have_user(f, "u");
    have_session(f, 1, "u", T0);
    READ(f, vch_store_web_session, hash_of(f, 1), &r);
    assert_true(vch_str_eq(r.hash, hash_of(f, 1)));
    assert_str(r.user_name, "u");
    assert_str(r.how, "totp");
    assert_str(r.source_ip, "10.0.0.9");
    assert_int_equal(r.created_ms, T0);
    assert_int_equal(r.used_ms, T0 + 1);
    assert_int_equal(r.expires_ms, T0 + HOUR_MS);
    const struct vch_rec_web_session twice = a_session(hash_of(f, 1), "u", T0);
    DO_NOT(f, EXISTS, INTERNAL, vch_plan_web_session_insert, &twice);
    changed(f, NULL);
}

static void uses_go_forward(void **state) {
    struct fix *f = *state;
    struct vch_rec_web_session r;
    have_user(f, "u");
    have_session(f, 1, "u", T0);
    DO(f, vch_plan_web_session_used, hash_of(f, 1), T0 + 500);
    DO(f, vch_plan_web_session_used, hash_of(f, 1), T0 + 400);
    DO(f, vch_plan_web_session_used, hash_of(f, 2), T0 + 400); /* gone: nothing comes of it */
    READ(f, vch_store_web_session, hash_of(f, 1), &r);
    assert_int_equal(r.used_ms, T0 + 500);
    assert_false(is_there(f, 2));
}

static void ended_one_by_one_and_all(void **state) {
    struct fix *f = *state;
    int64_t count = -1;
    have_user(f, "u");
    have_user(f, "v");
    for (int n = 1; n <= 3; n++) have_session(f, n, "u", T0 + n);
    have_session(f, 4, "v", T0);
    changed(f, NULL);
    DO(f, vch_plan_web_session_delete, hash_of(f, 2), S("u"));
    changed(f, "session u", NULL);
    DO(f, vch_plan_web_session_delete, hash_of(f, 2), S("u"));
    changed(f, NULL); /* it was gone */
    assert_false(is_there(f, 2));
    struct vch_list_web_session list;
    READ(f, vch_store_web_sessions, S("u"), &list);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0].created_ms, T0 + 3); /* newest first */
    DO(f, vch_plan_web_sessions_delete, S("u"), &count);
    assert_int_equal(count, 2);
    assert_int_equal(count_of(f, "u"), 0);
    assert_true(is_there(f, 4));
}

static void a_user_has_so_many(void **state) {
    struct fix *f = *state;
    have_user(f, "u");
    have_user(f, "v");
    have_session(f, 999, "v", T0 - 1);
    for (int n = 1; n <= VCH_WEB_SESSIONS_PER_USER + 2; n++) have_session(f, n, "u", T0 + n);
    assert_int_equal(count_of(f, "u"), VCH_WEB_SESSIONS_PER_USER);
    assert_false(is_there(f, 1));
    assert_false(is_there(f, 2));
    assert_true(is_there(f, 3));
    assert_true(is_there(f, 999));
}

static void they_go_with_their_user(void **state) {
    struct fix *f = *state;
    struct vch_rec_totp totp;
    bool found = true;
    have_user(f, "u");
    have_session(f, 1, "u", T0);
    DO(f, vch_plan_totp_offer, S("u"), S("sealed"));
    DO(f, vch_plan_user_delete, S("u"));
    assert_false(is_there(f, 1));
    have_user(f, "u");
    READ(f, vch_store_totp, S("u"), &totp, &found);
    assert_false(found);
    assert_int_equal(count_of(f, "u"), 0);
}

static void swept_when_old(void **state) {
    struct fix *f = *state;
    int64_t certificates = 0;
    have_user(f, "u");
    have_session(f, 1, "u", T0);
    have_session(f, 2, "u", T0 + 1);
    DO(f, vch_plan_sweep, T0 + HOUR_MS, &certificates);
    assert_false(is_there(f, 1));
    assert_true(is_there(f, 2));
}

static void what_was_proved_must_hold(void **state) {
    struct fix *f = *state;
    DO_NOT(f, UNAUTHENTICATED, SIGN_IN_REFUSED, vch_plan_need_password, S("u"), S("hash"));
    have_user(f, "u");
    DO(f, vch_plan_need_password, S("u"), S("hash"));
    DO(f, vch_plan_need_no_totp, S("u"));
    DO(f, vch_plan_user_password, S("u"), S("other"));
    DO_NOT(f, UNAUTHENTICATED, SIGN_IN_REFUSED, vch_plan_need_password, S("u"), S("hash"));
    DO(f, vch_plan_totp_offer, S("u"), S("sealed"));
    DO(f, vch_plan_need_no_totp, S("u"));
    DO(f, vch_plan_totp_confirm, S("u"), S("sealed"), 7);
    DO_NOT(f, UNAUTHENTICATED, SIGN_IN_REFUSED, vch_plan_need_no_totp, S("u"));
}

static void a_factor_from_offer_to_end(void **state) {
    struct fix *f = *state;
    struct vch_rec_totp r;
    bool found = false;
    DO_NOT(f, NOT_FOUND, USER_MISSING, vch_plan_totp_offer, S("u"), S("sealed"));
    have_user(f, "u");
    DO_NOT(f, STATE, TOTP_STATE, vch_plan_totp_confirm, S("u"), S("sealed"), 7);
    DO_NOT(f, STATE, TOTP_STATE, vch_plan_totp_delete, S("u"));
    DO(f, vch_plan_totp_offer, S("u"), VCH_STR("first\0"));
    DO(f, vch_plan_totp_offer, S("u"), VCH_STR("second\0")); /* in its place */
    DO_NOT(f, STATE, TOTP_STATE, vch_plan_totp_confirm, S("u"), VCH_STR("first\0"), 7);
    DO_NOT(f, UNAUTHENTICATED, SIGN_IN_REFUSED, vch_plan_totp_take, S("u"), 8); /* not in force */
    DO(f, vch_plan_totp_confirm, S("u"), VCH_STR("second\0"), 7);
    DO_NOT(f, STATE, TOTP_STATE, vch_plan_totp_offer, S("u"), S("third"));
    DO_NOT(f, STATE, TOTP_STATE, vch_plan_totp_confirm, S("u"), VCH_STR("second\0"), 8);
    READ(f, vch_store_totp, S("u"), &r, &found);
    assert_true(found && r.active);
    assert_int_equal(r.last_step, 7);
    assert_true(vch_str_eq(r.sealed_secret, VCH_STR("second\0")));
    DO_NOT(f, UNAUTHENTICATED, SIGN_IN_REFUSED, vch_plan_totp_take, S("u"), 7);
    DO(f, vch_plan_totp_take, S("u"), 8);
    DO_NOT(f, UNAUTHENTICATED, SIGN_IN_REFUSED, vch_plan_totp_take, S("u"), 8);
    DO_NOT(f, UNAUTHENTICATED, SIGN_IN_REFUSED, vch_plan_totp_take, S("u"), 6);
    DO(f, vch_plan_totp_delete, S("u"));
    READ(f, vch_store_totp, S("u"), &r, &found);
    assert_false(found);
}

static void a_touch_is_heard(void **state) {
    struct fix *f = *state;
    DO_NOT(f, NOT_FOUND, USER_MISSING, vch_plan_user_touch, S("u"));
    have_user(f, "u");
    DO(f, vch_plan_user_touch, S("u"));
    changed(f, "user u", NULL);
}

/* ---- moving ---- */

static void exported(struct fix *f, char **text, size_t *size) {
    struct vch_transfer_stats stats;
    FILE *out = open_memstream(text, size);
    assert_non_null(out);
    fix_close(f);
    assert_int_equal(vch_store_export(f->url, out, &stats, &f->diag), VCH_OK);
    (void)fclose(out);
    assert_int_equal(fix_open(f), VCH_OK);
}

/* A session is worth something on its own server alone; what a user proves itself with goes along. */
static void sessions_stay_and_factors_travel(void **state) {
    struct fix *f = *state;
    char *text = NULL;
    size_t size = 0;
    have_user(f, "u");
    have_session(f, 1, "u", T0);
    DO(f, vch_plan_totp_offer, S("u"), S("sealed"));
    DO(f, vch_plan_totp_confirm, S("u"), S("sealed"), 7);
    exported(f, &text, &size);
    struct fix *other = fix_new();
    struct vch_transfer_stats stats;
    FILE *in = fmemopen(text, size, "r");
    assert_non_null(in);
    assert_null(strstr(text, "10.0.0.9"));
    assert_int_equal(vch_store_import(other->url, in, &stats, &other->diag), VCH_OK);
    (void)fclose(in);
    assert_int_equal(fix_open(other), VCH_OK);
    struct vch_rec_totp totp;
    bool found = false;
    assert_int_equal(count_of(other, "u"), 0);
    READ(other, vch_store_totp, S("u"), &totp, &found);
    assert_true(found && totp.active);
    assert_int_equal(totp.last_step, 7);
    assert_true(is_there(f, 1)); /* where it was */
    fix_free(other);
    free(text);
}

STORE_SUITE(STORE_TEST(kept_and_read), STORE_TEST(uses_go_forward), STORE_TEST(ended_one_by_one_and_all), STORE_TEST(a_user_has_so_many),
            STORE_TEST(they_go_with_their_user), STORE_TEST(swept_when_old), STORE_TEST(what_was_proved_must_hold),
            STORE_TEST(a_factor_from_offer_to_end), STORE_TEST(a_touch_is_heard), STORE_TEST(sessions_stay_and_factors_travel))
