//! Rows whose trainings keep their last state, and go on from that of shorter ones.

#include "tests/experiments/suite_fixture.h"
#include "tests/support/refusal.h"

namespace resolute::experiments::longer_training_suite_test {
namespace {

using namespace testing;

class LongerTraining : public Suite {
 protected:
  LongerTraining() {
    options_.kept_state_of = [this](const JobId& id, const TrainingSpecification& training) -> std::optional<GoesOn> {
      asked_.push_back(id.hex);
      EXPECT_EQ(id, job_id(training));
      return training.recipe.steps > 4 ? std::optional(GoesOn{{std::string(64, 'a')}, 4}) : std::nullopt;
    };
  }
  std::string text(const std::string& rows, const std::string& defaults = "") const {
    return suite_head("baseline",
                      "trials = 2\nbackbone = \"resnet-small\"\ntrain.identities = 4\ntrain.images = 2\nheight = 32\n"
                      "width = 16\n" +
                          defaults,
                      "identities = 40\n") +
           rows;
  }
  static std::vector<PlannedJob> trainings(const Plan& planned) {
    std::vector<PlannedJob> found;
    for (const PlannedJob& job : planned.jobs)
      if (std::holds_alternative<TrainingSpecification>(job.specification)) found.push_back(job);
    return found;
  }
  std::vector<std::string> asked_;
};

TEST_F(LongerTraining, keeps_states_where_a_row_says_so_and_pays_for_the_steps_that_are_left) {
  const Plan planned =
      plan(text(row("short", "train.steps = 4\nkeep_state = true\n") + row("long", "train.steps = 16\n")));
  const auto jobs = trainings(planned);
  ASSERT_EQ(4U, jobs.size());
  for (const PlannedJob& job : jobs) {
    const bool is_short = std::get<TrainingSpecification>(job.specification).recipe.steps == 4;
    EXPECT_EQ(is_short, job.keeps_state) << job.label;
    EXPECT_EQ(!is_short, job.goes_on.has_value()) << job.label;
  }
  EXPECT_EQ("2 trainings go on from shorter ones: 8 of 32 steps are trained", planned.spared_steps_text());
  options_.kept_state_of = {};
  EXPECT_EQ("", plan(text(row("long", "train.steps = 16\n"))).spared_steps_text());
}

TEST_F(LongerTraining, no_id_knows_of_a_state) {
  const Plan kept = plan(text(row("a", "train.steps = 16\nkeep_state = true\n")));
  options_.kept_state_of = {};
  const Plan plain = plan(text(row("a", "train.steps = 16\n")));
  EXPECT_TRUE(std::ranges::equal(kept.jobs, plain.jobs, {}, &PlannedJob::id, &PlannedJob::id));
}

TEST_F(LongerTraining, a_row_that_cannot_go_on_is_told_so_and_a_default_is_for_the_others) {
  const auto refused = [&](const std::string& more) {
    return refusal_in(tests::refusal([&] { plan(text(row("a", "train.steps = 16\nkeep_state = true\n" + more))); }));
  };
  for (const char* schedule : {"cosine", "linear", "polynomial"})
    EXPECT_THAT(refused(fmt::format("train.schedule = \"{}\"\n", schedule)),
                AllOf(HasSubstr("key 'keep_state' has the value true (the length of this training paces it"),
                      HasSubstr("set train.schedule = \"step\"")));
  EXPECT_THAT(refused("method = \"resolution_adaptive\"\nresolution_adaptive.masks = \"progressive\"\n"),
              HasSubstr("'keep_state'"));
  asked_.clear();
  const Plan planned =
      plan(text(row("a", "train.steps = 16\ntrain.schedule = \"cosine\"\n") + row("b", "train.steps = 16\n"),
                "keep_state = true\n"));
  for (const PlannedJob& job : trainings(planned))
    EXPECT_EQ(job.label.find("'b'") != std::string::npos, job.keeps_state);
  EXPECT_EQ(2U, asked_.size());
}

TEST_F(LongerTraining, another_worker_begins_anew) {
  const std::string worker = "worker = [\"true\"]\n";
  const Plan planned = plan(worker + text(row("a", "train.steps = 16\n"), "keep_state = true\n"));
  for (const PlannedJob& job : trainings(planned)) EXPECT_FALSE(job.keeps_state || job.goes_on) << job.label;
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_THAT(
      refusal_in(tests::refusal([&] { plan(worker + text(row("a", "train.steps = 16\nkeep_state = true\n"))); })),
      HasSubstr("the suite has another worker or a method in Python"));
}

}  // namespace
}  // namespace resolute::experiments::longer_training_suite_test
