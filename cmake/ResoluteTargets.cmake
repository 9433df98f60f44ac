# The only functions that create targets in this project. Unknown keywords are errors.
#
#   resolute_library(NAME SOURCES file... [DEPS target...] [PRIVATE_DEPS target...] [WAITS])
#     A static library resolute_NAME with alias resolute::NAME. WAITS: its time goes into files, processes and people, so that it is
#     compiled with -O1, in two thirds of the time of -O2 (docs/inside/decisions.md, "Parts that wait are compiled with -O1").
#   resolute_executable(NAME SOURCES file... [DEPS target...] [PRIVATE [LINKED]])
#     A program in bin/, installed there; PRIVATE: in RESOLUTE_INSTALL_PRIVATE, beside the modules and programs that it loads,
#     and, where it is LINKED, bin/ has a link to it.
#   resolute_module(NAME SOURCES file... [DEPS target...])
#     A shared library libresolute_NAME.so in bin/, beside the program that loads it at run time; installed in
#     RESOLUTE_INSTALL_PRIVATE.
#   resolute_test_program([NAME name] DEPS target... [NEEDS target...] [SOURCES file...])
#     A GoogleTest program test_FOLDER[_NAME], to which the calls of resolute_test() after it add their files. NEEDS names
#     programs that its tests start. What it tests, DEPS, is optimised as users have it, its inline functions too; it itself is
#     compiled quickly: -O0, on precompiled headers (tests/CMakeLists.txt). Targets tests_FOLDER and tests_PART build all
#     programs of a folder.
#   resolute_test(FILE.cpp [SANITIZE address thread] [SLICE n | SLICED] [AVX2] [LABELS label...] [TIMEOUT s]
#                 [ENVIRONMENT K=V...] [PROPERTIES name value...])
#     The tests of one file as ctest FOLDER/FILE, FOLDER the last of its path, a process of their own: what ends them ends no
#     other file's. Labels are the part, the folder and LABELS: a developer runs a part or a room (ctest -L). SANITIZE names the sanitizers that may find something in what they test
#     (docs/inside/testing.md); in a build under another one the file is left out. SLICE: n of its tests, drawn by the commit; SLICED:
#     the file itself draws (tests/support/slice.h). All of them run as FOLDER/FILE_long, label long. AVX2: runs as
#     FOLDER/FILE_avx2 too, with the kernels of a processor without AVX-512.

include(CheckLinkerFlag)

# Programs find it beside themselves, below the prefix: modules, libtorch, and the program that the worker becomes.
set(RESOLUTE_INSTALL_PRIVATE lib/resolute)

