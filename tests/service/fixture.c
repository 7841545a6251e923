#include "service/fixture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "support/folder.h"

enum { ARENA_MAX = 16 << 20 };

struct fixture fx;

int fixture_setup(void **state) {
    (void)state;
    char url[128];
    memset(&fx, 0, sizeof fx);
    folder_make(fx.folder);
    (void)snprintf(url, sizeof url, "sqlite:%s/registry.db", fx.folder);
    const struct vch_store_options options = {.url = url};
    fx.service.site = (struct vch_site){VCH_STR("aws"), VCH_STR("us-east-1"), VCH_STR(ACCOUNT)};
    fx.service.endpoint_host = VCH_STR("vouch.example");
    memset(fx.service.seal_key, 7, sizeof fx.service.seal_key);
    fx.now_ms = 1700000000000;
    fx.arena = vch_arena_new(ARENA_MAX, true);
    return fx.arena && vch_store_open(&options, &fx.service.store, &fx.diag) == VCH_OK ? 0 : -1;
}

int fixture_teardown(void **state) {
    (void)state;
    vch_store_close(fx.service.store);
    vch_arena_free(fx.arena);
    folder_remove(fx.folder);
    return 0;
}

struct vch_val *fixture_json(const char *text) {
    const struct vch_val_limits limits = VCH_VAL_LIMITS_DEFAULT;
    struct vch_val *val = NULL;
    struct vch_str copy = vch_arena_str(fx.arena, vch_str_from(text));
    char *at = (char *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i < copy.len; i++)
        if (at[i] == '\'') at[i] = '"';
    if (vch_json_decode(copy, &limits, fx.arena, &val, NULL) != VCH_OK) fail_msg("not JSON: %s", text);
    return val;
}

enum vch_err fixture_call(enum vch_op op, vch_use_case *use_case, const char *inputs) {
    struct vch_val *in;
    vch_diag_clear(&fx.diag);
    vch_arena_reset(fx.arena);
    fx.out = vch_val_new_map(fx.arena);
    VCH_TRY(vch_shape_check(op, fixture_json(inputs), fx.arena, &in, &fx.diag));
    struct vch_call call = {.service = &fx.service,
                            .arena = fx.arena,
                            .caller = {.kind = VCH_CALLER_USER,
                                       .arn = VCH_STR("arn:aws:iam::" ACCOUNT ":user/ann"),
                                       .user_name = VCH_STR("ann"),
                                       .source_ip = VCH_STR("127.0.0.1")},
                            .now_ms = fx.now_ms,
                            .in = in,
                            .out = fx.out,
                            .diag = &fx.diag};
    VCH_TRY(use_case(&call));
    struct vch_diag wrong = {0};
    if (vch_shape_check_output(op, fx.out, &wrong) != VCH_OK) fail_msg("%s: %s", vch_op_row(op)->name, wrong.message);
    return VCH_OK;
}

void fixture_good(enum vch_op op, vch_use_case *use_case, const char *inputs) {
    enum vch_err err = fixture_call(op, use_case, inputs);
    if (err != VCH_OK) fail_msg("%s %s: %s, %s", vch_op_row(op)->name, inputs, vch_err_word(err), fx.diag.message);
}

void fixture_refused(enum vch_op op, vch_use_case *use_case, const char *inputs, enum vch_err err, const char *reason) {
    enum vch_err got = fixture_call(op, use_case, inputs);
    const char *why = fx.diag.reason ? fx.diag.reason : "-";
    if (got != err || strcmp(why, reason ? reason : "-") != 0)
        fail_msg("%s %s: %s, %s, %s", vch_op_row(op)->name, inputs, vch_err_word(got), why, fx.diag.message);
    assert_true(fx.diag.message[0] != '\0');
}

static const struct vch_val *find(const char *path) {
    const struct vch_val *at = fx.out;
    struct vch_str rest = vch_str_from(path), part;
    while (at && vch_str_split(&rest, '/', &part)) {
        int64_t index;
        if (at->type == VCH_VAL_MAP) at = vch_val_get_str(at, part);
        else if (at->type == VCH_VAL_LIST && vch_str_int(part, &index) == VCH_OK && (size_t)index < at->count) at = &at->items[index];
        else at = NULL;
    }
    return at;
}

struct vch_str fixture_text(const char *path) {
    const struct vch_val *val = find(path);
    return vch_val_is(val, VCH_VAL_STR) ? val->str : VCH_STR("(none)");
}

int64_t fixture_number(const char *path) {
    const struct vch_val *val = find(path);
    if (vch_val_is(val, VCH_VAL_REAL)) return (int64_t)(val->real * 1000);
    if (vch_val_is(val, VCH_VAL_BOOL)) return val->boolean;
    return vch_val_is(val, VCH_VAL_INT) ? val->integer : INT64_MIN;
}

size_t fixture_count(const char *path) {
    const struct vch_val *val = find(path);
    return val ? val->count : SIZE_MAX;
}

static void apply(struct vch_plan *plan) {
    struct vch_diag diag = {0};
    if (vch_store_apply(fx.service.store, plan, &diag) != VCH_OK) fail_msg("plan refused: %s", diag.message);
}

void fixture_certificate(const char *id, const char *status) {
    const struct vch_rec_certificate c = {.id = vch_str_from(id),
                                          .pem = VCH_STR("-----BEGIN CERTIFICATE-----\n"),
                                          .status = vch_str_from(status),
                                          .mode = VCH_STR("DEFAULT"),
                                          .not_before_ms = fx.now_ms - 120000,
                                          .not_after_ms = fx.now_ms + 1000000,
                                          .created_ms = fx.now_ms++,
                                          .modified_ms = fx.now_ms,
                                          .customer_version = 1};
    struct vch_plan *plan = vch_plan_new(fx.arena);
    vch_plan_certificate_insert(plan, &c);
    apply(plan);
}

void fixture_thing(const char *name, const char *certificate_id, const char *attributes) {
    const struct vch_rec_thing t = {.name = vch_str_from(name),
                                    .id = VCH_STR("11111111-2222-4333-8444-555555555555"),
                                    .attributes = vch_str_from(attributes),
                                    .version = 1,
                                    .created_ms = fx.now_ms,
                                    .modified_ms = fx.now_ms};
    struct vch_plan *plan = vch_plan_new(fx.arena);
    bool created = false;
    vch_plan_thing_ensure(plan, &t, &created);
    if (certificate_id) vch_plan_thing_attach(plan, t.name, vch_str_from(certificate_id), false);
    apply(plan);
    assert_true(created);
}

size_t fixture_events(const char *event) {
    struct vch_list_ledger list;
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, false);
    size_t count = 0;
    assert_int_equal(vch_store_ledger(fx.service.store, 0, 1000, &list, arena, NULL), VCH_OK);
    for (size_t i = 0; i < list.count; i++)
        if (vch_str_eq_c(list.items[i].event, event)) {
            count++;
            assert_str(list.items[i].actor, "arn:aws:iam::" ACCOUNT ":user/ann");
        }
    vch_arena_free(arena);
    return count;
}
