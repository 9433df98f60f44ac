#include "results/kernel/gemm_openblas.h"

#include <cblas.h>
#include <dlfcn.h>

#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include "core/error.h"

namespace resolute::results {
namespace {

blasint to_blas(std::size_t value) {
  RESOLUTE_EXPECT(value <= static_cast<std::size_t>(std::numeric_limits<blasint>::max()),
                  "a matrix dimension is too large for OpenBLAS");
  return static_cast<blasint>(value);
}

// Loaded when it is asked for: it has as many symbols to look up as all else that the program loads, and starts a
// thread per core, and one command in thirty multiplies.
struct OpenBlas {
  OpenBlas() : library(::dlopen(kCarried, RTLD_LAZY | RTLD_LOCAL)) {
    if (library == nullptr) library = ::dlopen(kName, RTLD_LAZY | RTLD_LOCAL);
    if (library == nullptr)
      throw core::RuntimeError(core::ErrorKind::kEnvironment, "OpenBLAS cannot be loaded", ::dlerror(),
                               "install Debian's libopenblas0");
    sgemm = function<decltype(sgemm)>("cblas_sgemm");
    set_threads = function<decltype(set_threads)>("openblas_set_num_threads");
    core_name = function<decltype(core_name)>("openblas_get_corename");
  }
  // \return nullptr if it has none
  template <class Function>
  Function find(const char* name) const {
    return reinterpret_cast<Function>(::dlsym(library, name));
  }
  template <class Function>
  Function function(const char* name) const {
    if (auto found = find<Function>(name)) return found;
    throw core::RuntimeError(core::ErrorKind::kEnvironment, std::string(kName) + " has no " + name,
                             "it is not OpenBLAS, or of another kind", "install Debian's libopenblas0");
  }

  static constexpr const char* kName = "libopenblas.so.0";
  // A wheel's or an archive's (script/support/programs_tree.sh): not the one that a Python environment has loaded
  // already.
  static constexpr const char* kCarried = "libresolute-openblas.so.0";
  void* library;  // stays loaded
  decltype(&cblas_sgemm) sgemm = nullptr;
  decltype(&openblas_set_num_threads) set_threads = nullptr;
  decltype(&openblas_get_corename) core_name = nullptr;
};

// Processors that are younger than the library get kernels for one of 2004 ("Prescott"), at a quarter of the speed,
// unless OPENBLAS_CORETYPE names others when it chooses.
void choose_kernels(const OpenBlas& blas) {
  constexpr const char* kVariable = "OPENBLAS_CORETYPE";
  constexpr std::string_view kUnknownProcessor = "Prescott";
  if (std::getenv(kVariable) != nullptr || blas.core_name() != kUnknownProcessor) return;
  // Its own way of choosing when it is loaded; not in its header.
  const auto quit = blas.find<void (*)()>("gotoblas_dynamic_quit");
  const auto init = blas.find<void (*)()>("gotoblas_dynamic_init");
  if (quit == nullptr || init == nullptr) return;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (!avx512 && !avx2) return;
  RESOLUTE_EXPECT(::setenv(kVariable, avx512 ? "SkylakeX" : "Haswell", 0) == 0, "an environment variable can be set");
  quit();
  init();
  ::unsetenv(kVariable);
}

}  // namespace

Gemm openblas_gemm() {
  static const OpenBlas blas = [] {
    OpenBlas loaded;
    choose_kernels(loaded);
    loaded.set_threads(1);
    return loaded;
  }();
  return [](const GemmBlock& block) {
    if (block.rows == 0 || block.columns == 0) return;
    blas.sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, to_blas(block.rows), to_blas(block.columns),
               to_blas(block.depth), 1.0F, block.a, to_blas(block.a_stride), block.b, to_blas(block.b_stride), 0.0F,
               block.c, to_blas(block.c_stride));
  };
}

}  // namespace resolute::results
