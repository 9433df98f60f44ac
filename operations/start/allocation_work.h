#pragma once
//! \file
//! The work of one allocation, and its outcome by the store: exit codes of SLURM and of the launcher do not tell it.

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "orchestrator/messages/event.h"
#include "slurm/allocation.h"
#include "slurm/submission.h"

namespace resolute::operations {

//! Set in the environment of an allocation's run: the submission's folder.
inline constexpr const char* kSubmissionVariable = "RESOLUTE_SUBMISSION";

//! Exit code of `suite run`: interrupted; in an allocation also: the store failed.
inline constexpr int kToBeRunAgain = 75;

struct AllocationWork {
  experiments::StoreLayout store;
  experiments::Plan suite;
  std::filesystem::path run_folder;    //!< with the journals of its runs
  std::vector<std::string> suite_run;  //!< what each node runs, with a container's command before it
};
//! Plans a suite by the arguments of `resolute suite plan`, SUITE.toml first; raw images need not be there.
using PlanOf = std::function<experiments::Plan(const std::vector<std::string>& arguments)>;
//! \throws RuntimeError: kInput if the suite cannot be
AllocationWork read_work(const slurm::SubmissionFolder& folder, const slurm::SubmissionRequest& request,
                         const slurm::Batch& batch, const PlanOf& plan_of);

//! The store's account when a launcher has ended. A journal that cannot be read gives a warning, and the steps are not
//! known then.
struct Outcome {
  slurm::Achieved achieved;
  bool complete = false;
  //! Every result is there, and yet a search waits: none of its points has a score, or the plan is older than they are.
  bool stuck = false;
  //! The end of the last run there; nothing where it tells of an earlier plan than the work's (a search plans again).
  std::optional<orchestrator::RunEnd> end{};
  std::string reason;          //!< why it stopped, by its journal; empty: nobody asked it to
  bool asked_to_stop = false;  //!< it ended because `suite cancel` wanted it
  bool store_failed = false;   //!< it gave jobs up for a full store
};
//! \param ended_here the last run has just ended, seconds are left, and a distant store answers in milliseconds: where
//! its journal has jobs left, nobody else's results are looked for
Outcome read_outcome(core::FileSystem& files, const AllocationWork& work, bool ended_here = false);

}  // namespace resolute::operations
