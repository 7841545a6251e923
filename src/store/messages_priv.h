/* Changes of the message store on their way into the file: a queue that any
 * thread appends to, batches that the writer makes of it. */
#ifndef VCH_STORE_MESSAGES_PRIV_H
#define VCH_STORE_MESSAGES_PRIV_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "store/messages.h"

enum vch_change_of {
    CHANGE_SESSION_PUT,
    CHANGE_SESSION_DROP,
    CHANGE_SUB_PUT,
    CHANGE_SUB_DROP,
    CHANGE_ENTRY_PUT,
    CHANGE_ENTRY_MARK,
    CHANGE_ENTRY_DROP,
    CHANGE_RECEIVED_PUT,
    CHANGE_RECEIVED_DROP,
    CHANGE_WILL_PUT,
    CHANGE_WILL_DROP,
    CHANGE_RETAINED_PUT,
    CHANGE_RETAINED_DROP,
    CHANGE_COUNT
};

/* One change, in one piece of memory with its texts. */
struct vch_messages_change {
    struct vch_messages_change *next;
    struct vch_messages_change *same_session; /* the one before it in the batch */
    enum vch_change_of what;
    bool is_void;                /* nothing is to be written any more */
    bool fresh;                  /* SESSION_PUT: the first of its session */
    uint64_t key, seq;           /* seq: also a packet id */
    int64_t number[4];           /* the row's, as messages_apply.c reads them */
    struct vch_str text, second; /* in bytes[] */
    struct vch_row_message message;
    void *owner; /* of the message; NULL: none */
    struct vch_messages_wait wait;
    size_t charge;
    char bytes[];
};

struct vch_messages_changes {
    struct vch_messages_change *first, **end;
    size_t count, awaited, bytes;
};

/* From a hash to a position, for one batch: forgotten by raising `round`. */
struct vch_messages_slot {
    uint64_t hash;
    uint32_t round;
    void *value;
};
struct vch_messages_slots {
    struct vch_messages_slot *slots;
    size_t size, count;
    uint32_t round;
};

/* How a batch changes the number of references to a message. */
struct vch_messages_ref {
    struct vch_messages_ref *next;
    uint64_t id;
    int64_t by;
    const struct vch_row_message *row; /* when it gains some */
};

enum { VCH_MESSAGES_STATEMENTS = 22 };

struct vch_messages {
    struct vch_messages_options options;
    char *path;
    _Atomic uint64_t last_key, last_id;
    _Atomic size_t waiting_bytes;

    pthread_mutex_t lock; /* over what follows, up to the writer's part */
    pthread_cond_t wake;
    struct vch_messages_changes waiting;
    int64_t waiting_since_ms;
    bool stopping;
    struct vch_messages_stats stats;
    pthread_t writer;
    bool writer_runs;

    pthread_mutex_t file_lock; /* over `db`: what a reader is told may be queued while it reads. Before `lock` */

    /* The writer's alone (before it starts: the opener's). */
    sqlite3 *db;
    sqlite3_stmt *statements[VCH_MESSAGES_STATEMENTS];
    struct vch_messages_changes held; /* the batch; what failed stays in it */
    struct vch_messages_slots slots;
    struct vch_messages_ref *refs;
    uint64_t written, voided;
    atomic_bool failing; /* read by any thread */
    struct vch_diag last; /* of the last failure */
};

/* ---- messages_batch.c ---- */
void vch_messages_changes_init(struct vch_messages_changes *list);
void vch_messages_changes_add(struct vch_messages_changes *list, struct vch_messages_change *change);
void vch_messages_changes_move(struct vch_messages_changes *from, struct vch_messages_changes *to);
void vch_messages_change_free(struct vch_messages *m, struct vch_messages_change *change);
void vch_messages_told(struct vch_messages_change *change, enum vch_err err); /* once */
/* Marks what the rest of the batch has made void. NOMEM: nothing is marked, which is as good. */
void vch_messages_compact(struct vch_messages *m);
/* The slot of a hash: NULL value when it was free. NULL when memory is out. */
struct vch_messages_slot *vch_messages_slot(struct vch_messages_slots *slots, uint64_t hash,
                                            bool (*same)(const void *value, const void *wanted), const void *wanted);
void vch_messages_slots_forget(struct vch_messages_slots *slots);

/* ---- messages_sql.c ---- */
enum vch_err vch_messages_file_open(struct vch_messages *m, struct vch_diag *diag) VCH_MUST;
void vch_messages_file_close(struct vch_messages *m);
/* The held batch in one transaction. */
enum vch_err vch_messages_apply(struct vch_messages *m, struct vch_diag *diag) VCH_MUST;

#endif
