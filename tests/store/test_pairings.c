/* Devices that wait to be vouched for, from the code they show to the end. */
#include "store/pairings.h"

#include "store/fixture.h"

enum { LIFE_MS = 600 * 1000 };

static struct vch_rec_pairing a_pairing(struct fix *f, const char *id, const char *code, int n) {
    return (struct vch_rec_pairing){.id = S(id), .device_hash = hash_of(f, n), .user_code = S(code), .key = id_of(f, n), .spki = {"sp\0ki", 5},
                                    .serial = S("serial"), .model = S("model"), .suggested = S("{\"a\":\"b\"}"), .source_ip = S("192.0.2.1"),
                                    .created_ms = T0, .expires_ms = T0 + LIFE_MS};
}

static void have_pairing(struct fix *f, const char *id, const char *code, int n) {
    struct vch_rec_pairing p = a_pairing(f, id, code, n);
    DO(f, vch_plan_pairing_insert, &p, 100);
}

static struct vch_pairing_approval an_approval(struct fix *f, const char *id) {
    return (struct vch_pairing_approval){.id = S(id), .by = S("arn:me"), .template_name = S("T"), .parameters = S("{\"p\":\"v\"}"), .thing_name = S("thing"),
                                         .claim_id = id_of(f, 77), .claim_pem = S("PEM"), .now_ms = T0 + 20, .claim_expires_ms = T0 + 1000};
}

static void approve(struct fix *f, const char *id) {
    struct vch_pairing_approval approval = an_approval(f, id);
    DO(f, vch_plan_pairing_approve, &approval);
}

static void step(struct fix *f, const char *id, enum vch_pairing_step which, int64_t now_ms) {
    DO(f, vch_plan_pairing_step, S(id), which, S(""), S(""), now_ms);
}

static enum vch_pairing_step step_of(struct fix *f, const char *id) {
    struct vch_rec_pairing r;
    READ(f, vch_store_pairing, S(id), &r);
    return r.step;
}

static void a_pairing_is_found_by_its_codes(void **state) {
    struct fix *f = *state;
    struct vch_rec_pairing r;
    READ_NOT(f, NOT_FOUND, PAIRING_MISSING, vch_store_pairing, S("p"), &r);
    have_pairing(f, "p", "22222222", 1);
    changed(f, "pairing p", NULL);
    READ(f, vch_store_pairing, S("p"), &r);
    assert_str(r.user_code, "22222222");
    assert_true(vch_str_eq(r.key, id_of(f, 1)) && vch_str_eq(r.spki, vch_str_of("sp\0ki", 5)));
    assert_str(r.serial, "serial");
    assert_str(r.model, "model");
    assert_str(r.suggested, "{\"a\":\"b\"}");
    assert_str(r.source_ip, "192.0.2.1");
    assert_true(r.created_ms == T0 && r.expires_ms == T0 + LIFE_MS && r.step == VCH_PAIRING_SHOWN && r.ended.len == 0);
    assert_true(r.step_ms[VCH_PAIRING_SHOWN] == T0 && r.step_ms[VCH_PAIRING_LOOKED_AT] == 0 && r.step_ms[VCH_PAIRING_APPROVED] == 0);
    READ(f, vch_store_pairing_of_device, hash_of(f, 1), &r);
    assert_str(r.id, "p");
    READ(f, vch_store_pairing_of_code, S("22222222"), &r);
    assert_str(r.id, "p");
    READ_NOT(f, NOT_FOUND, PAIRING_MISSING, vch_store_pairing_of_device, hash_of(f, 2), &r);
    READ_NOT(f, NOT_FOUND, PAIRING_MISSING, vch_store_pairing_of_code, S("22222223"), &r);
}

static void codes_are_nobody_elses(void **state) {
    struct fix *f = *state;
    have_pairing(f, "p", "22222222", 1);
    struct vch_rec_pairing same_code = a_pairing(f, "q", "22222222", 2), same_hash = a_pairing(f, "q", "33333333", 1),
                           same_id = a_pairing(f, "p", "33333333", 3);
    struct vch_rec_pairing *all[] = {&same_code, &same_hash, &same_id};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        PLAN(f, p);
        vch_plan_pairing_insert(p, all[i], 100);
        assert_int_equal(vch_store_apply(f->store, p, NULL), VCH_ERR_EXISTS);
    }
}

