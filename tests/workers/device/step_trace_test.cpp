#include "workers/device/step_trace.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "tests/support/refusal.h"
#include "tests/workers/training/toy_training.h"

namespace resolute::workers::step_trace_test {
namespace {

namespace fs = std::filesystem;

class StepTraceTest : public testing::Test {
 protected:
  StepTraceTest() {
    at::set_num_threads(1);
    fs::create_directories(folder_);
  }
  ~StepTraceTest() override { fs::remove_all(folder_); }

  //! A training of six steps that went on from step `begun`; its state at the end.
  Checkpoint train(StepTrace* trace, std::uint64_t begun = 0) {
    const ToyTraining toy;
    const auto method = toy.method();
    ToySource source(4);
    ProgressPipe progress(-1);
    Trainer trainer({.method = *method, .source = source, .progress = progress, .trace = trace}, toy.options());
    if (begun > 0) {
      Checkpoint before = trainer.snapshot();
      before.step = begun;
      trainer.restore(before);
    }
    trainer.run();
    Checkpoint state = trainer.snapshot();
    for (auto& [name, tensor] : state.tensors) tensor = tensor.detach().clone();
    return state;
  }
  //! How often each name opens an event of the trace.
  std::map<std::string, int> events() const {
    std::map<std::string, int> found;
    const core::Json trace = core::Json::parse(core::read_text(core::real_file_system(), file_));
    for (const core::Json& event : trace.at("traceEvents"))
      if (event.value("ph", "") == "X") ++found[event.at("name").get<std::string>()];
    return found;
  }
  StepTrace traced(std::uint64_t first, std::uint64_t last) const {
    return StepTrace(core::real_file_system(), {file_, first, last}, at::kCPU);
  }
  const fs::path folder_ = fs::path(testing::TempDir()) / fmt::format("step_trace_test-{}", ::getpid());
  const fs::path file_ = folder_ / "trace.json";
};

TEST_F(StepTraceTest, holds_the_parts_of_the_steps_that_were_asked_for_and_changes_no_bit) {
  const Checkpoint calm = train(nullptr);
  StepTrace trace = traced(3, 4);
  EXPECT_THAT(differences(calm, train(&trace)), testing::IsEmpty());
  EXPECT_TRUE(trace.made());
  const std::map<std::string, int> found = events();
  EXPECT_EQ(found.at("wait for images"), 2);
  EXPECT_EQ(found.at("forward"), 2 * 4) << "four lanes";
  EXPECT_GE(found.at("backward"), 2 * 4);
  EXPECT_GE(found.at("optimisers"), 2);
  EXPECT_EQ(core::real_file_system().list(folder_), std::vector<std::string>{"trace.json"})
      << "nothing unfinished stays";
}

TEST_F(StepTraceTest, ends_with_the_training_and_begins_amid_the_steps_after_a_checkpoint) {
  StepTrace late = traced(5, 40);
  train(&late);
  EXPECT_TRUE(late.made());
  EXPECT_EQ(events().at("wait for images"), 2) << "steps 5 and 6";
  StepTrace resumed = traced(1, 4);
  train(&resumed, 2);
  EXPECT_EQ(events().at("wait for images"), 2) << "steps 3 and 4";
}

TEST_F(StepTraceTest, of_steps_that_the_training_does_not_make_writes_nothing) {
  StepTrace past = traced(1, 2);
  train(&past, 3);
  StepTrace beyond = traced(7, 9);
  train(&beyond);
  EXPECT_FALSE(past.made() || beyond.made());
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(StepTraceTest, refuses_a_folder_that_is_not_there_before_the_first_step_and_nvtx_on_a_cpu) {
  const auto refused = [&](const fs::path& file) {
    return tests::refusal([&] { StepTrace(core::real_file_system(), {file, 1, 2}, at::kCPU); });
  };
  EXPECT_THAT(refused(folder_ / "none" / "trace.json"), testing::HasSubstr("none/trace.json"));
  EXPECT_THAT(refused(""), testing::HasSubstr("give --trace FILE"));
}

TEST_F(StepTraceTest, cut_short_by_an_error_leaves_no_trace_and_the_next_one_is_whole) {
  {
    StepTrace trace = traced(1, 6);
    trace.before(1);
  }
  EXPECT_FALSE(fs::exists(file_));
  StepTrace next = traced(1, 1);
  train(&next);
  EXPECT_EQ(events().at("wait for images"), 1);
}

}  // namespace
}  // namespace resolute::workers::step_trace_test
