vch_fuzz(profile ROOMS ctl)
