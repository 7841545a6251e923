/* Pairing by use cases alone: what is counted in memory, who may poll how
 * often, and what a call without a door gets. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "core/reason.h"
#include "pki/csr.h"
#include "service/pairing_priv.h"
#include "service/refusals.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 3600 * 1000, SECOND_US = 1000000 };

static struct vch_pairings *memory;

static int setup(void **state) {
    return vch_pairings_new(&memory) == VCH_OK ? fixture_setup(state) : -1;
}

static int teardown(void **state) {
    fx.service.pairings = NULL;
    vch_pairings_free(memory);
    return fixture_teardown(state);
}

/* ---- counting ---- */

static void counts_are_of_a_window(void **state) {
    (void)state;
    const struct vch_str who = VCH_STR("192.0.2.1");
    static const struct {
        enum vch_pairing_count kind;
        int64_t window_ms;
    } rows[] = {{VCH_PAIRING_COUNT_STARTS, MINUTE_MS}, {VCH_PAIRING_COUNT_STRANGERS, MINUTE_MS}, {VCH_PAIRING_COUNT_USER, HOUR_MS}, {VCH_PAIRING_COUNT_ADDRESS, HOUR_MS}, {VCH_PAIRING_COUNT_SITE, MINUTE_MS}, {VCH_PAIRING_COUNT_LATELY, 10 * MINUTE_MS}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t t0 = INT64_C(1700000000000);
        vch_pairing_uncount(memory, rows[i].kind, who, t0); /* of nothing there is nothing less */
        assert_int_equal(vch_pairing_count(memory, rows[i].kind, who, t0), 1);
        assert_int_equal(vch_pairing_count(memory, rows[i].kind, who, t0 + rows[i].window_ms - 1), 2);
        vch_pairing_uncount(memory, rows[i].kind, who, t0 + rows[i].window_ms - 1);
        assert_int_equal(vch_pairing_count(memory, rows[i].kind, who, t0 + rows[i].window_ms - 1), 2);
        assert_int_equal(vch_pairing_count(memory, rows[i].kind, VCH_STR("198.51.100.2"), t0), 1);
        assert_int_equal(vch_pairing_count(memory, rows[i].kind, who, t0 + rows[i].window_ms), 1);
    }
}

static void a_clock_that_goes_back_begins_anew(void **state) {
    (void)state;
    assert_int_equal(vch_pairing_count(memory, VCH_PAIRING_COUNT_USER, VCH_STR("user/a"), 5 * HOUR_MS), 1);
    assert_int_equal(vch_pairing_count(memory, VCH_PAIRING_COUNT_USER, VCH_STR("user/a"), 4 * HOUR_MS), 1);
    assert_int_equal(vch_pairing_count(memory, VCH_PAIRING_COUNT_USER, VCH_STR("user/a"), 4 * HOUR_MS + 1), 2);
}

