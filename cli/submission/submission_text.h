#pragma once
//! \file
//! Lines of text and JSON of `suite submit` and `suite resume` on the jobs that SLURM has.

#include <functional>
#include <optional>
#include <string>

#include "core/files/json.h"
#include "experiments/specification/plan.h"
#include "operations/submissions/standing.h"

namespace resolute::cli {

//! Prints SLURM's jobs of a submission. As text: one line per batch, with what was done to it, its job, its log and a
//! command to copy. As JSON, unless SLURM has refused all: {"submission", "jobs": [{"batch", "job", "name", "script",
//! "log"}], "already"}, and "refused": {"batch", "why"}. \param already SLURM had them before this command
//! \param done "submitted", "already submitted" \param status_command `resolute suite status …`
void print_jobs(const operations::Standing& standing, bool json, bool already,
                const std::optional<operations::RefusedBatch>& refused,
                const std::function<std::string(const operations::BatchStanding&)>& done,
                const std::string& status_command);

//! Says that every job has its result. \param verb "submit" \param submission its token, or null \return exit code 0
int report_complete(const char* verb, const core::Json& submission, const experiments::Plan& plan, bool json);

}  // namespace resolute::cli
