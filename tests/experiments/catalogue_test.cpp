//! The catalogue: suites that hold every table and figure of the papers, in four profiles.

#include <map>
#include <tuple>

#include "experiments/specification/validation.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::catalogue_test {
namespace {

using namespace testing;

const std::vector<std::string> kPapers{"rain", "ftwa", "msifla", "resolution_adaptive", "cadnet"};
const std::vector<std::string> kProfiles{"paper", "paper-fast", "cpu", "smoke"};

// Plans need neither images nor weights: each trial has as many training images as MLR-CUHK03, about.
class Catalogue : public Suite {
 protected:
  Catalogue() {
    options_.need_roots = false;
    options_.from_scratch = true;
    have_training_images(13'140);
  }
  Plan planned(const std::string& suite, const std::string& profile) {
    options_.profile = profile;
    return shipped(suite + ".toml");
  }
};

std::size_t trainings_of(const Plan& plan) { return jobs_of<TrainingSpecification>(plan).size(); }

std::set<JobId> ids_of(const Plan& plan) {
  std::set<JobId> ids;
  for (const PlannedJob& job : plan.jobs) ids.insert(job.id);
  return ids;
}

const TablePlan& table_of(const Plan& plan, const std::string& id) {
  for (const TablePlan& table : plan.tables)
    if (table.id == id) return table;
  throw std::out_of_range(id);
}

TEST_F(Catalogue, every_profile_of_every_suite_plans) {
  // Trainings of one trial on the papers' data sets, and on PKU-Reid.
  const std::map<std::string, std::pair<std::size_t, std::size_t>> expected{
      {"rain", {57, 33}}, {"ftwa", {9, 5}}, {"msifla", {40, 6}}, {"resolution_adaptive", {11, 7}}, {"cadnet", {28, 8}}};
  for (const std::string& suite : kPapers)
    for (const std::string& profile : kProfiles) {
      SCOPED_TRACE(suite + " " + profile);
      const Plan plan = planned(suite, profile);
      check_sound(plan);
      const bool cpu = profile == "cpu";
      const int trials = profile == "smoke"               ? 1
                         : !cpu                           ? 10
                         : suite == "rain"                ? 2
                         : suite == "cadnet"              ? 2
                         : suite == "resolution_adaptive" ? 5
                                                          : 3;
      const auto& [papers, pku] = expected.at(suite);
      // Of VRU's stand-in 2,830 vehicles, 5,660 and all are the same.
      const std::size_t alike = profile == "smoke" && suite == "msifla" ? 2 : 0;
      EXPECT_EQ(static_cast<std::size_t>(trials) * (cpu ? pku : papers) - alike, trainings_of(plan));
      for (const TrainingSpecification& training : jobs_of<TrainingSpecification>(plan)) {
        EXPECT_EQ(profile == "paper-fast" ? 4 : 1, training.lanes);
        EXPECT_EQ(cpu, training.pack.name == "pku-reid");
        EXPECT_EQ(profile == "smoke", settings::is_stand_in(training.pack)) << training.pack.name;
        EXPECT_EQ(profile.starts_with("paper"), training.network.backbone == settings::Trunk::kResnet50);
      }
    }
}

// What the issue of one command a paper hangs on: a set is packed once, whoever asks for it.
TEST_F(Catalogue, a_data_set_is_one_pack_in_all_suites) {
  for (const std::string& profile : kProfiles) {
    std::map<std::string, settings::PackSettings> packs;
    for (const std::string& suite : kPapers)
      for (const TrainingSpecification& training : jobs_of<TrainingSpecification>(planned(suite, profile))) {
        const auto [at, first] = packs.emplace(training.pack.name, training.pack);
        EXPECT_TRUE(at->second == training.pack) << suite << " " << profile << " " << training.pack.name;
        EXPECT_THAT(training.pack.rates, ElementsAre(2, 3, 4, 6, 8));
      }
    EXPECT_EQ(profile == "cpu" ? 1U : 9U, packs.size()) << profile;
  }
}

TEST_F(Catalogue, the_default_is_the_papers_recipe_and_pku_reid_beside_its_data_sets) {
  for (const std::string& suite : kPapers) {
    const std::set<JobId> paper = ids_of(planned(suite, "paper")), all = ids_of(planned(suite, {}));
    EXPECT_TRUE(std::includes(all.begin(), all.end(), paper.begin(), paper.end())) << suite;
  }
}

// The papers' suites and what puts their ablations side by side.
TEST_F(Catalogue, all_joins_its_parts_with_shared_trainings_once_and_leaves_them_none) {
  std::vector<std::string> parts = kPapers;
  parts.push_back("ablations");
  for (const std::string& profile : kProfiles) {
    const Plan joined = planned("all", profile);
    check_sound(joined);
    const std::set<JobId> all = ids_of(joined);
    std::size_t apart = 0;
    for (const std::string& part : parts) {
      const Plan plan = planned(part, profile);
      const std::set<JobId> part_ids = ids_of(plan);
      apart += trainings_of(plan);
      EXPECT_TRUE(std::includes(all.begin(), all.end(), part_ids.begin(), part_ids.end())) << part << " " << profile;
    }
    EXPECT_LT(trainings_of(joined), apart) << profile;
  }
}

TEST_F(Catalogue, ablations_of_three_papers_stand_side_by_side) {
  const Plan plan = planned("ablations", "paper");
  std::vector<std::string> ids;
  for (const TablePlan& table : plan.tables) ids.push_back(table.id);
  EXPECT_THAT(ids, ElementsAre("rain-table-3", "ftwa-table-2", "msifla-table-2"));
}

TEST_F(Catalogue, four_lanes_change_nothing_else_but_msiflas_batch) {
  for (const std::string& suite : kPapers) {
    for (const PlannedJob& job : planned(suite, "paper-fast").jobs)
      if (std::holds_alternative<TrainingSpecification>(job.specification)) EXPECT_EQ(4, job.slots) << "a GPU each";
    const auto paper = jobs_of<TrainingSpecification>(planned(suite, "paper"));
    const auto fast = jobs_of<TrainingSpecification>(planned(suite, "paper-fast"));
    ASSERT_EQ(paper.size(), fast.size());
    for (std::size_t i = 0; i < paper.size(); ++i) {
      TrainingSpecification lanes = paper[i];
      lanes.lanes = 4;
      if (suite == "msifla") {
        EXPECT_EQ(4 * lanes.recipe.identities, fast[i].recipe.identities) << "each lane is the paper's batch";
        EXPECT_EQ((lanes.recipe.steps + 3) / 4, fast[i].recipe.steps);
        continue;
      }
      EXPECT_EQ(job_id(lanes), job_id(fast[i])) << suite;
    }
  }
}

// But for the rows of resolution-adaptive and of RAIN's readings that say so.
TEST_F(Catalogue, copies_are_of_both_views_where_the_paper_makes_them_of_hr_images) {
  for (const std::string& suite : kPapers) {
    const bool made = suite == "rain" || suite == "resolution_adaptive" || suite == "cadnet";
    std::size_t others = 0;
    for (const TrainingSpecification& training : jobs_of<TrainingSpecification>(planned(suite, "paper")))
      others += training.split.train_pool != (made && training.pack.name != "caviar" ? settings::TrainPool::kHrBothViews
                                                                                     : settings::TrainPool::kMlr);
    EXPECT_EQ(suite == "resolution_adaptive" || suite == "rain" ? 10U : 0U, others) << suite;
  }
}

// A person has two images there: a batch of 16 × 4 of them would show each twice.
TEST_F(Catalogue, on_viper_a_batch_of_hr_images_shows_each_once) {
  for (const std::string& suite : kPapers) {
    for (const TrainingSpecification& training : jobs_of<TrainingSpecification>(planned(suite, "paper"))) {
      if (training.pack.source != settings::Source::kViper || training.recipe.lr_images > 0) continue;
      EXPECT_EQ(2, training.recipe.images) << suite;
      EXPECT_EQ(64, training.recipe.images * training.recipe.identities) << suite;
    }
  }
}

const char* const kStrongTables[] = {"table-1", "table-2", "table-2", "ablation", "table-1"};  // as kPapers

TEST_F(Catalogue, a_plain_modern_recipe_stands_in_each_suite_on_its_own_images) {
  for (const std::string& profile : kProfiles)
    for (std::size_t i = 0; i < kPapers.size(); ++i) {
      SCOPED_TRACE(kPapers[i] + " " + profile);
      const Plan plan = planned(kPapers[i], profile);
      const TrainingSpecification& strong = training_of(plan, kStrongTables[i], "strong");
      const auto& options = std::get<BaselineOptions>(strong.method);
      EXPECT_EQ(methods::BaselineImages::kStored, options.images);
      EXPECT_EQ(methods::Mining::kBatchHard, options.mining);
      EXPECT_EQ(1, options.classification_weight);
      EXPECT_TRUE(strong.network.neck);
      EXPECT_EQ(0.1, strong.recipe.label_smoothing);
      EXPECT_EQ(0.5, strong.recipe.erasing);
      EXPECT_EQ(strong.recipe.images, 2 * strong.recipe.lr_images) << "LR images, of HR ones copies";
      for (const PlannedJob& job : plan.jobs)
        if (const auto* evaluation = std::get_if<EvaluationSpecification>(&job.specification))
          if (evaluation->training == job_id(strong)) {
            EXPECT_EQ(settings::DistanceName::kCosine, evaluation->protocol.distance);
          }
      for (const TrainingSpecification& other : jobs_of<TrainingSpecification>(plan))
        if (other.pack.name == strong.pack.name && kPapers[i] != "resolution_adaptive" &&
            other.split.train_pool != settings::TrainPool::kMlrWithOriginals) {
          EXPECT_EQ(strong.split.train_pool, other.split.train_pool);
        }
    }
}

TEST_F(Catalogue, mechanisms_have_one_recipe_and_as_many_images_a_step) {
  for (const char* profile : {"", "paper", "cpu", "smoke"}) {
    SCOPED_TRACE(profile);
    const Plan plan = planned("mechanisms", profile);
    check_sound(plan);
    const TrainingSpecification& strong = training_of(plan, "mechanisms", "strong");
    std::set<std::string> methods;
    for (const RowPlan& row : table_of(plan, "mechanisms").rows) {
      TrainingSpecification mechanism = training_of(plan, "mechanisms", row.id);
      methods.insert(method_name(mechanism.method));
      // HR images; the others are copies, made or drawn.
      EXPECT_EQ(strong.recipe.images - strong.recipe.lr_images, mechanism.recipe.images - mechanism.recipe.lr_images)
          << row.id;
      if (row.id == "vpfa") {  // behind the strong baseline, by the authors' rate and decay
        ASSERT_TRUE(mechanism.start_from);
        EXPECT_EQ(job_id(strong), mechanism.start_from->training);
        EXPECT_EQ(strong.recipe.steps, mechanism.recipe.steps);
        continue;
      }
      mechanism.method = strong.method;
      mechanism.recipe.images = strong.recipe.images;
      mechanism.recipe.lr_images = strong.recipe.lr_images;
      mechanism.recipe.gradient_clip = strong.recipe.gradient_clip;
      mechanism.recipe.discriminator_learning_rate = strong.recipe.discriminator_learning_rate;
      EXPECT_EQ(job_id(strong), job_id(mechanism)) << row.id;
    }
    EXPECT_THAT(methods, ElementsAre("baseline", "cadnet", "ftwa", "msifla", "rain", "resolution_adaptive", "vpfa"));
  }
  EXPECT_EQ(job_id(training_of(planned("rain", "cpu"), "table-1", "strong")),
            job_id(training_of(planned("mechanisms", "cpu"), "mechanisms", "strong")));
}

TEST_F(Catalogue, rains_recipe_is_the_papers) {
  const Plan plan = planned("rain", "paper");
  const TrainingSpecification& rain = training_of(plan, "table-1", "multi-level");
  EXPECT_EQ(MethodOptions(RainOptions()), rain.method);
  EXPECT_EQ(settings::Trunk::kResnet50, rain.network.backbone);
  EXPECT_EQ(16 * 4, rain.recipe.identities * rain.recipe.images);
  EXPECT_EQ(24'638, rain.recipe.steps);
  EXPECT_EQ("baseline", method_name(training_of(plan, "table-1", "baseline-hr").method));
  // "Ours" of each table is one training, and so is the row without L_adv of table 3 and table 1's baseline.
  for (const auto& [table, row] : std::vector<std::pair<const char*, const char*>>{{"table-3", "full"},
                                                                                   {"readings", "printed"},
                                                                                   {"table-4", "all"},
                                                                                   {"figure-3", "multi-level"},
                                                                                   {"figure-5", "rain-100"}})
    EXPECT_EQ(job_id(rain), job_id(training_of(plan, table, row))) << table;
  EXPECT_EQ(job_id(training_of(plan, "table-1", "baseline-hr-lr")),
            job_id(training_of(plan, "table-3", "without-adversarial")));
  EXPECT_EQ(2U, table_of(plan, "table-2").published.size());
  EXPECT_EQ(5U, table_of(plan, "table-1").published.size());
  EXPECT_THAT(table_of(plan, "table-1").claims.at(2).worse_to_better,
              ElementsAre("baseline-hr", "baseline-hr-lr", "single-level", "multi-level"));
  EXPECT_THAT(table_of(plan, "table-3").claims.at(4).worse_to_better,
              ElementsAre("without-adversarial", "without-reconstruction", "without-triplet", "without-classification",
                          "full"));
  EXPECT_THAT(table_of(plan, "table-4").claims.at(3).worse_to_better, ElementsAre("rate-2", "rate-3", "rate-4", "all"));
}

TEST_F(Catalogue, ftwas_recipe_is_the_papers) {
  const Plan plan = planned("ftwa", "paper");
  EXPECT_THAT(table_of(plan, "table-2").claims.at(0).worse_to_better,
              ElementsAre("baseline", "ftwa-b", "ftwa-r", "ftwa"));
  EXPECT_EQ(job_id(training_of(plan, "table-2", "baseline")), job_id(training_of(plan, "table-2", "control")));
  const experiments::Recipe& of_one_stream = training_of(plan, "table-2", "baseline").recipe;
  EXPECT_EQ(16 * 4, of_one_stream.identities * of_one_stream.images);
  EXPECT_EQ(2, of_one_stream.lr_images);
  const TrainingSpecification& paper = training_of(plan, "table-2", "ftwa");
  EXPECT_EQ(MethodOptions(FtwaOptions()), paper.method);
  EXPECT_EQ(1, paper.network.last_stride);
  EXPECT_EQ(16 * 8, paper.recipe.identities * paper.recipe.images);
  EXPECT_EQ(paper.recipe.images, 2 * paper.recipe.lr_images);
  EXPECT_EQ(7e-4, paper.recipe.learning_rate);
  EXPECT_EQ(0.2, paper.recipe.gamma);
  EXPECT_EQ(12'319, paper.recipe.steps);
  EXPECT_EQ(1'027, paper.recipe.warmup_steps);
  EXPECT_THAT(paper.recipe.milestones, ElementsAre(4'107, 7'186));
}

TEST_F(Catalogue, msiflas_recipe_is_the_papers) {
  const Plan plan = planned("msifla", "paper");
  EXPECT_THAT(table_of(plan, "table-2").claims.at(0).worse_to_better, ElementsAre("baseline", "cmsr2", "msifla"));
  EXPECT_THAT(table_of(plan, "table-3").claims.at(1).worse_to_better, ElementsAre("four", "three"));
  // "The same as for MLR-Market-1501", of which one camera is picked at random.
  for (const PlannedJob& job : plan.jobs)
    if (const auto* training = std::get_if<TrainingSpecification>(&job.specification))
      if (training->pack.source == settings::Source::kSysu || training->pack.source == settings::Source::kMarket1501) {
        EXPECT_EQ(settings::LrSide::kDrawn, training->split.lr_side) << job.label;
      }
  const TrainingSpecification& paper = training_of(plan, "table-2", "msifla");
  EXPECT_EQ(MethodOptions(MsiflaOptions()), paper.method);
  EXPECT_EQ(5, paper.recipe.identities);
  EXPECT_EQ(4, paper.recipe.images);
  EXPECT_EQ(2, paper.recipe.lr_images);
  EXPECT_EQ(3e-4, paper.recipe.learning_rate);
  EXPECT_EQ(39'420, paper.recipe.steps);
  EXPECT_THAT(paper.recipe.milestones, ElementsAre(paper.recipe.steps / 2));
  // MLR-VRU's size is no people's.
  for (const TrainingSpecification& training : jobs_of<TrainingSpecification>(plan))
    EXPECT_TRUE(training.pack.name == "mlr-vru" || training.split.train_identities == 0) << training.pack.name;
  EXPECT_EQ(1415, training_of(plan, "table-4", "vehicles-1415").split.train_identities);
  EXPECT_EQ(2830, training_of(plan, "table-4", "vehicles-2830").split.train_identities);
  EXPECT_EQ(5660, training_of(plan, "table-4", "vehicles-5660").split.train_identities);
  EXPECT_EQ(0, training_of(plan, "table-4", "vehicles-all").split.train_identities);
  const auto& claims = table_of(plan, "table-4").claims;
  ASSERT_EQ(2U, claims.size()) << "a rise, then a fall";
  for (const ClaimPlan& claim : claims) EXPECT_EQ(ClaimForm::kSome, claim.form);
  EXPECT_THAT(claims[0].worse_to_better, ElementsAre("vehicles-1415", "vehicles-2830", "vehicles-5660"));
  EXPECT_THAT(claims[1].worse_to_better, ElementsAre("vehicles-all", "vehicles-2830", "vehicles-5660"));
}

TEST_F(Catalogue, resolution_adaptives_recipe_is_its_pages_and_every_table_says_that_it_has_no_reference) {
  const Plan plan = planned("resolution_adaptive", "paper");
  for (const TablePlan& table : plan.tables) EXPECT_EQ(1U, table.no_reference.size()) << table.id;
  const TrainingSpecification& paper = training_of(plan, "ablation", "progressive");
  EXPECT_EQ(MethodOptions(ResolutionAdaptiveOptions()), paper.method);
  EXPECT_EQ(256, paper.pack.height);
  EXPECT_EQ(128, paper.pack.width);
  EXPECT_EQ(16, paper.recipe.identities);
  EXPECT_EQ(3.5e-4, paper.recipe.learning_rate);
  EXPECT_EQ(5e-4, paper.recipe.weight_decay);
  EXPECT_THAT(paper.recipe.milestones, IsEmpty());
  EXPECT_EQ(24'638, paper.recipe.steps);
  EXPECT_EQ(2'054, paper.recipe.warmup_steps);
  EXPECT_THAT(table_of(plan, "main").look_up,
              ElementsAre(Pair(EndsWith(", main"), "https://arxiv.org/abs/2207.13037")));
  for (const char* level : {"known", "native-size", "highest", "lowest"})
    EXPECT_EQ(job_id(paper), job_id(training_of(plan, "query-level", level))) << level;
}

TEST_F(Catalogue, cadnets_tables_are_the_papers_on_rains_data_sets) {
  for (const char* profile : {"paper", "cpu", "smoke"}) {
    SCOPED_TRACE(profile);
    const Plan plan = planned("cadnet", profile);
    check_sound(plan);
    const bool cpu = std::string(profile) == "cpu";
    const std::size_t trials = cpu ? 2 : std::string(profile) == "smoke" ? 1 : 10;
    // Four rows on six data sets, and table 3's other four on one; on PKU-Reid all eight.
    EXPECT_EQ(trials * (cpu ? 8 : 4 * 6 + 4), trainings_of(plan));
    for (const TrainingSpecification& training : jobs_of<TrainingSpecification>(plan)) {
      if (method_name(training.method) != "cadnet") continue;
      const auto& options = std::get<CadnetOptions>(training.method);
      const bool viper = training.pack.source == settings::Source::kViper;
      EXPECT_EQ(viper ? methods::Pairing::kAligned : methods::Pairing::kShuffled, options.pairing);
      EXPECT_EQ(viper ? 0 : training.recipe.images / 2, training.recipe.lr_images);
      EXPECT_EQ(training.pack.name == "caviar" ? settings::TrainPool::kMlr : settings::TrainPool::kHrBothViews,
                training.split.train_pool);
    }
  }
  const Plan plan = planned("cadnet", "paper"), rain = planned("rain", "paper");
  std::map<std::string, settings::PackSettings> packs;
  for (const TrainingSpecification& training : jobs_of<TrainingSpecification>(rain))
    packs.emplace(training.pack.name, training.pack);
  for (const TrainingSpecification& training : jobs_of<TrainingSpecification>(plan))
    if (const auto known = packs.find(training.pack.name); known != packs.end())
      EXPECT_TRUE(known->second == training.pack) << training.pack.name << " would be packed twice";
  EXPECT_EQ(job_id(training_of(rain, "table-1", "strong")), job_id(training_of(plan, "table-1", "strong")));
  EXPECT_THAT(table_of(plan, "table-1").claims.at(0).worse_to_better, ElementsAre("f-only", "g-only", "cad-net"));
  EXPECT_THAT(table_of(plan, "table-3").claims.at(0).worse_to_better,
              ElementsAre("without-identities", "without-reconstruction", "without-feature-adversary",
                          "without-image-adversary", "full"));
  const TrainingSpecification& full = training_of(plan, "table-1", "cad-net");
  EXPECT_EQ(MethodOptions(CadnetOptions{.pairing = methods::Pairing::kShuffled}), full.method);
  EXPECT_EQ(job_id(full), job_id(training_of(plan, "table-2", "unseen")));
  EXPECT_EQ(job_id(full), job_id(training_of(plan, "table-3", "full")));
  const auto rank1 = [&](const char* table, const char* row) {
    for (const RowPlan& one : table_of(plan, table).rows)
      if (one.id == row) return one.cells.at(0).references.at("rank1");
    return 0.0;
  };
  EXPECT_EQ(82.1, rank1("table-1", "cad-net"));
  EXPECT_EQ(77.6, rank1("table-1", "f-only"));
  EXPECT_EQ(79.7, rank1("table-1", "g-only"));
  EXPECT_EQ(78.6, rank1("table-2", "unseen"));
  EXPECT_EQ(79.8, rank1("table-3", "without-image-adversary"));
  EXPECT_EQ(67.6, rank1("table-3", "without-feature-adversary"));
  EXPECT_EQ(1.7, rank1("table-3", "without-identities"));
  EXPECT_EQ(7U, table_of(plan, "table-1").published.size());
}

TEST_F(Catalogue, another_unseen_rate_is_asked_of_the_same_trainings_and_packs) {
  const Plan before = planned("rain", "paper");
  std::string text = core::read_text(core::real_file_system(), kSource / "suites" / "rain.toml");
  const std::string next = "\n# Table 3";
  text.insert(text.find(next), row("unseen-6", "rain.levels = [4, 5]\nevaluate.query_rates = [6]\n"));
  const Plan after = plan(text);
  const std::set<JobId> had = ids_of(before);
  std::size_t added = 0;
  for (const PlannedJob& job : after.jobs)
    if (!had.contains(job.id)) {
      ++added;
      EXPECT_TRUE(std::holds_alternative<EvaluationSpecification>(job.specification)) << job.label;
    }
  EXPECT_EQ(10U * table_of(after, "table-2").datasets.size(), added);
}

}  // namespace
}  // namespace resolute::experiments::catalogue_test
