#include "operations/simulation/simulate.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/hash/sha256.h"
#include "operations/simulation/bounds.h"
#include "operations/simulation/step_curve.h"
#include "orchestrator/decisions/apply.h"
#include "tests/orchestrator/support/witness.h"
#include "tests/support/equal.h"

namespace resolute::tests::simulate_test {
namespace {

using namespace operations;
using namespace orchestrator;

constexpr Milliseconds kMinute{60'000}, kHour{3'600'000};

SimulatedMachine small_machine(int nodes = 16) { return {.nodes = nodes}; }

SimulationOptions options_of(std::uint64_t seed) {
  SimulationOptions options;
  options.seed = seed;
  options.full_check_every = 1000;
  options.on_event = [witness = std::make_shared<Witness>()](Instant, const State& state, const Event& event) {
    witness->check(state, event);
  };
  return options;
}

SimulatedJob job_of_hours(double hours, int ranks = 8) {
  SimulatedJob job;
  job.kind = "training";
  job.ranks = ranks;
  job.work = Milliseconds(std::llround(hours * 3.6e6));
  job.estimate = job.work;
  return job;
}

double sum(const SimulatedHours& hours) { return hours.useful + hours.lost + hours.overhead + hours.idle + hours.down; }

TEST(PublishedWorkload, is_the_one_that_the_figures_were_taken_with) {
  const SimulatedWorkload workload = published_workload(100'000, 1);
  ASSERT_EQ(workload.jobs.size(), 100'000U);
  double ranks = 0, work = 0, single = 0, needing = 0;
  std::string text;
  for (const SimulatedJob& job : workload.jobs) {
    text += fmt::format("{} {} {} {}\n", job.ranks, job.work.count(), job.estimate.count(), fmt::join(job.after, " "));
    ranks += job.ranks;
    work += job.ranks * static_cast<double>(job.work.count()) / 3.6e6;
    single += job.ranks == 1;
    needing += !job.after.empty();
  }
  EXPECT_NEAR(ranks / 1e5, 0.95 * 5.48 + 0.05 * 32.5, 0.1);
  EXPECT_NEAR(single / 1e5, 0.95 * 0.5 + 0.05 / 64, 0.005);
  EXPECT_NEAR(needing / 1e5, 0.1, 0.005);
  // The mean of a lognormal with median 1 h and spread 1 is e^0.5 h.
  EXPECT_NEAR(work / ranks, std::exp(0.5), 0.05);
  // Another hash is another workload: take the figures of bench/RESULTS.md and docs/inside/simulation.md again.
  EXPECT_EQ(core::sha256_hex(text), "7abeb429911c9e6b5880172fdbdabd13bd29aac9403d19b34f46d033d6c3f5e2");
}

TEST(PublishedWorkload, is_the_same_for_the_same_seed_and_starts_the_same_for_more_jobs) {
  const auto few = published_workload(50, 3), many = published_workload(60, 3), others = published_workload(50, 4);
  int equal = 0;
  for (std::size_t i = 0; i < few.jobs.size(); ++i) {
    EXPECT_EQ(few.jobs[i].work, many.jobs[i].work);
    EXPECT_EQ(few.jobs[i].after, many.jobs[i].after);
    equal += few.jobs[i].work == others.jobs[i].work;
  }
  EXPECT_LT(equal, 5);
}

TEST(SimulationBounds, without_failures_a_job_takes_its_work_its_checkpoints_and_a_start) {
  EXPECT_DOUBLE_EQ(expected_seconds(1000, 4, 0, 5, 30), 1000 + 3 * 5 + 30);
  EXPECT_DOUBLE_EQ(best_expected_seconds(1000, 0, 5, 30), 1030);
}

TEST(SimulationBounds, the_best_interval_is_near_the_one_of_young) {
  const double rate = 1.0 / 86'400, checkpoint = 5, work = 1e6;
  const double young = std::sqrt(2 * checkpoint / rate);
  const double best = best_expected_seconds(work, rate, checkpoint, 30);
  EXPECT_NEAR(expected_seconds(work, std::llround(work / young), rate, checkpoint, 30), best, best * 1e-4);
  for (double factor : {0.5, 2.0})
    EXPECT_GT(expected_seconds(work, std::llround(work / young / factor), rate, checkpoint, 30), best * 1.001);
}

TEST(Simulation, of_one_node_takes_as_long_as_the_model_of_daly_says) {
  // One job a node, failures far oftener than checkpoints are lost by chance alone: 400 h on nodes that fail every 2 h.
  SimulatedMachine machine = small_machine(64);
  machine.mean_time_to_failure = 2 * kHour;
  machine.repair = machine.detection = Milliseconds(1);
  SimulatedWorkload workload{"even", {}};
  for (int i = 0; i < 64; ++i) workload.jobs.push_back(job_of_hours(400));
  const SimulationReport report = simulate(workload, machine, options_of(1));
  ASSERT_EQ(report.succeeded, 64);
  const double expected = expected_seconds(400 * 3600, 2400, 1.0 / 7200, 5, 30) / 3600;
  const double spent = (report.hours.useful + report.hours.lost + report.hours.overhead) / (64 * 8);
  EXPECT_NEAR(spent / expected, 1, 0.01);
}

TEST(Simulation, without_failures_loses_nothing_and_hardly_exceeds_the_bound) {
  const SimulationReport report = simulate(published_workload(5000, 2), small_machine(63), options_of(2));
  EXPECT_EQ(report.succeeded, 5000);
  EXPECT_EQ(report.attempts, 5000);
  EXPECT_NEAR(report.hours.lost, 0, 1e-6);
  EXPECT_NEAR(report.hours.down, 0, 1e-6);
  EXPECT_GE(report.makespan_ratio, 1);
  EXPECT_LE(report.makespan_ratio, 1.05);
  EXPECT_GT(report.full_checks, 10);
}

// Each training of some hours has an evaluation of a minute.
SimulatedWorkload with_evaluations(SimulatedWorkload workload) {
  const int trainings = static_cast<int>(workload.jobs.size());
  for (int training = 0; training < trainings; ++training) {
    SimulatedJob evaluation = job_of_hours(0, 1);
    evaluation.work = evaluation.estimate = std::chrono::minutes(1);
    evaluation.kind = "evaluation";
    evaluation.after = {training};
    evaluation.checkpoints = false;
    workload.jobs.push_back(evaluation);
  }
  return workload;
}

TEST(Simulation, evaluations_that_go_before_trainings_cost_less_than_half_a_per_cent_of_the_makespan) {
  // Gangs are as wide as the smaller machine.
  for (const int nodes : {8, 32}) {
    double ratios = 0;
    constexpr int kSeeds = 8;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const SimulatedWorkload first = with_evaluations(published_workload(2000, seed));
      SimulatedWorkload last = first;  // by the longest path, at the end
      for (SimulatedJob& job : last.jobs) job.kind = "training";
      const auto makespan = [&](const SimulatedWorkload& workload) {
        const SimulationReport report = simulate(workload, small_machine(nodes), options_of(seed));
        EXPECT_EQ(report.succeeded, 4000);
        return report.makespan_hours;
      };
      ratios += makespan(first) / makespan(last);
    }
    EXPECT_LE(ratios / kSeeds, 1.005) << nodes;
  }
}

TEST(Simulation, hours_add_up_whatever_happens) {
  SimulatedMachine machine = small_machine();
  machine.mean_time_to_failure = 24 * kHour;
  machine.mean_time_to_preemption = 20 * kHour;
  machine.walltime = 30 * kHour;
  const SimulationReport report = simulate(published_workload(1000, 5), machine, options_of(5));
  EXPECT_EQ(report.succeeded, 1000);
  EXPECT_GT(report.node_failures, 10);
  EXPECT_GT(report.preemptions, 10);
  EXPECT_GT(report.allocations, 1);
  EXPECT_NEAR(sum(report.hours), report.hours.total, report.hours.total * 1e-9);
  EXPECT_NEAR(report.hours.useful, report.work_bound_hours * 16 * 8, 1e-3);
  for (double part : {report.hours.lost, report.hours.overhead, report.hours.idle, report.hours.down})
    EXPECT_GT(part, 0);
  double busy = 0;
  for (const UtilisationSpan& span : report.utilisation) {
    EXPECT_LE(span.busy, 1 + 1e-9);
    EXPECT_LE(span.up, 1 + 1e-9);
    busy += span.busy * report.span_hours * 16 * 8;
  }
  EXPECT_NEAR(busy, report.hours.useful + report.hours.lost + report.hours.overhead, report.hours.total * 0.01);
}

TEST(Simulation, a_node_that_is_taken_with_notice_loses_no_work) {
  SimulatedMachine machine = small_machine();
  machine.mean_time_to_preemption = 10 * kHour;
  SimulationReport report = simulate(published_workload(500, 6), machine, options_of(6));
  EXPECT_EQ(report.succeeded, 500);
  EXPECT_GT(report.preemptions, 10);
  EXPECT_NEAR(report.hours.lost, 0, 1e-6);
  machine.notice = Milliseconds(1000);  // less than a checkpoint takes
  report = simulate(published_workload(500, 6), machine, options_of(6));
  EXPECT_EQ(report.succeeded, 500);
  EXPECT_GT(report.hours.lost, 1);
}

TEST(Simulation, goes_on_in_the_next_allocation_with_all_that_was_kept) {
  SimulatedMachine machine = small_machine();
  machine.walltime = 5 * kHour;
  machine.queue_wait = 3 * kHour;
  const SimulationReport report = simulate(published_workload(500, 7), machine, options_of(7));
  EXPECT_EQ(report.succeeded, 500);
  EXPECT_GT(report.allocations, 5);
  EXPECT_NEAR(report.hours.lost, 0, 1e-6);
  EXPECT_LT(report.hours.total / (16 * 8), report.makespan_hours - 3 * static_cast<double>(report.allocations - 2));
}

TEST(Simulation, of_jobs_that_no_allocation_can_hold_ends_and_says_so) {
  SimulatedMachine machine = small_machine();
  machine.walltime = kHour;
  SimulatedWorkload workload{"long", {job_of_hours(2)}};
  workload.jobs[0].checkpoints = false;
  const SimulationReport report = simulate(workload, machine, options_of(1));
  EXPECT_EQ(report.unfinished, 1);
  EXPECT_EQ(report.succeeded, 0);
  EXPECT_LE(report.allocations, 2);
}

TEST(Simulation, fails_a_gang_that_is_larger_than_the_machine_and_runs_the_others) {
  SimulatedWorkload workload{"large", {job_of_hours(1, 17 * 8), job_of_hours(1), job_of_hours(1)}};
  workload.jobs[2].after = {0};
  const SimulationReport report = simulate(workload, small_machine(), options_of(1));
  EXPECT_EQ(report.succeeded, 1);
  EXPECT_EQ(report.failed, 2);
}

TEST(Simulation, of_nothing_that_can_begin_takes_no_time) {
  const SimulationReport report = simulate({"large", {job_of_hours(1, 17 * 8)}}, small_machine(), options_of(1));
  EXPECT_EQ(report.failed, 1);
  EXPECT_EQ(report.makespan_hours, 0);
  EXPECT_EQ(report.goodput, 0);
}

TEST(Simulation, equal_seeds_give_equal_events_and_others_do_not) {
  SimulatedMachine machine = small_machine();
  machine.mean_time_to_failure = 24 * kHour;
  const SimulatedWorkload workload = published_workload(300, 8);
  const auto events = [&](std::uint64_t seed) {
    std::vector<std::pair<Instant, Event>> all;
    SimulationOptions options = options_of(seed);
    options.on_event = [&](Instant at, const State&, const Event& event) { all.emplace_back(at, event); };
    simulate(workload, machine, options);
    return all;
  };
  const auto first = events(1);
  EXPECT_EQ(first, events(1));
  EXPECT_NE(first, events(2));
  // The recorded events are all that there is to know: it folds to a state that holds.
  State state;
  for (const auto& [at, event] : first) orchestrator::apply(state, event);
  check_invariants(state);
  EXPECT_EQ(count(state).succeeded, 300);
}

TEST(Simulation, goodput_is_close_to_the_best_that_checkpoints_allow) {
  SimulatedMachine machine = small_machine(125);
  machine.mean_time_to_failure = 24 * kHour;
  const SimulationReport report = simulate(published_workload(10'000, 1), machine, options_of(1));
  EXPECT_EQ(report.succeeded, 10'000);
  EXPECT_GE(report.goodput, 0.97 * report.optimum_goodput);
  EXPECT_LE(report.goodput, report.optimum_goodput);
}

TEST(Simulation, refuses_numbers_that_cannot_be) {
  const SimulatedWorkload workload{"one", {job_of_hours(1)}};
  SimulatedMachine machine = small_machine(0);
  EXPECT_THROW(simulate(workload, machine, {}), core::RuntimeError);
  machine = small_machine();
  machine.repair = -kMinute;
  EXPECT_THROW(simulate(workload, machine, {}), core::RuntimeError);
  machine = small_machine();
  machine.checkpoint_every = {};
  EXPECT_THROW(simulate(workload, machine, {}), core::RuntimeError);
  EXPECT_THROW(simulate({"none", {}}, small_machine(), {}), core::RuntimeError);
}

TEST(StepCurve, keeps_the_integral_and_the_means_however_long_it_gets) {
  StepCurve curve;
  curve.set(0, 2);
  curve.set(10, 5);
  curve.set(1000, 0);
  EXPECT_DOUBLE_EQ(curve.integral(), 2 * 10 + 5 * 990);
  EXPECT_LE(curve.spans().size(), 512U);
  EXPECT_NEAR(std::accumulate(curve.spans().begin(), curve.spans().end(), 0.0), curve.integral(), 1e-6);
  EXPECT_NEAR(curve.spans()[100] / curve.span(), 5, 1e-9);
  EXPECT_NEAR(curve.spans()[0] / curve.span(), 2, 1e-9);
}

}  // namespace
}  // namespace resolute::tests::simulate_test
