//! Lengths in epochs: what a suite says, what is planned of it, and what is refused.

#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::epochs_suite_test {
namespace {

using namespace testing;

// 16 rows a step. Its settings begin in line 5, a row's in line 19 (of one line of defaults more: 20).
std::string small(const std::string& defaults, const std::string& rows = row("r", "")) {
  return suite_head("rain", "train.identities = 4\n" + defaults) + rows;
}

class EpochsSuite : public Suite {
 protected:
  EpochsSuite() { have_training_images(100); }
  std::string refused(const std::string& text) {
    return refusal_in(tests::refusal([&] { plan(text); }));
  }
  int steps(const std::string& text) { return training_of(plan(text), "t", "r").recipe.steps; }
};

std::vector<JobId> ids(const Plan& plan) {
  std::vector<JobId> all;
  for (const PlannedJob& job : plan.jobs) all.push_back(job.id);
  return all;
}

TEST_F(EpochsSuite, a_suite_in_epochs_has_the_jobs_of_one_in_steps) {
  const Plan made =
      plan(small("train.epochs = 4\ntrain.milestone_epochs = [2, 3]\ntrain.warmup_epochs = 1\ntrials = 3"));
  check_sound(made);
  EXPECT_EQ(ids(plan(small("train.steps = 25\ntrain.milestones = [13, 19]\ntrain.warmup_steps = 7\ntrials = 3"))),
            ids(made));
  EXPECT_THAT(made.epochs, ElementsAre(EpochsPlan{"easy", "train.epochs", 4, 16, 100, 100, 25, 25},
                                       EpochsPlan{"easy", "train.milestone_epochs", 2, 16, 100, 100, 13, 13},
                                       EpochsPlan{"easy", "train.milestone_epochs", 3, 16, 100, 100, 19, 19},
                                       EpochsPlan{"easy", "train.warmup_epochs", 1, 16, 100, 100, 7, 7}));
  EXPECT_EQ(core::Json({{"dataset", "easy"},
                        {"key", "train.epochs"},
                        {"epochs", 4},
                        {"batch", 16},
                        {"images", {100, 100}},
                        {"steps", {25, 25}},
                        {"estimated", false}}),
            json_of(made).at("epochs").at(0));
}

TEST_F(EpochsSuite, each_trial_is_as_long_as_its_own_split_says) {
  options_.training_images = [](const DatasetPlan& dataset, const SplitSettings& split) {
    EXPECT_EQ("easy", dataset.id);
    EXPECT_EQ(settings::TrainPool::kMlr, split.train_pool);
    return settings::TrainingCount{100 + 16 * split.seed, 50};
  };
  const Plan made = plan(small("train.epochs = 2\ntrials = 3\nsplit.train_pool = \"mlr\""));
  check_sound(made);
  std::vector<int> found;
  for (const auto& training : jobs_of<TrainingSpecification>(made)) {
    found.push_back(training.recipe.steps);
    EXPECT_EQ(training.seed, training.split.seed);
  }
  EXPECT_THAT(found, ElementsAre(13, 15, 17));
  EXPECT_THAT(made.epochs, ElementsAre(EpochsPlan{"easy", "train.epochs", 2, 16, 100, 132, 13, 17}));
}

// What else is decided by the length is decided by each trial's: a stage of masks of stage_steps 0 is T = steps / 5.
TEST_F(EpochsSuite, what_follows_from_a_length_follows_from_the_counted_one) {
  const std::string rows = row("r", "method = \"resolution_adaptive\"\nresolution_adaptive.stage_steps = 5");
  EXPECT_EQ(ids(plan(small("train.steps = 25\nbackbone = \"resnet-small\"", rows))),
            ids(plan(small("train.epochs = 4\nbackbone = \"resnet-small\"", rows))));
  EXPECT_THAT(refused(small("train.epochs = 3\nbackbone = \"resnet-small\"", rows)),
              HasSubstr("key 'resolution_adaptive.stage_steps' has the value 5"));
}

TEST_F(EpochsSuite, the_upper_layer_wins_in_whichever_words) {
  const std::string profile = "train.steps = 10\n[profiles.long]\ntrain.epochs = 4\n";
  EXPECT_EQ(10, steps(small(profile)));
  options_.profile = "long";
  EXPECT_EQ(25, steps(small(profile)));
  options_.sets = {{"train.steps", "7"}};
  EXPECT_EQ(7, steps(small(profile)));
  options_.sets = {{"train.steps", "7"}, {"train.epochs", "8"}};
  EXPECT_EQ(50, steps(small(profile)));
  // A row that gives it in other words leaves --set without effect, as one that gives the same key does.
  options_.sets = {{"train.steps", "7"}};
  EXPECT_THAT(tests::refusal([&] { plan(small(profile, row("r", "train.epochs = 3"))); }),
              StartsWith("--set train.steps: key 'train.steps' has no effect"));
}

TEST_F(EpochsSuite, pairs_are_apart) {
  const auto recipe =
      training_of(plan(small("train.steps = 40\ntrain.milestone_epochs = [1, 5]\ntrain.warmup_epochs = 1")), "t", "r")
          .recipe;
  EXPECT_EQ(40, recipe.steps);
  EXPECT_THAT(recipe.milestones, ElementsAre(7, 32));
  EXPECT_EQ(7, recipe.warmup_steps);
  const auto none = training_of(plan(small("train.steps = 40\ntrain.milestones = [5]\ntrain.warmup_steps = 4",
                                           row("r", "train.milestone_epochs = []\ntrain.warmup_epochs = 0"))),
                                "t", "r")
                        .recipe;
  EXPECT_THAT(none.milestones, IsEmpty());
  EXPECT_EQ(0, none.warmup_steps);
}

TEST_F(EpochsSuite, both_of_a_pair_in_one_layer_are_refused_with_file_line_and_key) {
  for (const auto& [first, second] : {std::pair{"steps = 5", "epochs = 2"},
                                      {"milestones = [5]", "milestone_epochs = [2]"},
                                      {"warmup_steps = 5", "warmup_epochs = 2"}})
    for (const auto& [one, other] : {std::pair(first, second), {second, first}}) {
      const auto key = [](const std::string& line) { return "train." + line.substr(0, line.find(' ')); };
      EXPECT_EQ(fmt::format("s.toml:7:7: key '{}' stands beside '{}' (that one is at PLACE:6:7; each says the same, in "
                            "epochs or in steps); leave one of them out",
                            key(other), key(one)),
                tests::named(refused(small(fmt::format("train.{}\ntrain.{}", one, other))),
                             (folder_ / "s.toml").string(), "PLACE"));
    }
  EXPECT_THAT(refused(small("train.steps = 5", row("r", "train.epochs = 2\nset = { \"train.steps\" = 3 }"))),
              HasSubstr("key 'train.steps' stands beside 'train.epochs'"));
}

TEST_F(EpochsSuite, what_cannot_be_counted_is_refused_once_with_its_place_and_data_set) {
  const std::string text = small("train.epochs = 4");
  options_.training_images = [](const DatasetPlan&, const SplitSettings&) -> std::optional<settings::TrainingCount> {
    return std::nullopt;
  };
  const std::string unknown =
      "s.toml:6:7: key 'train.epochs' has the value 4 (how many steps an epoch of data set 'easy' has is not known: "
      "neither its pack nor its raw images are here, for row 'r' on data set 'easy'); give 'train.steps'";
  EXPECT_EQ(unknown, refused(text));
  options_.training_images = {};
  EXPECT_EQ(unknown, refused(text));
  std::string of_viper = text;
  options_.need_roots = false;  // as `suite submit`
  const std::string_view drawn = "source = \"synthetic\"";
  of_viper.replace(of_viper.find(drawn), drawn.size(), "source = \"viper\"\nroot = \"${MY_VIPER}\"");
  EXPECT_THAT(refused(of_viper), EndsWith("; export MY_VIPER=FOLDER with its raw images, or give 'train.steps'"));
  options_.need_roots = true;
  options_.training_images = [](const DatasetPlan&, const SplitSettings&) -> std::optional<settings::TrainingCount> {
    throw core::input_error("image 'x.png' is odd");
  };
  EXPECT_THAT(refused(text), AllOf(StartsWith("s.toml:6:7: key 'train.epochs' has the value 4 (the training images of "
                                              "data set 'easy' cannot be counted: image 'x.png' is odd"),
                                   HasSubstr("for row 'r' on data set 'easy'")));
  options_.training_images = [](const DatasetPlan&, const SplitSettings&) -> std::optional<settings::TrainingCount> {
    throw core::corrupt_error("row 3 is damaged");
  };
  EXPECT_EQ("row 3 is damaged", tests::refusal([&] { plan(text); }, core::ErrorKind::kCorrupt));
}

TEST_F(EpochsSuite, the_variable_of_images_that_are_not_here_is_named) {
  options_.need_roots = false;
  options_.training_images = {};
  for (const char* source : {"viper", "market1501", "csv"}) {
    std::string text = small("train.epochs = 4");
    const std::string drawn = "source = \"synthetic\"\n";
    text.replace(text.find(drawn), drawn.size(),
                 fmt::format("source = \"{}\"\nroot = \"${{MY_SET}}/images\"\n", source));
    EXPECT_THAT(refused(text), EndsWith("; export MY_SET=FOLDER with its raw images, or give 'train.steps'"));
    options_.environment["MY_SET"] = folder_.path().string();
    EXPECT_THAT(refused(text), EndsWith("; give 'train.steps'"));
    options_.environment.erase("MY_SET");
  }
}

TEST_F(EpochsSuite, a_suite_without_epochs_asks_nothing) {
  options_.training_images = [](const DatasetPlan&, const SplitSettings&) -> std::optional<settings::TrainingCount> {
    ADD_FAILURE() << "asked";
    return settings::TrainingCount{1, 1};
  };
  const Plan made = plan(small("train.steps = 4"));
  EXPECT_TRUE(made.epochs.empty());
  EXPECT_EQ(core::Json::array(), json_of(made).at("epochs"));
  // Nor does one whose row is wrong otherwise: that is said first.
  EXPECT_THAT(refused(small("train.epochs = 4\ntrain.images = 0")),
              StartsWith("s.toml:7:7: key 'train.images' has the value 0"));
  EXPECT_THAT(refused(small("train.epochs = 4\ntrain.milestone_epochs = [3, 2]")),
              StartsWith("s.toml:7:7: key 'train.milestone_epochs' has the value [3, 2]"));
}

TEST_F(EpochsSuite, lengths_that_no_training_can_have_are_refused_at_the_epochs_place) {
  have_training_images(1'000'000'000);
  EXPECT_THAT(refused(small("train.epochs = 1000000")),
              AllOf(StartsWith("s.toml:6:7: key 'train.steps' has the value 100000001"), HasSubstr("1 to 100000000")));
  have_training_images(100);
  EXPECT_THAT(refused(small("train.epochs = 2\ntrain.warmup_epochs = 3")),
              StartsWith("s.toml:7:7: key 'train.warmup_steps' has the value 19"));
}

}  // namespace
}  // namespace resolute::experiments::epochs_suite_test
