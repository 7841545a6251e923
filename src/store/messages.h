/* What MQTT keeps beyond the process: sessions, their subscriptions, queues and
 * wills, and retained messages, in one SQLite file of their own with one writer
 * thread. A message's bytes are stored once, however many refer to them.
 *
 * Writes are queued by any thread and never block; they take effect in the
 * order in which they were queued. The writer takes what waits into one
 * transaction: at once when somebody waits for it, else within `lazy_ms`. What
 * is made void inside one batch (an entry dropped before it was written) does
 * not touch the file. A batch that fails (full disk) is told to those who wait,
 * is kept, and is tried again, several times a second, until it succeeds.
 */
#ifndef VCH_STORE_MESSAGES_H
#define VCH_STORE_MESSAGES_H

#include "base/str.h"

struct vch_messages;

struct vch_messages_options {
    const char *path;
    /* Gives back the owner of a message's bytes; any thread. */
    void (*release)(void *owner);
    int64_t lazy_ms;          /* 0: 100 */
    size_t backlog_bytes_max; /* entries beyond it are refused; 0: 64 MiB */
    int64_t commit_delay_us;  /* for tests: the flush of a slow disk */
};

/* IO: the file cannot be opened. MALFORMED: it is damaged, or not such a file. STATE: a newer program's. None of them
 * changes the file. */
enum vch_err vch_messages_open(const struct vch_messages_options *options, struct vch_messages **ret,
                               struct vch_diag *diag) VCH_MUST;
/* Writes what waits, a last time; an error says that something was lost. NULL is fine. */
enum vch_err vch_messages_close(struct vch_messages *messages, struct vch_diag *diag);

/* Numbers for sessions and messages, never used twice. Any thread. */
uint64_t vch_messages_new_key(struct vch_messages *messages);
uint64_t vch_messages_new_id(struct vch_messages *messages);

/* ---- rows ------------------------------------------------------------------------- */

struct vch_row_session {
    uint64_t key;
    struct vch_str client_id, principal;
    int64_t level, expiry_s, disconnected_ms;
    bool fresh; /* written: nothing of this key has been before. Spares a session that soon goes its way to the file */
};
struct vch_row_sub {
    struct vch_str filter;
    int64_t options, identifier; /* opaque here */
};
struct vch_row_message {
    uint64_t id;
    struct vch_str topic, properties, payload; /* views: the owner's, until it is released */
    int64_t qos, published_ms, expires_ms; /* qos: opaque here */
};
struct vch_row_entry {
    uint64_t seq, message_id; /* message_id: when read */
    struct vch_str identifiers;
    int64_t qos, state, packet_id, retain;
};
struct vch_row_will {
    uint64_t message_id; /* when read */
    int64_t delay_s, retain;
};

/* ---- writing: any thread ---------------------------------------------------------------- */

/* Called once: when the change is durable or void, or will not be for now. By the writer, or by the caller's own
 * thread when it is refused at once. A `done` of NULL waits for nothing. */
struct vch_messages_wait {
    void (*done)(void *arg, enum vch_err err);
    void *arg;
};

/* Messages come with their owner, of which a reference is handed over in any case. */
void vch_messages_session_put(struct vch_messages *m, const struct vch_row_session *row, struct vch_messages_wait wait);
void vch_messages_session_drop(struct vch_messages *m, uint64_t key, struct vch_messages_wait wait);
void vch_messages_sub_put(struct vch_messages *m, uint64_t key, const struct vch_row_sub *row,
                          struct vch_messages_wait wait);
void vch_messages_sub_drop(struct vch_messages *m, uint64_t key, struct vch_str filter, struct vch_messages_wait wait);
void vch_messages_entry_put(struct vch_messages *m, uint64_t key, const struct vch_row_entry *row,
                            const struct vch_row_message *message, void *owner, struct vch_messages_wait wait);
void vch_messages_entry_mark(struct vch_messages *m, uint64_t key, uint64_t seq, int64_t state, int64_t packet_id,
                             struct vch_messages_wait wait);
void vch_messages_entry_drop(struct vch_messages *m, uint64_t key, uint64_t seq);
void vch_messages_received_put(struct vch_messages *m, uint64_t key, uint16_t packet_id, struct vch_messages_wait wait);
void vch_messages_received_drop(struct vch_messages *m, uint64_t key, uint16_t packet_id);
void vch_messages_will_put(struct vch_messages *m, uint64_t key, const struct vch_row_will *row,
                           const struct vch_row_message *message, void *owner);
void vch_messages_will_drop(struct vch_messages *m, uint64_t key);
void vch_messages_retained_put(struct vch_messages *m, const struct vch_row_message *message, void *owner,
                               struct vch_messages_wait wait);
void vch_messages_retained_drop(struct vch_messages *m, struct vch_str topic, struct vch_messages_wait wait);

/* More than half of what may wait does, and is on its way: not while the file cannot be written. */
bool vch_messages_behind(struct vch_messages *m);
/* As much waits as may: entries are refused. */
bool vch_messages_full(struct vch_messages *m);

/* A copy of the file as it is at the end of copying, in a new file of mode 0600; what is queued and not yet written
 * is not in it. Writers go on between its parts. Any thread. */
enum vch_err vch_messages_copy(struct vch_messages *m, const char *path, struct vch_diag *diag) VCH_MUST;

struct vch_messages_stats {
    uint64_t changes, written, voided, commits, failures;
    size_t waiting_bytes;
    bool failing; /* the last batch could not be written */
};
void vch_messages_stats(struct vch_messages *m, struct vch_messages_stats *ret);

/* ---- reading: before the first write ------------------------------------------------------- */

/* All messages, by id; then each session followed by what is its own; then the retained messages. */
struct vch_messages_reader {
    enum vch_err (*message)(void *arg, const struct vch_row_message *row);
    enum vch_err (*session)(void *arg, const struct vch_row_session *row);
    enum vch_err (*sub)(void *arg, const struct vch_row_sub *row);
    enum vch_err (*entry)(void *arg, const struct vch_row_entry *row);
    enum vch_err (*received)(void *arg, uint16_t packet_id);
    enum vch_err (*will)(void *arg, const struct vch_row_will *row);
    enum vch_err (*retained)(void *arg, uint64_t message_id);
    void *arg;
};
/* MALFORMED: the file is damaged. An error of the reader ends it and is returned. What the reader queues is written
 * after it has ended, so it must not wait for that. */
enum vch_err vch_messages_read(struct vch_messages *messages, const struct vch_messages_reader *reader,
                               struct vch_diag *diag) VCH_MUST;

#endif
