#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "fleet/load_priv.h"

enum { INPUT_MAX = 1 << 20 };

static void watch(struct vch_load_conn *conn, int op, bool write) {
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0u), .data.ptr = conn};
    (void)epoll_ctl(conn->thread->epoll, op, vch_link_fd(conn->link), &event);
    conn->watch_write = write;
}

static void watch_write(struct vch_load_conn *conn, bool write) {
    if (conn->watch_write != write) watch(conn, EPOLL_CTL_MOD, write);
}

void load_conn_touch(struct vch_load_conn *conn) {
    if (conn->dirty) return;
    conn->dirty = true;
    conn->next_dirty = conn->thread->dirty;
    conn->thread->dirty = conn;
}

/* ---- the end -------------------------------------------------------------------- */

static void forget(struct vch_load_conn *conn) {
    struct vch_load_run *run = conn->thread->run;
    if (conn->state == LOAD_READY) {
        atomic_fetch_sub(&run->ready, 1);
    } else {
        conn->thread->opening--;
        atomic_fetch_sub(&run->opening, 1);
    }
    vch_link_close(conn->link);
    conn->link = NULL;
    conn->state = LOAD_OFF;
    conn->out_done = 0;
    vch_buf_deinit(&conn->out);
    vch_buf_deinit(&conn->in);
}

void load_conn_fail(struct vch_load_conn *conn, const char *what, const char *why) {
    struct vch_load_run *run = conn->thread->run;
    if (!conn->link) return;
    vch_causes_add(run->causes, "%s: %s", what, why);
    forget(conn);
    conn->state = LOAD_GONE;
    atomic_fetch_add(&run->failed, 1);
    atomic_fetch_add(&run->gone, 1);
}

void load_conn_close(struct vch_load_conn *conn) {
    if (!conn->link) return;
    if (conn->state == LOAD_READY) {
        load_packet_empty(conn, false);
        load_conn_flush(conn);
    }
    if (conn->link) forget(conn);
}

/* ---- bytes ------------------------------------------------------------------------ */

static const char *stage(const struct vch_load_conn *conn) {
    static const char *const words[] = {"", "tls", "connect", "subscribe", "connection", ""};
    return words[conn->state];
}

static void lost(struct vch_load_conn *conn, enum vch_link_io io) {
    const char *why = io == VCH_LINK_END ? "the server closed it" : vch_link_diag(conn->link)->message;
    load_conn_fail(conn, stage(conn), why);
}

void load_conn_flush(struct vch_load_conn *conn) {
    if (!conn->link || conn->state == LOAD_SHAKING) return;
    while (conn->out_done < conn->out.len) {
        size_t done = 0, len = conn->out.len - conn->out_done;
        enum vch_link_io io = vch_link_write(
            conn->link, vch_str_of(conn->out.ptr + conn->out_done, len > LOAD_RECORD ? LOAD_RECORD : len), &done);
        conn->out_done += done;
        if (io == VCH_LINK_DONE) continue;
        if (io == VCH_LINK_WANT_WRITE)
            watch_write(conn, true);
        else if (io != VCH_LINK_WANT_READ)
            lost(conn, io);
        return;
    }
    vch_buf_clear(&conn->out);
    conn->out_done = 0;
    watch_write(conn, false);
}

static void take(struct vch_load_conn *conn, struct vch_str bytes) {
    if (conn->in.len) {
        vch_buf_str(&conn->in, bytes);
        bytes = vch_str_of(conn->in.ptr, conn->in.len);
    }
    bool kept = conn->in.len > 0;
    size_t used = load_packet_take(conn, bytes);
    if (!conn->link) return;
    if (kept) {
        if (used) memmove(conn->in.ptr, conn->in.ptr + used, conn->in.len - used);
        conn->in.len -= used;
    } else {
        vch_buf_str(&conn->in, vch_str_sub(bytes, used, SIZE_MAX));
    }
    if (conn->in.failed) load_conn_fail(conn, "receive", "a packet over a mebibyte");
}

static void pull(struct vch_load_conn *conn) {
    size_t len = 0;
    enum vch_link_io io;
    do {
        size_t got = 0;
        io = vch_link_read(conn->link, conn->thread->scratch + len, LOAD_MEMORY - len, &got);
        len += got;
    } while (io == VCH_LINK_DONE && len < LOAD_MEMORY && vch_link_has_more(conn->link));
    if (len) take(conn, vch_str_of(conn->thread->scratch, len));
    if (conn->link && (io == VCH_LINK_END || io == VCH_LINK_FAILED)) lost(conn, io);
}

static void shake(struct vch_load_conn *conn) {
    enum vch_link_io io = vch_link_advance(conn->link);
    if (io == VCH_LINK_WANT_READ || io == VCH_LINK_WANT_WRITE) {
        watch_write(conn, io == VCH_LINK_WANT_WRITE);
        return;
    }
    if (io != VCH_LINK_DONE) {
        lost(conn, io);
        return;
    }
    conn->state = LOAD_GREETING;
    watch_write(conn, false);
    load_packet_connect(conn);
    load_conn_flush(conn);
}

void load_conn_event(struct vch_load_conn *conn, uint32_t events) {
    if (!conn->link) return;
    if (conn->state == LOAD_SHAKING) {
        shake(conn);
        return;
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(conn);
    while (conn->link && vch_link_has_more(conn->link)) pull(conn);
    if (events & EPOLLOUT) load_conn_touch(conn);
}

void load_conn_open(struct vch_load_conn *conn) {
    struct vch_load_thread *t = conn->thread;
    struct vch_diag diag = {0};
    conn->started_us = conn->spoken_us = vch_mono_us();
    vch_buf_init(&conn->out, INPUT_MAX);
    vch_buf_init(&conn->in, INPUT_MAX);
    if (vch_link_start(t->run->target, &conn->link, &diag) != VCH_OK) {
        vch_causes_add(t->run->causes, "connect: %s", diag.message[0] ? diag.message : "memory is out");
        conn->state = LOAD_GONE;
        atomic_fetch_add(&t->run->failed, 1);
        atomic_fetch_add(&t->run->gone, 1);
        return;
    }
    conn->state = LOAD_SHAKING;
    t->opening++;
    atomic_fetch_add(&t->run->opening, 1);
    watch(conn, EPOLL_CTL_ADD, true);
}