# Seconds after which a test hangs: many times what the longest usual one takes, as a machine may be slow and busy.
set(RESOLUTE_TEST_LIMIT 1800)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Several files of a target are compiled as one: each header is read once for all of them (docs/inside/decisions.md, "Files are
# compiled together"). -DCMAKE_UNITY_BUILD=OFF compiles each by itself.
option(CMAKE_UNITY_BUILD "Compile several files of a target as one" ON)
set(CMAKE_UNITY_BUILD_BATCH_SIZE 18 CACHE STRING "Files that are compiled as one at most; two thirds of them where they are heavy")
# GCC looks for garbage less often: 7 to 9 % of its time, for a few hundred MB.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  add_compile_options("SHELL:--param ggc-min-heapsize=1000000")
endif()
# Links in less than half the time of the default linker; part of binutils. Of clang's sanitizers it says a hundred warnings.
check_linker_flag(CXX -fuse-ld=gold RESOLUTE_HAS_GOLD)
if(RESOLUTE_HAS_GOLD AND NOT RESOLUTE_FUZZ)
  add_link_options(-fuse-ld=gold)
endif()
# Assertions that guard our own contracts stay on in every build; speed comes from -O2 and from where it was measured.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")

find_program(RESOLUTE_CCACHE ccache)
if(RESOLUTE_CCACHE)
  # Paths below the checkout are compared from its root on: what one checkout compiled another need not.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${RESOLUTE_CCACHE})
endif()

add_library(resolute_warnings INTERFACE)
target_compile_options(resolute_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion)
if(NOT RESOLUTE_FUZZ)  # what the second compiler says is script/lint's
  target_compile_options(resolute_warnings INTERFACE -Werror)
endif()
# Results must not depend on the compiler fusing a multiply and an add.
target_compile_options(resolute_warnings INTERFACE -ffp-contract=off)
# Messages name files from the checkout's root on; and equal sources give equal objects wherever they lie.
target_compile_options(resolute_warnings INTERFACE -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(RESOLUTE_SANITIZE)
  add_compile_options(-fsanitize=${RESOLUTE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RESOLUTE_SANITIZE})
  # Both are what the address sanitizer reports; they take a quarter of the time to compile.
  add_compile_options(-fno-sanitize=null,object-size)
  # These two take a third of what is left: processors forgive the first, the address sanitizer sees where the second leads.
  # libFuzzer's build keeps both.
  if(NOT RESOLUTE_FUZZ)
    add_compile_options(-fno-sanitize=alignment,pointer-overflow)
  endif()
endif()

if(RESOLUTE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "RESOLUTE_FUZZ needs clang, which has libFuzzer: configure with --preset fuzz")
  endif()
  # Neither compiler's `undefined` speaks of numbers that do not fit what they become.
  add_compile_options(-fsanitize=fuzzer-no-link,float-cast-overflow -fno-sanitize-recover=all)
endif()

function(resolute_check_arguments prefix)
  if(${prefix}_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown arguments: ${${prefix}_UNPARSED_ARGUMENTS}")
  endif()
endfunction()

# resolute_compile_together(TARGET LIMIT): as many files as one, at most LIMIT, as make equal shares.
function(resolute_compile_together target limit)
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources files)
  math(EXPR units "(${files} + ${limit} - 1) / ${limit}")
  math(EXPR share "(${files} + ${units} - 1) / ${units}")
  set_target_properties(${target} PROPERTIES UNITY_BUILD_BATCH_SIZE ${share})
endfunction()

# resolute_compile_fewer_together(TARGET): an edit of one of its heavy files shall not take long.
math(EXPR resolute_fewer_together "${CMAKE_UNITY_BUILD_BATCH_SIZE} * 2 / 3")
function(resolute_compile_fewer_together target)
  resolute_compile_together(${target} ${resolute_fewer_together})
endfunction()

function(resolute_library name)
  cmake_parse_arguments(ARG "WAITS" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  resolute_check_arguments(ARG)
  add_library(resolute_${name} STATIC ${ARG_SOURCES})
  add_library(resolute::${name} ALIAS resolute_${name})
  target_include_directories(resolute_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(resolute_${name} PUBLIC ${ARG_DEPS} PRIVATE resolute_warnings ${ARG_PRIVATE_DEPS})
  if(ARG_WAITS)
    target_compile_options(resolute_${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
  resolute_compile_together(resolute_${name} ${CMAKE_UNITY_BUILD_BATCH_SIZE})
endfunction()

function(resolute_executable name)
  cmake_parse_arguments(ARG "PRIVATE;LINKED" "" "SOURCES;DEPS" ${ARGN})
  resolute_check_arguments(ARG)
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE resolute_warnings ${ARG_DEPS})
  if(ARG_PRIVATE)
    set_target_properties(${name} PROPERTIES INSTALL_RPATH $ORIGIN)
    install(TARGETS ${name} RUNTIME DESTINATION ${RESOLUTE_INSTALL_PRIVATE})
  else()
    install(TARGETS ${name} RUNTIME DESTINATION bin)
  endif()
  if(ARG_LINKED)
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/install)
    file(CREATE_LINK ../${RESOLUTE_INSTALL_PRIVATE}/${name} ${PROJECT_BINARY_DIR}/install/${name} SYMBOLIC)
    install(FILES ${PROJECT_BINARY_DIR}/install/${name} DESTINATION bin)
  endif()
endfunction()

function(resolute_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  resolute_check_arguments(ARG)
  add_library(resolute_${name} MODULE ${ARG_SOURCES})
  set_target_properties(resolute_${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  target_include_directories(resolute_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(resolute_${name} PRIVATE resolute_warnings ${ARG_DEPS})
  set_target_properties(resolute_${name} PROPERTIES INSTALL_RPATH $ORIGIN)
  install(TARGETS resolute_${name} LIBRARY DESTINATION ${RESOLUTE_INSTALL_PRIVATE})
endfunction()

# resolute_add_part_target(TARGET FOLDER): lets tests_FOLDER and tests_PART build TARGET, which has tests of FOLDER.
function(resolute_add_part_target target folder)
  file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR}/tests ${folder})
  string(REPLACE "/" ";" rooms ${path})
  foreach(room IN LISTS rooms)
    if(NOT TARGET tests_${room})
      add_custom_target(tests_${room})
    endif()
    add_dependencies(tests_${room} ${target})
  endforeach()
endfunction()

# resolute_reuse_headers(TARGET LIBRARY): TARGET is compiled on the precompiled headers of LIBRARY. That takes the same flags:
# -fPIC, not the -fPIE that CMake would add for a program.
function(resolute_reuse_headers target library)
  target_precompile_headers(${target} REUSE_FROM ${library})
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC)
endfunction()

function(resolute_test_program)
  cmake_parse_arguments(ARG "" "NAME" "DEPS;NEEDS;SOURCES" ${ARGN})
  resolute_check_arguments(ARG)
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(target test_${folder})
  if(ARG_NAME)
    string(APPEND target _${ARG_NAME})
  endif()
  # Under a sanitizer a program may be left without tests; nothing builds it then.
  add_executable(${target} ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/tests/support/precompiled.h)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  set(support test_support)
  set(together ${CMAKE_UNITY_BUILD_BATCH_SIZE})
  if(ARG_DEPS MATCHES "resolute::(networks|workers)")
    set(support test_support_torch)
    set(together ${resolute_fewer_together})
  endif()
  target_link_libraries(${target} PRIVATE resolute_warnings ${ARG_DEPS} ${support} GTest::gmock)
  # The linker takes the first of two inline functions: that of what is tested, which is optimised as users have it.
  foreach(tested IN LISTS ARG_DEPS)
    get_target_property(type ${tested} TYPE)
    if(type STREQUAL STATIC_LIBRARY)
      target_link_options(${target} PRIVATE "LINKER:--whole-archive,$<TARGET_FILE:${tested}>,--no-whole-archive")
    endif()
  endforeach()
  resolute_reuse_headers(${target} ${support})
  # Its files are not known yet.
  cmake_language(EVAL CODE "cmake_language(DEFER CALL resolute_compile_together ${target} ${together})")
  foreach(needed IN LISTS ARG_NEEDS)
    add_dependencies(${target} ${needed})
  endforeach()
  set(RESOLUTE_TEST_PROGRAM ${target} PARENT_SCOPE)
endfunction()

# resolute_test_needs(TEST TARGET...): what script/test builds before it runs the test; a line in test_targets.txt.
function(resolute_test_needs test)
  list(JOIN ARGN " " targets)
  file(APPEND ${PROJECT_BINARY_DIR}/test_targets.txt "${test} ${targets}\n")
endfunction()

# resolute_add_test(NAME LABELS ENVIRONMENT): a ctest of resolute_test(), with its command, target, limit and properties.
macro(resolute_add_test name labels environment)
  add_test(NAME ${name} COMMAND ${command})
  resolute_test_needs(${name} ${target})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${labels}" ENVIRONMENT "${environment}"
                                          ${ARG_PROPERTIES})
endmacro()

function(resolute_test file)
  cmake_parse_arguments(ARG "SLICED;AVX2" "TIMEOUT;SLICE" "SANITIZE;LABELS;ENVIRONMENT;PROPERTIES" ${ARGN})
  resolute_check_arguments(ARG)
  foreach(sanitizer IN LISTS ARG_SANITIZE)
    if(NOT sanitizer MATCHES "^(address|thread)$")
      message(FATAL_ERROR "unknown sanitizer: ${sanitizer}")
    endif()
  endforeach()
  if(RESOLUTE_SANITIZE)
    string(REGEX MATCH "address|thread" sanitizer "${RESOLUTE_SANITIZE}")
    if(NOT sanitizer IN_LIST ARG_SANITIZE)
      return()
    endif()
  endif()
  get_filename_component(file ${file} ABSOLUTE)
  get_filename_component(stem ${file} NAME_WE)
  get_filename_component(room ${file} DIRECTORY)
  get_filename_component(folder ${room} NAME)
  file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR}/tests ${room})
  string(REGEX MATCH "^[^/]+" part ${path})
  set(target ${RESOLUTE_TEST_PROGRAM})
  resolute_add_part_target(${target} ${room})
  target_sources(${target} PRIVATE ${file})
  set(command ${target} --file=${stem}.cpp)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT ${RESOLUTE_TEST_LIMIT})
  endif()
  set(labels ${part} ${folder} ${ARG_LABELS})
  if(ARG_SLICE OR ARG_SLICED)
    resolute_add_test(${folder}/${stem}_long "${labels};long" "${ARG_ENVIRONMENT};RESOLUTE_SLICE=")
  endif()
  if(ARG_SLICE)
    list(APPEND command --slice=${ARG_SLICE})
  endif()
  resolute_add_test(${folder}/${stem} "${labels}" "${ARG_ENVIRONMENT}")
  if(ARG_AVX2)
    resolute_add_test(${folder}/${stem}_avx2 "${labels}" "${ARG_ENVIRONMENT};ONEDNN_MAX_CPU_ISA=AVX2;ATEN_CPU_CAPABILITY=avx2")
  endif()
endfunction()

# resolute_embed(LIBRARY FILE...): the files' bytes become part of the library, with a zero behind each: of `page.html` they stand
# from resolute_embedded_page_html to resolute_embedded_page_html_end.
function(resolute_embed library)
  set(assembly "    .section .rodata\n")
  foreach(file IN LISTS ARGN)
    get_filename_component(path ${file} ABSOLUTE)
    get_filename_component(name ${file} NAME)
    string(MAKE_C_IDENTIFIER resolute_embedded_${name} symbol)
    string(APPEND assembly "    .global ${symbol}\n    .global ${symbol}_end\n${symbol}:\n    .incbin \"${path}\"\n"
           "${symbol}_end:\n    .byte 0\n")
    list(APPEND paths ${path})
  endforeach()
  string(APPEND assembly "    .section .note.GNU-stack,\"\",@progbits\n")
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/embedded.S CONTENT "${assembly}")
  set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/embedded.S PROPERTIES OBJECT_DEPENDS "${paths}" GENERATED ON)
  target_sources(resolute_${library} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/embedded.S)
endfunction()
