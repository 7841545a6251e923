# VOUCH_STATIC_AGENT: vouch-agent as one file that needs no library of the system. It needs OpenSSL's and jansson's
# archives, which Debian has in the packages of the headers; nothing else may be linked with what stands for them then.
if(NOT VOUCH_STATIC_AGENT)
  return()
endif()
if(NOT VOUCH_AGENT_ONLY)
  message(FATAL_ERROR "VOUCH_STATIC_AGENT needs VOUCH_AGENT_ONLY: a server is not linked this way")
endif()
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
set(OPENSSL_USE_STATIC_LIBS ON)
add_link_options(-static-pie)
