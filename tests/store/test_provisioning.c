/* Settings, taking over, rotation, limits of people, requests, orphans, checkpoints. */
#include "store/fixture.h"

#include <string.h>

#include "store/provisioning.h"

enum { H = 3600 * 1000, D = 24 * H };

/* ---- settings ---- */

static void settings_are_the_templates(void **state) {
    struct fix *f = *state;
    struct vch_rec_template t;
    struct vch_rec_settings s, put = {.on_active = VCH_ON_ACTIVE_REPLACE_NOW, .rotation = true, .grace_s = 60, .modified_ms = T0};
    READ_NOT(f, NOT_FOUND, TEMPLATE_MISSING, vch_store_settings, S("t"), &s);
    DO_NOT(f, NOT_FOUND, TEMPLATE_MISSING, vch_plan_settings_put, S("t"), &put);
    have_template(f, "t");
    READ(f, vch_store_settings, S("t"), &s);
    assert_true(s.on_active == VCH_ON_ACTIVE_DEFAULT && !s.rotation && s.grace_s == 0 && s.modified_ms == 0);
    DO(f, vch_plan_settings_put, S("t"), &put);
    READ(f, vch_store_settings, S("t"), &s);
    assert_true(s.on_active == VCH_ON_ACTIVE_REPLACE_NOW && s.rotation && s.grace_s == 60 && s.modified_ms == T0);
    s = (struct vch_rec_settings){.rotation = false};
    READ(f, vch_store_template_with_settings, S("t"), &t, &s);
    assert_true(s.on_active == VCH_ON_ACTIVE_REPLACE_NOW && s.rotation && s.grace_s == 60 && s.modified_ms == T0);
    assert_str(t.name, "t");
    assert_true(t.enabled && t.version == 1);
    READ_NOT(f, NOT_FOUND, TEMPLATE_MISSING, vch_store_template_with_settings, S("no"), &t, &s);
    DO(f, vch_plan_template_delete, S("t"));
    have_template(f, "t");
    READ(f, vch_store_settings, S("t"), &s);
    assert_true(s.on_active == VCH_ON_ACTIVE_DEFAULT && !s.rotation); /* of the one that is gone */
    for (enum vch_on_active i = 0; i < VCH_ON_ACTIVE_COUNT; i++) assert_int_equal(vch_on_active_parse(S(vch_on_active_word(i))), i);
    assert_int_equal(vch_on_active_parse(S("else")), VCH_ON_ACTIVE_DEFAULT);
}

/* ---- taking over ---- */

static void expect_status(struct fix *f, int n, const char *status) {
    struct vch_rec_certificate c;
    READ(f, vch_store_certificate, id_of(f, n), &c);
    assert_str(c.status, status);
}

static void attached(struct fix *f, const char *thing, int n, const char *status) {
    have_certificate(f, n, status);
    DO(f, vch_plan_thing_attach, S(thing), id_of(f, n), false);
}

static struct vch_takeover by(struct fix *f, int n, enum vch_on_active on_active) {
    return (struct vch_takeover){.thing = S("thing"), .certificate_id = id_of(f, n), .on_active = on_active, .now_ms = T0 + 1};
}

static void taking_over(void **state) {
    struct fix *f = *state;
    struct vch_list_retirement list;
    struct vch_takeover t;
    int64_t count = 0;
    have_thing(f, "thing");
    attached(f, "thing", 1, "ACTIVE");
    attached(f, "thing", 2, "INACTIVE");
    have_certificate(f, 3, "PENDING_ACTIVATION");
    t = by(f, 3, VCH_ON_ACTIVE_DENY);
    DO_NOT(f, CONFLICT, THING_TAKEN, vch_plan_take_over, &t, &count);
    t = by(f, 1, VCH_ON_ACTIVE_DENY); /* its own does not stand in the way */
    DO(f, vch_plan_take_over, &t, &count);
    assert_int_equal(count, 0);
    t = by(f, 3, VCH_ON_ACTIVE_KEEP);
    f->change_count = 0;
    DO(f, vch_plan_take_over, &t, &count);
    assert_int_equal(count, 1);
    expect_status(f, 1, "ACTIVE");
    changed(f, NULL);
    t = by(f, 3, VCH_ON_ACTIVE_REPLACE_AFTER_CONNECT);
    DO(f, vch_plan_take_over, &t, &count);
    expect_status(f, 1, "ACTIVE");
    READ(f, vch_store_retirements, id_of(f, 3), &list);
    assert_int_equal(list.count, 1);
    assert_true(vch_str_eq(list.items[0].certificate_id, id_of(f, 1)) && !list.items[0].rotated && list.items[0].due_ms == 0);
    t = by(f, 3, VCH_ON_ACTIVE_REPLACE_NOW);
    DO(f, vch_plan_take_over, &t, &count);
    expect_status(f, 1, "INACTIVE");
}

