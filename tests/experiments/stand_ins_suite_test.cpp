//! Stand-ins in a suite and the choice of columns: what is planned with them, what papers say beside them, and what is
//! refused.

#include <gmock/gmock.h>

#include "experiments/store/store_layout.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::stand_ins_suite_test {
namespace {

using namespace testing;

// Variables of roots that nobody sets.
constexpr const char* kSuite = R"(suite = "papers"
title = "Papers"
[defaults]
method = "rain"
trials = 2
height = 64
width = 32
train = { steps = 4, identities = 2, images = 2 }

[profiles.smoke]
stand_ins = true
[profiles.paper]
datasets = ["cuhk03", "viper"]
train.steps = 5
[profiles.real]
stand_ins = false

[[dataset]]
id = "cuhk03"
source = "cuhk03"
root = "${NOT_SET_CUHK03}"
split = { partition = "published", lr_side = "pair" }
[dataset.stand_in]
identities = 24
[[dataset]]
id = "viper"
source = "viper"
root = "${NOT_SET_VIPER}"
split.lr_camera = 1
stand_in = { identities = 12, image_height = 48, image_width = 24, seed = 7 }
[[dataset]]
id = "pku"
source = "pku-reid"
root = "${NOT_SET_PKU}"
stand_in = { images_per_camera = 2 }
[[dataset]]
id = "drawn"
source = "synthetic"
identities = 16

[[table]]
id = "table1"
title = "State of the art"
metrics = ["rank1", "rank5"]
datasets = ["cuhk03", "viper", "pku", "drawn"]
mean_of = ["cuhk03", "viper"]
reference = { paper = "rain", table = "table1", datasets = { cuhk03 = "mlr-cuhk03", viper = "mlr-viper", drawn = "mlr-cuhk03" } }
published = true
  [[table.row]]
  id = "baseline"
  label = "Baseline"
  method = "baseline"
  reference.method = "rain-baseline-hr-lr"
  [[table.row]]
  id = "rain"
  label = "RAIN"
  reference.method = "rain"
[[table]]
id = "control"
title = "Control"
metrics = ["rank1"]
datasets = ["pku"]
  [[table.row]]
  id = "rain"
  label = "RAIN"
)";

class StandIns : public Suite {
 protected:
  StandIns() {
    options_.need_roots = true;
    options_.with_references = false;
  }
  Plan planned(const std::function<void(SuiteOptions&)>& change, std::string text = kSuite) {
    SuiteOptions before = options_;
    change(options_);
    Plan made = plan(text);
    options_ = std::move(before);
    return made;
  }
  std::string refused(const std::function<void(SuiteOptions&)>& change, const std::string& from = "",
                      const std::string& to = "") {
    std::string text = kSuite;
    const auto at = text.find(from);
    EXPECT_NE(std::string::npos, at) << from;
    text.replace(at, from.size(), to);
    return refusal_in(tests::refusal([&] { planned(change, text); }));
  }
  static void by_option(SuiteOptions& options) { options.stand_ins = true; }
  static void without_roots(SuiteOptions& options) { options.need_roots = false; }
  static std::vector<std::string> columns(const Plan& plan, std::size_t table = 0) {
    return plan.tables.at(table).datasets;
  }
  static std::vector<std::string> ids(const Plan& plan) {
    std::vector<std::string> all;
    for (const PlannedJob& job : plan.jobs) all.push_back(job.id.hex);
    return all;
  }
  //! How many of the papers' numbers stand in a table's column, ours and published ones.
  static std::size_t references(const TablePlan& table, const std::string& dataset) {
    std::size_t count = 0;
    for (const RowPlan& row : table.rows)
      for (const CellPlan& cell : row.cells)
        if (cell.dataset == dataset) count += cell.references.size();
    for (const PublishedRow& row : table.published)
      if (const auto found = row.numbers.find(dataset); found != row.numbers.end()) count += found->second.size();
    for (const ClaimPlan& claim : table.claims) count += claim.dataset == dataset ? 1 : 0;
    return count;
  }
};

TEST_F(StandIns, hold_no_more_people_out_than_leave_some_to_train) {
  const std::string from = "split.lr_camera = 1\n";
  for (const auto& [held_out, kept] : {std::pair(0, 0), {2, 2}, {4, 4}, {5, 3}, {6, 3}, {100, 3}}) {
    std::string text = kSuite;
    text.replace(text.find(from), from.size(), from + fmt::format("split.validation_identities = {}\n", held_out));
    int asked = 0;
    for (const auto& one : jobs_of<TrainingSpecification>(planned(by_option, text)))
      if (one.pack.name == "viper") {
        EXPECT_EQ(kept, one.split.validation_identities) << held_out;  // half of 12 train
        ++asked;
      }
    EXPECT_EQ(4, asked);
  }
}

