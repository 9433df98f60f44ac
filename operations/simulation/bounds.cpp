#include "operations/simulation/bounds.h"

#include <algorithm>
#include <cmath>

namespace resolute::operations {
namespace {

double in_seconds(orchestrator::Milliseconds time) { return static_cast<double>(time.count()) / 1000; }

// Events a second of a process that is given by its mean time; 0: none.
double rate_of(orchestrator::Milliseconds mean) { return mean.count() > 0 ? 1 / in_seconds(mean) : 0; }

}  // namespace

int weight_of(const SimulatedJob& job, const SimulatedMachine& machine) {
  return machine.gpus == 0 || job.gpus ? job.ranks : 0;
}

int pool_of(const SimulatedMachine& machine) {
  return machine.nodes * (machine.gpus > 0 ? machine.gpus : machine.slots);
}

double work_bound_hours(const SimulatedWorkload& workload, const SimulatedMachine& machine) {
  double pool = 0, beside = 0;  // rank seconds
  for (const SimulatedJob& job : workload.jobs)
    (weight_of(job, machine) > 0 ? pool : beside) += job.ranks * in_seconds(job.work);
  const double slots = static_cast<double>(machine.nodes) * machine.slots;
  return std::max(pool / pool_of(machine), beside > 0 ? beside / slots : 0) / 3600;
}

double chain_bound_hours(const SimulatedWorkload& workload) {
  std::vector<double> ends;
  double longest = 0;
  for (const SimulatedJob& job : workload.jobs) {
    double begin = 0;
    for (int need : job.after) begin = std::max(begin, ends[static_cast<std::size_t>(need)]);
    ends.push_back(begin + in_seconds(job.work));
    longest = std::max(longest, ends.back());
  }
  return longest / 3600;
}

double expected_seconds(double work, std::int64_t segments, double rate, double checkpoint, double start) {
  const auto pieces = static_cast<double>(segments);
  const double piece = work / pieces;
  if (rate == 0) return start + work + (pieces - 1) * checkpoint;
  const double all = (pieces - 1) * std::expm1(rate * (piece + checkpoint)) + std::expm1(rate * piece);
  return (std::exp(rate * start) * all + std::expm1(rate * start)) / rate;
}

double best_expected_seconds(double work, double rate, double checkpoint, double start) {
  if (rate == 0) return start + work;
  // Free checkpoints, after every instant: a failure costs nothing but the begin after it.
  if (checkpoint == 0) return std::exp(rate * start) * work + std::expm1(rate * start) / rate;
  const auto seconds_in = [&](std::int64_t segments) {
    return expected_seconds(work, segments, rate, checkpoint, start);
  };
  auto segments = std::max<std::int64_t>(1, std::llround(work / std::sqrt(2 * checkpoint / rate)));
  double best = seconds_in(segments);
  // Convex in the number of pieces.
  for (const int step : {-1, 1})
    while (segments + step >= 1 && seconds_in(segments + step) < best) best = seconds_in(segments += step);
  return best;
}

double optimum_goodput(const SimulatedWorkload& workload, const SimulatedMachine& machine) {
  const double failures = rate_of(machine.mean_time_to_failure);
  const double preemptions = rate_of(machine.mean_time_to_preemption);
  const double checkpoint = in_seconds(machine.checkpoint_cost), start = in_seconds(machine.start_cost);
  double useful = 0, taken = 0;
  for (const SimulatedJob& job : workload.jobs) {
    const int weight = weight_of(job, machine);
    if (weight == 0) continue;
    const int per_node = machine.gpus > 0 ? machine.gpus : machine.slots;
    const int nodes = (weight + per_node - 1) / per_node;
    const double work = in_seconds(job.work), rate = nodes * failures;
    double spent = job.checkpoints ? best_expected_seconds(work, rate, checkpoint, start)
                                   : expected_seconds(work, 1, rate, checkpoint, start);
    // Told in time, it loses a checkpoint and a start.
    spent *= 1 + nodes * preemptions * (checkpoint + start);
    useful += weight * work;
    taken += weight * spent;
  }
  const double down = failures * in_seconds(machine.repair) + preemptions * in_seconds(machine.taken);
  return taken > 0 ? useful / taken / (1 + down) : 1;
}

}  // namespace resolute::operations
