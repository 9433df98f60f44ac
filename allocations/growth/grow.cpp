#include "allocations/growth/grow.h"

#include <algorithm>

#include "allocations/liveness/run_signs.h"
#include "core/log.h"
#include "orchestrator/store/wall_clock.h"
#include "results/records/record.h"

namespace resolute::allocations {

namespace {

constexpr std::chrono::seconds kBetweenLooks{60};

bool is_being_cancelled(const orchestrator::SuiteStatus& status) {
  return std::any_of(status.runs.begin(), status.runs.end(),
                     [](const auto& run) { return run.live && run.is_cancelled; });
}

// What has failed or was given up is tried once more by the next run.
void pardon(const experiments::Plan& plan, std::vector<orchestrator::JobStanding>& standings) {
  for (std::size_t i = 0; i < standings.size(); ++i)
    if (would_be_tried_again(plan, standings, i)) standings[i] = orchestrator::JobStanding::kReady;
}

bool any_goes_on(const StoredSubmission& submission, const std::vector<slurm::QueuedJob>& queued) {
  return std::any_of(submission.batches.begin(), submission.batches.end(),
                     [&](const StoredBatch& batch) { return !jobs_that_go_on(batch, queued).empty(); });
}

// \return whether SLURM has taken it
bool submit(const GrowthOrder& order, const StoredBatch& batch, const std::string& why, Grown& grown) {
  const bool again = std::holds_alternative<slurm::Intended>(batch.last);
  const int generation = batch.generation + (again ? 0 : 1);
  slurm::SubmissionFolder folder = order.folder;
  const auto answer =
      slurm::ensure_submitted(order.files, order.client, order.effects, folder, batch.batch, generation, {.why = why});
  if (const auto* refused = std::get_if<slurm::Refused>(&answer)) {
    core::log_warning("SLURM refuses allocation {}: {}", batch.batch.first_allocation, refused->why);
    grown.refused = RefusedBatch{batch.batch.number, refused->why};
    return false;
  }
  core::log_info("allocation {} is asked for, job {}: {}", batch.batch.first_allocation,
                 std::get<slurm::KnownJob>(answer).id, why);
  ++grown.submitted;
  return true;
}

}  // namespace

orchestrator::SuiteStatus read_standings(core::FileSystem& files, const experiments::StoreLayout& store,
                                         const experiments::Plan& plan, std::set<std::string> over) {
  const auto check = results::record_check(files, store);
  auto status = orchestrator::read_status(files, store, plan, check, over);
  const std::size_t known = over.size();
  for (const auto& [name, sign] : read_signs(files, store, status, orchestrator::wall_clock()))
    if (is_silent(sign)) over.insert(name);
  return over.size() == known ? status : orchestrator::read_status(files, store, plan, check, over);
}

bool has_pools(const slurm::SubmissionRequest& request) {
  return std::any_of(request.batches.begin(), request.batches.end(),
                     [](const auto& batch) { return batch.on_demand || !batch.kinds.empty(); });
}

Grown grow(const GrowthOrder& order) {
  Grown grown;
  StoredSubmission submission = read_submission(order.folder);
  grown.ended = submission.ended;
  if (submission.ended || !has_pools(submission.request)) return grown;
  std::vector<std::string> names;
  for (StoredBatch& batch : submission.batches) {
    if (batch.generation < 0) continue;
    read_history(order.files, order.folder, batch);
    names.push_back(batch.batch.job_name);
  }
  const auto queued = order.client.find(names);
  grown.goes_on = any_goes_on(submission, queued);
  // Of what is about to end, and, where SLURM has nothing of the suite, of all that was submitted, no run is at work.
  std::set<std::string> over;
  for (const StoredBatch& batch : submission.batches)
    if (batch.batch.number == order.ending || (order.pardon == Pardon::kYes && !grown.goes_on))
      over.insert(experiments::run_name(order.plan.suite, batch.batch.first_allocation));
  auto status = read_standings(order.files, order.store, order.plan, over);
  grown.failures = !status.failures.empty();
  grown.cancelled = is_being_cancelled(status);
  if (grown.cancelled) return grown;
  if (order.pardon == Pardon::kYes) pardon(order.plan, status.standings);
  const auto expected =
      orchestrator::expected_paths(order.plan, orchestrator::Durations::read(order.files, order.store));
  const auto demands =
      demands_of(submission, queued, {order.plan, status.standings, expected}, {order.now, order.pardon});
  for (const PoolDemand& demand : demands) {
    const Growth growth = decide_growth(demand);
    for (const int number : growth.batches) {
      if (grown.refused || grown.submitted == order.most) return grown;
      const auto batch = std::find_if(submission.batches.begin(), submission.batches.end(),
                                      [&](const StoredBatch& one) { return one.batch.number == number; });
      grown.goes_on = submit(order, *batch, growth.why, grown) || grown.goes_on;
    }
  }
  return grown;
}

std::optional<RefusedBatch> submit_all_missing(core::FileSystem& files, slurm::Client& client,
                                               const slurm::Effects& effects, Standing& standing,
                                               const experiments::Plan& plan) {
  slurm::Client at_cluster = client.at(standing.request.cluster);
  if (auto refused = submit_missing(files, at_cluster, effects, standing)) return refused;
  const experiments::StoreLayout store(standing.request.store);
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const Grown grown = grow({files, at_cluster, effects, standing.folder, plan, store, now, Pardon::kYes, 0});
  for (BatchStanding& batch : standing.batches) {
    const int last = batch.batch.on_demand ? standing.folder.last_generation(batch.batch) : -1;
    if (last < batch.generation || (last == batch.generation && !std::holds_alternative<slurm::Intended>(batch.last)))
      continue;
    batch.generation = last;
    batch.last = standing.folder.generation(batch.batch, last);
    batch.alive = batch.alive || batch.job() != nullptr;
  }
  if (!grown.refused && !is_alive(standing))
    core::log_warning(
        "nothing was submitted: what the jobs that are left need is missing; `resolute suite status` tells why");
  return grown.refused;
}

bool take_turn(core::FileSystem& files, const slurm::SubmissionFolder& folder, slurm::Time now) {
  const auto file = folder.path() / "looked";
  const auto last = core::read_text_if_exists(files, file);
  const auto time = last ? slurm::parse_time(last->substr(0, last->find('\n'))) : std::nullopt;
  // Of the future: by a clock that is wrong.
  if (time && *time <= now && now - *time < kBetweenLooks) return false;
  core::write_atomic(files, file, slurm::time_text(now) + "\n");
  return true;
}

}  // namespace resolute::allocations
