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

JobInWaiting::JobInWaiting(const AllocationWorld& world, const TimeLeft& time, slurm::SubmissionFolder& folder,
                           const slurm::SubmissionRequest& request, const slurm::Batch& batch, int generation)
    : world_(world),
      time_(time),
      folder_(folder),
      request_(request),
      batch_(batch),
      next_(generation + 1),
      pause_(kFirstPause),
      next_try_(world.clock.now() + kFirstPause) {}

bool JobInWaiting::is_there() const {
  try {
    return std::holds_alternative<slurm::KnownJob>(folder_.generation(batch_, next_));
  } catch (const core::RuntimeError&) {
    return submitted_;
  }
}

void JobInWaiting::see_to_it() {
  if (request_.continuation != slurm::Continuation::kArmed || batch_.on_demand) return;
  if (submitted_ || world_.clock.now() < next_try_ || time_.too_late_to_run()) return;
  pause_ = std::min(2 * pause_, kLongestPause);
  next_try_ = world_.clock.now() + pause_;
  try {
    auto asked = time_.client(kShortPatience);
    const auto answer =
        slurm::ensure_submitted(world_.files, asked, world_.slurm, folder_, batch_, next_, {.armed = true});
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
    if (is_there()) time_.client(kLeastPatience).cancel(batch_.job_name, slurm::CancelScope::kWaiting);
  } catch (const core::RuntimeError& error) {
    core::log_warning("the job in waiting was not cancelled: {}", error.what());
  }
}

int JobInWaiting::next_generation(slurm::Client& client) const {
  const auto state = folder_.generation(batch_, next_);
  const auto* job = std::get_if<slurm::KnownJob>(&state);
  if (job == nullptr) return next_;
  const auto queued = client.find({batch_.job_name});
  const bool waits = std::any_of(queued.begin(), queued.end(), [&](const slurm::QueuedJob& one) {
    return one.id == job->id && slurm::phase_of(one.state) != slurm::Phase::kEnded;
  });
  return waits ? next_ : next_ + 1;
}

}  // namespace resolute::operations
