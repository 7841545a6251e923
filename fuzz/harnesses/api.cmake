vch_fuzz(form ROOMS api)
