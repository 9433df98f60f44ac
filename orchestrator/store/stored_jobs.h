#pragma once
//! \file
//! The state of many jobs in a store, found out with few calls. A look at each job's result takes as many calls as
//! there are jobs, which a distant file system answers in a millisecond or more each; a listing tells of hundreds of
//! folders in one.

#include <functional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "orchestrator/journal/epoch.h"

namespace resolute::orchestrator {

struct StoredJob {
  bool folder = false;  //!< it may have attempts; false: it has neither folder nor result
  bool result = false;
  std::string numeric_class{};  //!< experiments::SeenRecord's
};

//! The state of each job, by position. Lists the folders in which several of the jobs would lie and looks into those
//! that are there, calls to the store side by side (threads that are gone when it returns). A folder that another
//! machine made within the last seconds may not be in a listing yet (NFS: acdirmax): before anything is started
//! has_result() has the last word.
//! \param check asked from any thread: what is damaged is no result \param known_done asked from any thread: its result
//! has been seen, and stands if the job's folder does; empty: none
//! \throws RuntimeError of the store; what is foreign in a job's place is no result, as with has_result()
std::vector<StoredJob> look_at_jobs(core::FileSystem& files, const experiments::StoreLayout& store,
                                    const std::vector<experiments::PlannedJob>& jobs, const RecordCheck& check = {},
                                    const std::function<bool(const experiments::JobId&)>& known_done = {});

std::vector<StoredJob> look_at_jobs(core::FileSystem& files, const experiments::StoreLayout& store,
                                    const std::vector<experiments::JobId>& jobs);

//! StoredJob::numeric_class of each.
std::vector<std::string> classes_of(const std::vector<StoredJob>& stored);

//! Every job of the plan has its result in the store, each looked for.
bool all_results_there(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan,
                       const RecordCheck& check = {});

//! Calls look_at_jobs(), and counts the attempts of the jobs without a result. An evaluation that has been tried and
//! has no result may have failed for its training's weights: these are checked too.
std::vector<FoundJob> find_jobs(core::FileSystem& files, const experiments::StoreLayout& store,
                                const std::vector<experiments::PlannedJob>& jobs, const RecordChecks& checks = {});

}  // namespace resolute::orchestrator
