# Finds NCCL as unpacked from the PyPI wheel nvidia-nccl-cu13 or nvidia-nccl-cu12 beside torch/ (LIBTORCH_ROOT): its header, and the library to
# link libresolute_cuda.so against. At run time the library that libtorch_cuda loads is used.
#
#   NCCL_ROOT     folder that holds include/ and lib/, if it is not there
#   Nccl::nccl
if(NOT NCCL_ROOT)
  set(NCCL_ROOT ${LIBTORCH_ROOT}/../nvidia/nccl)
endif()
find_path(NCCL_INCLUDE_DIR nccl.h PATHS ${NCCL_ROOT}/include NO_DEFAULT_PATH)
find_library(NCCL_LIBRARY NAMES libnccl.so.2 PATHS ${NCCL_ROOT}/lib NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Nccl
  REQUIRED_VARS NCCL_LIBRARY NCCL_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run script/test or script/quickstart once (they fetch it), or give -DNCCL_ROOT=DIR")

if(Nccl_FOUND AND NOT TARGET Nccl::nccl)
  add_library(Nccl::nccl UNKNOWN IMPORTED)
  set_target_properties(Nccl::nccl PROPERTIES IMPORTED_LOCATION ${NCCL_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${NCCL_INCLUDE_DIR})
endif()
mark_as_advanced(NCCL_LIBRARY NCCL_INCLUDE_DIR)
