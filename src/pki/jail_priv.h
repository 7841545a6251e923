/* The signer's jail: once in, the process reads and writes its socket, asks for
 * memory, time and randomness, and ends. Nothing else. */
#ifndef VCH_PKI_JAIL_PRIV_H
#define VCH_PKI_JAIL_PRIV_H

#include "base/err.h"

/* No core dumps, no ptrace by others, memory locked as far as allowed, no new
 * privileges, no new descriptors, system calls by allow-list. Opening files is
 * refused with EPERM; anything else outside the list ends the process. Built
 * with a sanitizer, whose runtime needs more calls, the list is left out. IO. */
enum vch_err vch_signer_jail(struct vch_diag *diag) VCH_MUST;

#endif
