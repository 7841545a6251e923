#include "core/binding.h"

#include "base/digest.h"
#include "core/names.h"
#include "core/reason.h"

static enum vch_err check_parameters(const struct vch_val *parameters, struct vch_diag *diag) {
    if (!parameters) return VCH_OK;
    if (parameters->count > VCH_BINDING_PARAMETERS_MAX)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, PARAMETER_INVALID, "parameters", "A claim fixes at most %d parameters.",
                          VCH_BINDING_PARAMETERS_MAX);
    for (size_t i = 0; i < parameters->count; i++) {
        const struct vch_member *m = &parameters->members[i];
        bool sound = m->name.len && m->name.len <= VCH_PARAMETER_NAME_MAX && m->value.type == VCH_VAL_STR &&
                     m->value.str.len <= VCH_PARAMETER_VALUE_MAX;
        if (!sound || vch_str_starts(m->name, VCH_STR("AWS::")))
            return VCH_REFUSE(diag, VCH_ERR_INVALID, PARAMETER_INVALID, "parameters", "Parameter %.64s cannot be fixed to this value.",
                              m->name.len ? m->name.ptr : "");
    }
    return VCH_OK;
}

enum vch_err vch_binding_check(const struct vch_binding *binding, struct vch_diag *diag) {
    if (binding->thing_name.len && !vch_thing_name_valid(binding->thing_name))
        return VCH_REFUSE(diag, VCH_ERR_INVALID, NAME_INVALID, "thingName", "The value of thingName is not a thing's name.");
    if (binding->source.len && !vch_network_valid(binding->source))
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "source",
                          "The value of source must be an address or a network such as 10.0.0.0/8.");
    if (binding->same_key && !binding->key.len)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "sameKey", "sameKey needs publicKey or certificateSigningRequest.");
    return check_parameters(binding->parameters, diag);
}

static bool put(struct vch_arena *arena, struct vch_val *map, const char *name, struct vch_str text) {
    return text.len == 0 || vch_val_put_str(arena, map, name, text) == VCH_OK;
}

struct vch_val *vch_binding_put(const struct vch_binding *binding, struct vch_arena *arena) {
    struct vch_val *map = vch_val_new_map(arena);
    bool ok = map && put(arena, map, "thingName", binding->thing_name) && put(arena, map, "source", binding->source) &&
              put(arena, map, "key", binding->key) && put(arena, map, "pairing", binding->pairing) &&
              (!binding->same_key || vch_val_put_bool(arena, map, "sameKey", true) == VCH_OK);
    if (!ok) return NULL;
    if (!binding->parameters || binding->parameters->count == 0) return map;
    struct vch_val *slot = vch_val_put(arena, map, "parameters");
    if (!slot) return NULL;
    *slot = *binding->parameters;
    return map;
}

enum vch_err vch_binding_parse(struct vch_str json, struct vch_arena *arena, struct vch_binding *ret) {
    struct vch_val *map;
    *ret = (struct vch_binding){.parameters = NULL};
    if (json.len == 0 || vch_str_eq_c(json, "{}")) return VCH_OK;
    VCH_TRY(vch_json_decode(json, NULL, arena, &map, NULL));
    const struct vch_val *parameters = vch_val_get(map, "parameters");
    *ret = (struct vch_binding){.thing_name = vch_val_str_at(map, "thingName"),
                                .source = vch_val_str_at(map, "source"),
                                .key = vch_val_str_at(map, "key"),
                                .pairing = vch_val_str_at(map, "pairing"),
                                .same_key = vch_val_bool_at(map, "sameKey", false),
                                .parameters = vch_val_is(parameters, VCH_VAL_MAP) ? parameters : NULL};
    return VCH_OK;
}

enum vch_err vch_binding_source(const struct vch_binding *binding, struct vch_str ip, struct vch_diag *diag) {
    if (binding->source.len == 0 || vch_network_holds(binding->source, ip)) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_DENIED, CLAIM_SOURCE, "", "The provisioning claim cannot be used from this network.");
}

enum vch_err vch_binding_thing(const struct vch_binding *binding, struct vch_str thing_name, struct vch_diag *diag) {
    if (binding->thing_name.len == 0 || vch_str_eq(binding->thing_name, thing_name)) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_DENIED, CLAIM_THING, "thingName", "The provisioning claim is for another thing.");
}

static enum vch_err overlay(const struct vch_binding *binding, struct vch_val *parameters, struct vch_arena *arena) {
    for (size_t i = 0; binding->parameters && i < binding->parameters->count; i++) {
        const struct vch_member *bound = &binding->parameters->members[i];
        struct vch_member *have = NULL;
        for (size_t k = 0; k < parameters->count; k++)
            if (vch_str_eq(parameters->members[k].name, bound->name)) have = &parameters->members[k];
        struct vch_val *slot = have ? &have->value : vch_val_put_str_name(arena, parameters, bound->name);
        if (!slot) return VCH_ERR_NOMEM;
        *slot = bound->value;
    }
    return VCH_OK;
}

static enum vch_err copy_member(struct vch_val *map, const struct vch_member *m, struct vch_arena *arena) {
    struct vch_val *slot = vch_val_put_str_name(arena, map, m->name);
    if (!slot) return VCH_ERR_NOMEM;
    *slot = m->value;
    return VCH_OK;
}

enum vch_err vch_binding_copy(const struct vch_binding *binding, const struct vch_val *parameters, struct vch_arena *arena,
                              struct vch_val *ret) {
    struct vch_val *map = vch_val_new_map(arena);
    if (!map) return VCH_ERR_NOMEM;
    for (size_t i = 0; parameters && i < parameters->count; i++) VCH_TRY(copy_member(map, &parameters->members[i], arena));
    VCH_TRY(overlay(binding, map, arena));
    *ret = *map;
    return VCH_OK;
}

enum vch_err vch_binding_parameters(const struct vch_binding *binding, const struct vch_val *given, struct vch_arena *arena,
                                    struct vch_val **ret, struct vch_diag *diag) {
    *ret = vch_val_new_map(arena);
    if (!*ret) return VCH_ERR_NOMEM;
    for (size_t i = 0; given && i < given->count; i++) {
        const struct vch_member *m = &given->members[i];
        const struct vch_val *bound = vch_val_get_str(binding->parameters, m->name);
        if (bound && !vch_val_eq(bound, &m->value))
            return VCH_REFUSE(diag, VCH_ERR_DENIED, CLAIM_PARAMETER, "parameters",
                              "The provisioning claim fixes parameter %.64s to another value.", m->name.ptr);
        VCH_TRY(copy_member(*ret, m, arena));
    }
    return overlay(binding, *ret, arena);
}

enum vch_err vch_binding_key(const struct vch_binding *binding, struct vch_str spki, struct vch_diag *diag) {
    char hex[VCH_SHA256_HEX];
    if (!binding->same_key) return VCH_OK;
    vch_sha256_hex(spki, hex);
    if (spki.len && vch_str_eq_c(binding->key, hex)) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_DENIED, CLAIM_KEY, "certificateSigningRequest",
                      "The provisioning claim asks for a certificate for its own key.");
}