static void so_many_may_wait(void **state) {
    struct fix *f = *state;
    struct vch_rec_pairing third = a_pairing(f, "c", "44444444", 3);
    have_pairing(f, "a", "22222222", 1);
    have_pairing(f, "b", "33333333", 2);
    DO_NOT(f, THROTTLED, PAIRING_FULL, vch_plan_pairing_insert, &third, 2);
    DO(f, vch_plan_pairing_deny, S("a"), S("me"), T0 + 1); /* who is told no does not wait */
    DO(f, vch_plan_pairing_insert, &third, 2);
    struct vch_rec_pairing later = a_pairing(f, "d", "55555555", 4);
    DO_NOT(f, THROTTLED, PAIRING_FULL, vch_plan_pairing_insert, &later, 2);
    later.created_ms = T0 + LIFE_MS; /* the others lapsed, whether swept or not */
    DO(f, vch_plan_pairing_insert, &later, 2);
}

static void the_first_look_counts(void **state) {
    struct fix *f = *state;
    struct vch_rec_pairing r;
    have_pairing(f, "p", "22222222", 1);
    DO(f, vch_plan_pairing_look, S("p"), S("arn:first"), T0 + 5);
    PLAN(f, again);
    vch_plan_pairing_look(again, S("p"), S("arn:second"), T0 + 6);
    assert_int_equal(vch_store_apply(f->store, again, NULL), VCH_ERR_EXISTS);
    READ(f, vch_store_pairing, S("p"), &r);
    assert_str(r.looked_by, "arn:first");
    assert_true(r.step == VCH_PAIRING_LOOKED_AT && r.step_ms[VCH_PAIRING_LOOKED_AT] == T0 + 5);
}

static void one_decision_counts(void **state) {
    struct fix *f = *state;
    struct vch_rec_pairing r;
    have_pairing(f, "p", "22222222", 1);
    struct vch_pairing_approval approval = an_approval(f, "p");
    approve(f, "p");
    DO_NOT(f, STATE, PAIRING_STATE, vch_plan_pairing_approve, &approval);
    DO_NOT(f, STATE, PAIRING_STATE, vch_plan_pairing_deny, S("p"), S("me"), T0 + 21);
    READ(f, vch_store_pairing, S("p"), &r);
    assert_true(r.step == VCH_PAIRING_APPROVED && r.step_ms[VCH_PAIRING_APPROVED] == T0 + 20 && r.claim_expires_ms == T0 + 1000);
    assert_str(r.decided_by, "arn:me");
    assert_str(r.template_name, "T");
    assert_str(r.parameters, "{\"p\":\"v\"}");
    assert_str(r.thing_name, "thing");
    assert_str(r.claim_pem, "PEM");
    assert_true(vch_str_eq(r.claim_id, id_of(f, 77)));
    have_pairing(f, "q", "33333333", 2);
    DO(f, vch_plan_pairing_deny, S("q"), S("arn:no"), T0 + 9);
    approval.id = S("q");
    DO_NOT(f, STATE, PAIRING_STATE, vch_plan_pairing_approve, &approval);
    READ(f, vch_store_pairing, S("q"), &r);
    assert_str(r.ended, "DENIED");
    assert_true(r.step_ms[VCH_PAIRING_APPROVED] == 0 && r.decided_ms == T0 + 9);
    approval.id = S("nobody");
    DO_NOT(f, NOT_FOUND, PAIRING_MISSING, vch_plan_pairing_approve, &approval);
    DO_NOT(f, NOT_FOUND, PAIRING_MISSING, vch_plan_pairing_deny, S("nobody"), S("me"), T0);
}

static void nobody_decides_too_late(void **state) {
    struct fix *f = *state;
    have_pairing(f, "p", "22222222", 1);
    struct vch_pairing_approval approval = an_approval(f, "p");
    approval.now_ms = T0 + LIFE_MS;
    DO_NOT(f, STATE, PAIRING_STATE, vch_plan_pairing_approve, &approval);
    DO_NOT(f, STATE, PAIRING_STATE, vch_plan_pairing_deny, S("p"), S("me"), T0 + LIFE_MS);
    approval.now_ms = T0 + LIFE_MS - 1;
    DO(f, vch_plan_pairing_approve, &approval);
}

