#pragma once
//! \file
//! Tells which runs are at work. A run on a lost machine never wrote its end: by the store alone it would be at work
//! for ever. SLURM knows better when its job is over.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "operations/look/status.h"
#include "operations/submissions/allocation_view.h"
#include "orchestrator/store/live.h"

namespace resolute::operations {

//! A run without a sign for so long is silent; it gives one every two seconds.
inline constexpr std::chrono::seconds kSilence{30};

//! Signs of life in a run's folder.
struct RunSign {
  bool local = false;                                  //!< its process is there, on this machine
  std::optional<std::chrono::milliseconds> silence{};  //!< since its last live.json, by two clocks; nothing: has none
  int running = 0;                                     //!< attempts that live.json names
  std::vector<orchestrator::LiveGpu> gpus{};           //!< of these, by what they last said
  std::string mark;                                    //!< changes while it lives
};
//! The same for a run whose allocation SLURM has ended: no process of it is left.
inline constexpr std::chrono::seconds kSilenceOfEnded{6};
//! No process of it is here, and it has given no sign for so long.
bool is_silent(const RunSign& sign, std::chrono::seconds limit = kSilence);
//! By run name; of the runs that may be at work.
using RunSigns = std::map<std::string, RunSign>;
RunSigns read_signs(core::FileSystem& files, const experiments::StoreLayout& store, const SuiteStatus& status,
                    orchestrator::Instant now);

//! How far a suite is: what its runs have made of its jobs, and what shows that they are at work.
struct SuiteView {
  orchestrator::Instant now{};  //!< when it was looked at
  SuiteStatus status{};
  RunSigns signs{};
};
//! From the store alone.
SuiteView look_at_suite(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan);
//! True if no run gives a sign of life, or there is none.
bool all_silent(const SuiteView& view, std::chrono::seconds limit = kSilence);

//! Takes a silent run for ended if its allocation was submitted and SLURM has no job of it at work any more. Pure.
void correct(SuiteStatus& status, const std::vector<StoredSubmission>& submissions, const SlurmAnswer& answer,
             const RunSigns& signs);
//! Adds advice to jobs at work whose run has given no sign for minutes. Pure. \param suite its name
void advise_on_silence(std::vector<AllocationView>& views, const std::string& suite, const RunSigns& signs,
                       slurm::Time now);

//! look_at_suite()'s, corrected. SLURM is asked once, only where a run is silent that was submitted.
SuiteStatus read_corrected_status(core::FileSystem& files, const experiments::StoreLayout& store,
                                  const experiments::Plan& plan);

}  // namespace resolute::operations
