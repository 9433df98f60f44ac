//! Rows whose trainings learn from further data sets (`joined_with`): what is planned, shared and said of them, and
//! what is refused.

#include <gmock/gmock.h>

#include "experiments/specification/stages.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::joined_suite_test {
namespace {

using namespace testing;

constexpr const char* kHead = R"(suite = "s"
title = "S"
[defaults]
method = "baseline"
backbone = "resnet-small"
trials = 2
height = 64
width = 32
train = { steps = 10, identities = 4, images = 4 }
[[dataset]]
id = "a"
source = "synthetic"
identities = 16
seed = 1
[[dataset]]
id = "b"
source = "synthetic"
identities = 12
seed = 2
rates = [2, 3, 4, 6]
split = { lr_camera = 1, query_rates = [2, 6], test_identities = 4 }
[[dataset]]
id = "c"
source = "synthetic"
identities = 8
seed = 3
)";

std::string table(const std::string& columns, const std::string& rows) {
  return "[[table]]\nid = \"t\"\ntitle = \"T\"\nmetrics = [\"rank1\"]\n" + columns + "\n" + rows;
}
std::string row(const std::string& id, const std::string& keys) {
  return fmt::format("[[table.row]]\nid = \"{0}\"\nlabel = \"{0}\"\n{1}\n", id, keys);
}
const std::string kOwn = "datasets = [\"a\"]", kAcross = "datasets = [\"a\"]\nevaluate_on = [\"a\", \"b\", \"c\"]";
const std::string kWithB = "joined_with = [\"b\"]";

class JoinedSuite : public Suite {
 protected:
  Plan plan_of(const std::string& text) { return plan(kHead + text); }
  std::string refused(const std::string& text, const std::string& head = kHead) {
    return refusal_in(tests::refusal([&] { plan(head + text); }));
  }
  static std::string head_with(const std::string& from, const std::string& to) {
    std::string head = kHead;
    return head.replace(head.find(from), from.size(), to);
  }
  static const PlannedJob& job_of(const Plan& plan, const JobId& id) {
    return *std::ranges::find(plan.jobs, id, &PlannedJob::id);
  }
  static const PlannedJob& training_job(const Plan& plan, const std::string& id, std::size_t column, int trial) {
    const JobId evaluation = row_of(plan, "t", id).cells.at(column).evaluations.at(static_cast<std::size_t>(trial));
    return job_of(plan, std::get<EvaluationSpecification>(job_of(plan, evaluation).specification).training);
  }
  static TrainingSpecification trained(const Plan& plan, const std::string& id, int trial = 0) {
    return std::get<TrainingSpecification>(training_job(plan, id, 0, trial).specification);
  }
  static std::set<std::string> packs_before(const Plan& plan, const PlannedJob& job) {
    std::set<std::string> packs;
    for (const JobId& id : job.after)
      if (const auto* seal = std::get_if<SealSpecification>(&job_of(plan, id).specification))
        packs.insert(seal->pack.name);
    return packs;
  }
};

TEST_F(JoinedSuite, a_training_has_the_packs_and_the_trials_splits_of_all_its_sets) {
  const Plan made = plan_of(table(kOwn, row("plain", "") + row("more", "joined_with = [\"c\", \"b\"]")));
  check_sound(made);
  EXPECT_EQ(3U, made.datasets.size()) << "sets that no column names are packed too";
  for (const int trial : {0, 1}) {
    const TrainingSpecification plain = trained(made, "plain", trial), more = trained(made, "more", trial);
    EXPECT_EQ(plain.pack, more.pack);
    EXPECT_EQ(plain.split, more.split);
    ASSERT_EQ(2U, more.joined.size());
    EXPECT_EQ("b", more.joined[0].pack.name) << "by name";
    EXPECT_EQ("c", more.joined[1].pack.name);
    EXPECT_EQ(1, more.joined[0].split.lr_camera) << "each set as its own table says";
    EXPECT_THAT(more.joined[0].split.query_rates, ElementsAre(2, 6));
    for (const JoinedSet& set : more.joined) EXPECT_EQ(static_cast<std::uint64_t>(trial), set.split.seed);
  }
  const PlannedJob& job = training_job(made, "more", 0, 0);
  EXPECT_THAT(packs_before(made, job), ElementsAre("a", "b", "c"));
  EXPECT_EQ("training baseline trial 0 'more' on a and b and c", job.label);
  EXPECT_THAT(packs_before(made, job_of(made, row_of(made, "t", "more").cells[0].evaluations[0])),
              ElementsAre("a", "b", "c"))
      << "an evaluation looks at what its training saw";
}

