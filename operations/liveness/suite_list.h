#pragma once
//! \file
//! Every suite of a store, without its file: how far it is and what it has cost, from journals, submissions' records
//! and SLURM's answer.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "operations/submissions/allocation_view.h"
#include "operations/submissions/stored_submission.h"
#include "operations/submissions/usage.h"
#include "orchestrator/messages/event.h"
#include "settings/choice.h"

namespace resolute::operations {

//! kRunning: a run is at work, or may be; kWaits: SLURM has a job of it that waits; kUnknown: SLURM could not be asked;
//! kInterrupted: it stopped, and only a person goes on with it; kNotBegun: no run ever knew its jobs.
enum class SuiteState {
  kRunning,
  kWaits,
  kHeld,
  kUnknown,
  kComplete,
  kIncomplete,
  kCancelled,
  kGivenUp,
  kInterrupted,
  kNotBegun
};
constexpr auto words_of(SuiteState) {
  return settings::words("running", "waits", "held", "unknown", "complete", "incomplete", "cancelled", "given-up",
                         "interrupted", "not-begun");
}

struct SuiteFacts {
  int all = 0, done = 0;
  int ended_badly = 0;                               //!< failed or cancelled
  bool live = false;                                 //!< a run is at work, or may be
  std::vector<AllocationView::State> allocations{};  //!< of submissions that have not ended
  bool cancelled = false;                            //!< by the last word of all
  bool given_up = false;                             //!< by the last start of a batch
};
//! Pure.
SuiteState state_of(const SuiteFacts& facts);

//! One of the plans that a suite was run or submitted with: other settings are other jobs.
struct ListedPlan {
  std::string file;                                     //!< "plan-3f9e5513fbc2e04f.json"
  std::optional<std::vector<std::string>> arguments{};  //!< as they were typed; nothing: it is not known
  int all = 0, done = 0, failed = 0;
  bool of_earlier_text = false;  //!< of the suite's file: a later plan was run with the same options
  bool operator==(const ListedPlan&) const = default;
};

//! Jobs that a run of the suite ever wanted count; a result that somebody has removed since still counts as
//! done, one that is damaged does not.
struct ListedSuite {
  std::string name;
  SuiteState state{};
  int all = 0, done = 0, failed = 0, running = 0;
  int cancelled = 0;  //!< because something that they need has failed, or the user gave them up
  Usage usage;
  std::optional<orchestrator::Instant> last_end{};  //!< of a start or a run
  std::string last_words{};                         //!< how that ended, for people
  std::vector<experiments::JobId> jobs{};           //!< in the order of their ids
  std::vector<experiments::JobId> seals{};          //!< of them, those that make a pack whole
  std::vector<ListedPlan> plans{};                  //!< the last run's last
  std::optional<std::string> damage{};  //!< its journals cannot be read: why; the rest is as if there were none
};

//! By name. \param ask SLURM for jobs of these names, once for all suites \param now wall-clock time
//! \throws RuntimeError of the store
std::vector<ListedSuite> list_suites(core::FileSystem& files, const experiments::StoreLayout& store,
                                     const std::function<SlurmAnswer(const NamesByCluster& names)>& ask,
                                     orchestrator::Instant now);

}  // namespace resolute::operations
