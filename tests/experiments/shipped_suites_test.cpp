//! The suites in experiments/suites/ and what their plans hold.

#include <map>
#include <tuple>

#include "experiments/specification/validation.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::shipped_suites_test {
namespace {

using namespace testing;

TEST_F(Suite, quickstart_is_three_trainings_a_trial) {
  const Plan plan = shipped("quickstart.toml");
  check_sound(plan);
  EXPECT_EQ("quickstart", plan.suite);
  EXPECT_EQ(2U, jobs_of<ShardSpecification>(plan).size());
  EXPECT_EQ(1U, jobs_of<SealSpecification>(plan).size());
  EXPECT_EQ(15U, jobs_of<TrainingSpecification>(plan).size());
  EXPECT_EQ(20U, jobs_of<EvaluationSpecification>(plan).size());
  EXPECT_EQ(1U, plan.tables.size());
  EXPECT_THAT(plan.tables[0].notes, testing::Contains(HasSubstr("from scratch")));
  EXPECT_THAT(plan.tables[0].notes, testing::Contains(HasSubstr("small backbone")));
}

TEST_F(Suite, pku_reid_reads_the_folder_that_the_user_names) {
  options_.environment["PKU_REID"] = folder_.path().string();
  const Plan plan = shipped("pku_reid.toml");
  check_sound(plan);
  EXPECT_EQ(27U, jobs_of<TrainingSpecification>(plan).size());
  ASSERT_EQ(1U, plan.datasets.size());
  EXPECT_EQ(folder_.path(), plan.datasets[0].root);
  EXPECT_THAT(plan.title, HasSubstr("from scratch, small backbone"));
}

TEST_F(Suite, a_root_may_be_unknown_where_nothing_reads_it) {
  options_.need_roots = false;
  const Plan plan = shipped("pku_reid.toml");
  EXPECT_EQ("", plan.datasets[0].root);
  options_.environment["PKU_REID"] = folder_.path().string();
  const Plan with = shipped("pku_reid.toml");
  ASSERT_EQ(plan.jobs.size(), with.jobs.size());
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) EXPECT_EQ(plan.jobs[i].id, with.jobs[i].id);
}

TEST_F(Suite, rows_that_train_the_same_share_their_jobs) {
  options_.environment["PKU_REID"] = folder_.path().string();
  const Plan plan = shipped("pku_reid.toml");
  auto evaluations = [&](const char* table, const char* row) {
    return row_of(plan, table, row).cells.at(0).evaluations;
  };
  EXPECT_EQ(evaluations("levels", "baseline-hr-lr"), evaluations("losses", "without-adversarial"));
  EXPECT_EQ(evaluations("levels", "multi-level"), evaluations("losses", "full"));
  EXPECT_NE(evaluations("levels", "multi-level"), evaluations("levels", "single-level"));
  EXPECT_NE(evaluations("levels", "multi-level"), evaluations("unlabelled", "with-adversarial"));
}

TEST_F(Suite, the_papers_numbers_stand_beside_the_cells) {
  options_.environment["PKU_REID"] = folder_.path().string();
  const Plan plan = shipped("pku_reid.toml");
  const auto& multi = row_of(plan, "levels", "multi-level").cells.at(0).references;
  EXPECT_EQ(78.9, multi.at("rank1"));
  EXPECT_EQ(74.5, multi.at("mAP"));
  const auto& baseline = row_of(plan, "levels", "baseline-hr").cells.at(0).references;
  EXPECT_EQ(60.6, baseline.at("rank1"));
  EXPECT_FALSE(baseline.contains("mAP"));
  EXPECT_EQ(65.9, row_of(plan, "levels", "baseline-hr-lr").cells.at(0).references.at("rank1"));
  EXPECT_THAT(row_of(plan, "gap", "shrunk-gallery").cells.at(0).references, IsEmpty());
  EXPECT_EQ(64.1, row_of(plan, "losses", "without-triplet").cells.at(0).references.at("mAP"));
}

