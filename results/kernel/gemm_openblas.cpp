#include "results/kernel/gemm_openblas.h"

#include <cblas.h>

#include <limits>

#include "core/error.h"

namespace resolute::results {
namespace {

blasint to_blas(std::size_t value) {
  RESOLUTE_EXPECT(value <= static_cast<std::size_t>(std::numeric_limits<blasint>::max()),
                  "a matrix dimension is too large for OpenBLAS");
  return static_cast<blasint>(value);
}

}  // namespace

Gemm openblas_gemm() {
  openblas_set_num_threads(1);
  return [](const GemmBlock& block) {
    if (block.rows == 0 || block.columns == 0) return;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, to_blas(block.rows), to_blas(block.columns),
                to_blas(block.depth), 1.0F, block.a, to_blas(block.a_stride), block.b, to_blas(block.b_stride), 0.0F,
                block.c, to_blas(block.c_stride));
  };
}

}  // namespace resolute::results
