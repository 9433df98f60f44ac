//! The bits of ten steps of each method by the real trainer, on two lanes: they change only together with the method's
//! revision (docs/glossary.md). The hashes hold for the numeric class in which they were recorded. Losses and norms are
//! recorded too and hold in every class within a tolerance: in one without hashes the test compares those, says so, and
//! is skipped if they hold. Those losses are of step 2: Adam makes steps of full length of a gradient's rounding error,
//! and by step 10 MSIFLA's loss moves by 15 % with the instructions of one processor. After a deliberate change: raise
//! kRevision in methods/NAME/options.h, run with RESOLUTE_RECORD_GOLDEN=1, commit.
#include <ATen/Version.h>
#include <gtest/gtest.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <utility>
#include <vector>

#include "core/files/json.h"
#include "tests/methods/small_training.h"
#include "tests/methods/whole_training.h"
#include "tests/support/folders.h"
#include "tests/support/matches.h"
#include "tests/support/slice.h"
#include "workers/training/make_method.h"

namespace resolute::workers::ten_steps_test {
namespace {

const std::string kFile = tests::source_folder().string() + "/tests/golden/rain/ten_steps.json";
const std::string kEveryClass = "every class, about";
constexpr double kTolerance = 1e-3;

//! What decides bits besides our code: the processor (kernels are chosen by it), libtorch, threads.
std::string numeric_class() {
  std::ifstream file("/proc/cpuinfo");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  auto field = [&](const char* name) {
    const auto found = tests::matches(text, "(^|\n)" + std::string(name) + "\\s*: ([^\n]*)");
    return found.empty() ? "unknown" : found[0][2];
  };
  return fmt::format("{} family {} model {}, {}, libtorch {}, 1 thread", field("vendor_id"), field("cpu family"),
                     field("model"), at::get_cpu_capability(), TORCH_VERSION);
}

struct TenSteps {
  std::string hash;    // of every parameter and buffer
  core::Json figures;  // the second step's loss and, after ten, the size of each part's parameters
};

// L2 norm of the parameters of each module directly under the root. Norms of single tensors would not hold elsewhere:
// a bias before a batch norm has rounding errors for a gradient, which Adam makes steps of full length.
core::Json part_norms(torch::nn::Module& module) {
  core::Json squares = core::Json::object();
  for (const auto& item : module.named_parameters()) {
    const std::string part = "norm of " + item.key().substr(0, item.key().find('.'));
    const double sum = item.value().detach().to(at::kDouble).square().sum().item<double>();
    squares[part] = squares.value(part, 0.0) + sum;
  }
  for (auto& square : squares) square = std::sqrt(square.get<double>());
  return squares;
}

//! \param some_lr whether some rows have an LR image alone
TenSteps ten_steps(experiments::MethodOptions options, std::uint64_t seed, bool some_lr = false,
                   bool keep_graphs = true) {
  auto specification = worker_tests::small_specification(std::move(options));
  specification.seed = seed;
  specification.network.neck = true;
  const auto make = [&](std::uint64_t step, int lane) {
    methods::LaneBatch batch = worker_tests::made_up_batch(4, 3, 32, 16, 2 * step + static_cast<std::uint64_t>(lane));
    // Of each identity one or two of the three rows.
    if (some_lr) worker_tests::drop_hr_images(batch, at::arange(batch.has_hr.size(0)).remainder(3).le(lane));
    return batch;
  };
  const auto loss_after = [&](methods::Method& method, int steps) {
    TrainerOptions options_of_trainer{.recipe = specification.recipe, .lanes = 2, .keep_graphs = keep_graphs};
    options_of_trainer.recipe.steps = steps;
    return worker_tests::train_whole(method, {{12, 12}, make}, options_of_trainer).loss;
  };
  const auto method = make_method(specification, 4);
  loss_after(*method, 10);
  TenSteps found{worker_tests::state_hash(method->module()), part_norms(method->module())};
  found.figures["loss of step 2"] = loss_after(*make_method(specification, 4), 2);
  return found;
}

// As `recorded`, each figure within its tolerance of itself, or of 0.01 where it is smaller: a hinge may be at zero.
void expect_close(const core::Json& found, const core::Json& recorded) {
  ASSERT_EQ(found.size(), recorded.size());
  for (const auto& [method, figures] : found.items()) {
    ASSERT_TRUE(recorded.contains(method)) << method;
    EXPECT_EQ(figures.size(), recorded[method].size()) << method;
    for (const auto& [name, figure] : figures.items()) {
      ASSERT_TRUE(recorded[method].contains(name)) << method << ": " << name;
      const double expected = recorded[method][name].get<double>();
      EXPECT_NEAR(figure.get<double>(), expected, kTolerance * std::max(std::abs(expected), 0.01))
          << method << ": " << name;
    }
  }
}

//! Ten steps reach the last of its stages.
const experiments::ResolutionAdaptiveOptions kAdaptive{
    .widths = {16, 8, 8, 16}, .stage_steps = 2, .verification_weight = 0.5, .verification_width = 24};

TEST(TenSteps, bits_change_only_with_the_revision) {
  const std::vector<std::pair<std::string, TenSteps>> runs = {
      {fmt::format("baseline revision {}", experiments::BaselineOptions::kRevision),
       ten_steps(experiments::BaselineOptions{}, 1)},
      {fmt::format("rain revision {}", experiments::RainOptions::kRevision), ten_steps(experiments::RainOptions{}, 1)},
      {fmt::format("rain batch-hard non-saturating revision {}", experiments::RainOptions::kRevision),
       ten_steps(experiments::RainOptions{.adversary = methods::Adversary{.non_saturating = true},
                                          .mining = methods::Mining::kBatchHard},
                 1)},
      {fmt::format("cadnet revision {}", experiments::CadnetOptions::kRevision),
       ten_steps(experiments::CadnetOptions{}, 1)},
      {fmt::format("baseline stored revision {}", experiments::BaselineOptions::kRevision),
       ten_steps(
           experiments::BaselineOptions{
               .images = methods::BaselineImages::kStored, .mining = methods::Mining::kAll, .classification_weight = 3},
           1, true)},
      {fmt::format("ftwa revision {}", experiments::FtwaOptions::kRevision),
       ten_steps(experiments::FtwaOptions{}, 1, true)},
      {fmt::format("ftwa per-sample balanced revision {}", experiments::FtwaOptions::kRevision),
       ten_steps(experiments::FtwaOptions{{.classification_weighting = methods::Weighting::kBatchMean,
                                           .triplet_weighting = methods::Weighting::kPerSample,
                                           .weight_balance = 0.5}},
                 1, true)},
      {fmt::format("vpfa revision {}", experiments::VpfaOptions::kRevision),
       ten_steps(experiments::VpfaOptions{.hidden = 32}, 1)},
      {fmt::format("msifla revision {}", experiments::MsiflaOptions::kRevision),
       ten_steps(experiments::MsiflaOptions{.ir_width = 8}, 1, true)},
      {fmt::format("msifla shared warmed up revision {}", experiments::MsiflaOptions::kRevision),
       ten_steps(experiments::MsiflaOptions{.scales = {2, 1},
                                            .reid_networks = methods::ReidNetworks::kShared,
                                            .ir_width = 8,
                                            .ir_residual = true,
                                            .ir_warmup_steps = 4},
                 1, true)},
      {fmt::format("resolution_adaptive revision {}", experiments::ResolutionAdaptiveOptions::kRevision),
       ten_steps(kAdaptive, 1, true)},
      {fmt::format("resolution_adaptive joint two levels revision {}",
                   experiments::ResolutionAdaptiveOptions::kRevision),
       ten_steps(experiments::ResolutionAdaptiveOptions{.level_rates = {2, 1},
                                                        .widths = {16, 8},
                                                        .masks = methods::Masks::kJoint,
                                                        .mask_blocks = methods::MaskBlocks::kStages},
                 1, true)}};
  core::Json hashes = core::Json::object(), figures = core::Json::object();
  for (const auto& [name, run] : runs) {
    hashes[name] = run.hash;
    figures[name] = run.figures;
  }
  std::ifstream file(kFile);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  core::Json recorded = text.empty() ? core::Json::object() : core::parse_json(text, kFile);
  if (std::getenv("RESOLUTE_RECORD_GOLDEN") != nullptr) {
    recorded[kEveryClass] = figures;
    recorded[numeric_class()] = hashes;
    // Bits of a revision that is gone, of machines that this one is not.
    for (auto& of_class : recorded) {
      const core::Json before = of_class;
      for (const auto& [name, hash] : before.items())
        if (!hashes.contains(name)) of_class.erase(name);
    }
    std::ofstream(kFile) << recorded.dump(1) << '\n';
  }
  ASSERT_TRUE(recorded.contains(kEveryClass));
  expect_close(figures, recorded[kEveryClass]);
  const core::Json known = recorded.value(numeric_class(), core::Json::object());
  std::vector<std::string> unknown;
  for (const auto& [name, hash] : hashes.items()) {
    if (known.contains(name))
      EXPECT_EQ(hash, known[name]) << name;
    else
      unknown.push_back(name);
  }
  for (const auto& [name, hash] : known.items()) EXPECT_TRUE(hashes.contains(name)) << name;
  if (!unknown.empty())
    GTEST_SKIP() << fmt::format("no hashes were recorded for '{}' of: {}", numeric_class(), fmt::join(unknown, ", "));
}

TEST(TenSteps, repeat_to_the_bit_and_depend_on_the_seed) {
  const std::vector<experiments::MethodOptions> methods = {experiments::RainOptions{},
                                                           experiments::FtwaOptions{},
                                                           experiments::CadnetOptions{},
                                                           experiments::MsiflaOptions{.scales = {2, 1}, .ir_width = 8},
                                                           kAdaptive,
                                                           experiments::VpfaOptions{.hidden = 32}};
  for (const experiments::MethodOptions& options : tests::slice("methods that repeat", methods, 2)) {
    const std::string hash = ten_steps(options, 1, true).hash;
    EXPECT_EQ(hash, ten_steps(options, 1, true).hash);
    EXPECT_NE(hash, ten_steps(options, 2, true).hash);
  }
}

// A phase that runs forward again may not see what the phase before it moved.
TEST(TenSteps, are_the_same_where_each_phase_runs_forward_again) {
  for (const int warmup : {0, 4}) {
    const experiments::MsiflaOptions options{.scales = {2, 1}, .ir_width = 8, .ir_warmup_steps = warmup};
    EXPECT_EQ(ten_steps(options, 1, true).hash, ten_steps(options, 1, true, /*keep_graphs=*/false).hash) << warmup;
  }
  const experiments::CadnetOptions cadnet;
  EXPECT_EQ(ten_steps(cadnet, 1, true).hash, ten_steps(cadnet, 1, true, /*keep_graphs=*/false).hash);
}

}  // namespace
}  // namespace resolute::workers::ten_steps_test
