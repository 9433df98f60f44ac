//! From a made-up plan and records to tables, compared with the files in tests/golden/tables.

#include "results/tables/tables.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

#include "core/error.h"
#include "results/tables/table_notes.h"
#include "tests/results/made_up_suite.h"
#include "tests/support/temporary_folder.h"

namespace resolute::results::tables_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(Tables, a_complete_suite_prints_as_golden) {
  SuiteTables tables = Suite().tables();
  EXPECT_TRUE(tables.complete);
  expect_goldens("complete", tables);
}

TEST(Tables, an_incomplete_suite_prints_as_golden) {
  Suite suite;
  suite.records.erase(suite.evaluation("multi easy 1"));
  suite.records.erase(suite.evaluation("multi hard 0"));
  suite.records.erase(suite.evaluation("multi hard 1"));
  suite.record<EvaluationRecord>(suite.evaluation("baseline hard 1")).provenance.numeric_class = "class b";
  suite.record<TrainingRecord>(suite.training("baseline easy 1")).weights_sha256 = core::sha256_hex("other");
  SuiteTables tables = suite.tables();
  EXPECT_FALSE(tables.complete);
  expect_goldens("incomplete", tables);
}

TEST(Tables, text_of_a_user_is_no_markdown) {
  Suite suite;
  suite.plan.tables[0].rows[1].label = "<L1> [x](y) a*b* `c` L_adv _d_ ~~e~~ A & B &amp; a < 5 ~5";
  EXPECT_THAT(to_markdown(suite.tables()),
              HasSubstr("| \\<L1> [x\\](y) a\\*b\\* \\`c\\` L_adv \\_d\\_ \\~\\~e\\~\\~ A & B \\&amp; a < 5 ~5 |"));
}

TEST(Tables, a_cell_is_mean_and_sample_deviation_in_per_cent) {
  SuiteTables tables = Suite().tables();
  const Cell& cell = cell_of(tables, 1, 0);
  EXPECT_EQ(cell.status, CellStatus::kComplete);
  EXPECT_DOUBLE_EQ(cell.mean.value(), 53.125);
  EXPECT_DOUBLE_EQ(cell.std.value(), 6.25 / std::sqrt(2.0));
  EXPECT_EQ(cell.reference, 78.9);
  EXPECT_DOUBLE_EQ(cell.chance.value(), 3.125);
  EXPECT_EQ(cell.jobs.size(), 2U);
  EXPECT_DOUBLE_EQ(cell_of(tables, 1, 1).chance.value(), 12.5);
}

TEST(Tables, a_mean_over_data_sets_is_that_of_each_trial) {
  Suite suite;
  suite.plan.tables[0].mean_of = {"easy", "hard"};
  suite.plan.tables[0].rows[1].cells[1].references = {{"rank1", 60.0}};
  for (const int trial : {0, 1})
    suite.record<EvaluationRecord>(suite.evaluation(fmt::format("multi hard {}", trial))).metrics["rank1"] = 0.25;
  const SuiteTables tables = suite.tables();
  const Table& table = tables.tables[0];
  EXPECT_THAT(table.datasets, testing::ElementsAre("easy", "hard", "mean"));
  const Cell& mean = cell_of(tables, 1, 4);
  EXPECT_EQ("mean", mean.dataset);
  EXPECT_EQ("rank1", mean.metric);
  // 50 and 56.25 on one, 25 on the other.
  EXPECT_THAT(mean.values, testing::ElementsAre(37.5, 40.625));
  EXPECT_DOUBLE_EQ(39.0625, mean.mean.value());
  EXPECT_DOUBLE_EQ(3.125 / std::sqrt(2.0), mean.std.value());
  EXPECT_DOUBLE_EQ((78.9 + 60) / 2, mean.reference.value());
  EXPECT_EQ(4U, mean.jobs.size());
  EXPECT_FALSE(cell_of(tables, 1, 5).reference);
  const std::string text = to_markdown(tables);
  EXPECT_THAT(text, HasSubstr("mean rank-1"));
  EXPECT_THAT(text, HasSubstr("`mean`: over easy, hard."));
  EXPECT_THAT(to_csv(tables), HasSubstr(",mean,rank1,39.0625,"));
}

