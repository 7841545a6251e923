/* Attempts to prove who somebody is: what counts, what closes, and what a plan
 * is guarded by. */
#include "service/fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/digest.h"
#include "core/reason.h"
#include "service/password.h"
#include "service/sign_in.h"
#include "service/totp.h"
#include "store/sessions.h"

#define PASSWORD "correct horse battery"
enum { MINUTE_MS = 60000 };

static struct vch_web_grant grant;
static struct vch_web_session web;
static bool has_web;

static int setup(void **state) {
    memset(&grant, 0, sizeof grant);
    has_web = false;
    return fixture_setup(state) == 0 && vch_sign_in_new(2, &fx.service.sign_in) == VCH_OK ? 0 : -1;
}

static int teardown(void **state) {
    vch_sign_in_free(fx.service.sign_in);
    return fixture_teardown(state);
}

/* ---- the guard alone ---- */

static int64_t retry_s;
static bool first;

/* "browser:X" is a browser that signed the user in before, at the address of all others. */
static struct vch_attempt_from from_of(const char *place) {
    static const char browser[] = "browser:";
    bool known = strncmp(place, browser, sizeof browser - 1) == 0;
    return (struct vch_attempt_from){.source_ip = vch_str_from(known ? "10.0.0.1" : place),
                                     .browser = vch_str_from(known ? place + sizeof browser - 1 : "")};
}

static enum vch_err enter(const char *user, const char *ip, int64_t now_ms, struct vch_attempt *ret) {
    struct vch_diag diag = {0};
    const struct vch_attempt_from from = from_of(ip);
    enum vch_err err = vch_sign_in_enter(fx.service.sign_in, vch_str_from(user), &from, now_ms, ret, &retry_s, &first, &diag);
    if (err != VCH_OK) assert_string_equal(diag.reason, vch_reason_code(VCH_REASON_SIGN_IN_LOCKED));
    return err;
}

static bool try(const char *user, const char *ip, int64_t now_ms, enum vch_attempt_end end) {
    struct vch_attempt attempt;
    if (enter(user, ip, now_ms, &attempt) != VCH_OK) return false;
    vch_sign_in_leave(fx.service.sign_in, &attempt, end, now_ms);
    return true;
}

static int failures(const char *user, const char *ip, int64_t now_ms, int most) {
    int count = 0;
    while (count < most && try(user, ip, now_ms, VCH_ATTEMPT_BAD)) count++;
    return count;
}

static void ten_failures_close_a_pair(void **state) {
    (void)state;
    const int64_t now = fx.now_ms;
    assert_int_equal(failures("ann", "10.0.0.1", now, 20), VCH_SIGN_IN_PAIR_MAX);
    assert_int_equal(retry_s, 900);
    assert_true(first);
    assert_false(try("ann", "10.0.0.1", now + 1, VCH_ATTEMPT_GOOD));
    assert_false(first); /* told once */
    assert_true(try("bob", "10.0.0.1", now, VCH_ATTEMPT_BAD));
    assert_true(try("ann", "10.0.0.2", now, VCH_ATTEMPT_BAD));
    assert_false(try("ann", "10.0.0.1", now + 15 * MINUTE_MS - 1, VCH_ATTEMPT_BAD));
    assert_int_equal(retry_s, 1);
    assert_int_equal(failures("ann", "10.0.0.1", now + 15 * MINUTE_MS, 20), VCH_SIGN_IN_PAIR_MAX);
}

static void the_last_failure_begins_the_time(void **state) {
    (void)state;
    assert_int_equal(failures("ann", "10.0.0.1", fx.now_ms, 9), 9);
    assert_int_equal(failures("ann", "10.0.0.1", fx.now_ms + 10 * MINUTE_MS, 9), 1);
    assert_false(try("ann", "10.0.0.1", fx.now_ms + 24 * MINUTE_MS, VCH_ATTEMPT_BAD));
    assert_true(try("ann", "10.0.0.1", fx.now_ms + 25 * MINUTE_MS, VCH_ATTEMPT_BAD));
}

static void a_success_forgets(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(failures("ann", "10.0.0.1", fx.now_ms + i * 6 * MINUTE_MS, 9), 9);
        assert_true(try("ann", "10.0.0.1", fx.now_ms + i * 6 * MINUTE_MS, VCH_ATTEMPT_GOOD));
    }
}

static void what_was_not_judged_does_not_count(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) assert_true(try("ann", "10.0.0.1", fx.now_ms, VCH_ATTEMPT_NEITHER));
    assert_int_equal(failures("ann", "10.0.0.1", fx.now_ms, 20), VCH_SIGN_IN_PAIR_MAX);
}

