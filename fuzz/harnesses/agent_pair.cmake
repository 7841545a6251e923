vch_fuzz(reply ROOMS http)
vch_fuzz(pair_answer ROOMS agent)
