#pragma once
//! \file
//! What `suite cancel` and `suite drain` share: a wish of the user on its way to the run that is at work.

#include <cstdint>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "experiments/plan.h"
#include "experiments/store_layout.h"
#include "orchestrator/requests.h"

namespace resolute::cli {

//! \return the run that is at work, as requests name it \throws RuntimeError (kInput) if there is none
std::int64_t require_live_run(core::FileSystem& files, const experiments::StoreLayout& store,
                              const experiments::Plan& plan);

//! Writes the requests and waits until the run has taken them.
//! \return false if they still lie there after 15 s: the run is busy, or stands still
bool ask(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan,
         std::int64_t run, const std::vector<orchestrator::Request>& requests);

//! Says on stdout how it went. \return the command's exit code
int report_asked(bool taken, const std::string& what, bool json);

}  // namespace resolute::cli
