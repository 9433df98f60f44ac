#pragma once
//! \file
//! How far a suite is, told from its store alone. `resolute suite status` calls it.

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "orchestrator/coordinator/run_options.h"
#include "orchestrator/decisions/state.h"

namespace resolute::operations {

//! How a job stands; kReady: what it needs is there, and nobody works at it.
enum class JobStanding { kSucceeded, kRunning, kReady, kWaiting, kFailed, kCancelled };
orchestrator::Counts counts_of(const std::vector<JobStanding>& standings);

//! The last run of one allocation.
struct SuiteRun {
  std::string name;           //!< experiments::run_name(): its folder
  std::int64_t epoch = 0;     //!< in which it began, as requests name it
  bool live = false;          //!< known to be at work (same host) or may be (another host)
  std::size_t jobs = 0;       //!< that it has in its plan: fewer than the suite's with --only
  bool is_cancelled = false;  //!< somebody has asked it to end (is_cancelled_by_somebody())
};
struct SuiteStatus {
  orchestrator::Counts jobs;
  std::vector<JobStanding> standings{};  //!< by position in Plan::jobs
  std::vector<std::string> classes{};    //!< beside them: the numeric class of each result that was read, or empty
  bool live = false;                     //!< one of the runs is
  std::vector<SuiteRun> runs;            //!< one per allocation that ever ran, by its number
  std::vector<orchestrator::Failure> failures;
};
//! From the store alone. A job has succeeded if its result is there. While a run is at work, which has looked at its
//! begin, the folder is enough of those that a journal has seen succeed (look_at_jobs()).
//! The others are as the journals of all allocations say. A job that runs counts as running only while its run may be
//! alive; one that failed in one allocation and may still succeed in another has not failed. \param over names of runs
//! that are known to be over, whatever their folders say
SuiteStatus read_status(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan,
                        const orchestrator::RecordCheck& check = {}, const std::set<std::string>& over = {});

}  // namespace resolute::operations
