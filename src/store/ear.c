#include "store/ear_priv.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "store/identity_cache_priv.h"

enum { NAME_BYTES = 8, NOTICE_CAP = 16384, RETRY_MS = 100, OUTCOMES = 64 };

struct vch_ear {
    struct vch_store *store;
    char name[2 * NAME_BYTES + 1]; /* of this store among those that share the database */
    pthread_t thread;
    struct vch_sql *db;
    int wake_fd;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t settled_some;
    int64_t announced, settled;
    bool told[OUTCOMES]; /* by number of the batch */
    bool stopping;
};

/* ---- the writer's side ---- */

enum vch_err vch_ear_announce(struct vch_store *s, struct vch_sql *db, const struct vch_changes *changes,
                              struct vch_diag *diag) {
    static const char nobody[] = "-"; /* a store that hears nothing speaks all the same */
    if (!db->driver->notify || changes->count == 0) return VCH_OK;
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    enum vch_err err = VCH_OK;
    int64_t batch = 0;
    if (s->ear) {
        (void)pthread_mutex_lock(&s->ear->lock);
        batch = ++s->ear->announced;
        (void)pthread_mutex_unlock(&s->ear->lock);
    }
    vch_buf_init(&buf, NOTICE_CAP);
    for (size_t at = 0; !err && at < changes->count;) {
        vch_notice_begin(&buf, s->ear ? s->ear->name : nobody, batch);
        at = vch_notice_fill(&buf, changes, at);
        err = vch_buf_finish(&buf, &text);
        if (!err) err = db->driver->notify(db, text, diag);
    }
    vch_buf_deinit(&buf);
    return err;
}

void vch_ear_settle(struct vch_store *s, bool told) {
    struct vch_ear *ear = s->ear;
    if (!ear) return;
    (void)pthread_mutex_lock(&ear->lock);
    if (ear->settled < ear->announced) {
        for (int64_t i = ear->settled + 1; i < ear->announced; i++) ear->told[i % OUTCOMES] = false;
        ear->settled = ear->announced;
        ear->told[ear->settled % OUTCOMES] = told;
        (void)pthread_cond_broadcast(&ear->settled_some);
    }
    (void)pthread_mutex_unlock(&ear->lock);
}

/* ---- hearing ---- */

/* A batch of our own comes back, perhaps before the writer heard of its commit. */
static bool told_already(struct vch_ear *ear, const struct vch_notice *notice) {
    if (!vch_str_eq_c(notice->sender, ear->name)) return false;
    (void)pthread_mutex_lock(&ear->lock);
    while (ear->settled < notice->batch && notice->batch <= ear->announced && !ear->stopping)
        (void)pthread_cond_wait(&ear->settled_some, &ear->lock);
    bool recent = notice->batch <= ear->settled && notice->batch > ear->settled - OUTCOMES;
    bool told = recent && ear->told[notice->batch % OUTCOMES];
    (void)pthread_mutex_unlock(&ear->lock);
    return told;
}

static void on_notice(void *arg, struct vch_str text) {
    struct vch_ear *ear = arg;
    struct vch_notice notice;
    enum vch_change_kind kind;
    struct vch_str key;
    bool sane = true;
    if (!vch_notice_parse(text, &notice)) {
        vch_store_tell(ear->store, VCH_CHANGE_ALL, VCH_STR(""));
        return;
    }
    if (told_already(ear, &notice)) return;
    while (vch_notice_next(&notice.lines, &kind, &key, &sane)) vch_store_tell(ear->store, kind, key);
    if (!sane) vch_store_tell(ear->store, VCH_CHANGE_ALL, VCH_STR("")); /* of a newer program */
}

/* ---- the thread ---- */

static bool is_stopping(struct vch_ear *ear) {
    (void)pthread_mutex_lock(&ear->lock);
    bool stopping = ear->stopping;
    (void)pthread_mutex_unlock(&ear->lock);
    return stopping;
}

static enum vch_err begin(struct vch_ear *ear, struct vch_diag *diag) {
    VCH_TRY(vch_store_connect(ear->store, false, &ear->db, diag));
    VCH_TRY(ear->db->driver->listen(ear->db, diag));
    vch_identity_cache_trust(ear->store->identities, true);
    return VCH_OK;
}

static void end(struct vch_ear *ear) {
    vch_identity_cache_trust(ear->store->identities, false);
    if (ear->db) ear->store->driver->close(ear->db);
    ear->db = NULL;
}

static void pause_for(struct vch_ear *ear, int64_t ms) {
    (void)pthread_mutex_lock(&ear->lock);
    if (!ear->stopping) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)ms * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&ear->settled_some, &ear->lock, &until);
    }
    (void)pthread_mutex_unlock(&ear->lock);
}

static void *hear(void *arg) {
    struct vch_ear *ear = arg;
    while (!is_stopping(ear)) {
        if (ear->db) (void)ear->db->driver->wait(ear->db, ear->wake_fd, on_notice, ear);
        if (is_stopping(ear)) break;
        end(ear);
        if (begin(ear, NULL) == VCH_OK) {
            vch_store_tell(ear->store, VCH_CHANGE_ALL, VCH_STR(""));
        } else {
            end(ear);
            pause_for(ear, RETRY_MS);
        }
    }
    return NULL;
}

/* ---- life ---- */

static void name_it(struct vch_ear *ear) {
    uint8_t bytes[NAME_BYTES];
    vch_random(bytes, sizeof bytes);
    for (size_t i = 0; i < NAME_BYTES; i++) (void)snprintf(ear->name + 2 * i, 3, "%02x", bytes[i]);
}

static void init_locks(struct vch_ear *ear) {
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&ear->settled_some, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&ear->lock, NULL);
}

static void release(struct vch_ear *ear) {
    end(ear);
    if (ear->wake_fd >= 0) (void)close(ear->wake_fd);
    (void)pthread_cond_destroy(&ear->settled_some);
    (void)pthread_mutex_destroy(&ear->lock);
    free(ear);
}

static enum vch_err start(struct vch_ear *ear, struct vch_diag *diag) {
    VCH_TRY(begin(ear, diag));
    if (ear->wake_fd >= 0 && pthread_create(&ear->thread, NULL, hear, ear) == 0) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_UNAVAILABLE, STORE_FAILED, "", "The store's thread could not be started.");
}

enum vch_err vch_ear_start(struct vch_store *s, struct vch_diag *diag) {
    if (!s->driver->listen || !s->on_change) return VCH_OK;
    struct vch_ear *ear = calloc(1, sizeof *ear);
    if (!ear) return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    ear->store = s;
    ear->wake_fd = eventfd(0, EFD_CLOEXEC);
    name_it(ear);
    init_locks(ear);
    enum vch_err err = start(ear, diag);
    if (err == VCH_OK) s->ear = ear;
    else release(ear);
    return err;
}

void vch_ear_stop(struct vch_store *s) {
    struct vch_ear *ear = s->ear;
    if (!ear) return;
    (void)pthread_mutex_lock(&ear->lock);
    ear->stopping = true;
    (void)pthread_cond_broadcast(&ear->settled_some);
    (void)pthread_mutex_unlock(&ear->lock);
    (void)eventfd_write(ear->wake_fd, 1);
    (void)pthread_join(ear->thread, NULL);
    s->ear = NULL;
    release(ear);
}
