//! Tables whose rows train on one data set and are asked on another: what is planned, what follows each data set's own
//! settings, and which two do not go together.

#include <gmock/gmock.h>

#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::across_suite_test {
namespace {

using namespace testing;

constexpr const char* kHead = R"(suite = "s"
title = "S"
[defaults]
method = "baseline"
trials = 2
height = 64
width = 32
train = { steps = 10, identities = 4, images = 4 }
[[dataset]]
id = "a"
source = "synthetic"
seed = 1
[[dataset]]
id = "b"
source = "synthetic"
seed = 2
rates = [2, 3, 4, 6]
split = { lr_camera = 1, query_rates = [2, 6] }
evaluate = { draws = 7, flip = true }
)";

//! A table of one row. \param keys behind the title and the metrics
std::string table(const std::string& keys, const std::string& row = "") {
  return "[[table]]\nid = \"t\"\ntitle = \"T\"\nmetrics = [\"rank1\"]\n" + keys +
         "\n[[table.row]]\nid = \"r\"\nlabel = \"R\"\n" + row + "\n";
}
const std::string kBoth = "datasets = [\"a\", \"b\"]\nevaluate_on = [\"a\", \"b\"]";
const std::string kDrawn = "source = \"synthetic\"\nseed = 2\n";
const std::string kSplit = "split = { lr_camera = 1, query_rates = [2, 6] }\n";
const std::string kOther = "datasets = [\"a\"]\nevaluate_on = [\"b\"]";

class AcrossSets : public Suite {
 protected:
  //! The head with pieces replaced.
  static std::string head(std::initializer_list<std::pair<std::string, std::string>> pieces) {
    std::string text = kHead;
    for (const auto& piece : pieces) {
      const auto at = text.find(piece.first);
      EXPECT_NE(std::string::npos, at) << piece.first;
      text.replace(at, piece.first.size(), piece.second);
    }
    return text;
  }
  std::string refused(const std::string& text) {
    return refusal_in(tests::refusal([&] { plan(text); }));
  }
  static const PlannedJob& job_of(const Plan& plan, const JobId& id) {
    return *std::ranges::find(plan.jobs, id, &PlannedJob::id);
  }
  static EvaluationSpecification asked(const Plan& plan, std::size_t column, std::size_t trial = 0) {
    const JobId id = plan.tables.at(0).rows.at(0).cells.at(column).evaluations.at(trial);
    return std::get<EvaluationSpecification>(job_of(plan, id).specification);
  }
  static TrainingSpecification trained(const Plan& plan, const EvaluationSpecification& evaluation) {
    return std::get<TrainingSpecification>(job_of(plan, evaluation.training).specification);
  }
};

TEST_F(AcrossSets, a_column_has_two_data_sets_and_most_columns_one_twice) {
  for (const char* id : {"a", "a-", "-", "mean"}) {
    EXPECT_EQ(id, column_of({id, id}));
    EXPECT_EQ((ColumnSets{id, id}), sets_of(id));
    EXPECT_EQ(id, column_name(id));
    EXPECT_EQ((ColumnSets{id, "b"}), sets_of(column_of({id, "b"}))) << "ids have hyphens";
  }
  EXPECT_EQ("a → b (drawn)", column_title("a->b", Images::kDrawn));
  EXPECT_TRUE(any_across({"a", "a->b"}));
  EXPECT_FALSE(any_across({"a", "b", "mean"}));
}

TEST_F(AcrossSets, each_training_runs_once_and_is_asked_on_each_set) {
  const Plan made = plan(kHead + table(kBoth));
  check_sound(made);
  EXPECT_THAT(made.tables[0].datasets, ElementsAre("a", "a->b", "b->a", "b"));
  EXPECT_EQ(4U, jobs_of<TrainingSpecification>(made).size());
  EXPECT_EQ(8U, jobs_of<EvaluationSpecification>(made).size());
  const Plan apart = plan(kHead + table("datasets = [\"a\", \"b\"]"));
  for (const auto& [here, there] : {std::pair(0U, 0U), {3U, 1U}})
    EXPECT_EQ(apart.tables[0].rows[0].cells.at(there).evaluations, made.tables[0].rows[0].cells.at(here).evaluations)
        << "what is asked on its own set is the job that it was";
  const auto pack_of = [&](const std::string& id) {
    return std::ranges::find(made.datasets, id, &DatasetPlan::id)->pack;
  };
  for (const std::size_t trial : {0U, 1U}) {
    const EvaluationSpecification across = asked(made, 1, trial), at_home = asked(made, 3, trial);
    EXPECT_EQ(asked(made, 0, trial).training, across.training);
    EXPECT_EQ(pack_of("a"), trained(made, across).pack);
    EXPECT_EQ(pack_of("b"), across.pack);
    EXPECT_EQ(at_home.split, across.split) << "the same test people of the same trial";
    EXPECT_EQ(trial, across.split.seed);
    EXPECT_EQ(at_home.protocol, across.protocol) << "asked as that set is asked";
    EXPECT_THAT(across.split.query_rates, ElementsAre(2, 6));
    EXPECT_TRUE(across.protocol.flip);
  }
  EXPECT_FALSE(asked(made, 2).protocol.flip);
}

