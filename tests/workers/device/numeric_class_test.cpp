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
  EXPECT_EQ("ONEDNN_MAX_CPU_ISA:some-value", kernels_with("ONEDNN_MAX_CPU_ISA", "some value"));
  EXPECT_EQ(calm, kernels_with("OMP_PLACES", "cores"));
}

}  // namespace
}  // namespace resolute::workers::numeric_class_test
