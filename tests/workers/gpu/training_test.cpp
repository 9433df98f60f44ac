// Trainings on the device: the same bits on any number of ranks, resumed at any step, with graphs kept or computed
// again, in every run; and the CPU's losses.

#include <ATen/Context.h>

#include "core/hash/sha256.h"
#include "tests/methods/small_training.h"
#include "tests/methods/whole_training.h"
#include "tests/support/any_word.h"
#include "tests/support/slice.h"
#include "tests/workers/gpu/gpu_gang.h"
#include "tests/workers/gpu/lone.h"
#include "tests/workers/training/checkpoint_bytes.h"
#include "workers/training/checkpoint.h"
#include "workers/training/metrics_log.h"
#include "workers/training/trainer.h"

namespace resolute::workers::gpu_test::training_test {
namespace {

constexpr int kLanes = 4;
constexpr int kIdentities = 3;
constexpr int kSteps = 5;
const CheckpointOwner kOwner{std::string(64, 'a'), "a test"};

struct Plan {
  std::string method = "rain";
  std::string precision = "f32";
  int steps = kSteps;
  bool keep_graphs = true;
};

// Batches of made-up people, put on the device as a pack's are. With `lr_images` each identity's second row stands as
// an LR image alone.
worker_tests::MadeSource placed_source(at::Device place, bool lr_images) {
  const auto make = [=](std::uint64_t step, int lane) {
    LaneBatch batch =
        worker_tests::made_up_batch(kIdentities, 2, 32, 16, step * kLanes + static_cast<std::uint64_t>(lane));
    batch.seed = 1;
    if (lr_images) {
      for (std::int64_t row = 1; row < 2 * kIdentities; row += 2) batch.has_hr[row] = false;
      batch.hr.mul_(batch.has_hr.view({-1, 1, 1, 1}));
    }
    for (at::Tensor* tensor : {&batch.hr, &batch.lr, &batch.labels}) *tensor = tensor->to(place);
    return batch;
  };
  return {std::vector<std::int64_t>(kLanes, 2 * kIdentities), make};
}

// Every pair's own weights, and the distances of all rows.
experiments::FtwaOptions ftwa_options() {
  return {{.mining = methods::Mining::kAll, .triplet_weighting = methods::Weighting::kPerSample}};
}

experiments::TrainingSpecification specification(const Plan& plan) {
  experiments::MethodOptions options = experiments::BaselineOptions{};
  if (plan.method == "rain") options = experiments::RainOptions{};
  if (plan.method == "ftwa") options = ftwa_options();
  experiments::TrainingSpecification specification = worker_tests::small_specification(std::move(options));
  specification.recipe.precision = tests::AnyWord(plan.precision);
  specification.recipe.steps = plan.steps;
  specification.lanes = kLanes;
  return specification;
}

struct Trained {
  core::Bytes checkpoint;
  std::vector<double> losses;
  std::string hash() const { return core::sha256_hex(checkpoint); }
};

Trained train(at::Device place, Communicator* communicator, const Plan& plan, const core::Bytes* from = nullptr) {
  const tests::TemporaryFolder folder;
  const experiments::TrainingSpecification asked = specification(plan);
  const std::unique_ptr<Method> method = make_method(asked, kIdentities);
  if (!place.is_cpu()) method->module().to(place);
  worker_tests::MadeSource source = placed_source(place, plan.method == "ftwa");
  ProgressPipe silent(-1);
  MetricsLog metrics(core::real_file_system(), folder / "metrics.jsonl");
  TrainerOptions options{.recipe = asked.recipe, .lanes = kLanes, .keep_graphs = plan.keep_graphs};
  Trainer trainer(
      {.method = *method, .source = source, .progress = silent, .communicator = communicator, .metrics = &metrics},
      options);
  if (from != nullptr) trainer.restore(decode_checkpoint(*from, kOwner, "checkpoint"));
  trainer.run();
  metrics.close();
  Trained trained;
  Checkpoint last = trainer.snapshot();
  for (auto& [name, tensor] : last.tensors) tensor = tensor.cpu();
  trained.checkpoint = encode_checkpoint(last, kOwner);
  std::istringstream lines(core::read_text(core::real_file_system(), folder / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);)
    trained.losses.push_back(core::parse_json(line, "metrics")["loss"].get<double>());
  return trained;
}

std::string name(const Plan& plan) { return plan.method + " " + plan.precision; }

// On a CPU, where other tests have them, one of each method will do, and a commit runs one.
std::vector<Plan> plans() {
  if (!on_gpu())
    return tests::slice("plans of GPU trainings",
                        std::vector<Plan>{{.method = "baseline", .precision = "f32"},
                                          {.method = "rain", .precision = "bf16"},
                                          {.method = "ftwa", .precision = "bf16"}},
                        1);
  return {{.method = "baseline", .precision = "f32"}, {.method = "baseline", .precision = "bf16"},
          {.method = "rain", .precision = "f32"},     {.method = "rain", .precision = "bf16"},
          {.method = "ftwa", .precision = "f32"},     {.method = "ftwa", .precision = "bf16"}};
}

void run(Rank& rank) {
  const Trained trained = train(rank.device.place(), &rank.communicator, {rank.arguments.at(0), rank.arguments.at(1)});
  if (rank.communicator.process_rank() == 0)
    core::write_atomic(core::real_file_system(), std::filesystem::path(rank.folder) / "hash", trained.hash());
}

TEST(GpuTraining, another_run_gives_the_same_bits) {
  for (const Plan& plan : plans())
    EXPECT_EQ(train(device().place(), nullptr, plan).hash(), train(device().place(), nullptr, plan).hash())
        << name(plan);
}

TEST(GpuTraining, resumed_at_any_step_gives_the_same_bits) {
  for (const Plan& plan : plans()) {
    const std::string whole = train(device().place(), nullptr, plan).hash();
    for (int step = 1; step < kSteps; ++step) {
      Plan part = plan;
      part.steps = step;
      const core::Bytes checkpoint = train(device().place(), nullptr, part).checkpoint;
      EXPECT_EQ(whole, train(device().place(), nullptr, plan, &checkpoint).hash()) << name(plan) << ", step " << step;
    }
  }
}

TEST(GpuTraining, graphs_computed_again_give_the_same_bits) {
  for (Plan plan : plans()) {
    const std::string kept = train(device().place(), nullptr, plan).hash();
    plan.keep_graphs = false;
    EXPECT_EQ(kept, train(device().place(), nullptr, plan).hash()) << name(plan);
  }
}

// One GPU is enough for what several do: all-to-all, ordered sum of a share, all-gather.
TEST(GpuTraining, the_path_through_exchanges_gives_the_same_bits) {
  for (const Plan& plan : plans()) {
    const std::unique_ptr<Communicator> alone = device().connect(connect_alone(), std::chrono::seconds(60));
    EXPECT_EQ(train(device().place(), nullptr, plan).hash(), train(device().place(), alone.get(), plan).hash())
        << name(plan);
  }
}

TEST(GpuTraining, any_number_of_ranks_gives_the_same_bits) {
  if (most_ranks() < 2) GTEST_SKIP() << "one GPU: NCCL takes one process rank a GPU";
  for (const Plan& plan : plans()) {
    const std::string alone = train(device().place(), nullptr, plan).hash();
    for (int ranks = 2; ranks <= std::min(kLanes, most_ranks()); ranks *= 2) {
      const tests::TemporaryFolder folder;
      expect_success(run_gang(folder.path(), ranks, {plan.method, plan.precision}));
      EXPECT_EQ(alone, core::read_text_if_exists(core::real_file_system(), folder / "hash").value_or("none"))
          << name(plan) << ", " << ranks << " ranks";
    }
  }
}

// Rounding differs between a GPU and a CPU, and between oneDNN and libtorch's own kernels, which stand in for a GPU
// where there is none.
TEST(GpuTraining, ten_steps_have_the_losses_of_the_cpu) {
  constexpr double kTolerance = 1e-3;  // of a loss
  for (const std::string method : {"baseline", "rain", "ftwa"}) {
    const Plan plan{.method = method, .precision = "f32", .steps = 10};
    const std::vector<double> losses = train(device().place(), nullptr, plan).losses;
    if (!on_gpu()) at::globalContext().setUserEnabledMkldnn(false);
    const std::vector<double> expected = train(at::kCPU, nullptr, plan).losses;
    at::globalContext().setUserEnabledMkldnn(true);
    ASSERT_EQ(10U, losses.size());
    ASSERT_EQ(10U, expected.size());
    double largest = 0;
    for (std::size_t step = 0; step < losses.size(); ++step) {
      EXPECT_NEAR(expected[step], losses[step], kTolerance * std::abs(expected[step])) << name(plan) << " " << step;
      largest = std::max(largest, std::abs(losses[step] / expected[step] - 1));
    }
    RecordProperty(plan.method, fmt::format("{:.1e}", largest));
    std::cout << name(plan) << ": the losses of 10 steps differ by at most " << fmt::format("{:.1e}", largest) << '\n';
  }
}

TEST(GpuEmbedding, rows_of_ftwas_branches_are_the_cpus_on_both_sides) {
  constexpr double kTolerance = 1e-3;  // of the largest number of a row
  const auto rows = [](at::Device place, Side side) {
    const std::unique_ptr<Method> method = make_method(specification({.method = "ftwa"}), kIdentities);
    if (!place.is_cpu()) method->module().to(place);
    const at::Tensor images = worker_tests::made_up_batch(kIdentities, 2, 32, 16).lr.to(place);
    const at::Tensor found = method->branch_embedder({.height = 32, .width = 16, .side = side})(images);
    EXPECT_EQ(place.type(), found.device().type());
    EXPECT_EQ((at::IntArrayRef{2 * kIdentities, 2 * (method->embedding_size() + 1)}), found.sizes());
    return found.cpu();
  };
  for (Side side : {Side::kHigh, Side::kLow}) {
    const at::Tensor found = rows(device().place(), side);
    EXPECT_TRUE(at::equal(found, rows(device().place(), side)));
    if (!on_gpu()) at::globalContext().setUserEnabledMkldnn(false);
    const at::Tensor expected = rows(at::kCPU, side);
    at::globalContext().setUserEnabledMkldnn(true);
    EXPECT_LT((found - expected).abs().max().item<double>(), kTolerance * expected.abs().max().item<double>());
  }
}

}  // namespace
}  // namespace resolute::workers::gpu_test::training_test

int main(int argc, char** argv) {
  using namespace resolute::workers::gpu_test;
  return run_tests_or_rank(argc, argv, training_test::run);
}
