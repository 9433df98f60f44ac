#include "orchestrator/course/starting_attempts.h"

#include <algorithm>

namespace resolute::orchestrator {

std::size_t StartingAttempts::making_files() const {
  return static_cast<std::size_t>(std::count_if(starting_.begin(), starting_.end(), [](const auto& start) {
    return std::holds_alternative<MakesFiles>(start.second.phase);
  }));
}

void StartingAttempts::files_made(JobIndex job, bool gang) {
  auto& phase = starting_.at(job).phase;
  if (gang)
    phase = AwaitsListener{};
  else
    phase = Launchable{};
}

bool StartingAttempts::has_files(JobIndex job, int attempt) const {
  return starts(job) && !in<MakesFiles>(job) && starting_.at(job).attempt == attempt;
}

void StartingAttempts::listen(JobIndex job, const Prepared& listener) {
  if (!in<AwaitsListener>(job)) return;
  starting_.at(job).phase = Launchable{listener};
  queue(job);
}

std::optional<Prepared> StartingAttempts::launch(JobIndex job) {
  return std::get<Launchable>(starting_.extract(job).mapped().phase).listener;
}

bool StartingAttempts::give_up(JobIndex job, int attempt) {
  const auto found = starting_.find(job);
  if (found == starting_.end() || found->second.attempt != attempt) return false;
  starting_.erase(found);
  return true;
}

}  // namespace resolute::orchestrator
