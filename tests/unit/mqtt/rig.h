/* A server of N loops, one loopback port each, with hooks that a topic's or a
 * client id's first letters steer. What hooks saw is kept under a lock.
 *
 *   client ids   no-…     refused with code 5       later-…  decided by rig_decide
 *                soon-…   decided by a posted call  others   accepted at once
 *   topics       deny/…   denied                    take/…   taken, answered at …/accepted
 *                wait/…   WAIT while rig.waiting    mute/…   not delivered
 *                hold/…   delivery WAITs while rig.waiting
 *                turn/…   SUBSCRIBE denied while rig.turned
 *                cut/…    not delivered while rig.turned
 *                busy/…   the loop stands still while rig.busy
 */
#ifndef VCH_TEST_MQTT_RIG_H
#define VCH_TEST_MQTT_RIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "mqtt/broker.h"

enum { RIG_LOOPS_MAX = 4, RIG_ENDS_MAX = 4096 };

struct rig_end {
    char client_id[140], reason[40], detail[160];
};

struct rig {
    struct vch_loop *loops[RIG_LOOPS_MAX];
    struct vch_listener *listeners[RIG_LOOPS_MAX];
    uint16_t ports[RIG_LOOPS_MAX];
    size_t count;
    struct vch_mqtt_broker *broker;
    struct vch_tls *tls[RIG_LOOPS_MAX];
    atomic_bool waiting, turned, busy;
    atomic_bool transient; /* those accepted at once are guests */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    struct vch_mqtt_ref later; /* the last session that waits for rig_decide */
    struct vch_mqtt_ref last;  /* the last that a publish, subscribe or deliver hook saw */
    char will_topic[64];
    unsigned waits, publishes, live_users;
    bool last_retain;
    struct rig_end ends[RIG_ENDS_MAX];
    size_t end_count;
};

/* `options` may be NULL; its hooks are replaced. `tls` files may be NULL. */
void rig_start(struct rig *rig, size_t loops, const struct vch_mqtt_options *options);
void rig_start_tls(struct rig *rig, size_t loops, const char *certificate_file, const char *key_file,
                   vch_verify_peer *verify);
void rig_stop(struct rig *rig);

/* Runs fn on the session's loop, if it is still there, and waits for it. */
void rig_on_session(struct rig *rig, struct vch_mqtt_ref ref, void (*fn)(struct vch_mqtt_session *session));
void rig_decide(struct rig *rig, uint8_t code);
void rig_recheck(struct rig *rig); /* opens the gate of wait/ and hold/, and asks the last session again */
struct vch_mqtt_ref rig_last(struct rig *rig);
void rig_wait_waits(struct rig *rig, unsigned count); /* until WAIT was answered so often */

/* Waits for the end of a client's session and checks its reason. */
void rig_expect_end(struct rig *rig, const char *client_id, const char *reason);
size_t rig_ends(struct rig *rig, const char *client_id, const char *reason); /* how many so far */
void rig_expect_ends(struct rig *rig, const char *client_id, const char *reason,
                     size_t count);                /* waits for that many */
void rig_wait_ends(struct rig *rig, size_t count); /* of any client */
struct vch_mqtt_stats rig_stats(struct rig *rig);
void rig_wait_sessions(struct rig *rig, uint64_t sessions);

#endif
