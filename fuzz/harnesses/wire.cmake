vch_fuzz(mqtt ROOMS wire)
vch_fuzz(mqtt5 ROOMS wire)
