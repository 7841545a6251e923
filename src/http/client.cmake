# A library of its own: its users need libcurl, the server side does not.
add_library(vch_http_client STATIC ${CMAKE_CURRENT_LIST_DIR}/client.c)
target_include_directories(vch_http_client PUBLIC ${CMAKE_SOURCE_DIR}/src)
vch_dialect(vch_http_client "")
target_link_libraries(vch_http_client PUBLIC vch_base PRIVATE PkgConfig::CURL)
