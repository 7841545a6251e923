#include "net/conn.h"

#include "base/clock.h"
#include "net/conn_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OUTPUT_MAX = 1024 * 1024,
    INPUT_MAX = 64 * 1024,
    CLOSE_MS = 2000,
    LINGER_MS = 1000,
    TLS_MESSAGES_MAX = 32 /* in a row */
};

/* ---- a connection without a protocol ------------------------------------------ */

static void nobody_open(struct vch_conn *conn, void *arg) {
    (void)arg;
    vch_conn_close(conn, NULL);
}

static size_t nobody_data(struct vch_conn *conn, void *arg, struct vch_str bytes) {
    (void)conn;
    (void)arg;
    return bytes.len;
}

static void nobody_close(struct vch_conn *conn, void *arg, enum vch_close_reason reason, const struct vch_diag *diag) {
    (void)conn;
    (void)arg;
    (void)reason;
    (void)diag;
}

static const struct vch_conn_handler nobody = {nobody_open, nobody_data, NULL, nobody_close, NULL};

/* ---- time ---------------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b) {
    if (a == 0 || b == 0) return a ? a : b;
    return a < b ? a : b;
}

static int64_t next_deadline(const struct vch_conn *conn) {
    if (conn->state >= CONN_CLOSING) return conn->close_at;
    return sooner(conn->handshake_at, conn->deadline_at);
}

/* A deadline is moved with every packet, the timer only when it has run out or
 * is too late: most moves cost nothing. */
static void arm_timer(struct vch_conn *conn) {
    int64_t at = next_deadline(conn);
    if (at == 0 || (conn->timer_at && conn->timer_at <= at)) return;
    int64_t left = at - vch_mono_ms();
    if (left < 1) left = 1;
    const struct timeval delay = {.tv_sec = (time_t)(left / 1000), .tv_usec = (suseconds_t)(left % 1000 * 1000)};
    if (event_add(&conn->timer_event, &delay) == 0) conn->timer_at = at;
}

void vch_conn_deadline(struct vch_conn *conn, int64_t delay_ms) {
    conn->deadline_at = delay_ms > 0 ? vch_mono_ms() + delay_ms : 0;
    arm_timer(conn);
}

/* ---- the end ----------------------------------------------------------------------- */

static void events_off(struct vch_conn *conn) {
    (void)event_del(&conn->read_event);
    (void)event_del(&conn->write_event);
    (void)event_del(&conn->timer_event);
    conn->timer_at = 0;
    vch_loop_undefer(conn->loop, &conn->defer);
    vch_loop_undefer_costly(conn->loop, &conn->costly);
}

static void destroy(struct vch_conn *conn) {
    events_off(conn);
    vch_listener_forget(conn->listener, conn);
    SSL_free(conn->ssl);
    (void)close(conn->fd);
    vch_buf_deinit(&conn->out);
    vch_buf_deinit(&conn->in);
    vch_tls_peer_deinit(&conn->peer);
    conn_filter_free(conn);
    vch_conn_set_user(conn, NULL, NULL);
    free(conn->diag);
    free(conn);
}

/* The last bytes may still be on their way: closing a socket with unread input
 * would reset it and take them back (RFC 1122 4.2.2.13). */
static void linger(struct vch_conn *conn) {
    conn->close_at = vch_mono_ms() + LINGER_MS;
    arm_timer(conn);
    if (event_add(&conn->read_event, NULL) != 0) destroy(conn);
}

static void report(struct vch_conn *conn, enum vch_close_reason reason, const struct vch_diag *diag) {
    static const struct vch_diag nothing = {.reason = "closed"};
    conn->state = CONN_LINGER;
    events_off(conn);
    conn->handler->on_close(conn, conn->arg, reason, conn->diag ? conn->diag : diag ? diag : &nothing);
    conn->handler = &nobody;
}

/* The one way out, and always the last thing a turn does with a connection. */
static void end(struct vch_conn *conn, enum vch_close_reason reason, const struct vch_diag *diag, bool orderly) {
    bool wait = orderly && !conn->eof;
    if (orderly) conn_io_shutdown(conn);
    report(conn, reason, diag);
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    vch_buf_deinit(&conn->out);
    vch_buf_deinit(&conn->in);
    if (wait)
        linger(conn);
    else
        destroy(conn);
}

