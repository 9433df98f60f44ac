//! \file
//! Which kernels OpenBLAS computes with. That its products are right and change no bit of a ranking:
//! tests/results/scores.

#include "results/kernel/gemm_openblas.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace resolute::results::gemm_openblas_test {
namespace {

// The kernels of the library that is loaded; empty where none is.
std::string core_name() {
  void* library = ::dlopen("libopenblas.so.0", RTLD_LAZY | RTLD_NOLOAD);
  return library == nullptr ? "" : reinterpret_cast<char* (*)()>(::dlsym(library, "openblas_get_corename"))();
}

TEST(GemmOpenblas, has_wide_kernels_also_on_a_processor_that_the_library_does_not_know) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) GTEST_SKIP() << "this processor is as old";
  if (std::getenv("OPENBLAS_CORETYPE") != nullptr) GTEST_SKIP() << "OPENBLAS_CORETYPE chooses";
  openblas_gemm();
  EXPECT_NE(core_name(), "");
  EXPECT_NE(core_name(), "Prescott");
  EXPECT_EQ(std::getenv("OPENBLAS_CORETYPE"), nullptr);  // what is started later chooses for itself
}

TEST(GemmOpenblas, multiplies_with_them) {
  constexpr std::size_t kRows = 37, kColumns = 41, kDepth = 67;
  std::vector<float> a(kRows * kDepth), b(kColumns * kDepth), c(kRows * kColumns);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i % 7) - 3;
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i % 5) - 2;
  openblas_gemm()({a.data(), kDepth, b.data(), kDepth, c.data(), kColumns, kRows, kColumns, kDepth});
  for (std::size_t row = 0; row < kRows; ++row)
    for (std::size_t column = 0; column < kColumns; ++column) {
      float expected = 0;  // whole numbers: exact in any order
      for (std::size_t i = 0; i < kDepth; ++i) expected += a[row * kDepth + i] * b[column * kDepth + i];
      EXPECT_EQ(c[row * kColumns + column], expected) << row << ", " << column;
    }
}

}  // namespace
}  // namespace resolute::results::gemm_openblas_test
