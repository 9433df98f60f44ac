#pragma once
//! \file
//! A folder for suites, and ways into the plans made from them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "experiments/suite.h"

namespace resolute::experiments {

inline const std::filesystem::path kSource = std::filesystem::path(RESOLUTE_SOURCE_DIR) / "experiments";

class Suite : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() /
        fmt::format("resolute-suite-{}-{}", ::getpid(), testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    options_.store = folder_ / "store";
    options_.reference_file = kSource / "reference" / "papers.toml";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Plan plan(const std::string& text) {
    core::write_atomic(core::real_file_system(), folder_ / "s.toml", text);
    return read_suite(core::real_file_system(), folder_ / "s.toml", options_);
  }
  Plan shipped(const std::string& name) {
    return read_suite(core::real_file_system(), kSource / "suites" / name, options_);
  }

  std::filesystem::path folder_;
  SuiteOptions options_;
};

template <class Kind>
std::vector<Kind> jobs_of(const Plan& plan) {
  std::vector<Kind> found;
  for (const PlannedJob& job : plan.jobs)
    if (const auto* one = std::get_if<Kind>(&job.specification)) found.push_back(*one);
  return found;
}

inline const RowPlan& row_of(const Plan& plan, const std::string& table, const std::string& row) {
  for (const TablePlan& one : plan.tables)
    for (const RowPlan& candidate : one.rows)
      if (one.id == table && candidate.id == row) return candidate;
  throw std::out_of_range(table + " " + row);
}

inline const TrainingSpecification& training_of(const Plan& plan, const std::string& table, const std::string& row) {
  const JobId evaluation = row_of(plan, table, row).cells.at(0).evaluations.at(0);
  auto find = [&](const JobId& id) -> const PlannedJob& {
    return *std::find_if(plan.jobs.begin(), plan.jobs.end(), [&](const PlannedJob& job) { return job.id == id; });
  };
  const auto& specification = std::get<EvaluationSpecification>(find(evaluation).specification);
  return std::get<TrainingSpecification>(find(specification.training).specification);
}

inline void check_sound(const Plan& plan) {
  std::set<JobId> before;
  for (const PlannedJob& job : plan.jobs) {
    EXPECT_EQ(job_id(job.specification), job.id);
    EXPECT_NO_THROW(validate(job.specification, "plan"));
    for (const JobId& needed : job.after) EXPECT_TRUE(before.contains(needed)) << job.label;
    EXPECT_TRUE(before.insert(job.id).second) << job.label << " stands twice";
  }
  for (const TablePlan& table : plan.tables)
    for (const RowPlan& row : table.rows) {
      ASSERT_EQ(table.datasets.size(), row.cells.size());
      for (const CellPlan& cell : row.cells)
        for (const JobId& id : cell.evaluations) EXPECT_TRUE(before.contains(id));
    }
}

}  // namespace resolute::experiments
