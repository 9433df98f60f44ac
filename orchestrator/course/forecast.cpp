#include "orchestrator/course/forecast.h"

#include <algorithm>
#include <array>

namespace resolute::orchestrator {
namespace {

// Steps that an attempt has to do: its work, where a job's work is steps.
double steps_left(const Job& job, const AttemptAtWork& attempt) {
  return static_cast<double>(std::max<std::int64_t>(job.steps - attempt.first_step, 1));
}

}  // namespace

std::vector<ExpectedPath> Forecast::expect(const experiments::Plan& plan) {
  std::vector<ExpectedPath> paths = expected_paths(plan, durations_);
  for (const ExpectedPath& path : paths) workloads_.push_back(path.workload);
  return paths;
}

void Forecast::learn(JobIndex number, const Job& job, const AttemptAtWork& attempt, core::MonotonicTime now) {
  const Workload& workload = workload_of(number);
  const auto milliseconds = [&](core::MonotonicTime until) {
    return std::chrono::duration<double, std::milli>(until - attempt.launched).count();
  };
  MeasuredDuration measured{workload.class_name, workload.work, milliseconds(now)};
  if (job.steps > 0) measured.work = steps_left(job, attempt);
  if (attempt.first_checkpoint) measured.checkpoint_ms = milliseconds(*attempt.first_checkpoint);
  measured.peak_mib = static_cast<double>(attempt.peak_mib);
  if (measured.milliseconds > 0)
    measured.processors = static_cast<double>(attempt.cpu_ms) / (measured.milliseconds * job.slots);
  durations_.add(measured);
  learned_.push_back(std::move(measured));
}

double Forecast::seconds_of(const Workload& workload) const {
  const Durations::Expected expected = durations_.expected(workload);
  return expected.learned ? expected.milliseconds / 1000 : -1;
}

double Forecast::seconds_left_of(JobIndex number, const Job& job, const AttemptAtWork& attempt,
                                 const LiveAttempt& live) const {
  const auto done = live.step - attempt.first_step;
  if (live.step >= 0 && live.steps >= live.step && done > 0)
    return live.seconds / static_cast<double>(done) * static_cast<double>(live.steps - live.step);
  Workload workload = workload_of(number);
  if (job.steps > 0) workload.work = steps_left(job, attempt);
  const double all = seconds_of(workload);
  return all < 0 ? -1 : std::max(0.0, all - live.seconds);
}

double Forecast::seconds_left(const State& state, const std::map<JobIndex, double>& at_work) const {
  std::array<double, 2> work{};  // by slots, by GPUs
  double longest = 0;
  std::vector<double> longest_after(jobs_.size(), 0);
  for (std::size_t i = jobs_.size(); i-- > 0;) {
    const JobIndex number = jobs_.numbers()[i];
    const Job& job = job_of(state, number);
    if (has_ended(job)) continue;
    const auto running = at_work.find(number);
    const double left = running != at_work.end() ? running->second : seconds_of(workloads_[i]);
    if (left < 0) return -1;
    work.at(job.gpus ? 1 : 0) += left * job.slots;
    const double path = left + longest_after[i];
    longest = std::max(longest, path);
    for (JobIndex need : job.after) {
      double& after = longest_after[jobs_.position_of(need)];
      after = std::max(after, path);
    }
  }
  for (const bool gpus : {false, true}) {
    const double left = work.at(gpus ? 1 : 0);
    const int places = capacity(state, gpus);
    if (left > 0 && places == 0) return -1;
    if (places > 0) longest = std::max(longest, left / places);
  }
  return longest;
}

}  // namespace resolute::orchestrator
