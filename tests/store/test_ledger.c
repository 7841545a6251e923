#include "store/fixture.h"

#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "store/provisioning.h"

static void append(struct fix *f, const char *event) {
    const struct vch_rec_ledger row = a_row(event);
    DO(f, vch_plan_ledger, &row);
}

static void append_and_read(void **state) {
    struct fix *f = *state;
    struct vch_list_ledger list;
    READ(f, vch_store_ledger, 0, 10, &list);
    assert_int_equal(list.count, 0);
    int64_t before = vch_now_ms();
    append(f, "first");
    READ(f, vch_store_ledger, 0, 10, &list);
    assert_int_equal(list.count, 1);
    const struct vch_rec_ledger *r = &list.items[0];
    assert_int_equal(r->seq, 1);
    assert_in_range(r->time_ms, before, vch_now_ms());
    assert_str(r->event, "first");
    assert_str(r->actor, "server");
    assert_str(r->source_ip, "192.0.2.1");
    assert_str(r->client_id, "client");
    assert_str(r->claim_id, "claim");
    assert_str(r->template_name, "template");
    assert_int_equal(r->template_version, 3);
    assert_str(r->certificate_id, "certificate");
    assert_str(r->thing_name, "thing");
    assert_str(r->outcome, "ok");
    assert_str(r->detail, "{\"x\":1}");
    assert_int_equal(r->prev_hash.len, 32);
    assert_int_equal(r->hash.len, 32);
}

/* The encoding, written out a second time: it may never change. */
static void hash_by_hand(const struct vch_rec_ledger *r, uint8_t hash[32]) {
    const struct vch_str before[] = {r->event, r->actor, r->source_ip, r->client_id, r->claim_id, r->template_name};
    const struct vch_str after[] = {r->certificate_id, r->thing_name, r->outcome, r->detail};
    const int64_t numbers[] = {r->seq, r->time_ms, r->template_version};
    struct vch_buf buf;
    struct vch_str bytes;
    vch_buf_init(&buf, 4096);
    vch_buf_u32(&buf, 32);
    vch_buf_str(&buf, r->prev_hash);
    for (size_t i = 0; i < 2; i++) {
        vch_buf_u32(&buf, 8);
        vch_buf_u64(&buf, (uint64_t)numbers[i]);
    }
    for (size_t i = 0; i < COUNT_OF(before); i++) {
        vch_buf_u32(&buf, (uint32_t)before[i].len);
        vch_buf_str(&buf, before[i]);
    }
    vch_buf_u32(&buf, 8);
    vch_buf_u64(&buf, (uint64_t)numbers[2]);
    for (size_t i = 0; i < COUNT_OF(after); i++) {
        vch_buf_u32(&buf, (uint32_t)after[i].len);
        vch_buf_str(&buf, after[i]);
    }
    assert_int_equal(vch_buf_finish(&buf, &bytes), VCH_OK);
    vch_sha256(bytes, hash);
    vch_buf_deinit(&buf);
}

static void rows_are_chained(void **state) {
    struct fix *f = *state;
    struct vch_list_ledger list;
    uint8_t hash[32] = {0};
    for (int i = 0; i < 5; i++) append(f, "row");
    READ(f, vch_store_ledger, 0, 10, &list);
    assert_int_equal(list.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(list.items[i].seq, (int64_t)i + 1);
        assert_memory_equal(list.items[i].prev_hash.ptr, hash, 32);
        hash_by_hand(&list.items[i], hash);
        assert_memory_equal(list.items[i].hash.ptr, hash, 32);
    }
}

static void the_first_row_has_a_known_hash(void **state) {
    struct fix *f = *state;
    struct vch_list_ledger list;
    struct vch_rec_ledger r = a_row("known");
    uint8_t hash[32];
    char hex[65];
    static const char zeros[32];
    append(f, "known");
    READ(f, vch_store_ledger, 0, 1, &list);
    assert_true(vch_str_eq(list.items[0].prev_hash, vch_str_of(zeros, 32)));
    r.seq = 1;
    r.time_ms = 1700000000000;
    r.prev_hash = vch_str_of(zeros, 32);
    hash_by_hand(&r, hash);
    vch_hex(hash, 32, hex);
    /* Made with another program. */
    assert_string_equal(hex, "a37693e904e86bcd632e2588fcbf71b2bea2b952887c33452196543c0407708d");
}

static void pages(void **state) {
    struct fix *f = *state;
    struct vch_list_ledger list;
    for (int i = 0; i < 5; i++) append(f, "row");
    READ(f, vch_store_ledger, 0, 2, &list);
    assert_int_equal(list.count, 2);
    assert_true(list.more);
    READ(f, vch_store_ledger, 3, 2, &list);
    assert_int_equal(list.items[0].seq, 4);
    assert_int_equal(list.count, 2);
    assert_false(list.more);
    READ(f, vch_store_ledger, 5, 2, &list);
    assert_int_equal(list.count, 0);
}

static struct vch_rec_ledger row_of(const char *event, const char *thing, const char *actor) {
    struct vch_rec_ledger row = a_row(event);
    row.thing_name = S(thing);
    row.actor = S(actor);
    return row;
}

