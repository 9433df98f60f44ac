// Trainings on an accelerator whose streams run as late as they can: nothing that the host forgets to wait for may
// reach a result.

#include "tests/support/manual_clock.h"
#include "tests/support/refusal.h"
#include "tests/support/slice.h"
#include "tests/workers/gpu/device_training.h"
#include "tests/workers/gpu/gpu_gang.h"
#include "tests/workers/gpu/lone.h"
#include "tests/workers/training/toy_method.h"
#include "workers/rank/stop_flag.h"

namespace resolute::workers::gpu_test::late_training_test {
namespace {

using accelerator::Lateness;

constexpr Lateness kLatest{Lateness::Kind::kMost, 0}, kSideAhead{Lateness::Kind::kMain, 0};

TEST(LateTraining, kernels_that_run_only_when_waited_for_give_the_same_bits) {
  for (const char* method : kMethods) {
    const Plan plan{.method = method, .steps = 2};
    const std::string expected = late_hash(plan, {});
    EXPECT_EQ(expected, late_hash(plan, kLatest)) << name(plan);
    EXPECT_EQ(expected, late_hash(plan, kSideAhead)) << name(plan) << ", other streams ahead";
  }
}

// A stage's trunk is another pass than the one's before.
TEST(LateTraining, progressive_masks_are_recorded_stage_by_stage_with_the_same_bits) {
  Plan plan{.method = "resolution_adaptive", .steps = 10, .masks = "progressive"};
  accelerator::streams().reset_counts();
  const std::string played = late_hash(plan, kLatest);
  // Five stages of two steps: the second of each lane's passes in a stage, forward and backward.
  EXPECT_LE(5 * 2, accelerator::streams().counts().kernels.at("recording"));
  plan.recorded = false;
  EXPECT_EQ(late_hash(plan, {}), played);
}

// \param odd the third step's batches have another shape in the last lanes
Plan plan_of_ranks(const std::string& method, bool odd) {
  return odd ? Plan{.method = method, .steps = 5, .missing = {0, 0, 1, 0, 0}} : Plan{.method = method, .steps = 3};
}

std::int64_t plays() {
  const accelerator::Counts counts = accelerator::streams().counts();
  const auto found = counts.kernels.find("recording");
  return found == counts.kernels.end() ? 0 : found->second;
}

// Each rank's streams lag in a way of their own.
void run(Rank& rank) {
  const int number = rank.communicator.process_rank();
  const Plan plan = plan_of_ranks(rank.arguments.at(0), rank.arguments.size() > 2);
  const std::uint64_t seed = std::stoull(rank.arguments.at(1)) * 100 + static_cast<std::uint64_t>(number);
  const Trained trained = train_late(plan, {Lateness::Kind::kDrawn, seed}, &rank.communicator, rank.device);
  const std::filesystem::path folder = rank.folder;
  core::write_atomic(core::real_file_system(), folder / std::to_string(number), trained.parameters);
  core::write_atomic(core::real_file_system(), folder / fmt::format("plays-{}", number), std::to_string(plays()));
  if (number == 0) core::write_atomic(core::real_file_system(), folder / "hash", trained.hash());
}

const tests::ProgramRole kRank("late-training",
                               [](int count, char** arguments) { return run_rank(count, arguments, run); });

TEST(LateTraining, any_number_of_ranks_whose_streams_lag_gives_the_bits_of_one) {
  const std::vector<int> seeds = tests::slice("schedules of late ranks", std::vector{1, 2, 3, 4}, 1);
  for (const char* method : kMethods) {
    const Trained alone = train_late({.method = method, .steps = 3}, {});
    for (const int ranks : {2, 4}) {
      for (const int seed : seeds) {
        const tests::TemporaryFolder folder;
        expect_success(run_gang(kRank, folder.path(), ranks, {method, std::to_string(seed)}));
        const auto logged = [&](const std::string& name) {
          return core::read_text_if_exists(core::real_file_system(), folder / name);
        };
        EXPECT_EQ(alone.hash(), logged("hash")) << method << ", " << ranks << " ranks, seed " << seed;
        for (int rank = 0; rank < ranks; ++rank)
          EXPECT_EQ(alone.parameters, logged(std::to_string(rank))) << method << ", rank " << rank << " of " << ranks;
      }
    }
  }
}

// Ranks whose batch is odd run its passes as they are, beside others that play theirs.
TEST(LateTraining, an_odd_batch_of_some_ranks_leaves_the_bits_and_all_recordings) {
  for (const char* method : {"baseline", "rain"}) {
    Plan plan = plan_of_ranks(method, /*odd=*/true);
    plan.recorded = false;
    const Trained alone = train_late(plan, {});
    for (const int ranks : {2, 4}) {
      const tests::TemporaryFolder folder;
      expect_success(run_gang(kRank, folder.path(), ranks, {method, "1", "odd"}));
      const auto logged = [&](const std::string& name) {
        return core::read_text_if_exists(core::real_file_system(), folder / name).value_or("0");
      };
      EXPECT_EQ(alone.hash(), logged("hash")) << method << ", " << ranks << " ranks";
      const std::string last = std::to_string(ranks - 1);
      EXPECT_EQ(alone.parameters, logged(last)) << method << ", " << ranks << " ranks";
      // The first rank plays from the second step on, the last one at least in three of these four.
      EXPECT_LE(std::stoi(logged("plays-0")) / 4 * 3, std::stoi(logged("plays-" + last))) << method;
      EXPECT_LT(0, std::stoi(logged("plays-0")));
    }
  }
}

// Shapes A B A B …: both are recorded when they come again. Losses of fewer images ask for fewer kernels.
TEST(LateTraining, shapes_in_turn_ask_for_as_little_as_one_shape) {
  for (const char* method :
       tests::slice("methods of shapes in turn", std::vector(kMethods.begin(), kMethods.end()), 2)) {
    const auto counts = [&](const Plan& plan) {
      accelerator::streams().reset_counts();
      const std::string hash = late_hash(plan, kLatest);
      return std::pair(hash, accelerator::streams().counts());
    };
    Plan plan{.method = method, .steps = 4, .missing = {0, 1}};
    const accelerator::Counts shorter = counts(plan).second;
    plan.steps = 6;
    const auto [hash, longer] = counts(plan);
    plan.recorded = false;
    const auto [expected, unrecorded] = counts(plan);
    EXPECT_EQ(expected, hash) << method;
    EXPECT_EQ(unrecorded.waits, longer.waits) << method;
    EXPECT_EQ(unrecorded.bytes_to_device, longer.bytes_to_device) << method;
    EXPECT_EQ(unrecorded.bytes_to_host, longer.bytes_to_host) << method;
    plan = {.method = method, .steps = 4};
    const accelerator::Counts one_shorter = counts(plan).second;
    plan.steps = 6;
    const accelerator::Counts one_longer = counts(plan).second;
    const auto more = [](const auto& counted, const auto& than) {
      return accelerator::Counts::sum(counted.kernels) - accelerator::Counts::sum(than.kernels);
    };
    std::cout << method << ": two steps launch " << more(longer, shorter) << ", of one shape "
              << more(one_longer, one_shorter) << '\n';
    EXPECT_LE(more(longer, shorter), more(one_longer, one_shorter)) << method;
    EXPECT_EQ(one_longer.kernels.at("recording") - one_shorter.kernels.at("recording"),
              longer.kernels.at("recording") - shorter.kernels.at("recording"))
        << method;
  }
}

TEST(LateTraining, the_path_through_exchanges_gives_the_same_bits) {
  const Plan plan{.method = "rain", .precision = "bf16", .steps = 2};
  const std::unique_ptr<Communicator> alone = device().connect(connect_alone(), std::chrono::seconds(60));
  const std::string expected = late_hash(plan, {});
  accelerator::streams().reset_counts();
  EXPECT_EQ(expected, late_hash(plan, kLatest, alone.get()));
  EXPECT_TRUE(accelerator::streams().counts().kernels.contains("recording")) << "a rank records its passes too";
  EXPECT_EQ(expected, late_hash(plan, kSideAhead, alone.get()));
  // One stream gathers a bucket, another exchanges it: either may be ahead.
  for (const std::uint64_t seed : {1U, 2U})
    EXPECT_EQ(expected, late_hash(plan, {Lateness::Kind::kDrawn, seed}, alone.get())) << "seed " << seed;
}

// A toy training on the device or the CPU, whose losses a device gives a step late.
struct Toy {
  Toy(at::Device place, const std::filesystem::path& folder, int steps)
      : log(folder / "metrics.jsonl"),
        metrics(core::real_file_system(), log),
        checkpoints(core::real_file_system(), folder / "checkpoints", kOwner),
        source({6, 4, 4, 4}, [=](std::uint64_t step, int lane) {
          methods::LaneBatch batch = ToySource(kLanes).batch(step, lane);
          batch.hr = batch.hr.to(place);
          batch.lr = batch.lr.to(place);
          return batch;
        }) {
    method.module().to(place);
    options.recipe.steps = steps;
    options.recipe.milestones = {};
    options.lanes = kLanes;
  }
  TrainingOutcome run() {
    Trainer trainer({.method = method,
                     .source = source,
                     .progress = silent,
                     .communicator = communicator,
                     .checkpoints = &checkpoints,
                     .metrics = &metrics,
                     .evaluate = evaluate},
                    options);
    return trainer.run();
  }
  // The steps that metrics.jsonl tells of.
  std::vector<std::uint64_t> reported() {
    metrics.close();
    std::vector<std::uint64_t> steps;
    for (const core::Json& line : metrics_lines(log)) steps.push_back(line["step"].get<std::uint64_t>());
    return steps;
  }

