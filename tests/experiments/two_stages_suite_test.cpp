//! Rows whose trainings start from another row's: what is planned, shared and said of them, and what is refused.

#include <gmock/gmock.h>

#include "core/hash/sha256.h"
#include "experiments/price.h"
#include "experiments/store/weights_catalogue.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::two_stages_suite_test {
namespace {

using namespace testing;

class TwoStagesSuite : public Suite {
 protected:
  Plan plan_of(const std::string& rows) { return plan(head_ + rows); }
  std::string refused(const std::string& rows) {
    return refusal_in(tests::refusal([&] { plan_of(rows); }));
  }
  static const PlannedJob& job_of(const Plan& plan, const JobId& id) {
    return *std::ranges::find(plan.jobs, id, &PlannedJob::id);
  }
  //! Of a row's trial.
  static const PlannedJob& training_job(const Plan& plan, const std::string& table, const std::string& id, int trial) {
    const JobId evaluation = row_of(plan, table, id).cells.at(0).evaluations.at(static_cast<std::size_t>(trial));
    return job_of(plan, std::get<EvaluationSpecification>(job_of(plan, evaluation).specification).training);
  }

  const std::string head_ = suite_head("baseline",
                                       "trials = 2\nbackbone = \"resnet-small\"\ntrain.steps = 4\n"
                                       "train.identities = 4\ntrain.images = 2\nheight = 32\nwidth = 16");
  const std::string hr_ = row("hr", "");
};

TEST_F(TwoStagesSuite, each_trial_starts_from_the_same_trial_of_the_other_row) {
  const Plan planned = plan_of(row("second", "method = \"rain\"\nstart_from = \"hr\"") + hr_);
  check_sound(planned);
  for (int trial = 0; trial < 2; ++trial) {
    const PlannedJob& first = training_job(planned, "t", "hr", trial);
    const PlannedJob& second = training_job(planned, "t", "second", trial);
    EXPECT_EQ((Start{first.id, StartPart::kTrunk}), std::get<TrainingSpecification>(second.specification).start_from);
    EXPECT_THAT(second.after, Contains(first.id));
    EXPECT_EQ(static_cast<std::uint64_t>(trial), std::get<TrainingSpecification>(first.specification).split.seed);
  }
  EXPECT_EQ(4U, jobs_of<TrainingSpecification>(planned).size());
  EXPECT_THAT(row_of(planned, "t", "second").starts, ElementsAre("the trunk of row 'hr'"));
  EXPECT_THAT(row_of(planned, "t", "hr").starts, IsEmpty());
  EXPECT_THAT(planned.tables.at(0).notes,
              Contains("started from other rows' trainings: second from the trunk of row 'hr'"));
  EXPECT_EQ(1U, json_of(planned)["tables"][0]["rows"][0]["starts"].size());
}

TEST_F(TwoStagesSuite, other_rows_keep_their_jobs_and_equal_second_stages_are_shared) {
  const std::string second = "train.learning_rate = 1e-4\nstart_from = \"hr\"";
  const Plan alone = plan_of(hr_), both = plan_of(hr_ + row("a", second) + row("b", second));
  EXPECT_EQ(training_job(alone, "t", "hr", 0).id, training_job(both, "t", "hr", 0).id);
  EXPECT_EQ(training_job(both, "t", "a", 1).id, training_job(both, "t", "b", 1).id);
  EXPECT_EQ(4U, jobs_of<TrainingSpecification>(both).size());
  EXPECT_THAT(row_of(both, "t", "a").starts, ElementsAre("the module of row 'hr'"));
  // A change of the first stage is another second one.
  const Plan other = plan_of(row("hr", "train.steps = 5") + row("a", second));
  EXPECT_NE(training_job(both, "t", "a", 0).id, training_job(other, "t", "a", 0).id);
  PriceOf asked;
  asked.is_done = [](const JobId&) { return false; };
  asked.has_data = [](const DatasetPlan&) { return true; };
  const Price price = price_of(both, asked);
  EXPECT_EQ(4U, price.trainings.distinct);
  EXPECT_EQ(8U, price.trainings.asked);  // two trials of three cells, and those that two second ones start from
}

TEST_F(TwoStagesSuite, stages_make_chains_over_tables_and_grids_and_outlive_columns) {
  const std::string other_table =
      "[[table]]\nid = \"u\"\ntitle = \"U\"\nmetrics = [\"rank1\"]\ndatasets = [\"other\"]\n";
  const std::string text =
      head_ + hr_ +
      row("then-{m}", "grid = { m = [0.1, 0.2] }\nstart_from = \"longest\"\nset = { baseline.margin = \"{m}\" }") +
      other_table + row("longest", "start_from = \"long\"\ntrain.steps = 9") +
      row("long", "start_from = \"hr\"\ntrain.steps = 6") + "[[dataset]]\nid = \"other\"\nsource = \"synthetic\"\n";
  for (const bool left_out : {false, true}) {
    options_.datasets = left_out ? std::vector<std::string>{"easy"} : std::vector<std::string>{};
    const Plan planned = plan(text);
    check_sound(planned);
    EXPECT_EQ(left_out ? 1U : 2U, planned.tables.size());
    std::vector<int> steps;
    for (const PlannedJob* job = &training_job(planned, "t", "then-0.2", 1); job != nullptr;) {
      const auto& training = std::get<TrainingSpecification>(job->specification);
      steps.push_back(training.recipe.steps);
      EXPECT_EQ("easy", training.pack.name);
      job = training.start_from ? &job_of(planned, training.start_from->training) : nullptr;
    }
    EXPECT_THAT(steps, ElementsAre(4, 9, 6, 4));
  }
}

TEST_F(TwoStagesSuite, a_row_of_its_own_table_comes_before_those_of_others) {
  const std::string table = "[[table]]\nid = \"u\"\ntitle = \"U\"\nmetrics = [\"rank1\"]\ndatasets = [\"easy\"]\n";
  const Plan planned =
      plan_of(hr_ + table + row("hr", "train.steps = 7") + row("second", "train.steps = 1\nstart_from = \"hr\""));
  EXPECT_THAT(training_job(planned, "u", "second", 0).after, Contains(training_job(planned, "u", "hr", 0).id));
  EXPECT_THAT(
      refused(hr_ + row("second", "start_from = \"x\"") + table + row("x", "") +
              "[[table]]\nid = \"v\"\ntitle = \"V\"\nmetrics = [\"rank1\"]\ndatasets = [\"easy\"]\n" + row("x", "")),
      HasSubstr("key 'start_from' has the value 'x' (tables 'u', 'v' have a row of that id"));
}

TEST_F(TwoStagesSuite, weights_of_defaults_are_those_of_the_first_stage_alone) {
  options_.from_scratch = true;
  const Plan planned = plan_of(row("second", "start_from = \"hr\"") + hr_);
  EXPECT_THAT(planned.tables.at(0).notes, Contains("from scratch (no initial weights)"));
  EXPECT_THAT(refused(hr_ + row("second", "weights = \"imagenet\"\nstart_from = \"hr\"")),
              AllOf(HasSubstr("s.toml:"), HasSubstr("the row names 'weights' too, at ")));
}

TEST_F(TwoStagesSuite, a_frozen_trunk_is_frozen_at_all_its_levels) {
  const Plan planned = plan_of(hr_ + row("second", "start_from = \"hr\"\nfreeze = [\"trunk\"]") +
                               row("same", "start_from = \"hr\"\nnetwork.frozen_levels = 5"));
  EXPECT_EQ(5, training_of(planned, "t", "second").network.frozen_levels);
  EXPECT_EQ(training_job(planned, "t", "same", 0).id, training_job(planned, "t", "second", 0).id);
  EXPECT_THAT(refused(row("r", "freeze = [\"trnk\"]")),
              AllOf(HasSubstr("'freeze'"), HasSubstr("did you mean 'trunk'")));
  EXPECT_THAT(refused(row("r", "network.frozen_levels = 2\nfreeze = [\"trunk\"]")),
              HasSubstr("key 'freeze' stands beside 'network.frozen_levels'"));
  EXPECT_THAT(refused(row("r", "baseline.classification = false\nfreeze = [\"trunk\"]")),
              HasSubstr("key 'network.frozen_levels' has the value 5"));
}

TEST_F(TwoStagesSuite, a_group_of_the_method_is_frozen_by_its_name) {
  const std::string msifla = "method = \"msifla\"\nmsifla.scales = [2, 1]\n";
  const Plan planned = plan_of(row("m", msifla) + row("ir", msifla + "start_from = \"m\"\nfreeze = [\"ir\"]") +
                               row("both", msifla + "freeze = [\"trunk\", \"ir\"]"));
  EXPECT_EQ("ir", training_of(planned, "t", "ir").recipe.frozen);
  EXPECT_EQ(0, training_of(planned, "t", "ir").network.frozen_levels);
  EXPECT_EQ("ir", training_of(planned, "t", "both").recipe.frozen);
  EXPECT_EQ(5, training_of(planned, "t", "both").network.frozen_levels);
  EXPECT_EQ("", training_of(planned, "t", "m").recipe.frozen);
  const auto expect = [&](const std::string& rows, const std::string& why) {
    const std::string text = head_ + rows, before = text.substr(0, text.find("freeze"));
    EXPECT_THAT(refused(rows),
                AllOf(StartsWith(fmt::format("s.toml:{}:1: key 'freeze'", std::ranges::count(before, '\n') + 1)),
                      HasSubstr(why)));
  };
  expect(row("r", msifla + "freeze = [\"reid\", \"masks\"]"), "'msifla' has the parts trunk, reid, ir");
  expect(row("r", "freeze = [\"networks\"]"), "nothing is left that learns");
  expect(row("r", "freeze = []"), "is empty");
  expect(row("r", "freeze = [\"trunk\", \"trunk\"]"), "twice");
  expect(row("r", "freeze = [\"a,b\"]"), "names 'a,b'");
}

TEST_F(TwoStagesSuite, what_learns_by_adam_under_another_optimiser_is_noted) {
  const auto notes = [&](const std::string& keys) {
    return plan_of(row("r", "method = \"rain\"\n" + keys)).tables.at(0).notes;
  };
  const auto note = HasSubstr("discriminators of r learn by Adam whatever train.optimiser says");
  EXPECT_THAT(notes("train.optimiser = \"sgd\""), Contains(note));
  EXPECT_THAT(notes(""), Not(Contains(note)));
  EXPECT_THAT(notes("train.optimiser = \"sgd\"\nrain.adversary = \"off\""), Not(Contains(note)));
}

// Every refusal has the place of start_from, behind two lines of its row's head.
TEST_F(TwoStagesSuite, what_cannot_be_started_from_is_refused_at_its_place) {
  const auto expect = [&](const std::string& rows, const std::string& why) {
    const std::string text = head_ + rows, before = text.substr(0, text.find("start_from"));
    EXPECT_THAT(refused(rows), AllOf(StartsWith(fmt::format("s.toml:{}:1: key 'start_from' has the value",
                                                            std::ranges::count(before, '\n') + 1)),
                                     HasSubstr(why)));
  };
  expect(hr_ + row("b", "start_from = \"hrr\""), "did you mean 'hr'");
  expect(row("a", "start_from = \"a\""), "'a' starts from itself then: a from a");
  expect(hr_ + row("b", "start_from = \"hr\"\nbackbone = \"efficientnet-lite0\""), "its backbone is resnet-small");
  expect(hr_ + row("b", "start_from = \"hr\"\nsplit.test_identities = 8"), "people who train there are tested here");
  expect(row("m", "method = \"msifla\"\nmsifla.scales = [4, 3, 2, 1]") + row("b", "start_from = \"m\""), "4 trunks");
  expect(hr_ + row("b", "start_from = \"Hr\""), "a row's id is 1 to 64");
}

TEST_F(TwoStagesSuite, a_circle_is_told_whole) {
  EXPECT_THAT(refused(row("a", "start_from = \"b\"") + row("b", "start_from = \"c\"") + row("c", "start_from = \"a\"")),
              HasSubstr("'a' starts from itself then: a from b from c from a"));
  EXPECT_THAT(refused(row("x", "start_from = \"a\"") + row("a", "start_from = \"b\"") + row("b", "start_from = \"a\"")),
              HasSubstr("'a' starts from itself then: x from a from b from a"));
}

//! Weights by the name "own" in the store, whose trunk that training has; none: nobody knows where they are from.
void give_weights(const std::filesystem::path& store, const std::optional<TrainingSpecification>& training) {
  core::FileSystem& files = core::real_file_system();
  const StoreLayout layout(store);
  const WeightsCatalogue catalogue(files, layout);
  const NamedWeights weights{"own", core::sha256_hex(std::string_view("own")), "resnet-small", "file.pth",
                             core::sha256_hex(std::string_view("file"))};
  catalogue.add(weights);
  core::write_atomic(files, layout.weights_file(weights.sha256), std::string_view("tensors"));
  if (!training) return;
  core::write_atomic(files, layout.specification_file(job_id(*training)), canonical_text(*training));
  catalogue.add_origin(weights.sha256, job_id(*training));
}

TEST_F(TwoStagesSuite, weights_of_unknown_people_are_named) {
  give_weights(options_.store, std::nullopt);
  const std::string rows = hr_ + row("b", "weights = \"own\"");
  EXPECT_THAT(plan_of(rows).of_unknown_people, ElementsAre("own"));
  EXPECT_EQ(core::Json::array({"own"}), json_of(plan_of(rows))["of_unknown_people"]);
  EXPECT_THAT(plan_of(hr_).of_unknown_people, IsEmpty());
  TrainingSpecification before = training_of(plan_of(hr_), "t", "hr");
  before.pack.synthetic->seed = 5;  // other people, but who trained the weights that these began with?
  before.initial_weights = core::sha256_hex(std::string_view("somebody's"));
  give_weights(options_.store, before);
  EXPECT_THAT(plan_of(rows).of_unknown_people, ElementsAre("own"));
}

TEST_F(TwoStagesSuite, weights_of_people_whom_a_trial_tests_are_refused) {
  const TrainingSpecification before = training_of(plan_of(hr_), "t", "hr");
  give_weights(options_.store, before);
  EXPECT_THAT(plan_of(row("b", "trials = 1\nweights = \"own\"")).of_unknown_people, IsEmpty());
  const std::string two = row("b", "weights = \"own\"");
  EXPECT_THAT(refused(two), AllOf(HasSubstr("key 'weights' has the value 'own' (trial 1 tests people whom they were "
                                            "trained on, in training " +
                                            short_id(job_id(before))),
                                  HasSubstr("(start_from)")));
  options_.need_roots = false;  // `suite table` shows what there is
  EXPECT_NO_THROW(plan_of(two));
}

TEST_F(TwoStagesSuite, weights_of_other_people_and_of_an_earlier_stage_are_looked_through) {
  TrainingSpecification others = training_of(plan_of(hr_), "t", "hr");
  const TrainingSpecification first = others;
  others.pack.synthetic->seed = 5;
  give_weights(options_.store, others);
  EXPECT_THAT(plan_of(row("b", "weights = \"own\"")).of_unknown_people, IsEmpty());
  // A stage before has seen them.
  const tests::TemporaryFolder folder;
  options_.store = folder.path();
  core::write_atomic(core::real_file_system(), StoreLayout(folder.path()).specification_file(job_id(first)),
                     canonical_text(first));
  others.start_from = Start{job_id(first)};
  give_weights(options_.store, others);
  EXPECT_THAT(refused(row("b", "weights = \"own\"")), HasSubstr("in training " + short_id(job_id(first))));
}

TEST_F(TwoStagesSuite, weights_of_earlier_rows_are_looked_at_where_people_of_another_set_are_asked_for) {
  const std::string other = "[[dataset]]\nid = \"other\"\nsource = \"synthetic\"\nseed = 9\n";
  const std::string table = "[[table]]\nid = \"u\"\ntitle = \"U\"\nmetrics = [\"rank1\"]\n";
  const Plan before = plan_of(hr_ + table + "datasets = [\"other\"]\n" + row("there", "") + other);
  give_weights(options_.store, training_of(before, "u", "there"));
  const std::string asked = row("first", "weights = \"own\"") + table +
                            "datasets = [\"easy\"]\nevaluate_on = [\"other\"]\n",
                    second = "start_from = \"first\"\n";
  const auto leaks = HasSubstr("trial 1 tests people whom its weights 'own' were trained on, in training");
  EXPECT_THAT(refused(asked + row("second", second) + other),
              AllOf(HasSubstr("key 'start_from' has the value 'first'"), leaks));
  EXPECT_THAT(refused(asked + row("third", "start_from = \"second\"") + row("second", second + "trials = 1\n") + other),
              AllOf(HasSubstr("key 'start_from' has the value 'second'"), leaks));
  check_sound(plan_of(asked + row("second", second + "trials = 1\n") + other));  // of the same half
}

TEST_F(TwoStagesSuite, programs_neither_start_nor_are_started_from) {
  const std::string worker = "worker = [\"python\", \"train.py\"]\n";
  const auto refused_with_worker = [&](const std::string& rows) {
    return refusal_in(tests::refusal([&] { plan(worker + head_ + rows); }));
  };
  EXPECT_THAT(refused_with_worker(row("p", "train.program = 3") + row("b", "start_from = \"p\"")),
              HasSubstr("that row is trained by a method in Python or a program"));
  EXPECT_THAT(refused_with_worker(hr_ + row("b", "train.program = 3\nstart_from = \"hr\"")),
              HasSubstr("this row is trained by a method in Python or a program"));
}

}  // namespace
}  // namespace resolute::experiments::two_stages_suite_test
