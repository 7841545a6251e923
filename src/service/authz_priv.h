/* Inside of authorization: the frozen view, how it is built, and the values of
 * its variables. */
#ifndef VCH_SERVICE_AUTHZ_PRIV_H
#define VCH_SERVICE_AUTHZ_PRIV_H

#include <stdatomic.h>

#include "service/authz.h"

/* Names and values in one block; immutable. */
struct vch_authz_item {
    struct vch_str name, value;
};
struct vch_authz_table {
    size_t count;
    struct vch_authz_item items[];
};

struct vch_authz {
    atomic_uint refs;
    bool exclusive; /* the thing's only certificate, the certificate's only thing */
    struct vch_authz_table *thing;       /* one item: its name, its type; NULL: attached to none */
    struct vch_authz_table *attributes;  /* the thing's; NULL unless a policy asks */
    struct vch_authz_table *certificate; /* as vch_certificate_values; NULL unless a policy asks */
    size_t count;
    struct vch_policy *policies[];
};

/* Compiles what was read, in its order. `certificate_id` empty: no certificate. */
enum vch_err vch_authz_build(struct vch_service *service, const struct vch_rec_authz *record, struct vch_str certificate_id,
                             struct vch_str client_id, struct vch_authz **ret, struct vch_diag *diag) VCH_MUST;
/* The connection's thing: the exclusive one, or the one of the client id's name. */
const struct vch_rec_thing *vch_authz_thing(const struct vch_rec_authz *record, struct vch_str client_id);

enum vch_err vch_policy_compiled(struct vch_policy_cache *cache, const struct vch_rec_policy *record,
                                 struct vch_policy **ret, struct vch_diag *diag) VCH_MUST;

/* ---- values of one question ---- */
enum { VCH_AUTHZ_ARN_MAX = 1024 };
struct vch_authz_answering {
    const struct vch_authz_ask *ask;
    char time[25];
    char arn[VCH_AUTHZ_ARN_MAX];
};
void vch_authz_lookup(void *answering, struct vch_str name, struct vch_policy_values *ret);
/* 0 when it does not fit. */
size_t vch_authz_arn(char out[VCH_AUTHZ_ARN_MAX], const struct vch_site *site, const char *type, struct vch_str name);

#endif