static void lose(struct vch_conn *conn) {
    conn->lost = true;
    if (!conn->diag) conn->diag = calloc(1, sizeof *conn->diag);
    if (conn->diag) conn_io_explain(conn, conn->diag);
}

static void lose_for(struct vch_conn *conn, const char *reason, const char *message) {
    conn->lost = true;
    if (!conn->diag) conn->diag = calloc(1, sizeof *conn->diag);
    (void)vch_diag_set(conn->diag, VCH_ERR_LIMIT, reason, "", "%s", message);
}

static void end_peer(struct vch_conn *conn) {
    struct vch_diag diag = {0};
    (void)vch_diag_set(&diag, VCH_ERR_IO, "client-closed", "", "The client closed the connection.");
    end(conn, VCH_CLOSE_PEER, &diag, true);
}

static void end_overflow(struct vch_conn *conn) {
    struct vch_diag diag = {0};
    (void)vch_diag_set(&diag, VCH_ERR_LIMIT, "output-overflow", "",
                       "The client reads too slowly: %zu bytes wait for it.", vch_conn_pending(conn));
    end(conn, VCH_CLOSE_OVERFLOW, &diag, false);
}

static void close_as(struct vch_conn *conn, enum vch_close_reason reason, const struct vch_diag *diag) {
    if (conn->state >= CONN_CLOSING) return;
    bool was_open = conn->state == CONN_OPEN;
    conn->state = CONN_CLOSING;
    conn->reason = (uint8_t)reason;
    if (diag && diag->reason && !conn->diag) conn->diag = malloc(sizeof *conn->diag);
    if (diag && diag->reason && conn->diag) *conn->diag = *diag;
    (void)event_del(&conn->read_event);
    conn->close_at = vch_mono_ms() + CLOSE_MS;
    arm_timer(conn);
    if (!was_open) conn->out.len = conn->out_done = 0; /* nothing leaves before the handshake */
    vch_loop_defer(conn->loop, &conn->defer);
}

void vch_conn_close(struct vch_conn *conn, const struct vch_diag *diag) {
    close_as(conn, VCH_CLOSE_LOCAL, diag);
}

/* ---- output -------------------------------------------------------------------------- */

size_t vch_conn_pending(const struct vch_conn *conn) {
    return conn->out.len - conn->out_done + (conn->filtered ? conn->filtered->plain.len : 0);
}

void vch_conn_set_output_max(struct vch_conn *conn, size_t bytes) {
    conn->output_max = bytes;
}

static void compact(struct vch_conn *conn) {
    if (conn->out_done < conn->out.len / 2 || conn->out_done == 0) return;
    size_t left = conn->out.len - conn->out_done;
    memmove(conn->out.ptr, conn->out.ptr + conn->out_done, left);
    vch_wipe(conn->out.ptr + left, conn->out_done);
    conn->out.len = left;
    conn->out_done = 0;
}

void vch_conn_write(struct vch_conn *conn, struct vch_str bytes) {
    if (conn->state >= CONN_CLOSING || conn->overflow || bytes.len == 0) return;
    size_t pending = vch_conn_pending(conn);
    if (bytes.len > conn->output_max || pending > conn->output_max - bytes.len) conn->overflow = true;
    compact(conn);
    struct vch_buf *to = conn->filtered ? &conn->filtered->plain : &conn->out;
    if (to == &conn->out && !to->ptr) vch_loop_lend(conn->loop, to);
    if (!conn->overflow) vch_buf_str(to, bytes);
    conn->overflow |= to->failed;
    vch_loop_defer(conn->loop, &conn->defer);
}

static void drop_output(struct vch_conn *conn) {
    (void)event_del(&conn->write_event);
    vch_loop_give(conn->loop, &conn->out);
    conn->out_done = 0;
    conn->choked = false;
}

static void flush(struct vch_conn *conn) {
    conn_filter_seal(conn);
    if (vch_conn_pending(conn) == 0) return;
    while (vch_conn_pending(conn)) {
        size_t done = 0;
        enum conn_io io =
            conn_io_write(conn, vch_str_of(conn->out.ptr + conn->out_done, vch_conn_pending(conn)), &done);
        conn->out_done += done;
        if (io == IO_DONE) continue;
        if (io == IO_WANT_WRITE) (void)event_add(&conn->write_event, NULL);
        if (io == IO_END || io == IO_FAILED) lose(conn);
        return;
    }
    drop_output(conn);
    if (conn->state == CONN_OPEN && conn->handler->on_drain) conn->handler->on_drain(conn, conn->arg);
}

