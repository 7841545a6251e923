vch_fuzz(json ROOMS base)
vch_fuzz(cbor ROOMS base)
