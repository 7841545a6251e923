#include "store/fixture.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/folder.h"

static const char *driver = "sqlite";

int store_suite(int argc, char **argv, const struct CMUnitTest *tests, size_t count) {
    if (argc > 1) driver = argv[1];
    return _cmocka_run_group_tests(driver, tests, count, NULL, NULL);
}

static const char *const kinds[] = {
    [VCH_CHANGE_CERTIFICATE] = "certificate", [VCH_CHANGE_CLAIM] = "claim", [VCH_CHANGE_POLICY] = "policy",
    [VCH_CHANGE_TEMPLATE] = "template",       [VCH_CHANGE_USER] = "user",
    [VCH_CHANGE_ROLE] = "role",               [VCH_CHANGE_LEDGER] = "ledger",
    [VCH_CHANGE_PAIRING] = "pairing",
    [VCH_CHANGE_SESSION] = "session",
    [VCH_CHANGE_ALL] = "all",
};

void fix_on_change(void *arg, enum vch_change_kind kind, struct vch_str key) {
    struct fix *f = arg;
    (void)pthread_mutex_lock(&f->lock);
    char *slot = f->changes[f->change_count % CHANGES_MAX];
    f->change_count++;
    (void)snprintf(slot, sizeof f->changes[0], "%s %.*s", kinds[kind], VCH_STR_ARG(key));
    (void)pthread_mutex_unlock(&f->lock);
}

/* ---- PostgreSQL: a schema for each test, in the cluster that tests/support/postgres.py runs ---- */

void postgres_run(const char *sql) {
    const char *url = getenv("VOUCH_TEST_POSTGRES");
    PGconn *conn = PQconnectdb(url ? url : "postgresql:///none?host=/none");
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        (void)fprintf(stderr, "PostgreSQL: %s: %s", sql, PQerrorMessage(conn));
        exit(2);
    }
    PQclear(result);
    PQfinish(conn);
}

static void postgres_place(struct fix *f) {
    static int count;
    char sql[64];
    (void)snprintf(f->schema, sizeof f->schema, "t%ld_%d", (long)getpid(), count++);
    (void)snprintf(sql, sizeof sql, "CREATE SCHEMA %s", f->schema);
    postgres_run(sql);
    (void)snprintf(f->url, sizeof f->url, "%s&options=-csearch_path%%3D%s", getenv("VOUCH_TEST_POSTGRES"), f->schema);
}

static void postgres_remove(struct fix *f) {
    char sql[128];
    (void)snprintf(sql, sizeof sql, "SET client_min_messages = error; DROP SCHEMA %s CASCADE", f->schema);
    postgres_run(sql);
}

struct fix *fix_new(void) {
    return fix_new_in(driver);
}

struct fix *fix_new_in(const char *kind) {
    struct fix *f = calloc(1, sizeof *f);
    if (!f) abort();
    folder_make(f->folder);
    (void)snprintf(f->path, sizeof f->path, "%s/registry.db", f->folder);
    if (strcmp(kind, "postgres") == 0) postgres_place(f);
    else (void)snprintf(f->url, sizeof f->url, "sqlite:%s", f->path);
    f->arena = vch_arena_new(64 << 20, false);
    (void)pthread_mutex_init(&f->lock, NULL);
    return f;
}

enum vch_err fix_open(struct fix *f) {
    const struct vch_store_options options = {
        .url = f->url, .commit_delay_us = f->commit_delay_us, .on_change = fix_on_change, .on_change_arg = f};
    vch_diag_clear(&f->diag);
    return vch_store_open(&options, &f->store, &f->diag);
}

void fix_close(struct fix *f) {
    vch_store_close(f->store);
    f->store = NULL;
}

void fix_free(struct fix *f) {
    fix_close(f);
    vch_arena_free(f->arena);
    (void)pthread_mutex_destroy(&f->lock);
    if (f->schema[0]) postgres_remove(f);
    folder_remove(f->folder);
    free(f);
}

int fix_up(void **state) {
    struct fix *f = fix_new();
    *state = f;
    if (fix_open(f) == VCH_OK) return 0;
    (void)fprintf(stderr, "cannot open: %s\n", f->diag.message);
    return -1;
}

int fix_down(void **state) {
    fix_free(*state);
    return 0;
}

struct vch_plan *plan_new(struct fix *f) {
    vch_diag_clear(&f->diag);
    return vch_plan_new(f->arena);
}

void plan_ok(struct fix *f, struct vch_plan *p) {
    read_ok(f, vch_store_apply(f->store, p, &f->diag));
}

void plan_refused(struct fix *f, struct vch_plan *p, enum vch_err err, enum vch_reason reason) {
    read_refused(f, vch_store_apply(f->store, p, &f->diag), err, reason);
}

