# One static library per folder. The folder's *.cc are its sources, its *_test.cc its unit tests.
#
#   reeve_library(engine DEPS model journal workflow [EXTERNAL ext_x] [PURE])
#
# makes: reeve_engine (the library), reeve_engine_test (its unit tests), reeve_engine_link_test
# (the whole archive links against the declared dependencies and nothing else) and, for PURE
# libraries, a scan that refuses symbols of clocks, entropy, environment, threads and sockets.

# Precompiled headers: the standard library; the same and the engine for all that stands on it; both
# once more with gtest for tests, which are not worth the optimizer's time. What is tested is compiled
# as it is shipped.
set(REEVE_TEST_OPTIONS "$<$<CONFIG:Release>:-O0>")

function(reeve_pch name header)
  add_library(${name} STATIC "${PROJECT_SOURCE_DIR}/cmake/pch.cc")
  target_link_libraries(${name} PRIVATE reeve_flags ${ARGN})
  target_precompile_headers(${name} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/${header}")
endfunction()

reeve_pch(reeve_pch pch.h)
reeve_pch(reeve_engine_pch engine_pch.h)
if(REEVE_TESTS)
  foreach(kind IN ITEMS "" engine_)
    reeve_pch(reeve_${kind}test_pch ${kind}test_pch.h GTest::gtest)
    target_compile_options(reeve_${kind}test_pch PRIVATE ${REEVE_TEST_OPTIONS})
  endforeach()
endif()
option(REEVE_PCH "use precompiled headers" ON)

function(reeve_use_pch target pch)
  if(REEVE_PCH)
    target_precompile_headers(${target} REUSE_FROM ${pch})
  endif()
endfunction()

# The kind of precompiled header for what has these libraries among its own: "" or "engine_".
function(reeve_pch_kind result)
  set(kind "")
  foreach(library IN ITEMS engine kernel owner sim api cli)
    if("reeve_${library}" IN_LIST ARGN)
      set(kind engine_)
    endif()
  endforeach()
  set(${result} "${kind}" PARENT_SCOPE)
endfunction()

function(reeve_test target)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPS;ARGS" ${ARGN})
  add_executable(${target} ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE reeve_flags ${ARG_DEPS} GTest::gtest GTest::gtest_main)
  target_compile_options(${target} PRIVATE ${REEVE_TEST_OPTIONS})
  reeve_pch_kind(kind ${ARG_DEPS})
  reeve_use_pch(${target} reeve_${kind}test_pch)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_test(NAME ${target} COMMAND ${target} ${ARG_ARGS})
  set_tests_properties(${target} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT})
endfunction()

function(reeve_library folder)
  cmake_parse_arguments(ARG "PURE" "" "DEPS;EXTERNAL" ${ARGN})
  string(REPLACE "/" "_" name "${folder}")
  set(target reeve_${name})
  set(dir "${PROJECT_SOURCE_DIR}/src/${folder}")
  file(GLOB sources CONFIGURE_DEPENDS "${dir}/*.cc")
  file(GLOB tests CONFIGURE_DEPENDS "${dir}/*_test.cc")
  file(GLOB headers CONFIGURE_DEPENDS "${dir}/*.h")
  if(tests)
    list(REMOVE_ITEM sources ${tests})
  endif()
  if(NOT sources)
    message(WARNING "src/${folder} has no sources")
    return()
  endif()
  set(deps)
  foreach(dep IN LISTS ARG_DEPS)
    string(REPLACE "/" "_" dep "${dep}")
    list(APPEND deps reeve_${dep})
  endforeach()

  add_library(${target} STATIC ${sources})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/src" FILES ${headers})
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  target_link_libraries(${target} PUBLIC reeve_flags ${deps} PRIVATE ${ARG_EXTERNAL})
  reeve_pch_kind(kind ${target} ${deps})
  reeve_use_pch(${target} reeve_${kind}pch)

  if(REEVE_TESTS)
    if(tests)
      reeve_test(${target}_test SOURCES ${tests} DEPS ${target} LABEL unit)
    endif()
    add_executable(${target}_link_test "${PROJECT_SOURCE_DIR}/cmake/link_test.cc")
    target_link_libraries(${target}_link_test PRIVATE
      reeve_flags -Wl,--whole-archive $<TARGET_FILE:${target}> -Wl,--no-whole-archive ${deps} ${ARG_EXTERNAL})
    add_dependencies(${target}_link_test ${target})
    add_test(NAME ${target}_link_test COMMAND ${target}_link_test)
    set_tests_properties(${target}_link_test PROPERTIES LABELS check)
    if(ARG_PURE)
      add_test(NAME ${target}_symbols
        COMMAND ${Python3_EXECUTABLE} "${PROJECT_SOURCE_DIR}/scripts/check_symbols.py" $<TARGET_FILE:${target}>)
      set_tests_properties(${target}_symbols PROPERTIES LABELS check)
    endif()
  endif()
endfunction()
