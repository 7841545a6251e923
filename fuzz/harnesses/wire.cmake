vch_fuzz(mqtt ROOMS wire)
