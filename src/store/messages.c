#include "store/messages.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "core/reason.h"
#include "store/messages_priv.h"

enum { LAZY_MS = 100, RETRY_MS = 200, LAZY_COUNT = 4096, ENTRY_ROOM = 128 };
static const size_t backlog_default = (size_t)64 << 20;

/* ---- the writer ----------------------------------------------------------------------- */

static void free_all(struct vch_messages *m, struct vch_messages_changes *list) {
    for (struct vch_messages_change *change = list->first, *next; change; change = next) {
        next = change->next;
        vch_messages_change_free(m, change);
    }
    vch_messages_changes_init(list);
}

static void tell_all(struct vch_messages *m, enum vch_err err) {
    for (struct vch_messages_change *change = m->held.first; change; change = change->next)
        vch_messages_told(change, err);
    m->held.awaited = 0;
}

static bool anything_to_write(const struct vch_messages *m) {
    for (const struct vch_messages_change *change = m->held.first; change; change = change->next)
        if (!change->is_void) return true;
    return false;
}

/* What fails stays held, without those who waited. */
static enum vch_err write_held(struct vch_messages *m) {
    vch_messages_compact(m);
    vch_diag_clear(&m->last);
    enum vch_err err = anything_to_write(m) ? vch_messages_apply(m, &m->last) : VCH_OK;
    tell_all(m, err);
    if (err == VCH_OK) free_all(m, &m->held);
    return err;
}

static void wait_until(struct vch_messages *m, int64_t at_ms) {
    struct timespec t = {at_ms / 1000, (long)(at_ms % 1000) * 1000000};
    (void)pthread_cond_timedwait(&m->wake, &m->lock, &t);
}

static bool is_urgent(const struct vch_messages *m) {
    return m->waiting.awaited > 0 || m->waiting.count >= LAZY_COUNT;
}

/* Under the lock. When the last batch failed the next one waits its time, whoever waits for it. */
static void wait_for_work(struct vch_messages *m, int64_t not_before_ms) {
    while (!m->stopping) {
        int64_t now_ms = vch_mono_ms(), at_ms = m->waiting_since_ms + m->options.lazy_ms;
        if (now_ms < not_before_ms) {
            wait_until(m, not_before_ms);
        } else if (not_before_ms || is_urgent(m)) {
            return;
        } else if (!m->waiting.first) {
            (void)pthread_cond_wait(&m->wake, &m->lock);
        } else if (now_ms < at_ms) {
            wait_until(m, at_ms);
        } else {
            return;
        }
    }
}

static void count(struct vch_messages *m, enum vch_err err, bool wrote) {
    bool failing = err != VCH_OK;
    atomic_store_explicit(&m->failing, failing, memory_order_relaxed);
    m->stats.failing = failing;
    m->stats.failures += failing;
    m->stats.commits += !failing && wrote;
    m->stats.written = m->written;
    m->stats.voided = m->voided;
}

/* A batch, unlocked. */
static void turn(struct vch_messages *m) {
    m->stats.changes += m->waiting.count;
    vch_messages_changes_move(&m->waiting, &m->held);
    (void)pthread_mutex_unlock(&m->lock);
    uint64_t before = m->written;
    (void)pthread_mutex_lock(&m->file_lock);
    enum vch_err err = write_held(m);
    (void)pthread_mutex_unlock(&m->file_lock);
    (void)pthread_mutex_lock(&m->lock);
    count(m, err, m->written > before);
}

static void *write_loop(void *arg) {
    struct vch_messages *m = arg;
    int64_t not_before_ms = 0;
    (void)pthread_mutex_lock(&m->lock);
    for (bool last = false; !last;) {
        wait_for_work(m, not_before_ms);
        last = m->stopping;
        turn(m);
        not_before_ms = m->failing ? vch_mono_ms() + RETRY_MS : 0;
    }
    (void)pthread_mutex_unlock(&m->lock);
    return NULL;
}

/* ---- owner ------------------------------------------------------------------------------- */

static void keep_nothing(void *owner) {
    (void)owner;
}

static void init_lock(struct vch_messages *m) {
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&m->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&m->lock, NULL);
    (void)pthread_mutex_init(&m->file_lock, NULL);
}

static void fill_defaults(struct vch_messages_options *options) {
    if (!options->release) options->release = keep_nothing;
    if (!options->lazy_ms) options->lazy_ms = LAZY_MS;
    if (!options->backlog_bytes_max) options->backlog_bytes_max = backlog_default;
}

static enum vch_err start(struct vch_messages *m, struct vch_diag *diag) {
    VCH_TRY(vch_messages_file_open(m, diag));
    m->writer_runs = pthread_create(&m->writer, NULL, write_loop, m) == 0;
    if (m->writer_runs) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_UNAVAILABLE, STORE_FAILED, "", "The message store's thread could not be started.");
}

