/* The part of keystore.h that reaches tokens; with everything inside one file there is none (tokens_none.c). */
#ifndef VCH_AGENT_TOKENS_H
#define VCH_AGENT_TOKENS_H

#include "agent/keystore.h"

/* NOT_FOUND, IO, INVALID, with a sentence. The caller frees. */
enum vch_err vch_token_load(struct vch_str uri, EVP_PKEY **ret, struct vch_diag *diag) VCH_MUST;
/* Makes the key where there is none of that name. */
enum vch_err vch_token_ensure(struct vch_str uri, enum vch_key_type type, struct vch_diag *diag) VCH_MUST;

#endif
