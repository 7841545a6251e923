/* The inside of a connection, shared by conn.c (its states), conn_io.c (bytes)
 * and listener.c (its birth). [loop] */
#ifndef VCH_NET_CONN_PRIV_H
#define VCH_NET_CONN_PRIV_H

#include "base/buf.h"
#include "net/conn.h"
#include "net/loop_priv.h"
#include "net/tls_priv.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/event_struct.h>

enum conn_state {
    CONN_OPENING, /* the handshake runs */
    CONN_OPEN,
    CONN_CLOSING, /* writes what is pending; the handler waits for on_close */
    CONN_LINGER   /* on_close has been; only waits for the peer's end, so that no reset overtakes our last bytes */
};

/* What stands between TLS and the handler. */
struct conn_filtered {
    const struct vch_conn_filter *filter;
    void *arg;
    struct vch_buf plain; /* written this turn and not framed yet */
    bool over;            /* the peer has ended within the framing */
    bool finished;        /* our last words are said */
};

struct vch_conn {
    struct vch_defer defer;
    struct vch_defer costly; /* the next step of the handshake */
    struct vch_loop *loop;
    struct vch_listener *listener;
    struct vch_conn *next, *prev; /* the listener's */
    const struct vch_conn_handler *handler;
    void *arg;
    SSL *ssl; /* NULL: plain */
    int fd;
    uint8_t state;
    uint8_t reason; /* enum vch_close_reason, from CLOSING on */
    bool paused : 1;
    bool offer : 1;    /* unconsumed input is to be offered again */
    bool eof : 1;      /* the peer will send no more */
    bool overflow : 1; /* output past its bound, or memory is out */
    bool choked : 1;   /* TLS must write before it can read on, and the socket is full */
    bool lost : 1;     /* the socket or TLS failed; diag says how */
    struct event read_event, write_event, timer_event;
    int64_t timer_at, handshake_at, deadline_at, close_at; /* monotonic ms; 0: off */
    struct vch_buf out, in;                                /* without memory while empty */
    size_t out_done;                                       /* of out, already with the kernel */
    size_t output_max, input_max;
    struct vch_tls_peer peer;
    struct vch_diag *diag; /* of the close; NULL until there is something to say */
    struct conn_filtered *filtered; /* NULL: none */
    void *user;
    void (*release)(void *user);
    char ip[INET6_ADDRSTRLEN];
};

/* ---- conn_io.c ---- */
enum conn_io { IO_DONE, IO_WANT_READ, IO_WANT_WRITE, IO_END, IO_FAILED };
enum conn_io conn_io_handshake(struct vch_conn *conn);
enum conn_io conn_io_read(struct vch_conn *conn, char *buf, size_t size, size_t *ret_len);
enum conn_io conn_io_write(struct vch_conn *conn, struct vch_str bytes, size_t *ret_len);
bool conn_io_has_more(const struct vch_conn *conn); /* read, but still inside TLS: the socket will not say so */
void conn_io_acknowledge(struct vch_conn *conn);    /* after the handshake */
void conn_io_shutdown(struct vch_conn *conn);       /* close_notify and FIN, if the socket takes them now */
/* Why the last call said FAILED. */
void conn_io_explain(const struct vch_conn *conn, struct vch_diag *diag);

/* ---- conn_filter.c ---- */
void conn_filter_free(struct vch_conn *conn);
/* False: the peer's part is over; with a reason in `diag` it broke the rules. */
bool conn_filter_decode(struct vch_conn *conn, struct vch_str wire, struct vch_buf *plain, struct vch_diag *diag);
/* Frames what was written, and when the connection closes the last words. */
void conn_filter_seal(struct vch_conn *conn);
/* The last words are still to come. */
bool conn_filter_waits(const struct vch_conn *conn);

/* ---- conn.c ---- */
/* Takes over `fd`; NULL (and fd closed) when memory is out. */
struct vch_conn *vch_conn_new(struct vch_loop *loop, struct vch_listener *listener, int fd, struct vch_tls *tls,
                              const char *ip);
void vch_conn_begin(struct vch_conn *conn, int64_t handshake_timeout_ms); /* after on_accept */
void vch_conn_stop(struct vch_conn *conn); /* ends it now: on_close with VCH_CLOSE_STOP, then gone */

/* ---- listener.c ---- */
void vch_listener_forget(struct vch_listener *listener, struct vch_conn *conn);

#endif