static void however_many_there_are(void **state) {
    struct fix *f = *state;
    struct vch_list_retirement list;
    struct vch_takeover t;
    int64_t count = 0;
    have_thing(f, "thing");
    for (int n = 1; n <= 150; n++) attached(f, "thing", n, "ACTIVE");
    have_certificate(f, 200, "PENDING_ACTIVATION");
    t = by(f, 200, VCH_ON_ACTIVE_REPLACE_AFTER_CONNECT);
    DO(f, vch_plan_take_over, &t, &count);
    assert_int_equal(count, 150);
    READ(f, vch_store_retirements, id_of(f, 200), &list);
    assert_true(list.more);
    t = by(f, 200, VCH_ON_ACTIVE_REPLACE_NOW);
    DO(f, vch_plan_take_over, &t, &count);
    assert_int_equal(count, 150);
    for (int n = 1; n <= 150; n++) expect_status(f, n, "INACTIVE");
}

static void the_identity_says_that_somebody_waits(void **state) {
    struct fix *f = *state;
    struct vch_identity who;
    struct vch_list_retirement list;
    struct vch_takeover t;
    have_thing(f, "thing");
    attached(f, "thing", 1, "ACTIVE");
    have_certificate(f, 2, "ACTIVE");
    assert_int_equal(vch_store_identity(f->store, id_of(f, 2), &who), VCH_OK);
    assert_false(who.succeeds);
    t = by(f, 2, VCH_ON_ACTIVE_REPLACE_AFTER_CONNECT);
    DO(f, vch_plan_take_over, &t, NULL);
    assert_int_equal(vch_store_identity(f->store, id_of(f, 2), &who), VCH_OK);
    assert_true(who.succeeds);
    assert_int_equal(vch_store_identity(f->store, id_of(f, 1), &who), VCH_OK);
    assert_false(who.succeeds);
    READ(f, vch_store_retirements, id_of(f, 2), &list);
    const struct vch_rec_retirement r = list.items[0];
    DO(f, vch_plan_retire, &r, T0 + 2);
    expect_status(f, 1, "INACTIVE");
    assert_int_equal(vch_store_identity(f->store, id_of(f, 2), &who), VCH_OK);
    assert_false(who.succeeds);
    DO_NOT(f, NOT_FOUND, CERTIFICATE_MISSING, vch_plan_retire, &r, T0 + 2);
}

/* ---- rotation ---- */

static void the_successor_gets_all(void **state) {
    struct fix *f = *state;
    struct vch_list_attachment things;
    struct vch_list_str policies;
    const struct vch_page page = {.limit = 10};
    have_thing(f, "a");
    have_policy(f, "p");
    have_policy(f, "q");
    have_certificate(f, 1, "ACTIVE");
    DO(f, vch_plan_thing_attach, S("a"), id_of(f, 1), true);
    DO(f, vch_plan_policy_attach, S("p"), id_of(f, 1));
    DO(f, vch_plan_policy_attach, S("q"), id_of(f, 1));
    have_certificate(f, 2, "PENDING_ACTIVATION");
    DO(f, vch_plan_rotate, id_of(f, 1), id_of(f, 2), 0, T0);
    READ(f, vch_store_principal_attachments, id_of(f, 2), VCH_ATTACHMENT_ANY, page, &things);
    assert_int_equal(things.count, 1);
    assert_str(things.items[0].key, "a");
    assert_true(things.items[0].exclusive);
    READ(f, vch_store_attached_policies, id_of(f, 2), page, &policies);
    assert_int_equal(policies.count, 2);
    expect_status(f, 1, "ACTIVE");
}

