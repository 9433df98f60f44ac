#pragma once
//! \file
//! Lines of text and JSON of `suite submit` and `suite resume` on the jobs that SLURM has.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "allocations/submissions/standing.h"
#include "core/files/json.h"
#include "experiments/specification/plan.h"

namespace resolute::cli {

//! One line per batch that SLURM has: what was done to it, its job, where its log is, and a command to copy.
//! \param done "submitted", "already submitted" \param status_command `resolute suite status …`
std::vector<std::string> job_lines(const allocations::Standing& standing,
                                   const std::function<std::string(const allocations::BatchStanding&)>& done,
                                   const std::string& status_command);
//! {"submission", "jobs": [{"batch", "job", "name", "script", "log"}], "already"}, and "refused": {"batch", "why"}
core::Json jobs_json(const allocations::Standing& standing, bool already,
                     const std::optional<allocations::RefusedBatch>& refused = std::nullopt);

//! Says that every job has its result. \param verb "submit" \param submission its token, or null \return exit code 0
int report_complete(const char* verb, const core::Json& submission, const experiments::Plan& plan, bool json);

}  // namespace resolute::cli
