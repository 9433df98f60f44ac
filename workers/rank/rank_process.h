#pragma once
//! \file
//! How the process of a rank begins and how it ends (docs/inside/worker.md, "How it ends"), whichever program it is.

#include <functional>

#include "workers/rank/job_options.h"

namespace resolute::workers {

//! Names the rank in the lines of the log, and turns SIGTERM and SIGUSR1 into a wish to stop (stop_flag.h). Call before
//! the job reads or computes anything.
void begin_rank(const JobOptions& options);

//! Runs the rank; of what it throws the last line on stderr is `resolute-worker: PROBLEM (WHY); SUGGESTION`, which the
//! coordinator shows as the evidence of a failure. \return the exit code
int run_to_last_line(const std::function<void()>& run);

}  // namespace resolute::workers
