/* A service over a fresh SQLite registry, and use cases called as a door would:
 * inputs checked against their row, outputs too. One thread.
 */
#ifndef VCH_TESTS_SERVICE_FIXTURE_H
#define VCH_TESTS_SERVICE_FIXTURE_H

#include "support/cmocka_all.h"

#include "service/call.h"
#include "shape/shape.h"

#define ACCOUNT "123456789012"
#define CERT_ARN(id) "arn:aws:iot:us-east-1:" ACCOUNT ":cert/" id
#define CERT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CERT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CERT_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define POLICY_TEXT                                                                                                    \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iot:Connect\",\"Resource\":\"*\"}]}"

struct fixture {
    char folder[64];
    struct vch_service service;
    struct vch_arena *arena; /* of the call under way; emptied by each */
    struct vch_diag diag;    /* of the last call */
    struct vch_val *out;     /* of the last call */
    int64_t now_ms;
};
extern struct fixture fx;

/* For cmocka: a fresh registry for each test. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* JSON text to a document in the call's arena; ' stands for ". */
struct vch_val *fixture_json(const char *text);
/* Checks the inputs, calls, and on success checks the output. */
enum vch_err fixture_call(enum vch_op op, vch_use_case *use_case, const char *inputs);
/* The same, which must go well or be refused for this reason (NULL: none). */
void fixture_good(enum vch_op op, vch_use_case *use_case, const char *inputs);
void fixture_refused(enum vch_op op, vch_use_case *use_case, const char *inputs, enum vch_err err, const char *reason);

/* A string or number of the last output by a path such as "policies/0/policyName". */
struct vch_str fixture_text(const char *path);
int64_t fixture_number(const char *path);
size_t fixture_count(const char *path);

/* Straight into the registry. */
void fixture_certificate(const char *id, const char *status);
void fixture_thing(const char *name, const char *certificate_id /* or NULL */, const char *attributes);
/* How many ledger rows name this event. */
size_t fixture_events(const char *event);

#endif