static void attempts_count_when_they_begin(void **state) {
    (void)state;
    struct vch_attempt under_way[VCH_SIGN_IN_PAIR_MAX], more;
    for (int i = 0; i < VCH_SIGN_IN_PAIR_MAX; i++) assert_int_equal(enter("ann", "10.0.0.1", fx.now_ms, &under_way[i]), VCH_OK);
    assert_int_equal(enter("ann", "10.0.0.1", fx.now_ms, &more), VCH_ERR_THROTTLED);
    vch_sign_in_leave(fx.service.sign_in, &under_way[0], VCH_ATTEMPT_GOOD, fx.now_ms); /* the owner among them */
    assert_int_equal(enter("ann", "10.0.0.1", fx.now_ms, &more), VCH_OK);
}

static void thirty_failures_close_an_address(void **state) {
    (void)state;
    char name[16];
    int count = 0;
    for (int i = 0; i < 60; i++) {
        (void)snprintf(name, sizeof name, "user-%d", i);
        count += try(name, "10.0.0.1", fx.now_ms, VCH_ATTEMPT_BAD);
    }
    assert_int_equal(count, VCH_SIGN_IN_PLACE_MAX);
    assert_int_equal(retry_s, 300);
    assert_false(try("ann", "10.0.0.1", fx.now_ms, VCH_ATTEMPT_GOOD));
    assert_true(try("ann", "10.0.0.2", fx.now_ms, VCH_ATTEMPT_BAD));
    assert_true(try("ann", "10.0.0.1", fx.now_ms + 5 * MINUTE_MS, VCH_ATTEMPT_BAD));
}

static void an_ipv6_network_is_one_address(void **state) {
    (void)state;
    static const char *const one[] = {"2001:db8:1:2::1", "2001:db8:1:2:ffff::", "2001:0db8:0001:0002:0:0:0:9", "2001:DB8:1:2:a:b:c:d"};
    int count = 0;
    for (int i = 0; i < 40; i++) count += try("ann", one[i % 4], fx.now_ms, VCH_ATTEMPT_BAD);
    assert_int_equal(count, VCH_SIGN_IN_PAIR_MAX);
    assert_true(try("ann", "2001:db8:1:3::1", fx.now_ms, VCH_ATTEMPT_BAD));
    /* An IPv4 address in either spelling. */
    count = 0;
    for (int i = 0; i < 40; i++) count += try("bob", i % 2 ? "::ffff:10.0.0.7" : "10.0.0.7", fx.now_ms, VCH_ATTEMPT_BAD);
    assert_int_equal(count, VCH_SIGN_IN_PAIR_MAX);
    assert_true(try("bob", "::ffff:10.0.0.8", fx.now_ms, VCH_ATTEMPT_BAD));
    assert_true(try("bob", "not an address", fx.now_ms, VCH_ATTEMPT_BAD));
}

/* From everywhere at once; whoever signed in from a place may go on from there. */
static void a_hundred_failures_close_a_user_to_strangers(void **state) {
    (void)state;
    char ip[16];
    int count = 0;
    assert_true(try("ann", "10.9.9.9", fx.now_ms, VCH_ATTEMPT_GOOD));
    for (int i = 0; i < 60; i++) {
        (void)snprintf(ip, sizeof ip, "10.1.0.%d", i);
        count += failures("ann", ip, fx.now_ms, 4);
    }
    assert_int_equal(count, VCH_SIGN_IN_USER_MAX);
    assert_int_equal(retry_s, 3600);
    assert_false(try("ann", "10.2.0.1", fx.now_ms, VCH_ATTEMPT_GOOD));
    assert_true(try("ann", "10.9.9.9", fx.now_ms, VCH_ATTEMPT_GOOD));
    assert_true(try("bob", "10.2.0.1", fx.now_ms, VCH_ATTEMPT_BAD));
    assert_true(try("ann", "10.2.0.1", fx.now_ms + 60 * MINUTE_MS, VCH_ATTEMPT_BAD));
}

/* Nobody at the same address, and nobody anywhere, closes the browser in which somebody works. */
static void a_known_browser_is_a_place_of_its_own(void **state) {
    (void)state;
    char name[24], ip[16];
    for (int i = 0; i < 30; i++) {
        (void)snprintf(name, sizeof name, "user-%d", i);
        (void)try(i % 2 ? "ann" : name, "10.0.0.1", fx.now_ms, VCH_ATTEMPT_BAD);
    }
    for (int i = 0; i < 60; i++) {
        (void)snprintf(ip, sizeof ip, "10.1.0.%d", i);
        (void)failures("ann", ip, fx.now_ms, 4);
    }
    assert_false(try("ann", "10.0.0.1", fx.now_ms, VCH_ATTEMPT_GOOD));
    assert_false(try("ann", "10.2.0.1", fx.now_ms, VCH_ATTEMPT_GOOD));
    assert_true(try("ann", "browser:one", fx.now_ms, VCH_ATTEMPT_GOOD));
    assert_int_equal(failures("ann", "browser:one", fx.now_ms, 20), VCH_SIGN_IN_PAIR_MAX); /* it guesses no more than others */
    assert_int_equal(retry_s, 900);
    assert_true(try("ann", "browser:two", fx.now_ms, VCH_ATTEMPT_BAD));
}