TEST_F(JoinedSuite, the_order_of_the_sets_makes_no_other_training_and_other_rows_keep_theirs) {
  const Plan alone = plan_of(table(kOwn, row("plain", "")));
  const Plan made = plan_of(table(kOwn, row("plain", "") + row("x", "joined_with = [\"b\", \"c\"]") +
                                            row("y", "joined_with = [\"c\", \"b\"]") + row("z", kWithB)));
  EXPECT_EQ(training_job(alone, "plain", 0, 0).id, training_job(made, "plain", 0, 0).id);
  EXPECT_EQ(training_job(made, "x", 0, 1).id, training_job(made, "y", 0, 1).id);
  EXPECT_NE(training_job(made, "x", 0, 1).id, training_job(made, "z", 0, 1).id);
  EXPECT_EQ(6U, jobs_of<TrainingSpecification>(made).size());
}

TEST_F(JoinedSuite, tables_say_what_was_trained_on_and_what_is_asked) {
  const Plan made = plan_of(table(kAcross, row("plain", "") + row("more", kWithB)));
  EXPECT_THAT(made.tables[0].datasets, ElementsAre("a", "a->b", "a->c"));
  EXPECT_THAT(made.tables[0].notes, Contains("trained on further data sets: more on b (drawn)"));
  EXPECT_THAT(row_of(made, "t", "more").joined, ElementsAre("b"));
  const core::Json rows = json_of(made).at("tables").at(0).at("rows");
  EXPECT_EQ(core::Json({"b"}), rows.at(1).at("joined"));
  EXPECT_FALSE(rows.at(0).contains("joined"));
  std::set<std::string> trainings;
  for (const std::size_t column : {0U, 1U, 2U}) trainings.insert(training_job(made, "more", column, 0).id.hex);
  EXPECT_EQ(1U, trainings.size()) << "one training is asked on each set";
  const PlannedJob& asked = job_of(made, row_of(made, "t", "more").cells[2].evaluations[0]);
  EXPECT_EQ("evaluation baseline trial 0 'more' on a and b, asked on c", asked.label);
  // Whom a joined set tests does not train there.
  const auto& of_b =
      std::get<EvaluationSpecification>(job_of(made, row_of(made, "t", "more").cells[1].evaluations[0]).specification);
  EXPECT_TRUE(tests_strangers(trained(made, "more").joined[0].split, of_b.split));
}

TEST_F(JoinedSuite, a_specification_is_read_back_and_another_name_than_its_packs_is_refused) {
  const TrainingSpecification training = trained(plan_of(table(kOwn, row("r", kWithB))), "r");
  core::Json json = to_json(training);
  EXPECT_EQ(JobSpecification(training), specification_from_json(json, "spec.json"));
  EXPECT_FALSE(to_json(TrainingSpecification{}).contains("joined"));
  core::Json renamed = json;
  renamed["joined"] = {{"x", json["joined"]["b"]}};
  EXPECT_THAT(tests::refusal([&] { specification_from_json(renamed, "spec.json"); }),
              HasSubstr("in 'joined.x': its pack has the name 'b'"));
  for (const core::Json& wrong : {core::Json::array(), core::Json::object(), core::Json("b")}) {
    json["joined"] = wrong;
    EXPECT_THAT(tests::refusal([&] { specification_from_json(json, "spec.json"); }), HasSubstr("key 'joined'"));
  }
}

TEST_F(JoinedSuite, sets_that_no_suite_has_or_that_stand_there_twice_are_refused_with_their_place) {
  EXPECT_EQ("s.toml:35:1: key 'joined_with' names 'bb' (there is no data set of that name); known are a, b, c",
            refused(table(kOwn, row("r", "joined_with = [\"bb\"]"))));
  EXPECT_THAT(refused(table(kOwn, row("r", "joined_with = [\"b\", \"b\"]"))),
              StartsWith("s.toml:35:1: key 'joined_with' names 'b' twice"));
  EXPECT_THAT(refused(table(kOwn, row("r", "joined_with = []"))), HasSubstr("key 'joined_with' is empty"));
  EXPECT_THAT(refused(table(kOwn, row("r", "joined_with = [\"a\"]"))), HasSubstr("key 'joined_with' names 'a'"));
  EXPECT_THAT(refused(table(kOwn, row("r", "joined_with = \"b\""))), HasSubstr("key 'joined_with'"));
}

TEST_F(JoinedSuite, images_that_cannot_stand_in_one_batch_are_refused) {
  const std::string text = table(kOwn, row("r", kWithB));
  const std::string problem = "key 'joined_with' has the value 'b' (";
  EXPECT_THAT(refused(text, head_with("seed = 2\n", "seed = 2\nheight = 128\n")),
              AllOf(HasSubstr(problem + "its images are 128x32 pixels, and those of 'a' 64x32"),
                    HasSubstr("for row 'r' on data set 'a'")));
  EXPECT_THAT(refused(text, head_with("seed = 2\n", "seed = 2\nkernel = \"cubic\"\n")),
              HasSubstr("LR images are made otherwise"));
  EXPECT_THAT(refused(text, head_with("query_rates = [2, 6]", "query_rates = [2, 6], train_pool = \"hr-both-views\"")),
              HasSubstr("its training pool is hr-both-views, and that of 'a' mlr"));
  EXPECT_THAT(refused(text, head_with("rates = [2, 3, 4, 6]", "rates = [2, 6]")),
              AllOf(HasSubstr("key 'train.train_rates'"), HasSubstr("data set 'b' has rates [2, 6]"),
                    HasSubstr("for row 'r' on data set 'b'")));
}

