// A device whose memory runs short: a library that goes on without what it was refused ends the job, a recording that
// is given up does not.

#include <gmock/gmock.h>

#include "tests/support/accelerator/memory.h"
#include "tests/support/refusal.h"
#include "tests/workers/gpu/device_training.h"
#include "tests/workers/gpu/gpu_gang.h"
#include "tests/workers/gpu/lone.h"
#include "workers/training/make_method.h"

namespace resolute::workers::gpu_test::device_memory_test {
namespace {

using accelerator::memory_use;
using testing::HasSubstr;

// The process has no more memory than it has taken while this lives.
class Full {
 public:
  Full() { accelerator::set_memory_limit(1); }
  ~Full() { accelerator::set_memory_limit(0); }
  Full(const Full&) = delete;
  Full& operator=(const Full&) = delete;
};

at::Tensor take(at::Device place) { return at::empty({1 << 10}, at::TensorOptions(at::kFloat).device(place)); }

// As cuDNN does, which then takes a plan that needs less.
void ask_in_vain(at::Device place) {
  const Full full;
  EXPECT_THROW(take(place), c10::OutOfMemoryError);
}

auto out_of_memory() {
  return tests::fails(core::ErrorKind::kEnvironment,
                      testing::AllOf(testing::StartsWith("the GPU is out of memory ("), HasSubstr("--recompute")));
}

TEST(DeviceMemory, what_is_refused_is_counted_from_when_the_device_was_opened) {
  ask_in_vain(device().place());
  const auto opened = accelerator::open(0);
  EXPECT_EQ(0U, opened->memory_refusals());
  ask_in_vain(opened->place());
  EXPECT_EQ(1U, opened->memory_refusals());
}

TEST(DeviceMemory, the_most_that_tensors_took_is_known_when_they_are_gone) {
  const auto opened = accelerator::open(0);
  accelerator::set_memory_limit(0);
  const std::uint64_t before = opened->memory().most;
  for (int time = 0; time < 2; ++time) take(opened->place());
  EXPECT_EQ(before + (sizeof(float) << 10), opened->memory().most) << "one after the other";
  { const at::Tensor one = take(opened->place()), other = take(opened->place()); }
  EXPECT_EQ(before + 2 * (sizeof(float) << 10), opened->memory().most);
}

TEST(DeviceMemory, an_error_after_a_refusal_says_what_to_do_and_one_without_is_itself) {
  const auto opened = accelerator::open(0);
  EXPECT_EQ(3, within_memory(*opened, [] { return 3; }));
  EXPECT_THROW(within_memory(*opened, []() -> int { TORCH_CHECK(false, "another"); }), c10::Error);
  const auto fail = [&]() -> int {
    const Full full;
    take(opened->place());
    return 0;
  };
  EXPECT_THAT([&] { within_memory(*opened, fail); }, out_of_memory());
}

TEST(DeviceMemory, work_that_went_on_without_memory_is_not_handed_on) {
  const auto opened = accelerator::open(0);
  EXPECT_THAT(
      [&] {
        within_memory(*opened, [&] {
          ask_in_vain(opened->place());
          return 0;
        });
      },
      out_of_memory());
}

// \param refused how often: a library's work goes on, the last one ends the recording
void record_without_memory(Device& on, int refused) {
  EXPECT_THROW(on.recorder()->record(
                   [&] {
                     const Full full;
                     for (int time = 1; time < refused; ++time) EXPECT_THROW(take(on.place()), c10::OutOfMemoryError);
                     take(on.place());
                   },
                   nullptr),
               c10::OutOfMemoryError);
}

TEST(DeviceMemory, a_recording_that_is_given_up_leaves_the_bits) {
  const auto opened = accelerator::open(0);
  record_without_memory(*opened, 1);
  EXPECT_EQ(0U, opened->memory_refusals());
  EXPECT_NO_THROW(expect_memory(*opened));
}

// The plan that was taken instead stays, also for the pass that then runs as it is.
TEST(DeviceMemory, a_recording_in_which_a_library_went_without_memory_does_not) {
  const auto opened = accelerator::open(0);
  record_without_memory(*opened, 2);
  EXPECT_EQ(2U, opened->memory_refusals());
  EXPECT_THAT([&] { expect_memory(*opened); }, out_of_memory());
}

TEST(DeviceMemory, nothing_is_kept_of_a_step_in_which_a_library_went_without_memory) {
  constexpr std::uint64_t kShort = 2;  // the third step
  const auto opened = accelerator::open(0);
  const experiments::TrainingSpecification asked = specification({.method = "baseline"});
  const std::unique_ptr<methods::Method> method = make_method(asked, kIdentities);
  method->module().to(opened->place());
  worker_tests::MadeSource batches = placed_source(opened->place(), false);
  worker_tests::MadeSource source({std::vector<std::int64_t>(kLanes, 2 * kIdentities)},
                                  [&](std::uint64_t step, int lane) {
                                    if (step == kShort && lane == 1) ask_in_vain(opened->place());
                                    return batches.batch(step, lane);
                                  });
  const tests::TemporaryFolder folder;
  CheckpointFolder checkpoints(core::real_file_system(), folder.path(), kOwner);
  ProgressPipe silent(-1);
  Trainer trainer({.method = *method,
                   .source = source,
                   .progress = silent,
                   .recorder = opened->recorder(),
                   .device = opened.get(),
                   .checkpoints = &checkpoints},
                  {.recipe = asked.recipe, .lanes = kLanes, .checkpoint_every = 1});
  EXPECT_THAT([&] { trainer.run(); }, out_of_memory());
  checkpoints.finish();
  EXPECT_EQ(kShort, checkpoints.written_step());
}

// A training whose third step finds nothing but `spare` bytes from its last lane on. \param in_vain a library is
// refused some besides \throws c10::OutOfMemoryError
Trained trained_with(Device& on, const Plan& plan, std::optional<std::uint64_t> spare, bool in_vain = false,
                     Communicator* communicator = nullptr) {
  constexpr std::uint64_t kShort = 2;
  const experiments::TrainingSpecification asked = specification(plan);
  const std::unique_ptr<methods::Method> method = make_method(asked, kIdentities);
  method->module().to(on.place());
  PlacedSource batches(on.place(), plan);
  struct Short final : BatchSource {
    Short(PlacedSource& all, std::function<void()> last_lane) : batches(all), begin(std::move(last_lane)) {}
    std::vector<std::int64_t> lane_rows(std::uint64_t step) override { return batches.lane_rows(step); }
    methods::LaneBatch batch(std::uint64_t step, int lane) override {
      methods::LaneBatch batch = batches.batch(step, lane);
      if (step == kShort && lane + 1 == kLanes) begin();
      return batch;
    }
    PlacedSource& batches;
    std::function<void()> begin;
  } source(batches, [&] {
    if (!spare) return;
    if (in_vain) ask_in_vain(on.place());
    accelerator::set_memory_limit(memory_use().taken + *spare);
  });
  ProgressPipe silent(-1);
  struct Unlimited {
    ~Unlimited() { accelerator::set_memory_limit(0); }
  } at_the_end;
  return trained_to_the_end({.method = *method,
                             .source = source,
                             .progress = silent,
                             .communicator = communicator,
                             .recorder = on.recorder(),
                             .device = &on},
                            {.recipe = asked.recipe, .lanes = kLanes});
}

std::int64_t plays() {
  const accelerator::Counts counts = accelerator::streams().counts();
  const auto found = counts.kernels.find("recording");
  return found == counts.kernels.end() ? 0 : found->second;
}

// Memory runs short in another place with each `spare`: in the losses, the backward pass, the sums of gradients.
TEST(DeviceMemory, recordings_give_theirs_back_and_a_step_is_done_again_without) {
  // A shape that came once, in the step before or in this one, is not in the way.
  const Plan once_before{.method = "baseline", .missing = {0, 1, 0, 0, 0}};
  const Plan once_now{.method = "baseline", .missing = {0, 0, 1, 0, 0}};
  for (const Plan& plan : {Plan{.method = "baseline"}, Plan{.method = "rain"}, once_before, once_now}) {
    const std::string& method = plan.method;
    const auto usual = accelerator::open(0);
    accelerator::streams().reset_counts();
    const std::string expected = trained_with(*usual, plan, {}).hash();
    const std::int64_t all_plays = plays();
    int done_again = 0;
    for (std::uint64_t spare = 1 << 12; spare < (1U << 24); spare *= 2) {
      const auto opened = accelerator::open(0);
      accelerator::streams().reset_counts();
      try {
        EXPECT_EQ(expected, trained_with(*opened, plan, spare).hash()) << method << " with " << spare;
      } catch (const c10::OutOfMemoryError&) {
        EXPECT_NE(0U, opened->memory_refusals()) << method << " with " << spare;
        continue;
      }
      EXPECT_EQ(0U, opened->memory_refusals()) << method << " with " << spare;
      if (plays() == all_plays) break;  // with so much nothing runs short
      EXPECT_LT(plays(), all_plays);
      ++done_again;
    }
    EXPECT_GT(done_again, 0) << method;
  }
}

// A phase of which other ranks have got something is not begun anew.
TEST(DeviceMemory, a_rank_does_a_phase_again_that_no_other_has_got_anything_of) {
  const Plan plan{.method = "rain"};
  const auto usual = accelerator::open(0);
  accelerator::streams().reset_counts();
  const std::string expected = trained_with(*usual, plan, {}).hash();
  const std::int64_t all_plays = plays();
  int done_again = 0, ended = 0;
  for (std::uint64_t spare = 1 << 12; spare < (1U << 24); spare *= 2) {
    const auto opened = accelerator::open(0);
    const std::unique_ptr<Communicator> alone = opened->connect(connect_alone(), std::chrono::seconds(60));
    accelerator::streams().reset_counts();
    try {
      EXPECT_EQ(expected, trained_with(*opened, plan, spare, false, alone.get()).hash()) << spare;
    } catch (const c10::OutOfMemoryError&) {
      ++ended;
      continue;
    } catch (const core::RuntimeError&) {  // refused in the exchange's own thread too, which the step's end tells
      EXPECT_NE(0U, opened->memory_refusals()) << spare;
      ++ended;
      continue;
    }
    if (plays() == all_plays) break;
    ++done_again;
  }
  EXPECT_GT(done_again, 0);
  EXPECT_GT(ended, 0);
}

TEST(DeviceMemory, a_step_in_which_a_library_went_without_memory_is_not_done_again) {
  const auto opened = accelerator::open(0);
  EXPECT_THROW(trained_with(*opened, {.method = "baseline"}, 1 << 13, /*in_vain=*/true), c10::OutOfMemoryError);
}

}  // namespace
}  // namespace resolute::workers::gpu_test::device_memory_test