/* ---- input ----------------------------------------------------------------------------- */

void vch_conn_set_input_max(struct vch_conn *conn, size_t bytes) {
    conn->input_max = bytes;
}

void vch_conn_set_handler(struct vch_conn *conn, const struct vch_conn_handler *handler, void *arg) {
    if (conn->state == CONN_LINGER) return;
    conn->handler = handler ? handler : &nobody;
    conn->arg = arg;
}

static void offer_later(struct vch_conn *conn) {
    conn->offer = true;
    vch_loop_defer(conn->loop, &conn->defer);
}

void vch_conn_pause(struct vch_conn *conn) {
    conn->paused = true;
}

void vch_conn_resume(struct vch_conn *conn) {
    if (!conn->paused || conn->state >= CONN_CLOSING) return;
    conn->paused = false;
    offer_later(conn);
}

/* One call of on_data; how much it took. */
static size_t deliver(struct vch_conn *conn, struct vch_str bytes) {
    const struct vch_conn_handler *handler = conn->handler;
    size_t used = handler->on_data(conn, conn->arg, bytes);
    vch_assert(used <= bytes.len);
    if (conn->handler != handler && conn->state == CONN_OPEN) offer_later(conn); /* the new one sees the rest */
    return used;
}

static void keep(struct vch_conn *conn, struct vch_str rest) {
    vch_buf_str(&conn->in, rest);
    conn->overflow |= conn->in.failed; /* memory is out */
    if (conn->overflow) vch_loop_defer(conn->loop, &conn->defer);
}

static void offer_kept(struct vch_conn *conn) {
    conn->offer = false;
    if (conn->in.len == 0) return;
    size_t used = deliver(conn, vch_str_of(conn->in.ptr, conn->in.len));
    if (used == conn->in.len) {
        vch_buf_deinit(&conn->in);
        return;
    }
    memmove(conn->in.ptr, conn->in.ptr + used, conn->in.len - used);
    conn->in.len -= used;
}

static void take(struct vch_conn *conn, struct vch_str bytes) {
    if (conn->in.len || conn->paused) {
        keep(conn, bytes);
        if (!conn->paused) offer_kept(conn);
        return;
    }
    size_t used = deliver(conn, bytes);
    if (used < bytes.len && conn->state == CONN_OPEN) keep(conn, vch_str_sub(bytes, used, bytes.len));
}

/* Reads at most what may still be kept; several records make one delivery. */
static enum conn_io fill(struct vch_conn *conn, char *scratch, size_t *ret_len) {
    size_t room = conn->input_max > conn->in.len ? conn->input_max - conn->in.len : 0;
    if (room > VCH_LOOP_SCRATCH) room = VCH_LOOP_SCRATCH;
    enum conn_io io = IO_DONE;
    *ret_len = 0;
    while (*ret_len < room) {
        size_t got = 0;
        io = conn_io_read(conn, scratch + *ret_len, room - *ret_len, &got);
        *ret_len += got;
        if (io != IO_DONE || !conn_io_has_more(conn)) break;
    }
    return io;
}

static bool peer_is_done(const struct vch_conn *conn) {
    return conn->eof || (conn->filtered && conn->filtered->over);
}

static bool wants_input(const struct vch_conn *conn) {
    return conn->state == CONN_OPEN && !conn->paused && !conn->choked && !peer_is_done(conn) &&
           conn->in.len < conn->input_max;
}

static void take_filtered(struct vch_conn *conn, struct vch_str wire) {
    struct vch_diag diag = {0};
    struct vch_buf plain;
    struct vch_str bytes;
    vch_buf_init_secret(&plain, VCH_LOOP_SCRATCH);
    bool more = conn_filter_decode(conn, wire, &plain, &diag);
    if (vch_buf_finish(&plain, &bytes) != VCH_OK)
        conn->overflow = true;
    else if (bytes.len)
        take(conn, bytes);
    vch_buf_deinit(&plain);
    if (!more && diag.reason) close_as(conn, VCH_CLOSE_LOCAL, &diag);
    vch_loop_defer(conn->loop, &conn->defer); /* the filter may have answered */
}

