#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "core/reason.h"
#include "pki/csr.h"
#include "pki/protocol_priv.h"
#include "pki/signer.h"

enum { CALL_TIMEOUT_MS = 5000, READY_TIMEOUT_MS = 10000 };

/* One exchange of one thread, on its stack, linked while under way. */
struct exchange {
    struct exchange *next, **link;
    uint64_t tag;
    pthread_cond_t wake;
    char datagram[VCH_SIGNER_DATAGRAM_MAX];
    size_t len;
    bool done;
};

/* No reader thread: of the threads that wait, one reads for all; when its own
 * answer is there it hands the reading to another. A lone caller thus never
 * pays for a second wake-up. */
struct vch_signer {
    int fd;
    pthread_mutex_t lock; /* guards what follows; never held over a system call that blocks */
    struct exchange *waiting;
    uint64_t next_tag;
    bool reading, gone;
};

static enum vch_err unavailable(struct vch_diag *diag, const char *why) {
    return VCH_REFUSE(diag, VCH_ERR_UNAVAILABLE, SIGNER_FAILED, "", "%s", why);
}

static bool readable(int fd, int64_t deadline_ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (;;) {
        int64_t left = deadline_ms - vch_mono_ms();
        int rc = poll(&p, 1, left > 0 ? (int)left : 0);
        if (rc > 0) return true;
        if (rc == 0 || errno != EINTR) return false;
    }
}

static bool await_ready(int fd) {
    char byte = 0;
    return readable(fd, vch_mono_ms() + READY_TIMEOUT_MS) && recv(fd, &byte, 1, MSG_DONTWAIT) == 1 &&
           byte == VCH_SIGNER_READY;
}

enum vch_err vch_signer_connect(int fd, struct vch_signer **ret) {
    const struct timeval limit = {.tv_sec = CALL_TIMEOUT_MS / 1000};
    struct vch_signer *signer = calloc(1, sizeof *signer);
    bool ready = signer && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 && await_ready(fd);
    if (!ready || pthread_mutex_init(&signer->lock, NULL) != 0) {
        enum vch_err err = signer ? VCH_ERR_UNAVAILABLE : VCH_ERR_NOMEM;
        free(signer);
        (void)close(fd);
        return err;
    }
    signer->fd = fd;
    signer->next_tag = 1;
    *ret = signer;
    return VCH_OK;
}

void vch_signer_close(struct vch_signer *signer) {
    if (!signer) return;
    vch_assert(!signer->waiting);
    (void)close(signer->fd);
    (void)pthread_mutex_destroy(&signer->lock);
    free(signer);
}

static void unlink_exchange(struct exchange *x) {
    *x->link = x->next;
    if (x->next) x->next->link = x->link;
}

/* [locked] */
static void link_exchange(struct vch_signer *signer, struct exchange *x) {
    x->tag = signer->next_tag++;
    x->next = signer->waiting;
    x->link = &signer->waiting;
    if (x->next) x->next->link = &x->next;
    signer->waiting = x;
}

/* [locked] An answer nobody waits for any more is dropped. */
static void deliver(struct vch_signer *signer, const char *datagram, size_t len) {
    struct vch_signer_answer answer;
    struct exchange *x = signer->waiting;
    if (vch_signer_answer_decode(vch_str_of(datagram, len), &answer) != VCH_OK) return;
    while (x && x->tag != answer.tag) x = x->next;
    if (!x || x->done) return;
    memcpy(x->datagram, datagram, len);
    x->len = len;
    x->done = true;
    (void)pthread_cond_signal(&x->wake);
}

/* [locked] */
static void mark_gone(struct vch_signer *signer) {
    signer->gone = true;
    for (struct exchange *x = signer->waiting; x; x = x->next) (void)pthread_cond_signal(&x->wake);
}

/* [locked, released while it reads] One datagram for whoever it is. */
static void read_one(struct vch_signer *signer, int64_t deadline_ms) {
    char datagram[VCH_SIGNER_DATAGRAM_MAX];
    signer->reading = true;
    (void)pthread_mutex_unlock(&signer->lock);
    bool came = readable(signer->fd, deadline_ms);
    ssize_t got = came ? recv(signer->fd, datagram, sizeof datagram, MSG_DONTWAIT) : -1;
    bool again = got < 0 && (!came || errno == EAGAIN || errno == EINTR);
    (void)pthread_mutex_lock(&signer->lock);
    signer->reading = false;
    if (got > 0) deliver(signer, datagram, (size_t)got);
    else if (!again) mark_gone(signer);
}

static void wait_turn(struct vch_signer *signer, struct exchange *x, int64_t deadline_ms) {
    struct timespec until = {.tv_sec = deadline_ms / 1000, .tv_nsec = deadline_ms % 1000 * 1000000};
    (void)pthread_cond_timedwait(&x->wake, &signer->lock, &until);
}

/* [locked] Someone who still waits takes the reading over. */
static void hand_over(struct vch_signer *signer) {
    if (signer->reading) return;
    for (struct exchange *x = signer->waiting; x; x = x->next) {
        if (x->done) continue;
        (void)pthread_cond_signal(&x->wake);
        return;
    }
}

static enum vch_err await_answer(struct vch_signer *signer, struct exchange *x, int64_t deadline_ms, struct vch_diag *diag) {
    while (!x->done && !signer->gone && vch_mono_ms() < deadline_ms) {
        if (signer->reading) wait_turn(signer, x, deadline_ms);
        else read_one(signer, deadline_ms);
    }
    if (x->done) return VCH_OK;
    return unavailable(diag, signer->gone ? "The signer is gone." : "The signer did not answer in time.");
}

