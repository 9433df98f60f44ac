//! The bits of ten steps of each method: they change only together with the method's revision (design, §4). The hashes
//! hold for the numeric class in which they were recorded; in another the test says so and is skipped.
//! After a deliberate change: raise kRevision in experiments/specification.h, run with RESOLUTE_RECORD_GOLDEN=1,
//! commit.
#include <ATen/Version.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>

#include "core/json.h"
#include "tests/workers/methods/small_training.h"

namespace resolute::workers {
namespace {

const std::string kFile = std::string(RESOLUTE_SOURCE_DIR) + "/tests/golden/rain/ten_steps.json";

//! What decides bits besides our code: the processor (kernels are chosen by it), libtorch, threads.
std::string numeric_class() {
  std::ifstream file("/proc/cpuinfo");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  auto field = [&](const char* name) {
    std::smatch match;
    const std::regex pattern("(^|\n)" + std::string(name) + "\\s*: ([^\n]*)");
    return std::regex_search(text, match, pattern) ? match[2].str() : std::string("unknown");
  };
  return fmt::format("{} family {} model {}, {}, libtorch {}, 1 thread", field("vendor_id"), field("cpu family"),
                     field("model"), at::get_cpu_capability(), TORCH_VERSION);
}

std::string ten_steps(experiments::MethodOptions options, std::uint64_t seed) {
  at::set_num_threads(1);
  auto specification = testing::small_specification(std::move(options));
  specification.seed = seed;
  specification.network.neck = true;
  auto method = make_method(specification, 4);
  testing::SmallTraining training(*method);
  for (std::uint64_t step = 0; step < 10; ++step) training.step(testing::made_up_batch(4, 3, 32, 16, step));
  return testing::state_hash(method->module());
}

TEST(TenSteps, bits_change_only_with_the_revision) {
  const core::Json found = {
      {fmt::format("baseline revision {}", experiments::BaselineOptions::kRevision),
       ten_steps(experiments::BaselineOptions{}, 1)},
      {fmt::format("rain revision {}", experiments::RainOptions::kRevision), ten_steps(experiments::RainOptions{}, 1)},
      {fmt::format("rain batch-hard non-saturating revision {}", experiments::RainOptions::kRevision),
       ten_steps(experiments::RainOptions{.mining = "batch-hard", .adversary = "non-saturating"}, 1)}};
  std::ifstream file(kFile);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  core::Json recorded = text.empty() ? core::Json::object() : core::parse_json(text, kFile);
  if (std::getenv("RESOLUTE_RECORD_GOLDEN") != nullptr) {
    recorded[numeric_class()] = found;
    std::ofstream(kFile) << recorded.dump(1) << '\n';
  }
  if (!recorded.contains(numeric_class())) GTEST_SKIP() << "no hashes were recorded for '" << numeric_class() << "'";
  EXPECT_EQ(found, recorded[numeric_class()]);
}

TEST(TenSteps, repeat_to_the_bit_and_depend_on_the_seed) {
  EXPECT_EQ(ten_steps(experiments::RainOptions{}, 1), ten_steps(experiments::RainOptions{}, 1));
  EXPECT_NE(ten_steps(experiments::RainOptions{}, 1), ten_steps(experiments::RainOptions{}, 2));
}

}  // namespace
}  // namespace resolute::workers