TEST(Tables, rows_of_published_numbers_print_as_golden) {
  Suite suite;
  suite.plan.tables[0].mean_of = {"easy", "hard"};
  suite.plan.tables[0].published = {
      {"judea", "JUDEA", {{"easy", {{"rank1", 26.2}}}, {"hard", {{"rank1", 26.0}, {"mAP", 20.5}}}}},
      {"sld2l", "SLD²L", {{"hard", {{"rank1", 20.3}}}}}};
  const SuiteTables tables = suite.tables();
  EXPECT_TRUE(tables.complete);
  EXPECT_DOUBLE_EQ(26.1, published_number(tables.tables[0].published[0], "mean", "rank1").value());
  EXPECT_FALSE(published_number(tables.tables[0].published[0], "mean", "mAP"));
  EXPECT_FALSE(published_number(tables.tables[0].published[1], "easy", "rank1"));
  expect_goldens("published", tables);
}

//! The second data set of the suite as a stand-in.
Suite with_stand_in() {
  Suite suite;
  for (const char* id : {"easy", "hard"}) {
    experiments::PackSettings pack{.name = id, .source = settings::Source::kViper};
    if (id == std::string("hard")) pack.synthetic = settings::stand_in_of(pack.source);
    suite.plan.datasets.push_back({id, pack, {}});
  }
  return suite;
}

TEST(Tables, columns_of_stand_ins_print_as_golden) {
  Suite suite = with_stand_in();
  suite.plan.tables[0].mean_of = {"easy", "hard"};
  const SuiteTables tables = suite.tables();
  EXPECT_THAT(tables.tables[0].stand_ins, testing::ElementsAre("hard", "mean"));
  expect_goldens("stand_ins", tables);
}

TEST(Tables, a_table_of_a_stand_in_alone_says_so_in_every_form) {
  Suite suite = with_stand_in();
  experiments::TablePlan& table = suite.plan.tables[0];
  table.datasets = {"hard"};
  for (experiments::RowPlan& row : table.rows) row.cells.erase(row.cells.begin());
  const SuiteTables tables = suite.tables();
  EXPECT_THAT(to_markdown(tables), HasSubstr("Data set: hard (stand-in). "));
  EXPECT_THAT(to_markdown(tables), HasSubstr("- stand-ins, not the real data: the images of hard are made up"));
  EXPECT_THAT(to_latex(tables), HasSubstr("\\multicolumn{2}{c}{\\textcolor{red}{hard (stand-in)}}"));
  EXPECT_THAT(to_csv(tables), HasSubstr(",hard (stand-in),rank1,"));
  EXPECT_EQ(core::Json({"hard"}), to_json(tables).at("tables").at(0).at("stand_ins"));
}

// The image source that is drawn stands for no other.
TEST(Tables, a_synthetic_data_set_is_drawn_and_no_stand_in) {
  Suite suite;
  for (const char* id : {"easy", "hard"})
    suite.plan.datasets.push_back(
        {id, {.name = id, .source = settings::Source::kSynthetic, .synthetic = settings::SyntheticSettings{}}, {}});
  for (const std::string& text : {to_markdown(suite.tables()), to_latex(suite.tables()), to_csv(suite.tables())})
    EXPECT_THAT(text, AllOf(HasSubstr("easy (drawn)"), Not(HasSubstr("stand-in"))));
  EXPECT_FALSE(to_json(suite.tables()).at("tables").at(0).contains("stand_ins"));
}

TEST(Tables, a_mean_over_data_sets_needs_all_of_them) {
  Suite suite;
  suite.plan.tables[0].mean_of = {"easy", "hard"};
  suite.records.erase(suite.evaluation("multi hard 1"));
  const Cell mean = cell_of(suite.tables(), 1, 4);
  EXPECT_EQ(CellStatus::kIncomplete, mean.status);
  EXPECT_FALSE(mean.mean);
  EXPECT_EQ(1, mean.trials);
  EXPECT_EQ(2, mean.trials_needed);
  EXPECT_TRUE(mean.values.at(0));
  EXPECT_FALSE(mean.values.at(1));
}

