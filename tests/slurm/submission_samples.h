#pragma once
//! \file
//! A submission to be submitted by tests.

#include "slurm/submission.h"

namespace resolute::tests {

inline slurm::Batch sample_batch(int number, const std::string& token = "0123456789ab") {
  slurm::Batch batch;
  batch.number = number;
  batch.job_name = fmt::format("resolute-tiny-{}-{}", token, number);
  batch.first_allocation = number;
  return batch;
}

inline slurm::SubmissionRequest sample_request(const std::string& token = "0123456789ab") {
  slurm::SubmissionRequest request;
  request.token = token;
  request.suite = "tiny";
  request.title = "Two rows, \"ä\"";
  request.created = slurm::Time(std::chrono::seconds(1'769'860'800));
  request.by = "kim@login1";
  request.store = "/scratch/kim/store";
  request.resolute = "/opt/resolute/bin/resolute";
  request.relative_to = "/home/kim/suites";
  request.plan_arguments = {"--profile", "quick", "--set", "seeds=[1, 2]"};
  request.run_arguments = {"--bind", "none"};
  request.slots = 4;
  request.container.command = {"apptainer", "exec", "--nv", "/images/resolute.sif"};
  request.container.program = "/usr/bin/resolute";
  request.launcher = "srun";
  request.continuation = slurm::Continuation::kChain;
  request.resources.nodes = 3;
  request.resources.gpus_per_node = 2;
  request.resources.gpu_type = "a100";
  request.resources.time = std::chrono::hours(2);
  request.resources.partition = "main";
  request.resources.options = {"--licenses=x"};
  request.site.modules = {"cuda/12"};
  request.site.commands = {"ulimit -c 0"};
  request.working_folder = "/scratch/kim";
  request.variables = {{"DATA", "/data with 'quotes'"}, {"A", ""}};
  request.batches = {sample_batch(1, token), sample_batch(2, token)};
  return request;
}

}  // namespace resolute::tests
