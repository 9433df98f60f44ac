#include "results/kernel/gemm_openblas.h"

#include <cblas.h>

#include <cstdlib>
#include <limits>
#include <mutex>
#include <string_view>

#include "core/error.h"

// OpenBLAS's own way of choosing its kernels when it is loaded; not in its header, and another BLAS has none.
extern "C" {
[[gnu::weak]] void gotoblas_dynamic_init();
[[gnu::weak]] void gotoblas_dynamic_quit();
}

namespace resolute::results {
namespace {

blasint to_blas(std::size_t value) {
  RESOLUTE_EXPECT(value <= static_cast<std::size_t>(std::numeric_limits<blasint>::max()),
                  "a matrix dimension is too large for OpenBLAS");
  return static_cast<blasint>(value);
}

// Processors that are younger than the library get kernels for one of 2004 ("Prescott"), at a quarter of the speed,
// unless OPENBLAS_CORETYPE names others when it chooses.
void choose_kernels() {
  constexpr const char* kVariable = "OPENBLAS_CORETYPE";
  constexpr std::string_view kUnknownProcessor = "Prescott";
  if (std::getenv(kVariable) != nullptr || openblas_get_corename() != kUnknownProcessor) return;
  if (gotoblas_dynamic_init == nullptr || gotoblas_dynamic_quit == nullptr) return;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (!avx512 && !avx2) return;
  RESOLUTE_EXPECT(::setenv(kVariable, avx512 ? "SkylakeX" : "Haswell", 0) == 0, "an environment variable can be set");
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  ::unsetenv(kVariable);
}

}  // namespace

Gemm openblas_gemm() {
  static std::once_flag chosen;
  std::call_once(chosen, choose_kernels);
  openblas_set_num_threads(1);
  return [](const GemmBlock& block) {
    if (block.rows == 0 || block.columns == 0) return;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, to_blas(block.rows), to_blas(block.columns),
                to_blas(block.depth), 1.0F, block.a, to_blas(block.a_stride), block.b, to_blas(block.b_stride), 0.0F,
                block.c, to_blas(block.c_stride));
  };
}

}  // namespace resolute::results
