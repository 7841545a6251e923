/* A store of its own for each test, over the driver that the program was
 * started with, and the small sentences that the tests are written in. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <pthread.h>
#include <stdio.h>

#include "core/reason.h"
#include "store/store.h"
#include "support/cmocka_all.h"

enum { CHANGES_MAX = 256 };

struct fix {
    char folder[64];
    char url[256];
    char schema[32]; /* PostgreSQL's */
    char path[128]; /* of the database file, for raw tests */
    struct vch_store *store;
    struct vch_arena *arena;
    struct vch_diag diag;
    pthread_mutex_t lock; /* of what follows */
    char changes[CHANGES_MAX][96]; /* "kind key" in order */
    size_t change_count;
    int64_t commit_delay_us;
};

/* Every test program's main: reads the driver's name, runs the group. */
int store_suite(int argc, char **argv, const struct CMUnitTest *tests, size_t count);
#define STORE_SUITE(...)                                                                                               \
    int main(int argc, char **argv) {                                                                                  \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                                               \
        return store_suite(argc, argv, tests, COUNT_OF(tests));                                                        \
    }
#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, fix_up, fix_down)

int fix_up(void **state);
int fix_down(void **state);
/* A place with no store in it yet. */
struct fix *fix_new(void);
struct fix *fix_new_in(const char *kind); /* "sqlite", "postgres" */
void fix_free(struct fix *f);
enum vch_err fix_open(struct fix *f) VCH_MUST;
void fix_close(struct fix *f);

/* The tail of every read. */
#define R(f) (f)->arena, (vch_diag_clear(&(f)->diag), &(f)->diag)
#define S(text) vch_str_from(text)

/* One statement on a connection of its own, outside the store. */
void postgres_run(const char *sql);
/* For a second store on the same place: the changes go into `arg`, a struct fix. */
void fix_on_change(void *arg, enum vch_change_kind kind, struct vch_str key);

struct vch_plan *plan_new(struct fix *f);
void plan_ok(struct fix *f, struct vch_plan *p);
void plan_refused(struct fix *f, struct vch_plan *p, enum vch_err err, enum vch_reason reason);
#define PLAN(f, p) struct vch_plan *p = plan_new(f)
#define REFUSED(f, p, err, reason) plan_refused((f), (p), VCH_ERR_##err, VCH_REASON_##reason)
/* One step, applied. */
#define DO(f, call, ...)                                                                                               \
    do {                                                                                                               \
        PLAN(f, do_plan_);                                                                                             \
        call(do_plan_, __VA_ARGS__);                                                                                   \
        plan_ok((f), do_plan_);                                                                                        \
    } while (0)
#define DO_NOT(f, err, reason, call, ...)                                                                              \
    do {                                                                                                               \
        PLAN(f, do_plan_);                                                                                             \
        call(do_plan_, __VA_ARGS__);                                                                                   \
        REFUSED(f, do_plan_, err, reason);                                                                             \
    } while (0)
/* A read that succeeds, and one that is refused. */
void read_ok(struct fix *f, enum vch_err err);
void read_refused(struct fix *f, enum vch_err got, enum vch_err err, enum vch_reason reason);
#define READ(f, call, ...) read_ok((f), call((f)->store, __VA_ARGS__, R(f)))
#define READ_NOT(f, err, reason, call, ...)                                                                            \
    read_refused((f), call((f)->store, __VA_ARGS__, R(f)), VCH_ERR_##err, VCH_REASON_##reason)

/* 64 hexadecimal digits that end in `n`; 32 bytes likewise. */
struct vch_str id_of(struct fix *f, int n);
struct vch_str hash_of(struct fix *f, int n);

/* Records with every field filled, recognisably. */
struct vch_rec_policy a_policy(const char *name);
struct vch_rec_template a_template(const char *name);
struct vch_rec_certificate a_certificate(struct vch_str id, const char *status);
struct vch_rec_claim a_claim(struct vch_str id, const char *template_name);
struct vch_rec_token a_token(struct vch_str hash, struct vch_str certificate_id);
struct vch_rec_thing a_thing(const char *name);
struct vch_rec_ledger a_row(const char *event);
enum { T0 = 1000000, HOUR_MS = 3600 * 1000 }; /* the records' creation, and their life */

/* Puts them there. */
void have_policy(struct fix *f, const char *name);
void have_template(struct fix *f, const char *name);
void have_certificate(struct fix *f, int n, const char *status);
void have_thing(struct fix *f, const char *name);

/* Exactly these changes were told since the last call, in any order; NULL ends. */
void changed(struct fix *f, ...);

#endif
