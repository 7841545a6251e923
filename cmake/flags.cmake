# Flags of the whole project. VOUCH_WERROR is for CI; VOUCH_SANITIZE is a list
# such as "address,undefined" or "thread".
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g -DNDEBUG")

option(VOUCH_WERROR "Warnings are errors" OFF)
set(VOUCH_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize")

add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes
                    -Wpointer-arith -Wformat=2 -Wundef -fstack-protector-strong -fno-strict-overflow)
add_compile_definitions(_GNU_SOURCE)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" OR CMAKE_C_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
endif()
if(VOUCH_WERROR)
  add_compile_options(-Werror)
endif()
# libFuzzer sees only what is instrumented: the rooms, not the harness alone.
if(VOUCH_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(VOUCH_SANITIZE)
  add_compile_options(-fsanitize=${VOUCH_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${VOUCH_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-D_FORTIFY_SOURCE=2)
endif()
add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
