#pragma once
//! \file
//! Which runs are at work for sure. A run of another machine that was lost never wrote its end: the store alone would
//! have it at work for ever. SLURM knows better where its job is over.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "allocations/submissions/allocation_view.h"
#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "orchestrator/look/status.h"

namespace resolute::allocations {

//! After which a run is silent; it says something every two seconds.
inline constexpr std::chrono::seconds kSilence{30};

//! What a run's folder shows of its life.
struct RunSign {
  bool here = false;                                   //!< its process is there, on this machine
  std::optional<std::chrono::milliseconds> silence{};  //!< since its last live.json, by two clocks; nothing: has none
  int running = 0;                                     //!< attempts that live.json names
  std::string mark;                                    //!< changes while it lives
};
//! The same of one whose allocation SLURM has ended: of its processes none is left.
inline constexpr std::chrono::seconds kSilenceOfEnded{6};
//! Neither here nor heard of for so long.
bool is_silent(const RunSign& sign, std::chrono::seconds limit = kSilence);
//! By run name; of the runs that may be at work.
using RunSigns = std::map<std::string, RunSign>;
RunSigns read_signs(core::FileSystem& files, const experiments::StoreLayout& store,
                    const orchestrator::SuiteStatus& status, orchestrator::Instant now);

//! How far a suite is: what its runs have made of its jobs, and what shows that they are at work.
struct SuiteView {
  orchestrator::Instant now{};  //!< when it was looked at
  orchestrator::SuiteStatus status{};
  RunSigns signs{};
};
//! From the store alone.
SuiteView look_at_suite(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan);
//! Each run that may be at work is, or there is none.
bool all_silent(const SuiteView& view, std::chrono::seconds limit = kSilence);

//! Takes silent runs for ended whose allocation was submitted and has no job at work in SLURM any more. Pure.
void correct(orchestrator::SuiteStatus& status, const std::vector<StoredSubmission>& submissions,
             const SlurmAnswer& answer, const RunSigns& signs);
//! What to do about jobs at work whose run has said nothing for minutes. Pure. \param suite its name
void advise_on_silence(std::vector<AllocationView>& views, const std::string& suite, const RunSigns& signs,
                       slurm::Time now);

//! look_at_suite()'s, corrected. SLURM is asked once, only where a run is silent that was submitted.
orchestrator::SuiteStatus read_corrected_status(core::FileSystem& files, const experiments::StoreLayout& store,
                                                const experiments::Plan& plan);

}  // namespace resolute::allocations
