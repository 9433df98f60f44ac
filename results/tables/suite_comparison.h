#pragma once
//! \file
//! Two suites beside one another: which settings of their common rows differ, and by what the numbers do.

#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "results/tables/aggregation.h"
#include "results/tables/setting_differences.h"

namespace resolute::results {

//! A row that both suites have: same table, row and data set by id.
struct CommonRow {
  std::string table, row, dataset;
  auto operator<=>(const CommonRow&) const = default;
};

struct SettingDifference : DifferentSetting {
  std::vector<CommonRow> rows;
};

struct ComparedNumber {
  CommonRow at;
  std::string label;  //!< the first suite's
  std::string metric;
  Cell first, second;  //!< the second's difference is from the first
  bool same_jobs = false;
  experiments::Images images = experiments::Images::kReal;  //!< of one of them where they differ
};

struct SuiteComparison {
  std::vector<SettingDifference> settings;  //!< by key, then values
  std::vector<ComparedNumber> numbers;      //!< in the order of the first suite's tables
  std::size_t comparisons = 0;              //!< numbers with a difference of other jobs: what p_holm is for
  std::vector<CommonRow> only_first, only_second;
};

//! Queries are paired as in a table with compare_with (comparison.h). \throws core::RuntimeError as aggregate()
SuiteComparison compare_suites(const experiments::Plan& first, const experiments::Plan& second, core::FileSystem& files,
                               const experiments::StoreLayout& store);
//! The same with records from anywhere.
SuiteComparison compare_suites(const experiments::Plan& first, const experiments::Plan& second,
                               const RecordLookup& lookup, const QueryScoresLookup& query_scores);

//! Markdown: settings, numbers with their differences and intervals, rows that one of them lacks.
//! \param first_name, second_name what the suites are called in it
std::string to_markdown(const SuiteComparison& comparison, const std::string& first_name,
                        const std::string& second_name);
//! The same: "settings" and "numbers" (each with "first" and "second", "same_jobs", and json_difference(), or
//! "difference_why" where queries could be paired otherwise), "only_first", "only_second", "comparisons". A metric that
//! queries do not have one by one has neither.
core::Json to_json(const SuiteComparison& comparison);

}  // namespace resolute::results