static void a_network_of_ipv6_counts_as_one(void **state) {
    (void)state;
    static const char *const same[] = {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:0db8:0001:0002:0:0:0:0"};
    for (size_t i = 0; i < COUNT_OF(same); i++)
        assert_int_equal(vch_pairing_count(memory, VCH_PAIRING_COUNT_STARTS, vch_str_from(same[i]), MINUTE_MS), i + 1);
    assert_int_equal(vch_pairing_count(memory, VCH_PAIRING_COUNT_STARTS, VCH_STR("2001:db8:1:3::1"), MINUTE_MS), 1);
}

static void neighbours_count_together(void **state) {
    (void)state;
    static const char *const sites[][3] = {{"2001:db8:1:2::1", "2001:db8:1:3::1", "2001:db8:1:ffff::"}, {"192.0.2.1", "192.0.2.2", "192.0.2.255"}};
    for (size_t i = 0; i < COUNT_OF(sites); i++)
        for (unsigned j = 0; j < 3; j++) assert_int_equal(vch_pairing_count(memory, VCH_PAIRING_COUNT_SITE, vch_str_from(sites[i][j]), MINUTE_MS), j + 1);
    static const char *const elsewhere[] = {"2001:db8:2:2::1", "192.0.3.1", "x"};
    for (size_t i = 0; i < COUNT_OF(elsewhere); i++)
        assert_int_equal(vch_pairing_count(memory, VCH_PAIRING_COUNT_SITE, vch_str_from(elsewhere[i]), MINUTE_MS), 1);
}

/* Strangers by the thousand push out each other; who just counted is still there. */
static void a_flood_pushes_out_the_oldest(void **state) {
    (void)state;
    const struct vch_str who = VCH_STR("198.51.100.7");
    for (int i = 0; i < 100000; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        (void)vch_pairing_count(memory, VCH_PAIRING_COUNT_STARTS, vch_str_from(text), MINUTE_MS + i / 100);
    }
    for (unsigned i = 1; i <= 20; i++) assert_int_equal(vch_pairing_count(memory, VCH_PAIRING_COUNT_STARTS, who, MINUTE_MS + 1001), i);
}

/* ---- polls ---- */

static void polls_have_a_pace(void **state) {
    (void)state;
    const struct vch_str id = VCH_STR("p");
    int64_t t = 1000 * (int64_t)SECOND_US, interval_s;
    for (int i = 0; i < 3; i++) assert_true(vch_pairing_poll(memory, id, t, &interval_s));
    assert_int_equal(interval_s, VCH_PAIRING_INTERVAL_S);
    assert_false(vch_pairing_poll(memory, id, t, &interval_s));
    assert_int_equal(interval_s, VCH_PAIRING_INTERVAL_S + VCH_PAIRING_SLOWER_S);
    assert_true(vch_pairing_poll(memory, VCH_STR("another"), t, &interval_s));
    assert_false(vch_pairing_poll(memory, id, t + 6 * SECOND_US, &interval_s));
    assert_int_equal(interval_s, VCH_PAIRING_INTERVAL_S + 2 * VCH_PAIRING_SLOWER_S);
    assert_true(vch_pairing_poll(memory, id, t + 18 * SECOND_US, &interval_s)); /* twelve seconds later */
    assert_false(vch_pairing_poll(memory, id, t + 19 * SECOND_US, &interval_s));
    for (int i = 0; i < 100; i++) assert_false(vch_pairing_poll(memory, id, t + 19 * SECOND_US, &interval_s));
    assert_in_range(interval_s, 50, VCH_PAIRING_INTERVAL_MAX_S);
    t += 1000 * (int64_t)SECOND_US;
    for (int i = 0; i < 3; i++) assert_true(vch_pairing_poll(memory, id, t, &interval_s));
}

static void who_keeps_the_pace_is_never_slowed(void **state) {
    (void)state;
    int64_t interval_s, t = 7 * (int64_t)SECOND_US;
    for (int i = 0; i < 500; i++, t += VCH_PAIRING_INTERVAL_S * (int64_t)SECOND_US) {
        assert_true(vch_pairing_poll(memory, VCH_STR("p"), t, &interval_s));
        assert_int_equal(interval_s, VCH_PAIRING_INTERVAL_S);
    }
}

static void news_cost_no_poll(void **state) {
    (void)state;
    const struct vch_str id = VCH_STR("p");
    int64_t interval_s, t = 7 * (int64_t)SECOND_US;
    assert_int_equal(vch_pairing_told(memory, id), VCH_PAIRING_IS_WAITING);
    for (unsigned i = 1; i < 9; i++) {
        assert_true(vch_pairing_poll(memory, id, t, &interval_s));
        vch_pairing_tell(memory, id, i);
        assert_int_equal(vch_pairing_told(memory, id), i);
    }
    vch_pairing_tell(memory, id, 8); /* no news */
    for (int i = 0; i < 3; i++) assert_true(vch_pairing_poll(memory, id, t, &interval_s));
    assert_false(vch_pairing_poll(memory, id, t, &interval_s));
}

static void rows_of_strangers_are_bounded(void **state) {
    (void)state;
    const struct vch_str nobody = VCH_STR("");
    int64_t left_out, t = 9 * (int64_t)SECOND_US;
    for (int i = 0; i < 100; i++) assert_true(vch_pairing_row_fits(memory, VCH_PAIRING_ROWS_STARTS, nobody, t, &left_out));
    for (int i = 0; i < 7; i++) assert_false(vch_pairing_row_fits(memory, VCH_PAIRING_ROWS_STARTS, nobody, t, &left_out));
    assert_true(vch_pairing_row_fits(memory, VCH_PAIRING_ROWS_STARTS, nobody, t + SECOND_US, &left_out));
    assert_int_equal(left_out, 7);
    assert_true(vch_pairing_row_fits(memory, VCH_PAIRING_ROWS_PEOPLE, VCH_STR("user/a"), t, &left_out) && left_out == 0); /* people have a measure of their own */
    assert_true(vch_pairing_row_fits(memory, VCH_PAIRING_ROWS_REFUSALS, nobody, t, &left_out) && left_out == 0); /* and so has what was refused */
    assert_false(vch_pairing_row_fits(memory, VCH_PAIRING_ROWS_STARTS, nobody, t + SECOND_US, &left_out));
}

/* One who floods leaves the others room, and all together are bounded. */
static void rows_of_people_are_bounded_for_each(void **state) {
    (void)state;
    int64_t left_out, t = 9 * (int64_t)SECOND_US;
    int fitted = 0;
    for (int i = 0; i < 500; i++) fitted += vch_pairing_row_fits(memory, VCH_PAIRING_ROWS_PEOPLE, VCH_STR("user/flood"), t, &left_out);
    assert_int_equal(fitted, 50);
    assert_true(vch_pairing_row_fits(memory, VCH_PAIRING_ROWS_PEOPLE, VCH_STR("user/other"), t, &left_out));
    assert_int_equal(left_out, 450);
    for (int i = 0; i < 500; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "user/%d", i);
        fitted += vch_pairing_row_fits(memory, VCH_PAIRING_ROWS_PEOPLE, vch_str_from(name), t, &left_out);
    }
    assert_int_equal(fitted, 99);
}

