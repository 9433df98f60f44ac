#pragma once
//! \file
//! The document of a suite's report (docs/inside/formats/report.md), made from its store.

#include <chrono>
#include <cstddef>
#include <functional>

#include "core/files/json.h"
#include "experiments/specification/plan.h"
#include "report/document/evaluation_reader.h"
#include "results/exports/relations.h"

namespace resolute::report {

//! A run of another machine that has been silent for this long may be lost; a run writes every two seconds.
inline constexpr std::chrono::seconds kReportSilence{20};

struct ReportOptions {
  bool with_hosts = false;                     //!< name hosts, and show messages unchanged
  const experiments::Plan* against = nullptr;  //!< another suite of the store to compare with; null: none
  ReportMemory* memory = nullptr;              //!< memory of earlier reports; null: none
};

//! Makes the document from the plan and the store's files alone. Missing results have no numbers.
//! \param source its `files` are BundledFiles if `resolute suite compact` may have packed logs
//! \param progress called with the number of jobs read so far; may be empty
//! \throws core::RuntimeError as aggregate() and provenance_of(), and kCorrupt where an output is not
//! the file that its job's result names
core::Json suite_report(const results::ResultsSource& source, const ReportOptions& options,
                        const std::function<void(std::size_t done)>& progress = {});

}  // namespace resolute::report
