/* The inside of a load run. */
#ifndef VCH_FLEET_LOAD_PRIV_H
#define VCH_FLEET_LOAD_PRIV_H

#include <pthread.h>

#include "base/buf.h"
#include "fleet/load.h"
#include "fleet/seen.h"

enum {
    LOAD_MEMORY = 64 * 1024, /* bytes read at once */
    LOAD_RECORD = 16 * 1024, /* bytes written at once */
    LOAD_WAIT_US = 20000000  /* for a connection */
};

/* In front of every payload, in the order of this machine: only this process reads it. */
struct vch_load_stamp {
    uint32_t run, publisher;
    uint64_t number;
    int64_t sent_us;
};

enum vch_load_role { LOAD_VISITOR, LOAD_PUBLISHER, LOAD_SUBSCRIBER };
enum vch_load_state { LOAD_OFF, LOAD_SHAKING, LOAD_GREETING, LOAD_ASKING, LOAD_READY, LOAD_GONE };

struct vch_load_publisher {
    uint64_t sent, due; /* due: at a rate, how many should have been sent */
    struct vch_seen acknowledged;
    uint32_t flying; /* QoS 1, not acknowledged */
    bool late;       /* held back since its message was due */
};

struct vch_load_conn {
    struct vch_load_thread *thread;
    struct vch_link *link;
    enum vch_load_role role;
    enum vch_load_state state;
    uint32_t number; /* of its role */
    uint32_t window;
    bool watch_write, dirty;
    int64_t started_us, spoken_us;
    struct vch_buf out, in;
    size_t out_done;
    struct vch_load_publisher *publisher;
    struct vch_seen *seen; /* a subscriber's, of each publisher */
    char *packet;          /* a publisher's PUBLISH, to be stamped */
    size_t packet_len, packet_id_at, stamp_at;
    struct vch_load_conn *next_dirty;
};

struct vch_load_thread {
    struct vch_load_run *run;
    pthread_t id;
    int epoll;
    struct vch_load_conn *conns;
    uint32_t count, opening, next_open;
    struct vch_load_conn **publishers;
    uint32_t publisher_count;
    uint64_t due;   /* at a rate: how many of this thread */
    int64_t due_us; /* when the next is */
    int64_t swept_us;
    uint64_t foreign;
    bool full; /* nothing more may be under way now */
    char *scratch;
    struct vch_load_conn *dirty;
    struct vch_histogram connect, latency;
};

struct vch_load_run {
    const struct vch_load_plan *plan;
    const struct vch_link_target *target;
    struct vch_causes *causes;
    char name[24];
    uint32_t tag;
    _Atomic int phase;
    _Atomic int64_t start_us, stop_us, moved_us; /* moved: when a message last arrived */
    _Atomic int64_t connected, failed, ready, gone, started, opening;
    _Atomic uint32_t still; /* threads that know that nothing new is to be sent */
    _Atomic uint64_t sent, received, acknowledged, forgiven;
};

/* ---- load_conn.c ---- */
void load_conn_open(struct vch_load_conn *conn);
void load_conn_event(struct vch_load_conn *conn, uint32_t events);
void load_conn_fail(struct vch_load_conn *conn, const char *what, const char *why);
void load_conn_close(struct vch_load_conn *conn); /* with DISCONNECT when it was connected */
void load_conn_flush(struct vch_load_conn *conn);
void load_conn_touch(struct vch_load_conn *conn); /* to be flushed at the end of the turn */

/* ---- load_packet.c: what arrives, and what is said first ---- */
void load_packet_connect(struct vch_load_conn *conn);
void load_packet_subscribe(struct vch_load_conn *conn);
void load_packet_empty(struct vch_load_conn *conn, bool ping); /* PINGREQ or DISCONNECT */
bool load_packet_template(struct vch_load_conn *conn);
/* How many bytes were whole packets; the connection may have failed meanwhile. */
size_t load_packet_take(struct vch_load_conn *conn, struct vch_str bytes);

/* ---- load_publish.c ---- */
void load_publish_turn(struct vch_load_thread *thread, int64_t now_us);
int64_t load_publish_next_us(const struct vch_load_thread *thread); /* when to turn again; INT64_MAX: when asked */
void load_publish_acknowledged(struct vch_load_conn *conn, uint16_t packet_id);
void load_publish_arrived(struct vch_load_conn *conn, struct vch_str payload);

/* ---- load_thread.c ---- */
void *load_thread_main(void *arg);

#endif