/* ---- use cases ---- */

static size_t events(const char *event) {
    struct vch_list_ledger list;
    size_t count = 0;
    assert_int_equal(vch_store_ledger(fx.service.store, 0, 5000, &list, fx.arena, &fx.diag), VCH_OK);
    for (size_t i = 0; i < list.count; i++)
        if (vch_str_eq_c(list.items[i].event, event)) {
            assert_true(vch_str_eq_c(list.items[i].actor, "server"));
            count++;
        }
    return count;
}

static void start(struct vch_rec_pairing *ret, int n) {
    char id[8], code[9];
    uint8_t hash[32] = {(uint8_t)n};
    (void)snprintf(id, sizeof id, "p%d", n);
    (void)snprintf(code, sizeof code, "2222222%d", n);
    *ret = (struct vch_rec_pairing){.id = vch_arena_str(fx.arena, vch_str_from(id)), .device_hash = vch_arena_str(fx.arena, vch_str_of(hash, 32)),
                                    .user_code = vch_arena_str(fx.arena, vch_str_from(code)), .key = VCH_STR(CERT_A), .spki = VCH_STR("spki"),
                                    .serial = VCH_STR("s"), .source_ip = VCH_STR("::1"), .suggested = VCH_STR("{}"),
                                    .created_ms = fx.now_ms, .expires_ms = fx.now_ms + VCH_PAIRING_LIFE_S * INT64_C(1000)};
    struct vch_plan *plan = vch_plan_new(fx.arena);
    vch_plan_pairing_insert(plan, ret, 1000);
    assert_int_equal(vch_store_apply(fx.service.store, plan, &fx.diag), VCH_OK);
}

