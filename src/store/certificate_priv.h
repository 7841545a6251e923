/* Refusals that several files of the room give in the same words. */
#ifndef VCH_STORE_CERTIFICATE_PRIV_H
#define VCH_STORE_CERTIFICATE_PRIV_H

#include "base/str.h"

enum vch_err vch_certificate_missing(struct vch_str id, struct vch_diag *diag) VCH_MUST;

#endif
