# Finds libtorch as unpacked from the PyPI wheel of torch, without running torch's own CMake files: those ask for a CUDA
# toolkit and fail under CMake 3.25 with C++20.
#
#   LIBTORCH_ROOT     folder that holds include/ and lib/ (the wheel's torch/ folder, or a user's own libtorch)
#   Libtorch::cpu     torch_cpu and c10; what resolute-torch links
#   Libtorch::cuda    besides these torch_cuda and c10_cuda, with the headers of CUDA's runtime from the wheels beside torch/, of
#                     CUDA 13 or 12; what libresolute_cuda.so alone links. The runtime itself is not linked: the module takes
#                     the one that libtorch_cuda loads (workers/device/cuda_runtime.cpp)
#
# torch's include folder carries its own fmt 12, which would win over Debian's fmt 9 under -I or -isystem: -idirafter
# puts it behind the system's headers.
find_library(LIBTORCH_CPU_LIBRARY torch_cpu PATHS ${LIBTORCH_ROOT}/lib NO_DEFAULT_PATH)
find_library(LIBTORCH_C10_LIBRARY c10 PATHS ${LIBTORCH_ROOT}/lib NO_DEFAULT_PATH)
find_path(LIBTORCH_INCLUDE_DIR torch/csrc/api/include/torch/torch.h PATHS ${LIBTORCH_ROOT}/include NO_DEFAULT_PATH)

find_library(LIBTORCH_CUDA_LIBRARY torch_cuda PATHS ${LIBTORCH_ROOT}/lib NO_DEFAULT_PATH)
find_library(LIBTORCH_C10_CUDA_LIBRARY c10_cuda PATHS ${LIBTORCH_ROOT}/lib NO_DEFAULT_PATH)
set(_libtorch_wheels ${LIBTORCH_ROOT}/../nvidia)
# The wheels of CUDA 13 share a folder; of CUDA 12 each has its own: runtime, compiler (whose headers the runtime's include) and
# CCCL (theirs, too).
find_path(LIBTORCH_CUDART_INCLUDE_DIR cuda_runtime_api.h
          PATHS ${_libtorch_wheels}/cu13/include ${_libtorch_wheels}/cuda_runtime/include NO_DEFAULT_PATH)
find_path(LIBTORCH_CUDA_CRT_INCLUDE_DIR crt/host_defines.h
          PATHS ${_libtorch_wheels}/cu13/include ${_libtorch_wheels}/cuda_nvcc/include NO_DEFAULT_PATH)
find_path(LIBTORCH_CUDA_CCCL_INCLUDE_DIR nv/target
          PATHS ${_libtorch_wheels}/cu13/include ${_libtorch_wheels}/cuda_cccl/include NO_DEFAULT_PATH)
set(LIBTORCH_CUDA_INCLUDE_DIRS ${LIBTORCH_CUDART_INCLUDE_DIR} ${LIBTORCH_CUDA_CRT_INCLUDE_DIR} ${LIBTORCH_CUDA_CCCL_INCLUDE_DIR})
list(REMOVE_DUPLICATES LIBTORCH_CUDA_INCLUDE_DIRS)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libtorch
  REQUIRED_VARS LIBTORCH_CPU_LIBRARY LIBTORCH_C10_LIBRARY LIBTORCH_INCLUDE_DIR LIBTORCH_CUDA_LIBRARY
                LIBTORCH_C10_CUDA_LIBRARY LIBTORCH_CUDART_INCLUDE_DIR LIBTORCH_CUDA_CRT_INCLUDE_DIR
                LIBTORCH_CUDA_CCCL_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run script/test or script/quickstart once (they fetch it), or give -DLIBTORCH_ROOT=DIR")

if(Libtorch_FOUND AND NOT TARGET Libtorch::cpu)
  add_library(Libtorch::cpu INTERFACE IMPORTED)
  set_target_properties(Libtorch::cpu PROPERTIES
    INTERFACE_COMPILE_OPTIONS
      "SHELL:-idirafter \"${LIBTORCH_INCLUDE_DIR}\";SHELL:-idirafter \"${LIBTORCH_INCLUDE_DIR}/torch/csrc/api/include\""
    INTERFACE_LINK_LIBRARIES "${LIBTORCH_CPU_LIBRARY};${LIBTORCH_C10_LIBRARY}"
    INTERFACE_LINK_OPTIONS "-Wl,--allow-shlib-undefined")
  # libtorch_cuda needs cuBLAS, cuDNN and more, which a machine without a GPU need not have: --allow-shlib-undefined.
  add_library(Libtorch::cuda INTERFACE IMPORTED)
  set_target_properties(Libtorch::cuda PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${LIBTORCH_CUDA_INCLUDE_DIRS}"
    INTERFACE_LINK_LIBRARIES "${LIBTORCH_CUDA_LIBRARY};${LIBTORCH_C10_CUDA_LIBRARY};Libtorch::cpu")
endif()
mark_as_advanced(LIBTORCH_CPU_LIBRARY LIBTORCH_C10_LIBRARY LIBTORCH_INCLUDE_DIR LIBTORCH_CUDA_LIBRARY
                 LIBTORCH_C10_CUDA_LIBRARY LIBTORCH_CUDART_INCLUDE_DIR LIBTORCH_CUDA_CRT_INCLUDE_DIR
                 LIBTORCH_CUDA_CCCL_INCLUDE_DIR)