TEST_F(StandIns, stand_in_the_place_of_every_source_without_a_root) {
  EXPECT_THAT(refused([](SuiteOptions&) {}), HasSubstr("key 'root' of data set 'cuhk03' names the variable"));
  const Plan plan = planned(by_option);
  check_sound(plan);
  ASSERT_EQ(4U, plan.datasets.size());
  for (const DatasetPlan& dataset : plan.datasets) {
    EXPECT_EQ("", dataset.root) << dataset.id;
    EXPECT_EQ(dataset.id != "drawn", settings::is_stand_in(dataset.pack)) << dataset.id;
    EXPECT_EQ(dataset.id + (dataset.id == "drawn" ? " (drawn)" : " (stand-in)"), column_title(plan, dataset.id));
  }
  const SyntheticSettings& viper = plan.datasets[1].pack.synthetic.value();
  EXPECT_EQ(settings::Source::kViper, plan.datasets[1].pack.source);
  EXPECT_EQ((SyntheticSettings{.identities = 12, .images_per_camera = 1, .height = 48, .width = 24, .seed = 7}), viper);
  // What it leaves out is as `data synth --layout` has it.
  SyntheticSettings pku = settings::stand_in_of(settings::Source::kPkuReid);
  pku.images_per_camera = 2;
  EXPECT_EQ(pku, plan.datasets[2].pack.synthetic);
  const core::Json json = json_of(plan).at("datasets");
  EXPECT_TRUE(json.at(0).at("stand_in").get<bool>());
  EXPECT_FALSE(json.at(3).contains("stand_in"));
  EXPECT_TRUE(json.at(3).at("drawn").get<bool>());
}

TEST_F(StandIns, are_asked_for_by_option_profile_or_the_suite_and_make_the_same_jobs) {
  const std::vector<std::string> expected = ids(planned(by_option));
  EXPECT_EQ(expected, ids(planned([](SuiteOptions& options) { options.profile = "smoke"; })));
  const std::string always = std::string("stand_ins = true\n") + kSuite;
  EXPECT_EQ(expected, ids(planned([](SuiteOptions&) {}, always)));
  // A profile says more than the suite, an option more than a profile.
  const auto real = [](SuiteOptions& options) { options.profile = "real"; };
  EXPECT_THAT(tests::refusal([&] { planned(real, always); }), HasSubstr("names the variable 'NOT_SET_CUHK03'"));
  EXPECT_EQ(expected, ids(planned(
                          [&](SuiteOptions& options) {
                            real(options);
                            by_option(options);
                          },
                          always)));
}

TEST_F(StandIns, are_other_jobs_than_those_of_the_real_images_which_stay_what_they_were) {
  const Plan real = planned(without_roots), made_up = planned(by_option);
  const std::string stand_in = "stand_in = { identities = 12, image_height = 48, image_width = 24, seed = 7 }\n";
  std::string text = kSuite;
  text.erase(text.find(stand_in), stand_in.size());
  EXPECT_EQ(ids(real), ids(planned(without_roots, text))) << "a stand-in that is not asked for is nothing";
  const StoreLayout store("/s");
  for (std::size_t i = 0; i < real.datasets.size(); ++i) {
    const bool drawn = real.datasets[i].id == "drawn";
    EXPECT_EQ(drawn, store.pack_folder(real.datasets[i].pack) == store.pack_folder(made_up.datasets[i].pack));
  }
  std::size_t common = 0;
  const std::vector<std::string> real_ids = ids(real);
  for (const std::string& id : ids(made_up))
    common += static_cast<std::size_t>(std::count(real_ids.begin(), real_ids.end(), id));
  // Shard and seal of the synthetic set, two rows' trainings and evaluations in two trials.
  EXPECT_EQ(2U + 2 * 2 * 2, common);
}

TEST_F(StandIns, have_no_papers_numbers_beside_them_unless_they_are_asked_for) {
  const Plan real = planned(without_roots), made_up = planned(by_option);
  const Plan with = planned([](SuiteOptions& options) {
    options.stand_ins = true;
    options.with_references = true;
  });
  EXPECT_EQ(ids(made_up), ids(with));
  for (const char* dataset : {"cuhk03", "viper"}) {
    EXPECT_GT(references(real.tables[0], dataset), 10U) << dataset;
    EXPECT_EQ(0U, references(made_up.tables[0], dataset)) << dataset;
    EXPECT_EQ(references(real.tables[0], dataset), references(with.tables[0], dataset)) << dataset;
  }
  // Nor has a set that is drawn in nobody's place.
  EXPECT_GT(references(with.tables[0], "drawn"), 10U);
  for (const Plan& plan : {real, made_up}) EXPECT_EQ(0U, references(plan.tables[0], "drawn"));
}

