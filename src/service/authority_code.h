/* The registration code: what the owner of a CA certificate has signed to show
 * that its key is his. Source: AWS GetRegistrationCode. */
#ifndef VCH_SERVICE_AUTHORITY_CODE_H
#define VCH_SERVICE_AUTHORITY_CODE_H

#include "service/call.h"

/* The code in force; .len 0 while there is none. */
enum vch_err vch_registration_code(struct vch_call *call, struct vch_str *ret) VCH_MUST;

#endif
