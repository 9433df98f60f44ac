//! From a made-up plan and records to tables, compared with the files in tests/golden/tables.
//! RESOLUTE_WRITE_GOLDEN=1 rewrites those.

#include "results/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>

#include "core/error.h"
#include "core/sha256.h"
#include "results/table_csv.h"
#include "results/table_json.h"
#include "results/table_markdown.h"

namespace resolute::results {
namespace {

using experiments::CellPlan;
using experiments::Plan;
using testing::HasSubstr;

JobId id(const std::string& text) { return {core::sha256_hex(text)}; }

//! Two rows on two data sets with two trials, all there unless a test takes something away.
struct Suite {
  Plan plan;
  std::map<JobId, Record> records;

  Suite() {
    plan.suite = "demo";
    plan.title = "Demonstration | with a bar";
    plan.notes = {"from scratch, small backbone", "synthetic images"};
    experiments::TablePlan table{"levels", "Adversarial levels", {"rank1", "mAP"}, {"easy", "hard"}, {}};
    for (const char* row : {"baseline", "multi"}) {
      experiments::RowPlan row_plan{row, row == std::string("multi") ? "RAIN, \"multi\"" : "Baseline | HR", {}};
      for (const auto& dataset : table.datasets) row_plan.cells.push_back(cell(row, dataset));
      table.rows.push_back(row_plan);
    }
    plan.tables.push_back(table);
  }

  CellPlan cell(const std::string& row, const std::string& dataset) {
    CellPlan cell{dataset, {}, {}};
    if (row == "multi" && dataset == "easy") cell.references = {{"rank1", 78.9}};
    experiments::PackSettings pack;
    pack.name = dataset;
    JobId seal = id("seal " + dataset);
    records[seal] = SealRecord{seal, core::sha256_hex("pack " + dataset), 64};
    plan.jobs.push_back({seal, experiments::SealSpecification{pack}, {}, 1, ""});
    for (int trial = 0; trial < 2; ++trial) add_trial(cell, row, pack, trial);
    return cell;
  }

  void add_trial(CellPlan& cell, const std::string& row, const experiments::PackSettings& pack, int trial) {
    std::string name = row + " " + pack.name + " " + std::to_string(trial);
    JobId training = id("training " + name);
    JobId evaluation = id("evaluation " + name);
    experiments::TrainingSpecification specification;
    specification.pack = pack;
    specification.lanes = 2;
    plan.jobs.push_back({training, specification, {}, 2, ""});
    plan.jobs.push_back({evaluation, experiments::EvaluationSpecification{training, pack, {}, {}}, {training}, 1, ""});
    cell.evaluations.push_back(evaluation);
    std::string pack_hash = core::sha256_hex("pack " + pack.name);
    std::string split = core::sha256_hex("split " + pack.name + std::to_string(trial));
    std::string weights = core::sha256_hex("weights " + name);
    records[training] = TrainingRecord{
        training, "weights.safetensors", weights, {{"loss", 1.5}}, {pack_hash, split, "class a", 2, true}};
    double base = row == "multi" ? 0.5 : 0.25;
    records[evaluation] = EvaluationRecord{evaluation,
                                           weights,
                                           core::sha256_hex("features " + name),
                                           {{"rank1", base + 0.0625 * trial},
                                            {"rank5", 0.75},
                                            {"rank10", 0.875},
                                            {"rank20", 1.0},
                                            {"mAP", base / 2},
                                            {"chance_rank1", 0.03125},
                                            {"chance_mAP", 0.125}},
                                           {pack_hash, split, "class a", training}};
  }