TEST_F(StandIns, a_folder_that_a_program_drew_is_as_little_real) {
  const Plan real = planned(without_roots);
  const auto drawing = [](const std::set<std::string>& drawn) {
    return [drawn](SuiteOptions& options) {
      options.need_roots = false;
      options.drawn_folder = [drawn](const DatasetPlan& dataset) {
        EXPECT_FALSE(dataset.pack.synthetic) << "what the run draws is not asked about";
        return drawn.contains(dataset.id);
      };
    };
  };
  for (const std::string id : {"cuhk03", "viper", "pku"}) {
    const Plan plan = planned(drawing({id}));
    EXPECT_EQ(ids(real), ids(plan)) << "no job changes";
    EXPECT_EQ(id + " (drawn)", column_title(plan, id));
    for (const std::string other : {"cuhk03", "viper", "pku"})
      EXPECT_EQ(id == other ? 0U : references(real.tables[0], other), references(plan.tables[0], other))
          << id << ' ' << other;
  }
}

TEST_F(StandIns, notes_are_of_the_tables_own_rows) {
  std::string text = kSuite;
  text += "backbone = \"resnet-small\"\nsplit.train_pool = \"hr-both-views\"\n";
  const Plan plan = planned(without_roots, text);
  EXPECT_THAT(plan.notes, IsEmpty());
  EXPECT_THAT(plan.tables[0].notes, AllOf(Contains("backbone resnet50"), Contains("training pool mlr")));
  EXPECT_THAT(plan.tables[1].notes,
              AllOf(Contains("small backbone (resnet-small)"), Contains("training pool hr-both-views")));
  for (std::size_t t = 0; t < plan.tables.size(); ++t) {
    EXPECT_THAT(plan.tables[t].notes, Each(Not(HasSubstr("L = "))));
    EXPECT_EQ(core::Json(plan.tables[t].notes), json_of(plan).at("tables").at(t).at("notes"));
  }
}

TEST_F(StandIns, leave_rows_out_that_have_nothing_but_papers_numbers) {
  std::string text = kSuite;
  const auto drawn = text.find(", drawn = \"mlr-cuhk03\"");
  text.erase(drawn, std::string_view(", drawn = \"mlr-cuhk03\"").size());
  EXPECT_THAT(planned(by_option, text).tables[0].published, IsEmpty());
  EXPECT_THAT(planned(without_roots, text).tables[0].published, Not(IsEmpty()));
}

TEST_F(StandIns, that_a_layout_cannot_have_are_refused_whether_asked_for_or_not) {
  for (const bool asked : {false, true}) {
    const auto change = [&](SuiteOptions& options) {
      options.need_roots = false;
      options.stand_ins = asked;
    };
    EXPECT_EQ(
        "s.toml:30:14: key 'cameras' has the value 3 (a stand-in for 'viper' has 2, for data set 'viper'); set it to 2",
        refused(change, "identities = 12", "cameras = 3"));
    EXPECT_THAT(
        refused(change, "images_per_camera = 2", "images_per_camera = 9"),
        StartsWith("s.toml:35:14: key 'images_per_camera' has the value 9 (a stand-in for 'pku-reid' has 2 to 8"));
    EXPECT_THAT(refused(change, "seed = 7", "sed = 7"), HasSubstr("key 'sed' is unknown; did you mean 'seed'"));
    EXPECT_THAT(refused(change, "identities = 16", "identities = 16\nstand_in = { seed = 1 }"),
                HasSubstr("key 'stand_in' stands on data set 'drawn' (its images are drawn already)"));
  }
}

TEST_F(StandIns, are_needed_of_each_data_set_that_has_a_column) {
  const std::string pku = "stand_in = { images_per_camera = 2 }";
  EXPECT_EQ(
      "s.toml:31:1: data set 'pku' has no stand-in (stand-ins are asked for in the place of all images); give it a "
      "[dataset.stand_in], or leave it out by --datasets",
      refused(by_option, pku));
  EXPECT_EQ("", refused(
                    [](SuiteOptions& options) {
                      options.stand_ins = true;
                      options.datasets = {"viper"};
                    },
                    pku));
}