/* Somebody without a name yet, as OpenID providers send them. */
static void an_address_counts_by_itself(void **state) {
    (void)state;
    struct vch_attempt attempt;
    struct vch_diag diag = {0};
    for (int i = 0; i < 40; i++) {
        assert_int_equal(vch_sign_in_enter_place(fx.service.sign_in, VCH_STR("10.0.0.1"), fx.now_ms, &attempt, &retry_s, &diag), VCH_OK);
        vch_sign_in_leave(fx.service.sign_in, &attempt, i % 2 ? VCH_ATTEMPT_GOOD : VCH_ATTEMPT_NEITHER, fx.now_ms);
    }
    for (int i = 0; i < VCH_SIGN_IN_PLACE_MAX; i++) {
        assert_int_equal(vch_sign_in_enter_place(fx.service.sign_in, VCH_STR("10.0.0.1"), fx.now_ms, &attempt, &retry_s, &diag), VCH_OK);
        vch_sign_in_leave(fx.service.sign_in, &attempt, VCH_ATTEMPT_BAD, fx.now_ms);
    }
    assert_int_equal(vch_sign_in_enter_place(fx.service.sign_in, VCH_STR("10.0.0.1"), fx.now_ms, &attempt, &retry_s, &diag), VCH_ERR_THROTTLED);
    assert_string_equal(diag.reason, "sign-in-locked");
    assert_int_equal(retry_s, 300);
    assert_false(try("ann", "10.0.0.1", fx.now_ms, VCH_ATTEMPT_BAD)); /* one count for both ways in */
    assert_true(try("", "10.0.0.2", fx.now_ms, VCH_ATTEMPT_BAD));
}

static void an_unlock_forgets_a_user_everywhere(void **state) {
    (void)state;
    (void)failures("ann", "10.0.0.1", fx.now_ms, 20);
    (void)failures("bob", "10.0.0.1", fx.now_ms, 20);
    vch_sign_in_forget(fx.service.sign_in, VCH_STR("ann"));
    assert_true(try("ann", "10.0.0.1", fx.now_ms, VCH_ATTEMPT_BAD));
    assert_false(try("bob", "10.0.0.1", fx.now_ms, VCH_ATTEMPT_BAD));
}

/* A flood of names makes room for itself, and hides nobody who fails meanwhile for long. */
static void the_table_is_bounded(void **state) {
    (void)state;
    char name[24], ip[24];
    for (int i = 0; i < 60000; i++) {
        (void)snprintf(name, sizeof name, "flood-%d", i);
        (void)snprintf(ip, sizeof ip, "10.%d.%d.1", i >> 8 & 255, i & 255);
        (void)try(name, ip, fx.now_ms + i, VCH_ATTEMPT_BAD);
    }
    assert_int_equal(failures("ann", "192.0.2.1", fx.now_ms + 60001, 20), VCH_SIGN_IN_PAIR_MAX);
}

static void flood(const char *ip, int count, int64_t now_ms) {
    char name[24], own[24];
    for (int i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "flood-%d", i);
        (void)snprintf(own, sizeof own, "172.%d.%d.1", i >> 8 & 255, i & 255);
        (void)try(name, ip ? ip : own, now_ms, VCH_ATTEMPT_BAD);
    }
}

/* Whose attempts are not looked at any more takes no room: it cannot hide another's guesses, however many it makes. */
static void what_is_closed_pushes_nobody_out(void **state) {
    (void)state;
    assert_int_equal(failures("ann", "192.0.2.1", fx.now_ms, 6), 6);
    flood("198.51.100.1", 100000, fx.now_ms + 1);
    assert_int_equal(failures("ann", "192.0.2.1", fx.now_ms + 2, 20), VCH_SIGN_IN_PAIR_MAX - 6);
}

/* From everywhere at once, a name each: what counted more than once stays. */
static void a_flood_hides_no_guesses(void **state) {
    (void)state;
    char ip[24];
    int count = 0;
    for (int i = 0; i < 25; i++) {
        (void)snprintf(ip, sizeof ip, "10.1.0.%d", i);
        assert_int_equal(failures("ann", ip, fx.now_ms, 3), 3);
    }
    flood(NULL, 60000, fx.now_ms + 1);
    assert_int_equal(failures("ann", "10.1.0.7", fx.now_ms + 2, 20), VCH_SIGN_IN_PAIR_MAX - 3);
    for (int i = 0; i < 60; i++) {
        (void)snprintf(ip, sizeof ip, "10.2.0.%d", i);
        count += failures("ann", ip, fx.now_ms + 3, 3);
    }
    assert_int_equal(count, VCH_SIGN_IN_USER_MAX - 75 - (VCH_SIGN_IN_PAIR_MAX - 3));
}

static void a_clock_that_goes_back_opens(void **state) {
    (void)state;
    (void)failures("ann", "10.0.0.1", fx.now_ms, 20);
    assert_true(try("ann", "10.0.0.1", fx.now_ms - 60 * MINUTE_MS, VCH_ATTEMPT_BAD));
}

