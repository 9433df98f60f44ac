# The only functions that create targets in this project. Unknown keywords are errors.
#
#   resolute_library(NAME SOURCES file... [DEPS target...] [PRIVATE_DEPS target...])
#     A static library resolute_NAME with alias resolute::NAME.
#   resolute_executable(NAME SOURCES file... [DEPS target...])
#     A program in bin/, installed.
#   resolute_module(NAME SOURCES file... [DEPS target...])
#     A shared library libresolute_NAME.so in bin/, beside the program that loads it at run time; installed.
#   resolute_test(FILE.cpp [DEPS target...] [NP n...] [LABELS label...] [TIMEOUT s] [ENVIRONMENT K=V...])
#     A GoogleTest program named after its folder and file. With NP it runs once for each n under mpirun, with the name
#     suffix /n; the program then has its own main(). LABELS let a developer run a part (ctest -L). What it tests is
#     optimised as users have it, it itself is compiled quickly: -O1, on precompiled headers (tests/support/precompiled.h).

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Assertions that guard our own contracts stay on in every build; speed comes from -O2 and from where it was measured.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")

find_program(RESOLUTE_CCACHE ccache)
if(RESOLUTE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${RESOLUTE_CCACHE})
endif()

add_library(resolute_warnings INTERFACE)
target_compile_options(resolute_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Werror)
# Results must not depend on the compiler fusing a multiply and an add.
target_compile_options(resolute_warnings INTERFACE -ffp-contract=off)
# Of tests that need no torch. What they test is what is watched for undefined behaviour: in GoogleTest's macros the checks
# double the time of compiling. At -O1 GCC 12 takes a short std::string that a long one was moved to for overrun.
set(RESOLUTE_TEST_OPTIONS -O1 -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
if(RESOLUTE_SANITIZE MATCHES "undefined")
  list(APPEND RESOLUTE_TEST_OPTIONS -fno-sanitize=undefined)
endif()
if(RESOLUTE_SANITIZE)
  add_compile_options(-fsanitize=${RESOLUTE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RESOLUTE_SANITIZE})
endif()

function(resolute_check_arguments prefix)
  if(${prefix}_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown arguments: ${${prefix}_UNPARSED_ARGUMENTS}")
  endif()
endfunction()

function(resolute_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  resolute_check_arguments(ARG)
  add_library(resolute_${name} STATIC ${ARG_SOURCES})
  add_library(resolute::${name} ALIAS resolute_${name})
  target_include_directories(resolute_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(resolute_${name} PUBLIC ${ARG_DEPS} PRIVATE resolute_warnings ${ARG_PRIVATE_DEPS})
endfunction()

function(resolute_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  resolute_check_arguments(ARG)
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE resolute_warnings ${ARG_DEPS})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

function(resolute_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  resolute_check_arguments(ARG)
  add_library(resolute_${name} MODULE ${ARG_SOURCES})
  set_target_properties(resolute_${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  target_include_directories(resolute_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(resolute_${name} PRIVATE resolute_warnings ${ARG_DEPS})
  install(TARGETS resolute_${name} LIBRARY DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

function(resolute_test file)
  cmake_parse_arguments(ARG "" "TIMEOUT" "DEPS;NP;LABELS;ENVIRONMENT" ${ARGN})
  resolute_check_arguments(ARG)
  get_filename_component(stem ${file} NAME_WE)
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(target test_${folder}_${stem})
  add_executable(${target} ${file})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(${target} PRIVATE RESOLUTE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                               RESOLUTE_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(${target} PRIVATE resolute_warnings ${ARG_DEPS} GTest::gmock)
  if(ARG_DEPS MATCHES "resolute::workers")
    resolute_uses_torch(${target})
  else()
    target_compile_options(${target} PRIVATE ${RESOLUTE_TEST_OPTIONS})
    target_precompile_headers(${target} REUSE_FROM test_headers)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_NP)
    target_link_libraries(${target} PRIVATE GTest::gtest_main)
    add_test(NAME ${folder}/${stem} COMMAND ${target})
    set(names ${folder}/${stem})
  else()
    target_link_libraries(${target} PRIVATE GTest::gtest)
    set(names "")
    foreach(np IN LISTS ARG_NP)
      add_test(NAME ${folder}/${stem}/${np} COMMAND mpirun -np ${np} $<TARGET_FILE:${target}>)
      set_tests_properties(${folder}/${stem}/${np} PROPERTIES PROCESSORS ${np})
      list(APPEND names ${folder}/${stem}/${np})
    endforeach()
    list(APPEND ARG_LABELS mpi)
    list(APPEND ARG_ENVIRONMENT OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
         OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none)
  endif()
  set_tests_properties(${names} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${folder};${ARG_LABELS}"
                                           ENVIRONMENT "${ARG_ENVIRONMENT}")
endfunction()
