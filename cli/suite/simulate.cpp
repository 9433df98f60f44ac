// `resolute suite simulate`: runs a suite, or the published workload, by a virtual clock on an imagined machine.

#include "operations/simulation/simulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <iostream>
#include <map>

#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "cli/terminal.h"
#include "core/files/file_system.h"
#include "core/log.h"
#include "orchestrator/journal/epoch.h"
#include "results/records/record.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteSimulateHelp{
    "resolute suite simulate SUITE.toml [--store STORE] [--nodes N] [--mtbf HOURS] [OPTION...]\n"
    "resolute suite simulate --workload published [--jobs N] [--nodes N] [OPTION...]",
    R"(Runs a suite by a virtual clock on an imagined machine, with every decision taken as in a run, and tells what
it would take: makespan, GPU hours, lost work. Durations are those that the store has learned. Nothing is started or
written.

Exit codes: 0 every job had its result, 3 some had not.)",
    "  resolute suite simulate suite.toml --store store --nodes 4 --gpus-per-node 8 --mtbf 500\n"
    "  resolute suite simulate --workload published --mtbf 24 --json\n"};

bool names(const Arguments& arguments, const std::string& option) {
  return std::ranges::any_of(
      arguments, [&](const std::string& argument) { return argument == option || argument.starts_with(option + "="); });
}

constexpr double kHour = 3'600'000, kMinute = 60'000, kSecond = 1000;

// The typed options. parse_options() writes most of them; read() has to follow.
class Typed {
 public:
  explicit Typed(bool published) {
    if (!published) {
      machine.nodes = 1;
      machine.gpus = 0;
    }
    auto add = list.add_options();
    add("workload", options::value(&workload), "`published`, in place of a suite");
    add("jobs", options::value(&jobs)->default_value(jobs), "of the published workload");
    add("replicate", options::value(&copies)->default_value(copies), "copies of the suite's jobs");
    add("missing", "only the suite's jobs whose result the store lacks");
    add("nodes", options::value(&machine.nodes)->default_value(machine.nodes), "of the machine");
    add("gpus-per-node", options::value(&machine.gpus)->default_value(machine.gpus),
        "a rank of a training takes one; 0: a slot");
    add("slots-per-node", options::value(&machine.slots)->default_value(machine.slots),
        "for process ranks that take no GPU");
    add_time("mtbf", machine.mean_time_to_failure, kHour, "mean hours until a node fails; 0: never");
    add_time("repair", machine.repair, kMinute, "minutes until it is back");
    add_time("preemption", machine.mean_time_to_preemption, kHour, "mean hours until a node is preempted; 0: never");
    add_time("notice", machine.notice, kSecond, "seconds that it is told before");
    add_time("taken", machine.taken, kMinute, "minutes until it is given back");
    add_time("walltime", machine.walltime, kHour, "hours of an allocation of all nodes; 0: no end");
    add_time("queue-wait", machine.queue_wait, kMinute, "minutes from one allocation to the next");
    add_time("checkpoint-every", machine.checkpoint_every, kMinute, "minutes of computing between checkpoints");
    add_time("checkpoint-cost", machine.checkpoint_cost, kSecond, "seconds that one stops a training for");
    add_time("start-cost", machine.start_cost, kSecond, "seconds from a placement to the first step");
    add_time("detection", machine.detection, kSecond, "seconds until a silent node counts as lost");
    add("seed", options::value<std::string>()->default_value("1"), "of everything that is drawn");
  }
  // \throws RuntimeError (kInput) for a time or a seed that is none, or a machine that no run can have
  void read(const options::variables_map& values) {
    constexpr double kMost = 1e15;  // milliseconds; 30,000 years
    for (const auto& [name, time] : times_) {
      const double typed = values[name].as<double>();
      if (!(typed >= 0 && typed * time.unit_ms <= kMost))
        throw core::input_error(fmt::format("--{} is {}", name, typed), "it is a time, 0 or more");
      *time.to = orchestrator::Milliseconds(std::llround(typed * time.unit_ms));
    }
    in_range("nodes", machine.nodes, 1, static_cast<int>(orchestrator::kMostAgents));
    in_range("slots-per-node", machine.slots, 0, orchestrator::kMostSlots);
    in_range("gpus-per-node", machine.gpus, 0, orchestrator::kMostSlots);
    simulation.seed = parse_seed(values, "seed");
  }

  options::options_description list;
  operations::SimulatedMachine machine;
  operations::SimulationOptions simulation;
  int jobs = 100'000, copies = 1;
  std::string workload;

 private:
  struct Time {
    orchestrator::Milliseconds* to;
    double unit_ms;
  };
  void add_time(const char* name, orchestrator::Milliseconds& to, double unit_ms, const char* text) {
    const double value = static_cast<double>(to.count()) / unit_ms;
    list.add_options()(name, options::value<double>()->default_value(value, fmt::format("{:.4g}", value)), text);
    times_[name] = {&to, unit_ms};
  }
  std::map<std::string, Time> times_;
};

experiments::Plan without_results(experiments::Plan plan, const experiments::StoreLayout& store) {
  auto& files = core::real_file_system();
  const auto done = [&, check = results::record_check(files, store)](const experiments::JobId& job) {
    return orchestrator::has_result(files, store, job, check);
  };
  std::erase_if(plan.jobs, [&](const auto& job) { return done(job.id); });
  for (auto& job : plan.jobs) std::erase_if(job.after, done);
  if (plan.jobs.empty()) throw core::input_error("nothing is left to simulate", "the store has every result");
  return plan;
}

int report(const operations::SimulationReport& result, const operations::SimulatedMachine& machine, bool json) {
  if (json)
    std::cout << operations::to_json(result, machine).dump(1) << std::endl;
  else
    std::cout << operations::describe(result, machine) << std::flush;
  flush_output("the result");
  return result.succeeded == result.jobs ? 0 : 3;
}

}  // namespace

int suite_simulate(const Arguments& arguments) {
  const bool published = names(arguments, "--workload");
  Typed typed(published);
  operations::SimulatedWorkload workload;
  bool json = false;
  if (published) {
    typed.list.add_options()("json", "one JSON document on stdout");
    const auto values = parse_options(arguments, kSuiteSimulateHelp, typed.list, {});
    if (!values) return 0;
    if (typed.workload != "published")
      throw core::input_error(fmt::format("the workload '{}' is unknown", typed.workload), "", "'published' is known");
    typed.read(*values);
    json = values->count("json") > 0;
    workload = operations::published_workload(typed.jobs, typed.simulation.seed);
  } else {
    // The store only adds what it has learned.
    typed.list.add_options()("store", options::value<std::string>()->default_value("."),
                             "folder whose runs tell how long jobs take");
    const auto parsed = parse_suite_arguments(arguments, kSuiteSimulateHelp, typed.list);
    if (!parsed) return 0;
    typed.read(parsed->values);
    json = parsed->json;
    const auto durations = orchestrator::Durations::read(core::real_file_system(), parsed->store);
    auto plan = parsed->plan(false);
    if (parsed->values.count("missing") > 0) plan = without_results(std::move(plan), parsed->store);
    workload = operations::suite_workload(plan, durations, typed.copies, typed.simulation.seed);
  }
  const std::clock_t begin = std::clock();
  const auto result = operations::simulate(workload, typed.machine, typed.simulation);
  core::log_info("{} events in {:.1f} s of processor time", result.events,
                 static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  return report(result, typed.machine, json);
}

}  // namespace resolute::cli