TEST(Tables, one_trial_has_no_deviation) {
  Suite suite;
  for (auto& row : suite.plan.tables[0].rows)
    for (auto& cell : row.cells) cell.evaluations.pop_back();
  SuiteTables tables = suite.tables();
  EXPECT_TRUE(tables.complete);
  EXPECT_FALSE(cell_of(tables, 0, 0).std);
  EXPECT_THAT(to_markdown(tables), HasSubstr("one trial"));
}

TEST(Tables, a_missing_trial_leaves_no_number) {
  Suite suite;
  suite.records.erase(suite.evaluation("multi easy 1"));
  SuiteTables tables = suite.tables();
  const Cell& cell = cell_of(tables, 1, 0);
  EXPECT_EQ(cell.status, CellStatus::kIncomplete);
  EXPECT_FALSE(cell.mean);
  EXPECT_EQ(cell.trials, 1);
  EXPECT_EQ(cell.trials_needed, 2);
  EXPECT_TRUE(cell.values.at(0));
  EXPECT_FALSE(cell.values.at(1));
}

TEST(Tables, parts_that_disagree_are_never_averaged) {
  auto status = [](const auto& change) {
    Suite suite;
    change(suite);
    SuiteTables tables = suite.tables();
    const Cell& cell = cell_of(tables, 1, 0);
    EXPECT_FALSE(cell.mean);
    EXPECT_EQ(cell_of(tables, 0, 0).status, CellStatus::kComplete);
    const auto given = std::ranges::count_if(cell.values, [](const auto& value) { return value.has_value(); });
    EXPECT_EQ(cell.status == CellStatus::kStale ? 1 : 2, given) << "a stale trial has no value";
    return cell.status;
  };
  std::string other = core::sha256_hex("other");
  EXPECT_EQ(status([&](Suite& suite) {
              suite.plan.tables[0].strict_classes = true;
              suite.record<TrainingRecord>(suite.training("multi easy 0")).provenance.numeric_class = "class b";
            }),
            CellStatus::kMixed);
  EXPECT_EQ(status([&](Suite& suite) {
              suite.record<EvaluationRecord>(suite.evaluation("multi easy 0")).provenance.pack_sha256 = other;
            }),
            CellStatus::kStale);
  EXPECT_EQ(status([&](Suite& suite) {
              suite.record<EvaluationRecord>(suite.evaluation("multi easy 0")).provenance.split_sha256 = other;
            }),
            CellStatus::kStale);
  EXPECT_EQ(status([&](Suite& suite) {
              suite.record<TrainingRecord>(suite.training("multi easy 1")).weights_sha256 = other;
            }),
            CellStatus::kStale);
  const auto starts_from = [](Suite& suite, const std::string& weights) {
    suite.record<TrainingRecord>(suite.training("multi easy 0")).provenance.started_from = {
        suite.training("baseline easy 0"), weights};
  };
  EXPECT_EQ(status([&](Suite& suite) { starts_from(suite, other); }), CellStatus::kStale);
  Suite suite;
  starts_from(suite, suite.record<TrainingRecord>(suite.training("baseline easy 0")).weights_sha256);
  EXPECT_EQ(cell_of(suite.tables(), 1, 0).status, CellStatus::kComplete);
}

TEST(Tables, what_to_do_stands_beside_a_split_of_another_time) {
  Suite suite;
  suite.record<EvaluationRecord>(suite.evaluation("multi easy 0")).provenance.split_sha256 = core::sha256_hex("other");
  const std::string why = cell_of(suite.tables(), 1, 0).why;
  EXPECT_NE(std::string::npos, why.find("than its training " + short_id(suite.training("multi easy 0")))) << why;
  EXPECT_NE(std::string::npos, why.find("move the folders of both out of the store, and run again")) << why;
}

