/* A door on a loopback port over a fresh registry, and signed requests to it. */
#ifndef VCH_TESTS_DOOR_WORLD_H
#define VCH_TESTS_DOOR_WORLD_H

#include "support/cmocka_all.h"

#include "api/http_door.h"
#include "net/dial.h"
#include "shape/shape.h"

#define ACCOUNT "123456789012"
enum { DOOR_BEAT_MS = 80 };

struct door_world {
    char folder[64];
    struct vch_service service;
    struct vch_loop *loop;
    struct vch_pool *pool;
    struct vch_listener *listener;
    struct vch_http_door *door;
    struct vch_faults *faults;
    struct vch_iam *iam;
    struct vch_events *events; /* heartbeats of DOOR_BEAT_MS */
    uint16_t port;
    int64_t clock_moved_ms;
    struct vch_arena *arena; /* of the exchange under way */
    struct vch_str key_id, secret; /* admin's */
};
extern struct door_world world;

int door_world_setup(void **state);
int door_world_teardown(void **state);

/* What to send. NULL members: nothing special. */
struct door_ask {
    const char *method, *path, *query, *body;
    const char *header, *header_value; /* one more, signed */
    const char *key_id, *secret;       /* "" sends no signature */
    const char *service, *region;
    int64_t skew_ms;
    const char *tamper_body; /* sent in place of the signed body */
    const char *late_header; /* "name: value", added after signing */
};
struct door_answer {
    int status;
    struct vch_str head, body;
    struct vch_val *json; /* NULL when the body is none */
};
/* One connection, one exchange. */
struct door_answer door_send(const struct door_ask *ask);
/* The request alone is sent; the caller reads, and closes. */
struct vch_dial *door_open(const struct door_ask *ask);
/* By admin: the shaped request of an operation, inputs with ' for ". */
struct door_answer door_call(enum vch_op op, const char *inputs);
struct door_answer door_call_as(enum vch_op op, const char *inputs, const char *key_id, const char *secret);
struct vch_str door_header(const struct door_answer *answer, const char *name);
void door_refused(const struct door_answer *answer, int status, const char *error);

#endif
