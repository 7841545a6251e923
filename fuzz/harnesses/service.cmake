vch_fuzz(trust ROOMS service)
