# Run by cpack when a package is made: packs the .tar.gz anew with its members in the order of their names. cpack takes the order of
# the file system, in which equal trees need not agree; the .deb is sorted already, and both have the times of SOURCE_DATE_EPOCH.
if(CPACK_GENERATOR STREQUAL TGZ)
  set(time)
  if(DEFINED ENV{SOURCE_DATE_EPOCH})
    set(time --mtime=@$ENV{SOURCE_DATE_EPOCH})
  endif()
  foreach(archive IN LISTS CPACK_PACKAGE_FILES)
    execute_process(COMMAND tar --format=gnu --sort=name --owner=root:0 --group=root:0 --mode=u+rw,go=rX ${time}
                            -C ${CPACK_TEMPORARY_DIRECTORY}/..
                            -c ${CPACK_PACKAGE_FILE_NAME}
                    COMMAND gzip -n OUTPUT_FILE ${archive} COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endif()
