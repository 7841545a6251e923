/* The answers of the provisioning services, in JSON or CBOR: fields of one
 * object, found in place. Pure. Errors as in json.h and cbor.h. */
#ifndef VCH_DEVLIB_ANSWER_H
#define VCH_DEVLIB_ANSWER_H

#include "devlib/cbor.h"
#include "vouch/device.h"

struct vch_answer {
    char *document;
    size_t len;
    bool cbor;
};

enum vch_err vch_answer_scan(const struct vch_answer *answer, struct vch_devjson_field *fields, size_t count) VCH_MUST;
/* Undoes escapes or joins chunks, in place and terminated. Not twice. */
enum vch_err vch_answer_text(const struct vch_answer *answer, const struct vch_devjson_field *field,
                             char **ret_text) VCH_MUST;
/* What a rejection says; what it does not say, or not well, stays empty. */
void vch_answer_rejection(const struct vch_answer *answer, struct vch_device_failure *failure);

/* An accepted creation. False when something is missing or not fit to be used:
 * the id, which becomes part of file names, is hexadecimal digits alone. */
bool vch_answer_identity(const struct vch_answer *answer, bool with_key, struct vch_device_identity *ret);

#endif
