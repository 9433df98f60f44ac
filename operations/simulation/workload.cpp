// Workloads for the simulation: the published one, and a suite's own jobs.

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "core/random/random.h"
#include "operations/simulation/simulate.h"

namespace resolute::operations {
namespace {

// The published workload (docs/inside/simulation.md). Changing any of this changes published figures.
constexpr std::array<std::pair<int, double>, 7> kGangs{
    {{1, 0.50}, {2, 0.13}, {4, 0.12}, {8, 0.15}, {16, 0.05}, {32, 0.03}, {64, 0.02}}};
constexpr double kOtherGangs = 0.05;  // of the jobs: 1 to 64, each as likely
constexpr int kLargestGang = 64;
constexpr double kMedianSeconds = 3600;
constexpr double kDurationSpread = 1;  // of the duration's logarithm
constexpr double kNeeding = 0.1;       // of the jobs, one of the kNeedsAmong before it
constexpr int kNeedsAmong = 100;

int draw_gang(core::RandomStream& random) {
  if (random.uniform() < kOtherGangs) return 1 + static_cast<int>(random.below(kLargestGang));
  double left = random.uniform();
  for (const auto& [ranks, share] : kGangs) {
    if (left < share) return ranks;
    left -= share;
  }
  return kGangs.back().first;
}

orchestrator::Milliseconds milliseconds(double count) {
  return orchestrator::Milliseconds(std::max<std::int64_t>(1, std::llround(count)));
}

double noise(core::RandomStream& random) { return std::exp(kEstimateNoise * random.normal()); }

}  // namespace

SimulatedWorkload published_workload(int jobs, std::uint64_t seed) {
  if (jobs < 1) throw core::input_error("the published workload has no jobs", "it takes at least one");
  core::RandomStream random("published workload", {seed});
  SimulatedWorkload workload{"published", {}};
  for (int i = 0; i < jobs; ++i) {
    SimulatedJob job;
    job.kind = "training";
    job.label = fmt::format("published {}", i);
    job.ranks = draw_gang(random);
    job.work = milliseconds(1000 * kMedianSeconds * std::exp(kDurationSpread * random.normal()));
    job.estimate = milliseconds(static_cast<double>(job.work.count()) * noise(random));
    if (random.uniform() < kNeeding && i > 0)
      job.after.push_back(i - 1 - static_cast<int>(random.below(static_cast<std::uint64_t>(std::min(i, kNeedsAmong)))));
    workload.jobs.push_back(std::move(job));
  }
  return workload;
}

SimulatedWorkload suite_workload(const experiments::Plan& plan, const orchestrator::Durations& durations, int copies,
                                 std::uint64_t seed) {
  if (copies < 1) throw core::input_error("a suite is to be simulated no times", "it takes at least one copy");
  core::RandomStream random("suite workload", {seed});
  const std::vector<orchestrator::ExpectedPath> expected = orchestrator::expected_paths(plan, durations);
  std::map<experiments::JobId, int> places;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) places[plan.jobs[i].id] = static_cast<int>(i);
  SimulatedWorkload workload{plan.suite, {}};
  for (int copy = 0; copy < copies; ++copy) {
    const int first = static_cast<int>(workload.jobs.size());
    for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
      const experiments::PlannedJob& planned = plan.jobs[i];
      SimulatedJob job;
      job.kind = experiments::kind_name(planned.specification);
      job.label = copies == 1 ? planned.label : fmt::format("{}, copy {}", planned.label, copy + 1);
      for (const auto& need : planned.after) job.after.push_back(first + places.at(need));
      job.ranks = planned.slots;
      job.checkpoints = std::holds_alternative<experiments::TrainingSpecification>(planned.specification);
      job.gpus = job.checkpoints;
      job.estimate = milliseconds(static_cast<double>(expected[i].expected_ms));
      job.work = milliseconds(static_cast<double>(job.estimate.count()) * noise(random));
      workload.jobs.push_back(std::move(job));
    }
  }
  return workload;
}

}  // namespace resolute::operations
