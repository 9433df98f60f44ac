#pragma once
//! \file
//! A script request that the tests of the script change.

#include "slurm/sbatch_script.h"

namespace resolute::slurm {

inline ScriptRequest plain_request() {
  ScriptRequest request;
  request.job_name = "resolute-tiny-0123456789ab-1";
  request.comment = "resolute: Every kind of job, small";
  request.resources.nodes = 3;
  request.no_kill = true;
  request.working_folder = "/home/user/suites";
  request.output = "/shared/store/suites/tiny/submissions/0123456789ab/batch-001/log";
  request.command = {"/opt/resolute/bin/resolute",
                     "suite",
                     "allocation",
                     "--submission",
                     "/shared/store/suites/tiny/submissions/0123456789ab",
                     "--batch",
                     "1",
                     "--generation",
                     "0"};
  return request;
}

}  // namespace resolute::slurm
