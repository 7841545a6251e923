/* A message store of its own for each test, and sentences to fill it with. What
 * is read back is a text, one line per row. */
#ifndef TESTS_MESSAGES_FIXTURE_H
#define TESTS_MESSAGES_FIXTURE_H

#include <stdatomic.h>

#include "store/messages.h"
#include "support/cmocka_all.h"

struct keep {
    char folder[64], path[96];
    struct vch_messages *m;
    struct vch_messages_options options;
    struct vch_diag diag;
    char text[65536]; /* of keep_read */
};

int keep_up(void **state);
int keep_down(void **state);
enum vch_err keep_try(struct keep *k) VCH_MUST;
void keep_open(struct keep *k);
void keep_close(struct keep *k);
void keep_again(struct keep *k); /* closes and opens */
/* The rows of a freshly opened store. */
const char *keep_read(struct keep *k);
int64_t keep_ask(struct keep *k, const char *sql); /* of a closed store's file */
void keep_run(struct keep *k, const char *sql);

/* Counts what was waited for. */
struct ticket {
    atomic_int left, failed;
};
struct vch_messages_wait ticket_of(struct ticket *ticket);
void ticket_wait(struct ticket *ticket); /* at most 10 s; every part is settled */

extern atomic_int owners; /* message owners not released yet */

void put_session(struct keep *k, uint64_t key, const char *client_id);
void put_entry(struct keep *k, uint64_t key, uint64_t seq, uint64_t id, const char *payload, struct ticket *ticket);
void put_retained(struct keep *k, uint64_t id, const char *topic, const char *payload, struct ticket *ticket);

#endif
