/* One request on its way through the door. Made on a loop, worked on by one
 * worker, answered and freed on the loop. */
#ifndef VCH_API_HTTP_JOB_PRIV_H
#define VCH_API_HTTP_JOB_PRIV_H

#include <stdatomic.h>

#include "api/hook_wait_priv.h"
#include "api/http_door.h"
#include "api/page_files.h"
#include "api/pairing_wait_priv.h"
#include "api/quota.h"
#include "base/histogram.h"
#include "core/lint.h"
#include "core/sigv4.h"
#include "http/websocket.h"
#include "service/iam.h"
#include "service/web_session.h"
#include "shape/shape.h"

struct vch_http_door {
    struct vch_http_door_options options;
    struct vch_http_options attachment;
    struct vch_iam *iam, *own_iam; /* own: nobody gave one */
    struct vch_quotas quotas; /* used when the service has AWS's limits */
    struct vch_pairing_waits *pairings;
    struct vch_buf openapi; /* written once */
    struct vch_histogram latency[VCH_OP_COUNT];
    atomic_uint_fast64_t requests, refused, failed;
};

enum { VCH_HTTP_ANSWER_MAX = 16 << 20, VCH_HTTP_EXTRA_MAX = 10 };

struct vch_oidc_flow;

struct vch_http_job {
    struct vch_http_door *door;
    struct vch_http_exchange *exchange;
    const struct vch_http_request *request; /* the exchange's */
    struct vch_arena *arena;                /* wiped */
    bool query; /* the query protocol: XML */
    enum vch_op op;
    struct vch_op_captures captures;
    struct vch_caller caller;
    int64_t credentials_end_ms; /* of temporary ones; 0: none */
    bool key_use_due; /* the last use of the caller's key that is remembered is old */
    bool has_web; /* the caller signed in in a browser */
    struct vch_web_session web;
    struct vch_web_grant grant; /* what the browser gets; secret */
    struct vch_diag diag;
    char request_id[37];
    int64_t begun_us;
    struct vch_hook_wait wait;
    struct vch_pairing_wait pairing;
    /* A request to become a WebSocket. */
    bool websocket;
    char ws_accept[VCH_WS_ACCEPT];
    struct vch_iam_principal *principal; /* who signed it; NULL: a certificate */
    struct vch_oidc_flow *oidc;          /* in the arena; NULL: it is no such sign-in */
    struct vch_event_stream *stream;     /* it listens to events; NULL: it does not */
    /* The answer. */
    struct vch_http_header extra[VCH_HTTP_EXTRA_MAX];
    size_t extra_count;
    int status;
    const char *content_type;
    const char *cache_control, *security_policy; /* NULL: as documents have it */
    const char *error_type; /* NULL when it went well */
    struct vch_buf body;    /* secret */
    struct vch_lint lint;   /* of a document that was accepted */
    struct vch_str lint_header, lint_words; /* in the arena; empty: nothing to warn of */
};

void vch_http_job_free(struct vch_http_job *job); /* any thread */

/* auth.c: who signed it. UNAUTHENTICATED, EXPIRED, DENIED or MALFORMED as core/sigv4 says, ACCESS_KEY_UNKNOWN. */
enum vch_err vch_http_authenticate(struct vch_http_job *job, int64_t now_ms) VCH_MUST;
/* Does it claim to be signed, well or not? */
bool vch_http_is_signed(const struct vch_http_request *request);

/* data_plane.c: the rows of scope DATA. */
bool vch_data_is(enum vch_op op);
enum vch_err vch_data_certificate(struct vch_http_job *job) VCH_MUST; /* the caller is the client certificate's device */
enum vch_err vch_data_authorize_device(struct vch_http_job *job, const struct vch_val *gathered, struct vch_diag *diag) VCH_MUST;
enum vch_err vch_data_authorize_retain(struct vch_http_job *job, const struct vch_iam_ask *ask, struct vch_diag *diag) VCH_MUST;
enum vch_err vch_data_perform(struct vch_http_job *job, struct vch_call *call) VCH_MUST;
enum vch_aws_error vch_data_error(enum vch_aws_error error); /* what the data plane calls it */

/* ws_upgrade.c: GET /mqtt. */
bool vch_ws_wanted(const struct vch_http_job *job);
bool vch_ws_refuse_form(struct vch_http_job *job); /* true: refused, the answer is filled */
enum vch_err vch_ws_admit(struct vch_http_job *job) VCH_MUST; /* on a worker */
void vch_ws_become(struct vch_http_job *job); /* on the loop; the exchange is gone afterwards */

/* pairing_door.c: the right to make claims of the template that is approved for; a refused one's row. [worker] */
enum vch_err vch_pairing_authorize(struct vch_http_job *job, const struct vch_iam_ask *asked, struct vch_diag *diag) VCH_MUST;
void vch_pairing_unauthorized(struct vch_http_job *job, const struct vch_val *gathered, enum vch_err err);

/* dispatch.c: the use case of an operation; NULL for pages and the test clock. */
vch_use_case *vch_use_case_of(enum vch_op op);

/* answer.c: fill status, content type and body. */
void vch_http_answer_output(struct vch_http_job *job, const struct vch_val *out);
void vch_http_answer_error(struct vch_http_job *job, enum vch_err err, const struct vch_val *out /* may be NULL */);

/* Makes a filled answer smaller where that is due (squeeze.h); once, at its end. */
void vch_http_squeeze(struct vch_http_job *job);

/* lint.c: the findings as they are told, in the response header and in the log. */
void vch_http_tell_lint(struct vch_http_job *job);

/* sts.c: the same in the query protocol. */
bool vch_sts_wanted(const struct vch_http_request *request);
enum vch_op vch_sts_route(const struct vch_http_request *request, struct vch_arena *arena);
/* The operation's inputs of a form, unchecked; INVALID for ones that are not known to be understood. */
enum vch_err vch_sts_gather(struct vch_http_job *job, struct vch_val **ret) VCH_MUST;
void vch_sts_answer_output(struct vch_http_job *job, const struct vch_val *out);
void vch_sts_answer_error(struct vch_http_job *job, const char *code, int status, const char *message);

/* pages.c */
enum vch_op vch_page_route_head(struct vch_http_job *job); /* HEAD of a public page, or NONE */
const struct vch_page_file *vch_page_file_of(const struct vch_http_job *job); /* NULL: the operation is no file, or not there */
enum vch_err vch_pages_prepare(struct vch_http_door *door) VCH_MUST;
/* On a loop; READYZ on a worker. */
void vch_page_answer(struct vch_http_job *job);

#endif