// A row of drawn galleries beside one of the whole gallery.
TEST(Tables, chance_stands_under_a_column_where_its_rows_agree) {
  Suite suite;
  const auto chance = [&] { return chance_of(suite.tables().tables[0]); };
  ASSERT_TRUE(chance().contains({"easy", "rank1"}));
  for (int trial = 0; trial < 2; ++trial)
    suite.record<EvaluationRecord>(suite.evaluation(fmt::format("multi easy {}", trial))).metrics["chance_rank1"] = 0.5;
  EXPECT_FALSE(chance().contains({"easy", "rank1"}));
  EXPECT_TRUE(chance().contains({"hard", "rank1"})) << "on the other data set they do";
}

// A network that gives all images the same features makes numbers too.
TEST(Tables, what_is_far_below_chance_is_said) {
  Suite suite;
  const auto score = [&](int trial, double rank1) {
    suite.record<EvaluationRecord>(suite.evaluation(fmt::format("multi easy {}", trial))).metrics["rank1"] = rank1;
  };
  const std::string label = suite.plan.tables[0].rows[1].label;
  const std::string note = "- " + label + " on easy: below half of chance, so its trainings came to nothing";
  score(0, 0);
  score(1, 0.03);
  EXPECT_THAT(to_markdown(suite.tables()), HasSubstr(note));
  EXPECT_THAT(to_latex(suite.tables()), HasSubstr("below half of chance"));
  score(1, 0.04);
  EXPECT_THAT(to_markdown(suite.tables()), testing::Not(HasSubstr("chance, so")));
}

// Trained on GPUs, evaluated on CPUs (evaluate.device = "cpu").
TEST(Tables, trainings_of_one_numeric_class_and_evaluations_of_another_agree) {
  Suite suite;
  for (int trial = 0; trial < 2; ++trial)
    suite.record<TrainingRecord>(suite.training(fmt::format("multi easy {}", trial))).provenance.numeric_class = "gpu";
  suite.plan.tables[0].strict_classes = true;
  EXPECT_EQ(cell_of(suite.tables(), 1, 0).status, CellStatus::kComplete);
  EXPECT_THAT(cell_of(suite.tables(), 1, 0).own_footnotes, IsEmpty());
  suite.record<EvaluationRecord>(suite.evaluation("multi easy 1")).provenance.numeric_class = "gpu";
  EXPECT_EQ(cell_of(suite.tables(), 1, 0).status, CellStatus::kMixed);
}

TEST(Tables, trials_of_two_numeric_classes_have_a_mean_and_a_footnote_that_names_them) {
  Suite suite;
  const double mean = *cell_of(suite.tables(), 1, 0).mean;
  suite.record<TrainingRecord>(suite.training("multi easy 0")).provenance.numeric_class =
      "cpu=avx2 threads=1 libtorch=2";
  suite.record<TrainingRecord>(suite.training("multi easy 1")).provenance.numeric_class =
      "cpu=avx512 threads=1 libtorch=2 kernels=default";
  const SuiteTables tables = suite.tables();
  const Cell& cell = cell_of(tables, 1, 0);
  EXPECT_EQ(cell.status, CellStatus::kComplete);
  EXPECT_EQ(cell.mean, mean);
  const std::string footnote =
      "1 and 1 trainings ran in 2 numeric classes, which differ in cpu (avx2, avx512), kernels (none, default)";
  EXPECT_THAT(cell.own_footnotes, testing::ElementsAre(footnote));
  EXPECT_THAT(cell_of(tables, 0, 0).own_footnotes, IsEmpty());
  suite.record<TrainingRecord>(suite.training("multi easy 0")).provenance.numeric_class =
      "mine 1, torch 2.11.0, source ab";
  EXPECT_THAT(cell_of(suite.tables(), 1, 0).own_footnotes,
              testing::ElementsAre(
                  "1 and 1 trainings ran in 2 numeric classes, which differ in the program (mine 1, resolute-worker)"));
  EXPECT_TRUE(tables.complete);
  EXPECT_THAT(to_markdown(tables), testing::AllOf(HasSubstr("¹"), HasSubstr("- ¹ " + footnote)));
  EXPECT_THAT(to_latex(tables), testing::AllOf(HasSubstr("\\tnote{1}"), HasSubstr("\\item[1] 1 and 1 trainings"),
                                               HasSubstr("table-space-text-post")));
  EXPECT_THAT(to_csv(tables), HasSubstr(footnote));
  const core::Json row = to_json(tables)["tables"][0]["rows"][1];
  EXPECT_EQ(row["cells"][0]["own_footnotes"], core::Json({1}));
  EXPECT_FALSE(row["cells"][2].contains("own_footnotes"));
}