static void steps_go_forward(void **state) {
    struct fix *f = *state;
    struct vch_rec_pairing r;
    have_pairing(f, "p", "22222222", 1);
    step(f, "p", VCH_PAIRING_CERTIFIED, T0 + 1); /* nobody vouched: nothing happens */
    step(f, "gone", VCH_PAIRING_CERTIFIED, T0 + 1);
    assert_int_equal(step_of(f, "p"), VCH_PAIRING_SHOWN);
    approve(f, "p");
    step(f, "p", VCH_PAIRING_CLAIM_TAKEN, T0 + 30);
    DO(f, vch_plan_pairing_trouble, S("p"), S("claim-key"), S("Not this key."));
    READ(f, vch_store_pairing, S("p"), &r);
    assert_str(r.reason, "claim-key");
    assert_str(r.message, "Not this key.");
    DO(f, vch_plan_pairing_step, S("p"), VCH_PAIRING_CERTIFIED, id_of(f, 5), S(""), T0 + 50);
    step(f, "p", VCH_PAIRING_CONNECTED, T0 + 51); /* told late: the step stays, the time is kept */
    step(f, "p", VCH_PAIRING_CLAIM_TAKEN, T0 + 52);
    READ(f, vch_store_pairing, S("p"), &r);
    assert_true(r.step == VCH_PAIRING_CERTIFIED && r.reason.len == 0 && r.message.len == 0);
    assert_true(r.step_ms[VCH_PAIRING_CLAIM_TAKEN] == T0 + 30 && r.step_ms[VCH_PAIRING_CONNECTED] == T0 + 51 && r.step_ms[VCH_PAIRING_CERTIFIED] == T0 + 50);
    assert_str(r.thing_name, "thing");
    DO(f, vch_plan_pairing_trouble, S("p"), S("claim-parameter"), S("Not this serial."));
    step(f, "p", VCH_PAIRING_CONNECTED, T0 + 53); /* nor does it end a trouble that came after it */
    READ(f, vch_store_pairing, S("p"), &r);
    assert_str(r.reason, "claim-parameter");
    assert_str(r.message, "Not this serial.");
    DO(f, vch_plan_pairing_step, S("p"), VCH_PAIRING_CERTIFIED, id_of(f, 5), S(""), T0 + 54);
    READ(f, vch_store_pairing, S("p"), &r);
    assert_true(r.reason.len == 0 && r.message.len == 0);
    DO(f, vch_plan_pairing_step, S("p"), VCH_PAIRING_REGISTERED, S(""), S("lamp"), T0 + 60);
    DO(f, vch_plan_pairing_trouble, S("p"), S("late"), S("late"));
    step(f, "p", VCH_PAIRING_CONNECTED, T0 + 70);
    READ(f, vch_store_pairing, S("p"), &r);
    assert_true(r.step == VCH_PAIRING_REGISTERED && r.reason.len == 0 && vch_str_eq(r.certificate_id, id_of(f, 5)));
    assert_str(r.thing_name, "lamp");
}

static void the_certificate_that_comes_ends_it(void **state) {
    struct fix *f = *state;
    struct vch_identity who;
    struct vch_str id;
    have_certificate(f, 5, "PENDING_ACTIVATION");
    have_pairing(f, "p", "22222222", 1);
    approve(f, "p");
    DO(f, vch_plan_pairing_step, S("p"), VCH_PAIRING_CERTIFIED, id_of(f, 5), S(""), T0 + 50);
    assert_int_equal(vch_store_identity(f->store, id_of(f, 5), &who), VCH_OK);
    assert_false(who.succeeds);
    READ_NOT(f, NOT_FOUND, PAIRING_MISSING, vch_store_pairing_awaited, id_of(f, 5), &id);
    PLAN(f, both); /* as a registration does: the certificate changes too */
    vch_plan_pairing_step(both, S("p"), VCH_PAIRING_REGISTERED, S(""), S(""), T0 + 60);
    vch_plan_certificate_status(both, id_of(f, 5), S(""), S("ACTIVE"), T0 + 60);
    plan_ok(f, both);
    assert_int_equal(vch_store_identity(f->store, id_of(f, 5), &who), VCH_OK);
    assert_true(who.succeeds);
    READ(f, vch_store_pairing_awaited, id_of(f, 5), &id);
    assert_str(id, "p");
    f->change_count = 0;
    DO(f, vch_plan_pairing_arrive, S("p"), id_of(f, 5), T0 + 70);
    assert_int_equal(f->change_count, 2); /* of the certificate too: identities are kept in memory */
    assert_int_equal(vch_store_identity(f->store, id_of(f, 5), &who), VCH_OK);
    assert_false(who.succeeds);
    PLAN(f, again);
    vch_plan_pairing_arrive(again, S("p"), id_of(f, 5), T0 + 80);
    assert_int_equal(vch_store_apply(f->store, again, NULL), VCH_ERR_EXISTS);
    struct vch_rec_pairing r;
    READ(f, vch_store_pairing, S("p"), &r);
    assert_true(r.step == VCH_PAIRING_DONE && r.step_ms[VCH_PAIRING_DONE] == T0 + 70);
}

