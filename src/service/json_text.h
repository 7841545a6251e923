/* Documents that the registry keeps as JSON text. */
#ifndef VCH_SERVICE_JSON_TEXT_H
#define VCH_SERVICE_JSON_TEXT_H

#include "service/call.h"

/* `val` as text in the call's arena; at most 64 KiB. */
enum vch_err vch_json_text(struct vch_call *call, const struct vch_val *val, struct vch_str *ret) VCH_MUST;
/* The document as member `name`; an empty text adds nothing. */
enum vch_err vch_put_json_text(struct vch_call *call, struct vch_val *map, const char *name, struct vch_str text) VCH_MUST;

#endif
