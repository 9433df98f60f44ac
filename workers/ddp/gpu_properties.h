#pragma once
//! \file
//! A GPU's own account of itself; part of libresolute_cuda.so. CUDA's own struct of properties has other members in
//! CUDA 12 than in CUDA 13: read is what both have in one place, and the rest is asked for by attribute.

#include <array>
#include <string>

namespace resolute::workers {

struct GpuProperties {
  std::string name;                 //!< "NVIDIA H100 80GB HBM3"
  std::array<char, 16> identity{};  //!< a number of its own (UUID); a slice (MIG) has another than its GPU
  std::array<int, 3> address{};     //!< PCI domain, bus and device on its machine; slices of one GPU share it
  std::array<int, 2> capability{};  //!< compute capability: 9, 0
  int multiprocessors = 0;          //!< of a slice fewer than of its GPU
};

//! \param device number among the visible GPUs, from 0 \throws RuntimeError (kEnvironment) if CUDA does not answer
GpuProperties gpu_properties(int device);

}  // namespace resolute::workers
