#pragma once
//! \file
//! CUDA C++ that is compiled on the machine that runs it, by NVIDIA's NVRTC: a library that comes with libtorch's CUDA
//! packages, and needs no GPU. Part of libresolute_cuda.so.

#include <array>
#include <string>
#include <vector>

namespace resolute::workers {

//! A text, and the name by which others include it.
struct KernelText {
  const char* name;
  const char* text;
};

//! The kernels of a text as a GPU's machine code, a cubin.
//! \param libraries paths or names of NVRTC; the first that can be loaded is taken
//! \param headers all that the text includes \param capability of the GPU, {9, 0}
//! \throws core::RuntimeError (kEnvironment): no such library, or one that does not compile this for that GPU; with the
//! first line of what it says
std::string compile_kernels(const std::vector<std::string>& libraries, const KernelText& text,
                            const std::vector<KernelText>& headers, const std::array<int, 2>& capability);

}  // namespace resolute::workers
