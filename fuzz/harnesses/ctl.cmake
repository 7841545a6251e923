vch_fuzz(profile ROOMS ctl)
vch_fuzz(ledger_file ROOMS ctl core)
vch_fuzz(csv ROOMS ctl)
