/* What a claim is bound to beyond its template: the thing's name, parameters,
 * the network it may be used from, the device's key. Kept as JSON with the
 * claim; "{}" binds nothing, as AWS's claims are. Pure; any thread.
 */
#ifndef VCH_CORE_BINDING_H
#define VCH_CORE_BINDING_H

#include "base/val.h"

enum { VCH_BINDING_PARAMETERS_MAX = 50 };

struct vch_binding {
    struct vch_str thing_name, source; /* source: "10.0.0.0/8" */
    struct vch_str key;                /* hexadecimal SHA-256 of the DER public key */
    struct vch_str pairing;            /* the id of the pairing that it came of; restricts nothing */
    bool same_key;                     /* the device's certificate must be for that key too */
    const struct vch_val *parameters;  /* a map of strings, or NULL */
};

/* Names, lengths, the network: NAME_INVALID, FIELD_INVALID, PARAMETER_INVALID. */
enum vch_err vch_binding_check(const struct vch_binding *binding, struct vch_diag *diag) VCH_MUST;
/* As a document; views of the binding. NULL: memory. */
struct vch_val *vch_binding_put(const struct vch_binding *binding, struct vch_arena *arena);
/* From the text that was kept. Views into the arena. */
enum vch_err vch_binding_parse(struct vch_str json, struct vch_arena *arena, struct vch_binding *ret) VCH_MUST;

/* CLAIM_SOURCE when the claim is bound to a network and `ip` is not of it. */
enum vch_err vch_binding_source(const struct vch_binding *binding, struct vch_str ip, struct vch_diag *diag) VCH_MUST;
/* CLAIM_THING when it is bound to another name, or the template makes no thing. */
enum vch_err vch_binding_thing(const struct vch_binding *binding, struct vch_str thing_name, struct vch_diag *diag) VCH_MUST;
/* `given` (NULL: none) with the bound parameters put in: *ret. CLAIM_PARAMETER
 * when one is given with another value. */
enum vch_err vch_binding_parameters(const struct vch_binding *binding, const struct vch_val *given, struct vch_arena *arena,
                                    struct vch_val **ret, struct vch_diag *diag) VCH_MUST;
/* A copy of `parameters` with the bound values put over them. */
enum vch_err vch_binding_copy(const struct vch_binding *binding, const struct vch_val *parameters, struct vch_arena *arena,
                              struct vch_val *ret) VCH_MUST;
/* CLAIM_KEY when the device's certificate must be for the claim's key and
 * `spki` (DER; empty: a key that the server makes) is another. */
enum vch_err vch_binding_key(const struct vch_binding *binding, struct vch_str spki, struct vch_diag *diag) VCH_MUST;

/* `ip` lies in `network` ("10.0.0.0/8", "2001:db8::1"); false when either is none. */
bool vch_network_holds(struct vch_str network, struct vch_str ip);
bool vch_network_valid(struct vch_str network);

#endif
