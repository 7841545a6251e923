/* An exported ledger, made here by the rule and then bent. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "core/ledger.h"
#include "ctl/ledger_file.h"

static struct vch_arena *arena;
static struct vch_buf file;

static void put_row(int64_t seq, const char *detail, uint8_t hash[VCH_LEDGER_HASH_LEN]) {
    struct vch_rec_ledger row = {.seq = seq, .time_ms = 1795462528956 + seq, .event = VCH_STR("e"), .actor = VCH_STR("a"), .outcome = VCH_STR("ok"),
                                 .detail = vch_str_from(detail), .prev_hash = vch_str_of(hash, VCH_LEDGER_HASH_LEN)};
    char before[65], after[65];
    struct vch_buf buf;
    vch_hex(hash, VCH_LEDGER_HASH_LEN, before);
    vch_buf_init(&buf, 4096);
    uint8_t made[VCH_LEDGER_HASH_LEN];
    assert_int_equal(vch_ledger_hash(&row, &buf, made), VCH_OK);
    vch_buf_deinit(&buf);
    memcpy(hash, made, sizeof made);
    vch_hex(hash, VCH_LEDGER_HASH_LEN, after);
    struct vch_val *map = vch_val_new_map(arena);
    assert_int_equal(vch_val_put_int(arena, map, "sequence", seq), VCH_OK);
    assert_int_equal(vch_val_put_time(arena, map, "time", row.time_ms), VCH_OK);
    assert_int_equal(vch_val_put_str(arena, map, "event", row.event), VCH_OK);
    assert_int_equal(vch_val_put_str(arena, map, "actor", row.actor), VCH_OK);
    assert_int_equal(vch_val_put_str(arena, map, "outcome", row.outcome), VCH_OK);
    assert_int_equal(vch_val_put_str(arena, map, "detail", vch_arena_str(arena, row.detail)), VCH_OK);
    assert_int_equal(vch_val_put_str(arena, map, "previousHash", vch_arena_str(arena, vch_str_from(before))), VCH_OK);
    assert_int_equal(vch_val_put_str(arena, map, "hash", vch_arena_str(arena, vch_str_from(after))), VCH_OK);
    assert_int_equal(vch_ledger_file_line("entry", map, arena, &file), VCH_OK);
}

static int up(void **state) {
    (void)state;
    uint8_t hash[VCH_LEDGER_HASH_LEN] = {0};
    arena = vch_arena_new(1 << 20, false);
    vch_buf_init(&file, 1 << 20);
    vch_ledger_file_head(VCH_STR("123456789012"), &file);
    for (int64_t seq = 1; seq <= 4; seq++) put_row(seq, seq == 3 ? "{\"a\":\"\\u00fc\"}" : "{}", hash);
    return 0;
}

static int down(void **state) {
    (void)state;
    vch_buf_deinit(&file);
    vch_arena_free(arena);
    return 0;
}

static enum vch_err verify(struct vch_str text, struct vch_ledger_verdict *ret, struct vch_diag *diag) {
    return vch_ledger_file_verify(text, VCH_STR("no key"), ret, diag);
}

static struct vch_str whole(void) {
    struct vch_str text;
    assert_int_equal(vch_buf_finish(&file, &text), VCH_OK);
    return text;
}

static void a_whole_file(void **state) {
    (void)state;
    struct vch_ledger_verdict v;
    struct vch_diag diag = {0};
    assert_int_equal(verify(whole(), &v, &diag), VCH_OK);
    assert_true(v.entries == 4 && v.first == 1 && v.last == 4 && v.checkpoints == 0 && v.vouched == 0);
}

/* Whatever one byte of a row becomes, its row is named, or the next one that does not follow any more. */
static void every_byte_counts(void **state) {
    (void)state;
    struct vch_str text = whole();
    char *bent = vch_arena_alloc(arena, text.len);
    size_t head = vch_str_find(text, '\n', 0) + 1;
    int64_t row = 1;
    for (size_t i = head; i < text.len; i++) {
        struct vch_ledger_verdict v;
        struct vch_diag diag = {0};
        if (text.ptr[i] == '\n') {
            row++;
            continue;
        }
        memcpy(bent, text.ptr, text.len);
        bent[i] = (char)(bent[i] ^ 1);
        enum vch_err err = verify(vch_str_of(bent, text.len), &v, &diag);
        if (err != VCH_ERR_CONFLICT) fail_msg("byte %zu of row %lld passes", i - head, (long long)row);
        assert_string_equal(diag.reason, "ledger-broken");
        int64_t named = 0;
        if (row == 1 && strcmp(diag.field, "first") == 0) continue;
        assert_int_equal(vch_str_int(vch_str_from(diag.field), &named), VCH_OK);
        if (named != row && named != row + 1) fail_msg("byte %zu of row %lld: %s", i - head, (long long)row, diag.message);
    }
}

static void lines_that_are_missing(void **state) {
    (void)state;
    struct vch_str text = whole(), rest = text, line;
    struct vch_buf buf;
    struct vch_ledger_verdict v;
    for (int drop = 2; drop <= 3; drop++) {
        struct vch_diag diag = {0};
        struct vch_str bent;
        int at = 0;
        vch_buf_init(&buf, 1 << 20);
        rest = text;
        while (vch_str_split(&rest, '\n', &line)) {
            if (at++ == drop) continue;
            vch_buf_str(&buf, line);
            vch_buf_c(&buf, "\n");
        }
        assert_int_equal(vch_buf_finish(&buf, &bent), VCH_OK);
        assert_int_equal(verify(bent, &v, &diag), VCH_ERR_CONFLICT);
        char field[8];
        (void)snprintf(field, sizeof field, "%d", drop);
        assert_string_equal(diag.field, field);
        vch_buf_deinit(&buf);
    }
}

static void what_is_no_ledger(void **state) {
    (void)state;
    static const char *const texts[] = {"", "\n", "{}", "[]\n", "{\"vouch\":\"ledger\",\"format\":2,\"account\":\"1\"}\n", "{\"vouch\":\"registry\",\"format\":1}\n",
                                        "{\"vouch\":\"ledger\",\"format\":1,\"account\":\"1\"}\nx\n",
                                        "{\"vouch\":\"ledger\",\"format\":1,\"account\":\"1\"}\n{\"other\":1}\n",
                                        "{\"vouch\":\"ledger\",\"format\":1,\"account\":\"1\"}\n{\"entry\":[]}\n",
                                        "{\"vouch\":\"ledger\",\"format\":1,\"account\":\"1\"}\n{\"entry\":{\"sequence\":-5}}\n",
                                        "{\"vouch\":\"ledger\",\"format\":1,\"account\":\"1\"}\n{\"checkpoint\":{\"sequence\":1}}\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct vch_ledger_verdict v;
        struct vch_diag diag = {0};
        enum vch_err err = verify(vch_str_from(texts[i]), &v, &diag);
        if (err != VCH_ERR_MALFORMED && err != VCH_ERR_CONFLICT) fail_msg("%s", texts[i]);
        assert_string_equal(diag.reason, "ledger-broken");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_file, up, down),           cmocka_unit_test_setup_teardown(every_byte_counts, up, down),
        cmocka_unit_test_setup_teardown(lines_that_are_missing, up, down), cmocka_unit_test_setup_teardown(what_is_no_ledger, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