enum vch_err vch_messages_open(const struct vch_messages_options *options, struct vch_messages **ret,
                               struct vch_diag *diag) {
    *ret = NULL;
    struct vch_messages *m = calloc(1, sizeof *m);
    char *path = strdup(options->path);
    if (!m || !path) {
        free(m);
        free(path);
        return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    }
    m->options = *options;
    m->path = path;
    fill_defaults(&m->options);
    init_lock(m);
    vch_messages_changes_init(&m->waiting);
    vch_messages_changes_init(&m->held);
    m->slots.round = 1;
    enum vch_err err = start(m, diag);
    if (err == VCH_OK) *ret = m;
    else (void)vch_messages_close(m, NULL);
    return err;
}

static void stop_writer(struct vch_messages *m) {
    if (!m->writer_runs) return;
    (void)pthread_mutex_lock(&m->lock);
    m->stopping = true;
    (void)pthread_cond_signal(&m->wake);
    (void)pthread_mutex_unlock(&m->lock);
    (void)pthread_join(m->writer, NULL);
}

enum vch_err vch_messages_close(struct vch_messages *m, struct vch_diag *diag) {
    if (!m) return VCH_OK;
    stop_writer(m);
    enum vch_err err = m->failing ? VCH_ERR_IO : VCH_OK;
    if (err != VCH_OK)
        (void)VCH_REFUSE(diag, err, STORE_FAILED, "", "%zu changes were not written: %s", m->held.count, m->last.message);
    vch_messages_changes_move(&m->waiting, &m->held);
    tell_all(m, VCH_ERR_UNAVAILABLE);
    free_all(m, &m->held);
    vch_messages_file_close(m);
    free(m->slots.slots);
    (void)pthread_cond_destroy(&m->wake);
    (void)pthread_mutex_destroy(&m->lock);
    (void)pthread_mutex_destroy(&m->file_lock);
    free(m->path);
    free(m);
    return err;
}

uint64_t vch_messages_new_key(struct vch_messages *m) {
    return atomic_fetch_add_explicit(&m->last_key, 1, memory_order_relaxed) + 1;
}

uint64_t vch_messages_new_id(struct vch_messages *m) {
    return atomic_fetch_add_explicit(&m->last_id, 1, memory_order_relaxed) + 1;
}

bool vch_messages_behind(struct vch_messages *m) {
    return atomic_load_explicit(&m->waiting_bytes, memory_order_relaxed) > m->options.backlog_bytes_max / 2 &&
           !atomic_load_explicit(&m->failing, memory_order_relaxed);
}

bool vch_messages_full(struct vch_messages *m) {
    return atomic_load_explicit(&m->waiting_bytes, memory_order_relaxed) > m->options.backlog_bytes_max;
}

void vch_messages_stats(struct vch_messages *m, struct vch_messages_stats *ret) {
    (void)pthread_mutex_lock(&m->lock);
    *ret = m->stats;
    (void)pthread_mutex_unlock(&m->lock);
    ret->waiting_bytes = atomic_load(&m->waiting_bytes);
}

/* ---- queueing ------------------------------------------------------------------------------ */

static struct vch_str keep_text(struct vch_messages_change *change, size_t at, struct vch_str text) {
    if (text.len) memcpy(change->bytes + at, text.ptr, text.len);
    return vch_str_of(change->bytes + at, text.len);
}

static struct vch_messages_change *change_new(enum vch_change_of what, uint64_t key, uint64_t seq, struct vch_str text,
                                              struct vch_str second) {
    struct vch_messages_change *change = malloc(sizeof *change + text.len + second.len);
    if (!change) return NULL;
    *change = (struct vch_messages_change){.what = what, .key = key, .seq = seq};
    change->text = keep_text(change, 0, text);
    change->second = keep_text(change, text.len, second);
    change->charge = sizeof *change + text.len + second.len;
    return change;
}

static void queue(struct vch_messages *m, struct vch_messages_change *change) {
    atomic_fetch_add_explicit(&m->waiting_bytes, change->charge, memory_order_relaxed);
    (void)pthread_mutex_lock(&m->lock);
    bool was_urgent = is_urgent(m), was_empty = !m->waiting.first;
    if (was_empty) m->waiting_since_ms = vch_mono_ms();
    vch_messages_changes_add(&m->waiting, change);
    bool signal = was_empty || (!was_urgent && is_urgent(m));
    (void)pthread_mutex_unlock(&m->lock);
    if (signal) (void)pthread_cond_signal(&m->wake);
}

/* Memory out: whoever waits hears it; what is kept lags behind, as after a kill. */
static void submit(struct vch_messages *m, struct vch_messages_change *change, struct vch_messages_wait wait) {
    if (change) {
        change->wait = wait;
        queue(m, change);
    } else if (wait.done) {
        wait.done(wait.arg, VCH_ERR_NOMEM);
    }
}