  JobId evaluation(const std::string& name) const { return id("evaluation " + name); }
  JobId training(const std::string& name) const { return id("training " + name); }
  template <class Kind>
  Kind& record(const JobId& job) {
    return std::get<Kind>(records.at(job));
  }
  SuiteTables tables() const {
    return aggregate(plan, [&](const JobId& job) {
      auto found = records.find(job);
      return found == records.end() ? std::nullopt : std::optional(found->second);
    });
  }
};

//! Row 0 is the baseline, 1 multi; cells: easy rank1, easy mAP, hard rank1, hard mAP.
const Cell& cell_of(const SuiteTables& tables, std::size_t row, std::size_t cell) {
  return tables.tables.at(0).rows.at(row).cells.at(cell);
}

void expect_golden(const std::string& name, const std::string& text) {
  std::filesystem::path path = std::filesystem::path(RESOLUTE_SOURCE_DIR) / "tests/golden/tables" / name;
  auto& files = core::real_file_system();
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr) core::write_atomic(files, path, std::string_view(text));
  EXPECT_EQ(core::read_text(files, path), text) << name;
}

TEST(Tables, a_complete_suite_prints_as_golden) {
  SuiteTables tables = Suite().tables();
  EXPECT_TRUE(tables.complete);
  expect_golden("complete.md", to_markdown(tables));
  expect_golden("complete.csv", to_csv(tables));
  expect_golden("complete.json", core::canonical_json(to_json(tables)) + "\n");
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
  expect_golden("incomplete.md", to_markdown(tables));
  expect_golden("incomplete.csv", to_csv(tables));
  expect_golden("incomplete.json", core::canonical_json(to_json(tables)) + "\n");
}

TEST(Tables, a_cell_is_mean_and_sample_deviation_in_per_cent) {
  SuiteTables tables = Suite().tables();
  const Cell& cell = cell_of(tables, 1, 0);
  EXPECT_EQ(cell.status, CellStatus::kComplete);
  EXPECT_DOUBLE_EQ(cell.mean.value(), 53.125);
  EXPECT_DOUBLE_EQ(cell.std.value(), 6.25 / std::sqrt(2.0));
  EXPECT_EQ(cell.reference, 78.9);
  EXPECT_DOUBLE_EQ(cell.chance.value(), 3.125);
  EXPECT_EQ(cell.jobs.size(), 4U);
  EXPECT_DOUBLE_EQ(cell_of(tables, 1, 1).chance.value(), 12.5);
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
    EXPECT_FALSE(cell_of(tables, 1, 0).mean);
    EXPECT_EQ(cell_of(tables, 0, 0).status, CellStatus::kComplete);
    return cell_of(tables, 1, 0).status;
  };
  std::string other = core::sha256_hex("other");
  EXPECT_EQ(status([&](Suite& suite) {
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
}

TEST(Tables, packs_that_disagree_without_a_seal_are_mixed) {
  Suite suite;
  suite.records.erase(id("seal easy"));
  suite.record<EvaluationRecord>(suite.evaluation("multi easy 0")).provenance.pack_sha256 = core::sha256_hex("other");
  EXPECT_EQ(cell_of(suite.tables(), 1, 0).status, CellStatus::kMixed);
}

TEST(Tables, a_record_of_another_kind_or_without_the_metric_is_refused) {
  Suite suite;
  JobId job = suite.evaluation("multi easy 0");
  suite.record<EvaluationRecord>(job).metrics.erase("mAP");
  EXPECT_THROW(suite.tables(), core::RuntimeError);
  suite.records[job] = SealRecord{job, core::sha256_hex("pack"), 1};
  EXPECT_THROW(suite.tables(), core::RuntimeError);
}

TEST(Tables, are_written_once_and_stay_byte_for_byte) {
  auto& files = core::real_file_system();
  auto folder = std::filesystem::temp_directory_path() / ("resolute-tables-" + std::to_string(getpid()));
  SuiteTables tables = Suite().tables();
  write_tables(files, folder, tables);
  EXPECT_THAT(files.list(folder), testing::ElementsAre("all.csv", "all.md", "tables.json"));
  auto first = core::read_text(files, folder / "tables.json");
  auto written = std::filesystem::last_write_time(folder / "tables.json");
  write_tables(files, folder, Suite().tables());
  EXPECT_EQ(core::read_text(files, folder / "tables.json"), first);
  EXPECT_EQ(std::filesystem::last_write_time(folder / "tables.json"), written);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace resolute::results
