vch_fuzz(devjson ROOMS devlib)
vch_fuzz(devcbor ROOMS devlib)
vch_fuzz(device ROOMS devlib)
vch_fuzz(pem ROOMS agent)
