#include "workers/device/numeric_class.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace resolute::workers::numeric_class_test {
namespace {

std::string kernels() {
  const NumericParts parts = cpu_numeric_parts();
  return std::find_if(parts.begin(), parts.end(), [](const auto& part) { return part.first == "kernels"; })->second;
}

// The part `kernels` while a variable has this value.
std::string kernels_with(const char* name, const char* value) {
  ::setenv(name, value, 1);
  std::string found = kernels();
  ::unsetenv(name);
  return found;
}

TEST(NumericClass, names_what_chooses_kernels_or_threads) {
  const std::string calm = kernels();
  for (const char* name : {"ONEDNN_MAX_CPU_ISA", "DNNL_CPU_ISA_HINTS", "TORCH_MKLDNN_MATMUL_MIN_DIM", "OMP_DYNAMIC",
                           "MKL_DOMAIN_NUM_THREADS"}) {
    EXPECT_EQ(std::string(name) + ":some-value", kernels_with(name, "some value"));
    EXPECT_EQ(calm, kernels_with(name, "")) << "no value is no choice: " << name;
  }
  EXPECT_EQ("GLIBC_TUNABLES:glibc.cpu.hwcaps=-FMA", kernels_with("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-FMA"));
  EXPECT_EQ(calm, kernels_with("GLIBC_TUNABLES", "glibc.malloc.arena_max=2")) << "memory changes no bits";
  EXPECT_EQ(calm, kernels_with("OMP_PLACES", "cores"));
}

}  // namespace
}  // namespace resolute::workers::numeric_class_test
