# A cross compiler of Debian. `triple` is set by the file that includes this.
#   VOUCH_SYSROOT   a folder of tools/cross-sysroot, given on the command line or in the environment; without it, the
#                   libraries are those that dpkg installed for the foreign architecture.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${triple}-gcc)
set(CMAKE_STRIP ${triple}-strip)
set(CMAKE_LIBRARY_ARCHITECTURE ${triple})
if(NOT VOUCH_SYSROOT)
  set(VOUCH_SYSROOT "$ENV{VOUCH_SYSROOT}")
endif()
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES VOUCH_SYSROOT)

if(VOUCH_SYSROOT AND NOT EXISTS ${VOUCH_SYSROOT}/packages)
  message(FATAL_ERROR "${VOUCH_SYSROOT} is no folder of tools/cross-sysroot")
endif()

# The C library is the compiler's own; the sysroot has the others.
if(VOUCH_SYSROOT)
  set(CMAKE_FIND_ROOT_PATH ${VOUCH_SYSROOT})
  set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
  set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
  set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
  set(CMAKE_C_FLAGS_INIT "-isystem ${VOUCH_SYSROOT}/usr/include/${triple} -isystem ${VOUCH_SYSROOT}/usr/include")
  set(CMAKE_EXE_LINKER_FLAGS_INIT "-L${VOUCH_SYSROOT}/usr/lib/${triple} -Wl,-rpath-link,${VOUCH_SYSROOT}/usr/lib/${triple}")
  set(ENV{PKG_CONFIG_SYSROOT_DIR} ${VOUCH_SYSROOT})
endif()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(ENV{PKG_CONFIG_LIBDIR} ${VOUCH_SYSROOT}/usr/lib/${triple}/pkgconfig)
