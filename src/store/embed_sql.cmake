# Writes the SQL of this room as C: cmake -DOUT=DIR -DQUERIES="a.sql|b.sql" -DMIGRATIONS="0001_x.sql" -P embed_sql.cmake
#
# A query file is blocks of "-- :name" and one statement; each becomes
# VCH_Q_NAME and a row of vch_sql_queries. A migration NNNN_name.sql becomes a
# row of vch_sql_migrations. Files are written only when they change.
cmake_minimum_required(VERSION 3.25)
string(REPLACE "|" ";" QUERIES "${QUERIES}")
string(REPLACE "|" ";" MIGRATIONS "${MIGRATIONS}")

function(c_literal text ret)
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "\"" "\\\"" text "${text}")
  string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
  set(${ret} "\"${text}\"" PARENT_SCOPE)
endfunction()

# Comments and surplus space go; what is left is one line.
function(squeeze text ret)
  string(REGEX REPLACE "--[^\n]*" "" text "${text}")
  string(REGEX REPLACE "[ \n]+" " " text "${text}")
  string(STRIP "${text}" text)
  set(${ret} "${text}" PARENT_SCOPE)
endfunction()

set(enum "")
set(rows "")
foreach(file ${QUERIES})
  file(READ ${file} text)
  string(FIND "${text}" "-- :" at)
  while(NOT at EQUAL -1)
    math(EXPR at "${at} + 4")
    string(SUBSTRING "${text}" ${at} -1 text)
    string(FIND "${text}" "\n" end)
    string(SUBSTRING "${text}" 0 ${end} name)
    string(SUBSTRING "${text}" ${end} -1 text)
    string(FIND "${text}" "-- :" at)
    string(SUBSTRING "${text}" 0 ${at} body)
    squeeze("${body}" body)
    if(NOT body MATCHES ";$" OR NOT name MATCHES "^[a-z0-9_]+$")
      message(FATAL_ERROR "${file}: query '${name}' is not one statement with a name")
    endif()
    c_literal("${body}" literal)
    string(TOUPPER ${name} upper)
    string(APPEND enum "    VCH_Q_${upper},\n")
    string(APPEND rows "    [VCH_Q_${upper}] = ${literal},\n")
  endwhile()
endforeach()

set(steps "")
set(count 0)
set(last 0)
foreach(file ${MIGRATIONS})
  get_filename_component(name ${file} NAME_WE)
  if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_(.+)$")
    message(FATAL_ERROR "${file}: not NNNN_name.sql")
  endif()
  string(REGEX REPLACE "^0+" "" version "${CMAKE_MATCH_1}")
  math(EXPR count "${count} + 1")
  if(NOT version GREATER last)
    message(FATAL_ERROR "${file}: migrations are numbered upwards")
  endif()
  set(last ${version})
  file(READ ${file} text)
  c_literal("${text}" literal)
  string(APPEND steps "    {${version}, \"${name}\",\n    ${literal}},\n")
endforeach()

file(CONFIGURE OUTPUT ${OUT}/store_sql.h @ONLY CONTENT [[/* Generated from src/store/sql by embed_sql.cmake. */
#ifndef VCH_STORE_SQL_H
#define VCH_STORE_SQL_H

enum vch_query {
@enum@    VCH_Q_COUNT
};
extern const char *const vch_sql_queries[VCH_Q_COUNT];

#endif
]])
file(CONFIGURE OUTPUT ${OUT}/store_sql.c @ONLY CONTENT [[/* Generated from src/store/sql by embed_sql.cmake. */
#include "store/store_sql.h"

#include "store/schema_priv.h"

const char *const vch_sql_queries[VCH_Q_COUNT] = {
@rows@};

const struct vch_migration vch_migrations[] = {
@steps@};
const size_t vch_migration_count = @count@;
]])