static bool send_request(struct vch_signer *signer, struct vch_signer_request *request, uint64_t tag) {
    struct vch_buf buf;
    struct vch_str bytes;
    ssize_t sent = -1;
    vch_buf_init(&buf, VCH_SIGNER_DATAGRAM_MAX);
    request->tag = tag;
    vch_signer_request_encode(request, &buf);
    if (vch_buf_finish(&buf, &bytes) == VCH_OK) {
        do sent = send(signer->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
    }
    vch_buf_deinit(&buf);
    return sent >= 0;
}

static void exchange_init(struct exchange *x) {
    pthread_condattr_t attributes;
    x->done = false;
    x->len = 0;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&x->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

/* The answer's views point into `x`. */
static enum vch_err call(struct vch_signer *signer, struct vch_signer_request *request, struct exchange *x,
                         struct vch_signer_answer *answer, struct vch_diag *diag) {
    int64_t deadline_ms = vch_mono_ms() + CALL_TIMEOUT_MS;
    exchange_init(x);
    (void)pthread_mutex_lock(&signer->lock);
    link_exchange(signer, x);
    (void)pthread_mutex_unlock(&signer->lock);
    bool sent = send_request(signer, request, x->tag);
    (void)pthread_mutex_lock(&signer->lock);
    enum vch_err err = sent ? await_answer(signer, x, deadline_ms, diag) : unavailable(diag, "The signer takes no requests.");
    unlink_exchange(x);
    hand_over(signer);
    (void)pthread_mutex_unlock(&signer->lock);
    (void)pthread_cond_destroy(&x->wake);
    if (!err) err = vch_signer_answer_decode(vch_str_of(x->datagram, x->len), answer);
    if (!err && answer->op != request->op) err = unavailable(diag, "The signer answered something else.");
    return err;
}

static enum vch_err refused(enum vch_refusal refusal, struct vch_diag *diag) {
    static const char *const why[VCH_REFUSAL_COUNT] = {
        [VCH_REFUSAL_MALFORMED] = "The signer could not read the request.",
        [VCH_REFUSAL_PROFILE] = "The signer knows no such profile.",
        [VCH_REFUSAL_LIFETIME] = "The signer refuses this lifetime.",
        [VCH_REFUSAL_CLOCK] = "The signer's clock differs too much.",
        [VCH_REFUSAL_FAILED] = "The signer failed to sign.",
    };
    if (refusal == VCH_REFUSAL_KEY)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, CSR_WEAK_KEY, "publicKey", "The signer does not certify this public key.");
    if (refusal == VCH_REFUSAL_SUBJECT)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, CSR_INVALID, "subject", "The signer does not accept this subject.");
    enum vch_err err = refusal == VCH_REFUSAL_FAILED ? VCH_ERR_UNAVAILABLE : VCH_ERR_DENIED;
    return VCH_REFUSE(diag, err, SIGNER_FAILED, "", "%s", why[refusal]);
}

enum vch_err vch_signer_issue(struct vch_signer *signer, const struct vch_issue *issue, struct vch_arena *arena,
                              struct vch_issued *ret, struct vch_diag *diag) {
    struct exchange x;
    struct vch_signer_answer answer;
    struct vch_signer_request request = {.op = VCH_SIGNER_ISSUE, .issue = *issue};
    if (issue->spki.len + issue->subject.len > VCH_SIGNER_DATAGRAM_MAX - 64) return refused(VCH_REFUSAL_MALFORMED, diag);
    VCH_TRY(call(signer, &request, &x, &answer, diag));
    if (answer.refusal != VCH_REFUSAL_NONE) return refused(answer.refusal, diag);
    ret->der = vch_arena_str(arena, answer.der);
    ret->pem = ret->der.ptr ? vch_certificate_to_pem(ret->der, arena) : ret->der;
    if (!ret->pem.ptr) return VCH_ERR_NOMEM;
    vch_sha256_hex(ret->der, ret->id);
    return VCH_OK;
}

enum vch_err vch_signer_checkpoint(struct vch_signer *signer, const struct vch_ledger_checkpoint *checkpoint, struct vch_arena *arena,
                                   struct vch_checkpoint_signed *ret, struct vch_diag *diag) {
    struct exchange x;
    struct vch_signer_answer answer;
    struct vch_signer_request request = {.op = VCH_SIGNER_CHECKPOINT, .checkpoint = *checkpoint};
    VCH_TRY(call(signer, &request, &x, &answer, diag));
    if (answer.refusal != VCH_REFUSAL_NONE) return refused(answer.refusal, diag);
    ret->signature = vch_arena_str(arena, answer.signature);
    ret->public_key = vch_arena_str(arena, answer.public_key);
    return ret->signature.ptr && ret->public_key.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_signer_stats(struct vch_signer *signer, struct vch_signer_stats *ret) {
    struct exchange x;
    struct vch_signer_answer answer;
    struct vch_signer_request request = {.op = VCH_SIGNER_STATS};
    VCH_TRY(call(signer, &request, &x, &answer, NULL));
    if (answer.refusal != VCH_REFUSAL_NONE) return VCH_ERR_UNAVAILABLE;
    *ret = answer.stats;
    return VCH_OK;
}