TEST_F(Suite, beside_the_quickstarts_drawn_people_stands_no_paper) {
  const Plan plan = shipped("quickstart.toml");
  for (const TablePlan& table : plan.tables) {
    EXPECT_THAT(table.claims, IsEmpty());
    EXPECT_THAT(table.no_reference, IsEmpty());
    for (const RowPlan& row : table.rows) EXPECT_THAT(row.cells.at(0).references, IsEmpty()) << row.id;
  }
}

TEST_F(Suite, the_quickstarts_members_are_as_written) {
  const Plan plan = shipped("quickstart.toml");
  const TrainingSpecification& multi = training_of(plan, "levels", "multi-level");
  EXPECT_EQ(settings::Trunk::kResnetSmall, multi.network.backbone);
  EXPECT_EQ(settings::TrainPool::kHrBothViews, multi.split.train_pool);
  EXPECT_EQ(64, multi.pack.height);
  EXPECT_EQ(1, multi.lanes);
  EXPECT_EQ(200, multi.pack.synthetic->identities);
  EXPECT_THAT(std::get<RainOptions>(multi.method).opponent()->levels, ElementsAre(4, 5));
  EXPECT_EQ("baseline", method_name(training_of(plan, "levels", "baseline-hr").method));
}

// Evaluations alone: the network without an adversary, asked in a gallery as poor as its queries and by queries as good
// as its gallery, on every data set and trial of the table.
TEST_F(Suite, beside_each_table_of_rain_stands_the_gap_there_is_to_close) {
  options_.environment["PKU_REID"] = folder_.path().string();
  options_.from_scratch = true;
  using Row = std::pair<std::string, std::string>;  // table, row
  const Row gap{"gap", "shrunk-gallery"}, hr{"gap", "hr-queries"};
  std::vector<std::tuple<std::string, Row, Row, Row>> expected{
      {"pretrained_study", {"labelled", "baseline-hr-lr"}, gap, hr},
      {"pretrained_mlr_study", {"levels", "baseline-hr-lr"}, gap, hr},
      {"pretrained_mlr_study",
       {"small", "baseline-hr-lr"},
       {"small-gap", "shrunk-gallery"},
       {"small-gap", "hr-queries"}},
      {"pretrained_unlabelled_study", {"unlabelled", "without-adversarial"}, gap, hr},
      {"gain_study", {"gain", "baseline-hr-lr"}, {"gain", "baseline-hr-lr-shrunk"}, {"hr-queries", "hr-queries"}},
      {"pku_reid", {"levels", "baseline-hr-lr"}, gap, hr},
      {"pku_reid", {"losses", "without-adversarial"}, gap, hr},
      {"rain_study", {"table1", "baseline-hr-lr"}, gap, hr},
      {"rain_study", {"table2", "unseen-baseline-hr-lr"}, {"gap", "shrunk-gallery-8"}, hr},
      {"rain_study", {"table3", "without-adversarial"}, gap, hr}};
  for (const char* rate : {"2", "3", "4"})
    expected.push_back({"rain_study",
                        {"table4", fmt::format("baseline-{}", rate)},
                        {"gap", fmt::format("shrunk-gallery-trained-{}", rate)},
                        {"gap", fmt::format("hr-queries-trained-{}", rate)}});
  for (const auto& [suite, without, shrunk, high] : expected) {
    SCOPED_TRACE(suite + " " + without.first + " " + without.second);
    const Plan made = shipped(suite + ".toml");
    std::map<JobId, EvaluationSpecification> evaluations;
    for (const PlannedJob& job : made.jobs)
      if (const auto* one = std::get_if<EvaluationSpecification>(&job.specification)) evaluations.emplace(job.id, *one);
    const auto asked = [&](const Row& row) {
      std::vector<EvaluationSpecification> found;
      for (const CellPlan& cell : row_of(made, row.first, row.second).cells)
        for (const JobId& id : cell.evaluations) found.push_back(evaluations.at(id));
      return found;
    };
    const auto plain = asked(without), poor = asked(shrunk), good = asked(high);
    ASSERT_EQ(plain.size(), poor.size());
    ASSERT_EQ(plain.size(), good.size());
    for (std::size_t i = 0; i < plain.size(); ++i) {
      EXPECT_EQ(plain[i].training, poor[i].training);
      EXPECT_EQ(plain[i].training, good[i].training);
      EXPECT_TRUE(plain[i].protocol.resolution_probe);
      EXPECT_EQ(1, plain[i].protocol.gallery_rate);
      EXPECT_EQ(plain[i].protocol.query_rates, poor[i].protocol.query_rates);
      EXPECT_EQ(without.first == "table2" ? 8 : 3, poor[i].protocol.gallery_rate);
      EXPECT_THAT(good[i].protocol.query_rates, ElementsAre(1));
    }
    const auto table = std::find_if(made.tables.begin(), made.tables.end(),
                                    [&id = without.first](const TablePlan& one) { return one.id == id; });
    EXPECT_THAT(table->metrics, Contains("resolution_probe"));
  }
}

