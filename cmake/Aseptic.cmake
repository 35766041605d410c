# SPDX-License-Identifier: Apache-2.0
# The build's own vocabulary: hosted and freestanding libraries, programs, tests and fuzz targets.
# A part can include only what it links, so the link lists in the parts' CMakeLists.txt are the layering.

option(ASEPTIC_TESTS "Build the tests (needs GoogleTest)" OFF)
option(ASEPTIC_BENCH "Build the benchmarks" OFF)
option(ASEPTIC_FUZZ "Build the fuzz targets with libFuzzer (clang only)" OFF)

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(THREADS_PREFER_PTHREAD_FLAG ON)

find_program(ASEPTIC_CCACHE ccache)
if(ASEPTIC_CCACHE)
  # base_dir makes paths relative, so that checkouts in different folders share the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${ASEPTIC_CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Werror)
# A designated initialiser names what differs from the member defaults; the others are meant.
add_compile_options(-Wno-missing-field-initializers)
# g++-12 reports moved-from variants and optionals as uninitialised (GCC bug 105562); clang's analysis stays on.
add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
# At -O2 g++-12 reports impossible copies inside std::string and std::vector (GCC bugs 105329, 105651, 105762); the dev
# preset and clang keep these warnings.
add_compile_options("$<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-restrict;-Wno-array-bounds;-Wno-stringop-overflow>")
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(NOT ASEPTIC_BOOT_TARGET)
  add_compile_options(-fstack-protector-strong)
endif()
add_compile_options($<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)

if(ASEPTIC_BOOT_TARGET STREQUAL an505)
  set(target_core -mcpu=cortex-m33 -mthumb -mfloat-abi=soft)
elseif(ASEPTIC_BOOT_TARGET STREQUAL ast1030)
  set(target_core -mcpu=cortex-m4+nofp -mthumb -mfloat-abi=soft)
endif()
if(ASEPTIC_BOOT_TARGET)
  # Measured one by one on the linked boot stage; the first also keeps the frames of a call chain apart (RAM).
  set(size_flags -fno-inline-functions-called-once -fno-partial-inlining -fno-move-loop-invariants
    -fno-schedule-insns -fno-schedule-insns2)
  add_compile_options(${target_core} -ffunction-sections -fdata-sections -flto ${size_flags})
  add_link_options(${target_core} -Os -flto ${size_flags})
endif()

if(ASEPTIC_TESTS)
  enable_testing()
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

# aseptic_optimise(<target>...)
#   What simulators execute billions of times is optimised in the dev preset too (with the warnings off that g++-12 gets wrong
#   there, as above); the other compilers' presets stay as they are.
function(aseptic_optimise)
  foreach(target ${ARGN})
    target_compile_options(${target} PRIVATE
      "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Debug>>:-O3;-Wno-restrict;-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>")
  endforeach()
endfunction()

# aseptic_library(<name> SOURCES ... [PUBLIC ...] [PRIVATE ...])
#   A hosted part. <name> becomes target aseptic_<name>, alias aseptic::<name>; its include root is ./include.
function(aseptic_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  set(target aseptic_${name})
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(aseptic::${name} ALIAS ${target})
  aseptic_public_headers(${target} PUBLIC)
  target_include_directories(${target} PRIVATE src)
  target_link_libraries(${target} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
endfunction()

# aseptic_freestanding_library(<name> [SOURCES ...] [LINKS ...])
#   No heap, no exceptions, no RTTI, no I/O; C++20. Without SOURCES it is a header-only interface library.
function(aseptic_freestanding_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  set(target aseptic_${name})
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    aseptic_optimise(${target})
    target_compile_options(${target} PRIVATE -ffreestanding -fno-exceptions $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti;-fno-threadsafe-statics>)
    set_target_properties(${target} PROPERTIES CXX_STANDARD 20)
    aseptic_public_headers(${target} PUBLIC)
    target_include_directories(${target} PRIVATE src)
    target_link_libraries(${target} PUBLIC ${arg_LINKS})
  else()
    add_library(${target} INTERFACE)
    aseptic_public_headers(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${arg_LINKS})
  endif()
  add_library(aseptic::${name} ALIAS ${target})
endfunction()

# Public headers form a file set, so that the header check compiles each of them alone.
function(aseptic_public_headers target scope)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/include/*.h)
  target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS include FILES ${headers})
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
endfunction()

# aseptic_program(<name> SOURCES ... LINKS ...)   A binary of apps/ or examples/: main.cpp only wires.
function(aseptic_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINKS})
endfunction()

# aseptic_test(<name> SOURCES ... LINKS ... [LABEL fast|slow|nightly] [TIMEOUT seconds] [FIXTURE name] [ENVIRONMENT ...])
#   A GoogleTest program; every case becomes a ctest test named Suite.Case. FIXTURE: a test that sets it up runs first.
function(aseptic_test name)
  if(NOT ASEPTIC_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "LABEL;TIMEOUT;FIXTURE" "SOURCES;LINKS;ENVIRONMENT;DEPENDS" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL fast)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE src)
  target_link_libraries(${name} PRIVATE ${arg_LINKS} GTest::gtest_main)
  if(arg_DEPENDS)
    add_dependencies(${name} ${arg_DEPENDS})
  endif()
  # The longest start first, also on a machine where none has run yet: a long one at the end leaves a processor idle.
  set(properties LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT} COST ${arg_TIMEOUT})
  if(arg_ENVIRONMENT)
    list(APPEND properties ENVIRONMENT "${arg_ENVIRONMENT}")
  endif()
  if(arg_FIXTURE)
    list(APPEND properties FIXTURES_REQUIRED ${arg_FIXTURE})
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
endfunction()

# aseptic_fuzz(<name> SOURCE file.cpp LINKS ...)
#   One fuzz target, fuzz/<name>.cpp with LLVMFuzzerTestOneInput; its corpus is fuzz/corpus/<name>/.
#   With ASEPTIC_FUZZ it is a libFuzzer binary; with ASEPTIC_TESTS the corpus runs as an ordinary test.
function(aseptic_fuzz name)
  cmake_parse_arguments(arg "" "SOURCE" "LINKS" ${ARGN})
  if(ASEPTIC_FUZZ)
    add_executable(fuzz_${name} ${arg_SOURCE})
    target_link_libraries(fuzz_${name} PRIVATE ${arg_LINKS})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  elseif(ASEPTIC_TESTS)
    add_executable(fuzz_${name} ${arg_SOURCE} ${CMAKE_SOURCE_DIR}/fuzz/run_corpus.cpp)
    target_link_libraries(fuzz_${name} PRIVATE ${arg_LINKS})
    add_test(NAME FuzzCorpus.${name} COMMAND fuzz_${name} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name})
    set_tests_properties(FuzzCorpus.${name} PROPERTIES LABELS fast TIMEOUT 120)
  endif()
endfunction()
