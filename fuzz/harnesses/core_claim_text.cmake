vch_fuzz(claim_text ROOMS core base)