/* ---- computations at once ---- */

struct crowd {
    atomic_int inside, most, refused;
};

static void *compute(void *arg) {
    struct crowd *crowd = arg;
    struct vch_diag diag = {0};
    if (vch_sign_in_slot_take(fx.service.sign_in, &diag) != VCH_OK) {
        atomic_fetch_add(&crowd->refused, 1);
        return NULL;
    }
    int inside = atomic_fetch_add(&crowd->inside, 1) + 1, most = atomic_load(&crowd->most);
    while (inside > most && !atomic_compare_exchange_weak(&crowd->most, &most, inside)) {}
    (void)usleep(20000);
    atomic_fetch_sub(&crowd->inside, 1);
    vch_sign_in_slot_give(fx.service.sign_in);
    return NULL;
}

static void what_happened_is_counted(void **state) {
    (void)state;
    struct vch_sign_in_stats stats;
    (void)failures("ann", "10.0.0.1", fx.now_ms, 20);
    assert_true(try("bob", "10.0.0.2", fx.now_ms, VCH_ATTEMPT_GOOD));
    assert_int_equal(vch_sign_in_slot_take(fx.service.sign_in, NULL), VCH_OK);
    vch_sign_in_slot_give(fx.service.sign_in);
    vch_sign_in_stats(fx.service.sign_in, &stats);
    assert_int_equal(stats.refused, VCH_SIGN_IN_PAIR_MAX);
    assert_int_equal(stats.locked, 1);
    assert_int_equal(stats.checks, 1);
}

static void few_compute_at_once(void **state) {
    (void)state;
    enum { THREADS = 12 };
    pthread_t threads[THREADS];
    struct crowd crowd = {0};
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, compute, &crowd), 0);
    for (int i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);
    assert_true(atomic_load(&crowd.most) <= 2);
    assert_true(atomic_load(&crowd.most) >= 1);
    assert_int_equal(atomic_load(&crowd.inside), 0);
    assert_int_equal(vch_sign_in_slot_take(fx.service.sign_in, NULL), VCH_OK); /* nothing stays taken */
    assert_int_equal(vch_sign_in_slot_take(fx.service.sign_in, NULL), VCH_OK);
    vch_sign_in_slot_give(fx.service.sign_in);
    vch_sign_in_slot_give(fx.service.sign_in);
}

/* ---- passwords ---- */