/* What one call finds, as "3 1", and where it says to go on. */
static void found(struct fix *f, struct vch_ledger_query q, size_t limit, const char *expected, int64_t expected_next) {
    struct vch_list_ledger list;
    char text[128] = "";
    size_t len = 0;
    int64_t next = -1;
    READ(f, vch_store_ledger_find, &q, limit, &list, &next);
    for (size_t i = 0; i < list.count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%d", i ? " " : "", (int)list.items[i].seq);
    assert_string_equal(text, expected);
    assert_int_equal(next, expected_next);
}

static void finds(void **state) {
    struct fix *f = *state;
    const struct vch_rec_ledger rows[] = {row_of("made", "lamp", "anna"), row_of("made", "door", "ben"), row_of("gone", "lamp", "arn:ben")};
    for (size_t i = 0; i < 3; i++) DO(f, vch_plan_ledger, &rows[i]);
    struct vch_ledger_query all = {.from_seq = 0}, newest = {.newest_first = true};
    found(f, all, 10, "1 2 3", 0);
    found(f, all, 2, "1 2", 2);
    found(f, newest, 10, "3 2 1", 0);
    found(f, newest, 2, "3 2", 2);
    found(f, (struct vch_ledger_query){.newest_first = true, .from_seq = 2}, 2, "1", 0);
    found(f, (struct vch_ledger_query){.from_seq = 3}, 2, "", 0);
    found(f, (struct vch_ledger_query){.from_seq = INT64_MAX}, 2, "", 0);
    found(f, (struct vch_ledger_query){.newest_first = true, .from_seq = INT64_MAX}, 2, "3 2", 2);
    found(f, (struct vch_ledger_query){.event = S("made")}, 10, "1 2", 0);
    found(f, (struct vch_ledger_query){.event = S("mad")}, 10, "", 0);
    found(f, (struct vch_ledger_query){.any = S("lamp")}, 10, "1 3", 0);
    found(f, (struct vch_ledger_query){.any = S("ben"), .any_actor = S("arn:ben"), .newest_first = true}, 10, "3 2", 0);
    found(f, (struct vch_ledger_query){.any = S("192.0.2.1"), .event = S("gone")}, 10, "3", 0);
    found(f, (struct vch_ledger_query){.outcome = S("never")}, 10, "", 0);
    found(f, (struct vch_ledger_query){.any = S("' OR '1' = '1")}, 10, "", 0);
}

static void a_search_looks_at_so_many_rows_and_goes_on(void **state) {
    struct fix *f = *state;
    const struct vch_rec_ledger first = row_of("first", "lamp", "anna"), row = row_of("row", "door", "ben"), last = row_of("last", "lamp", "anna");
    DO(f, vch_plan_ledger, &first);
    for (int n = 0; n < VCH_LEDGER_FIND_ROWS; n += 1000) {
        PLAN(f, p);
        for (int i = 0; i < 1000; i++) vch_plan_ledger(p, &row);
        plan_ok(f, p);
    }
    DO(f, vch_plan_ledger, &last);
    int64_t rows = VCH_LEDGER_FIND_ROWS + 2;
    found(f, (struct vch_ledger_query){.any = S("lamp")}, 10, "1", VCH_LEDGER_FIND_ROWS);
    found(f, (struct vch_ledger_query){.any = S("lamp"), .from_seq = VCH_LEDGER_FIND_ROWS}, 10, "20002", 0);
    found(f, (struct vch_ledger_query){.any = S("lamp"), .newest_first = true}, 10, "20002", rows - VCH_LEDGER_FIND_ROWS + 1);
    found(f, (struct vch_ledger_query){.any = S("lamp"), .newest_first = true, .from_seq = rows - VCH_LEDGER_FIND_ROWS + 1}, 10, "1", 0);
    found(f, (struct vch_ledger_query){.newest_first = true}, 1, "20002", rows);
}

static void several_rows_in_one_plan(void **state) {
    struct fix *f = *state;
    int64_t rows = -1;
    const struct vch_rec_ledger row = a_row("row");
    read_ok(f, vch_store_ledger_verify(f->store, &rows, &f->diag));
    assert_int_equal(rows, 0);
    PLAN(f, p);
    for (int i = 0; i < 1200; i++) vch_plan_ledger(p, &row);
    plan_ok(f, p);
    PLAN(f, refused);
    vch_plan_ledger(refused, &row);
    vch_plan_need_policy(refused, S("missing"));
    REFUSED(f, refused, NOT_FOUND, POLICY_MISSING);
    append(f, "after the refusal");
    vch_diag_clear(&f->diag);
    read_ok(f, vch_store_ledger_verify(f->store, &rows, &f->diag));
    assert_int_equal(rows, 1201);
}

static void a_row_that_is_too_large(void **state) {
    struct fix *f = *state;
    struct vch_rec_ledger row = a_row("large");
    struct vch_list_ledger list;
    row.detail = vch_str_of(vch_arena_alloc(f->arena, 2 << 20), 2 << 20);
    DO_NOT(f, TOO_LARGE, STORE_FAILED, vch_plan_ledger, &row);
    append(f, "next");
    READ(f, vch_store_ledger, 0, 10, &list);
    assert_int_equal(list.count, 1);
}

STORE_SUITE(STORE_TEST(append_and_read), STORE_TEST(rows_are_chained), STORE_TEST(the_first_row_has_a_known_hash),
            STORE_TEST(pages), STORE_TEST(finds), STORE_TEST(a_search_looks_at_so_many_rows_and_goes_on), STORE_TEST(several_rows_in_one_plan), STORE_TEST(a_row_that_is_too_large))