static void of_two_successors_the_newer_counts(void **state) {
    struct fix *f = *state;
    struct vch_list_retirement list;
    have_certificate(f, 1, "ACTIVE");
    have_certificate(f, 2, "ACTIVE");
    have_certificate(f, 3, "ACTIVE");
    DO(f, vch_plan_rotate, id_of(f, 1), id_of(f, 2), 100, T0);
    DO(f, vch_plan_rotate, id_of(f, 1), id_of(f, 3), 100, T0);
    expect_status(f, 2, "INACTIVE");
    READ(f, vch_store_retirements, id_of(f, 3), &list);
    assert_int_equal(list.count, 1);
    /* With a grace the old one ends by the clock, and has its successor until then. */
    struct vch_rec_retirement r = list.items[0];
    DO(f, vch_plan_retire, &r, T0);
    expect_status(f, 1, "ACTIVE");
    have_certificate(f, 4, "ACTIVE");
    DO_NOT(f, DENIED, ROTATION_OFF, vch_plan_rotate, id_of(f, 1), id_of(f, 4), 0, T0);
    READ(f, vch_store_retirements_due, T0 + 99999, &list);
    assert_int_equal(list.count, 0);
    READ(f, vch_store_retirements_due, T0 + 100000, &list);
    assert_int_equal(list.count, 1);
    r = list.items[0];
    DO(f, vch_plan_retire, &r, T0 + 100000);
    expect_status(f, 1, "INACTIVE");
    DO_NOT(f, DENIED, CERTIFICATE_INACTIVE, vch_plan_rotate, id_of(f, 1), id_of(f, 4), 0, T0);
    DO_NOT(f, DENIED, CERTIFICATE_INACTIVE, vch_plan_rotate, id_of(f, 9), id_of(f, 4), 0, T0);
}

/* ---- limits of people ---- */

static void have_user(struct fix *f, const char *name) {
    const struct vch_rec_user user = {.name = S(name), .created_ms = T0};
    DO(f, vch_plan_user_create, &user);
}

static void have_claim_by(struct fix *f, int n, const char *principal, int64_t created_ms) {
    struct vch_rec_claim claim = a_claim(id_of(f, n), "t");
    claim.principal = S(principal);
    claim.created_ms = created_ms;
    DO(f, vch_plan_claim_insert, &claim);
}

static struct vch_claim_ask ask_of(const char *owner, int64_t now_ms) {
    return (struct vch_claim_ask){.kind = VCH_IAM_USER, .owner = S(owner), .template_name = S("t"), .digest = S("d"), .now_ms = now_ms, .uses = 1};
}

static void limits_count_hours_and_days(void **state) {
    struct fix *f = *state;
    have_user(f, "u");
    const struct vch_rec_limits limits = {.kind = VCH_IAM_USER, .owner = S("u"), .per_hour = 2, .per_day = 3, .approval_above = -1};
    DO(f, vch_plan_limits_put, &limits);
    have_claim_by(f, 1, "user/u", T0 + D);
    have_claim_by(f, 2, "user/other", T0 + D);
    struct vch_claim_ask ask = ask_of("u", T0 + D + 1000);
    DO(f, vch_plan_need_claim_allowed, &ask);
    have_claim_by(f, 3, "user/u", T0 + D);
    DO_NOT(f, THROTTLED, LIMIT_HOUR, vch_plan_need_claim_allowed, &ask);
    ask.now_ms = T0 + D + H; /* an hour after they were made */
    DO(f, vch_plan_need_claim_allowed, &ask);
    have_claim_by(f, 4, "user/u", T0 + D + H);
    DO_NOT(f, THROTTLED, LIMIT_DAY, vch_plan_need_claim_allowed, &ask);
    ask.now_ms = T0 + 2 * (int64_t)D;
    DO(f, vch_plan_need_claim_allowed, &ask);
    ask.owner = S("other");
    DO(f, vch_plan_need_claim_allowed, &ask);
}

static void groups_count_together(void **state) {
    struct fix *f = *state;
    have_user(f, "a");
    have_user(f, "b");
    DO(f, vch_plan_group_create, S("g"), T0);
    DO(f, vch_plan_group_add, S("g"), S("a"));
    DO(f, vch_plan_group_add, S("g"), S("b"));
    const struct vch_rec_limits limits = {.kind = VCH_IAM_GROUP, .owner = S("g"), .per_day = 2, .approval_above = -1};
    DO(f, vch_plan_limits_put, &limits);
    have_claim_by(f, 1, "user/a", T0);
    have_claim_by(f, 2, "user/b", T0);
    struct vch_claim_ask ask = ask_of("a", T0 + 1);
    DO_NOT(f, THROTTLED, LIMIT_DAY, vch_plan_need_claim_allowed, &ask);
    DO(f, vch_plan_group_remove, S("g"), S("a"));
    DO(f, vch_plan_need_claim_allowed, &ask);
}

