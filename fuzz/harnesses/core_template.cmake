vch_fuzz(sigv4 ROOMS core)