static void pull(struct vch_conn *conn) {
    size_t len = 0;
    char *scratch = vch_loop_scratch(conn->loop);
    enum conn_io io = fill(conn, scratch, &len);
    if (io == IO_FAILED) lose(conn);    /* before a callback overwrites errno */
    conn->choked = io == IO_WANT_WRITE; /* a peer that asks for new keys and reads nothing */
    if (conn->choked) (void)event_add(&conn->write_event, NULL);
    conn->eof |= io == IO_END;
    if (len) conn->peer.messages = 0;
    if (conn->peer.messages > TLS_MESSAGES_MAX)
        lose_for(conn, "tls-messages", "The client sends TLS messages without data.");
    if (len && conn->filtered)
        take_filtered(conn, vch_str_of(scratch, len));
    else if (len)
        take(conn, vch_str_of(scratch, len));
}

static void listen_again(struct vch_conn *conn) {
    bool wanted = wants_input(conn);
    bool listening = event_pending(&conn->read_event, EV_READ, NULL) != 0;
    if (wanted && !listening) (void)event_add(&conn->read_event, NULL);
    if (!wanted && listening) (void)event_del(&conn->read_event);
    if (wanted && conn_io_has_more(conn)) vch_loop_defer(conn->loop, &conn->defer);
}

/* ---- states ------------------------------------------------------------------------------ */

/* Draws the conclusions of a turn. The connection may be gone afterwards. */
static void settle(struct vch_conn *conn) {
    bool drained = vch_conn_pending(conn) == 0;
    if (conn->state == CONN_OPEN) {
        if (conn->overflow)
            end_overflow(conn);
        else if (conn->lost)
            end(conn, VCH_CLOSE_PEER, NULL, false);
        else if (peer_is_done(conn) && drained && !conn->paused && !conn->offer)
            end_peer(conn);
        else
            listen_again(conn);
    } else if (conn->state == CONN_CLOSING) {
        if (conn->lost || (drained && !conn_filter_waits(conn))) end(conn, conn->reason, NULL, !conn->lost);
    }
}

static void opened(struct vch_conn *conn) {
    conn->state = CONN_OPEN;
    if (conn->ssl) vch_loop_counted(conn->loop, VCH_LOOP_HANDSHAKES);
    conn->handshake_at = 0;
    conn->peer.messages = 0;
    (void)event_del(&conn->write_event);
    conn_io_acknowledge(conn);
    conn->handler->on_open(conn, conn->arg);
    if (vch_conn_pending(conn)) vch_loop_defer(conn->loop, &conn->defer); /* written before the handshake ended */
    settle(conn);
}

static void handshake(struct vch_conn *conn) {
    switch (conn->ssl ? conn_io_handshake(conn) : IO_DONE) {
    case IO_DONE: opened(conn); break;
    case IO_WANT_READ: (void)event_del(&conn->write_event); break;
    case IO_WANT_WRITE: (void)event_add(&conn->write_event, NULL); break;
    default:
        vch_loop_counted(conn->loop, VCH_LOOP_HANDSHAKES_FAILED);
        lose(conn);
        end(conn, VCH_CLOSE_HANDSHAKE, NULL, true); /* orderly: the alert must arrive */
    }
}

static void discard(struct vch_conn *conn) {
    size_t len = 0;
    enum conn_io io = conn_io_read(conn, vch_loop_scratch(conn->loop), VCH_LOOP_SCRATCH, &len);
    if (io == IO_END || io == IO_FAILED) destroy(conn);
}

static void on_readable(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct vch_conn *conn = arg;
    if (conn->state == CONN_OPENING) {
        vch_loop_defer_costly(conn->loop, &conn->costly);
    } else if (conn->state == CONN_LINGER) {
        discard(conn);
    } else {
        if (wants_input(conn)) pull(conn);
        settle(conn);
    }
}

static void on_costly(struct vch_defer *defer) {
    struct vch_conn *conn = (struct vch_conn *)((char *)defer - offsetof(struct vch_conn, costly));
    if (conn->state == CONN_OPENING) handshake(conn);
}

/* The end of the loop's turn, or room in the socket again. */
static void advance(struct vch_conn *conn) {
    if (conn->state == CONN_OPENING) {
        if (conn->ssl) vch_loop_defer_costly(conn->loop, &conn->costly);
        else handshake(conn);
        return;
    }
    if (conn->state == CONN_OPEN && conn->offer && !conn->paused) offer_kept(conn);
    if (wants_input(conn) && conn_io_has_more(conn)) pull(conn);
    if (conn->state <= CONN_CLOSING && !conn->lost && !conn->overflow) flush(conn);
    settle(conn);
}

