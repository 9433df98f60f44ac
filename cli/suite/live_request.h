#pragma once
//! \file
//! Shared by `suite cancel` and `suite drain`: a wish of the user on its way to the runs that are at work.

#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "operations/look/status.h"
#include "orchestrator/store/requests.h"

namespace resolute::cli {

//! The runs that are at work (run_signs.h), one per allocation.
std::vector<operations::SuiteRun> live_runs(core::FileSystem& files, const experiments::StoreLayout& store,
                                            const experiments::Plan& plan);
//! The same. \throws RuntimeError (kInput) if there is none
std::vector<operations::SuiteRun> require_live_runs(core::FileSystem& files, const experiments::StoreLayout& store,
                                                    const experiments::Plan& plan);

//! Writes the requests to each run and waits until all have taken them.
//! \return false if some still lie there after 15 s: a run is busy, or stands still
bool ask(core::FileSystem& files, const experiments::StoreLayout& store, const std::vector<operations::SuiteRun>& runs,
         const std::vector<orchestrator::Request>& requests);

//! Says on stdout how it went. \return the command's exit code
int report_asked(bool taken, const std::string& what, bool json);

}  // namespace resolute::cli