TEST(Tables, a_footnote_names_three_parts_of_many_classes) {
  Suite suite;
  suite.record<EvaluationRecord>(suite.evaluation("multi easy 0")).provenance.numeric_class = "a=1 b=1 c=1 d=1 e=1";
  suite.record<EvaluationRecord>(suite.evaluation("multi easy 1")).provenance.numeric_class = "a=2 b=2 c=2 d=2 e=1";
  EXPECT_THAT(cell_of(suite.tables(), 1, 0).own_footnotes,
              testing::ElementsAre("1 and 1 evaluations ran in 2 numeric classes, which differ in a (1, 2), b (1, 2), "
                                   "c (1, 2) and 1 more"));
}

TEST(Tables, packs_that_disagree_without_a_seal_are_mixed) {
  Suite suite;
  suite.records.erase(id("seal easy"));
  suite.record<EvaluationRecord>(suite.evaluation("multi easy 0")).provenance.pack_sha256 = core::sha256_hex("other");
  EXPECT_EQ(cell_of(suite.tables(), 1, 0).status, CellStatus::kMixed);
}

//! Those that are damaged, as "row column".
std::set<std::string> damaged_cells(const SuiteTables& tables) {
  std::set<std::string> found;
  for (std::size_t row = 0; row < tables.tables[0].rows.size(); ++row) {
    const auto& cells = tables.tables[0].rows[row].cells;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      const Cell& cell = cells[column];
      if (cell.status != CellStatus::kDamaged) continue;
      EXPECT_FALSE(cell.mean || cell.std || cell.difference);
      EXPECT_THAT(cell.why, Not(IsEmpty()));
      found.insert(fmt::format("{} {}", row, column));
    }
  }
  EXPECT_EQ(tables.complete, found.empty());
  return found;
}

TEST(Tables, a_record_of_another_kind_or_without_the_metric_costs_its_cells_alone) {
  Suite suite;
  const JobId job = suite.evaluation("multi easy 0");
  EXPECT_THAT(damaged_cells(suite.tables()), IsEmpty());
  suite.record<EvaluationRecord>(job).metrics.erase("mAP");
  EXPECT_THAT(damaged_cells(suite.tables()), ElementsAre("1 1"));
  suite.records[job] = SealRecord{job, core::sha256_hex("pack"), 1};
  EXPECT_THAT(damaged_cells(suite.tables()), ElementsAre("1 0", "1 1"));
}

TEST(Tables, what_a_lookup_refuses_costs_the_cells_that_stand_on_it) {
  const Suite suite;
  const auto without = [&](const JobId& damaged, core::ErrorKind kind = core::ErrorKind::kCorrupt) {
    return aggregate(suite.plan, [&](const JobId& job) -> std::optional<Record> {
      if (job == damaged) throw core::RuntimeError(kind, "result.json: metrics.mAP is NaN");
      const auto found = suite.records.find(job);
      return found == suite.records.end() ? std::nullopt : std::optional(found->second);
    });
  };
  EXPECT_THAT(damaged_cells(without(suite.evaluation("multi easy 1"))), ElementsAre("1 0", "1 1"));
  EXPECT_THAT(damaged_cells(without(suite.training("baseline hard 0"))), ElementsAre("0 2", "0 3"));
  EXPECT_THAT(damaged_cells(without(id("seal easy"), core::ErrorKind::kInput)),
              ElementsAre("0 0", "0 1", "1 0", "1 1"));
  EXPECT_THROW(without(id("seal easy"), core::ErrorKind::kTransient), core::RuntimeError) << "the store's own trouble";
  const SuiteTables tables = without(suite.evaluation("multi easy 1"));
  const auto files = table_files(tables);
  const std::map<std::string, std::string> texts(files.begin(), files.end());
  EXPECT_THAT(texts.at("all.md"), AllOf(HasSubstr("`damaged`"), HasSubstr("metrics.mAP is NaN")));
  EXPECT_THAT(texts.at("all.tex"), HasSubstr("{damaged}"));
  EXPECT_THAT(texts.at("all.csv"), HasSubstr(",damaged,"));
  EXPECT_THAT(texts.at("tables.json"), AllOf(HasSubstr("\"damaged\""), HasSubstr("metrics.mAP is NaN")));
}

