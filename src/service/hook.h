/* Pre-provisioning hooks: who is asked before a registration, and what the
 * answer means. Source: AWS IoT "Pre-provisioning hooks", payload version
 * 2020-04-01; facts in docs/compatibility.md.
 *
 * Whoever answers may be slow, so a use case that needs an answer gives up its
 * worker: it returns WAITING with the order in its turn. The door has the order
 * carried out and runs the use case once more, from the beginning, with the
 * answer in the turn: token, claim and template are checked again as they are
 * then, and the answer counts only for the very same question.
 */
#ifndef VCH_SERVICE_HOOK_H
#define VCH_SERVICE_HOOK_H

#include <stdatomic.h>

#include "base/digest.h"
#include "service/call.h"
#include "store/hooks.h"

/* ---- carrying out: the daemon's part, and that of tests ---- */

enum { VCH_HOOK_BODY_MAX = 48 * 1024, VCH_HOOK_ANSWER_MAX = 64 * 1024, VCH_HOOK_PEM_MAX = 16 * 1024, VCH_HOOK_OVERRIDES_MAX = 100, VCH_HOOK_SAID_MAX = 512 };

/* GET and FORM: no hooks, but what else is asked over HTTPS (oidc.h): a document, and a form whose `signature` goes into
 * Authorization. */
enum vch_hook_kind { VCH_HOOK_HTTPS, VCH_HOOK_PROGRAM, VCH_HOOK_GET, VCH_HOOK_FORM, VCH_HOOK_KIND_COUNT };
struct vch_hook_order {
    enum vch_hook_kind kind;
    struct vch_str name;   /* of the hook: what is slow holds up its own kind only */
    struct vch_str target; /* a URL, or an absolute path */
    struct vch_str ca_pem, certificate_pem, key_pem; /* https, or empty */
    struct vch_str signature;                        /* a header's value, or empty */
    struct vch_str body;
    int64_t timeout_ms; /* from now until the answer is whole */
};
enum vch_hook_end {
    VCH_HOOK_ANSWERED,
    VCH_HOOK_TIMEOUT,
    VCH_HOOK_BUSY,
    VCH_HOOK_UNREACHABLE,
    VCH_HOOK_TLS_FAILED,
    VCH_HOOK_STATUS,  /* `code`: the status of HTTP, or the exit status */
    VCH_HOOK_CRASHED, /* `code`: the signal */
    VCH_HOOK_PROGRAM_REFUSED,
    VCH_HOOK_TOO_LARGE,
    VCH_HOOK_FAILED,
    VCH_HOOK_END_COUNT
};
struct vch_hook_result {
    enum vch_hook_end end;
    int64_t code, duration_us;
    struct vch_str answer; /* ANSWERED: at most VCH_HOOK_ANSWER_MAX bytes; valid during the call */
    struct vch_str said;   /* of a program: the beginning of its standard error, any bytes; valid during the call */
};
typedef void vch_hook_done(void *arg, const struct vch_hook_result *result);
struct vch_hook_runner {
    void *arg;
    /* Copies the order and returns; then `done` is called exactly once, on some
     * thread that it must not hold up, perhaps before this returns. UNAVAILABLE
     * or TOO_LARGE: it was not taken, and nothing is called. Any thread. */
    enum vch_err (*submit)(void *arg, const struct vch_hook_order *order, vch_hook_done *done, void *done_arg);
};

struct vch_hooks {
    struct vch_hook_runner runner; /* .submit NULL: nobody can be asked */
    int64_t timeout_ms;            /* of hooks that have none of their own */
    atomic_uint_fast64_t allowed, denied, failed, time_us;
    atomic_int_fast64_t waiting;
};

/* ---- a turn: an order and its answer, kept by the door across both runs ---- */

struct vch_hook_turn {
    struct vch_hook_order order; /* with WAITING: views into the call's arena */
    uint8_t question[VCH_SHA256_LEN];
    bool answered;
    enum vch_hook_end end;
    int64_t code, duration_us;
    struct vch_buf answer;
    char said[VCH_HOOK_SAID_MAX + 1]; /* clean */
};
void vch_hook_turn_deinit(struct vch_hook_turn *turn); /* zeroed memory is fine */
/* Keeps the result; NOMEM becomes FAILED. */
void vch_hook_turn_answer(struct vch_hook_turn *turn, const struct vch_hook_result *result);

/* ---- asking: worker threads ---- */

struct vch_hook_ask {
    struct vch_str target_arn; /* of the template; empty: there is no hook */
    struct vch_str template_name, claim_id, certificate_id, client_id;
    const struct vch_val *parameters; /* a map of strings, or NULL */
};
struct vch_hook_decision {
    bool asked, allowed;
    const char *reason; /* static; NULL when allowed */
    char message[200];
    struct vch_str name; /* of the hook; empty when there is none */
    int64_t duration_us;
    struct vch_str said; /* by a program, on standard error: for operators, never for the device or the ledger */
    const struct vch_val *overrides; /* a map of strings; NULL: none */
};

/* What `hook` says. A refusal is a decision, not an error. WAITING, NOMEM, and what reading gives. */
enum vch_err vch_hook_decide(struct vch_call *call, const struct vch_rec_hook *hook, const struct vch_hook_ask *ask,
                             struct vch_hook_decision *ret) VCH_MUST;
/* The same of the hook behind ask->target_arn; one that nobody configured denies. */
enum vch_err vch_hook_decide_target(struct vch_call *call, const struct vch_hook_ask *ask, struct vch_hook_decision *ret) VCH_MUST;
/* Parameters after the overrides, which win. */
enum vch_err vch_hook_merge(struct vch_call *call, const struct vch_val *parameters, const struct vch_val *overrides,
                            const struct vch_val **ret) VCH_MUST;

/* For a registration: asks unless there is no hook, puts the overrides into
 * *parameters. DENIED with a HOOK_* reason, recorded in the ledger; WAITING. */
enum vch_err vch_hook_permit(struct vch_call *call, const struct vch_hook_ask *ask, struct vch_hook_decision *ret,
                             const struct vch_val **parameters) VCH_MUST;
/* The decision as a ledger row of the plan; nothing when nobody was asked. */
enum vch_err vch_hook_record(struct vch_call *call, const struct vch_hook_ask *ask, const struct vch_hook_decision *decision,
                             struct vch_plan *plan) VCH_MUST;

/* ---- hook_answer.c: pure ---- */

/* Reads {"allowProvisioning", "parameterOverrides"}. Fills allowed, or reason and message; NOMEM. */
enum vch_err vch_hook_read_answer(struct vch_str answer, struct vch_arena *arena, struct vch_hook_decision *ret) VCH_MUST;
/* A map of at most VCH_HOOK_OVERRIDES_MAX strings that may be parameters; NULL is fine. */
bool vch_hook_overrides_valid(const struct vch_val *overrides);
/* What people may be shown of what a program said: UTF-8 on one line, without signs that are not seen. */
void vch_hook_clean(struct vch_str said, char ret[VCH_HOOK_SAID_MAX + 1]);
/* What the end of an order means; nothing for ANSWERED. */
void vch_hook_read_end(enum vch_hook_end end, int64_t code, struct vch_hook_decision *ret);
/* The JSON that AWS sends. */
enum vch_err vch_hook_write_request(const struct vch_site *site, const struct vch_hook_ask *ask, struct vch_str certificate_pem,
                                    struct vch_arena *arena, struct vch_str *ret) VCH_MUST;

#endif