static void on_defer(struct vch_defer *defer) {
    advance((struct vch_conn *)((char *)defer - offsetof(struct vch_conn, defer)));
}

static void on_writable(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct vch_conn *conn = arg;
    if (conn->choked) {
        conn->choked = false;
        (void)event_del(&conn->write_event);
        if (wants_input(conn)) pull(conn);
    }
    advance(conn);
}

static void expire(struct vch_conn *conn) {
    struct vch_diag diag = {0};
    switch ((enum conn_state)conn->state) {
    case CONN_OPENING:
        vch_loop_counted(conn->loop, VCH_LOOP_HANDSHAKES_FAILED);
        (void)vch_diag_set(&diag, VCH_ERR_TIMEOUT, "handshake-timeout", "", "The TLS handshake took too long.");
        end(conn, VCH_CLOSE_TIMEOUT, &diag, false);
        break;
    case CONN_OPEN:
        (void)vch_diag_set(&diag, VCH_ERR_TIMEOUT, "connection-timeout", "", "The client was silent for too long.");
        if (conn->handler->on_timeout) conn->handler->on_timeout(conn, conn->arg);
        close_as(conn, VCH_CLOSE_TIMEOUT, &diag);
        break;
    case CONN_CLOSING: end(conn, conn->reason, NULL, false); break;
    case CONN_LINGER: destroy(conn); break;
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct vch_conn *conn = arg;
    int64_t at = next_deadline(conn);
    conn->timer_at = 0;
    if (at == 0) return;
    if (vch_mono_ms() >= at)
        expire(conn);
    else
        arm_timer(conn);
}

void vch_conn_stop(struct vch_conn *conn) {
    if (conn->state == CONN_LINGER) {
        destroy(conn);
        return;
    }
    struct vch_diag diag = {0};
    (void)vch_diag_set(&diag, VCH_ERR_UNAVAILABLE, "server-stopping", "", "The server stops.");
    enum vch_close_reason reason = conn->state == CONN_CLOSING ? conn->reason : VCH_CLOSE_STOP;
    bool was_opening = conn->state == CONN_OPENING;
    conn->state = CONN_CLOSING; /* no callback but on_close */
    conn->reason = (uint8_t)reason;
    if (!was_opening) flush(conn);
    conn->eof = true; /* no lingering */
    end(conn, reason, &diag, !conn->lost);
}

/* ---- birth --------------------------------------------------------------------------------- */

struct vch_conn *vch_conn_new(struct vch_loop *loop, struct vch_listener *listener, int fd, struct vch_tls *tls,
                              const char *ip) {
    struct vch_conn *conn = calloc(1, sizeof *conn);
    if (conn && tls) conn->ssl = vch_tls_accept(tls, fd, &conn->peer);
    if (!conn || (tls && !conn->ssl)) {
        free(conn);
        (void)close(fd);
        return NULL;
    }
    struct event_base *base = vch_loop_base(loop);
    conn->loop = loop;
    conn->listener = listener;
    conn->fd = fd;
    conn->handler = &nobody;
    conn->defer.fn = on_defer;
    conn->costly.fn = on_costly;
    conn->output_max = OUTPUT_MAX;
    conn->input_max = INPUT_MAX;
    vch_buf_init_secret(&conn->out, SIZE_MAX / 2); /* keys travel through it; output_max bounds it */
    vch_buf_init_secret(&conn->in, SIZE_MAX / 2);
    (void)event_assign(&conn->read_event, base, fd, EV_READ | EV_PERSIST, on_readable, conn);
    (void)event_assign(&conn->write_event, base, fd, EV_WRITE | EV_PERSIST, on_writable, conn);
    (void)event_assign(&conn->timer_event, base, -1, 0, on_timer, conn);
    (void)vch_str_copy(conn->ip, sizeof conn->ip, vch_str_from(ip));
    return conn;
}

void vch_conn_begin(struct vch_conn *conn, int64_t handshake_timeout_ms) {
    if (conn->state != CONN_OPENING) return; /* on_accept closed it */
    conn->handshake_at = vch_mono_ms() + handshake_timeout_ms;
    arm_timer(conn);
    if (!conn->ssl)
        vch_loop_defer(conn->loop, &conn->defer);
    else if (event_add(&conn->read_event, NULL) != 0)
        vch_conn_close(conn, NULL);
}