static const struct vch_messages_wait nobody;
static const struct vch_str nothing;

void vch_messages_session_put(struct vch_messages *m, const struct vch_row_session *row, struct vch_messages_wait wait) {
    struct vch_messages_change *c = change_new(CHANGE_SESSION_PUT, row->key, 0, row->client_id, row->principal);
    if (c) {
        c->number[0] = row->level;
        c->number[1] = row->expiry_s;
        c->number[2] = row->disconnected_ms;
        c->fresh = row->fresh;
    }
    submit(m, c, wait);
}

void vch_messages_session_drop(struct vch_messages *m, uint64_t key, struct vch_messages_wait wait) {
    submit(m, change_new(CHANGE_SESSION_DROP, key, 0, nothing, nothing), wait);
}

void vch_messages_sub_put(struct vch_messages *m, uint64_t key, const struct vch_row_sub *row,
                          struct vch_messages_wait wait) {
    struct vch_messages_change *c = change_new(CHANGE_SUB_PUT, key, 0, row->filter, nothing);
    if (c) {
        c->number[0] = row->options;
        c->number[1] = row->identifier;
    }
    submit(m, c, wait);
}

void vch_messages_sub_drop(struct vch_messages *m, uint64_t key, struct vch_str filter, struct vch_messages_wait wait) {
    submit(m, change_new(CHANGE_SUB_DROP, key, 0, filter, nothing), wait);
}

/* The owner is the change's, or given back at once. */
static void submit_message(struct vch_messages *m, struct vch_messages_change *c, const struct vch_row_message *message,
                           void *owner, struct vch_messages_wait wait) {
    if (c) {
        c->message = *message;
        c->owner = owner;
        c->charge += ENTRY_ROOM + message->topic.len + message->properties.len + message->payload.len;
    } else {
        m->options.release(owner);
    }
    submit(m, c, wait);
}

void vch_messages_entry_put(struct vch_messages *m, uint64_t key, const struct vch_row_entry *row,
                            const struct vch_row_message *message, void *owner, struct vch_messages_wait wait) {
    if (vch_messages_full(m)) {
        m->options.release(owner);
        if (wait.done) wait.done(wait.arg, VCH_ERR_LIMIT);
        return;
    }
    struct vch_messages_change *c = change_new(CHANGE_ENTRY_PUT, key, row->seq, row->identifiers, nothing);
    if (c) {
        c->number[0] = row->state;
        c->number[1] = row->packet_id;
        c->number[2] = row->qos;
        c->number[3] = row->retain;
    }
    submit_message(m, c, message, owner, wait);
}

void vch_messages_entry_mark(struct vch_messages *m, uint64_t key, uint64_t seq, int64_t state, int64_t packet_id,
                             struct vch_messages_wait wait) {
    struct vch_messages_change *c = change_new(CHANGE_ENTRY_MARK, key, seq, nothing, nothing);
    if (c) {
        c->number[0] = state;
        c->number[1] = packet_id;
    }
    submit(m, c, wait);
}

void vch_messages_entry_drop(struct vch_messages *m, uint64_t key, uint64_t seq) {
    submit(m, change_new(CHANGE_ENTRY_DROP, key, seq, nothing, nothing), nobody);
}

void vch_messages_received_put(struct vch_messages *m, uint64_t key, uint16_t packet_id, struct vch_messages_wait wait) {
    submit(m, change_new(CHANGE_RECEIVED_PUT, key, packet_id, nothing, nothing), wait);
}

void vch_messages_received_drop(struct vch_messages *m, uint64_t key, uint16_t packet_id) {
    submit(m, change_new(CHANGE_RECEIVED_DROP, key, packet_id, nothing, nothing), nobody);
}

void vch_messages_will_put(struct vch_messages *m, uint64_t key, const struct vch_row_will *row,
                           const struct vch_row_message *message, void *owner) {
    struct vch_messages_change *c = change_new(CHANGE_WILL_PUT, key, 0, nothing, nothing);
    if (c) {
        c->number[0] = row->delay_s;
        c->number[1] = row->retain;
    }
    submit_message(m, c, message, owner, nobody);
}

void vch_messages_will_drop(struct vch_messages *m, uint64_t key) {
    submit(m, change_new(CHANGE_WILL_DROP, key, 0, nothing, nothing), nobody);
}

void vch_messages_retained_put(struct vch_messages *m, const struct vch_row_message *message, void *owner,
                               struct vch_messages_wait wait) {
    submit_message(m, change_new(CHANGE_RETAINED_PUT, 0, 0, message->topic, nothing), message, owner, wait);
}

void vch_messages_retained_drop(struct vch_messages *m, struct vch_str topic, struct vch_messages_wait wait) {
    submit(m, change_new(CHANGE_RETAINED_DROP, 0, 0, topic, nothing), wait);
}
