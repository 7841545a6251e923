#include "net/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct job {
    void (*fn)(void *arg);
    void *arg;
};

enum { LANES = 2, BEHIND = 1, BEHIND_EACH = 4 /* of so many jobs one is from behind, if there are both */ };

/* A ring of the pool's `size`. */
struct lane {
    struct job *queue;
    size_t head, count;
};

struct vch_pool {
    pthread_mutex_t lock; /* over the lanes: workers sleep on it, so it is a lock and a condition */
    pthread_cond_t more;
    struct lane lanes[LANES];
    size_t size;
    unsigned turn;
    bool ending;
    unsigned started;
    pthread_t threads[];
};

/* [locked] NULL: both are empty. */
static struct lane *next_lane(struct vch_pool *pool) {
    struct lane *first = &pool->lanes[0], *behind = &pool->lanes[BEHIND];
    if (first->count == 0 || behind->count == 0) return first->count ? first : behind->count ? behind : NULL;
    return ++pool->turn % BEHIND_EACH ? first : behind;
}

static bool next_job(struct vch_pool *pool, struct job *ret) {
    struct lane *lane;
    (void)pthread_mutex_lock(&pool->lock);
    while (!(lane = next_lane(pool)) && !pool->ending) (void)pthread_cond_wait(&pool->more, &pool->lock);
    bool found = lane != NULL;
    if (found) {
        *ret = lane->queue[lane->head];
        lane->head = (lane->head + 1) % pool->size;
        lane->count--;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return found;
}

static void *worker_main(void *arg) {
    struct vch_pool *pool = arg;
    for (struct job job; next_job(pool, &job);) job.fn(job.arg);
    return NULL;
}

/* Signals belong to the main thread. */
static unsigned start_threads(struct vch_pool *pool, unsigned threads) {
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    unsigned started = 0;
    while (started < threads && pthread_create(&pool->threads[started], NULL, worker_main, pool) == 0) started++;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

enum vch_err vch_pool_new(unsigned threads, size_t queue_max, struct vch_pool **ret) {
    *ret = NULL;
    if (threads == 0 || threads > 1024 || queue_max == 0) return VCH_ERR_INVALID;
    struct vch_pool *pool = calloc(1, sizeof *pool + threads * sizeof *pool->threads);
    if (!pool) return VCH_ERR_NOMEM;
    for (int i = 0; i < LANES; i++) pool->lanes[i].queue = calloc(queue_max, sizeof(struct job));
    pool->size = queue_max;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->more, NULL);
    if (pool->lanes[0].queue && pool->lanes[BEHIND].queue) pool->started = start_threads(pool, threads);
    if (pool->started < threads) {
        vch_pool_free(pool);
        return VCH_ERR_NOMEM;
    }
    *ret = pool;
    return VCH_OK;
}

static enum vch_err submit(struct vch_pool *pool, struct lane *lane, void (*fn)(void *arg), void *arg) {
    (void)pthread_mutex_lock(&pool->lock);
    bool taken = !pool->ending && lane->count < pool->size;
    if (taken) lane->queue[(lane->head + lane->count++) % pool->size] = (struct job){fn, arg};
    (void)pthread_mutex_unlock(&pool->lock);
    if (taken) (void)pthread_cond_signal(&pool->more);
    return taken ? VCH_OK : VCH_ERR_UNAVAILABLE;
}

enum vch_err vch_pool_submit(struct vch_pool *pool, void (*fn)(void *arg), void *arg) {
    return submit(pool, &pool->lanes[0], fn, arg);
}

enum vch_err vch_pool_submit_behind(struct vch_pool *pool, void (*fn)(void *arg), void *arg) {
    return submit(pool, &pool->lanes[BEHIND], fn, arg);
}

void vch_pool_stop(struct vch_pool *pool) {
    if (!pool) return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    (void)pthread_mutex_unlock(&pool->lock);
    (void)pthread_cond_broadcast(&pool->more);
    for (unsigned i = 0; i < pool->started; i++) (void)pthread_join(pool->threads[i], NULL);
    pool->started = 0;
}

void vch_pool_free(struct vch_pool *pool) {
    if (!pool) return;
    vch_pool_stop(pool);
    (void)pthread_cond_destroy(&pool->more);
    (void)pthread_mutex_destroy(&pool->lock);
    for (int i = 0; i < LANES; i++) free(pool->lanes[i].queue);
    free(pool);
}
