#include "cli/submission/submission_text.h"

#include <fmt/format.h>

#include <iostream>

#include "cli/command.h"

namespace resolute::cli {

using operations::BatchStanding;
using operations::RefusedBatch;
using operations::Standing;

namespace {

std::string time_text(std::chrono::seconds time) {
  if (time.count() <= 0) return "the partition's time limit";
  const auto minutes = std::chrono::ceil<std::chrono::minutes>(time).count();
  if (minutes < 24 * 60) return fmt::format("{}:{:02}:00", minutes / 60, minutes % 60);
  return fmt::format("{}-{:02}:{:02}:00", minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
}

std::string log_of(const BatchStanding& batch) { return log_file(batch, batch.job()->id).string(); }

std::string size_text(const Standing& standing, const slurm::Batch& batch) {
  const auto& resources = slurm::resources_of(standing.request, batch);
  return fmt::format("{} node{}, {}", resources.nodes, resources.nodes == 1 ? "" : "s", time_text(resources.time));
}

std::string queue_text(const BatchStanding& batch) {
  if (batch.queued.empty()) return "";
  const auto& job = batch.queued.front();
  std::string text = fmt::format(" {}", slurm::name_of(job.state));
  if (!job.node_list.empty()) text += " on " + job.node_list;
  if (operations::is_held(job)) text += " (held; `resolute suite resume` releases it)";
  return text;
}

// The batches that SLURM has.
core::Json standing_json(const Standing& standing, bool already, const std::optional<RefusedBatch>& refused) {
  core::Json jobs = core::Json::array();
  for (const auto& batch : standing.batches) {
    if (!batch.alive) continue;
    jobs.push_back({{"batch", batch.batch.number},
                    {"job", batch.job()->id},
                    {"name", batch.batch.job_name},
                    {"script", (batch.folder / fmt::format("script-{:03}.sh", batch.generation)).string()},
                    {"log", log_of(batch)}});
  }
  core::Json document{{"submission", standing.request.token}, {"jobs", jobs}, {"already", already}};
  if (refused) document["refused"] = {{"batch", refused->batch}, {"why", refused->why}};
  return document;
}

}  // namespace

void print_jobs(const Standing& standing, bool json, bool already, const std::optional<RefusedBatch>& refused,
                const std::function<std::string(const BatchStanding&)>& done, const std::string& status_command) {
  if (json && (!refused || is_alive(standing))) print_json(standing_json(standing, already, refused));
  for (const auto& batch : standing.batches)
    if (!json && batch.alive)
      std::cout << fmt::format("{}: job {} ({}){}, {}; `{}` tells how it fares; log: {}\n", done(batch),
                               batch.job()->id, batch.batch.job_name, queue_text(batch),
                               size_text(standing, batch.batch), status_command, log_of(batch));
  std::cout << std::flush;
}

int report_complete(const char* verb, const core::Json& submission, const experiments::Plan& plan, bool json) {
  if (json)
    print_json({{"submission", submission}, {"jobs", core::Json::array()}, {"already", true}, {"complete", true}});
  else
    std::cout << fmt::format("nothing to {}: all {} jobs of suite {} have their results\n", verb, plan.jobs.size(),
                             plan.suite);
  return 0;
}

}  // namespace resolute::cli