TEST_F(AcrossSets, both_packs_stand_before_the_evaluation_and_the_label_names_both_sets) {
  const Plan made = plan(kHead + table(kOther));
  EXPECT_EQ(2U, made.datasets.size()) << "a set that is only asked is packed too";
  EXPECT_EQ(2U, jobs_of<TrainingSpecification>(made).size()) << "and nothing trains on it";
  const PlannedJob& evaluation = job_of(made, made.tables[0].rows[0].cells[0].evaluations[0]);
  std::set<std::string> packs;
  for (const JobId& id : evaluation.after)
    if (const auto* seal = std::get_if<SealSpecification>(&job_of(made, id).specification))
      packs.insert(seal->pack.name);
  EXPECT_THAT(packs, ElementsAre("a", "b"));
  EXPECT_EQ("evaluation baseline trial 0 'R' on a, asked on b", evaluation.label);
  const core::Json cell = json_of(made).at("tables").at(0).at("rows").at(0).at("cells").at(0);
  EXPECT_EQ("a->b", cell.at("dataset"));
  EXPECT_EQ("a", cell.at("trained_on"));
  EXPECT_EQ("b", cell.at("asked_on"));
  EXPECT_THAT(made.tables[0].notes, Contains("a → b: trained on a, asked for the test people of b"));
  EXPECT_FALSE(json_of(plan(kHead + table("datasets = [\"a\"]")))
                   .at("tables")
                   .at(0)
                   .at("rows")
                   .at(0)
                   .at("cells")
                   .at(0)
                   .contains("asked_on"));
}

TEST_F(AcrossSets, what_only_trainings_on_the_other_set_read_is_not_in_the_test) {
  const std::string ids = "split = { train_pool = \"hr-both-views\", train_identities = 8 }";
  const EvaluationSpecification plain = asked(plan(kHead + table(kOther)), 0);
  const EvaluationSpecification other = asked(plan(kHead + table(kOther, ids)), 0);
  EXPECT_NE(plain.training, other.training);
  EXPECT_EQ(plain.split, other.split);
  // Images that came low have no HR view to train on, and none is asked for.
  options_.stand_ins = true;
  const std::string caviar =
      head({{kDrawn, "source = \"caviar\"\nroot = \"${NOT_SET}\"\nstand_in = { identities = 12 }\n"}, {kSplit, ""}});
  EXPECT_EQ("", refused(caviar + table(kOther, ids)));
}

TEST_F(AcrossSets, columns_need_both_of_their_data_sets) {
  options_.datasets = {"a"};
  EXPECT_THAT(plan(kHead + table(kBoth)).tables[0].datasets, ElementsAre("a"));
  EXPECT_EQ(1U, plan(kHead + table(kBoth)).datasets.size());
  options_.datasets = {"a", "b"};
  const std::string with_mean = kBoth + "\nmean_of = [\"a->b\", \"b->a\"]";
  const Plan made = plan(kHead + table(with_mean));
  EXPECT_EQ(4U, made.tables[0].datasets.size());
  EXPECT_THAT(made.tables[0].mean_of, ElementsAre("a->b", "b->a"));
  options_.datasets = {"b"};
  EXPECT_THAT(plan(kHead + table(with_mean)).tables[0].mean_of, IsEmpty());
  EXPECT_THAT(refused(kHead + table(kOther)), HasSubstr("has a column that is asked for"));
}

TEST_F(AcrossSets, a_set_that_no_table_has_is_refused_with_those_that_there_are) {
  EXPECT_EQ("s.toml:25:1: key 'evaluate_on' names 'bb' (there is none of that name); known are a, b",
            refused(kHead + table("datasets = [\"a\"]\nevaluate_on = [\"bb\"]")));
  EXPECT_THAT(refused(kHead + table(kOther + "\nmean_of = [\"a\", \"a->b\"]")), HasSubstr("key 'mean_of'"));
  EXPECT_THAT(refused(kHead + table("datasets = [\"a->b\"]")), HasSubstr("key 'datasets'"));
}