TEST_F(Suite, the_study_of_ftwa_has_the_papers_rows_and_the_control_in_every_table) {
  options_.environment["PKU_REID"] = folder_.path().string();
  const Plan plan = shipped("ftwa_study.toml");
  check_sound(plan);
  const TablePlan& modules = plan.tables.at(0);
  ASSERT_EQ(2U, modules.claims.size());  // a data set each
  for (const ClaimPlan& claim : modules.claims)
    EXPECT_THAT(claim.worse_to_better, ElementsAre("baseline", "ftwa-b", "ftwa-r", "ftwa"));
  EXPECT_EQ(83.2, row_of(plan, modules.id, "ftwa").cells.at(0).references.at("rank1"));
  const TrainingSpecification& baseline = training_of(plan, modules.id, "baseline");
  EXPECT_EQ(methods::BaselineImages::kStored, std::get<BaselineOptions>(baseline.method).images);
  std::set<JobId> controls;
  for (const TablePlan& table : plan.tables)
    controls.insert(row_of(plan, table.id, "control").cells.at(0).evaluations.at(0));
  EXPECT_EQ(2U, controls.size());  // one of each length of training
  for (const char* table : {"table2", "longer"})
    EXPECT_EQ(job_id(training_of(plan, table, "baseline")), job_id(training_of(plan, table, "control"))) << table;
  for (const RowPlan& row : modules.rows)
    for (const CellPlan& cell : row.cells) EXPECT_EQ(5U, cell.evaluations.size()) << row.id;
}

TEST_F(Suite, the_study_of_msifla_has_the_papers_rows_in_the_papers_batch) {
  options_.environment["PKU_REID"] = folder_.path().string();
  const Plan plan = shipped("msifla_study.toml");
  check_sound(plan);
  const auto claims = [&](const std::string& table) {
    const auto found =
        std::find_if(plan.tables.begin(), plan.tables.end(), [&](const TablePlan& one) { return one.id == table; });
    return found == plan.tables.end() ? std::vector<ClaimPlan>() : found->claims;
  };
  ASSERT_EQ(4U, claims("table2").size());  // a data set each, of two metrics
  for (const ClaimPlan& claim : claims("table2")) {
    if (claim.metric == "rank5")
      EXPECT_THAT(claim.worse_to_better, ElementsAre("cmsr2", "msifla"));
    else
      EXPECT_THAT(claim.worse_to_better, ElementsAre("baseline", "cmsr2", "msifla"));
  }
  ASSERT_EQ(8U, claims("table3").size());
  EXPECT_THAT(claims("table3").at(0).worse_to_better, ElementsAre("one", "two", "three"));
  EXPECT_THAT(claims("table3").at(1).worse_to_better, ElementsAre("four", "three"));
  ASSERT_EQ(1U, claims("table4").size());
  EXPECT_THAT(claims("table4").at(0).worse_to_better, ElementsAre("vehicles-16", "all"));
  EXPECT_EQ(92.4, row_of(plan, "table2", "msifla").cells.at(0).references.at("rank1"));
  for (const char* row : {"baseline", "cmsr2", "msifla"}) {
    EXPECT_EQ(3U, row_of(plan, "table2", row).cells.at(0).evaluations.size()) << row;
    const Recipe& recipe = training_of(plan, "table2", row).recipe;
    EXPECT_EQ(5, recipe.identities) << row;
    EXPECT_EQ(4, recipe.images) << row;
    EXPECT_EQ(2, recipe.lr_images) << row;
  }
  // One scale is the Baseline: the same jobs in both tables.
  EXPECT_EQ(job_id(training_of(plan, "table2", "baseline")), job_id(training_of(plan, "table3", "one")));
}