  std::filesystem::path log;
  MetricsLog metrics;
  CheckpointFolder checkpoints;
  ToyMethod method;
  TrainerOptions options;
  std::function<void(std::uint64_t)> evaluate;
  Communicator* communicator = nullptr;
  worker_tests::MadeSource source;
  ProgressPipe silent{-1};
};

// Alone and by the path through exchanges.
TEST(LateTraining, a_hundred_schedules_of_a_small_training_give_one_hash) {
  const std::unique_ptr<Communicator> alone = device().connect(connect_alone(), std::chrono::seconds(60));
  const auto weights = [&](const Lateness& lateness, Communicator* communicator) {
    const accelerator::Lagging lagging(lateness);
    const tests::TemporaryFolder folder;
    Toy training(device().place(), folder.path(), 6);
    training.communicator = communicator;
    training.run();
    std::string bytes;
    for (const at::Tensor& parameter : training.method.module().parameters()) {
      const at::Tensor here = parameter.detach().cpu().contiguous();
      bytes.append(static_cast<const char*>(here.const_data_ptr()), here.nbytes());
    }
    return core::sha256_hex(bytes);
  };
  const std::string expected = weights({}, nullptr);
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    EXPECT_EQ(expected, weights({Lateness::Kind::kDrawn, seed}, seed % 2 == 0 ? nullptr : alone.get())) << seed;
}

std::string divergence(at::Device place, bool in_gradient) {
  const tests::TemporaryFolder folder;
  Toy training(place, folder.path(), 8);
  training.options.checkpoint_every = 2;
  training.method.diverge_in_step = 5;
  training.method.diverging_lane = 2;
  training.method.diverge_in_gradient = in_gradient;
  const auto error = tests::error_of([&] { training.run(); });
  training.checkpoints.finish();
  EXPECT_EQ(4U, training.checkpoints.load_latest().value().checkpoint.step);
  EXPECT_EQ((std::vector<std::uint64_t>{1, 2, 3, 4}), training.reported());
  return error ? error->what() : "none";
}

// In a process that sees several GPUs, a thread that does not say which one works on the first.
TEST(ThreadsOfAnExchange, are_on_the_trainings_device_because_they_say_so) {
  struct OnItsDevice final : LoneCommunicator {
    void all_to_all(at::Tensor& to, const at::Tensor& from, const std::vector<std::int64_t>& receive_counts,
                    const std::vector<std::int64_t>& send_counts) override {
      const at::Device place = device().place();
      ++(c10::impl::VirtualGuardImpl(place.type()).getDevice() == place ? here : elsewhere);
      LoneCommunicator::all_to_all(to, from, receive_counts, send_counts);
    }
    std::atomic<int> here = 0, elsewhere = 0;
  };
  const auto exchanges = [&] {
    auto own_device = std::make_unique<OnItsDevice>();
    OnItsDevice& watched = *own_device;
    const std::unique_ptr<Communicator> alone = device().connect(std::move(own_device), std::chrono::seconds(60));
    const tests::TemporaryFolder folder;
    Toy training(device().place(), folder.path(), 2);
    training.communicator = alone.get();
    training.run();
    return std::pair<int, int>(watched.here, watched.elsewhere);
  };
  const auto [here, elsewhere] = exchanges();
  EXPECT_LT(0, here);
  EXPECT_EQ(0, elsewhere);
  accelerator::streams().leave_out("setDevice");
  EXPECT_EQ(std::pair(0, here), exchanges());
  accelerator::streams().leave_out({});
}

// Adam's numbers depend on where gradients lie: libtorch's rounds otherwise at addresses that are no multiples of
// 16. Of an exchange they are parts of one block.
TEST(SumsOfAnExchange, lie_as_memory_of_their_own_does) {
  std::vector<std::pair<std::string, at::Tensor>> parameters;
  for (const std::int64_t elements : {3, 130, 1, 64})
    parameters.emplace_back(std::to_string(elements),
                            at::ones({elements}).to(device().place()).set_requires_grad(true));
  const std::unique_ptr<Communicator> alone = device().connect(connect_alone(), std::chrono::seconds(60));
  GradientExchange exchange({{"networks", parameters, {}}}, 1, {0, 1}, alone.get());
  exchange.begin({0});
  at::Tensor loss = at::zeros({}).to(device().place());
  for (const auto& [name, parameter] : parameters) loss = loss + (parameter * parameter).sum();
  loss.backward();
  exchange.end_lane();
  const std::vector<SummedGradients> sums = exchange.finish();
  ASSERT_EQ(4U, sums.at(0).gradients.size());
  for (const at::Tensor& gradient : sums[0].gradients) {
    EXPECT_EQ(0U, reinterpret_cast<std::uintptr_t>(gradient.const_data_ptr()) % 512) << gradient.sizes();
    EXPECT_TRUE(at::equal(at::full(gradient.sizes(), 2.0F), gradient.cpu()));
  }
  EXPECT_FLOAT_EQ(std::sqrt(4.0F * (3 + 130 + 1 + 64)), sums[0].norm.cpu().to(at::kFloat).item<float>());
}

TEST(LateLosses, a_divergence_is_told_as_by_the_cpu_and_nothing_is_kept_of_it) {
  const accelerator::Lagging lagging(kLatest);
  for (const bool in_gradient : {false, true}) {
    const std::string expected = divergence(at::kCPU, in_gradient);
    EXPECT_NE(std::string::npos, expected.find("step 5, lane 2")) << expected;
    EXPECT_EQ(expected, divergence(device().place(), in_gradient));
  }
}

TEST(LateLosses, a_wish_to_stop_is_met_one_step_later_and_no_step_is_left_out) {
  const tests::TemporaryFolder folder;
  Toy training(device().place(), folder.path(), 10);
  set_stop_requested(true);
  const TrainingOutcome outcome = training.run();
  set_stop_requested(false);
  EXPECT_TRUE(outcome.interrupted);
  EXPECT_EQ(2U, outcome.step);
  EXPECT_EQ(2U, training.checkpoints.load_latest().value().checkpoint.step);
  EXPECT_EQ((std::vector<std::uint64_t>{1, 2}), training.reported());
}

// The clock moves by a minute a step: a wish is known a step later, as one to stop is.
TEST(LateLosses, a_checkpoint_by_the_clock_is_behind_the_step_after_the_wish) {
  const tests::TemporaryFolder folder;
  tests::ManualClock clock;
  Toy training(device().place(), folder.path(), 4);
  worker_tests::MadeSource source({6, 4, 4, 4}, [&](std::uint64_t step, int lane) {
    if (lane == 0 && step > 0) clock.advance(std::chrono::seconds(60));
    return training.source.batch(step, lane);
  });
  Trainer({.method = training.method,
           .source = source,
           .progress = training.silent,
           .checkpoints = &training.checkpoints,
           .clock = clock},
          training.options)
      .run();
  EXPECT_EQ(2U, training.checkpoints.load_latest().value().checkpoint.step);
}

// A device's values are copied beside the training, which changes them meanwhile.
TEST(LateCheckpoint, holds_its_own_step_however_late_streams_are) {
  const auto hash = [](at::Device place, const Lateness& lateness) {
    const accelerator::Lagging lagging(lateness);
    const tests::TemporaryFolder folder;
    Toy training(place, folder.path(), 5);
    training.options.checkpoint_every = 2;
    training.run();
    const StoredCheckpoint kept = training.checkpoints.load_latest().value();
    EXPECT_EQ(4U, kept.checkpoint.step);
    return core::sha256_hex(encode_checkpoint(kept.checkpoint, kOwner));
  };
  const std::string expected = hash(device().place(), {});
  EXPECT_EQ(expected, hash(device().place(), kLatest));
  EXPECT_EQ(expected, hash(device().place(), kSideAhead));
  for (std::uint64_t seed = 0; seed < 30; ++seed)
    EXPECT_EQ(expected, hash(device().place(), {Lateness::Kind::kDrawn, seed})) << seed;
}

TEST(LateCheckpoint, makes_the_training_wait_for_nothing_and_queues_one_copy_of_a_type) {
  const auto counts = [](std::uint64_t every) {
    const accelerator::Lagging lagging(kLatest);
    const tests::TemporaryFolder folder;
    Toy training(device().place(), folder.path(), 5);
    training.options.checkpoint_every = every;
    accelerator::streams().reset_counts();
    training.run();
    return accelerator::streams().counts();
  };
  const accelerator::Counts without = counts(100), with = counts(4);
  std::int64_t fetched = 0;
  for (const auto& [caller, count] : with.waits) {
    const auto before = without.waits.find(caller);
    if (caller.find("DeviceSnapshot::fetch") != std::string::npos)
      fetched += count;
    else
      EXPECT_EQ(before == without.waits.end() ? 0 : before->second, count) << caller;
  }
  EXPECT_LT(0, fetched) << "by the thread that writes";
  for (const auto& [name, count] : with.kernels) {
    const auto before = without.kernels.find(name);
    const std::int64_t more = count - (before == without.kernels.end() ? 0 : before->second);
    EXPECT_LE(more, name.find("_foreach_copy_") != std::string::npos ? 2 : 0) << name;
  }
}

TEST(LateLosses, are_there_before_a_checkpoint_or_an_evaluation_and_at_the_end) {
  const tests::TemporaryFolder folder;
  Toy training(device().place(), folder.path(), 7);
  training.options.checkpoint_every = 4;
  training.options.evaluate_every = 3;
  std::vector<std::uint64_t> evaluated;
  training.evaluate = [&](std::uint64_t step) { evaluated.push_back(step); };
  const TrainingOutcome outcome = training.run();
  EXPECT_EQ(7U, outcome.step);
  EXPECT_EQ(7U * 18U, outcome.images);
  EXPECT_EQ((std::vector<std::uint64_t>{3, 6}), evaluated);
  const std::optional<StoredCheckpoint> kept = training.checkpoints.load_latest();
  EXPECT_EQ(4U, kept.value().checkpoint.step);
  EXPECT_EQ((std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7}), training.reported());
}

}  // namespace
}  // namespace resolute::workers::gpu_test::late_training_test