TEST_F(JoinedSuite, a_batch_may_need_the_people_of_all_sets) {
  const std::string identities = "train.identities = 12";
  EXPECT_THAT(refused(table(kOwn, row("r", identities))), HasSubstr("data set 'a' has 8 training identities"));
  EXPECT_EQ("", refused(table(kOwn, row("r", identities + "\n" + kWithB)))) << "8 of a and 8 of b";
  EXPECT_THAT(refused(table(kOwn, row("r", "train.identities = 17\n" + kWithB))),
              HasSubstr("data set 'a' and those joined with it have 16 training identities"));
}

TEST_F(JoinedSuite, people_of_a_joined_set_are_in_no_other_and_not_asked_for) {
  const std::string joined = table(kAcross, row("r", kWithB));
  EXPECT_EQ("", refused(joined));
  EXPECT_THAT(refused(joined, head_with("seed = 2", "seed = 1")),
              AllOf(StartsWith("s.toml:"), HasSubstr("key 'joined_with' names 'b' (it has the people of 'a', who would "
                                                     "train as two persons each)")));
  // c has the people of b, and tests others of them.
  EXPECT_THAT(refused(joined, head_with("seed = 3", "seed = 2")),
              HasSubstr("key 'joined_with' names 'b' where 'c' is asked for (it has the people of 'b', and of row 'r' "
                        "some would be trained on and asked for)"));
  EXPECT_EQ("", refused(table(kOwn, row("r", kWithB)), head_with("seed = 3", "seed = 2"))) << "c is not asked";
}

TEST_F(JoinedSuite, a_row_that_starts_from_a_joined_one_asks_for_nobody_of_its_sets) {
  const std::string rows = row("both", kWithB) + row("fine", "start_from = \"both\"\ntrain.learning_rate = 1e-5");
  const Plan made = plan_of(table(kOwn, rows));
  EXPECT_EQ(StartPart::kTrunk, trained(made, "fine").start_from->part) << "the classes are others";
  EXPECT_TRUE(trained(made, "fine").joined.empty());
  const std::string same =
      row("both", kWithB) + row("fine", "start_from = \"both\"\ntrain.learning_rate = 1e-5\n" + kWithB);
  EXPECT_EQ(StartPart::kModule, trained(plan_of(table(kOwn, same)), "fine").start_from->part);
  const std::string apart = "[[table]]\nid = \"u\"\ntitle = \"U\"\nmetrics = [\"rank1\"]\ndatasets = [\"a\"]\n" +
                            row("both", kWithB) +
                            table("datasets = [\"a\"]\nevaluate_on = [\"c\"]",
                                  row("fine", "start_from = \"both\"\ntrain.learning_rate = 1e-5"));
  EXPECT_EQ("", refused(apart));
  EXPECT_THAT(refused(apart, head_with("seed = 3", "seed = 2")),
              HasSubstr("key 'start_from' names 'both', whose trainings learn from 'b' too, where 'c' is asked for"));
}

TEST_F(JoinedSuite, an_epoch_is_the_images_of_all_sets) {
  options_.training_images = [](const DatasetPlan& dataset, const SplitSettings&) {
    return settings::TrainingCount{dataset.id == "a" ? 100U : 60U, 1000};
  };
  const std::string epochs = "train.epochs = 2";
  std::string head = head_with("steps = 10, ", "");
  const Plan made = plan(head + table(kOwn, row("plain", epochs) + row("more", epochs + "\n" + kWithB)));
  EXPECT_EQ(13, trained(made, "plain").recipe.steps) << "200 images of 16 a step";
  EXPECT_EQ(20, trained(made, "more").recipe.steps);
}

TEST_F(JoinedSuite, copies_are_of_the_network_size_where_one_sets_views_are_not) {
  const std::string keys = "method = \"rain\"\ntrain.copies_from = \"network\"\n";
  const std::string head = head_with("seed = 1\n", "seed = 1\nview_from = \"network\"\n");
  const Plan made = plan(head + table(kOwn, row("plain", keys) + row("more", keys + kWithB)));
  EXPECT_EQ(settings::CopiesFrom::kNative, trained(made, "plain").recipe.copies_from) << "both are the same there";
  EXPECT_EQ(settings::CopiesFrom::kNetwork, trained(made, "more").recipe.copies_from);
}

TEST_F(JoinedSuite, a_program_that_may_read_one_pack_alone_is_refused) {
  EXPECT_THAT(refused(table(kOwn, row("r", kWithB + "\ntrain.program = 1")),
                      head_with("title = \"S\"\n", "title = \"S\"\nworker = [\"w\"]\n")),
              HasSubstr("a program of its own trains, and may read one pack alone"));
}

}  // namespace
}  // namespace resolute::experiments::joined_suite_test
