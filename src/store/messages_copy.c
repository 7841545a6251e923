#include <time.h>

#include "store/messages_priv.h"
#include "store/sqlite_priv.h"

static void hold(void *arg) {
    struct vch_messages *m = arg;
    (void)pthread_mutex_lock(&m->file_lock);
}

/* A lock is not fair: who waits for it needs time to wake. */
static void let(void *arg) {
    struct vch_messages *m = arg;
    (void)pthread_mutex_unlock(&m->file_lock);
    (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

enum vch_err vch_messages_copy(struct vch_messages *m, const char *path, struct vch_diag *diag) {
    return vch_sqlite_copy(m->db, path, &(struct vch_sqlite_turns){hold, let, m}, diag);
}
