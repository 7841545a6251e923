vch_fuzz(devjson ROOMS devlib)