//! The made-up suite with row "multi" trained by another method, whose evaluations measure more.
struct Measured : Suite {
  Measured(const std::vector<std::string>& metrics, const experiments::MethodOptions& method,
           const std::function<void(std::map<std::string, double>& metrics, int trial)>& measure) {
    plan.tables[0].metrics = metrics;
    for (const char* dataset : {"easy", "hard"})
      for (int trial = 0; trial < 2; ++trial) {
        const std::string name = fmt::format("multi {} {}", dataset, trial);
        for (experiments::PlannedJob& job : plan.jobs)
          if (job.id == training(name)) std::get<experiments::TrainingSpecification>(job.specification).method = method;
        measure(record<EvaluationRecord>(evaluation(name)).metrics, trial);
      }
  }
};

//! By FTWA: weights.
struct Weighted : Measured {
  Weighted()
      : Measured({"weight_hr_rho", "rank1", "hr_share", "weight_query_hr"}, experiments::FtwaOptions{},
                 [](auto& metrics, int trial) {
                   metrics["weight_hr_rho"] = trial == 0 ? -0.5 : -0.75;
                   metrics["hr_share"] = 0.25;
                   metrics["weight_query_hr"] = 0.5 + 0.125 * trial;
                 }) {}
};

TEST(Tables, of_weights_print_as_golden) {
  Weighted suite;
  const SuiteTables tables = suite.tables();
  EXPECT_TRUE(tables.complete);
  expect_goldens("weights", tables);
}

//! By MSIFLA: recovered images.
struct Recovered : Measured {
  Recovered()
      : Measured({"rank1", "recovered_psnr_2", "enlarged_psnr_2", "psnr_gain_2", "recovered_ssim_8"},
                 experiments::MsiflaOptions{}, [](auto& metrics, int trial) {
                   metrics["recovered_psnr_2"] = 30.5 + trial;
                   metrics["enlarged_psnr_2"] = 31.125 + trial;
                   metrics["psnr_gain_2"] = -0.625;
                   metrics["recovered_ssim_8"] = 0.875 + 0.0625 * trial;
                 }) {}
};

TEST(Tables, of_recovered_images_print_as_golden) {
  Recovered suite;
  const SuiteTables tables = suite.tables();
  EXPECT_TRUE(tables.complete);
  EXPECT_EQ(-0.625, tables.tables.at(0).rows.at(1).cells.at(3).mean);
  EXPECT_EQ(CellStatus::kNotApplicable, tables.tables.at(0).rows.at(0).cells.at(1).status);
  expect_goldens("recovery", tables);
}

//! By resolution_adaptive, whose paper has no numbers.
struct Adaptive : Measured {
  Adaptive()
      : Measured({"rank1", "level_agreement", "mask_spread"}, experiments::ResolutionAdaptiveOptions{},
                 [](auto& metrics, int trial) {
                   metrics["level_agreement"] = 0.75;
                   metrics["mask_spread"] = 0.0625 * (1 + trial);
                 }) {
    plan.tables[0].no_reference = {"Levels | of people"};
    for (experiments::RowPlan& row : plan.tables[0].rows)
      for (experiments::CellPlan& cell : row.cells) cell.references.clear();
  }
};

