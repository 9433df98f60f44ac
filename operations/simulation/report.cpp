// The report of a simulation, as numbers, JSON and text.

#include <algorithm>

#include "operations/simulation/bounds.h"
#include "operations/simulation/simulation.h"

namespace resolute::operations {

SimulationReport Simulation::report() {
  report_.workload = workload_.name;
  report_.jobs = static_cast<int>(workload_.jobs.size());
  const orchestrator::Counts counts = count(state_);
  report_.succeeded = counts.succeeded;
  report_.failed = counts.failed + counts.cancelled;
  report_.unfinished = report_.jobs - report_.succeeded - report_.failed;
  SimulatedHours& all = report_.hours;
  for (std::size_t i = 0; i < lives_.size(); ++i) {
    if (lives_[i].done) continue;
    const double kept = weight_of(workload_.jobs[i], machine_) * hours(lives_[i].saved);
    all.useful -= kept;
    all.lost += kept;
  }
  report_.makespan_hours = hours(now_);
  report_.work_bound_hours = work_bound_hours(workload_, machine_);
  report_.chain_bound_hours = chain_bound_hours(workload_);
  report_.makespan_ratio = report_.makespan_hours / std::max(report_.work_bound_hours, report_.chain_bound_hours);
  const double pool = pool_of(machine_);
  all.total = pool * hours(allocated_);
  all.overhead = busy_curve_.integral() - all.useful - all.lost;
  all.idle = up_curve_.integral() - busy_curve_.integral();
  all.down = all.total - up_curve_.integral();
  if (all.total > 0) report_.goodput = all.useful / all.total;  // else no job could begin
  report_.optimum_goodput = optimum_goodput(workload_, machine_);
  report_.span_hours = busy_curve_.span();
  for (std::size_t i = 0; i < busy_curve_.spans().size(); ++i) {
    const double begin = static_cast<double>(i) * report_.span_hours;
    const double length = std::min(report_.span_hours, report_.makespan_hours - begin);
    if (length <= 0) break;
    report_.utilisation.push_back({up_curve_.spans()[i] / pool / length, busy_curve_.spans()[i] / pool / length});
  }
  return report_;
}

namespace {

// Behind the figure that was rounded first: 24 h, 30 min, 90 s.
std::string duration(orchestrator::Milliseconds time) {
  const double in_hours = hours(time);
  if (in_hours >= 1) return fmt::format("{:.4g} h", in_hours);
  if (in_hours * 60 >= 1) return fmt::format("{:.4g} min", in_hours * 60);
  return fmt::format("{:.4g} s", in_hours * 3600);
}

std::string machine_in_words(const SimulatedMachine& machine) {
  std::string text = fmt::format("{} nodes", machine.nodes);
  if (machine.gpus > 0) text += fmt::format(" of {} GPUs", machine.gpus);
  if (machine.slots > 0) text += fmt::format("{} {} slots", machine.gpus > 0 ? " and" : " of", machine.slots);
  if (machine.mean_time_to_failure.count() > 0)
    text += fmt::format("; each fails every {}, back after {}", duration(machine.mean_time_to_failure),
                        duration(machine.repair));
  if (machine.mean_time_to_preemption.count() > 0)
    text += fmt::format("; taken every {} for {} with a notice of {}", duration(machine.mean_time_to_preemption),
                        duration(machine.taken), duration(machine.notice));
  if (machine.walltime.count() > 0)
    text += fmt::format("; allocations of {}, the next one after {}", duration(machine.walltime),
                        duration(machine.queue_wait));
  return text;
}

}  // namespace

core::Json to_json(const SimulationReport& report, const SimulatedMachine& machine) {
  std::vector<double> up, busy;
  for (const UtilisationSpan& span : report.utilisation) {
    up.push_back(span.up);
    busy.push_back(span.busy);
  }
  return {{"workload", report.workload},
          {"machine",
           {{"nodes", machine.nodes},
            {"gpus_per_node", machine.gpus},
            {"slots_per_node", machine.slots},
            {"mtbf_hours", hours(machine.mean_time_to_failure)},
            {"repair_hours", hours(machine.repair)},
            {"preemption_hours", hours(machine.mean_time_to_preemption)},
            {"notice_hours", hours(machine.notice)},
            {"taken_hours", hours(machine.taken)},
            {"walltime_hours", hours(machine.walltime)},
            {"queue_wait_hours", hours(machine.queue_wait)},
            {"checkpoint_every_hours", hours(machine.checkpoint_every)},
            {"checkpoint_cost_hours", hours(machine.checkpoint_cost)},
            {"start_cost_hours", hours(machine.start_cost)},
            {"detection_hours", hours(machine.detection)}}},
          {"jobs",
           {{"total", report.jobs},
            {"succeeded", report.succeeded},
            {"failed", report.failed},
            {"unfinished", report.unfinished}}},
          {"end", report.end},
          {"makespan_hours", report.makespan_hours},
          {"bounds",
           {{"work_hours", report.work_bound_hours},
            {"chain_hours", report.chain_bound_hours},
            {"makespan_ratio", report.makespan_ratio}}},
          {"unit", machine.gpus > 0 ? "gpu" : "slot"},
          {"hours",
           {{"total", report.hours.total},
            {"useful", report.hours.useful},
            {"lost", report.hours.lost},
            {"overhead", report.hours.overhead},
            {"idle", report.hours.idle},
            {"down", report.hours.down}}},
          {"goodput", report.goodput},
          {"optimum_goodput", report.optimum_goodput},
          {"goodput_ratio", report.goodput / report.optimum_goodput},
          {"attempts", report.attempts},
          {"node_failures", report.node_failures},
          {"preemptions", report.preemptions},
          {"hosts_excluded", report.hosts_excluded},
          {"allocations", report.allocations},
          {"events", report.events},
          {"full_checks", report.full_checks},
          {"utilisation", {{"span_hours", report.span_hours}, {"up", up}, {"busy", busy}}}};
}

std::string describe(const SimulationReport& report, const SimulatedMachine& machine) {
  const SimulatedHours& all = report.hours;
  const auto share = [&](double part) { return all.total > 0 ? 100 * part / all.total : 0; };
  std::string text = fmt::format("workload   {}: {} jobs, {} succeeded, {} failed, {} unfinished\n", report.workload,
                                 report.jobs, report.succeeded, report.failed, report.unfinished);
  text += fmt::format("machine    {}\n", machine_in_words(machine));
  text += fmt::format("jobs       a checkpoint every {} takes {}, a start {}\n", duration(machine.checkpoint_every),
                      duration(machine.checkpoint_cost), duration(machine.start_cost));
  text += fmt::format(
      "makespan   {:.2f} h; work alone takes {:.2f} h, the longest chain {:.2f} h: {:.3f} times the larger\n",
      report.makespan_hours, report.work_bound_hours, report.chain_bound_hours, report.makespan_ratio);
  text +=
      fmt::format("{:<10} {:.1f}: {:.2f} % useful, {:.2f} % lost, {:.2f} % overhead, {:.2f} % idle, {:.2f} % down\n",
                  machine.gpus > 0 ? "GPU hours" : "slot hours", all.total, share(all.useful), share(all.lost),
                  share(all.overhead), share(all.idle), share(all.down));
  text += fmt::format("goodput    {:.4f}; the best checkpoint intervals allow {:.4f}: {:.4f} of that\n", report.goodput,
                      report.optimum_goodput, report.goodput / report.optimum_goodput);
  text += fmt::format("happened   {} attempts, {} node failures, {} preemptions, {} allocations, {} events\n",
                      report.attempts, report.node_failures, report.preemptions, report.allocations, report.events);
  if (report.hosts_excluded > 0)
    text += fmt::format("excluded   {} hosts, by what happened on them\n", report.hosts_excluded);
  if (report.unfinished > 0) text += fmt::format("unfinished {}\n", report.end);
  return text;
}

}  // namespace resolute::operations
