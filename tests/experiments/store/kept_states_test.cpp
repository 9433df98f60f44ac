#include "experiments/store/kept_states.h"

#include <gmock/gmock.h>

#include "tests/experiments/example_specifications.h"
#include "tests/support/temporary_folder.h"

namespace resolute::experiments::kept_states_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class KeptStates : public testing::Test {
 protected:
  static TrainingSpecification trained(int steps, const std::function<void(TrainingSpecification&)>& change = {}) {
    TrainingSpecification training = example_training();
    training.recipe.steps = steps;
    training.recipe.warmup_steps = 2;
    if (change) change(training);
    return training;
  }
  //! A finished training that keeps its state.
  JobId keep(const TrainingSpecification& training) {
    const JobId job = job_id(training);
    files_.make_folder(store_.checkpoints_folder(job));
    note_kept_state(files_, store_, job, training);
    return job;
  }
  std::string found(const TrainingSpecification& training) {
    const auto state = find_kept_state(files_, store_, training);
    return state ? fmt::format("{} {}", state->steps, state->from.hex) : "";
  }

  tests::TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  StoreLayout store_{folder_ / "store"};
};

TEST_F(KeptStates, the_longest_shorter_training_is_found_and_none_that_differs_in_more_than_its_length) {
  EXPECT_EQ("", found(trained(30)));
  const JobId four = keep(trained(4)), nine = keep(trained(9));
  EXPECT_EQ("", found(trained(4)));
  EXPECT_EQ("4 " + four.hex, found(trained(9)));
  EXPECT_EQ("9 " + nine.hex, found(trained(10)));
  EXPECT_EQ("9 " + nine.hex, found(trained(3000)));
  using T = TrainingSpecification;
  const std::vector<std::function<void(T&)>> changes{
      [](T& t) { ++t.seed; },
      [](T& t) { t.recipe.learning_rate *= 2; },
      [](T& t) { t.recipe.milestones = {7}; },
      [](T& t) { t.split.seed += 1; },
      [](T& t) { t.recipe.schedule = settings::Schedule::kCosine; },
      [](T& t) { t.initial_weights = std::string(64, 'a'); },
      [](T& t) {
        t.start_from = Start{JobId{std::string(64, 'b')}, StartPart::kTrunk};
      }};
  for (std::size_t i = 0; i < changes.size(); ++i) EXPECT_EQ("", found(trained(30, changes[i]))) << i;
}

TEST_F(KeptStates, a_training_that_its_length_paces_leaves_no_note) {
  keep(trained(4, [](TrainingSpecification& t) { t.recipe.schedule = settings::Schedule::kCosine; }));
  EXPECT_FALSE(files_.exists(store_.states_folder()));
}

TEST_F(KeptStates, a_state_that_is_gone_is_found_no_more_and_what_nobody_noted_never) {
  const JobId four = keep(trained(4)), nine = keep(trained(9));
  EXPECT_THAT(notes_without_state(files_, store_), IsEmpty());
  files_.remove_folder(store_.checkpoints_folder(nine));
  EXPECT_EQ("4 " + four.hex, found(trained(30)));
  const auto gone = notes_without_state(files_, store_);
  ASSERT_EQ(1U, gone.size());
  EXPECT_EQ("9-" + nine.hex, gone.front().filename());
  for (const std::string& name : {std::string("x"), std::string("-5-"), "9-" + nine.hex + "0", "12-.." + four.hex,
                                  "99999999999-" + four.hex, " 8-" + four.hex})
    core::write_atomic(files_, gone.front().parent_path() / name, std::string_view("foreign"));
  EXPECT_EQ("4 " + four.hex, found(trained(30)));
  EXPECT_EQ(gone, notes_without_state(files_, store_));
}

}  // namespace
}  // namespace resolute::experiments::kept_states_test
