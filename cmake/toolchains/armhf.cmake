# Debian's armhf: packages gcc-arm-linux-gnueabihf, libc6-dev-armhf-cross.
set(CMAKE_SYSTEM_PROCESSOR arm)
set(triple arm-linux-gnueabihf)
include(${CMAKE_CURRENT_LIST_DIR}/debian.cmake)
