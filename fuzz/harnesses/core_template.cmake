vch_fuzz(sigv4 ROOMS core)
vch_fuzz(template ROOMS core)
