vch_fuzz(csr ROOMS pki)
vch_fuzz(signer_request ROOMS pki)
vch_fuzz(foreign ROOMS pki)
vch_fuzz(certificate ROOMS pki)
