#include "net/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct job {
    void (*fn)(void *arg);
    void *arg;
};

struct vch_pool {
    pthread_mutex_t lock; /* over the queue: workers sleep on it, so it is a lock and a condition */
    pthread_cond_t more;
    struct job *queue; /* a ring of `size` */
    size_t size, head, count;
    bool ending;
    unsigned started;
    pthread_t threads[];
};

static bool next_job(struct vch_pool *pool, struct job *ret) {
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->count == 0 && !pool->ending) (void)pthread_cond_wait(&pool->more, &pool->lock);
    bool found = pool->count > 0;
    if (found) {
        *ret = pool->queue[pool->head];
        pool->head = (pool->head + 1) % pool->size;
        pool->count--;
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
    pool->queue = calloc(queue_max, sizeof *pool->queue);
    pool->size = queue_max;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->more, NULL);
    if (pool->queue) pool->started = start_threads(pool, threads);
    if (pool->started < threads) {
        vch_pool_free(pool);
        return VCH_ERR_NOMEM;
    }
    *ret = pool;
    return VCH_OK;
}

enum vch_err vch_pool_submit(struct vch_pool *pool, void (*fn)(void *arg), void *arg) {
    (void)pthread_mutex_lock(&pool->lock);
    bool taken = !pool->ending && pool->count < pool->size;
    if (taken) pool->queue[(pool->head + pool->count++) % pool->size] = (struct job){fn, arg};
    (void)pthread_mutex_unlock(&pool->lock);
    if (taken) (void)pthread_cond_signal(&pool->more);
    return taken ? VCH_OK : VCH_ERR_UNAVAILABLE;
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
    free(pool->queue);
    free(pool);
}
