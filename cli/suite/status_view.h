#pragma once
//! \file
//! The contents of `resolute suite status`, as lines of text and as JSON. Pure: the same view gives the same lines.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "operations/liveness/run_signs.h"
#include "orchestrator/store/live.h"

namespace resolute::cli {

//! The standard error of a failed job.
struct FailureLog {
  std::string path;
  std::vector<std::string> end{};  //!< its last lines, of one that is shown
};
//! One look at a suite.
struct StatusView : operations::SuiteView {
  std::string suite{};
  std::optional<orchestrator::LiveStatus> live{};         //!< nothing: no run has written one
  std::map<experiments::JobId, std::string> labels{};     //!< of what runs
  std::vector<operations::AllocationView> allocations{};  //!< of its submissions
  operations::SlurmAnswer slurm{};
  std::map<experiments::JobId, FailureLog> logs{};  //!< of failed jobs: the last attempt's
  std::string store{};                              //!< as it was typed, for commands to copy
  std::optional<std::string> untold{};              //!< a notice of its end that may not have arrived (notice.h)
  std::optional<std::uint64_t> room{};  //!< bytes that the store's disk has left for this user; nothing: not known
  std::size_t mixed_rows = 0;           //!< where no run is at work: results::mixed_rows()
  bool waits = false;                   //!< a search has no winner yet: the plan may grow
  bool suite_changed = false;           //!< what was submitted is another text than the plan's
};
//! The commands, to be copied, that print what a failed job wrote and what befell it. `store` is shown as it is given.
std::string where_a_job_tells(const experiments::JobId& job, const std::string& store);
//! Every job has its result, and none is to come.
bool is_complete(const StatusView& view);
//! A run is at work, or an allocation may yet begin one.
bool is_alive(const StatusView& view);

struct Screen {
  int columns = 0;  //!< longer lines are cut; 0: none is
  int rows = 0;     //!< sections are shortened, the longest first, and say by how much; 0: all is shown
  bool colour = false;
};

//! Control characters of labels and evidence are shown as '?': they come from other programs.
std::vector<std::string> status_lines(const StatusView& view, const Screen& screen);

//! {"suite", "suite_changed", "mixed_rows", "jobs", "live", "failures", "allocations" (allocation_text.h), "slurm"
//! (null, or why it did not answer), "untold" (null, or which notice of its end may not have arrived)} and, while a run
//! is at work, "epoch", "seconds_left" (null: unknown), "age_seconds", "store" (null, or why nothing is started),
//! "running", "retried" and "agents", as in live.json (docs/inside/formats/live.md).
core::Json status_json(const StatusView& view);

//! The parts of a view whose change is worth a new block where nothing can be redrawn: all but steps and times.
std::string essence(const StatusView& view);

//! 42 → "42 s", 200 → "3 min 20 s", 7500 → "2 h 05 min", 270000 → "3 d 03 h"; below 0: "".
std::string duration_text(double seconds);

}  // namespace resolute::cli
