vch_fuzz(policy ROOMS core)
vch_fuzz(topic ROOMS core)
vch_fuzz(lint ROOMS core)
