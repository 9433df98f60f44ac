#include "workers/trainer.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "core/error.h"
#include "core/process.h"
#include "core/sha256.h"
#include "tests/workers/trainer/toy_method.h"
#include "workers/stop_flag.h"

namespace resolute::workers {
namespace {

namespace fs = std::filesystem;

TrainerOptions options_for(int steps, int lanes = 4) {
  TrainerOptions options;
  options.recipe.steps = steps;
  options.recipe.warmup_steps = 5;
  options.recipe.milestones = {12};
  options.lanes = lanes;
  return options;
}

std::string hash_of(const Checkpoint& checkpoint) {
  return core::sha256_hex(encode_checkpoint(checkpoint, {"job", "class"}));
}

// A training in this process; collects metrics in a file.
struct Training {
  explicit Training(TrainerOptions options, MetricsLog* metrics = nullptr, CheckpointFolder* checkpoints = nullptr)
      : source(options.lanes),
        trainer(
            {.method = method, .source = source, .progress = progress, .checkpoints = checkpoints, .metrics = metrics},
            options) {}
  ToyMethod method;
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
  kept.recipe.precision = recomputed.recipe.precision = "bf16";
  EXPECT_EQ(trained(kept), trained(recomputed));
}

TEST_F(TrainerTest, precision_changes_bits) {
  TrainerOptions options = options_for(3);
  const std::string f32 = trained(options);
  options.recipe.precision = "bf16";
  EXPECT_NE(f32, trained(options));
}

TEST_F(TrainerTest, lanes_are_part_of_the_experiment) {
  EXPECT_NE(trained(options_for(3, 2)), trained(options_for(3, 4)));
}

TEST_F(TrainerTest, running_statistics_move_with_lane_0_only) {
  Training run(options_for(1));
  run.trainer.run();
  ToyMethod twin;
  const LaneBatch lane0 = ToySource(4).batch(0, 0);
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
  const Checkpoint before = run.trainer.snapshot();
  run.trainer.run();
  const Checkpoint after = run.trainer.snapshot();
  EXPECT_FALSE(at::equal(before.tensors.at("model.critic_weight"), after.tensors.at("model.critic_weight")));
  EXPECT_FALSE(at::equal(before.tensors.at("model.convolution_weight"), after.tensors.at("model.convolution_weight")));
  // The critic's first Adam step is ±lr whatever its gradient; a second one by phase "train" would double it.
  const at::Tensor moved = (after.tensors.at("model.critic_weight") - before.tensors.at("model.critic_weight")).abs();
  EXPECT_NEAR(1e-3, moved.max().item<double>(), 1e-5);
}

TEST_F(TrainerTest, a_loss_that_is_not_finite_ends_it_naming_the_step) {
  Training run(options_for(10));
  run.method.diverge_in_step = 3;
  try {
    run.trainer.run();
    FAIL();
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(1, core::exit_code(error.kind()));
    EXPECT_STREQ("loss 'classification' is nan in step 3 (the training diverged); lower the learning rate",
                 error.what());
  }
}

TEST_F(TrainerTest, writes_a_line_a_step) {
  {
    MetricsLog metrics(core::real_file_system(), folder_ / "metrics.jsonl");
    Training run(options_for(3), &metrics);
    run.trainer.run();
    metrics.close();
  }
  const std::string text = core::read_text(core::real_file_system(), folder_ / "metrics.jsonl");
  std::vector<core::Json> lines;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    lines.push_back(core::parse_json(text.substr(at, text.find('\n', at) - at), "line"));
  ASSERT_EQ(3U, lines.size());
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(i + 1, lines[i]["step"].get<std::size_t>());
    EXPECT_EQ(32U, lines[i]["gradients"].get<std::string>().size());
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
  EXPECT_EQ(1U, checkpoints.load_latest().value().step);
}

TEST_F(TrainerTest, writes_checkpoints_at_the_interval) {
  CheckpointFolder checkpoints(core::real_file_system(), folder_, {"job", "class"});
  TrainerOptions options = options_for(10);
  options.checkpoint_every = 3;
  Training run(options, nullptr, &checkpoints);
  run.trainer.run();
  EXPECT_EQ(9U, checkpoints.load_latest().value().step);
  EXPECT_EQ(2U, core::real_file_system().list(folder_).size());
}

TEST_F(TrainerTest, libtorchs_generators_never_advance) {
  auto generator = at::detail::getDefaultCPUGenerator();
  const at::Tensor before = generator.get_state().clone();
  trained(options_for(2));
  EXPECT_TRUE(at::equal(before, generator.get_state()));
}

TEST_F(TrainerTest, progress_lines_are_few_and_a_vanished_reader_is_no_reason_to_stop) {
  core::Pipe pipe = core::make_pipe();
  core::ManualClock clock;
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
}  // namespace resolute::workers
