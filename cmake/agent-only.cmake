# VOUCH_AGENT_ONLY: the rooms of the agent, without what in them belongs to the server and to its libraries. Small by
# default; what nothing calls is left out, and so are the tables to unwind the stack, which C does not need.
if(VOUCH_TESTS OR VOUCH_FUZZ)
  message(FATAL_ERROR "VOUCH_AGENT_ONLY builds no tests")
endif()
add_compile_options(-ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
                    -fno-unwind-tables)
add_link_options(-Wl,--gc-sections)
foreach(room base core wire net http devlib agent)
  add_subdirectory(src/${room})
endforeach()