static void time_ends_them(void **state) {
    struct fix *f = *state;
    struct vch_list_pairing list;
    have_pairing(f, "a", "22222222", 1);
    have_pairing(f, "b", "33333333", 2);
    have_pairing(f, "c", "44444444", 3);
    approve(f, "c");
    READ(f, vch_store_pairings_lapsing, T0 + LIFE_MS - 1, 10, &list);
    assert_int_equal(list.count, 0);
    READ(f, vch_store_pairings_lapsing, T0 + LIFE_MS, 1, &list);
    assert_true(list.count == 1 && list.more);
    READ(f, vch_store_pairings_stranded, T0 + 999, 10, &list);
    assert_int_equal(list.count, 0);
    READ(f, vch_store_pairings_stranded, T0 + 1000, 10, &list);
    assert_true(list.count == 1 && !list.more);
    assert_str(list.items[0].id, "c");
    DO(f, vch_plan_pairing_end, S("a"), "EXPIRED", S("pairing-expired"), S("Late."));
    DO(f, vch_plan_pairing_end, S("c"), "FAILED", S("claim-expired"), S("Late."));
    PLAN(f, again);
    vch_plan_pairing_end(again, S("c"), "FAILED", S("x"), S("x"));
    assert_int_equal(vch_store_apply(f->store, again, NULL), VCH_ERR_CONFLICT);
    DO(f, vch_plan_pairing_fail, S("c"), S("claim-cancelled"), S("No."));
    struct vch_rec_pairing r;
    READ(f, vch_store_pairing, S("c"), &r);
    assert_str(r.ended, "FAILED");
    assert_str(r.reason, "claim-expired");
    READ(f, vch_store_pairings_stranded, T0 + 1000, 10, &list);
    assert_int_equal(list.count, 0);
    step(f, "c", VCH_PAIRING_CONNECTED, T0 + 70);
    assert_int_equal(step_of(f, "c"), VCH_PAIRING_APPROVED);
    READ(f, vch_store_pairings_lapsing, T0 + LIFE_MS, 10, &list);
    assert_int_equal(list.count, 1);
}

static void old_ones_are_forgotten(void **state) {
    struct fix *f = *state;
    struct vch_list_pairing list;
    const struct vch_page page = {.limit = 10};
    const int64_t week_ms = INT64_C(7) * 24 * HOUR_MS;
    have_pairing(f, "lapsed", "22222222", 1);
    have_pairing(f, "denied", "33333333", 2);
    DO(f, vch_plan_pairing_end, S("lapsed"), "EXPIRED", S("pairing-expired"), S("Late."));
    DO(f, vch_plan_pairing_deny, S("denied"), S("me"), T0 + 1);
    DO(f, vch_plan_pairings_forget, T0 + LIFE_MS + 599999);
    READ(f, vch_store_pairings, page, &list);
    assert_int_equal(list.count, 2);
    DO(f, vch_plan_pairings_forget, T0 + LIFE_MS + 600000);
    READ(f, vch_store_pairings, page, &list);
    assert_int_equal(list.count, 1);
    assert_str(list.items[0].id, "denied");
    DO(f, vch_plan_pairings_forget, T0 + week_ms);
    READ(f, vch_store_pairings, page, &list);
    assert_int_equal(list.count, 0);
}

static void lists_go_by_creation(void **state) {
    struct fix *f = *state;
    struct vch_list_pairing list;
    for (int i = 0; i < 3; i++) {
        char id[] = "a", code[] = "22222222";
        id[0] = (char)('a' + i);
        code[0] = (char)('3' + i);
        struct vch_rec_pairing p = a_pairing(f, id, code, i + 1);
        p.created_ms = T0 + i;
        DO(f, vch_plan_pairing_insert, &p, 100);
    }
    READ(f, vch_store_pairings, ((struct vch_page){.limit = 2, .descending = true}), &list);
    assert_true(list.count == 2 && list.more);
    assert_str(list.items[0].id, "c");
    READ(f, vch_store_pairings, ((struct vch_page){.limit = 2, .descending = true, .after = list.items[1].id}), &list);
    assert_true(list.count == 1 && !list.more);
    assert_str(list.items[0].id, "a");
    READ(f, vch_store_pairings, ((struct vch_page){.limit = 9, .after = S("1000001/b")}), &list);
    assert_int_equal(list.count, 1);
    assert_str(list.items[0].id, "c");
}

STORE_SUITE(STORE_TEST(a_pairing_is_found_by_its_codes), STORE_TEST(codes_are_nobody_elses), STORE_TEST(so_many_may_wait), STORE_TEST(the_first_look_counts),
            STORE_TEST(one_decision_counts), STORE_TEST(nobody_decides_too_late), STORE_TEST(steps_go_forward), STORE_TEST(the_certificate_that_comes_ends_it),
            STORE_TEST(time_ends_them), STORE_TEST(old_ones_are_forgotten), STORE_TEST(lists_go_by_creation))
