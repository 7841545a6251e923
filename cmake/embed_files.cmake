# Writes one file as C, as it is and gzipped: cmake -DIN=FILE -DOUT=PREFIX -DGZIP=PROGRAM -P embed_files.cmake
# PREFIX.bytes has the arrays, PREFIX.row a row of src/api/page_files.c.
cmake_minimum_required(VERSION 3.25)
get_filename_component(name ${IN} NAME)
get_filename_component(extension ${IN} LAST_EXT)
set(type_.html "text/html; charset=utf-8")
set(type_.css "text/css; charset=utf-8")
set(type_.js "text/javascript; charset=utf-8")
set(type_.svg "image/svg+xml")
if(NOT DEFINED type_${extension})
  message(FATAL_ERROR "${IN}: no content type is known for it")
endif()

function(c_bytes file ret)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  set(${ret} "${bytes}" PARENT_SCOPE)
endfunction()

# -n: no name and no time, so that the same source gives the same bytes.
execute_process(COMMAND ${GZIP} -9 -n -c ${IN} OUTPUT_FILE ${OUT}.gz COMMAND_ERROR_IS_FATAL ANY)
file(SHA256 ${IN} hash)
string(SUBSTRING ${hash} 0 32 hash)
c_bytes(${IN} plain)
c_bytes(${OUT}.gz gzip)
string(MAKE_C_IDENTIFIER ${name} symbol)
file(WRITE ${OUT}.bytes "static const unsigned char ${symbol}_plain[] = {\n${plain}};\nstatic const unsigned char ${symbol}_gzip[] = {\n${gzip}};\n")
file(WRITE ${OUT}.row "PAGE_FILE(\"${name}\", \"${type_${extension}}\", \"${hash}\", ${symbol}_plain, ${symbol}_gzip)\n")
