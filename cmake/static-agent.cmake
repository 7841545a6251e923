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
# A C library that cannot start such a program at any address (Debian's for armhf) has no rcrt1.o, and the compiler then names it without a folder. Its
# crtbeginT.o refers to the tables that no-unwind.ld leaves out; on ARM they are small.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=rcrt1.o OUTPUT_VARIABLE start OUTPUT_STRIP_TRAILING_WHITESPACE)
if(IS_ABSOLUTE "${start}")
  add_link_options(-static-pie -Wl,--no-eh-frame-hdr -Wl,-T,${CMAKE_CURRENT_LIST_DIR}/no-unwind.ld)
else()
  set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
  add_link_options(-static -no-pie)
endif()
include(CheckLinkerFlag)
check_linker_flag(C -Wl,-z,pack-relative-relocs VOUCH_HAS_RELR)
if(VOUCH_HAS_RELR)
  add_link_options(-Wl,-z,pack-relative-relocs)
endif()
