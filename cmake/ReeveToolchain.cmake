# Compiler, warnings, sanitizers, cache: everything that is the same for every target.

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR
    "Reeve needs clang 19 or newer (found ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}). "
    "g++ 12 miscompiles coroutines without a warning. Run scripts/bootstrap and use a CMake preset.")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)

option(REEVE_TESTS "build the tests" ON)
option(REEVE_BENCH "build the benchmarks" OFF)
option(REEVE_STATIC "link everything but libc statically" ON)
set(REEVE_SANITIZE "" CACHE STRING "sanitizers: '', 'address,undefined' or 'thread'")

find_program(REEVE_CCACHE ccache)
if(REEVE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${REEVE_CCACHE})
endif()

add_library(reeve_flags INTERFACE)
target_compile_options(reeve_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wimplicit-fallthrough -Wswitch-enum -Werror
  -Wno-switch-default -gline-tables-only -fno-omit-frame-pointer
  "SHELL:-Xclang -fno-pch-timestamp")
target_compile_definitions(reeve_flags INTERFACE _FILE_OFFSET_BITS=64)
target_include_directories(reeve_flags INTERFACE "${PROJECT_SOURCE_DIR}/src")
target_link_options(reeve_flags INTERFACE -fuse-ld=lld-19 -Wl,--build-id=sha1)
if(NOT REEVE_SANITIZE STREQUAL "")
  target_compile_options(reeve_flags INTERFACE -fsanitize=${REEVE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(reeve_flags INTERFACE -fsanitize=${REEVE_SANITIZE})
elseif(REEVE_STATIC)
  target_link_options(reeve_flags INTERFACE -static-libstdc++ -static-libgcc)
endif()

# Which executables may be run as part of the build: all of them, there is no cross compilation.
find_package(Threads REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