TEST_F(StandIns, may_train_as_many_steps_as_epochs_need) {
  std::vector<std::string> asked;
  options_.training_images = [&](const DatasetPlan& dataset, const SplitSettings&) {
    asked.push_back(dataset.id + (dataset.pack.synthetic ? " drawn" : " read"));
    return settings::TrainingCount{40, 10};
  };
  std::string text = kSuite;
  text.replace(text.find("steps = 4"), 9, "epochs = 2");
  const Plan plan = planned(by_option, text);
  EXPECT_THAT(asked, Contains("viper drawn"));
  EXPECT_THAT(asked, Not(Contains("viper read")));
  EXPECT_EQ(20, jobs_of<TrainingSpecification>(plan).at(0).recipe.steps);
}

class Columns : public StandIns {
 protected:
  Plan chosen(const std::vector<std::string>& datasets) {
    return planned([&](SuiteOptions& options) {
      options.need_roots = false;
      options.datasets = datasets;
    });
  }
};

TEST_F(Columns, are_those_that_an_option_or_a_profile_names) {
  EXPECT_THAT(columns(chosen({})), ElementsAre("cuhk03", "viper", "pku", "drawn"));
  const Plan some = chosen({"drawn", "viper"});
  check_sound(some);
  EXPECT_THAT(columns(some), ElementsAre("viper", "drawn")) << "in the order of the table";
  EXPECT_EQ(2U, some.datasets.size());
  const Plan paper = planned([](SuiteOptions& options) {
    options.need_roots = false;
    options.profile = "paper";
  });
  EXPECT_THAT(columns(paper), ElementsAre("cuhk03", "viper"));
  EXPECT_EQ(5, jobs_of<TrainingSpecification>(paper).at(0).recipe.steps);
  // The option says more than the profile.
  EXPECT_THAT(columns(planned([](SuiteOptions& options) {
                options.need_roots = false;
                options.profile = "paper";
                options.datasets = {"drawn"};
              })),
              ElementsAre("drawn"));
}

TEST_F(Columns, that_are_left_are_the_jobs_that_they_were) {
  const Plan all = chosen({}), some = chosen({"viper", "pku"});
  const std::vector<std::string> known = ids(all);
  for (const std::string& id : ids(some)) EXPECT_THAT(known, Contains(id));
  EXPECT_EQ(references(all.tables[0], "viper"), references(some.tables[0], "viper"));
  for (const PublishedRow& row : some.tables[0].published)
    EXPECT_THAT(row.numbers, ElementsAre(Pair("viper", _))) << row.method;
}

TEST_F(Columns, need_no_root_where_they_are_left_out) {
  const Plan plan = planned([](SuiteOptions& options) { options.datasets = {"drawn"}; });
  EXPECT_EQ(1U, plan.datasets.size());
}

TEST_F(Columns, of_a_mean_are_all_there_or_there_is_none) {
  EXPECT_THAT(chosen({"cuhk03", "viper"}).tables[0].mean_of, ElementsAre("cuhk03", "viper"));
  EXPECT_THAT(chosen({"cuhk03", "pku"}).tables[0].mean_of, IsEmpty());
}

TEST_F(Columns, that_a_table_lacks_leave_it_out_which_a_note_says) {
  const Plan plan = chosen({"viper"});
  ASSERT_EQ(1U, plan.tables.size());
  EXPECT_EQ("table1", plan.tables[0].id);
  EXPECT_THAT(plan.notes, Contains("left out, for none of their data sets is asked for: control"));
  EXPECT_THAT(chosen({"pku"}).notes, Not(Contains(HasSubstr("left out"))));
}

TEST_F(Columns, that_are_not_there_are_refused) {
  const auto naming = [&](const std::vector<std::string>& datasets) {
    return tests::named(tests::refusal([&] { chosen(datasets); }), folder_.path().string(), "FOLDER");
  };
  EXPECT_EQ("--datasets: 'FOLDER/s.toml' has no data set 'vipre'; did you mean 'viper'", naming({"vipre"}));
  EXPECT_THAT(
      refused(without_roots, "datasets = [\"cuhk03\", \"viper\"]\ntrain", "datasets = [\"cuhk3\"]\ntrain"),
      StartsWith("s.toml:13:1: key 'datasets' names 'cuhk3' (there is none of that name); did you mean 'cuhk03'"));
  EXPECT_THAT(tests::refusal([&] {
                planned(
                    [](SuiteOptions& options) {
                      options.need_roots = false;
                      options.datasets = {"drawn"};
                    },
                    [] {
                      std::string text = kSuite;
                      for (const char* part : {", \"pku\", \"drawn\"]", ", drawn = \"mlr-cuhk03\""})
                        text.erase(text.find(part), std::string_view(part).size());
                      return text.insert(text.find("\nmean_of"), "]");
                    }());
              }),
              HasSubstr("has a column that is asked for (--datasets asks for 'drawn' alone)"));
}

}  // namespace
}  // namespace resolute::experiments::stand_ins_suite_test