static void templates_and_windows(void **state) {
    struct fix *f = *state;
    have_user(f, "u");
    struct vch_rec_limits limits = {.kind = VCH_IAM_USER, .owner = S("u"), .approval_above = -1, .templates = S("tt x"), .windows = S("")};
    struct vch_claim_ask ask = ask_of("u", T0);
    DO(f, vch_plan_limits_put, &limits);
    DO_NOT(f, DENIED, LIMIT_TEMPLATE, vch_plan_need_claim_allowed, &ask);
    limits.templates = S("x t");
    DO(f, vch_plan_limits_put, &limits);
    DO(f, vch_plan_need_claim_allowed, &ask);
    /* T0 is a Thursday, 00:16 UTC. */
    limits.windows = S("Wed 00:00-24:00;Thu 00:17-24:00");
    DO(f, vch_plan_limits_put, &limits);
    DO_NOT(f, DENIED, LIMIT_WINDOW, vch_plan_need_claim_allowed, &ask);
    limits.windows = S("Wed 00:00-24:00;Thu 00:16-00:17");
    DO(f, vch_plan_limits_put, &limits);
    DO(f, vch_plan_need_claim_allowed, &ask);
    limits.windows = S("nonsense");
    DO(f, vch_plan_limits_put, &limits);
    DO_NOT(f, DENIED, LIMIT_WINDOW, vch_plan_need_claim_allowed, &ask); /* keeps people out */
}

static void limits_are_kept_and_go_with_their_owner(void **state) {
    struct fix *f = *state;
    struct vch_rec_limits r, limits = {.kind = VCH_IAM_ROLE, .owner = S("u"), .approval_above = 3, .modified_ms = T0};
    struct vch_list_limits list;
    struct vch_page page = {.limit = 1};
    DO_NOT(f, NOT_FOUND, ROLE_MISSING, vch_plan_limits_put, &limits);
    limits.kind = VCH_IAM_GROUP;
    DO_NOT(f, NOT_FOUND, USER_GROUP_MISSING, vch_plan_limits_put, &limits);
    limits.kind = VCH_IAM_USER;
    DO_NOT(f, NOT_FOUND, USER_MISSING, vch_plan_limits_put, &limits);
    have_user(f, "u");
    have_user(f, "v");
    DO(f, vch_plan_limits_put, &limits);
    limits.owner = S("v");
    DO(f, vch_plan_limits_put, &limits);
    READ(f, vch_store_limits, VCH_IAM_USER, S("u"), &r);
    assert_true(r.approval_above == 3 && r.kind == VCH_IAM_USER && r.modified_ms == T0);
    READ(f, vch_store_limits_list, page, &list);
    assert_true(list.count == 1 && list.more);
    page.after = S("user/u");
    READ(f, vch_store_limits_list, page, &list);
    assert_true(list.count == 1 && !list.more);
    assert_str(list.items[0].owner, "v");
    DO(f, vch_plan_limits_delete, VCH_IAM_USER, S("v"));
    DO_NOT(f, NOT_FOUND, LIMITS_MISSING, vch_plan_limits_delete, VCH_IAM_USER, S("v"));
    DO(f, vch_plan_user_delete, S("u"));
    READ_NOT(f, NOT_FOUND, LIMITS_MISSING, vch_store_limits, VCH_IAM_USER, S("u"), &r);
}

/* ---- approval ---- */

