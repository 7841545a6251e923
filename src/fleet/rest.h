/* Signed calls to the control plane over one kept connection. One thread each. */
#ifndef VCH_FLEET_REST_H
#define VCH_FLEET_REST_H

#include "base/val.h"
#include "fleet/options.h"

struct vch_rest;
struct vch_rest *vch_rest_new(const struct vch_fleet_site *site); /* NULL: memory; `site` is borrowed */
void vch_rest_free(struct vch_rest *rest);

/* `body` is JSON or empty. OK for a 2xx with a JSON object in *ret (NULL for an
 * empty body); else NOT_FOUND for 404, DENIED for other answers, or the
 * transport's error, with words in `diag`. All memory in `arena`. */
enum vch_err vch_rest_call(struct vch_rest *rest, const char *method, struct vch_str path, struct vch_str body,
                           struct vch_arena *arena, struct vch_val **ret, struct vch_diag *diag) VCH_MUST;

/* Makes policy fleet-policy and template FleetTemplate when `template_name` is
 * NULL and they are absent; *ret_name is the template to use. */
enum vch_err vch_rest_prepare(struct vch_rest *rest, const char *template_name, struct vch_arena *arena,
                              struct vch_str *ret_name, struct vch_diag *diag) VCH_MUST;

#endif