TEST_F(AcrossSets, images_of_another_size_are_refused) {
  for (const char* size : {"height = 32", "width = 64", "height = 128\nwidth = 64"})
    EXPECT_THAT(refused(head({{"seed = 2\n", fmt::format("seed = 2\n{}\n", size)}}) + table(kOther)),
                AllOf(HasSubstr("key 'evaluate_on' names 'b' (its images are "),
                      HasSubstr("and the networks of 'a' see 64x32); give both the same 'height' and 'width'")))
        << size;
}

TEST_F(AcrossSets, rates_that_the_asked_pack_lacks_are_refused_for_that_set) {
  EXPECT_THAT(refused(head({{"rates = [2, 3, 4, 6]", "rates = [2]"}}) + table(kOther)),
              AllOf(HasSubstr("key 'split.query_rates' has the value [2, 6] (data set 'b' has rates [2]"),
                    HasSubstr("for row 'r' on data set 'b'")));
  EXPECT_THAT(refused(kHead + table(kOther, "evaluate.gallery_rate = 5")), HasSubstr("data set 'b' has rates"));
  EXPECT_EQ("", refused(kHead + table(kOther, "evaluate.gallery_rate = 6"))) << "the set that trains lacks it";
}

TEST_F(AcrossSets, as_many_trials_as_the_training_has_are_asked) {
  options_.stand_ins = true;
  const std::string cuhk =
      head({{kDrawn, "source = \"cuhk03\"\nroot = \"${NOT_SET}\"\nstand_in = { identities = 24 }\ntrials = 1\n"},
            {kSplit, "split = { partition = \"published\", lr_side = \"pair\" }\n"}});
  EXPECT_EQ(2U, plan(cuhk + table(kOther)).tables[0].rows[0].cells[0].evaluations.size());
  EXPECT_THAT(refused(cuhk + table(kOther, "trials = 21")),
              HasSubstr("key 'trials' has the value 21 (source 'cuhk03' publishes 20 test sets"));
}

TEST_F(AcrossSets, people_of_both_sets_are_divided_alike_or_refused) {
  const std::string same = head({{"seed = 2", "seed = 1\nfine_contrast = 0.5"}});
  EXPECT_THAT(plan(same + table(kOther)).tables[0].notes, Contains("a → b: both have the same people, divided alike"));
  EXPECT_THAT(plan(kHead + table(kOther)).tables[0].notes, Not(Contains(HasSubstr("the same people"))));
  const std::string refusal =
      "key 'evaluate_on' names 'b' (it has the people of 'a', and of row 'r' some would be "
      "trained on and asked for); give both the same ";
  EXPECT_THAT(refused(head({{"seed = 2", "seed = 1\nidentities = 32"}}) + table(kOther)),
              HasSubstr(refusal + "'identities', or one of them another 'seed'"));
  const std::string other_halves = "split = { lr_camera = 1, query_rates = [2, 6], test_identities = 20 }\n";
  EXPECT_THAT(refused(head({{"seed = 2", "seed = 1"}, {kSplit, other_halves}}) + table(kOther)),
              HasSubstr(refusal + "'split.test_identities'"));
}

TEST_F(AcrossSets, one_folder_of_raw_images_has_the_same_people) {
  const auto sets = [&](const std::string& split, const std::string& root) {
    return fmt::format(R"(suite = "s"
title = "S"
[defaults]
method = "baseline"
train = {{ steps = 10, identities = 4 }}
[[dataset]]
id = "a"
source = "dukemtmc"
root = "raw"
split.lr_camera = 1
[[dataset]]
id = "b"
source = "dukemtmc"
root = "{}"
view_from = "network"
{}
)",
                       root, split) +
           table(kOther);
  };
  std::filesystem::create_directory(folder_ / "raw");
  std::filesystem::create_directory(folder_ / "copy");
  EXPECT_THAT(plan(sets("split.lr_camera = 1", "./raw/")).tables[0].notes,
              Contains("a → b: both have the same people, divided alike"));
  // Who has both an LR and an HR image is drawn.
  const std::string refusal = "key 'evaluate_on' names 'b' (it has the people of 'a', and of row 'r' some would be ";
  for (const auto& [split, key] : {std::pair("split.lr_camera = 2", "split.lr_camera"),
                                   {"split.lr_cameras = [1, 2]", "split.lr_cameras"},
                                   {"split = { lr_camera = 1, lr_side = \"drawn\" }", "split.lr_side"},
                                   {"split.lr_camera = 0", "split.lr_camera"}})
    EXPECT_THAT(refused(sets(split, "raw")),
                AllOf(StartsWith("s.toml:"), HasSubstr(refusal), HasSubstr(fmt::format("the same '{}'", key))))
        << split;
  const auto officially = [&](std::string text) {
    return text.replace(text.find("split.lr_camera = 1"), 19, "split = { lr_camera = 1, partition = \"official\" }");
  };
  EXPECT_EQ("", refused(officially(sets("split = { lr_camera = 2, partition = \"official\" }", "raw"))))
      << "the source says who is tested";
  EXPECT_THAT(refused(sets("split = { lr_camera = 1, partition = \"official\" }", "raw")),
              HasSubstr("some would be trained on and asked for); give both the same 'split.partition'"));
  EXPECT_EQ("", refused(sets("split = { lr_camera = 1, partition = \"official\" }", "copy")))
      << "an evaluation compares the images";
  options_.environment["SAME"] = (folder_ / "raw").string();
  const std::string by_variable = sets("split.lr_camera = 1", "${SAME}");
  EXPECT_THAT(plan(by_variable).tables[0].notes, Not(Contains(HasSubstr("the same people"))))
      << "notes are the same where the variable is not set";
  EXPECT_THAT(refused(sets("split = { lr_camera = 1, test_identities = 9 }", "${SAME}")),
              HasSubstr("give both the same 'split.test_identities'"));
}

