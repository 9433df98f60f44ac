#include "operations/start/job_in_waiting.h"

#include <algorithm>

#include "core/error.h"
#include "core/log.h"

namespace resolute::operations {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kFirstPause = 10s;
constexpr std::chrono::seconds kLongestPause = 10min;

}  // namespace

JobInWaiting::JobInWaiting(const ServedBatch& served, int generation)
    : served_(served), next_(generation + 1), pause_(kFirstPause), next_try_(served.world.clock.now() + kFirstPause) {}

bool JobInWaiting::is_there() const {
  try {
    return std::holds_alternative<slurm::KnownJob>(served_.folder.generation(served_.batch, next_));
  } catch (const core::RuntimeError&) {
    return submitted_;
  }
}

void JobInWaiting::see_to_it() {
  if (served_.request.continuation != slurm::Continuation::kArmed || served_.batch.on_demand) return;
  if (submitted_ || served_.world.clock.now() < next_try_ || served_.time.too_late_to_run()) return;
  pause_ = std::min(2 * pause_, kLongestPause);
  next_try_ = served_.world.clock.now() + pause_;
  try {
    auto asked = served_.time.client(kShortPatience);
    const auto answer = slurm::ensure_submitted(served_.world.files, asked, served_.world.slurm, served_.folder,
                                                served_.batch, next_, {.armed = true});
    if (const auto* refused = std::get_if<slurm::Refused>(&answer))
      return core::log_warning("SLURM takes no job in waiting: {}", refused->why);
    submitted_ = true;
    core::log_info("job {} waits, and goes on if this one cannot", std::get<slurm::KnownJob>(answer).id);
  } catch (const std::exception& error) {
    core::log_warning("no job is in waiting yet: {}", error.what());
  }
}

void JobInWaiting::dismiss() const {
  try {
    if (is_there()) served_.time.client(kLeastPatience).cancel(served_.batch.job_name, slurm::CancelScope::kWaiting);
  } catch (const core::RuntimeError& error) {
    core::log_warning("the job in waiting was not cancelled: {}", error.what());
  }
}

int JobInWaiting::next_generation(slurm::Client& client) const {
  const auto state = served_.folder.generation(served_.batch, next_);
  const auto* job = std::get_if<slurm::KnownJob>(&state);
  if (job == nullptr) return next_;
  const auto queued = client.find({served_.batch.job_name});
  const bool waits = std::ranges::any_of(queued, [&](const slurm::QueuedJob& one) {
    return one.id == job->id && slurm::phase_of(one.state) != slurm::Phase::kEnded;
  });
  return waits ? next_ : next_ + 1;
}

}  // namespace resolute::operations