TEST_F(Suite, the_study_of_resolution_adaptive_has_the_papers_rows_and_says_that_it_has_no_reference) {
  options_.environment["PKU_REID"] = folder_.path().string();
  const Plan plan = shipped("resolution_adaptive_study.toml");
  check_sound(plan);
  const std::vector<std::string> both{"synthetic", "pku"};
  const std::vector<std::tuple<std::string, std::size_t, std::vector<std::string>>> expected{
      {"mechanisms", 9, both},
      {"levels", 4, both},
      {"query-level", 5, {"synthetic", "synthetic-large", "pku"}},
      {"start", 5, {"synthetic"}},
      {"longer", 2, {"synthetic"}}};
  ASSERT_EQ(expected.size(), plan.tables.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const TablePlan& table = plan.tables[i];
    EXPECT_EQ(expected[i], std::tuple(table.id, table.rows.size(), table.datasets));
    EXPECT_EQ("plain", table.compare_with) << table.id;
    EXPECT_THAT(table.no_reference, ElementsAre(HasSubstr("Resolution-Adaptive"))) << table.id;
    for (const RowPlan& row : table.rows)
      for (const CellPlan& cell : row.cells) {
        EXPECT_EQ(5U, cell.evaluations.size()) << table.id << " " << row.id;
        EXPECT_THAT(cell.references, IsEmpty()) << table.id << " " << row.id;
      }
  }
  // What the paper states in words, on each data set, of the one table that has its rows.
  const std::vector<ClaimPlan>& claims = plan.tables.front().claims;
  ASSERT_EQ(4U, claims.size());
  for (const std::size_t dataset : {0U, 1U}) {
    EXPECT_THAT(claims[2 * dataset].worse_to_better, ElementsAre("plain", "varying-length", "progressive"));
    EXPECT_THAT(claims[2 * dataset + 1].worse_to_better, ElementsAre("masks", "progressive"));
  }
  for (std::size_t i = 1; i < plan.tables.size(); ++i) EXPECT_THAT(plan.tables[i].claims, IsEmpty());
  const auto options = [&](const char* table, const char* row) {
    return std::get<ResolutionAdaptiveOptions>(training_of(plan, table, row).method);
  };
  EXPECT_FALSE(uses_levels(options("mechanisms", "plain")));
  EXPECT_EQ(methods::Masks::kOff, options("mechanisms", "varying-length").masks);
  EXPECT_TRUE(options("mechanisms", "varying-length").varying_length);
  EXPECT_FALSE(options("mechanisms", "masks").varying_length);
  EXPECT_EQ(methods::Masks::kJoint, options("mechanisms", "masks").masks);
  EXPECT_EQ(methods::Masks::kJoint, options("mechanisms", "joint").masks);
  EXPECT_THAT(options("levels", "two").level_rates, ElementsAre(2, 1));
  EXPECT_THAT(options("levels", "three").level_rates, ElementsAre(3, 2, 1));
  EXPECT_EQ(methods::Masks::kProgressive, options("mechanisms", "progressive").masks);
  EXPECT_LT(4 * options("mechanisms", "progressive").stage_steps,
            training_of(plan, "mechanisms", "progressive").recipe.milestones.at(0))
      << "the last of 4 masks begins before the rate falls";
  EXPECT_EQ(1, options("start", "joint").mask_deviation);
  EXPECT_EQ(0.1, options("start", "joint-alike").mask_deviation);
  EXPECT_EQ(options("start", "joint-alike"), options("longer", "joint-alike"));
  EXPECT_EQ(300, training_of(plan, "start", "joint-alike").recipe.steps);
  for (const char* row : {"plain", "joint-alike"}) EXPECT_EQ(600, training_of(plan, "longer", row).recipe.steps) << row;
  EXPECT_FALSE(options("mechanisms", "no-verification").verification);
  EXPECT_EQ(0, options("mechanisms", "masks-standard").mask_mean);
  // Stored at twice the network's size, where the size tells of another level than the rate.
  const DatasetPlan& large = plan.datasets.at(1);
  EXPECT_EQ("synthetic-large", large.id);
  EXPECT_EQ(2 * large.pack.height, large.pack.synthetic->height);
  EXPECT_EQ(2 * large.pack.width, large.pack.synthetic->width);
  // Four levels are the method's own, and one training is asked in every way.
  EXPECT_EQ(job_id(training_of(plan, "mechanisms", "joint")), job_id(training_of(plan, "levels", "four")));
  for (const char* row : {"known", "native-size", "highest", "lowest"})
    EXPECT_EQ(job_id(training_of(plan, "mechanisms", "joint")), job_id(training_of(plan, "query-level", row))) << row;
}

