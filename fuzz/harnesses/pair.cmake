vch_fuzz(pair_code ROOMS core)
