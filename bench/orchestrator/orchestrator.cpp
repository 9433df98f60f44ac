//! \file
//! Our side of `script/bench orchestrator`, in turns (turns.py): it says "ready", then for each line on its standard
//! input does one turn and prints what it took as JSON.
//!
//! bench_orchestrator jobs FOLDER WORKER COUNT SLOTS   a suite of COUNT jobs, WORKER's processes, SLOTS at once
//! bench_orchestrator spawn FOLDER WORKER COUNT SLOTS  the same processes by posix_spawn and wait alone
//! bench_orchestrator finish FOLDER SUITE              makes a store in which every job of the suite has its result and
//!                                                     a run's journal says so, and prints {"jobs"}
//! bench_orchestrator folders FOLDER COUNT             makes a store with the jobs' folders and says where; for a peer

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "bench/guarded_main.h"
#include "bench/turns.h"
#include "core/error.h"
#include "core/log.h"
#include "core/overloaded.h"
#include "experiments/store/store_layout.h"
#include "experiments/suite.h"
#include "orchestrator/journal/journal.h"
#include "orchestrator/run/run.h"
#include "results/records/record.h"

extern char** environ;  // NOLINT: POSIX name

namespace resolute::orchestrator {
namespace {

struct Task {
  std::filesystem::path folder;  //!< of the turns' stores
  std::string worker;
  int jobs = 0;
  int slots = 0;
};

// Trainings that differ in their number of steps.
experiments::Plan noop_plan(int jobs) {
  experiments::Plan plan;
  plan.suite = "noop";
  for (int i = 0; i < jobs; ++i) {
    experiments::TrainingSpecification training;
    training.method = experiments::BaselineOptions{};
    training.recipe.steps = 1000 + i;
    training.pack.name = "none";
    training.pack.source = settings::Source::kMarket1501;
    experiments::PlannedJob job;
    job.specification = training;
    job.id = experiments::job_id(job.specification);
    job.label = "no-op " + std::to_string(i);
    plan.jobs.push_back(std::move(job));
  }
  return plan;
}

double processor_seconds(int who) {
  rusage usage{};
  if (::getrusage(who, &usage) != 0) throw core::system_error("cannot ask for the processor's time", errno);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::filesystem::path make_folders(const std::filesystem::path& store, const experiments::Plan& plan) {
  const experiments::StoreLayout layout(store);
  for (const auto& job : plan.jobs) std::filesystem::create_directories(layout.job_folder(job.id));
  return store;
}

void require_results(const std::filesystem::path& store, const experiments::Plan& plan) {
  for (const auto& job : plan.jobs)
    if (!std::filesystem::exists(experiments::StoreLayout(store).result_file(job.id)))
      throw core::input_error("a job has no result", job.label);
}

void run_jobs(const Task& task, const std::filesystem::path& store, const experiments::Plan& plan) {
  RunOptions options;
  options.store = store;
  options.worker_command = {task.worker};
  options.slots = task.slots;
  options.quiet = true;
  const experiments::StoreLayout layout(store);
  core::FileSystem& files = core::real_file_system();
  options.checks = {results::record_check(files, layout), results::record_check(files, layout, true)};
  const RunOutcome outcome = run_local(plan, options);
  if (outcome.succeeded != task.jobs)
    throw core::input_error(fmt::format("{} of {} jobs succeeded", outcome.succeeded, task.jobs), outcome.why);
}

void spawn_jobs(const Task& task, const std::filesystem::path& store, const experiments::Plan& plan) {
  int live = 0;
  auto next = plan.jobs.begin();
  while (next != plan.jobs.end() || live > 0) {
    for (; next != plan.jobs.end() && live < task.slots; ++next, ++live) {
      std::vector<std::string> words{task.worker, "run", "--store", store.string(), "--job", next->id.hex};
      std::vector<char*> arguments;
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      pid_t process = 0;
      if (const int error = ::posix_spawn(&process, arguments.front(), nullptr, nullptr, arguments.data(), environ))
        throw core::system_error(fmt::format("cannot start '{}'", task.worker), error);
    }
    int word = 0;
    if (::wait(&word) < 0) throw core::system_error("cannot wait for a job", errno);
    if (word != 0) throw core::input_error("a job failed");
    --live;
  }
}

void take_turns(const std::string& mode, const Task& task) {
  const experiments::Plan plan = noop_plan(task.jobs);
  resolute::take_turns([&, turn = 0]() mutable {
    std::filesystem::path store = task.folder / fmt::format("{}-{}", mode, ++turn);
    if (mode != "jobs") make_folders(store, plan);
    const double self_before = processor_seconds(RUSAGE_SELF);
    const double children = processor_seconds(RUSAGE_CHILDREN);
    const double seconds = seconds_of([&] { (mode == "jobs" ? run_jobs : spawn_jobs)(task, store, plan); });
    const double own_spent = processor_seconds(RUSAGE_SELF) - self_before;
    const double children_spent = processor_seconds(RUSAGE_CHILDREN) - children;
    require_results(store, plan);
    std::cout << fmt::format("{{\"seconds\": {}, \"own_cpu_seconds\": {}, \"children_cpu_seconds\": {}}}", seconds,
                             own_spent, children_spent)
              << std::endl;
  });
}

// As large as those of resolute-worker.
std::string record_text_of(const experiments::PlannedJob& job) {
  const std::string hash(64, 'a'), numeric_class = "x86-64-v4 libtorch 2.11.0 1 thread";
  std::map<std::string, double> metrics;
  for (const char* name : {"rank1", "rank5", "rank10", "rank20", "mAP", "mINP", "map_single", "map_full",
                           "chance_rank1", "chance_mAP", "hr_share"})
    metrics[name] = 0.123456789012345;
  return results::record_text(std::visit(
      core::Overloaded{
          [&](const experiments::ShardSpecification&) -> results::Record {
            return results::ShardRecord{job.id, hash, 1, hash};
          },
          [&](const experiments::SealSpecification&) -> results::Record {
            return results::SealRecord{job.id, hash, 1};
          },
          [&](const experiments::TrainingSpecification&) -> results::Record {
            return results::TrainingRecord{
                job.id, "weights", hash, {{"loss", 0.5}}, {hash, hash, numeric_class, 1, true}};
          },
          [&](const experiments::EvaluationSpecification& evaluation) -> results::Record {
            return results::EvaluationRecord{
                job.id, hash, hash, metrics, {hash, hash, numeric_class, evaluation.training}, {{"queries.csv", hash}}};
          }},
      job.specification));
}

// The results and the journal of a run that has seen them.
void finish(const std::filesystem::path& store, const std::string& suite) {
  core::FileSystem& files = core::real_file_system();
  const experiments::StoreLayout layout(store);
  experiments::SuiteOptions options;
  options.store = store;
  const experiments::Plan plan = experiments::read_suite(files, suite, options);
  core::Bytes journal = encode_header({1, 0, "000102030405060708090a0b0c0d0e0f", Instant{}, 1});
  std::uint64_t sequence = 0;
  std::map<experiments::JobId, JobIndex> numbers;
  for (const auto& job : plan.jobs) {
    JobAdded added;
    added.job = {static_cast<int>(numbers.size())};
    added.id = job.id;
    added.kind = experiments::kind_name(job.specification);
    added.label = job.label;
    for (const auto& need : job.after) added.after.push_back(numbers.at(need));
    numbers[job.id] = added.job;
    append_record(journal, ++sequence, Instant{}, added);
    append_record(journal, ++sequence, Instant{}, JobSucceeded{added.job, 1});
    core::replace_unsynced(files, layout.result_file(job.id), record_text_of(job));
  }
  core::write_atomic(files, layout.suite_folder(plan.suite) / journal_name(1), journal);
  std::cout << fmt::format("{{\"jobs\": {}}}\n", plan.jobs.size());
}

void run(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if ((mode == "jobs" || mode == "spawn") && argc == 6) {
    take_turns(mode, {argv[2], argv[3], std::stoi(argv[4]), std::stoi(argv[5])});
  } else if (mode == "finish" && argc == 4) {
    finish(argv[2], argv[3]);
  } else if (mode == "folders" && argc == 4) {
    const experiments::Plan plan = noop_plan(std::stoi(argv[3]));
    make_folders(argv[2], plan);
    for (const auto& job : plan.jobs) std::cout << job.id.hex << "\n";
  } else {
    throw core::input_error(
        "usage: bench_orchestrator jobs|spawn FOLDER WORKER COUNT SLOTS, finish FOLDER SUITE, or folders FOLDER COUNT");
  }
}

}  // namespace
}  // namespace resolute::orchestrator

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_orchestrator", [&] { resolute::orchestrator::run(argc, argv); });
}
