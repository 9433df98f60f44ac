#include "workers/training/trainer.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "core/hash/sha256.h"
#include "core/process/process.h"
#include "tests/support/equal.h"
#include "tests/support/manual_clock.h"
#include "tests/support/refusal.h"
#include "tests/workers/training/checkpoint_bytes.h"
#include "tests/workers/training/metrics_lines.h"
#include "tests/workers/training/toy_method.h"
#include "workers/rank/stop_flag.h"

namespace resolute::workers::trainer_test {
namespace {

namespace fs = std::filesystem;

TrainerOptions options_for(int steps, int lanes = 4) {
  return {.recipe = {.steps = steps, .warmup_steps = 5, .milestones = {12}}, .lanes = lanes};
}

std::string hash_of(const Checkpoint& checkpoint) {
  return core::sha256_hex(encode_checkpoint(checkpoint, {"job", "class"}));
}

// A training in this process; collects metrics in a file.
struct Training {
  explicit Training(
      TrainerOptions options, MetricsLog* metrics = nullptr, CheckpointFolder* checkpoints = nullptr,
      const std::function<void(ToyMethod&)>& adjust = [](ToyMethod&) {})
      : method(adjusted(adjust)),
        source(options.lanes),
        trainer({.method = *method,
                 .source = source,
                 .progress = progress,
                 .checkpoints = checkpoints,
                 .metrics = metrics,
                 .evaluate = [this](std::uint64_t step) { evaluated.push_back(step); }},
                options) {}
  static std::unique_ptr<ToyMethod> adjusted(const std::function<void(ToyMethod&)>& adjust) {
    auto method = std::make_unique<ToyMethod>();
    adjust(*method);
    return method;
  }
  std::vector<std::uint64_t> evaluated;
  std::unique_ptr<ToyMethod> method;
  ToySource source;
  ProgressPipe progress{-1};
  Trainer trainer;
};

std::string trained(TrainerOptions options) {
  Training run(options);
  run.trainer.run();
  return hash_of(run.trainer.snapshot());
}

class TrainerTest : public testing::Test {
 protected:
  TrainerTest() {
    at::set_num_threads(1);
    set_stop_requested(false);
    fs::remove_all(folder_);
  }
  ~TrainerTest() override {
    fs::remove_all(folder_);
    set_stop_requested(false);
  }
  const fs::path folder_ = fs::path(testing::TempDir()) / fmt::format("trainer_test-{}", ::getpid());
};

TEST_F(TrainerTest, recomputed_graphs_give_the_bits_of_kept_ones) {
  TrainerOptions kept = options_for(8);
  TrainerOptions recomputed = kept;
  recomputed.keep_graphs = false;
  EXPECT_EQ(trained(kept), trained(recomputed));
  kept.recipe.precision = recomputed.recipe.precision = settings::Precision::kBf16;
  EXPECT_EQ(trained(kept), trained(recomputed));
}

TEST_F(TrainerTest, precision_changes_bits) {
  TrainerOptions options = options_for(3);
  const std::string f32 = trained(options);
  options.recipe.precision = settings::Precision::kBf16;
  EXPECT_NE(f32, trained(options));
}

TEST_F(TrainerTest, lanes_are_part_of_the_experiment) {
  EXPECT_NE(trained(options_for(3, 2)), trained(options_for(3, 4)));
}

TEST_F(TrainerTest, running_statistics_move_with_lane_0_only) {
  Training run(options_for(1));
  run.trainer.run();
  ToyMethod twin;
  const methods::LaneBatch lane0 = ToySource(4).batch(0, 0);
  twin.forward(lane0);
  EXPECT_TRUE(at::equal(run.trainer.snapshot().tensors.at("model.norm.running_mean"),
                        twin.module().named_buffers()["norm.running_mean"]));
}

TEST_F(TrainerTest, goes_on_from_a_snapshot_with_the_same_bits) {
  const std::string whole = trained(options_for(10));
  Training first(options_for(4));
  first.trainer.run();
  const auto bytes = encode_checkpoint(first.trainer.snapshot(), {"job", "class"});
  Training second(options_for(10));
  second.trainer.restore(decode_checkpoint(bytes, {"job", "class"}, "checkpoint"));
  const TrainingOutcome outcome = second.trainer.run();
  EXPECT_EQ(10U, outcome.step);
  EXPECT_EQ(whole, hash_of(second.trainer.snapshot()));
}

TEST_F(TrainerTest, refuses_a_checkpoint_of_another_network) {
  Training run(options_for(4));
  Checkpoint checkpoint = run.trainer.snapshot();
  checkpoint.tensors.erase("model.norm.weight");
  EXPECT_THROW(run.trainer.restore(checkpoint), core::RuntimeError);
}

TEST_F(TrainerTest, a_phase_moves_its_own_group_only) {
  // With the network's rate at nothing but a first step of warm-up, only the critic differs between 1 and 2 judgements.
  Training run(options_for(1));
  Checkpoint before = run.trainer.snapshot();
  for (auto& [name, tensor] : before.tensors) tensor = tensor.detach().clone();
  run.trainer.run();
  const Checkpoint after = run.trainer.snapshot();
  EXPECT_FALSE(at::equal(before.tensors.at("model.critic_weight"), after.tensors.at("model.critic_weight")));
  EXPECT_FALSE(at::equal(before.tensors.at("model.convolution_weight"), after.tensors.at("model.convolution_weight")));
  // The critic's first Adam step is ±lr whatever its gradient; a second one by phase "train" would double it.
  const at::Tensor moved = (after.tensors.at("model.critic_weight") - before.tensors.at("model.critic_weight")).abs();
  EXPECT_NEAR(1e-3, moved.max().item<double>(), 1e-5);
}

std::string divergence_of(const std::function<void(ToyMethod&)>& adjust) {
  Training run(options_for(10), nullptr, nullptr, adjust);
  const auto error = tests::error_of([&] { run.trainer.run(); });
  // The same training would end the same way again: no retry.
  EXPECT_TRUE(!error || core::exit_code(error->kind()) == 2);
  return error ? error->what() : "none";
}

TEST_F(TrainerTest, a_loss_that_is_not_finite_ends_it_naming_step_lane_and_term) {
  EXPECT_EQ("none", divergence_of([](ToyMethod&) {}));
  EXPECT_EQ(
      "loss 'classification' is nan in step 3, lane 2 (the training diverged); lower the learning rate, or set "
      "train.gradient_clip",
      divergence_of([](ToyMethod& method) {
        method.diverge_in_step = 3;
        method.diverging_lane = 2;
      }));
}

TEST_F(TrainerTest, a_gradient_that_is_not_finite_ends_it_naming_step_lane_and_term) {
  EXPECT_EQ(
      "a gradient of phase 'train' is not finite in step 4, lane 3, loss 'classification' (the training diverged); "
      "lower the learning rate, or set train.gradient_clip",
      divergence_of([](ToyMethod& method) {
        method.diverge_in_step = 4;
        method.diverging_lane = 3;
        method.diverge_in_gradient = true;
      }));
}

TEST_F(TrainerTest, a_phase_may_step_with_the_next) {
  // The critic's move after its own phase is seen by the network's loss; after the network's, it is not. One step from
  // the same weights: the critic ends alike either way, the network does not.
  const auto after = [](bool together) {
    Training run(options_for(1), nullptr, nullptr,
                 [&](ToyMethod& method) { method.critic_steps_with_network = together; });
    run.trainer.run();
    return run.trainer.snapshot();
  };
  const Checkpoint apart = after(false), together = after(true);
  EXPECT_TRUE(at::equal(apart.tensors.at("model.critic_weight"), together.tensors.at("model.critic_weight")));
  EXPECT_FALSE(at::equal(apart.tensors.at("optimiser.network.convolution_weight.moment1"),
                         together.tensors.at("optimiser.network.convolution_weight.moment1")));
}

TEST_F(TrainerTest, evaluates_between_steps_at_the_interval) {
  TrainerOptions options = options_for(10);
  options.evaluate_every = 4;
  Training run(options);
  EXPECT_EQ(180U, run.trainer.run().images);
  EXPECT_EQ((std::vector<std::uint64_t>{4, 8}), run.evaluated);
  EXPECT_EQ(0U, run.trainer.run().images);  // done already: nothing more is trained
}

TEST_F(TrainerTest, a_training_that_goes_on_evaluates_the_step_that_it_starts_from) {
  TrainerOptions options = options_for(4);
  Training first(options);
  first.trainer.run();
  options.recipe.steps = 10;
  options.evaluate_every = 4;
  Training second(options);
  second.trainer.restore(first.trainer.snapshot());
  second.trainer.run();
  EXPECT_EQ((std::vector<std::uint64_t>{4, 8}), second.evaluated);
}

TEST(DigestedSteps, are_all_on_the_cpu_and_a_tenth_on_a_gpu_with_the_first_and_the_last) {
  const auto steps_on = [](at::DeviceType device, std::uint64_t steps) {
    std::vector<std::uint64_t> digested;
    for (std::uint64_t step = 1; step <= steps; ++step)
      if (digests_gradients(device, step, steps)) digested.push_back(step);
    return digested;
  };
  EXPECT_EQ((std::vector<std::uint64_t>{1, 2, 3}), steps_on(at::kCPU, 3));
  EXPECT_EQ((std::vector<std::uint64_t>{1, 10, 20, 23}), steps_on(at::kCUDA, 23));
  EXPECT_EQ((std::vector<std::uint64_t>{1, 10, 20}), steps_on(at::kPrivateUse1, 20));
  EXPECT_EQ((std::vector<std::uint64_t>{1}), steps_on(at::kCUDA, 1));
}

TEST_F(TrainerTest, logs_digests_of_every_lane_and_tensor) {
  const auto log_of = [&](const std::string& name, const std::function<void(ToyMethod&)>& adjust) {
    const fs::path path = folder_ / name;
    auto method = Training::adjusted(adjust);
    results::GradientLogWriter writer(core::real_file_system(), path, 4, gradient_names(*method));
    ToySource source(4);
    ProgressPipe progress(-1);
    Trainer({.method = *method, .source = source, .progress = progress, .gradients = &writer}, options_for(3)).run();
    writer.close();
    return results::read_gradient_log(core::real_file_system(), path);
  };
  const results::GradientLog log = log_of("a", [](ToyMethod&) {});
  EXPECT_EQ((std::vector<std::string>{"judge/critic_weight", "train/convolution_weight", "train/classifier_weight",
                                      "train/norm.weight", "train/norm.bias"}),
            log.tensors);
  ASSERT_EQ(3U, log.steps.size());
  EXPECT_EQ(4U, log.steps[0].lanes.size());
  EXPECT_EQ(log, log_of("b", [](ToyMethod&) {}));
  // One lane's classifier gradient changed in step 2: that lane differs from there on, no other tensor in that step.
  const results::GradientLog other = log_of("c", [](ToyMethod& method) {
    method.nudge_in_step = 2;
    method.nudged_lane = 1;
  });
  EXPECT_EQ(log.steps[0], other.steps[0]);
  for (std::size_t lane = 0; lane < 4; ++lane)
    EXPECT_EQ(lane != 1, log.steps[1].lanes[lane] == other.steps[1].lanes[lane]) << lane;
  for (std::size_t tensor = 0; tensor < 5; ++tensor)
    EXPECT_EQ(tensor != 2, log.steps[1].tensors[tensor] == other.steps[1].tensors[tensor]) << log.tensors[tensor];
}

TEST_F(TrainerTest, writes_a_line_a_step) {
  {
    MetricsLog metrics(core::real_file_system(), folder_ / "metrics.jsonl");
    Training run(options_for(3), &metrics);
    run.trainer.run();
    metrics.close();
  }
  const std::vector<core::Json> lines = metrics_lines(folder_ / "metrics.jsonl");
  ASSERT_EQ(3U, lines.size());
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(i + 1, lines[i]["step"].get<std::size_t>());
    EXPECT_EQ(32U, lines[i]["gradients"].get<std::string>().size());
    EXPECT_GT(lines[i]["gradient_norms"]["judge"].get<double>(), 0);
    EXPECT_GT(lines[i]["gradient_norms"]["train"].get<double>(), 0);
    double sum = 0;
    for (const char* name : {"critic", "classification", "critic.train"}) sum += lines[i]["losses"][name].get<double>();
    EXPECT_NEAR(sum, lines[i]["loss"].get<double>(), 1e-6);
  }
  EXPECT_NE(lines[0]["gradients"], lines[1]["gradients"]);
}

TEST_F(TrainerTest, stops_after_the_next_step_with_a_checkpoint) {
  CheckpointFolder checkpoints(core::real_file_system(), folder_, {"job", "class"});
  Training run(options_for(10), nullptr, &checkpoints);
  set_stop_requested(true);
  const TrainingOutcome outcome = run.trainer.run();
  EXPECT_TRUE(outcome.interrupted);
  EXPECT_EQ(1U, outcome.step);
  EXPECT_EQ(1U, checkpoints.load_latest().value().checkpoint.step);
}

TEST_F(TrainerTest, writes_checkpoints_at_the_interval) {
  CheckpointFolder checkpoints(core::real_file_system(), folder_, {"job", "class"});
  TrainerOptions options = options_for(10);
  options.checkpoint_every = 3;
  Training run(options, nullptr, &checkpoints);
  run.trainer.run();
  EXPECT_EQ(9U, checkpoints.load_latest().value().checkpoint.step);
  EXPECT_EQ(2U, core::real_file_system().list(folder_).size());
}

TEST(CheckpointPace, is_a_minute_or_a_hundred_times_what_the_last_one_took) {
  using std::chrono::seconds, std::chrono::milliseconds;
  const core::MonotonicTime begun{seconds(7)};
  CheckpointPace pace(begun);
  EXPECT_FALSE(pace.is_due(begun + milliseconds(59'999)));
  EXPECT_TRUE(pace.is_due(begun + seconds(60)));
  const core::MonotonicTime first = begun + seconds(70);
  pace.written(first, milliseconds(500));
  EXPECT_FALSE(pace.is_due(first + milliseconds(59'999)));
  EXPECT_TRUE(pace.is_due(first + seconds(60)));
  pace.written(first, seconds(3));
  EXPECT_FALSE(pace.is_due(first + seconds(299)));
  EXPECT_TRUE(pace.is_due(first + seconds(300)));
  pace.written(first, {});
  EXPECT_TRUE(pace.is_due(first + seconds(60))) << "a slow one is forgotten";
}

TEST_F(TrainerTest, without_a_number_of_steps_checkpoints_go_by_the_clock) {
  CheckpointFolder checkpoints(core::real_file_system(), folder_, {"job", "class"});
  tests::ManualClock clock;
  ToyMethod method;
  ToySource source(4);
  ProgressPipe silent(-1);
  TrainerOptions options = options_for(9);
  options.evaluate_every = 1;
  // Losses of steps 1, 2, … are there at 0, 25, 50, … seconds.
  Trainer({.method = method,
           .source = source,
           .progress = silent,
           .checkpoints = &checkpoints,
           .evaluate = [&](std::uint64_t) { clock.advance(std::chrono::seconds(25)); },
           .clock = clock},
          options)
      .run();
  EXPECT_THAT(core::real_file_system().list(folder_),
              testing::UnorderedElementsAre("step-000000004.safetensors", "step-000000007.safetensors"));
}

TEST_F(TrainerTest, libtorchs_generators_never_advance) {
  auto generator = at::detail::getDefaultCPUGenerator();
  const at::Tensor before = generator.get_state().clone();
  trained(options_for(2));
  EXPECT_TRUE(at::equal(before, generator.get_state()));
}

TEST_F(TrainerTest, progress_lines_are_few_and_a_vanished_reader_is_no_reason_to_stop) {
  core::Pipe pipe = core::make_pipe();
  tests::ManualClock clock;
  ProgressPipe progress(pipe.write_end.get(), clock);
  for (std::uint64_t step = 0; step < 100; ++step) {
    progress.step(step, 1000, 1.5, step);
    clock.advance(std::chrono::milliseconds(100));
  }
  progress.checkpoint(100);
  char text[8192] = {};
  const auto count = ::read(pipe.read_end.get(), text, sizeof(text) - 1);
  const std::string lines(text, static_cast<std::size_t>(count));
  EXPECT_EQ(21, std::count(lines.begin(), lines.end(), '\n'));
  EXPECT_NE(std::string::npos, lines.find(R"({"checkpoint":100})"));
  EXPECT_NE(std::string::npos, lines.find(R"("steps":1000)"));
  install_stop_signals();
  pipe.read_end.reset();
  progress.checkpoint(101);
  progress.checkpoint(102);
}

}  // namespace
}  // namespace resolute::workers::trainer_test
