#include "net/mailbox_priv.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct letter {
    void (*fn)(void *arg);
    void *arg;
};

struct pile {
    struct letter *letters;
    size_t count, size;
};

struct vch_mailbox {
    pthread_mutex_t lock; /* over `waiting` and `stopped` */
    struct pile waiting;
    bool stopped;
    struct pile reading; /* the reader's alone */
    int fd;
};

/* A pile that a storm blew up is given back afterwards. */
enum { PILE_KEPT = 1024 };

static bool pile_room(struct pile *pile) {
    if (pile->count < pile->size) return true;
    size_t size = pile->size ? pile->size * 2 : 64;
    struct letter *bigger = reallocarray(pile->letters, size, sizeof *bigger);
    if (!bigger) return false;
    pile->letters = bigger;
    pile->size = size;
    return true;
}

static void pile_empty(struct pile *pile) {
    pile->count = 0;
    if (pile->size <= PILE_KEPT) return;
    free(pile->letters);
    *pile = (struct pile){0};
}

static void wake(struct vch_mailbox *mailbox) {
    const uint64_t one = 1;
    while (write(mailbox->fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

enum vch_err vch_mailbox_new(struct vch_mailbox **ret) {
    *ret = NULL;
    struct vch_mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (!mailbox) return VCH_ERR_NOMEM;
    mailbox->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (mailbox->fd < 0) {
        free(mailbox);
        return VCH_ERR_IO;
    }
    (void)pthread_mutex_init(&mailbox->lock, NULL);
    *ret = mailbox;
    return VCH_OK;
}

void vch_mailbox_free(struct vch_mailbox *mailbox) {
    if (!mailbox) return;
    (void)close(mailbox->fd);
    (void)pthread_mutex_destroy(&mailbox->lock);
    free(mailbox->waiting.letters);
    free(mailbox->reading.letters);
    free(mailbox);
}

int vch_mailbox_fd(const struct vch_mailbox *mailbox) {
    return mailbox->fd;
}

bool vch_mailbox_post(struct vch_mailbox *mailbox, void (*fn)(void *arg), void *arg) {
    (void)pthread_mutex_lock(&mailbox->lock);
    bool posted = !mailbox->stopped && pile_room(&mailbox->waiting);
    bool first = posted && mailbox->waiting.count == 0;
    if (posted) mailbox->waiting.letters[mailbox->waiting.count++] = (struct letter){fn, arg};
    (void)pthread_mutex_unlock(&mailbox->lock);
    if (first) wake(mailbox);
    return posted;
}

void vch_mailbox_stop(struct vch_mailbox *mailbox) {
    (void)pthread_mutex_lock(&mailbox->lock);
    mailbox->stopped = true;
    (void)pthread_mutex_unlock(&mailbox->lock);
    wake(mailbox);
}

/* Takes all that waits; false when it was nothing and no more will come. */
static bool take(struct vch_mailbox *mailbox) {
    (void)pthread_mutex_lock(&mailbox->lock);
    struct pile taken = mailbox->waiting;
    mailbox->waiting = mailbox->reading;
    mailbox->reading = taken;
    bool alive = taken.count > 0 || !mailbox->stopped;
    (void)pthread_mutex_unlock(&mailbox->lock);
    return alive;
}

static void run_taken(struct vch_mailbox *mailbox) {
    for (size_t i = 0; i < mailbox->reading.count; i++) mailbox->reading.letters[i].fn(mailbox->reading.letters[i].arg);
    pile_empty(&mailbox->reading);
}

bool vch_mailbox_run(struct vch_mailbox *mailbox) {
    uint64_t count;
    (void)!read(mailbox->fd, &count, sizeof count);
    if (!take(mailbox)) return false;
    run_taken(mailbox);
    /* After a stop nobody wakes us for what was posted just before it. */
    (void)pthread_mutex_lock(&mailbox->lock);
    bool stopped = mailbox->stopped;
    (void)pthread_mutex_unlock(&mailbox->lock);
    if (!stopped) return true;
    while (take(mailbox)) run_taken(mailbox);
    return false;
}
