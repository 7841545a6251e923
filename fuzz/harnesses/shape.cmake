vch_fuzz(shape ROOMS shape)
