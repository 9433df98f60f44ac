#include "operations/growth/grow.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "operations/liveness/run_signs.h"
#include "results/records/record.h"

namespace resolute::operations {

namespace {

constexpr std::chrono::seconds kBetweenLooks{60};

// The log names the last job of a kept batch.
void log_gone(const StoredBatch& batch) {
  const auto* gone = std::get_if<slurm::KnownJob>(&batch.last);
  if (gone == nullptr || batch.batch.on_demand) return;
  core::log_info("job {} of '{}' is gone and the suite not complete: going on with another one{}", gone->id,
                 batch.batch.job_name,
                 has_log(batch, gone->id) ? fmt::format(" (its log: {})", log_file(batch, gone->id).string()) : "");
}

void submit(const GrowthOrder& order, const NextGeneration& next, Grown& grown) {
  const slurm::Batch& batch = next.batch->batch;
  log_gone(*next.batch);
  slurm::SubmissionFolder folder = order.folder;
  try {
    const auto answer = slurm::ensure_submitted(order.files, order.client, order.effects, folder, batch,
                                                next.generation, {.why = next.why});
    if (const auto* refused = std::get_if<slurm::Refused>(&answer)) {
      grown.refused = RefusedBatch{batch.number, refused->why};
      if (batch.on_demand) core::log_warning("SLURM refuses allocation {}: {}", batch.first_allocation, refused->why);
      return;
    }
    const auto& job = std::get<slurm::KnownJob>(answer);
    if (batch.on_demand)
      core::log_info("allocation {} is asked for, job {}: {}", batch.first_allocation, job.id, next.why);
    grown.submitted.push_back({batch.number, next.generation, job});
    grown.goes_on = true;
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kTransient) throw;
    throw core::RuntimeError(core::ErrorKind::kTransient,
                             fmt::format("SLURM does not say whether it has job '{}'", batch.job_name), error.what(),
                             "`resolute suite resume` settles that, and submits nothing twice");
  }
}

std::vector<PoolDemand> read_demands(const GrowthOrder& order, const StoredSubmission& submission,
                                     const std::vector<slurm::QueuedJob>& queued, Grown& grown) {
  // The runs of the batch that ends are over; so are all of them where SLURM has no job of the submission.
  std::set<std::string> over;
  for (const StoredBatch& batch : submission.batches)
    if (batch.batch.number == order.ending || (order.pardon == Pardon::kYes && !grown.goes_on))
      over.insert(experiments::run_name(order.plan.suite, batch.batch.first_allocation));
  const experiments::StoreLayout store(submission.request.store);
  auto status = read_standings(order.files, store, order.plan, order.clock, over);
  grown.failures = !status.failures.empty();
  grown.cancelled = std::ranges::any_of(status.runs, [](const auto& run) { return run.live && run.is_cancelled; });
  if (grown.cancelled) return {};
  // The next run tries failed jobs and those that were given up once more.
  for (std::size_t i = 0; order.pardon == Pardon::kYes && i < status.standings.size(); ++i)
    if (would_be_tried_again(order.plan, status.standings, i)) status.standings[i] = JobStanding::kReady;
  const auto expected = orchestrator::expected_paths(order.plan, orchestrator::Durations::read(order.files, store));
  return demands_of(submission, queued, {order.plan, status.standings, expected}, order.clock(), order.pardon);
}

}  // namespace

SuiteStatus read_standings(core::FileSystem& files, const experiments::StoreLayout& store,
                           const experiments::Plan& plan, const Clock& clock, std::set<std::string> over) {
  const auto check = results::record_check(files, store);
  auto status = read_status(files, store, plan, check, over);
  const std::size_t known = over.size();
  for (const auto& [name, sign] : read_signs(files, store, status, clock()))
    if (is_silent(sign)) over.insert(name);
  return over.size() == known ? status : read_status(files, store, plan, check, over);
}

bool has_pools(const slurm::SubmissionRequest& request) {
  return std::ranges::any_of(request.batches,
                             [](const auto& batch) { return batch.on_demand || !batch.kinds.empty(); });
}

Grown grow(const GrowthOrder& order) {
  Grown grown;
  StoredSubmission submission = read_submission(order.folder);
  const bool pools = has_pools(submission.request);
  grown.ended = submission.ended;
  if (submission.ended || (order.pardon == Pardon::kNo && !pools)) return grown;
  std::vector<std::string> names;
  for (StoredBatch& batch : submission.batches) {
    if (batch.generation < 0) continue;
    read_history(order.files, order.folder, batch);
    names.push_back(batch.batch.job_name);
  }
  const auto queued = order.client.find(names);
  grown.goes_on = std::ranges::any_of(
      submission.batches, [&](const StoredBatch& batch) { return !jobs_that_go_on(batch, queued).empty(); });
  const auto demands = pools ? read_demands(order, submission, queued, grown) : std::vector<PoolDemand>();
  const auto all = next_generations(submission, queued, demands, order.pardon);
  for (const NextGeneration& next : all)
    if (!grown.refused && std::cmp_less(grown.submitted.size(), order.most)) submit(order, next, grown);
  return grown;
}

std::optional<RefusedBatch> submit_all_missing(core::FileSystem& files, slurm::Client& client,
                                               const slurm::Effects& effects, Standing& standing,
                                               const experiments::Plan& plan, const Clock& clock) {
  slurm::Client at_cluster = client.at(standing.request.cluster);
  const Grown grown = grow({files, at_cluster, effects, standing.folder, plan, clock, Pardon::kYes});
  for (const SubmittedBatch& submitted : grown.submitted)
    for (BatchStanding& batch : standing.batches) {
      if (batch.batch.number != submitted.batch) continue;
      batch.generation = submitted.generation;
      batch.last = submitted.job;
      batch.alive = true;
    }
  if (!grown.refused && !is_alive(standing))
    core::log_warning(
        "nothing was submitted: the jobs that are left lack what they need; `resolute suite status` tells why");
  return grown.refused;
}

bool take_turn(core::FileSystem& files, const slurm::SubmissionFolder& folder, slurm::Time now) {
  const auto file = folder.path() / "looked";
  const auto last = core::read_text_if_exists(files, file);
  const auto time = last ? slurm::parse_time(last->substr(0, last->find('\n'))) : std::nullopt;
  // A time in the future is by a clock that is wrong.
  if (time && *time <= now && now - *time < kBetweenLooks) return false;
  core::write_atomic(files, file, slurm::time_text(now) + "\n");
  return true;
}

}  // namespace resolute::operations
