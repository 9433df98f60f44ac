#pragma once
//! \file
//! A folder for suites, and ways into the plans made from them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "experiments/suite.h"
#include "tests/support/folders.h"

namespace resolute::experiments {

inline const std::filesystem::path kSource = tests::source_folder() / "experiments";

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

//! A row of a table by its id, with these settings.
inline std::string row(const std::string& id, const std::string& settings) {
  return fmt::format("[[table.row]]\nid = \"{0}\"\nlabel = \"{0}\"\n{1}\n", id, settings);
}

//! Suites that begin with one head, whose last table "t" lacks its rows.
class MethodSuite : public Suite {
 protected:
  explicit MethodSuite(std::string head) : head_(std::move(head)) {}

  TrainingSpecification training(const std::string& settings) {
    return training_of(plan(head_ + row("r", settings)), "t", "r");
  }
  JobId training_id(const std::string& settings) { return job_id(training(settings)); }
  std::string refusal_of(const std::string& text) {
    try {
      plan(text);
    } catch (const core::RuntimeError& error) {
      EXPECT_EQ(core::ErrorKind::kInput, error.kind());
      std::string message = error.what();
      EXPECT_EQ(std::string::npos, message.find('\n')) << message;
      const auto at = message.find("s.toml");
      return at == std::string::npos ? message : message.substr(at);
    }
    return "";
  }
  //! Of a suite with one row; "" where it is accepted.
  std::string refusal(const std::string& settings) { return refusal_of(head_ + row("r", settings)); }

 private:
  std::string head_;
};

}  // namespace resolute::experiments
