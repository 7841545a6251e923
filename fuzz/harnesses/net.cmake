vch_fuzz(http ROOMS http)
