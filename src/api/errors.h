/* What a refusal is called outside: one table from the reasons of
 * core/reason.def (or, without one, from the error class) to the AWS error of
 * the control plane and to the three fields of an MQTT rejection. Pure; any
 * thread; all strings are static unless said otherwise.
 */
#ifndef VCH_API_ERRORS_H
#define VCH_API_ERRORS_H

#include "base/err.h"
#include "shape/aws_error.h"

struct vch_api_error {
    enum vch_aws_error aws;
    int mqtt_status;       /* "statusCode" */
    const char *mqtt_code; /* "errorCode" */
};

/* Never fails; `err` is not VCH_OK. `diag` may be NULL or empty. */
struct vch_api_error vch_api_error_of(enum vch_err err, const struct vch_diag *diag);

/* The sentence for the caller: the diagnosis' own, or a plain one of the
 * class. What went wrong inside the server is not told. Lives as long as diag. */
const char *vch_api_error_message(enum vch_err err, const struct vch_diag *diag);

/* The same, led by the place in the document when the diagnosis has one:
 * "/Resources/policy/Properties: ...". Cut at `size`, terminated. */
enum { VCH_API_ERROR_TEXT = 512 };
void vch_api_error_text(enum vch_err err, const struct vch_diag *diag, char out[VCH_API_ERROR_TEXT]);

/* The stable word for logs and the ledger: the reason, or the class. */
const char *vch_api_error_reason(enum vch_err err, const struct vch_diag *diag);

#endif