TEST_F(AcrossSets, either_of_two_cameras_may_be_the_lr_one) {
  std::filesystem::create_directory(folder_ / "raw");
  const auto sets = [&](const std::string& source, const std::string& split) {
    return head({{"source = \"synthetic\"\nseed = 1\n", fmt::format("source = \"{}\"\nroot = \"raw\"\n", source)},
                 {kDrawn, fmt::format("source = \"{}\"\nroot = \"raw\"\n", source)},
                 {kSplit, split}}) +
           table(kOther);
  };
  for (const char* source : {"viper", "cuhk03-np", "pku-reid"}) {
    EXPECT_EQ("", refused(sets(source, "split = { lr_camera = 1, query_rates = [2, 6] }\n")))
        << "each saw everybody who may be drawn";
    EXPECT_THAT(refused(sets(source, "split = { lr_camera = 0, query_rates = [2, 6] }\n")),
                HasSubstr("give both the same 'split.lr_camera'"));
  }
  EXPECT_THAT(refused(sets("market1501", "split = { lr_camera = 1, query_rates = [2, 6] }\n")),
              HasSubstr("give both the same 'split.lr_camera'"));
}

TEST_F(AcrossSets, vehicles_asked_of_what_trained_on_people_are_a_note) {
  const Plan made = plan(head({{"seed = 2", "seed = 2\nsubject = \"vehicle\""}}) + table(kOther));
  EXPECT_THAT(made.tables[0].notes, Contains("a → b: trained on images of a person, asked for a vehicle"));
}

TEST_F(AcrossSets, a_papers_number_stands_beside_its_own_data_set_alone) {
  const std::string of_paper = "\nreference = { paper = \"rain\", table = \"table1\", ";
  for (const char* datasets : {"dataset = \"mlr-cuhk03\" }", "datasets = { a = \"mlr-cuhk03\", b = \"caviar\" } }"}) {
    const Plan made =
        plan(kHead + table(kBoth + of_paper + datasets + "\npublished = true", "reference.method = \"rain\""));
    for (const CellPlan& cell : made.tables[0].rows[0].cells) {
      EXPECT_EQ(is_across(cell.dataset), cell.references.empty()) << cell.dataset;
      EXPECT_EQ(is_across(cell.dataset), cell.paper.entries.empty()) << cell.dataset;
    }
    EXPECT_FALSE(made.tables[0].published.empty());
    for (const PublishedRow& row : made.tables[0].published)
      for (const auto& [column, numbers] : row.numbers) EXPECT_FALSE(is_across(column)) << column;
  }
  EXPECT_THAT(refused(kHead + table(kBoth + of_paper + "datasets = { \"a->b\" = \"mlr-cuhk03\" } }")),
              HasSubstr("key 'reference.datasets' names 'a->b'"));
}

TEST_F(AcrossSets, a_set_key_reaches_the_test_of_the_asked_set) {
  const std::string with_panels = head({{"seed = 1", "seed = 1\nevaluate.panels = 1"}});
  options_.sets = {{"evaluate.panels", "2"}};
  EXPECT_EQ(2, asked(plan(with_panels + table(kOther)), 0).protocol.panels);
  const auto idle = [&](const std::string& text) { return tests::refusal([&] { plan(text); }); };
  EXPECT_THAT(idle(with_panels + table("datasets = [\"a\"]")), HasSubstr("key 'evaluate.panels' has no effect"));
  const std::string steps = head({{"seed = 1", "seed = 1\ntrain.pad = 1"}});
  options_.sets = {{"train.pad", "2"}};
  EXPECT_THAT(idle(steps + table(kOther)), HasSubstr("key 'train.pad' has no effect")) << "nothing trains on b";
}

}  // namespace
}  // namespace resolute::experiments::across_suite_test
