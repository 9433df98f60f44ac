#pragma once
//! \file
//! The document of a suite's report (docs/formats/report.md), made from its store.

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/report/figure.h"
#include "core/files/json.h"
#include "experiments/specification/plan.h"
#include "results/exports/relations.h"
#include "results/scores/bootstrap.h"

namespace resolute::cli {

//! After which a run of another machine, which says something every two seconds, may have been lost.
inline constexpr std::chrono::seconds kReportSilence{20};

//! What a report that is made again and again does once.
struct ReportMemory {
  //! Maps of features by evaluation and label: they cost a second each and stay as they are.
  std::map<std::pair<experiments::JobId, std::string>, std::vector<Figure>> maps;
  //! Of the means over these jobs in these metrics: tens of thousands of resamples each.
  std::map<std::pair<std::vector<experiments::JobId>, std::vector<std::string>>,
           std::vector<std::optional<results::BootstrapInterval>>>
      intervals;
  std::set<std::string> warned;  //!< what was said of logs that are damaged
};

struct ReportOptions {
  bool with_hosts = false;                     //!< hosts by name, and messages as they were
  const experiments::Plan* against = nullptr;  //!< another suite of the store to compare with; null: none
  ReportMemory* memory = nullptr;              //!< of the reports before; null: there are none
};

struct SuiteReport {
  core::Json document;  //!< all of it, its figures too
  std::vector<Figure> figures;
};

//! Depends on the plan and on the store's files alone. What is not there yet has no numbers. \param source.files
//! BundledFiles where `resolute suite compact` may have packed logs \param progress called with jobs looked at; may be
//! empty \throws core::RuntimeError as aggregate() and provenance_of(), and kCorrupt where an output is not the file
//! that its job's result names
SuiteReport suite_report(const results::ResultsSource& source, const ReportOptions& options,
                         const std::function<void(std::size_t done)>& progress = {});

}  // namespace resolute::cli
