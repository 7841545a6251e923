vch_fuzz(hooks_wire ROOMS daemon LIBS OpenSSL::SSL)