TEST(Tables, of_a_paper_without_numbers_print_as_golden) {
  Adaptive suite;
  const SuiteTables tables = suite.tables();
  EXPECT_TRUE(tables.complete);
  EXPECT_EQ(75, tables.tables.at(0).rows.at(1).cells.at(1).mean);
  EXPECT_EQ(0.09375, tables.tables.at(0).rows.at(1).cells.at(2).mean);
  EXPECT_EQ(CellStatus::kNotApplicable, tables.tables.at(0).rows.at(0).cells.at(1).status);
  expect_goldens("no_reference", tables);
}

TEST(Tables, say_that_there_is_no_reference_only_where_there_is_none) {
  Adaptive suite;
  EXPECT_THAT(to_markdown(suite.tables()),
              HasSubstr("No reference: no number of \"Levels \\| of people\" is known for this table."));
  EXPECT_THAT(to_csv(suite.tables()), HasSubstr(",no reference,"));
  EXPECT_EQ("Levels | of people", to_json(suite.tables()).at("tables").at(0).at("no_reference").at(0));
  suite.plan.tables[0].no_reference.clear();
  EXPECT_THAT(to_markdown(suite.tables()), testing::Not(HasSubstr("reference")));
  EXPECT_THAT(to_csv(suite.tables()), testing::Not(HasSubstr("no reference")));
  EXPECT_FALSE(to_json(suite.tables()).at("tables").at(0).contains("no_reference"));
}

TEST(Tables, with_numbers_of_one_paper_do_not_say_in_csv_that_there_are_none_of_another) {
  Suite suite;  // row "multi" has a number on "easy"; row "baseline" names no paper
  suite.plan.tables[0].no_reference = {"Levels | of people"};
  EXPECT_THAT(to_csv(suite.tables()), HasSubstr(",78.9,"));
  EXPECT_THAT(to_csv(suite.tables()), testing::Not(HasSubstr("no reference")));
  EXPECT_THAT(to_markdown(suite.tables()), HasSubstr("No reference: no number of \"Levels"));
  // Without that number the whole table says so, also where a row names no paper.
  for (experiments::CellPlan& cell : suite.plan.tables[0].rows[1].cells) cell.references.clear();
  const std::string csv = to_csv(suite.tables());
  std::size_t without_reference = 0;
  for (std::size_t at = csv.find(",no reference,"); at != std::string::npos; at = csv.find(",no reference,", at + 1))
    ++without_reference;
  EXPECT_EQ(8U, without_reference);  // two rows, two data sets, two metrics
}

TEST(Tables, without_a_fraction_are_not_called_per_cent) {
  Recovered suite;
  suite.plan.tables[0].metrics = {"recovered_psnr_2", "recovered_ssim_8"};
  EXPECT_NE(to_markdown(suite.tables()).find("\nIn the table: PSNR in dB, SSIM as it is;"), std::string::npos);
  EXPECT_EQ(to_markdown(suite.tables()).find("er cent"), std::string::npos);
}

TEST(Tables, a_claim_about_recovered_images_is_held_in_decibels) {
  Recovered suite;
  suite.plan.tables[0].rows.push_back(suite.plan.tables[0].rows.at(1));
  suite.plan.tables[0].rows.back().id = suite.plan.tables[0].rows.back().label = "again";
  suite.plan.tables[0].claims = {{"easy", "recovered_psnr_2", "paper", "cuhk", {"multi", "again"}}};
  EXPECT_NE(to_markdown(suite.tables()).find("multi\" < again: 2 trials: no verdict: 31.00 → 31.00"),
            std::string::npos);
}

