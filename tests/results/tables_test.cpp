//! From a made-up plan and records to tables, compared with the files in tests/golden/tables.

#include "results/tables.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>

#include "core/error.h"
#include "tests/results/made_up_suite.h"

namespace resolute::results {
namespace {

using testing::HasSubstr;

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