static void passwords_are_hashed_and_known_again(void **state) {
    (void)state;
    struct vch_str one, two, made;
    bool same = false;
    assert_int_equal(vch_password_hash(VCH_STR(PASSWORD), fx.arena, &one), VCH_OK);
    assert_int_equal(vch_password_hash(VCH_STR(PASSWORD), fx.arena, &two), VCH_OK);
    assert_false(vch_str_eq(one, two));
    assert_true(vch_str_starts(one, VCH_STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    static const struct {
        const char *password;
        bool want;
    } cases[] = {{PASSWORD, true}, {PASSWORD " ", false}, {"correct horse batter", false}, {"", false}, {"Correct horse battery", false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(vch_password_is(vch_str_from(cases[i].password), one, &same), VCH_OK);
        assert_int_equal(same, cases[i].want);
    }
    assert_int_equal(vch_password_is(VCH_STR(PASSWORD), VCH_STR(""), &same), VCH_OK); /* no password is no password */
    assert_false(same);
    assert_int_equal(vch_password_is(VCH_STR(""), VCH_STR(""), &same), VCH_OK);
    assert_false(same);
    assert_int_not_equal(vch_password_is(VCH_STR(PASSWORD), VCH_STR("$argon2id$broken"), &same), VCH_OK);
    assert_false(same);
    assert_int_equal(vch_password_new(fx.arena, &made), VCH_OK);
    assert_int_equal(made.len, 20);
    assert_int_equal(vch_password_check(made, VCH_STR("ann"), "password", NULL), VCH_OK);
}

static void weak_passwords_are_refused(void **state) {
    (void)state;
    char text[VCH_PASSWORD_MAX + 2];
    memset(text, 'x', sizeof text);
    static const size_t lengths[] = {0, 1, VCH_PASSWORD_MIN - 1, VCH_PASSWORD_MAX + 1};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct vch_diag diag = {0};
        assert_int_equal(vch_password_check(vch_str_of(text, lengths[i]), VCH_STR("ann"), "password", &diag), VCH_ERR_INVALID);
        assert_string_equal(diag.reason, "password-weak");
        assert_string_equal(diag.field, "password");
    }
    assert_int_equal(vch_password_check(vch_str_of(text, VCH_PASSWORD_MIN), VCH_STR("ann"), "password", NULL), VCH_OK);
    assert_int_equal(vch_password_check(vch_str_of(text, VCH_PASSWORD_MAX), VCH_STR("ann"), "password", NULL), VCH_OK);
    assert_int_equal(vch_password_check(VCH_STR("Long.Name.Of.Ann"), VCH_STR("long.name.of.ann"), "password", NULL), VCH_ERR_INVALID);
}

/* ---- codes ---- */

/* RFC 6238 appendix B, SHA-1, the last six of its eight digits. */
static void codes_are_those_of_the_rfc(void **state) {
    (void)state;
    static const struct {
        int64_t s;
        const char *code;
    } cases[] = {{59, "287082"}, {1111111109, "081804"}, {1111111111, "050471"}, {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    const struct vch_str secret = VCH_STR("12345678901234567890");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool same = false;
        int64_t step = 0;
        assert_int_equal(vch_totp_match(secret, vch_str_from(cases[i].code), cases[i].s * 1000, 0, &same, &step), VCH_OK);
        assert_true(same);
        assert_int_equal(step, cases[i].s / 30);
    }
}

static void codes_hold_a_step_either_way_and_once(void **state) {
    (void)state;
    const struct vch_str secret = VCH_STR("12345678901234567890"), code = VCH_STR("081804"); /* of step 37037036 */
    const int64_t step = 37037036, at = step * 30000;
    static const struct {
        int64_t offset_ms, last;
        bool want;
    } cases[] = {{0, 0, true},           {29999, 0, true},     {30000, 0, true},      {59999, 0, true},    {60000, 0, false},
                 {-1, 0, true},          {-30000, 0, true},    {-30001, 0, false},    {0, 37037035, true}, {0, 37037036, false},
                 {0, 37037037, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool same = false;
        int64_t got = 0;
        assert_int_equal(vch_totp_match(secret, code, at + cases[i].offset_ms, cases[i].last, &same, &got), VCH_OK);
        if (same != cases[i].want) fail_msg("case %zu", i);
        if (same) assert_int_equal(got, step);
    }
    static const char *const wrong[] = {"", "0", "08180", "0818040", "081805", " 81804", "081804 ", "abcdef", "-81804"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        bool same = true;
        int64_t got = 0;
        assert_int_equal(vch_totp_match(secret, vch_str_from(wrong[i]), at, 0, &same, &got), VCH_OK);
        assert_false(same);
    }
}

static void secrets_are_sealed_for_their_user(void **state) {
    (void)state;
    struct vch_str secret, sealed, again, text, uri;
    assert_int_equal(vch_totp_secret_new(fx.arena, &secret), VCH_OK);
    assert_int_equal(vch_totp_seal(&fx.service, VCH_STR("ann"), secret, fx.arena, &sealed), VCH_OK);
    assert_int_equal(vch_totp_unseal(&fx.service, VCH_STR("ann"), sealed, fx.arena, &again), VCH_OK);
    assert_true(vch_str_eq(secret, again));
    assert_int_not_equal(vch_totp_unseal(&fx.service, VCH_STR("bob"), sealed, fx.arena, &again), VCH_OK);
    assert_int_equal(vch_totp_text(VCH_STR("12345678901234567890"), fx.arena, &text), VCH_OK);
    assert_str(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_int_equal(vch_totp_uri(&fx.service, VCH_STR("ann+b@c"), text, fx.arena, &uri), VCH_OK);
    assert_str(uri, "otpauth://totp/vouch%20vouch.example:ann%2Bb%40c?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=vouch%20vouch.example");
}

/* ---- use cases ---- */

static enum vch_err act(enum vch_op op, vch_use_case *use_case, const char *inputs, const char *user) {
    struct vch_val *in;
    vch_diag_clear(&fx.diag);
    vch_arena_reset(fx.arena);
    fx.out = vch_val_new_map(fx.arena);
    VCH_TRY(vch_shape_check(op, fixture_json(inputs), fx.arena, &in, &fx.diag));
    struct vch_call call = {.service = &fx.service,
                            .arena = fx.arena,
                            .caller = {.kind = user ? VCH_CALLER_USER : VCH_CALLER_NOBODY,
                                       .arn = VCH_STR("arn:aws:iam::" ACCOUNT ":user/ann"),
                                       .user_name = vch_str_from(user),
                                       .source_ip = VCH_STR("10.0.0.1")},
                            .now_ms = fx.now_ms,
                            .in = in,
                            .out = fx.out,
                            .diag = &fx.diag,
                            .web = has_web ? &web : NULL,
                            .web_grant = &grant};
    VCH_TRY(use_case(&call));
    struct vch_diag wrong = {0};
    if (vch_shape_check_output(op, fx.out, &wrong) != VCH_OK) fail_msg("%s: %s", vch_op_row(op)->name, wrong.message);
    return VCH_OK;
}

static void good(enum vch_op op, vch_use_case *use_case, const char *inputs, const char *user) {
    enum vch_err err = act(op, use_case, inputs, user);
    if (err != VCH_OK) fail_msg("%s: %s, %s", vch_op_row(op)->name, vch_err_word(err), fx.diag.message);
}

static void refused(enum vch_op op, vch_use_case *use_case, const char *inputs, const char *user, const char *reason) {
    assert_int_not_equal(act(op, use_case, inputs, user), VCH_OK);
    assert_string_equal(fx.diag.reason, reason);
    assert_int_equal(grant.cookie[0], 0);
}

static void have_ann(void) {
    good(VCH_OP_CREATE_USER, vch_uc_create_user, "{'userName':'ann'}", "ann");
    good(VCH_OP_SET_USER_PASSWORD, vch_uc_set_user_password, "{'userName':'ann','password':'" PASSWORD "'}", "ann");
}

#define SIGN_IN VCH_OP_SIGN_IN, vch_uc_sign_in
#define RIGHT "{'userName':'ann','password':'" PASSWORD "'}"

static void sign_in(void) {
    memset(&grant, 0, sizeof grant);
    good(SIGN_IN, RIGHT, NULL);
    assert_int_equal(strlen(grant.cookie), VCH_WEB_TOKEN_LEN);
}

static enum vch_err found(const char *cookie, int64_t now_ms) {
    static char kept[64];
    struct vch_diag diag = {0};
    enum vch_err err = vch_web_session_find(&fx.service, vch_str_from(cookie), now_ms, fx.arena, &web, &diag);
    if (err != VCH_OK) assert_string_equal(diag.reason, "session-ended");
    /* The arena is emptied by the next call. */
    if (err == VCH_OK && vch_str_copy(kept, sizeof kept, web.user_name)) web.user_name = vch_str_from(kept);
    web.how = VCH_STR("password");
    return err;
}

static void who_signs_in_has_a_session(void **state) {
    (void)state;
    char csrf[VCH_WEB_TOKEN_LEN + 1];
    have_ann();
    sign_in();
    assert_str(fixture_text("userName"), "ann");
    assert_str(fixture_text("csrfToken"), grant.csrf);
    assert_int_equal(grant.life_s, VCH_WEB_LIFE_S);
    assert_int_equal(grant.expires_ms, fx.now_ms + 1000 * VCH_WEB_LIFE_S);
    assert_int_equal(found(grant.cookie, fx.now_ms), VCH_OK);
    assert_str(web.user_name, "ann");
    assert_string_equal(web.csrf, grant.csrf);
    vch_web_csrf(vch_str_from(grant.cookie), csrf);
    assert_string_equal(csrf, grant.csrf);
    assert_string_not_equal(grant.csrf, grant.cookie);
}

static struct vch_str known_id(const char *user, const char *cookie, int64_t now_ms) {
    return vch_known_browser_id(&fx.service, vch_str_from(user), vch_str_from(cookie), now_ms, fx.arena);
}

static void a_browser_is_known_for_its_user_and_a_while(void **state) {
    (void)state;
    char one[VCH_KNOWN_TEXT_MAX], two[VCH_KNOWN_TEXT_MAX];
    const int64_t life = INT64_C(1000) * VCH_KNOWN_LIFE_S;
    vch_known_browser_make(&fx.service, VCH_STR("ann"), fx.now_ms, fx.arena, one);
    vch_known_browser_make(&fx.service, VCH_STR("ann"), fx.now_ms, fx.arena, two);
    assert_int_equal(known_id("ann", one, fx.now_ms).len, VCH_KNOWN_ID_LEN);
    assert_int_equal(known_id("ann", one, fx.now_ms + life - 1).len, VCH_KNOWN_ID_LEN);
    assert_true(vch_str_eq(known_id("ann", one, fx.now_ms), known_id("ann", one, fx.now_ms + 1)));
    assert_false(vch_str_eq(known_id("ann", one, fx.now_ms), known_id("ann", two, fx.now_ms)));
    assert_int_equal(known_id("ann", one, fx.now_ms + life).len, 0);
    assert_int_equal(known_id("bob", one, fx.now_ms).len, 0);
    assert_int_equal(known_id("", one, fx.now_ms).len, 0);
    one[20] = one[20] == 'A' ? 'B' : 'A';
    assert_int_equal(known_id("ann", one, fx.now_ms).len, 0);
    two[strlen(two) - 4] = '\0';
    static const char *const none[] = {"", "A", "!", "====", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    assert_int_equal(known_id("ann", two, fx.now_ms).len, 0);
    for (size_t i = 0; i < COUNT_OF(none); i++) assert_int_equal(known_id("ann", none[i], fx.now_ms).len, 0);
    have_ann();
    sign_in();
    assert_int_equal(known_id("ann", grant.known, fx.now_ms).len, VCH_KNOWN_ID_LEN);
}

static void sessions_end_idle_and_old(void **state) {
    (void)state;
    have_ann();
    sign_in();
    const int64_t idle = 1000 * VCH_WEB_IDLE_S, life = 1000 * (int64_t)VCH_WEB_LIFE_S;
    assert_int_equal(found(grant.cookie, fx.now_ms + 59999), VCH_OK);
    assert_false(web.use_due);
    assert_int_equal(found(grant.cookie, fx.now_ms + 60000), VCH_OK);
    assert_true(web.use_due);
    assert_int_equal(found(grant.cookie, fx.now_ms + idle - 1), VCH_OK);
    assert_int_equal(found(grant.cookie, fx.now_ms + idle), VCH_ERR_UNAUTHENTICATED);
    for (int64_t t = 0; t < life; t += idle - 1) {
        assert_int_equal(found(grant.cookie, fx.now_ms + t), VCH_OK);
        assert_int_equal(vch_web_session_check(&fx.service, &web, fx.now_ms + t, NULL), VCH_OK);
        vch_web_session_used(&fx.service, web.hash, fx.now_ms + t);
    }
    assert_int_equal(found(grant.cookie, fx.now_ms + life - 1), VCH_OK);
    assert_int_equal(found(grant.cookie, fx.now_ms + life), VCH_ERR_UNAUTHENTICATED);
    assert_int_equal(vch_web_session_check(&fx.service, &web, fx.now_ms + life, NULL), VCH_ERR_UNAUTHENTICATED);
    fx.service.web_idle_s = 60;
    sign_in();
    assert_int_equal(found(grant.cookie, fx.now_ms + 15000), VCH_OK);
    assert_true(web.use_due);
    assert_int_equal(found(grant.cookie, fx.now_ms + 60000), VCH_ERR_UNAUTHENTICATED);
}

static void what_is_no_cookie_finds_nothing(void **state) {
    (void)state;
    char text[VCH_WEB_TOKEN_LEN + 2];
    have_ann();
    sign_in();
    for (int i = 0; i < VCH_WEB_TOKEN_LEN; i++) {
        memcpy(text, grant.cookie, VCH_WEB_TOKEN_LEN + 1);
        text[i] = text[i] == 'A' ? 'E' : 'A';
        assert_int_equal(found(text, fx.now_ms), VCH_ERR_UNAUTHENTICATED);
    }
    (void)snprintf(text, sizeof text, "%sA", grant.cookie);
    assert_int_equal(found(text, fx.now_ms), VCH_ERR_UNAUTHENTICATED);
    assert_int_equal(found("", fx.now_ms), VCH_ERR_UNAUTHENTICATED);
    struct vch_diag diag = {0};
    assert_int_equal(vch_web_session_find(&fx.service, (struct vch_str){NULL, 0}, fx.now_ms, fx.arena, &web, &diag), VCH_ERR_UNAUTHENTICATED);
    char hex[65];
    uint8_t hash[32];
    vch_sha256(vch_str_from(grant.cookie), hash); /* what the registry holds opens nothing */
    vch_hex(hash, sizeof hash, hex);
    assert_int_equal(found(hex, fx.now_ms), VCH_ERR_UNAUTHENTICATED);
}

static void refusals_are_alike(void **state) {
    (void)state;
    have_ann();
    static const char *const asks[] = {"{'userName':'ann','password':'wrong'}", "{'userName':'nobody','password':'" PASSWORD "'}",
                                       "{'userName':'ANN','password':'" PASSWORD "'}", "{'userName':'ann','password':'wrong','totpCode':'123456'}"};
    char message[sizeof fx.diag.message] = "";
    for (size_t i = 0; i < COUNT_OF(asks); i++) {
        refused(SIGN_IN, asks[i], NULL, "sign-in-refused");
        if (i) assert_string_equal(message, fx.diag.message);
        memcpy(message, fx.diag.message, sizeof message);
        assert_string_equal(fx.diag.field, "");
    }
    vch_sign_in_free(fx.service.sign_in);
    fx.service.sign_in = NULL;
    refused(SIGN_IN, RIGHT, NULL, "sign-in-refused"); /* where nobody counts, nobody enters */
}

static void a_new_session_ends_the_one_that_it_came_with(void **state) {
    (void)state;
    char old[VCH_WEB_TOKEN_LEN + 1];
    have_ann();
    sign_in();
    memcpy(old, grant.cookie, sizeof old);
    assert_int_equal(found(old, fx.now_ms), VCH_OK);
    has_web = true;
    sign_in();
    assert_string_not_equal(old, grant.cookie);
    assert_int_equal(found(old, fx.now_ms), VCH_ERR_UNAUTHENTICATED);
    assert_int_equal(found(grant.cookie, fx.now_ms), VCH_OK);
}

static void signing_out(void **state) {
    (void)state;
    char cookie[VCH_WEB_TOKEN_LEN + 1];
    have_ann();
    sign_in();
    memcpy(cookie, grant.cookie, sizeof cookie);
    assert_int_equal(found(cookie, fx.now_ms), VCH_OK);
    has_web = true;
    good(VCH_OP_SIGN_OUT, vch_uc_sign_out, "{}", "ann");
    assert_true(grant.ended);
    assert_int_equal(found(cookie, fx.now_ms), VCH_ERR_UNAUTHENTICATED);
    has_web = false;
    good(VCH_OP_SIGN_OUT, vch_uc_sign_out, "{}", "ann");
    assert_int_equal(fixture_events("signed-out"), 1);
}

/* Between the proof and the plan the password changed: the session must not begin. */
static enum vch_err change_meanwhile(struct vch_call *call, const struct vch_proof *proof) {
    struct vch_plan *plan = vch_plan_new(call->arena);
    vch_plan_user_password(plan, proof->user.name, VCH_STR("another hash"));
    assert_int_equal(vch_store_apply(call->service->store, plan, NULL), VCH_OK);
    plan = vch_plan_new(call->arena);
    vch_proof_need(plan, proof);
    VCH_TRY(vch_web_session_make(call, proof->user.name, "password", plan, call->web_grant));
    return vch_store_apply(call->service->store, plan, call->diag);
}

static enum vch_err raced(struct vch_call *call) {
    const struct vch_proof_ask ask = {.user_name = vch_val_str_at(call->in, "userName"), .password = vch_val_str_at(call->in, "password")};
    return vch_prove(call, &ask, change_meanwhile);
}

static void a_password_that_changes_meanwhile(void **state) {
    (void)state;
    have_ann();
    assert_int_equal(act(VCH_OP_SIGN_IN, raced, RIGHT, NULL), VCH_ERR_UNAUTHENTICATED);
    assert_string_equal(fx.diag.reason, "sign-in-refused");
    assert_int_equal(found(grant.cookie, fx.now_ms), VCH_ERR_UNAUTHENTICATED);
}

static void administrators(void **state) {
    (void)state;
    have_ann();
    sign_in();
    char cookie[VCH_WEB_TOKEN_LEN + 1];
    memcpy(cookie, grant.cookie, sizeof cookie);
    good(VCH_OP_LIST_USER_SESSIONS, vch_uc_list_user_sessions, "{'userName':'ann'}", "ann");
    assert_int_equal(fixture_count("sessions"), 1);
    assert_str(fixture_text("sessions/0/sourceIp"), "10.0.0.1");
    assert_int_equal(fixture_number("passwordSet"), 1);
    fx.now_ms += 1000 * VCH_WEB_IDLE_S; /* what has ended is not shown, though it is not swept */
    good(VCH_OP_LIST_USER_SESSIONS, vch_uc_list_user_sessions, "{'userName':'ann'}", "ann");
    assert_int_equal(fixture_count("sessions"), 0);
    sign_in();
    good(VCH_OP_END_USER_SESSIONS, vch_uc_end_user_sessions, "{'userName':'ann'}", "ann");
    assert_int_equal(fixture_number("ended"), 2);
    good(VCH_OP_SET_USER_PASSWORD, vch_uc_set_user_password, "{'userName':'ann'}", "ann");
    assert_int_equal(fixture_text("password").len, 20);
    good(VCH_OP_UNLOCK_USER, vch_uc_unlock_user, "{'userName':'ann'}", "ann");
    grant.cookie[0] = '\0';
    refused(VCH_OP_SET_USER_PASSWORD, vch_uc_set_user_password, "{'userName':'bob'}", "ann", "user-missing");
    refused(VCH_OP_UNLOCK_USER, vch_uc_unlock_user, "{'userName':'bob'}", "ann", "user-missing");
    refused(VCH_OP_END_USER_SESSIONS, vch_uc_end_user_sessions, "{'userName':'bob'}", "ann", "user-missing");
    refused(VCH_OP_LIST_USER_SESSIONS, vch_uc_list_user_sessions, "{'userName':'bob'}", "ann", "user-missing");
    refused(VCH_OP_REMOVE_USER_TOTP, vch_uc_remove_user_totp, "{'userName':'bob'}", "ann", "user-missing");
    refused(VCH_OP_REMOVE_USER_TOTP, vch_uc_remove_user_totp, "{'userName':'ann'}", "ann", "totp-state");
}

#define T(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(ten_failures_close_a_pair), T(the_last_failure_begins_the_time), T(a_success_forgets), T(what_was_not_judged_does_not_count),
        T(attempts_count_when_they_begin), T(thirty_failures_close_an_address), T(an_ipv6_network_is_one_address),
        T(a_hundred_failures_close_a_user_to_strangers), T(an_unlock_forgets_a_user_everywhere), T(the_table_is_bounded),
        T(a_known_browser_is_a_place_of_its_own), T(an_address_counts_by_itself), T(what_is_closed_pushes_nobody_out), T(a_flood_hides_no_guesses),
        T(a_clock_that_goes_back_opens), T(what_happened_is_counted), T(few_compute_at_once), T(passwords_are_hashed_and_known_again), T(weak_passwords_are_refused),
        T(codes_are_those_of_the_rfc), T(codes_hold_a_step_either_way_and_once), T(secrets_are_sealed_for_their_user),
        T(who_signs_in_has_a_session), T(a_browser_is_known_for_its_user_and_a_while), T(sessions_end_idle_and_old), T(what_is_no_cookie_finds_nothing), T(refusals_are_alike),
        T(a_new_session_ends_the_one_that_it_came_with), T(signing_out), T(a_password_that_changes_meanwhile), T(administrators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