TEST_F(Suite, the_plans_document_has_the_contracts_members) {
  const core::Json json = json_of(shipped("quickstart.toml"));
  EXPECT_EQ(38U, json.at("jobs").size());
  const core::Json& job = json.at("jobs").back();
  for (const char* key : {"id", "kind", "after", "slots", "label", "specification"})
    EXPECT_TRUE(job.contains(key)) << key;
  EXPECT_EQ("evaluation", job.at("kind"));
  EXPECT_EQ(job.at("id"), job_id(specification_from_json(job.at("specification"), "test")).hex);
  EXPECT_EQ(1U, json.at("tables").size());
  EXPECT_THAT(json.at("datasets").at(0).at("pack_folder").get<std::string>(), testing::StartsWith("packs/synthetic-"));
}

TEST_F(Suite, planning_twice_gives_the_same_document_in_the_usual_layout) {
  std::ostringstream text;
  write_json(text, shipped("quickstart.toml"));
  EXPECT_EQ(json_of(shipped("quickstart.toml")).dump(1) + "\n", text.str());
}

// Every source stands in it, so that each way from a layout to a table can be gone.
TEST_F(Suite, the_tour_of_data_sets_calls_at_every_source) {
  options_.need_roots = false;
  const Plan plan = shipped("datasets_tour.toml");
  check_sound(plan);
  std::set<settings::Source> sources;
  for (const DatasetPlan& dataset : plan.datasets) sources.insert(dataset.pack.source);
  EXPECT_EQ(settings::kSources.size(), sources.size());
  EXPECT_EQ(plan.datasets.size(), jobs_of<TrainingSpecification>(plan).size());
  const auto split = [&](const std::string& dataset) {
    for (const TrainingSpecification& one : jobs_of<TrainingSpecification>(plan))
      if (one.pack.name == dataset) return one.split;
    throw std::out_of_range(dataset);
  };
  EXPECT_EQ(settings::Partition::kPublished, split("mlr-cuhk03").partition);
  EXPECT_EQ(settings::LrSide::kPair, split("mlr-cuhk03").lr_side);
  EXPECT_EQ(2, split("mlr-cuhk03-detected").test_identities);
  EXPECT_EQ(1, split("mlr-viper-a").lr_camera);
  EXPECT_EQ(2, split("mlr-viper-b").lr_camera);
  EXPECT_EQ(settings::LrSide::kDrawn, split("mlr-market-1501-drawn").lr_side);
  EXPECT_EQ(0, split("mlr-vru").lr_camera);
  const SplitSettings genuine = split("caviar");
  EXPECT_EQ(std::pair(SplitSettings().lr_side, SplitSettings().lr_camera),
            std::pair(genuine.lr_side, genuine.lr_camera));
}

}  // namespace
}  // namespace resolute::experiments::shipped_suites_test
