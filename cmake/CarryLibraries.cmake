# Run by cpack before a package is made: the .tar.gz carries the libraries that its programs need; the .deb's come from Debian.
if(CPACK_GENERATOR STREQUAL TGZ)
  execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/../script/support/carry_libraries
                          ${CPACK_TEMPORARY_INSTALL_DIRECTORY} ${CPACK_RESOLUTE_INSTALL_PRIVATE}
                  COMMAND_ERROR_IS_FATAL ANY)
endif()