void read_ok(struct fix *f, enum vch_err err) {
    if (err != VCH_OK)
        fail_msg("%s: %s: %s", vch_err_word(err), f->diag.reason ? f->diag.reason : "no reason", f->diag.message);
    assert_null(f->diag.reason);
}

void read_refused(struct fix *f, enum vch_err got, enum vch_err err, enum vch_reason reason) {
    assert_string_equal(vch_err_word(got), vch_err_word(err));
    assert_non_null(f->diag.reason);
    assert_string_equal(f->diag.reason, vch_reason_code(reason));
    assert_true(f->diag.message[0] != '\0');
}

struct vch_str id_of(struct fix *f, int n) {
    return vch_arena_printf(f->arena, "%064x", (unsigned)n);
}

struct vch_str hash_of(struct fix *f, int n) {
    return vch_arena_printf(f->arena, "%032x", (unsigned)n);
}

struct vch_rec_policy a_policy(const char *name) {
    return (struct vch_rec_policy){.name = S(name), .document = S("{\"Version\":\"2012-10-17\"}"),
                                   .generation_id = S("generation"), .created_ms = T0, .modified_ms = T0 + 1};
}

struct vch_rec_template a_template(const char *name) {
    return (struct vch_rec_template){.name = S(name), .description = S("what it is for"), .body = S("{\"Resources\":{}}"),
                                     .role_arn = S("arn:aws:iam::123456789012:role/r"), .hook_target = S("hook"),
                                     .hook_payload_version = S("2020-04-01"), .type = S("FLEET_PROVISIONING"),
                                     .created_ms = T0, .modified_ms = T0 + 1, .enabled = true};
}

struct vch_rec_certificate a_certificate(struct vch_str id, const char *status) {
    return (struct vch_rec_certificate){.id = id, .pem = S("-----BEGIN CERTIFICATE-----\n"), .status = S(status),
                                        .mode = S("DEFAULT"), .ca_id = S("ca"), .claim_id = S("claim"),
                                        .not_before_ms = T0 - 5, .not_after_ms = T0 + HOUR_MS, .created_ms = T0,
                                        .modified_ms = T0 + 1, .customer_version = 1};
}

struct vch_rec_claim a_claim(struct vch_str id, const char *template_name) {
    return (struct vch_rec_claim){.id = id, .template_name = S(template_name),
                                  .created_by = S("arn:aws:iam::123456789012:user/u"), .state = S("LIVE"),
                                  .bindings = S("{\"ThingName\":\"t\"}"), .not_before_ms = T0 - 5,
                                  .not_after_ms = T0 + HOUR_MS, .created_ms = T0, .uses_max = 1};
}

struct vch_rec_token a_token(struct vch_str hash, struct vch_str certificate_id) {
    return (struct vch_rec_token){.hash = hash, .certificate_id = certificate_id, .principal_id = S("principal"),
                                  .expires_ms = T0 + HOUR_MS};
}

struct vch_rec_thing a_thing(const char *name) {
    return (struct vch_rec_thing){.name = S(name), .id = S("2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d"), .type_name = S("type"),
                                  .billing_group = S("group"), .attributes = S("{\"a\":\"1\"}"), .version = 1,
                                  .created_ms = T0, .modified_ms = T0 + 1};
}

struct vch_rec_ledger a_row(const char *event) {
    return (struct vch_rec_ledger){.event = S(event), .actor = S("server"), .source_ip = S("192.0.2.1"),
                                   .client_id = S("client"), .claim_id = S("claim"), .template_name = S("template"),
                                   .certificate_id = S("certificate"), .thing_name = S("thing"), .outcome = S("ok"),
                                   .detail = S("{\"x\":1}"), .template_version = 3};
}

void have_policy(struct fix *f, const char *name) {
    const struct vch_rec_policy policy = a_policy(name);
    DO(f, vch_plan_policy_create, &policy);
}

void have_template(struct fix *f, const char *name) {
    const struct vch_rec_template template = a_template(name);
    DO(f, vch_plan_template_create, &template);
}

void have_certificate(struct fix *f, int n, const char *status) {
    const struct vch_rec_certificate certificate = a_certificate(id_of(f, n), status);
    DO(f, vch_plan_certificate_insert, &certificate);
}

void have_thing(struct fix *f, const char *name) {
    const struct vch_rec_thing thing = a_thing(name);
    DO(f, vch_plan_thing_ensure, &thing, NULL);
}

void changed(struct fix *f, ...) {
    va_list args;
    size_t count = 0;
    va_start(args, f);
    for (const char *want = va_arg(args, const char *); want; want = va_arg(args, const char *), count++) {
        bool found = false;
        for (size_t i = 0; i < f->change_count && i < CHANGES_MAX; i++) found |= strcmp(f->changes[i], want) == 0;
        if (!found) fail_msg("not told: %s", want);
    }
    va_end(args);
    if (f->change_count != count) fail_msg("%zu changes told, %zu expected", f->change_count, count);
    f->change_count = 0;
}