static void an_approval_is_spent_once(void **state) {
    struct fix *f = *state;
    have_user(f, "u");
    const struct vch_rec_limits limits = {.kind = VCH_IAM_USER, .owner = S("u"), .approval_above = 0};
    struct vch_rec_request r, request = {.id = S("r1"), .principal = S("user/u"), .template_name = S("t"), .digest = S("d"), .asked = S("{}"),
                                         .created_ms = T0, .expires_ms = T0 + H};
    struct vch_claim_ask ask = ask_of("u", T0 + 1);
    struct vch_list_request list;
    DO(f, vch_plan_limits_put, &limits);
    DO_NOT(f, DENIED, APPROVAL_NEEDED, vch_plan_need_claim_allowed, &ask);
    DO(f, vch_plan_request_insert, &request);
    request.id = S("r2");
    DO_NOT(f, EXISTS, APPROVAL_STATE, vch_plan_request_insert, &request);
    DO_NOT(f, NOT_FOUND, REQUEST_MISSING, vch_plan_request_decide, S("r2"), true, S("boss"), T0, T0 + H);
    DO_NOT(f, STATE, APPROVAL_STATE, vch_plan_request_decide, S("r1"), true, S("boss"), T0 + H, T0 + 2 * H); /* too late */
    DO(f, vch_plan_request_decide, S("r1"), true, S("boss"), T0 + 1, T0 + H);
    DO_NOT(f, STATE, APPROVAL_STATE, vch_plan_request_decide, S("r1"), false, S("boss"), T0 + 1, T0 + H);
    ask.digest = S("another");
    DO_NOT(f, DENIED, APPROVAL_NEEDED, vch_plan_need_claim_allowed, &ask);
    ask.digest = S("d");
    ask.now_ms = T0 + H;
    DO_NOT(f, DENIED, APPROVAL_NEEDED, vch_plan_need_claim_allowed, &ask);
    ask.now_ms = T0 + 2;
    DO(f, vch_plan_need_claim_allowed, &ask);
    DO_NOT(f, DENIED, APPROVAL_NEEDED, vch_plan_need_claim_allowed, &ask);
    READ(f, vch_store_request, S("r1"), &r);
    assert_str(r.state, "USED");
    assert_str(r.decided_by, "boss");
    READ_NOT(f, NOT_FOUND, REQUEST_MISSING, vch_store_request_pending, S("d"), T0, &r);
    READ(f, vch_store_requests, ((struct vch_page){.limit = 5, .descending = true}), &list);
    assert_int_equal(list.count, 1);
}

/* ---- claims ---- */

static void room_first_use_and_alarms(void **state) {
    struct fix *f = *state;
    struct vch_rec_claim r;
    have_claim_by(f, 1, "user/u", T0);
    DO(f, vch_plan_claims_room, S("t"), T0, 2);
    DO_NOT(f, THROTTLED, CLAIMS_FULL, vch_plan_claims_room, S("t"), T0, 1);
    DO(f, vch_plan_claim_first_certificate, id_of(f, 1), S("10.0.0.1"), S("c1"), T0, 3);
    DO(f, vch_plan_claim_first_certificate, id_of(f, 1), S("10.0.0.2"), S("c2"), T0, 3);
    DO_NOT(f, LIMIT, CLAIM_CERTIFICATES_FULL, vch_plan_claim_first_certificate, id_of(f, 1), S("10.0.0.3"), S("c3"), T0, 2);
    DO(f, vch_plan_claim_alarm, id_of(f, 1), VCH_ALARM_UNKNOWN_CLIENT);
    struct vch_plan *again = plan_new(f);
    vch_plan_claim_alarm(again, id_of(f, 1), VCH_ALARM_UNKNOWN_CLIENT);
    assert_int_equal(vch_store_apply(f->store, again, NULL), VCH_ERR_EXISTS);
    DO(f, vch_plan_claim_alarm, id_of(f, 1), VCH_ALARM_SECOND_USE);
    READ(f, vch_store_claim, id_of(f, 1), &r);
    assert_str(r.first_source, "10.0.0.1");
    assert_str(r.first_client, "c1");
    assert_str(r.principal, "user/u");
    assert_int_equal(r.alarms, 1 << VCH_ALARM_UNKNOWN_CLIENT | 1 << VCH_ALARM_SECOND_USE);
}

/* ---- orphans ---- */

static void orphans_by_kind(void **state) {
    struct fix *f = *state;
    struct vch_list_orphan list;
    struct vch_page page = {.limit = 2};
    have_thing(f, "lonely");
    have_thing(f, "held");
    attached(f, "held", 1, "ACTIVE");
    have_certificate(f, 2, "PENDING_ACTIVATION");
    have_certificate(f, 3, "ACTIVE");
    READ(f, vch_store_orphans, page, &list);
    assert_true(list.count == 2 && list.more);
    assert_str(list.items[0].kind, "certificate-pending");
    assert_str(list.items[1].kind, "certificate-without-thing");
    assert_true(vch_str_eq(list.items[1].id, id_of(f, 3)));
    page.after = vch_arena_printf(f->arena, "certificate-without-thing/%.*s", VCH_STR_ARG(id_of(f, 3)));
    READ(f, vch_store_orphans, page, &list);
    assert_true(list.count == 1 && !list.more);
    assert_str(list.items[0].id, "lonely");
}

/* ---- checkpoints and pruning ---- */