static void without_its_memory_nobody_pairs(void **state) {
    (void)state;
    fixture_refused(VCH_OP_START_PAIRING, vch_uc_start_pairing, "{'certificateSigningRequest':'x','serialNumber':'s'}", VCH_ERR_UNAVAILABLE, "internal");
    fixture_refused(VCH_OP_POLL_PAIRING, vch_uc_poll_pairing, "{'deviceCode':'x'}", VCH_ERR_UNAVAILABLE, "internal");
    fixture_refused(VCH_OP_LOOK_UP_PAIRING, vch_uc_look_up_pairing, "{'userCode':'22222222'}", VCH_ERR_UNAVAILABLE, "internal");
}

static void states_are_of_the_clock(void **state) {
    (void)state;
    struct vch_rec_pairing p = {.step = VCH_PAIRING_SHOWN, .expires_ms = 100, .claim_expires_ms = 200};
    static const struct {
        enum vch_pairing_step step;
        int64_t now_ms;
        const char *ended, *reason, *state;
    } rows[] = {
        {VCH_PAIRING_SHOWN, 99, "", "", "WAITING"},          {VCH_PAIRING_SHOWN, 100, "", "", "EXPIRED"},
        {VCH_PAIRING_LOOKED_AT, 99, "", "", "LOOKED_AT"},    {VCH_PAIRING_LOOKED_AT, 100, "", "", "EXPIRED"},
        {VCH_PAIRING_LOOKED_AT, 99, "DENIED", "", "DENIED"}, {VCH_PAIRING_LOOKED_AT, 500, "DENIED", "", "DENIED"},
        {VCH_PAIRING_SHOWN, 500, "EXPIRED", "x", "EXPIRED"}, {VCH_PAIRING_APPROVED, 199, "", "", "APPROVED"},
        {VCH_PAIRING_APPROVED, 200, "", "", "FAILED"},       {VCH_PAIRING_CLAIM_TAKEN, 150, "", "", "CLAIM_TAKEN"},
        {VCH_PAIRING_CONNECTED, 150, "", "", "CONNECTED"},   {VCH_PAIRING_CONNECTED, 150, "", "claim-key", "FAILED"},
        {VCH_PAIRING_CERTIFIED, 150, "", "", "CERTIFIED"},   {VCH_PAIRING_CERTIFIED, 200, "", "", "FAILED"},
        {VCH_PAIRING_CERTIFIED, 150, "FAILED", "x", "FAILED"}, {VCH_PAIRING_REGISTERED, 500, "", "", "REGISTERED"},
        {VCH_PAIRING_DONE, 500, "", "", "DONE"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        p.step = rows[i].step;
        p.ended = vch_str_from(rows[i].ended);
        p.reason = vch_str_from(rows[i].reason);
        assert_string_equal(vch_pairing_state_word(vch_pairing_state_of(&p, rows[i].now_ms)), rows[i].state);
    }
}

static void the_sweep_ends_what_time_has_ended(void **state) {
    (void)state;
    struct vch_rec_pairing p;
    enum { MANY = 9 };
    for (int i = 0; i < MANY; i++) start(&p, i);
    assert_int_equal(vch_pairing_sweep(&fx.service, p.expires_ms - 1, &fx.diag), VCH_OK);
    assert_int_equal(events("pairing-expired"), 0);
    assert_int_equal(vch_pairing_sweep(&fx.service, p.expires_ms, &fx.diag), VCH_OK);
    assert_int_equal(events("pairing-expired"), MANY);
    assert_int_equal(vch_pairing_sweep(&fx.service, p.expires_ms, &fx.diag), VCH_OK);
    assert_int_equal(events("pairing-expired"), MANY); /* once */
    assert_int_equal(vch_store_pairing(fx.service.store, VCH_STR("p0"), &p, fx.arena, &fx.diag), VCH_OK);
    assert_true(vch_str_eq_c(p.ended, "EXPIRED") && vch_str_eq_c(p.reason, "pairing-expired"));
}

static void a_floods_ends_are_few_rows(void **state) {
    (void)state;
    struct vch_list_pairing list;
    enum { MANY = 700 };
    for (int i = 0; i < MANY; i++) {
        char id[16];
        uint8_t hash[32] = {(uint8_t)i, (uint8_t)(i >> 8)};
        (void)snprintf(id, sizeof id, "%d", 10000000 + i);
        const struct vch_rec_pairing p = {.id = vch_str_from(id), .device_hash = vch_str_of(hash, 32), .user_code = vch_str_from(id), .key = VCH_STR(CERT_A),
                                          .spki = VCH_STR("k"), .serial = VCH_STR("s"), .suggested = VCH_STR("{}"), .created_ms = 1, .expires_ms = 2};
        struct vch_plan *plan = vch_plan_new(fx.arena);
        vch_plan_pairing_insert(plan, &p, 100000);
        assert_int_equal(vch_store_apply(fx.service.store, plan, &fx.diag), VCH_OK);
    }
    assert_int_equal(vch_pairing_sweep(&fx.service, 3, &fx.diag), VCH_OK);
    assert_in_range(events("pairing-expired"), 20, 45);
    assert_int_equal(vch_store_pairings_lapsing(fx.service.store, 3, 10, &list, fx.arena, &fx.diag), VCH_OK);
    assert_int_equal(list.count, 0);
}

/* So many wait already. */
static void fill(int count) {
    struct vch_arena *arena = vch_arena_new(64 << 20, false);
    struct vch_plan *plan = vch_plan_new(arena);
    for (int i = 0; i < count; i++) {
        struct vch_str id = vch_arena_printf(arena, "%d", 10000000 + i);
        uint8_t *hash = vch_arena_alloc(arena, 32);
        memset(hash, 0, 32);
        memcpy(hash, &i, sizeof i);
        const struct vch_rec_pairing p = {.id = id, .device_hash = vch_str_of(hash, 32), .user_code = id, .key = VCH_STR(CERT_A), .spki = VCH_STR("k"),
                                          .serial = VCH_STR("s"), .suggested = VCH_STR("{}"), .created_ms = fx.now_ms, .expires_ms = fx.now_ms + 600000};
        vch_plan_pairing_insert(plan, &p, 100000);
    }
    assert_int_equal(vch_store_apply(fx.service.store, plan, &fx.diag), VCH_OK);
    vch_arena_free(arena);
}

static const char request[] =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIHeMIGEAgEAMCIxDzANBgNVBAoMBk1ha2VyczEPMA0GA1UEAwwGc2Vuc29yMFkw\n"
    "EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEW2X9TJxV2uZnh8xvmhdeLLTBnv5Tb3Kk\n"
    "egzHUGYrdTSjaejwwkLLXYUxPw05GgVaPIi5ldRZHLfO9/FrDHK2aqAAMAoGCCqG\n"
    "SM49BAMCA0kAMEYCIQCUrEnQWEx4LKuq0y69rA8FraWwK5xadvrMYI/3kXr3rQIh\n"
    "AP1TMhp/5ccfFQFJ1YgGjH/l/XWX14J+Ci0Qr0BIu9Xi\n"
    "-----END CERTIFICATE REQUEST-----\n";

static int64_t newest_row(void) {
    struct vch_list_ledger list;
    assert_int_equal(vch_store_ledger(fx.service.store, 0, 1000, &list, fx.arena, &fx.diag), VCH_OK);
    return list.count ? list.items[list.count - 1].seq : 0;
}

/* Whether it has a place. Who answers has no root here, so a place is all that comes of it. */
static bool begins(const char *address) {
    vch_arena_reset(fx.arena);
    vch_diag_clear(&fx.diag);
    fx.service.pairings = memory;
    struct vch_val *in = vch_val_new_map(fx.arena);
    assert_int_equal(vch_val_put_str(fx.arena, in, "certificateSigningRequest", vch_str_from(request)), VCH_OK);
    assert_int_equal(vch_val_put_str(fx.arena, in, "serialNumber", VCH_STR("s")), VCH_OK);
    struct vch_call call = {.service = &fx.service, .arena = fx.arena, .caller = {.source_ip = vch_str_from(address)}, .now_ms = fx.now_ms,
                            .in = in, .out = vch_val_new_map(fx.arena), .diag = &fx.diag};
    int64_t before = newest_row(), begun = 0;
    enum vch_err err = vch_uc_start_pairing(&call);
    begun = newest_row() - before;
    if (err == VCH_ERR_THROTTLED) assert_string_equal(fx.diag.reason, "pairing-full");
    assert_int_equal(begun, err == VCH_ERR_THROTTLED ? 0 : 1);
    return begun == 1;
}

/* A few networks may fill half of the places; who begins little finds one in the other half. */
static void a_flood_leaves_places_for_others(void **state) {
    (void)state;
    char address[32];
    fill(VCH_PAIRING_WAITING_OF_MANY - VCH_PAIRING_FEW);
    for (int i = 0; i < VCH_PAIRING_FEW; i++) {
        (void)snprintf(address, sizeof address, "2001:db8:1:%x::1", i / 8);
        assert_true(begins(address));
    }
    assert_false(begins("2001:db8:1:ffff::1"));
    assert_true(begins("2001:db8:2::1") && begins("192.0.2.1"));
    fx.now_ms += 600000; /* the flood's codes have lapsed, and so has the memory of it */
    assert_true(begins("2001:db8:1:ffff::1"));
}

/* Whoever is refused by the thousand does not push out what others were refused for. */
static void a_flood_is_not_all_that_why_knows(void **state) {
    (void)state;
    struct vch_str serial = VCH_STR("");
    char text[16];
    assert_int_equal(vch_refusals_new(&fx.service.refusals), VCH_OK);
    fx.service.pairings = memory;
    struct vch_call call = {.service = &fx.service, .arena = fx.arena, .caller = {.source_ip = VCH_STR("192.0.2.1")}, .now_ms = fx.now_ms, .diag = &fx.diag};
    (void)VCH_REFUSE(&fx.diag, VCH_ERR_THROTTLED, PAIRING_THROTTLED, "", "Too many.");
    for (int i = 0; i < 400; i++) {
        (void)snprintf(text, sizeof text, "S%d", i);
        serial = vch_str_from(text);
        vch_pairing_tell_why(&call, "StartPairing", serial);
    }
    assert_in_range(vch_refusals_kept(fx.service.refusals), 100, 110);
    assert_int_equal(vch_refusals_count(fx.service.refusals, VCH_REFUSED_PAIRING, VCH_REASON_PAIRING_THROTTLED), 400);
    call.caller = (struct vch_caller){.kind = VCH_CALLER_USER, .source_ip = VCH_STR("192.0.2.2")};
    vch_pairing_tell_why(&call, "DenyPairing", serial);
    assert_in_range(vch_refusals_kept(fx.service.refusals), 101, 111);
    vch_refusals_free(fx.service.refusals);
    fx.service.refusals = NULL;
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(counts_are_of_a_window),   TEST(a_clock_that_goes_back_begins_anew), TEST(a_network_of_ipv6_counts_as_one), TEST(a_flood_pushes_out_the_oldest),
        TEST(polls_have_a_pace),        TEST(who_keeps_the_pace_is_never_slowed), TEST(news_cost_no_poll),               TEST(rows_of_strangers_are_bounded),
        TEST(neighbours_count_together), TEST(rows_of_people_are_bounded_for_each), TEST(a_flood_leaves_places_for_others),
        TEST(a_flood_is_not_all_that_why_knows),
        TEST(without_its_memory_nobody_pairs), TEST(states_are_of_the_clock),     TEST(the_sweep_ends_what_time_has_ended), TEST(a_floods_ends_are_few_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
