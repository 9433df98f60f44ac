// Trainings on the device: the same bits on any number of ranks, resumed at any step, with graphs kept or computed
// again, in every run; and the CPU's losses.

#include <ATen/Context.h>

#include <map>

#include "tests/support/slice.h"
#include "tests/workers/gpu/device_training.h"
#include "tests/workers/gpu/gpu_gang.h"
#include "tests/workers/gpu/lone.h"
#include "workers/training/make_method.h"

namespace resolute::workers::gpu_test::training_test {
namespace {

constexpr double kTolerance = 1e-3;  // of a loss

// With RESOLUTE_TEST_PRECISION one training of that precision, at the papers' size with RESOLUTE_TEST_SIZE=paper. Else
// on a GPU all; on a CPU, where other tests have them, one of each method will do, and a commit runs one.
std::vector<Plan> plans() {
  std::vector<Plan> plans;
  if (std::getenv("RESOLUTE_TEST_PRECISION") != nullptr) {
    Plan plan{.method = "baseline", .precision = tested_precision()};
    if (const char* size = std::getenv("RESOLUTE_TEST_SIZE"); size != nullptr && std::string_view(size) == "paper")
      plan.size = kPaperSize;
    return {plan};
  }
  for (const char* method : kMethods)
    for (const char* precision : {"f32", "bf16"}) plans.push_back({.method = method, .precision = precision});
  return on_gpu() ? plans : tests::slice("plans of GPU trainings", plans, 1);
}

//! The hash of a training by one process, which most tests compare with theirs: trained once.
const std::string& hash_alone(const Plan& plan) {
  static std::map<std::string, std::string> known;
  const auto found = known.find(name(plan));
  if (found != known.end()) return found->second;
  std::string hash = train(&device(), nullptr, plan).hash();
  std::cout << name(plan) << ": the hash of " << plan.steps << " steps is " << hash << '\n';
  return known[name(plan)] = hash;
}

void run(Rank& rank) {
  const Trained trained =
      train(&rank.device, &rank.communicator, plans().at(static_cast<std::size_t>(std::stoi(rank.arguments.at(0)))));
  if (rank.communicator.process_rank() == 0)
    core::write_atomic(core::real_file_system(), std::filesystem::path(rank.folder) / "hash", trained.hash());
}

const tests::ProgramRole kRank("training", [](int count, char** arguments) { return run_rank(count, arguments, run); });

TEST(GpuTraining, another_run_gives_the_same_bits) {
  for (const Plan& plan : plans()) EXPECT_EQ(hash_alone(plan), train(&device(), nullptr, plan).hash()) << name(plan);
}

TEST(GpuTraining, resumed_at_any_step_gives_the_same_bits) {
  for (const Plan& plan : plans()) {
    const std::string& whole = hash_alone(plan);
    for (int step = 1; step < kSteps; ++step) {
      Plan part = plan;
      part.steps = step;
      const core::Bytes checkpoint = train(&device(), nullptr, part).checkpoint;
      EXPECT_EQ(whole, train(&device(), nullptr, plan, &checkpoint).hash()) << name(plan) << ", step " << step;
    }
  }
}

TEST(GpuTraining, graphs_computed_again_give_the_same_bits) {
  for (Plan plan : plans()) {
    const std::string& kept = hash_alone(plan);
    plan.keep_graphs = false;
    EXPECT_EQ(kept, train(&device(), nullptr, plan).hash()) << name(plan);
  }
}

// A device that records plays passes that have come before.
TEST(GpuTraining, passes_that_are_not_recorded_give_the_same_bits) {
  for (Plan plan : plans()) {
    const std::string& played = hash_alone(plan);
    plan.recorded = false;
    EXPECT_EQ(played, train(&device(), nullptr, plan).hash()) << name(plan);
  }
}

// One GPU is enough for what several do: all-to-all, ordered sum of a share, all-gather.
TEST(GpuTraining, the_path_through_exchanges_gives_the_same_bits) {
  for (const Plan& plan : plans()) {
    const std::unique_ptr<Communicator> alone = device().connect(connect_alone(), std::chrono::seconds(60));
    EXPECT_EQ(hash_alone(plan), train(&device(), alone.get(), plan).hash()) << name(plan);
  }
}

TEST(GpuTraining, any_number_of_ranks_gives_the_same_bits) {
  const std::vector<Plan> all = plans();
  for (std::size_t number = 0; number < all.size(); ++number) {
    const Plan& plan = all[number];
    const std::string& alone = hash_alone(plan);
    for (int ranks = 2; ranks <= kLanes; ranks *= 2) {
      const tests::TemporaryFolder folder;
      expect_success(run_gang(kRank, folder.path(), ranks, sharing(ranks, {std::to_string(number)})));
      EXPECT_EQ(alone, core::read_text_if_exists(core::real_file_system(), folder / "hash").value_or("none"))
          << name(plan) << ", " << ranks << " ranks";
    }
  }
}

// A lane, or a side of it, in which nobody has a label has no triplet.
TEST(GpuTraining, lanes_without_a_label_have_the_losses_of_the_cpu) {
  if (device_name() == "cpu") GTEST_SKIP() << "it would be compared with itself";
  for (const char* method : {"baseline", "rain", "ftwa"}) {
    const Plan plan{.method = method, .steps = 2, .few_labels = true};
    const std::vector<double> losses = train(&device(), nullptr, plan).losses;
    const ComparedCpu compared;
    const std::vector<double> expected = train(nullptr, nullptr, plan).losses;
    ASSERT_EQ(expected.size(), losses.size());
    for (std::size_t step = 0; step < losses.size(); ++step)
      EXPECT_NEAR(expected[step], losses[step], kTolerance * std::abs(expected[step])) << method << " " << step;
  }
}

TEST(GpuTraining, other_optimisers_with_averaged_weights_have_the_cpus_losses_and_one_hash_however_resumed) {
  if (device_name() == "cpu") GTEST_SKIP() << "it would be compared with itself";
  for (const char* optimiser : {"adamw", "sgd"})
    for (const char* method : {"baseline", "rain"}) {
      SCOPED_TRACE(std::string(method) + " " + optimiser);
      const Plan plan{.method = method, .steps = 4, .optimiser = optimiser, .ema = 0.9};
      const Trained whole = train(&device(), nullptr, plan);
      Plan part = plan;
      part.steps = 2;
      const core::Bytes checkpoint = train(&device(), nullptr, part).checkpoint;
      EXPECT_EQ(whole.hash(), train(&device(), nullptr, plan, &checkpoint).hash());
      const ComparedCpu compared;
      const std::vector<double> expected = train(nullptr, nullptr, plan).losses;
      ASSERT_EQ(expected.size(), whole.losses.size());
      for (std::size_t step = 0; step < expected.size(); ++step)
        EXPECT_NEAR(expected[step], whole.losses[step], kTolerance * std::abs(expected[step])) << step;
    }
}

TEST(GpuTraining, ten_steps_have_the_losses_of_the_cpu) {
  std::vector<const char*> methods(kMethods.begin(), kMethods.end());
  if (device_name() == "cpu") methods = tests::slice("methods with the losses of the CPU", methods, 1);
  for (const char* method : methods) {
    const Plan plan{.method = method, .precision = "f32", .steps = 10};
    const std::vector<double> losses = train(&device(), nullptr, plan).losses;
    const std::vector<double> expected = [&] {
      const ComparedCpu compared;
      return train(nullptr, nullptr, plan).losses;
    }();
    ASSERT_EQ(10U, losses.size());
    ASSERT_EQ(10U, expected.size());
    double largest = 0;
    // In MSIFLA's narrow networks a CPU convolves some pixels another way (nn/layers.cpp), and Adam's first steps are
    // as long for a rounding error as for a gradient: its later losses differ. So do CAD-Net's between kernels of two
    // CPUs, whose discriminators begin as undecided.
    const bool game_of_cpus = plan.method == "cadnet" && device_name() == "cpu";
    const std::size_t compared = plan.method == "msifla" || game_of_cpus ? 2 : losses.size();
    for (std::size_t step = 0; step < compared; ++step) {
      EXPECT_NEAR(expected[step], losses[step], kTolerance * std::abs(expected[step])) << name(plan) << " " << step;
      largest = std::max(largest, std::abs(losses[step] / expected[step] - 1));
    }
    RecordProperty(plan.method, fmt::format("{:.1e}", largest));
    std::cout << name(plan) << ": the losses of " << compared << " steps differ by at most "
              << fmt::format("{:.1e}", largest) << '\n';
  }
}

TEST(GpuEmbedding, rows_of_ftwas_branches_are_the_cpus_on_both_sides) {
  constexpr double kTolerance = 1e-3;  // of the largest number of a row
  const auto rows = [](at::Device place, methods::Side side) {
    const std::unique_ptr<methods::Method> method = make_method(specification({.method = "ftwa"}), kIdentities);
    if (!place.is_cpu()) method->module().to(place);
    const at::Tensor images = worker_tests::made_up_batch(kIdentities, 2, 32, 16).lr.to(place);
    const at::Tensor found = method->branch_embedder({.height = 32, .width = 16, .side = side})(images);
    EXPECT_EQ(place.type(), found.device().type());
    EXPECT_EQ((at::IntArrayRef{2 * kIdentities, 2 * (method->embedding_size() + 1)}), found.sizes());
    return found.cpu();
  };
  for (methods::Side side : {methods::Side::kHigh, methods::Side::kLow}) {
    const at::Tensor found = rows(device().place(), side);
    EXPECT_TRUE(at::equal(found, rows(device().place(), side)));
    const ComparedCpu compared;
    const at::Tensor expected = rows(at::kCPU, side);
    EXPECT_LT((found - expected).abs().max().item<double>(), kTolerance * expected.abs().max().item<double>());
  }
}

}  // namespace
}  // namespace resolute::workers::gpu_test::training_test
