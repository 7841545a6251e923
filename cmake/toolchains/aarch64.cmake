# Debian's arm64: packages gcc-aarch64-linux-gnu, libc6-dev-arm64-cross.
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(triple aarch64-linux-gnu)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