static struct vch_rec_checkpoint point_at(struct fix *f, int64_t seq) {
    struct vch_rec_ledger row;
    static uint8_t hash[VCH_LEDGER_HASH_LEN];
    READ(f, vch_store_ledger_row, seq, &row);
    memcpy(hash, row.hash.ptr, sizeof hash);
    return (struct vch_rec_checkpoint){.seq = seq, .time_ms = T0, .hash = vch_str_of(hash, sizeof hash), .signature = S("s"), .public_key = S("k")};
}

static void prune(struct fix *f, int64_t seq) {
    PLAN(f, p);
    char detail[48];
    int64_t rows = 0;
    struct vch_rec_ledger row = a_row("ledger-pruned");
    (void)snprintf(detail, sizeof detail, "{\"until\":\"%lld\"}", (long long)seq);
    row.detail = S(detail);
    vch_plan_ledger(p, &row);
    vch_plan_ledger_prune(p, seq, &rows);
    plan_ok(f, p);
    assert_true(rows > 0);
}

static int64_t verified(struct fix *f) {
    int64_t rows = 0;
    vch_diag_clear(&f->diag);
    read_ok(f, vch_store_ledger_verify(f->store, &rows, &f->diag));
    return rows;
}

static void rows_go_up_to_a_checkpoint(void **state) {
    struct fix *f = *state;
    struct vch_rec_ledger row = a_row("e"), r;
    struct vch_rec_checkpoint point;
    struct vch_list_checkpoint list;
    int64_t rows = 0, seq = 0;
    uint8_t hash[VCH_LEDGER_HASH_LEN];
    assert_int_equal(vch_store_ledger_last(f->store, &seq, hash, NULL), VCH_OK);
    assert_int_equal(seq, 0);
    for (int i = 0; i < 6; i++) DO(f, vch_plan_ledger, &row);
    READ_NOT(f, NOT_FOUND, LEDGER_ROW_MISSING, vch_store_ledger_row, 7, &r);
    DO_NOT(f, NOT_FOUND, CHECKPOINT_MISSING, vch_plan_ledger_prune, 4, &rows);
    point = point_at(f, 4);
    DO(f, vch_plan_checkpoint_insert, &point);
    prune(f, 4);
    assert_int_equal(verified(f), 3); /* 5, 6 and the one that tells */
    READ_NOT(f, NOT_FOUND, LEDGER_ROW_MISSING, vch_store_ledger_row, 4, &r);
    fix_close(f);
    assert_int_equal(fix_open(f), VCH_OK);
    assert_int_equal(verified(f), 3);
    READ(f, vch_store_checkpoints, 0, 10, &list);
    assert_int_equal(list.count, 1);
    /* All of it, twice: the chain goes on from what tells of it. */
    point = point_at(f, 7);
    DO(f, vch_plan_checkpoint_insert, &point);
    prune(f, 7);
    assert_int_equal(verified(f), 1);
    assert_int_equal(vch_store_ledger_last(f->store, &seq, hash, NULL), VCH_OK);
    assert_int_equal(seq, 8);
}

static void a_checkpoint_of_another_row_takes_nothing_away(void **state) {
    struct fix *f = *state;
    struct vch_rec_ledger row = a_row("e");
    int64_t rows = 0;
    for (int i = 0; i < 3; i++) DO(f, vch_plan_ledger, &row);
    struct vch_rec_checkpoint point = point_at(f, 3);
    point.seq = 2;
    DO(f, vch_plan_checkpoint_insert, &point);
    DO_NOT(f, CONFLICT, LEDGER_BROKEN, vch_plan_ledger_prune, 2, &rows);
    assert_int_equal(verified(f), 3);
}

STORE_SUITE(STORE_TEST(settings_are_the_templates), STORE_TEST(taking_over), STORE_TEST(however_many_there_are), STORE_TEST(the_identity_says_that_somebody_waits),
            STORE_TEST(the_successor_gets_all), STORE_TEST(of_two_successors_the_newer_counts), STORE_TEST(limits_count_hours_and_days),
            STORE_TEST(groups_count_together), STORE_TEST(templates_and_windows), STORE_TEST(limits_are_kept_and_go_with_their_owner),
            STORE_TEST(an_approval_is_spent_once), STORE_TEST(room_first_use_and_alarms), STORE_TEST(orphans_by_kind),
            STORE_TEST(rows_go_up_to_a_checkpoint), STORE_TEST(a_checkpoint_of_another_row_takes_nothing_away))
