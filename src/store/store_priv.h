/* The inside of a store: one writer thread with its connection, and a stack of
 * reader connections that any thread borrows for one read. */
#ifndef VCH_STORE_STORE_PRIV_H
#define VCH_STORE_STORE_PRIV_H

#include <pthread.h>

#include "store/plan_priv.h"
#include "store/sql_priv.h"
#include "store/store.h"

struct vch_job; /* one waiting apply */
struct vch_identity_cache;
struct vch_ear;

/* Spares a database that is away: after a failure nobody tries before `until_ms`. */
struct vch_gate {
    pthread_mutex_t lock;
    int64_t until_ms, pause_ms;
};

struct vch_store {
    const struct vch_sql_driver *driver;
    char *place; /* the URL behind its scheme */
    int64_t commit_delay_us;
    vch_store_on_change *on_change;
    void *on_change_arg;

    struct vch_gate gate;
    struct vch_identity_cache *identities; /* NULL: changes by others are not heard */
    struct vch_ear *ear;                   /* NULL: nobody else writes, or nobody wants to know */

    pthread_mutex_t readers_lock; /* held for a push or a pop */
    struct vch_sql *readers;      /* idle ones, hottest first */
    size_t readers_idle;

    pthread_t writer;
    bool writer_runs;
    pthread_mutex_t lock; /* the queue, `stopping`, `stats`, `ledger_*` */
    pthread_cond_t wake;  /* the writer's */
    struct vch_job *first, *last;
    bool stopping;
    struct vch_store_stats stats;
    int64_t ledger_seq; /* the last durable row that this process knows */
    uint8_t ledger_hash[32];

    /* The writer thread's own. */
    struct vch_sql *db;
    struct vch_changes changes;
};

/* A reader for this scope: VCH_READER db = NULL; VCH_TRY(vch_reader_take(...)). */
enum vch_err vch_reader_take(struct vch_store *s, struct vch_sql **ret, struct vch_diag *diag) VCH_MUST;
void vch_reader_put(struct vch_sql **db);
#define VCH_READER __attribute__((cleanup(vch_reader_put))) struct vch_sql *

/* The driver of a URL and the rest behind its colon; NULL: none. */
const struct vch_sql_driver *vch_store_driver(const char *url, const char **ret_place);
/* A connection of the store's driver, through the gate. */
enum vch_err vch_store_connect(struct vch_store *s, bool writer, struct vch_sql **ret, struct vch_diag *diag) VCH_MUST;
/* Tells whoever wants to know, the store's own memory first. */
void vch_store_tell(void *store, enum vch_change_kind kind, struct vch_str key);

enum vch_err vch_writer_start(struct vch_store *s, struct vch_diag *diag) VCH_MUST;
void vch_writer_stop(struct vch_store *s); /* drains the queue first */

/* Reads that share a shape. */
enum vch_err vch_read_one(struct vch_store *s, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                          vch_fill *fill, void *record, bool *ret_found, VCH_R) VCH_MUST;
enum vch_err vch_read_list(struct vch_store *s, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                           struct vch_listing *listing, VCH_R) VCH_MUST;
/* Where a page by name starts: `after`, or beyond every name for the first one downwards. */
struct vch_str vch_page_from(struct vch_page page);
/* A page of strings that belong to `owner`: query(owner, from, ask). When it is
 * empty, `exists` decides whether the owner is there at all (*ret_owner). */
struct vch_owned_page {
    enum vch_query up, down, exists;
    struct vch_str owner;
    struct vch_page page;
};
enum vch_err vch_read_owned(struct vch_store *s, const struct vch_owned_page *what, struct vch_list_str *ret,
                            bool *ret_owner, VCH_R) VCH_MUST;
/* A page by creation: `after` is an id whose time `created` tells, or "MS/ID". */
struct vch_created_page {
    enum vch_query up, down, created;
    struct vch_page page;
    const struct vch_str *owner; /* the queries' fourth argument, or NULL: they have three */
};
enum vch_err vch_read_created(struct vch_store *s, const struct vch_created_page *what, struct vch_listing *listing,
                              VCH_R) VCH_MUST;

#endif
