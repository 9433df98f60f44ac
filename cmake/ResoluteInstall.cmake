# What is installed besides programs and data, and what `cpack` makes of all of it: a TGZ that runs from where it is
# unpacked, and a .deb for Debian 12 (docs/install.md).
#
# Scripts of shells are written at installation by the program that is installed, and the manual page by help2man.
if(TARGET resolute)
  install(CODE "
    set(program \"$<TARGET_FILE:resolute>\")
    set(texts \"${PROJECT_BINARY_DIR}/install\")")
  install(CODE [[
    function(resolute_write name folder)
      execute_process(COMMAND ${program} ${ARGN} OUTPUT_FILE ${texts}/${name} COMMAND_ERROR_IS_FATAL ANY)
      file(INSTALL ${texts}/${name} DESTINATION ${CMAKE_INSTALL_PREFIX}/${folder})
    endfunction()
    file(MAKE_DIRECTORY ${texts}/bash)
    resolute_write(bash/resolute share/bash-completion/completions completion bash)
    resolute_write(_resolute share/zsh/site-functions completion zsh)
    find_program(help2man help2man)
    if(help2man)
      set(program ${help2man} --no-info --locale=C.UTF-8 ${program})
      resolute_write(resolute.1 share/man/man1)
    endif()
  ]])
endif()
install(FILES LICENSE CITATION.cff CHANGELOG.md README.md DESTINATION share/doc/resolute)
install(DIRECTORY docs DESTINATION share/doc/resolute)

# libtorch is no package of Debian: what resolute-torch loads of it lies beside the program, without the symbols that only a
# linker reads (docs/inside/decisions.md, "An installed worker has its libtorch beside it").
if(TARGET resolute-torch)
  get_filename_component(wheels ${LIBTORCH_ROOT}/.. ABSOLUTE)
  install(CODE "
    set(program \"$<TARGET_FILE:resolute-torch>\")
    set(wheels \"${wheels}\")
    set(strip \"${CMAKE_STRIP}\")
    set(all_copies \"${PROJECT_BINARY_DIR}/install/libraries\")
    set(private \"${RESOLUTE_INSTALL_PRIVATE}\")")
  install(CODE [[
    file(REAL_PATH ${wheels} wheels)
    file(GET_RUNTIME_DEPENDENCIES EXECUTABLES ${program} RESOLVED_DEPENDENCIES_VAR libraries)
    string(SHA256 key ${wheels})  # each libtorch has copies of its own
    set(copies ${all_copies}/${key})
    file(MAKE_DIRECTORY ${copies})
    set(taken)
    foreach(library IN LISTS libraries)
      file(REAL_PATH ${library} library)
      cmake_path(IS_PREFIX wheels ${library} of_wheels)
      if(of_wheels)
        get_filename_component(name ${library} NAME)
        set(copy ${copies}/${name})
        if(${library} IS_NEWER_THAN ${copy})
          execute_process(COMMAND ${strip} --strip-unneeded -o ${copy}.new ${library} COMMAND_ERROR_IS_FATAL ANY)
          file(RENAME ${copy}.new ${copy})
        endif()
        file(INSTALL ${copy} DESTINATION ${CMAKE_INSTALL_PREFIX}/${private}
             PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
        list(APPEND taken ${name})
      endif()
    endforeach()
    list(FIND taken libtorch_cpu.so at)
    if(at EQUAL -1)
      message(FATAL_ERROR "libtorch_cpu.so is not among what ${program} loads from ${wheels}")
    endif()
    # Licences of the wheels that these libraries come from.
    file(GLOB licences ${wheels}/torch-*.dist-info ${wheels}/nvidia_cuda_runtime*.dist-info
         ${wheels}/nvidia_cuda_cupti*.dist-info ${wheels}/plotly-*.dist-info)
    foreach(folder IN LISTS licences)
      get_filename_component(name ${folder} NAME)
      file(GLOB texts_of ${folder}/LICEN* ${folder}/NOTICE* ${folder}/License* ${folder}/licenses)
      file(INSTALL ${texts_of} DESTINATION ${CMAKE_INSTALL_PREFIX}/share/doc/resolute/third_party/${name})
    endforeach()
  ]])
endif()

set(CPACK_GENERATOR TGZ DEB)
# For everybody, whatever the umask of who makes the package.
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
                                                WORLD_EXECUTE)
set(CPACK_PACKAGE_NAME resolute)
set(CPACK_PACKAGE_CONTACT "the resolute developers <resolute@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "reproduces cross-resolution person re-identification papers")
set(CPACK_PACKAGE_DESCRIPTION "Raw images, packs, trainings, evaluations and the papers' own tables, on one machine or a cluster.")
set(CPACK_PACKAGE_FILE_NAME resolute-${PROJECT_VERSION}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)
set(CPACK_RESOLUTE_INSTALL_PRIVATE ${RESOLUTE_INSTALL_PRIVATE})
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/CarryLibraries.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/SortArchive.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${LIBTORCH_ROOT}/lib ${LIBTORCH_ROOT}/../nvidia/cu13/lib
    ${LIBTORCH_ROOT}/../nvidia/cuda_runtime/lib ${LIBTORCH_ROOT}/../nvidia/cuda_cupti/lib ${LIBTORCH_ROOT}/../nvidia/nccl/lib)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libopenblas0, libopenmpi3")  # loaded at run time
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS openmpi-bin)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "python3-h5py, python3-pil, slurm-client")
include(CPack)