TEST(Tables, a_row_in_python_has_of_recovered_images_what_its_result_measured) {
  Suite suite;
  suite.plan.tables[0].metrics = {"rank1", "psnr_gain_2"};
  for (experiments::PlannedJob& job : suite.plan.jobs)
    if (auto* training = std::get_if<experiments::TrainingSpecification>(&job.specification);
        training != nullptr && (job.id == suite.training("multi easy 0") || job.id == suite.training("multi easy 1")))
      training->recipe.program_options = "{}";
  const auto status = [&](std::size_t cell) { return cell_of(suite.tables(), 1, cell).status; };
  EXPECT_EQ(CellStatus::kNotApplicable, status(1));
  for (const char* trial : {"multi easy 0", "multi easy 1"})
    suite.record<EvaluationRecord>(suite.evaluation(trial)).metrics["psnr_gain_2"] = 1.5;
  EXPECT_EQ(CellStatus::kComplete, status(1));
  EXPECT_EQ(1.5, cell_of(suite.tables(), 1, 1).mean);
  EXPECT_EQ(CellStatus::kNotApplicable, status(3)) << "a method of ours that recovers none";
  suite.record<EvaluationRecord>(suite.evaluation("multi easy 0")).metrics.erase("rank1");
  EXPECT_EQ(CellStatus::kDamaged, status(0)) << "every row has it";
  suite.records.erase(suite.evaluation("multi easy 0"));
  EXPECT_EQ(CellStatus::kIncomplete, status(1));
}

TEST(Tables, a_row_without_a_metric_lacks_nothing) {
  Weighted suite;
  SuiteTables tables = suite.tables();
  for (std::size_t metric : {0U, 2U, 3U}) {
    const Cell& none = cell_of(tables, 0, metric);
    EXPECT_EQ(none.status, CellStatus::kNotApplicable);
    EXPECT_FALSE(none.mean || none.chance || none.values.at(0));
    EXPECT_EQ(none.trials, 2);
    EXPECT_EQ(cell_of(tables, 1, metric).status, CellStatus::kComplete);
  }
  EXPECT_EQ(cell_of(tables, 0, 1).status, CellStatus::kComplete);
  // As it is, not in per cent.
  EXPECT_DOUBLE_EQ(cell_of(tables, 1, 0).mean.value(), -0.625);
  EXPECT_EQ(cell_of(tables, 1, 0).values.at(1), -0.75);
  EXPECT_FALSE(cell_of(tables, 1, 0).chance);
  EXPECT_DOUBLE_EQ(cell_of(tables, 1, 2).mean.value(), 25);
  EXPECT_DOUBLE_EQ(cell_of(tables, 1, 3).mean.value(), 0.5625);
  // A row that compares by another distance has correlations and no share.
  Weighted equal;
  for (experiments::PlannedJob& job : equal.plan.jobs)
    if (auto* asked = std::get_if<experiments::EvaluationSpecification>(&job.specification))
      asked->protocol.distance = settings::DistanceName::kEqual;
  EXPECT_EQ(cell_of(equal.tables(), 1, 0).status, CellStatus::kComplete);
  EXPECT_EQ(cell_of(equal.tables(), 1, 2).status, CellStatus::kNotApplicable);
  // One that a row does have must be there.
  suite.record<EvaluationRecord>(suite.evaluation("multi easy 0")).metrics.erase("hr_share");
  EXPECT_EQ(cell_of(suite.tables(), 1, 2).status, CellStatus::kDamaged);
  // Trials that are not there yet are missing in every cell but those.
  Weighted some;
  some.records.erase(some.evaluation("baseline easy 1"));
  tables = some.tables();
  EXPECT_FALSE(tables.complete);
  EXPECT_EQ(cell_of(tables, 0, 0).status, CellStatus::kNotApplicable);
  EXPECT_EQ(cell_of(tables, 0, 1).status, CellStatus::kIncomplete);
}

TEST(Tables, are_written_once_and_stay_byte_for_byte) {
  auto& files = core::real_file_system();
  const tests::TemporaryFolder folder;
  SuiteTables tables = Suite().tables();
  write_tables(files, folder.path(), tables);
  EXPECT_THAT(files.list(folder.path()), testing::ElementsAre("all.csv", "all.md", "all.tex", "tables.json"));
  auto first = core::read_text(files, folder / "tables.json");
  auto written = std::filesystem::last_write_time(folder / "tables.json");
  write_tables(files, folder.path(), Suite().tables());
  EXPECT_EQ(core::read_text(files, folder / "tables.json"), first);
  EXPECT_EQ(std::filesystem::last_write_time(folder / "tables.json"), written);
}

}  // namespace
}  // namespace resolute::results::tables_test
