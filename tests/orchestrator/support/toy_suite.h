#pragma once
//! \file
//! A suite of jobs that a shell script runs: the worker contract without training anything.

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"

namespace resolute::tests {

//! `jobs` trainings; number i has recipe.steps == 1000 + i. Every third needs its predecessor; every fourth is a gang
//! of `gang`.
inline experiments::Plan toy_plan(int jobs, int gang) {
  experiments::Plan plan;
  plan.suite = "toy";
  experiments::TablePlan table{"numbers", "Numbers", {"mAP"}, {"easy"}, {}};
  for (int i = 0; i < jobs; ++i) {
    experiments::TrainingSpecification training;
    training.method = experiments::BaselineOptions{};
    training.recipe.steps = 1000 + i;
    training.lanes = gang;
    training.pack.name = "easy";
    training.pack.source = settings::Source::kMarket1501;
    experiments::PlannedJob job;
    job.specification = training;
    job.id = experiments::job_id(job.specification);
    job.label = "toy " + std::to_string(i);
    job.slots = i % 4 == 3 ? gang : 1;
    if (i % 3 == 2) job.after.push_back(plan.jobs.back().id);
    table.rows.push_back({"row-" + std::to_string(i), job.label, {{"easy", {job.id}, {}}}});
    plan.jobs.push_back(std::move(job));
  }
  plan.tables.push_back(std::move(table));
  return plan;
}

//! Writes the worker to `path`. It notes "JOB ATTEMPT RANK PID" in STORE/ran, does what the script STORE/behaviour says
//! (with $store, $folder, $job, $attempt, $rank, $ranks, $fd, $spec set), and as rank 0 publishes its result.
inline void write_toy_worker(const std::filesystem::path& path) {
  std::ofstream file(path);
  file << R"(#!/bin/sh
shift
arguments="$*"
while [ $# -gt 0 ]; do
  case "$1" in
    --store) store="$2" ;;
    --job) job="$2" ;;
    --attempt) attempt="$2" ;;
    --process-rank) rank="$2" ;;
    --process-ranks) ranks="$2" ;;
    --progress-fd) fd="$2" ;;
    --rendezvous) rendezvous="$2" ;;
    --recompute) shift; continue ;;
  esac
  shift 2
done
folder="$store/jobs/$(printf %.2s "$job")/$job"
spec="$folder/spec.json"
trap 'exit 75' TERM
echo "$job $attempt $rank $$ $rendezvous" >> "$store/ran"
if [ -f "$store/behaviour" ]; then . "$store/behaviour"; fi
if [ "$rank" = 0 ]; then
  printf '{"job":"%s"}\n' "$job" > "$folder/.result.$$"
  ln "$folder/.result.$$" "$folder/result.json" 2>/dev/null
  rm -f "$folder/.result.$$"
fi
exit 0
)";
  file.close();
  ::chmod(path.c_str(), 0755);
}

//! The results of a plan's jobs, one after the other; what must not depend on how a run went.
inline std::string all_results(const std::filesystem::path& store, const experiments::Plan& plan) {
  std::string text;
  for (const auto& job : plan.jobs)
    text += core::read_text_if_exists(core::real_file_system(), experiments::StoreLayout(store).result_file(job.id))
                .value_or("none\n");
  return text;
}

}  // namespace resolute::tests
