#pragma once
//! \file
//! A suite's allocations in `suite status`, as lines of text and as JSON. Pure.

#include <string>
#include <vector>

#include "core/files/json.h"
#include "operations/submissions/allocation_view.h"

namespace resolute::cli {

//! One line each, and one more for SLURM's trouble; nothing without submissions.
std::vector<std::string> allocation_lines(const std::vector<operations::AllocationView>& views,
                                          const operations::SlurmAnswer& answer, slurm::Time now);
//! [{"submission", "batch", "allocation", "job", "state", "slurm_state", "reason", "exit_code" (null: not
//! known, or it did not fail), "nodes", "node_list", "begin", "end", "starts", "last_end", "wanted", "log" (null: none
//! tells more), "log_end" (null: as "log", or it cannot be read), "advice"}]; times as
//! "2026-01-31T12:00:00Z" or null.
core::Json allocations_json(const std::vector<operations::AllocationView>& views);

}  // namespace resolute::cli
