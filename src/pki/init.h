/* The certificate authorities of an installation: root, device issuer, claim
 * issuer (all P-256), and the server certificate.
 *
 * Files under DIR, folders 0700: ca.pem (root, 0644), ca/root.key, ca/device.{key,pem},
 * ca/claim.{key,pem} (keys 0600), ca/ledger.key with ledger.pub.pem (0644), tls/server.{key,pem} (server.pem holds the chain).
 */
#ifndef VCH_PKI_INIT_H
#define VCH_PKI_INIT_H

#include "base/arena.h"

/* Makes what is missing, all or nothing: a kill at any point leaves a folder
 * that the next call completes. Renews the server certificate when it is past
 * two thirds of its life (825 days) or lacks a name. IO, MALFORMED. */
enum vch_err vch_pki_prepare(const char *data_dir, const char *const *hostnames, size_t count, struct vch_diag *diag) VCH_MUST;

#endif
